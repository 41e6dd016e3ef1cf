//! One line on standard error that moves, where there is a terminal to move it on.

use std::{cell::RefCell, time::Duration};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::{
    Output,
    figures::{count, cut, duration, percent, plain, size, speed},
};
use crate::wire::control::Transfer;

/// Titles longer than this leave no room for figures.
const MAX_TITLE: usize = 32;

/// A progress line; it vanishes when dropped. Where there is no terminal it tells troubles alone, each once.
pub(super) struct Progress<'a> {
    bar: ProgressBar,
    output: &'a Output,
    told: RefCell<String>,
}

impl Progress<'_> {
    pub(super) fn new(output: &Output) -> Progress<'_> {
        let target = if output.shows_progress() { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        // A thread of its own, which nobody needs who sees nothing.
        if output.shows_progress() {
            bar.enable_steady_tick(Duration::from_millis(200));
        }
        Progress { bar, output, told: RefCell::default() }
    }

    /// Files that are being read.
    pub(super) fn reading(&self, done_bytes: u64, size_bytes: u64, files: u32) {
        let files = count(files.into(), "file", "files");
        if size_bytes == 0 {
            return self.line(format!("Counting: {files}"));
        }
        self.bar_line(done_bytes, size_bytes, format!("Reading {files}, {}", size(size_bytes)));
    }

    /// A share that comes here.
    pub(super) fn transfer(&self, row: &Transfer) {
        let title = cut(&row.title, MAX_TITLE);
        match row.state.as_str() {
            "looking" => return self.line(format!("Looking for somebody who has {title}")),
            "paused" => return self.line(format!("{title} is paused at {}", percent(row.done_bytes, row.size))),
            _ => {}
        }
        if let Some(trouble) = &row.trouble {
            let text = format!("{}: {}. {}", title, plain(&trouble.what), plain(&trouble.hint));
            return self.trouble(&trouble.kind, text);
        }
        let from = match row.state.as_str() {
            "verifying" => "checking".to_owned(),
            "finishing" => "finishing".to_owned(),
            _ => format!("from {}", count(row.sources.into(), "computer", "computers")),
        };
        let left = row.eta.map(|eta| format!("{} left", duration(eta)));
        let parts = [Some(size(row.size)), Some(speed(row.rate)), left, Some(from)];
        let parts: Vec<_> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
        self.bar_line(row.done_bytes, row.size, format!("{title}  {}", parts.join(", ")));
    }

    /// A share of mine that others fetch.
    pub(super) fn giving(&self, row: &Transfer) {
        let has = count(row.seeds.into(), "other has it", "others have it");
        let fetches = if row.leeches > 0 { format!(", {} fetching", row.leeches) } else { String::new() };
        let speed = if row.rate_up > 0 { format!(", {}", speed(row.rate_up)) } else { String::new() };
        self.line(format!("{}: {has}{fetches}{speed} (Ctrl-C ends it)", cut(&row.title, MAX_TITLE)));
    }

    /// Something is going on and nobody knows how long.
    pub(super) fn waiting(&self, text: &str) {
        self.line(text.to_owned());
    }

    /// Scripts wait too, and whoever reads their log should know for what.
    fn trouble(&self, kind: &str, text: String) {
        if !self.output.shows_progress() && *self.told.borrow() != kind {
            self.output.remark(&text);
            self.told.replace(kind.to_owned());
        }
        self.line(text);
    }

    fn line(&self, text: String) {
        self.bar.set_message(text);
        self.style("{spinner} {wide_msg}");
    }

    /// The text comes first: a change of style draws at once.
    fn bar_line(&self, done: u64, size: u64, text: String) {
        self.bar.set_message(text);
        self.style("{bar:24} {percent:>3} % {wide_msg}");
        self.bar.set_length(size);
        self.bar.set_position(done.min(size));
    }

    fn style(&self, template: &str) {
        if let Ok(style) = ProgressStyle::with_template(template) {
            self.bar.set_style(style.progress_chars("━━ "));
        }
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
