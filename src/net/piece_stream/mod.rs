//! The bulk path: pieces over an upgraded connection, on plain threads.
//!
//! `GET /v1/shares/{id}/stream` with `Connection: Upgrade` and `Upgrade: handout-pieces/1` is answered with `101`; after
//! that the connection speaks frames, all numbers big-endian:
//!
//! | who | frame |
//! |---|---|
//! | asks | piece: u32 |
//! | answers | status: u8, piece: u32, number: u32; after status 0 as many bytes as `number` says |
//!
//! | status | means | number |
//! |---|---|---|
//! | 0 | the piece follows | its length in bytes |
//! | 1 | busy, ask again later | after how many milliseconds |
//! | 2 | this peer does not have it | 0 |
//! | 3 | the share is not given any more | 0 |
//! | 4 | somebody else was just given it; ask for another piece | after how many milliseconds this one may be asked for again |
//!
//! Requests may be sent ahead of their answers, as many as the asking side likes (its own bound is
//! [`LaneLimits::in_flight`]; the answering side reads them as it gets to them); answers come in the order of the requests. A
//! side that meets anything else closes the connection. Who can't finish a piece that was begun closes it too: there are no
//! wrong bytes that look right.
//!
//! [`Lane`] asks and puts bytes into a [`PieceSink`]; [`serve`] answers with bytes of a [`PieceSource`]. Both run on the
//! thread that calls them, and hash, write and read on that thread. Invariants of a lane: each job that [`LaneHandle::fetch`]
//! took ends exactly once in [`PieceSink::end`], whatever happens; every wait ends.
//!
//! Deliberately not here: which piece is asked of whom, checking hashes, and files.

mod frames;
mod lane;
mod serve;

pub use frames::PROTOCOL;
pub use lane::{FetchError, Lane, LaneEnd, LaneError, LaneHandle, LaneLimits, PieceEnd, PieceSink};
pub use serve::{OpenPiece, PieceSource, Refusal, ServeEnd, ServeLimits, Serving, upgrade};

/// How much is read, encrypted and sent at a time: larger steps were measured to be slower, since sender and receiver then
/// take turns instead of working at once, and nothing stays in the processor's cache.
const STEP: usize = 64 * 1024;
