//! A download's files are put into another folder, or under another name.

use std::{path::PathBuf, sync::Arc};

use super::{
    Held, State,
    held::{Fetching, Stage},
};
use crate::{
    engine::{
        command::Token,
        event::Finished,
        fault::DiskFault,
        snapshot::Done,
        task::{Job, Keep, Move, Opening, Task},
        trouble::TroubleKind,
    },
    share::ShareId,
    store::{Complete, usable_name},
};

/// Files are on their way to another place; nobody else touches them meanwhile.
pub struct Moving {
    token: Token,
    into: PathBuf,
    /// What goes on as it was if they can't be moved; `None` for what is unfinished.
    content: Option<Arc<Complete>>,
    pub done_bytes: u64,
}

impl State {
    pub(super) fn wish_relocate(
        &mut self,
        token: Token,
        id: ShareId,
        into: Option<PathBuf>,
        name: Option<String>,
        tasks: &mut Vec<Task>,
    ) {
        let usable = name.as_deref().map(usable_name);
        let Some(held) = self.held.get_mut(&id) else {
            let hint = "Look at the list of transfers for what is here.";
            return self.fail(token, TroubleKind::Nobody, "There is no such transfer", &id.short(), hint);
        };
        let title = held.title.clone();
        if let Some((what, hint)) = objection(held, into.as_ref(), usable.as_ref()) {
            return self.fail(token, TroubleKind::Local, what, &title, hint);
        }
        let into = into.unwrap_or_else(|| held.into.clone());
        if matches!(held.stage, Stage::Looking { .. }) {
            held.into = into.clone();
            return self.conclude(token, Ok(Done::Relocated { share: id, into }));
        }
        self.begin_move(token, id, into, usable.flatten(), tasks);
    }

    fn begin_move(&mut self, token: Token, id: ShareId, into: PathBuf, name: Option<String>, tasks: &mut Vec<Task>) {
        let run = self.next_serial();
        let Some(held) = self.held.get_mut(&id) else { return };
        let Some(share) = held.share.clone() else { return };
        let done_bytes = held.done_bytes();
        let staging = Fetching::of(&mut held.stage).map(|fetching| fetching.staging);
        let content = match &held.stage {
            Stage::Complete { content } => Some(content.clone()),
            _ => None,
        };
        held.forget_sources();
        (held.run, held.deferred) = (run, false);
        held.stage = Stage::Moving(Moving { token, into: into.clone(), content: content.clone(), done_bytes });
        tasks.push(Task::Withdraw { share: id });
        let job = Job::Relocate(Move { share, staging, content, into, name });
        tasks.push(Task::Transfer { share: id, run, job });
        self.catalogue_changed();
    }

    /// The files stand in their new place, or where they stood; `finished`: what is complete.
    pub(super) fn relocated(
        &mut self,
        id: ShareId,
        result: Result<Option<Finished>, DiskFault>,
        tasks: &mut Vec<Task>,
    ) {
        let Some(held) = self.held.get_mut(&id) else { return };
        let Stage::Moving(Moving { token, into, content, .. }) = std::mem::replace(&mut held.stage, Stage::Opening)
        else {
            return;
        };
        held.opening = Opening::Again;
        let moved = result.map(|finished| (held.into.clone_from(&into), finished).1);
        let sources = match &moved {
            Ok(Some(finished)) => {
                held.places.clone_from(&finished.places);
                held.part = finished.part.clone().map(Arc::new);
                held.stage = Stage::Complete { content: finished.content.clone() };
                Some(finished.sources.clone())
            }
            _ => {
                if let Some(content) = content {
                    held.stage = Stage::Complete { content };
                }
                None
            }
        };
        if let (Ok(_), Some(share)) = (&moved, held.share.clone()) {
            let complete = sources.is_some();
            let (recipients, paused) = (held.recipients.clone(), held.paused);
            tasks.push(Task::Remember(Keep::Share { share, mine: false, recipients, into: into.clone(), sources }));
            if paused {
                tasks.push(Task::Remember(Keep::Paused { share: id, paused, complete }));
            }
        }
        let title = held.title.clone();
        match moved {
            Ok(_) => self.conclude(token, Ok(Done::Relocated { share: id, into })),
            Err(fault) => {
                let trouble = self.disk_trouble(&fault, &title);
                self.conclude(token, Err(trouble));
            }
        }
        self.turns_due = true;
        self.catalogue_changed();
        self.go_on(id, tasks);
    }
}

/// Why it can't be moved or named so, and what can be done instead.
fn objection(
    held: &Held,
    into: Option<&PathBuf>,
    name: Option<&Option<String>>,
) -> Option<(&'static str, &'static str)> {
    if held.mine {
        return Some(("These are your own files", "Move them yourself, and share them again from where they are."));
    }
    if into.is_none() && name.is_none() {
        return Some(("No place was named", "Name a folder, or another name."));
    }
    if into.is_some_and(|into| !into.is_absolute()) {
        return Some(("The folder's path is not absolute", "Give the whole path of a folder."));
    }
    if name.is_some_and(Option::is_none) {
        return Some(("No file can have that name", "Use at most 240 bytes, and none of / and \\."));
    }
    let tops = held.share.as_ref().map(|share| share.manifest().tops().count());
    match (&held.stage, tops) {
        (Stage::Looking { .. }, _) if name.is_some() => {
            Some(("Its files are not known yet", "Name it when somebody who has it is here."))
        }
        (Stage::Looking { .. }, _) => None,
        (_, Some(2..)) if name.is_some() => {
            Some(("It has several files or folders at its top", "Rename them one by one when it is complete."))
        }
        (Stage::Fetching(_) | Stage::Complete { .. }, _) => None,
        // It was not opened yet, so nobody works on it.
        (Stage::Opening, _) if held.deferred || held.paused => None,
        _ => Some(("It can't be moved now", "Try again in a moment.")),
    }
}
