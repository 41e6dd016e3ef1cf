//! Everything that is tested across rooms, in one binary.

mod cli;
mod layers;
mod loopback;
mod net;
mod sim;
#[cfg(feature = "window")]
mod window;
