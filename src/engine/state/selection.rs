//! Which files of a share are wanted: what that means in pieces and bytes, and what changes when a person changes it.

use std::{collections::BTreeSet, sync::Arc};

use super::{
    Held, State,
    held::{Fetching, Stage, Turn},
};
use crate::{
    engine::{
        command::{Selection, Token},
        snapshot::Done,
        task::{Job, Keep, Opening, Task},
        trouble::TroubleKind,
    },
    share::{Bitmap, EntryKind, Share, ShareId},
    swarm::Input,
};

impl State {
    /// The files are known: what was chosen until now is written down, and whoever wanted to choose among the files first
    /// has it wait.
    pub(super) fn keep_choices(&mut self, id: ShareId, tasks: &mut Vec<Task>) {
        let Some(held) = self.held.get_mut(&id) else { return };
        tasks.push(Task::Remember(Keep::Options { share: id, options: held.options.clone() }));
        if held.options.choosing {
            held.paused = true;
            tasks.push(Task::Remember(Keep::Paused { share: id, paused: true, complete: false }));
        }
    }

    pub(super) fn select_files(&mut self, token: Token, id: ShareId, files: Selection, tasks: &mut Vec<Task>) {
        let Some(held) = self.held.get(&id) else {
            let hint = "Look at the list of transfers for what is here.";
            return self.fail(token, TroubleKind::Nobody, "There is no such transfer", &id.short(), hint);
        };
        let title = held.title.clone();
        let objection = match (&held.share, &held.stage) {
            (None, _) => Some(("Its files are not known yet", "Choose when somebody gave the list of its files.")),
            (_, Stage::Complete { .. }) if held.part.is_some() => None,
            (_, Stage::Complete { .. }) => {
                Some(("All its files are here already", "Delete what is not wanted where it is."))
            }
            (_, Stage::Aside { .. } | Stage::Verifying(_) | Stage::Moving(_) | Stage::Finishing | Stage::Failed) => {
                Some(("Its files can't be chosen now", "Try again in a moment."))
            }
            _ => None,
        };
        if let Some((what, hint)) = objection {
            return self.fail(token, TroubleKind::Local, what, &title, hint);
        }
        let wanted = match files {
            Selection::All => None,
            Selection::These(files) if files.is_empty() => {
                let hint = "Choose one file at least, or give the transfer up.";
                return self.fail(token, TroubleKind::Local, "No file was chosen", &title, hint);
            }
            Selection::These(files) if files.last().is_some_and(|last| *last >= held.files) => {
                let hint = "Look at the list of its files and choose from those.";
                return self.fail(token, TroubleKind::Local, "It has no file with that number", &title, hint);
            }
            Selection::These(files) if files.len() as u32 == held.files => None,
            Selection::These(files) => Some(Arc::new(files)),
        };
        self.choose(id, tasks, |options| {
            options.wanted = wanted;
            (options.seeding_ended, options.completed_s) = (false, None);
        });
        self.apply_selection(id, tasks);
        let Some(held) = self.held.get(&id) else { return };
        let done = Done::Selected { share: id, files: held.files_wanted(), bytes: held.wanted_bytes() };
        self.conclude(token, Ok(done));
    }

    fn apply_selection(&mut self, id: ShareId, tasks: &mut Vec<Task>) {
        let Some(held) = self.held.get_mut(&id) else { return };
        held.count_wanted();
        if held.part.is_some() {
            return self.extend(id, tasks);
        }
        let Some(share) = held.share.clone() else { return };
        let wanted = held.wanted_pieces().unwrap_or_else(|| Bitmap::full(share.pieces()));
        let Some(fetching) = held.fetching() else { return };
        let was_here = fetching.swarm.is_complete();
        fetching.bytes_done = bytes_of(&share, fetching.swarm.have(), &wanted);
        self.swarm_input(id, Input::SetWanted { wanted }, tasks);
        // A swarm says that it is complete when its last piece comes, not when less is wanted.
        if !was_here && self.held.get(&id).is_some_and(Held::is_here) {
            self.finish(id, tasks);
        }
        self.catalogue_changed();
    }

