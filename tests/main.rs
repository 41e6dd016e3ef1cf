//! Everything that is tested across rooms, in one binary.

mod cli;
mod layers;
mod loopback;
mod net;
mod sim;
mod store;
#[cfg(feature = "window")]
mod window;
