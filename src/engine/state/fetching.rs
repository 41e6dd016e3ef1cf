//! A transfer's life: opened on disk, filled, finished, given on; and what goes wrong on the way.

use std::{collections::BTreeSet, path::PathBuf, sync::Arc, time::Duration};

use super::{
    Held, State,
    controls::order_of,
    held::{Fetching, Source, Stage, Turn},
    selection::bytes_of,
};
use crate::{
    engine::{
        event::{Fact, Finished, Opened, Restored, RestoredState},
        fault::DiskFault,
        served::Content,
        snapshot::Done,
        task::{Job, Keep, Task},
    },
    share::{Bitmap, PeerId, PieceIndex, ShareId},
    store::{Look, ReadError},
    swarm::{Input, Limits, Swarm},
};

/// After a trouble that may heal (a full disk, a folder that went away), it is tried again this often.
const DISK_RETRY: Duration = Duration::from_secs(5);
/// The map of what is had is saved this often while pieces come.
const SAVE_EVERY: Duration = Duration::from_secs(3);

impl State {
    /// A fact about a transfer; facts of a life that ended change nothing.
    pub(super) fn transfer_fact(&mut self, id: ShareId, run: u64, fact: Fact, tasks: &mut Vec<Task>) {
        if self.held.get(&id).is_none_or(|held| held.run != run) {
            return self.opened_in_vain(id, run, fact, tasks);
        }
        self.changed.transfers = true;
        match fact {
            Fact::Found { result } => self.search_ended(id, result, tasks),
            Fact::OpeningProgress { done_bytes } => self.opening_progress(id, done_bytes),
            Fact::StagingOpened { result } => self.staging_opened(id, result, tasks),
            Fact::HaveLearned { peer, have } => {
                tasks.push(Task::Met { share: id, peer });
                self.swarm_input(id, Input::HaveLearned { peer, have }, tasks);
            }
            Fact::PieceGained { peer, piece } => self.swarm_input(id, Input::PieceGained { peer, piece }, tasks),
            Fact::Introduced { peer, neighbours } => self.introduced_to_sources(id, peer, neighbours, tasks),
            Fact::HaveEnded { peer, fault } => self.have_ended(id, peer, fault, tasks),
            Fact::LaneOpened { peer, lane, handle } => self.lane_opened(id, peer, lane, handle, tasks),
            Fact::Fetched { peer, lane, piece, end } => self.fetched(id, peer, lane, piece, end, tasks),
            Fact::LaneEnded { peer, lane, fault } => self.lane_ended(id, peer, lane, fault, tasks),
            Fact::HaveSaved { result } => self.have_saved(id, result, tasks),
            Fact::Finished { result } => self.finished(id, result, tasks),
            Fact::VerifyProgress { done_bytes } => self.verify_progress(id, done_bytes),
            Fact::Verified { verdict } => self.verified(id, verdict, tasks),
            Fact::Looked { look } => self.looked(id, look, tasks),
            Fact::Relocated { result } => self.relocated(id, result, tasks),
            Fact::Discarded => {}
        }
    }

    /// What was kept from the last time goes on.
    pub(super) fn restored(&mut self, shares: Vec<Restored>, names: Vec<(PeerId, String)>, tasks: &mut Vec<Task>) {
        for (peer, name) in names {
            self.names.insert(peer, name);
        }
        // Some may have come before it was known whose names are taken.
        for id in self.peers.keys().copied().collect::<Vec<_>>() {
            self.call_it(id);
            self.remember_name(id, tasks);
        }
        for kept in shares {
            let begun = self.next_serial();
            let id = kept.share.id();
            if self.held.contains_key(&id) {
                continue;
            }
            let look = match &kept.state {
                RestoredState::Complete { look, .. } => look.clone(),
                RestoredState::Unfinished => Look::Same,
            };
            let mut held = Held::restored(kept, begun);
            // Whoever closed the program wanted this to end.
            let ends = self.controls.stop_seeding_when_closed && !held.mine && held.is_complete();
            held.options.seeding_ended |= ends;
            if ends {
                tasks.push(Task::Remember(Keep::Options { share: id, options: held.options.clone() }));
            }
            self.held.insert(id, held);
            match look {
                Look::Changed(path) => self.source_trouble(id, ReadError::Changed { path }, tasks),
                Look::Unread(error) => self.source_trouble(id, error, tasks),
                Look::Same => self.go_on(id, tasks),
            }
        }
        self.rules_changed();
        self.catalogue_changed();
    }

