//! Opening a transfer's place on disk, where much may have to be read first: what came before an unclean stop, what stands
//! there already, and what other shares have of it.

use std::sync::{Arc, atomic::Ordering};

use super::{
    Held, State,
    held::{Stage, Verified},
};
use crate::{
    engine::{
        event::{Fact, Opened},
        task::{Job, Opening, Task},
    },
    share::ShareId,
    store::{Checking, Complete, Effort},
    traffic::Class,
};

impl State {
    /// Has a transfer's place on disk found or made, and filled with what is on this disk already.
    pub(super) fn open_place(&mut self, id: ShareId, tasks: &mut Vec<Task>) {
        let others: Vec<Arc<Complete>> = self.held.values().filter_map(Held::whole_content).collect();
        let Some(held) = self.held.get_mut(&id) else { return };
        let Some(share) = held.share.clone() else { return };
        let watch = Arc::new(held.checking());
        held.opening_watch = Some(watch.clone());
        held.checked_bytes = 0;
        held.deferred = false;
        let opening = std::mem::replace(&mut held.opening, Opening::Again);
        let (into, extend) = (held.into.clone(), held.extend.take());
        let job = Job::OpenStaging { share, into, opening, extend, others, watch };
        tasks.push(Task::Transfer { share: id, run: held.run, job });
    }

    pub(super) fn opening_progress(&mut self, id: ShareId, done_bytes: u64) {
        if let Some(held) = self.held.get_mut(&id) {
            held.checked_bytes = done_bytes.min(held.size);
        }
    }

    /// A place on disk was opened for a transfer that was cancelled meanwhile: what was made there goes.
    pub(super) fn opened_in_vain(&self, id: ShareId, run: u64, fact: Fact, tasks: &mut Vec<Task>) {
        if let Fact::StagingOpened { result: Ok(Opened::Filling { staging, .. }) } = fact
            && !self.held.contains_key(&id)
        {
            tasks.push(Task::Transfer { share: id, run, job: Job::Discard { staging } });
        }
    }
}

impl Held {
    /// Its files, where all of it is here and nothing speaks against it.
    fn whole_content(&self) -> Option<Arc<Complete>> {
        match &self.stage {
            _ if self.part.is_some() => None,
            Stage::Complete { content } => Some(content.clone()),
            Stage::Verifying(verifying) => match &verifying.subject {
                Verified::Complete(content) => Some(content.clone()),
                Verified::Partial(_) => None,
            },
            _ => None,
        }
    }

    /// For a reading of its files: as hard as the person chose it to work.
    pub(super) fn checking(&self) -> Checking {
        let effort = match self.options.class {
            Class::Foreground => Effort::Foreground,
            Class::Background => Effort::Background,
        };
        Checking { effort, ..Checking::default() }
    }

    /// Ends the reading of what is on the disk already, as far as that can be ended.
    pub(super) fn end_opening(&mut self) {
        if let Some(watch) = self.opening_watch.take() {
            watch.cancel.store(true, Ordering::Relaxed);
        }
    }
}
