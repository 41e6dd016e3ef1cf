//! Where results and remarks go.

use std::io::{self, Write};

use console::Term;
use serde::Serialize;

use super::{Exit, errors::sentence};

/// How results are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    ForPeople,
    Json,
}

/// Standard output and standard error of one command.
pub struct Output {
    pub shown: Shown,
    quiet: bool,
    out: Term,
    err: Term,
}

impl Output {
    pub fn new(shown: Shown, quiet: bool) -> Output {
        Output { shown, quiet, out: Term::stdout(), err: Term::stderr() }
    }

    /// Part of the result.
    pub fn result(&self, text: &str) -> Result<(), Exit> {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        out.flush()?;
        Ok(())
    }

    /// A JSON document, on one line for machines that read a stream of them.
    pub fn json(&self, document: &impl Serialize) -> Result<(), Exit> {
        let line = serde_json::to_string(document).map_err(io::Error::from)?;
        self.result(&format!("{line}\n"))
    }

    /// Something that is good to know; never needed to go on, so that it can't be told is no failure.
    pub fn remark(&self, text: &str) {
        if !self.quiet {
            let _ = self.err.write_line(text);
        }
    }

    /// A question, with the place for its answer behind it; asked also when quiet.
    pub(super) fn question(&self, text: &str) {
        let _ = self.err.write_str(text);
        let _ = self.err.flush();
    }

    /// What is said when a command fails; also when quiet.
    pub fn failure(&self, exit: &Exit) {
        if let Exit::Failed(failure) = exit {
            let _ = self.err.write_line(&sentence(failure));
        }
    }

    /// Whether progress bars have a place and somebody who wants them.
    pub(super) fn shows_progress(&self) -> bool {
        self.err.is_term() && !self.quiet
    }

    /// Whether a table that changes can be drawn over the one before.
    pub(super) fn is_terminal(&self) -> bool {
        self.out.is_term()
    }

    /// How wide a table may be; a file or a pipe gets it whole.
    pub fn width(&self) -> Option<usize> {
        self.out.is_term().then(|| usize::from(self.out.size().1))
    }

    /// Makes room for the next picture of a table.
    pub(super) fn clear(&self) -> Result<(), Exit> {
        self.out.clear_screen().map_err(Exit::from)
    }
}
