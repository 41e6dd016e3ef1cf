//! What a person may choose, and what holds.
//!
//! Two types: [`Written`] is what stands in `settings.toml`, each field optional; [`Resolved`] is what holds after
//! arguments, environment, file and defaults were laid over each other, each value with where it came from, so that the
//! window can say so. A value in the file that makes no sense falls back alone, with a [`Bad`] that names it; it never
//! keeps the program from starting. Deliberately not here: where the folders are (`platform`), and who uses the values
//! (`start` makes the engine's `Config` from them).

mod file;
mod resolve;
mod resolved;
mod save;
mod traffic;

pub use file::{Bad, Enrolment, FILE_NAME, MAX_FILE_BYTES, Theme, Written, read, read_enrolment, read_policy};
pub use resolve::{Defaults, Given, resolve};
pub use resolved::{Resolved, Setting, Source};
pub use save::{Change, SaveError, save};
pub use traffic::ACTIVE_DOWNLOADS;

#[cfg(test)]
mod tests;
