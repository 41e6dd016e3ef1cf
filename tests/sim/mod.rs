//! A made-up room of computers, in virtual time. The rules are the real ones; sockets and disks are played.

mod nearby;
mod network;
mod swarm;
mod world;
