//! What is complete here and can't be given at the moment: a drive that is not plugged in, a file that can't be read, or
//! content that was found to be another.
//!
//! That something can't be read is no verdict on what it holds. Such a share waits, its files are looked at now and then,
//! and it is given again when they are back. Only a reading that came to all of it and found it wrong ends it, and a
//! person may have it read once more.

use std::time::Duration;

use super::{State, held::Stage};
use crate::{
    engine::{
        command::Token,
        task::{Job, Task},
        trouble::TroubleKind,
    },
    share::ShareId,
    store::{Look, ReadError},
};

/// Files that can't be reached are looked at this often.
const LOOK_EVERY: Duration = Duration::from_secs(2);

impl State {
    /// A file of a finished share could not be read to be given out, or is not what it was.
    pub(super) fn source_trouble(&mut self, id: ShareId, error: ReadError, tasks: &mut Vec<Task>) {
        if !self.held.get(&id).is_some_and(|held| matches!(held.stage, Stage::Complete { .. })) {
            return;
        }
        match error {
            ReadError::Changed { path } => self.begin_verify(id, vec![], Some(path), tasks),
            error => self.set_aside(id, error, vec![], tasks),
        }
    }

    /// Takes a finished share out of what is given, until its files can be read. `tokens`: wishes that end with that.
    pub(super) fn set_aside(&mut self, id: ShareId, error: ReadError, tokens: Vec<Token>, tasks: &mut Vec<Task>) {
        let now = self.clock.now;
        let Some(held) = self.held.get_mut(&id) else { return };
        let content = match std::mem::replace(&mut held.stage, Stage::Opening) {
            Stage::Complete { content } | Stage::Aside { content, .. } => content,
            other => return held.stage = other,
        };
        held.close_sources();
        held.retry_at = (!held.paused).then_some(now + LOOK_EVERY);
        let title = held.title.clone();
        let (what, hint) = (error.to_string(), error.hint());
        held.stage = Stage::Aside { content, spoiled: false, unread: Some(error) };
        tasks.push(Task::Withdraw { share: id });
        let same = self.held.get(&id).and_then(|held| held.trouble.clone()).filter(|shown| shown.what == what);
        let trouble = same.unwrap_or_else(|| self.trouble(TroubleKind::Source, &what, &title, hint));
        for token in tokens {
            self.conclude(token, Err(trouble.clone()));
        }
        self.set_trouble(id, Some(trouble));
        self.catalogue_changed();
    }

    /// Looks whether the files of what was set aside are back. `again`: what was found wrong is read once more.
    pub(super) fn look_at_files(&mut self, id: ShareId, again: bool, tasks: &mut Vec<Task>) {
        let Some(held) = self.held.get_mut(&id) else { return };
        let Stage::Aside { content, spoiled, unread } = &held.stage else { return };
        if *spoiled {
            if again {
                self.begin_verify(id, vec![], None, tasks);
            }
            return;
        }
        let suspect = match unread {
            Some(ReadError::Unread { path, .. }) => Some(path.clone()),
            _ => None,
        };
        held.retry_at = None;
        tasks.push(Task::Transfer { share: id, run: held.run, job: Job::Look { content: content.clone(), suspect } });
    }

    /// A look at the files ended.
    pub(super) fn looked(&mut self, id: ShareId, look: Look, tasks: &mut Vec<Task>) {
        let Some(held) = self.held.get_mut(&id) else { return };
        let Stage::Aside { content, spoiled: false, .. } = &held.stage else { return };
        let content = content.clone();
        match look {
            Look::Unread(error) => self.set_aside(id, error, vec![], tasks),
            Look::Changed(path) => self.begin_verify(id, vec![], Some(path), tasks),
            Look::Same => {
                held.stage = Stage::Complete { content };
                (held.trouble, held.retry_at) = (None, None);
                self.catalogue_changed();
                self.go_on(id, tasks);
            }
        }
    }
}
