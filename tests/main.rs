//! Everything that is tested across rooms, in one binary.

mod cli;
mod layers;
mod sim;
