//! What people ask for.

use std::{net::SocketAddr, path::PathBuf};

use super::{
    Held, State,
    held::{Stage, Verified, Verifying},
    imports::Import,
};
use crate::{
    engine::{
        command::{Command, Recipients, Token},
        snapshot::Done,
        task::{Job, Keep, Opening, Task},
        trouble::TroubleKind,
    },
    settings::Change,
    share::ShareId,
    swarm::Input,
    traffic::Options,
};

/// More transfers than this are not begun.
const HELD_MAX: usize = 100_000;

/// How a share is wished for: see [`Command::Fetch`].
struct Call {
    into: Option<PathBuf>,
    hints: Vec<SocketAddr>,
    hold: bool,
}

impl State {
    pub(super) fn wish(&mut self, command: Command, tasks: &mut Vec<Task>) {
        self.changed.rest = true;
        match command {
            Command::Share { token, paths, title, audience, unreadable, class } => {
                let import = Import { unreadable, class, ..Import::of(paths, title, audience) };
                self.wish_share(token, import, tasks);
            }
            Command::CancelImport { token } => self.wish_cancel_import(token),
            Command::SetRecipients { share, audience } => self.wish_recipients(share, audience, tasks),
            Command::Unshare { share } => self.wish_unshare(share, tasks),
            Command::Fetch { token, share, into, hints, hold } => {
                self.wish_fetch(token, share, Call { into, hints, hold }, tasks);
            }
            Command::Pause { share } => self.wish_pause(share, tasks),
            Command::Resume { share } => self.wish_resume(share, tasks),
            Command::Cancel { share } => self.wish_cancel(share, tasks),
            Command::Verify { token, share } => self.wish_verify(token, share, tasks),
            Command::Dismiss { share } => self.wish_dismiss(share, tasks),
            Command::AddPeer { address } => self.wish_peer(address),
            Command::Rename { name } => self.wish_rename(&name, tasks),
            Command::SetDownloads { folder } => {
                self.origin.downloads = folder.clone();
                tasks.push(Task::SaveSetting(Change::Downloads(Some(folder))));
            }
            Command::Answer { question, answer } => self.answered(question, answer, tasks),
            Command::DismissTrouble { serial } => self.dismiss_trouble(serial),
            Command::Enrol { token, ticket } => self.wish_enrol(token, ticket, tasks),
            Command::LeaveServer { token } => self.wish_leave(token, tasks),
            Command::SearchServers { token, words } => self.wish_search(token, words, tasks),
            control => self.control(control, tasks),
        }
    }

    fn wish_rename(&mut self, name: &str, tasks: &mut Vec<Task>) {
        if let Some(name) = crate::wire::peer::presentable(name) {
            self.origin.name = name.clone();
            tasks.push(Task::SaveSetting(Change::Name(Some(name))));
        }
    }

    fn wish_recipients(&mut self, id: ShareId, recipients: Recipients, tasks: &mut Vec<Task>) {
        let Some(held) = self.held.get_mut(&id).filter(|held| held.mine || self.origin.server) else { return };
        let (title, before) = (held.title.clone(), std::mem::replace(&mut held.recipients, recipients.clone()));
        self.rules_changed();
        if let Err(refusal) = self.may_give(&recipients, None) {
            self.held.entry(id).and_modify(|held| held.recipients = before);
            let trouble = self.trouble(TroubleKind::Refused, &refusal.what, &title, &refusal.hint);
            return self.add_trouble(trouble);
        }
        tasks.push(Task::Remember(Keep::Recipients { share: id, recipients }));
        self.go_on(id, tasks);
        self.catalogue_changed();
    }

    /// Stops giving a share out. What is here of it stays; what is unfinished goes.
    fn wish_unshare(&mut self, id: ShareId, tasks: &mut Vec<Task>) {
        match self.held.get(&id) {
            Some(held) if held.is_here() || held.is_complete() || matches!(held.stage, Stage::Failed) => {
                self.forget(id, tasks);
            }
            Some(_) => self.wish_cancel(id, tasks),
            None => {}
        }
    }

    fn forget(&mut self, id: ShareId, tasks: &mut Vec<Task>) {
        let Some(mut held) = self.held.remove(&id) else { return };
        held.forget_sources();
        held.end_opening();
        if let Stage::Verifying(verifying) = &held.stage {
            verifying.watch.cancel.store(true, std::sync::atomic::Ordering::Relaxed);
        }
        tasks.push(Task::Withdraw { share: id });
        tasks.push(Task::Remember(Keep::Forget { share: id }));
        self.rules_changed();
        self.fail_waiting(&held.waiting, "It was cancelled", &held.title);
        self.catalogue_changed();
    }

