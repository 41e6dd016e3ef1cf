//! Everything that is tested across rooms, in one binary.

mod as_root;
mod central;
mod cli;
mod hosts;
mod layers;
mod loopback;
mod net;
mod postgres;
mod s3;
mod server;
mod sim;
mod store;
#[cfg(feature = "window")]
mod window;
