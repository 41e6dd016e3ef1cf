//! What servers have by the words in the search field: asked for when a person stops typing, and shown under what the room
//! has.

use std::sync::Arc;

use super::{memory::Sent, view::View};
use crate::engine::{command::Command, snapshot::FoundRow};

/// A person who types on has not asked yet.
const PAUSE_S: f64 = 0.35;
const LETTERS_MIN: usize = 2;

/// The last question to the servers, and its answer.
#[derive(Debug, Default)]
pub struct AtServers {
    /// As typed last, and since when.
    typed: String,
    since: f64,
    /// What was asked last.
    pub asked: String,
    pub waiting: bool,
    pub found: Arc<[FoundRow]>,
    /// Servers that did not say, and why.
    pub silent: Arc<[(String, String)]>,
}

impl AtServers {
    pub fn answered(&mut self, words: &str, found: Arc<[FoundRow]>, silent: Arc<[(String, String)]>) {
        if words == self.asked {
            (self.waiting, self.found, self.silent) = (false, found, silent);
        }
    }

    pub fn failed(&mut self) {
        self.waiting = false;
    }

    fn forget(&mut self) {
        (self.asked, self.waiting) = (String::new(), false);
        (self.found, self.silent) = (Arc::from([]), Arc::from([]));
    }
}

/// Asks the servers, if there are any, as soon as typing pauses.
pub fn ask(ui: &egui::Ui, view: &mut View<'_>) {
    let words = view.memory.search.trim().to_owned();
    let time = view.time;
    let memory = &mut view.memory.at_servers;
    if memory.typed != words {
        (memory.typed, memory.since) = (words.clone(), time);
    }
    if words.chars().count() < LETTERS_MIN || words.starts_with("handout://") || !has_servers(view) {
        if !view.memory.at_servers.asked.is_empty() {
            view.memory.at_servers.forget();
        }
        return;
    }
    let memory = &mut view.memory.at_servers;
    if memory.asked == words {
        return;
    }
    let left = memory.since + PAUSE_S - time;
    if left > 0.0 {
        return ui.ctx().request_repaint_after(std::time::Duration::from_secs_f64(left));
    }
    memory.forget();
    (memory.asked, memory.waiting) = (words.clone(), true);
    let token = view.memory.wish(Sent::Search);
    view.send(Command::SearchServers { token, words });
}

fn has_servers(view: &View<'_>) -> bool {
    let managed = view.now.managed.as_deref().is_some_and(|managed| managed.server.is_some());
    managed || view.now.peers.iter().any(|row| row.is_asked_server())
}
