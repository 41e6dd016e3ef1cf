//! Two and three real engines on 127.0.0.1, with TLS and folders that go away.

mod bad_peers;
mod control;
mod drives;
mod introductions;
mod lies;
mod main_job;
mod managed;
mod managing;
mod reusing;
pub mod room;
pub mod stranger;
