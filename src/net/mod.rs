//! Sockets: who we are on the network, who listens, who calls, and who is around.
//!
//! Every connection is TLS 1.3 with both sides' Ed25519 keys; a [`PeerId`](crate::share::PeerId) is the hash of a key, and
//! nothing else (no name, no address, no certificate authority) says who somebody is. Requests are HTTP/1.1 ([`listen`],
//! [`call`]); the bytes of pieces leave HTTP by an upgrade and run on plain threads ([`piece_stream`]); mDNS tells who is
//! around ([`discovery`]).
//!
//! Who owns what: a [`listen::Listener`] its socket and the number of connections; a [`call::Connection`] its socket; a
//! lane of [`piece_stream`] its socket, its thread and the jobs it was given; [`discovery::Discovery`] the mDNS daemon's
//! thread. All of them end within a stated time.
//!
//! Deliberately not here: what is asked and answered (the engine's routes), files, and what is done about an error.

mod acquainted;
pub mod call;
pub mod discovery;
pub mod held;
pub mod identity;
pub mod interfaces;
pub mod listen;
pub mod object_http;
mod pace;
pub mod piece_stream;
mod pipe;
pub mod probe;
mod socket;
mod steady;
pub mod tls;

pub use acquainted::Acquainted;
pub use pace::LeastSpeed;
pub use pipe::{Closer, Pipe, PipeError};

/// The protocol's name in the TLS handshake (RFC 7301).
pub const ALPN: &[u8] = b"handout/1";