    fn fail_waiting(&mut self, tokens: &[Token], what: &str, title: &str) {
        for token in tokens {
            self.fail(*token, TroubleKind::Refused, what, title, "Get it again if it is wanted after all.");
        }
    }

    fn wish_fetch(&mut self, token: Token, id: ShareId, call: Call, tasks: &mut Vec<Task>) {
        if self.held.len() >= HELD_MAX {
            let hint = "Take some of them off the list, then try again.";
            return self.fail(token, TroubleKind::Local, "There are too many transfers already", "", hint);
        }
        let manifest = self.held.get(&id).and_then(|held| held.share.clone());
        if let Err(refusal) = self.may_have(id, manifest.as_ref().map(|share| share.manifest())) {
            let title = self.held.get(&id).map_or_else(|| id.short(), |held| held.title.clone());
            return self.fail(token, TroubleKind::Refused, &refusal.what, &title, &refusal.hint);
        }
        let mine = self.held.get(&id).is_some_and(|held| held.mine);
        match self.held.get(&id).map(|held| &held.stage) {
            Some(Stage::Failed | Stage::Aside { spoiled: true, .. }) => self.begin_anew(token, id, call, tasks),
            // Who wants a download again whose files are gone has it fetched again.
            Some(Stage::Aside { .. }) if !mine => self.begin_anew(token, id, call, tasks),
            Some(Stage::Aside { .. }) => self.conclude_aside(token, id, tasks),
            Some(Stage::Complete { .. }) => self.conclude_complete(token, id),
            Some(_) => self.join_fetch(token, id, call, tasks),
            None => self.begin_fetch(token, id, call, tasks),
        }
    }

    fn conclude_complete(&mut self, token: Token, id: ShareId) {
        let Some(held) = self.held.get_mut(&id) else { return };
        held.dismissed = false;
        let places = held.places.clone();
        self.conclude(token, Ok(Done::Fetched { share: id, places }));
    }

    /// It is here, where it can't be read at the moment.
    fn conclude_aside(&mut self, token: Token, id: ShareId, tasks: &mut Vec<Task>) {
        let trouble = self.held.get(&id).and_then(|held| held.trouble.clone());
        match trouble {
            Some(trouble) => self.conclude(token, Err(trouble)),
            None => self.conclude_complete(token, id),
        }
        self.look_at_files(id, false, tasks);
    }

    fn begin_fetch(&mut self, token: Token, id: ShareId, call: Call, tasks: &mut Vec<Task>) {
        let begun = self.next_serial();
        let into = self.folder_for(call.into);
        let mut held = Held::wanted(id, self.shown_offer(id), into, begun);
        held.hints = call.hints;
        held.options.choosing = call.hold;
        held.opening = Opening::Wished;
        held.options.position = self.last_position();
        held.waiting = vec![token];
        self.held.insert(id, held);
        self.changed.shares = true;
        self.changed.transfers = true;
        self.look(id, tasks);
    }

    /// What failed is begun anew: what is right of it on disk is found again, and what was chosen for it still holds.
    fn begin_anew(&mut self, token: Token, id: ShareId, call: Call, tasks: &mut Vec<Task>) {
        let Some(was) = self.held.remove(&id) else { return };
        let into = call.into.or(Some(was.into));
        let hints = call.hints.into_iter().chain(was.hints).take(16).collect();
        self.begin_fetch(token, id, Call { into, hints, hold: call.hold }, tasks);
        let Some(held) = self.held.get_mut(&id) else { return };
        held.waiting.extend(was.waiting);
        held.options = Options { choosing: call.hold, seeding_ended: false, completed_s: None, ..was.options };
    }

    /// A second wish for the same share joins the first. Who wants to choose first makes nobody else wait.
    fn join_fetch(&mut self, token: Token, id: ShareId, call: Call, tasks: &mut Vec<Task>) {
        let Some(held) = self.held.get_mut(&id) else { return };
        held.waiting.push(token);
        for hint in call.hints {
            if !held.hints.contains(&hint) && held.hints.len() < 16 {
                held.hints.push(hint);
            }
        }
        if held.options.choosing && held.share.is_none() {
            held.options.choosing = call.hold;
        }
        if held.paused && !(call.hold && held.options.choosing) {
            return self.wish_resume(id, tasks);
        }
        self.look(id, tasks);
    }

