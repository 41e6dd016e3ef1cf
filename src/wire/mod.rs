//! What crosses a border: the URL paths and JSON of peers, and what the command line says to a running app.
//!
//! The types of the heart are not serialised; the borders have their own here, and whoever stands at a border turns one
//! into the other. Binary forms (manifest, chaining values, bitmap) are in `share`, beside what they describe.

pub mod control;
pub mod enrolled;
pub mod manage;
pub mod managed;
pub mod paths;
pub mod peer;
pub mod server;
pub mod trace;
