//! The command line as a script sees it: the real program, its output and its exit codes. [`stage`] plays the Handout that
//! is running already, with a made-up engine behind a real control socket.

mod hostile;
mod lasting;
mod lists;
mod main_job;
mod managing;
pub mod program;
mod second_start;
mod stage;
mod watching;
mod wishes;
mod without_engine;