    pub(super) fn wish_pause(&mut self, id: ShareId, tasks: &mut Vec<Task>) {
        let Some(held) = self.held.get_mut(&id) else { return };
        if held.paused
            || matches!(held.stage, Stage::Failed | Stage::Finishing | Stage::Verifying(_) | Stage::Moving(_))
        {
            return;
        }
        held.paused = true;
        let complete = held.is_complete();
        held.retry_at = None;
        if let Stage::Looking { asking: Some(asking), .. } = &held.stage {
            asking.cancel();
        }
        held.close_sources();
        tasks.push(Task::Withdraw { share: id });
        tasks.push(Task::Remember(Keep::Paused { share: id, paused: true, complete }));
        self.swarm_input(id, Input::Paused, tasks);
        self.catalogue_changed();
    }

    pub(super) fn wish_resume(&mut self, id: ShareId, tasks: &mut Vec<Task>) {
        let Some(held) = self.held.get_mut(&id) else { return };
        if held.is_here() && held.options.seeding_ended {
            self.seed_again(id, tasks);
        }
        if self.held.get(&id).is_some_and(|held| held.options.choosing && held.share.is_some()) {
            self.choose(id, tasks, |options| options.choosing = false);
        }
        let Some(held) = self.held.get_mut(&id) else { return };
        let was_paused = std::mem::take(&mut held.paused);
        let complete = held.is_complete();
        held.retry_at = None;
        if was_paused {
            tasks.push(Task::Remember(Keep::Paused { share: id, paused: false, complete }));
        }
        match &mut held.stage {
            Stage::Aside { spoiled, .. } if held.mine || !*spoiled => self.look_at_files(id, true, tasks),
            Stage::Failed if held.mine => {}
            Stage::Failed | Stage::Aside { .. } => {
                let token = self.next_serial() | 1 << 63;
                self.begin_anew(token, id, Call { into: None, hints: vec![], hold: false }, tasks);
            }
            Stage::Fetching(fetching) if was_paused => {
                let have = fetching.swarm.have().clone();
                self.resume_fetching(id, &have, tasks);
            }
            _ => self.go_on(id, tasks),
        }
        self.catalogue_changed();
    }

    fn wish_cancel(&mut self, id: ShareId, tasks: &mut Vec<Task>) {
        let Some(held) = self.held.get_mut(&id) else { return };
        let staging = match &held.stage {
            Stage::Finishing | Stage::Moving(_) => return,
            Stage::Complete { .. } | Stage::Aside { .. } => return,
            Stage::Fetching(_) if held.is_here() => return,
            Stage::Fetching(fetching) => Some(fetching.staging.clone()),
            Stage::Verifying(Verifying { subject: Verified::Partial(fetching), .. }) => Some(fetching.staging.clone()),
            Stage::Looking { asking, .. } => {
                asking.iter().for_each(tokio_util::sync::CancellationToken::cancel);
                None
            }
            _ => None,
        };
        if let Some(staging) = staging {
            let job = Job::Discard { staging };
            tasks.push(Task::Transfer { share: id, run: held.run, job });
        }
        self.forget(id, tasks);
    }

    /// Takes an ended transfer off the list; a finished one goes on being shared.
    fn wish_dismiss(&mut self, id: ShareId, tasks: &mut Vec<Task>) {
        let Some(held) = self.held.get_mut(&id) else { return };
        match held.stage {
            Stage::Complete { .. } | Stage::Aside { spoiled: false, .. } => held.dismissed = true,
            Stage::Failed | Stage::Aside { .. } => self.forget(id, tasks),
            _ => {}
        }
        self.changed.transfers = true;
    }

    fn wish_verify(&mut self, token: Token, id: ShareId, tasks: &mut Vec<Task>) {
        let Some(held) = self.held.get_mut(&id) else {
            let hint = "Look at the list of transfers for what is here.";
            return self.fail(token, TroubleKind::Nobody, "There is no such share here", &id.short(), hint);
        };
        if let Stage::Verifying(verifying) = &mut held.stage {
            return verifying.tokens.push(token);
        }
        if held.share.is_none() {
            let (what, hint) = ("Nothing of it is here yet", "Verify it when it is here.");
            let title = held.title.clone();
            return self.fail(token, TroubleKind::Nobody, what, &title, hint);
        }
        if !matches!(held.stage, Stage::Complete { .. } | Stage::Aside { .. } | Stage::Fetching(_)) {
            let (what, title) = ("It can't be verified now", held.title.clone());
            return self.fail(token, TroubleKind::Local, what, &title, "Try again in a moment.");
        }
        self.begin_verify(id, vec![token], None, tasks);
    }
}
