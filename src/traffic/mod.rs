//! How much may move, when, and whose turn it is: the rules of a download manager, without anything that moves.
//!
//! [`limits`] bytes a second, and which of several limits holds; [`valve`] what may pass now under them; [`queue`] whose turn it is; [`seeding`] until when something is given; [`schedule`] what the hour of the week says; [`wishes`]
//! what a person may choose for one transfer; [`reason`] why a transfer is no faster. Times are arguments, so a week can
//! be played in a test. Deliberately not here: bytes, threads and sockets (the engine's work), settings files, and the
//! sentences people read.

pub mod limits;
pub mod queue;
pub mod reason;
pub mod schedule;
pub mod seeding;
pub mod valve;
pub mod wishes;

pub use limits::{Limits, Rate};
pub use reason::Reason;
pub use schedule::{Days, LocalTime, Rule, Schedule, Then};
pub use valve::{Grant, Valve};
pub use wishes::{Class, Options, Order, Priority, SeedUntil};
