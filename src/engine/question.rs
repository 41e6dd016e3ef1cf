//! What only a person can answer. A question is state, not an event: a window that was closed when it came still finds it.

use std::path::PathBuf;

use super::command::Token;

/// Something the engine waits for a person to decide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    pub serial: u64,
    pub ask: Ask,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// These files of what was dropped can't be shared, each with the reason. Share the rest?
    LeaveOut { token: Token, title: String, files: Vec<(PathBuf, String)>, more: usize },
}

/// What a person may answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Yes,
    No,
}
