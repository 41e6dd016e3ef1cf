//! Everything that is tested across rooms, in one binary.

mod layers;
mod sim;