    /// Begins what a transfer's stage needs: a search, a place on disk, or being served.
    pub(super) fn go_on(&mut self, id: ShareId, tasks: &mut Vec<Task>) {
        let Some(held) = self.held.get_mut(&id) else { return };
        if held.paused || held.barred.is_some() {
            return;
        }
        let ended = held.options.seeding_ended;
        match (&held.stage, held.share.clone()) {
            (Stage::Opening, Some(_)) if held.turn != Turn::Now => held.deferred = true,
            (Stage::Looking { .. }, _) => self.look(id, tasks),
            (Stage::Opening, _) => self.open_place(id, tasks),
            (Stage::Aside { .. }, _) => self.look_at_files(id, false, tasks),
            (Stage::Complete { content }, Some(share)) if !ended => tasks.push(Task::Serve {
                share: share.clone(),
                recipients: held.recipients.clone(),
                mine: held.mine,
                content: Content::Complete(content.clone()),
                have: held.part.as_deref().cloned().unwrap_or_else(|| Bitmap::full(share.pieces())),
            }),
            _ => {}
        }
    }

    fn staging_opened(&mut self, id: ShareId, result: Result<Opened, DiskFault>, tasks: &mut Vec<Task>) {
        let (staging, have, reused) = match result {
            Ok(Opened::Filling { staging, have, reused }) => (staging, have, reused),
            Ok(Opened::Complete(finished)) => return self.finished(id, Ok(finished), tasks),
            Err(fault) => return self.disk_failed(id, &fault, tasks),
        };
        let seed = self.origin.seed ^ self.next_serial();
        let Some(held) = self.held.get_mut(&id) else { return };
        let Some(share) = held.share.clone() else { return };
        (held.trouble, held.retry_at) = (None, None);
        held.reused.add(reused);
        held.into = staging.into_folder().to_owned();
        let wanted = held.wanted_pieces();
        let all = Bitmap::full(share.pieces());
        let bytes_done = bytes_of(&share, &have, wanted.as_ref().unwrap_or(&all));
        let mut swarm = Swarm::new(Limits::default(), share.pieces(), have.clone(), wanted.as_ref(), seed);
        swarm.handle(self.clock.now, Input::SetOrder { order: order_of(held.options.order) });
        if held.paused || held.turn != Turn::Now {
            swarm.handle(self.clock.now, Input::Paused);
        }
        let fetching =
            Fetching { swarm, staging: staging.clone(), bytes_done, unsaved: false, saving: false, save_at: None };
        held.stage = Stage::Fetching(Box::new(fetching));
        tasks.push(Task::Serve {
            share,
            recipients: held.recipients.clone(),
            mine: held.mine,
            content: Content::Partial(staging),
            have,
        });
        self.catalogue_changed();
        // A swarm that had everything from the beginning does not say so.
        if self.held.get_mut(&id).and_then(Held::fetching).is_some_and(|fetching| fetching.swarm.is_complete()) {
            return self.finish(id, tasks);
        }
        self.find_sources(id, tasks);
        self.swarm_input(id, Input::Tick, tasks);
    }

    /// Tells the swarm of everybody who may have some of it.
    pub(super) fn find_sources(&mut self, id: ShareId, tasks: &mut Vec<Task>) {
        let listing = self.peers.iter().filter(|(_, peer)| peer.offers.contains_key(&id)).map(|(peer, _)| *peer);
        let listed: BTreeSet<PeerId> = listing.collect();
        let Some(held) = self.held.get(&id) else { return };
        let given = held.sources.keys().filter(|peer| self.peers.contains_key(peer)).copied();
        for peer in listed.into_iter().chain(given.collect::<Vec<_>>()) {
            self.found_source(id, peer, tasks);
        }
    }

