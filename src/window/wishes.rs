//! What the window asks of the world. The face only says it; the shell does it, on threads that no frame waits for.

use std::path::PathBuf;

use crate::engine::command::Command;

/// Something a person asked for.
#[derive(Clone, Debug, PartialEq)]
pub enum Wish {
    /// For the engine.
    Command(Command),
    /// Open a file or folder with the program that the system has for it.
    Open(PathBuf),
    /// Show a file in its folder.
    Reveal(PathBuf),
    /// Put up the system's chooser.
    Choose(Choice),
    /// Look like this from now on.
    Theme(ThemeChoice),
    /// The card of the first start was read.
    Welcomed,
}

/// What the system's chooser is put up for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    Files,
    Folder,
    /// The folder where downloads go.
    Downloads,
    /// The folder into which one transfer is moved.
    Move,
}

/// What came of a choice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    pub choice: Choice,
    /// Empty: the person took none, or no chooser could be put up; the two can't be told apart.
    pub paths: Vec<PathBuf>,
}

/// Light or dark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ThemeChoice {
    /// As the system has it.
    #[default]
    System,
    Light,
    Dark,
}
