//! The command line: what can be typed, who is asked, and how the answer looks.
//!
//! It knows no engine of its own: [`run`] asks a [`control::Connection`](crate::control::Connection), be that the Handout
//! that is running already or the engine that `start` started for this one command. Standard output carries the result
//! alone (a link, paths, a table, or JSON), standard error everything else (progress, what happened, what went wrong), so
//! that a script can use the one and a person sees both. Every text that came from another computer is shown without
//! control characters: a title must not be able to move the cursor.

pub mod admin_args;
pub mod args;
mod choosing;
mod doctor;
mod errors;
mod figures;
mod get;
mod lists;
mod man;
mod manage;
mod manage_args;
mod managed;
mod paths;
mod policy;
mod print;
mod progress;
mod rates;
mod run;
mod selection;
mod share;
mod table;

pub use doctor::write_findings;
pub use errors::{Exit, exit_code};
pub use figures::size;
pub use man::write_man;
pub use paths::absolute;
pub use policy::{ServerRules, write_policy};
pub use print::{Output, Shown};
pub use run::{run, write_completions};
pub use table::{Column, lay_out};