    pub(super) fn found_source(&mut self, id: ShareId, peer: PeerId, tasks: &mut Vec<Task>) {
        let Some(held) = self.held.get_mut(&id) else { return };
        match held.stage {
            Stage::Looking { .. } => self.look(id, tasks),
            Stage::Fetching(_) if !held.banned.contains(&peer) => {
                held.sources.entry(peer).or_default().again_at = None;
                let link = self.link_to(peer);
                self.swarm_input(id, Input::PeerFound { peer, link }, tasks);
            }
            _ => {}
        }
    }

    pub(super) fn lost_source(&mut self, id: ShareId, peer: PeerId, tasks: &mut Vec<Task>) {
        let Some(held) = self.held.get_mut(&id) else { return };
        let Some(source) = held.sources.remove(&peer) else { return };
        source.close();
        self.swarm_input(id, Input::PeerLost { peer }, tasks);
        // What waited for a connection that was never made has nobody else to end it.
        for piece in source.unsent() {
            self.swarm_input(id, Input::FetchFailed { peer, piece }, tasks);
        }
    }

    /// Every piece is here: put the files under their final names.
    pub(super) fn finish(&mut self, id: ShareId, tasks: &mut Vec<Task>) {
        let Some(held) = self.held.get_mut(&id) else { return };
        if held.fetching().is_some_and(|fetching| !fetching.swarm.have().is_full()) {
            return self.finish_selection(id, tasks);
        }
        let Some(fetching) = Fetching::of(&mut held.stage) else { return };
        held.stage = Stage::Finishing;
        held.forget_sources();
        let Some(share) = held.share.clone() else { return };
        let job = Job::Finish { share, staging: fetching.staging };
        tasks.push(Task::Transfer { share: id, run: held.run, job });
        self.changed.transfers = true;
    }

    fn finished(&mut self, id: ShareId, result: Result<Finished, DiskFault>, tasks: &mut Vec<Task>) {
        let finished = match result {
            Ok(finished) => finished,
            Err(fault) => return self.disk_failed(id, &fault, tasks),
        };
        let Some(held) = self.held.get_mut(&id) else { return };
        held.stage = Stage::Complete { content: finished.content };
        held.places = finished.places.clone();
        held.part = finished.part.map(Arc::new);
        (held.trouble, held.retry_at) = (None, None);
        tasks.push(Task::Remember(Keep::Complete { share: id, sources: finished.sources }));
        self.note_completion(id, tasks);
        let waiting = self.held.get_mut(&id).map(|held| std::mem::take(&mut held.waiting)).unwrap_or_default();
        for token in waiting {
            self.conclude(token, Ok(Done::Fetched { share: id, places: finished.places.clone() }));
        }
        self.catalogue_changed();
        self.go_on(id, tasks);
    }

    /// The disk said no. What may heal waits and tries again; the rest ends, with its reason.
    pub(super) fn disk_failed(&mut self, id: ShareId, fault: &DiskFault, tasks: &mut Vec<Task>) {
        let title = self.held.get(&id).map(|held| held.title.clone()).unwrap_or_default();
        let trouble = self.disk_trouble(fault, &title);
        let now = self.clock.now;
        let run = self.next_serial();
        let Some(held) = self.held.get_mut(&id) else { return };
        held.forget_sources();
        tasks.push(Task::Withdraw { share: id });
        held.run = run;
        if fault.may_heal {
            // The staging's folder handles may be of a drive that is gone, so it is opened anew.
            held.stage = Stage::Opening;
            held.retry_at = Some(now + DISK_RETRY);
        } else {
            held.stage = Stage::Failed;
            for token in std::mem::take(&mut held.waiting) {
                self.conclude(token, Err(trouble.clone()));
            }
        }
        self.set_trouble(id, Some(trouble));
        self.catalogue_changed();
    }

    /// What is due by time: retries, saving maps, swarms' deadlines.
    pub(super) fn transfers_due(&mut self, tasks: &mut Vec<Task>) {
        let now = self.clock.now;
        let due = |held: &&Held| held.next_wakeup().is_some_and(|(at, _)| at <= now);
        let ids: Vec<ShareId> = self.held.values().filter(due).map(|held| held.id).collect();
        for id in ids {
            self.transfer_due(id, tasks);
        }
    }