    /// All files that are wanted are here, and others are not: those get their final names, and are given on.
    pub(super) fn finish_selection(&mut self, id: ShareId, tasks: &mut Vec<Task>) {
        let Some(held) = self.held.get_mut(&id) else { return };
        let Some((share, wanted)) = held.share.clone().zip(held.options.wanted.clone()) else { return };
        let Some(fetching) = Fetching::of(&mut held.stage) else { return };
        held.stage = Stage::Finishing;
        held.forget_sources();
        let wanted = wanted_entries(&share, &wanted).map(|(entry, _)| entry).collect();
        let job = Job::FinishSelected { share, staging: fetching.staging, wanted };
        tasks.push(Task::Transfer { share: id, run: held.run, job });
        self.changed.transfers = true;
    }

    /// More is wanted of what ended with some of its files: it is opened again, with what is here.
    fn extend(&mut self, id: ShareId, tasks: &mut Vec<Task>) {
        let run = self.next_serial();
        let Some(held) = self.held.get_mut(&id) else { return };
        let lacks = held.part.as_ref().is_some_and(|part| {
            let all = held.share.as_ref().map(|share| Bitmap::full(share.pieces()));
            let (wanted, pieces) = (held.wanted_pieces().or(all), held.share.as_ref().map(|share| share.pieces()));
            wanted.zip(pieces).is_some_and(|(wanted, pieces)| wanted.iter(pieces).any(|piece| !part.contains(piece)))
        });
        if !lacks {
            return;
        }
        let Stage::Complete { content } = std::mem::replace(&mut held.stage, Stage::Opening) else { return };
        (held.run, held.extend, held.part) = (run, Some(content), None);
        held.opening = Opening::Again;
        held.turn = Turn::Queued { before: 0 };
        tasks.push(Task::Withdraw { share: id });
        tasks.push(Task::Remember(Keep::Reopened { share: id }));
        self.go_on(id, tasks);
    }
}

/// Bytes of the pieces that are had and wanted.
pub(super) fn bytes_of(share: &Share, have: &Bitmap, wanted: &Bitmap) -> u64 {
    let pieces = share.pieces();
    have.iter(pieces).filter(|piece| wanted.contains(*piece)).map(|piece| u64::from(pieces.len(piece))).sum()
}

impl Held {
    /// The pieces that wanted files lie in; `None`: all. Small files share a piece, so more may come than is wanted.
    pub fn wanted_pieces(&self) -> Option<Bitmap> {
        let (share, wanted) = (self.share.as_ref()?, self.options.wanted.as_ref()?);
        let (pieces, mut bitmap) = (share.pieces(), Bitmap::empty(share.pieces()));
        for (entry, _) in wanted_entries(share, wanted) {
            for piece in pieces.of_entry(entry).filter_map(|number| pieces.index(number)) {
                bitmap.insert(piece);
            }
        }
        Some(bitmap)
    }

    /// Counts the bytes of the wanted files; to be called when the files or the choice change.
    pub fn count_wanted(&mut self) {
        let chosen = self.share.as_ref().zip(self.options.wanted.as_ref());
        self.chosen_bytes = chosen.map(|(share, wanted)| wanted_entries(share, wanted).map(|(_, size)| size).sum());
    }

    pub fn files_wanted(&self) -> u32 {
        self.options.wanted.as_ref().map_or(self.files, |wanted| wanted.len() as u32)
    }

    /// Bytes of the files that are wanted.
    pub fn wanted_bytes(&self) -> u64 {
        self.chosen_bytes.unwrap_or(self.size)
    }
}

/// The wanted files, as indexes of manifest entries, with their sizes.
fn wanted_entries<'a>(share: &'a Share, wanted: &'a BTreeSet<u32>) -> impl Iterator<Item = (usize, u64)> + 'a {
    let files = share.manifest().entries.iter().enumerate().filter_map(|(entry, of)| match of.kind {
        EntryKind::File { size, .. } => Some((entry, size)),
        EntryKind::Folder => None,
    });
    (0..).zip(files).filter(|(number, _)| wanted.contains(number)).map(|(_, file)| file)
}
