//! The command line talks to the Handout that is already running for the same home.
//!
//! One program per home owns the engine: whoever holds the lock on `<home>/lock` ([`Instance`]). It answers on a local
//! socket beside it ([`listen`]); everybody else asks there ([`Connection::Running`]). Where nobody runs, the command line
//! starts an engine of its own and asks it in the same words ([`Connection::Here`]): both ways lead to the one
//! [`Service`], so an answer does not depend on who gives it.
//!
//! Invariants:
//! - A socket that is left over from a crash is removed by the holder of the lock and by nobody else.
//! - Only this account can open the socket: its folder is private, its mode is 0600, and the caller's user is checked.
//! - A line has a greatest length, a connection a time to say what it wants, and there are at most so many of them.
//!
//! Deliberately not here: what crosses the socket (`wire::control`) and how it is shown (`cli`).

mod change;
mod choices;
mod client;
mod failure;
mod get;
mod holder;
mod instance;
mod line;
mod list;
mod listen;
mod manage;
mod manage_rows;
mod managed;
mod named;
mod rows;
mod service;
mod share;
pub mod words;

pub use client::{Answers, AskError, Connection, FindError, Found, find};
pub use instance::{Claim, ClaimError, Endpoint, Instance, LOCK_NAME};
pub use listen::{Listener, listen};
pub use service::{Service, ShowWindow};