    fn transfer_due(&mut self, id: ShareId, tasks: &mut Vec<Task>) {
        let now = self.clock.now;
        let Some(held) = self.held.get_mut(&id) else { return };
        if held.retry_at.is_some_and(|at| at <= now) {
            held.retry_at = None;
            self.changed.transfers = true;
            self.go_on(id, tasks);
        }
        let Some(held) = self.held.get_mut(&id) else { return };
        let again = held.sources.iter_mut().filter(|(_, source)| source.again_at.is_some_and(|at| at <= now));
        let again: Vec<PeerId> = again.map(|(peer, source)| (source.again_at = None, *peer).1).collect();
        for peer in again {
            self.found_source(id, peer, tasks);
        }
        self.save_map_if_due(id, tasks);
        self.swarm_input(id, Input::Tick, tasks);
    }

    fn save_map_if_due(&mut self, id: ShareId, tasks: &mut Vec<Task>) {
        let now = self.clock.now;
        let Some(held) = self.held.get_mut(&id) else { return };
        let run = held.run;
        let Some(fetching) = held.fetching() else { return };
        if fetching.unsaved && !fetching.saving && fetching.save_at.is_none_or(|at| at <= now) {
            (fetching.unsaved, fetching.saving) = (false, true);
            let job = Job::SaveHave { staging: fetching.staging.clone() };
            tasks.push(Task::Transfer { share: id, run, job });
        }
    }

    pub(super) fn map_changed(&mut self, id: ShareId) {
        let at = self.clock.now + SAVE_EVERY;
        if let Some(fetching) = self.held.get_mut(&id).and_then(Held::fetching) {
            fetching.unsaved = true;
            // A map that is due stays due.
            fetching.save_at.get_or_insert(at);
        }
    }

    fn have_saved(&mut self, id: ShareId, result: Result<(), DiskFault>, tasks: &mut Vec<Task>) {
        let at = self.clock.now + SAVE_EVERY;
        if let Some(fetching) = self.held.get_mut(&id).and_then(Held::fetching) {
            (fetching.saving, fetching.save_at) = (false, Some(at));
        }
        if let Err(fault) = result {
            self.disk_failed(id, &fault, tasks);
        }
    }

    /// A transfer that was verified or paused takes its place among the others again.
    pub(super) fn resume_fetching(&mut self, id: ShareId, have: &Bitmap, tasks: &mut Vec<Task>) {
        let Some(held) = self.held.get_mut(&id) else { return };
        let (recipients, mine, share) = (held.recipients.clone(), held.mine, held.share.clone());
        let (Some(fetching), Some(share)) = (held.fetching(), share) else { return };
        let content = Content::Partial(fetching.staging.clone());
        tasks.push(Task::Serve { share, recipients, mine, content, have: have.clone() });
        if self.held.get(&id).is_some_and(|held| held.turn == Turn::Now) {
            self.swarm_input(id, Input::Resumed, tasks);
        }
        self.find_sources(id, tasks);
        self.map_changed(id);
    }

    pub(super) fn set_trouble(&mut self, id: ShareId, trouble: Option<Arc<crate::engine::trouble::Trouble>>) {
        if let Some(held) = self.held.get_mut(&id) {
            held.trouble = trouble;
        }
        self.changed.transfers = true;
        self.changed.shares = true;
    }

    /// The folder a new transfer goes into.
    pub(super) fn folder_for(&self, into: Option<PathBuf>) -> PathBuf {
        into.unwrap_or_else(|| self.origin.downloads.clone())
    }
}

impl Held {
    /// Closes all connections of this transfer; what was asked for comes back as failed.
    pub(super) fn close_sources(&mut self) {
        for source in self.sources.values() {
            source.close();
        }
    }

    /// Closes all connections where nobody waits for what was asked for any more.
    pub(super) fn forget_sources(&mut self) {
        self.close_sources();
        for source in self.sources.values_mut() {
            source.have = None;
            source.lanes.clear();
        }
    }
}

impl Source {
    /// Pieces that were not asked for yet, because their connection is still being made.
    fn unsent(&self) -> Vec<PieceIndex> {
        let making = self.lanes.iter().filter(|lane| lane.handle.is_none());
        making.flat_map(|lane| lane.in_flight.iter().copied()).collect()
    }

    pub(super) fn close(&self) {
        if let Some(have) = &self.have {
            have.cancel();
        }
        for lane in &self.lanes {
            lane.cancel.cancel();
        }
    }
}
