//! Reading a share's files again: because a person asked, or because a file is not what it was.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    Held, State,
    held::{Stage, Verified, Verifying},
};
use crate::{
    engine::{
        command::Token,
        snapshot::Done,
        task::{Job, Keep, Subject, Task},
        trouble::TroubleKind,
    },
    share::{Bitmap, ShareId},
    swarm::Input,
};

impl State {
    /// A file of a finished share is not what it was. It is not given out until every byte was read again: a file that was
    /// only touched or moved back is right.
    pub(super) fn source_changed(&mut self, id: ShareId, path: &Path, tasks: &mut Vec<Task>) {
        let Some(held) = self.held.get_mut(&id) else { return };
        if matches!(held.stage, Stage::Complete { .. }) {
            self.begin_verify(id, vec![], Some(path.to_owned()), tasks);
        }
    }

    /// Reads every byte of a share again. `suspect`: the file that gave reason to.
    pub(super) fn begin_verify(
        &mut self,
        id: ShareId,
        tokens: Vec<Token>,
        suspect: Option<PathBuf>,
        tasks: &mut Vec<Task>,
    ) {
        let now = self.clock.now;
        let Some(held) = self.held.get_mut(&id) else { return };
        let Some(share) = held.share.clone() else { return };
        held.close_sources();
        let (work, subject) = match std::mem::replace(&mut held.stage, Stage::Opening) {
            Stage::Complete { content } => (Subject::Complete(content.clone()), Verified::Complete(content)),
            Stage::Fetching(mut fetching) => {
                fetching.swarm.handle(now, Input::Paused);
                (Subject::Partial(fetching.staging.clone()), Verified::Partial(fetching))
            }
            other => return held.stage = other,
        };
        let watch = Arc::new(held.checking());
        held.stage = Stage::Verifying(Verifying { tokens, watch: watch.clone(), done_bytes: 0, subject, suspect });
        tasks.push(Task::Withdraw { share: id });
        tasks.push(Task::Transfer { share: id, run: held.run, job: Job::Verify { share, subject: work, watch } });
        self.catalogue_changed();
    }

    pub(super) fn verify_progress(&mut self, id: ShareId, done_bytes: u64) {
        if let Some(Stage::Verifying(verifying)) = self.held.get_mut(&id).map(|held| &mut held.stage) {
            verifying.done_bytes = done_bytes;
        }
    }

    pub(super) fn verified(&mut self, id: ShareId, right: Option<Bitmap>, tasks: &mut Vec<Task>) {
        let Some(held) = self.held.get_mut(&id) else { return };
        let Stage::Verifying(Verifying { tokens, subject, suspect, .. }) =
            std::mem::replace(&mut held.stage, Stage::Opening)
        else {
            return;
        };
        let Some(share) = held.share.clone() else { return };
        // A reading that broke off proved nothing right.
        let right = right.unwrap_or_else(|| Bitmap::empty(share.pieces()));
        let claimed = match &subject {
            Verified::Complete(_) => held.part.as_deref().cloned().unwrap_or_else(|| Bitmap::full(share.pieces())),
            Verified::Partial(fetching) => fetching.swarm.have().clone(),
        };
        let spoiled: Vec<_> = claimed.iter(share.pieces()).filter(|piece| !right.contains(*piece)).collect();
        let wrong = spoiled.len() as u32;
        match subject {
            Verified::Complete(content) => {
                // Files that were only touched have new stamps.
                let sources = Arc::new(content.sources());
                held.stage = Stage::Complete { content };
                if wrong == 0 {
                    tasks.push(Task::Remember(Keep::Complete { share: id, sources }));
                    self.go_on(id, tasks);
                } else {
                    self.spoiled_on_disk(id, wrong, suspect, tasks);
                }
            }
            Verified::Partial(fetching) => {
                held.stage = Stage::Fetching(fetching);
                for piece in spoiled {
                    let len = u64::from(share.pieces().len(piece));
                    if let Some(fetching) = self.held.get_mut(&id).and_then(Held::fetching) {
                        let wanted = fetching.swarm.wanted().contains(piece);
                        fetching.bytes_done = fetching.bytes_done.saturating_sub(if wanted { len } else { 0 });
                    }
                    self.swarm_input(id, Input::PieceSpoiled { piece }, tasks);
                }
                self.resume_fetching(id, &right, tasks);
            }
        }
        self.catalogue_changed();
        for token in tokens {
            self.conclude(token, Ok(Done::Verified { share: id, wrong, pieces: claimed.count() }));
        }
    }

    fn spoiled_on_disk(&mut self, id: ShareId, wrong: u32, suspect: Option<PathBuf>, tasks: &mut Vec<Task>) {
        let Some(held) = self.held.get_mut(&id) else { return };
        held.stage = Stage::Failed;
        let (mine, title) = (held.mine, held.title.clone());
        tasks.push(Task::Withdraw { share: id });
        let what = match suspect {
            Some(path) => format!("{} was changed, moved or deleted, so it is not given out any more", path.display()),
            None => format!("{wrong} of its pieces are not what they were, so it is not given out any more"),
        };
        let hint = if mine { "Share it again to give out what it is now." } else { "Get it again to have it whole." };
        let trouble = self.trouble(TroubleKind::WrongContent, &what, &title, hint);
        self.set_trouble(id, Some(trouble));
        self.catalogue_changed();
    }
}
