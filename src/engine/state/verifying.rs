//! Reading a share's files again: because a person asked, or because a file is not what it was.

use std::{path::PathBuf, sync::Arc};

use super::{
    Held, State,
    held::{Stage, Verified, Verifying},
};
use crate::{
    engine::{
        command::Token,
        fault::DiskFault,
        snapshot::Done,
        task::{Job, Keep, Subject, Task},
        trouble::TroubleKind,
    },
    share::{Bitmap, ShareId},
    store::{ReadError, Verdict},
    swarm::Input,
};

impl State {
    /// Reads every byte of a share again; it is not given out meanwhile. `suspect`: the file that gave reason to.
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
        held.retry_at = None;
        let (work, subject) = match std::mem::replace(&mut held.stage, Stage::Opening) {
            Stage::Complete { content } | Stage::Aside { content, .. } => {
                (Subject::Complete(content.clone()), Verified::Complete(content))
            }
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

    pub(super) fn verified(&mut self, id: ShareId, verdict: Verdict, tasks: &mut Vec<Task>) {
        let Some(held) = self.held.get_mut(&id) else { return };
        let Some(share) = held.share.clone() else { return };
        let (tokens, subject, suspect) = match std::mem::replace(&mut held.stage, Stage::Opening) {
            Stage::Verifying(Verifying { tokens, subject, suspect, .. }) => (tokens, subject, suspect),
            other => return held.stage = other,
        };
        let Verdict { right, unread } = verdict;
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
                // What can't be read may be right.
                if let Some(error) = unread.filter(|_| wrong > 0) {
                    return self.set_aside(id, error, tokens, tasks);
                }
                if wrong == 0 {
                    held.trouble = None;
                    tasks.push(Task::Remember(Keep::Complete { share: id, sources }));
                    self.go_on(id, tasks);
                } else {
                    self.spoiled_on_disk(id, wrong, suspect, tasks);
                }
            }
            Verified::Partial(fetching) => {
                held.stage = Stage::Fetching(fetching);
                if let Some(error) = unread {
                    return self.unread_on_disk(id, &error, tokens, tasks);
                }
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

    /// A download can't be read at the moment. Its place on disk is opened anew when it can.
    fn unread_on_disk(&mut self, id: ShareId, error: &ReadError, tokens: Vec<Token>, tasks: &mut Vec<Task>) {
        let hint = "It is tried again by itself; if it stays, check the disk.".to_owned();
        self.disk_failed(id, &DiskFault { what: error.to_string(), hint, may_heal: true }, tasks);
        let Some(trouble) = self.held.get(&id).and_then(|held| held.trouble.clone()) else { return };
        for token in tokens {
            self.conclude(token, Err(trouble.clone()));
        }
    }

    fn spoiled_on_disk(&mut self, id: ShareId, wrong: u32, suspect: Option<PathBuf>, tasks: &mut Vec<Task>) {
        let Some(held) = self.held.get_mut(&id) else { return };
        if let Stage::Complete { content } = &held.stage {
            held.stage = Stage::Aside { content: content.clone(), spoiled: true, unread: None };
        }
        let (mine, title) = (held.mine, held.title.clone());
        tasks.push(Task::Withdraw { share: id });
        let what = match suspect {
            Some(path) => format!("{} was changed, so it is not given out any more", path.display()),
            None => format!("{wrong} of its pieces are not what they were, so it is not given out any more"),
        };
        let hint = if mine { "Share it again to give out what it is now." } else { "Get it again to have it whole." };
        let trouble = self.trouble(TroubleKind::WrongContent, &what, &title, hint);
        self.set_trouble(id, Some(trouble));
        self.catalogue_changed();
    }
}
