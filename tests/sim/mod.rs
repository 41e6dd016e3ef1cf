//! A made-up room of computers, in virtual time. The rules are the real ones; sockets and disks are played.

mod chain;
mod checks;
mod nearby;
mod network;
mod node;
mod servers;
mod swarm;
mod traffic;
mod world;
