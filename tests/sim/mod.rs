//! A made-up room of computers, in virtual time. The rules are the real ones; sockets and disks are played.

mod chain;
mod checks;
mod nearby;
mod network;
mod node;
pub mod rooms;
mod servers;
mod swarm;
mod traffic;
pub mod world;
