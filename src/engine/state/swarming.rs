//! What a transfer's swarm wants, turned into connections; and what came of them, told to the swarm.

use std::{collections::BTreeSet, time::Duration};

use tokio_util::sync::CancellationToken;

use super::{
    Held, State,
    held::{Lane, Source},
};
use crate::{
    engine::{
        event::FetchEnd,
        fault::{PeerFault, PeerFaultKind},
        task::{Job, Task},
    },
    net::piece_stream::LaneHandle,
    share::{PeerId, PieceIndex, ShareId},
    swarm::{Effect, Input},
    traffic::Class,
};

/// One connection keeps one core busy; a second one helps where a single peer gives so fast (bytes a second) that decrypting,
/// hashing and writing are what takes long. On slower lines it would only stand in its own way.
const LANES_MAX: usize = 2;
const FAST: u64 = 100 << 20;
/// Connections are made before they are needed, up to this many: later, when the lines are full, making one takes many times
/// as long, and a lost first packet costs a second.
const READY_MAX: usize = 24;
/// A peer whose stream ended is told to the swarm again after this, and longer each time.
const AGAIN_FIRST: Duration = Duration::from_millis(500);
const AGAIN_LAST: Duration = Duration::from_secs(20);

impl State {
    /// Tells a transfer's swarm what happened and carries out what it wants.
    pub(super) fn swarm_input(&mut self, id: ShareId, input: Input, tasks: &mut Vec<Task>) {
        let now = self.clock.now;
        let Some(fetching) = self.held.get_mut(&id).and_then(Held::fetching) else { return };
        fetching.swarm.handle(now, input);
        self.swarm_effects(id, tasks);
    }

    fn swarm_effects(&mut self, id: ShareId, tasks: &mut Vec<Task>) {
        while let Some(fetching) = self.held.get_mut(&id).and_then(Held::fetching) {
            let Some(effect) = fetching.swarm.poll_effect() else { break };
            match effect {
                Effect::AskHave { peer } => self.ask_have(id, peer, tasks),
                Effect::Fetch { peer, piece } => self.fetch_piece(id, peer, piece, tasks),
                // A lane answers in order; the piece that is not needed is dropped when it comes.
                Effect::Cancel { .. } => {}
                Effect::Unfollow { peer } => self.unfollow(id, peer),
                Effect::Drop { peer } => self.drop_source(id, peer),
                Effect::Complete => self.finish(id, tasks),
            }
        }
    }

    fn ask_have(&mut self, id: ShareId, peer: PeerId, tasks: &mut Vec<Task>) {
        let addresses = self.peers.get(&peer).map(|peer| peer.addresses.clone()).unwrap_or_default();
        let Some(held) = self.held.get_mut(&id) else { return };
        let Some(share) = held.share.clone() else { return };
        let source = held.sources.entry(peer).or_default();
        if source.have.as_ref().is_some_and(|open| !open.is_cancelled()) {
            return;
        }
        let cancel = CancellationToken::new();
        source.have = Some(cancel.clone());
        let job = Job::AskHave { share, peer, addresses, cancel };
        tasks.push(Task::Transfer { share: id, run: held.run, job });
        self.make_ready(id, peer, tasks);
    }

    fn fetch_piece(&mut self, id: ShareId, peer: PeerId, piece: PieceIndex, tasks: &mut Vec<Task>) {
        let lane = match self.lane_with_room(id, peer) {
            Some(lane) => Some(lane),
            None => self.open_lane(id, peer, tasks),
        };
        let lane = self.held.get_mut(&id).zip(lane).and_then(|(held, lane)| Some((held.run, held.lane(peer, lane)?)));
        let Some((run, lane)) = lane else {
            return self.swarm_input(id, Input::FetchFailed { peer, piece }, tasks);
        };
        lane.in_flight.insert(piece);
        tasks.extend(lane.ask(id, run, peer, piece));
    }

    /// A connection is there: what was asked for meanwhile goes out.
    pub(super) fn lane_opened(
        &mut self,
        id: ShareId,
        peer: PeerId,
        lane: u64,
        handle: LaneHandle,
        tasks: &mut Vec<Task>,
    ) {
        let Some(held) = self.held.get_mut(&id) else { return };
        let run = held.run;
        let Some(lane) = held.lane(peer, lane) else { return handle.close() };
        lane.handle = Some(handle);
        let asked: Vec<PieceIndex> = lane.in_flight.iter().copied().collect();
        tasks.extend(asked.into_iter().filter_map(|piece| lane.ask(id, run, peer, piece)));
    }

    /// The peer's lane with the fewest requests, unless one more lane would help.
    fn lane_with_room(&self, id: ShareId, peer: PeerId) -> Option<u64> {
        let held = self.held.get(&id)?;
        let source = held.sources.get(&peer)?;
        let emptiest = source.open_lanes().min_by_key(|lane| lane.in_flight.len())?;
        let may_be_fast = held.sources.len() == 1 || source.rates.down() > FAST;
        let wanted = if may_be_fast { LANES_MAX } else { 1 };
        let another_helps = source.open_lanes().count() < wanted && !emptiest.in_flight.is_empty();
        (!another_helps).then_some(emptiest.id)
    }

    /// A peer that is asked what it has is connected to for pieces at the same time.
    fn make_ready(&mut self, id: ShareId, peer: PeerId, tasks: &mut Vec<Task>) {
        let Some(held) = self.held.get_mut(&id) else { return };
        let open = held.sources.values().filter(|source| source.open_lanes().next().is_some()).count();
        let fetching = held.fetching().is_some_and(|fetching| !fetching.swarm.paused());
        let ready = held.sources.get(&peer).is_none_or(|source| source.open_lanes().next().is_some());
        if fetching && !ready && open < READY_MAX && !held.banned.contains(&peer) {
            self.open_lane(id, peer, tasks);
        }
    }

    fn open_lane(&mut self, id: ShareId, peer: PeerId, tasks: &mut Vec<Task>) -> Option<u64> {
        let addresses = self.peers.get(&peer)?.addresses.clone();
        let lane = self.next_serial();
        let held = self.held.get_mut(&id)?;
        let share = held.share.clone()?;
        let run = held.run;
        let staging = held.fetching()?.staging.clone();
        let cancel = CancellationToken::new();
        let open = Lane { id: lane, handle: None, in_flight: BTreeSet::new(), cancel: cancel.clone() };
        let background = held.options.class == Class::Background;
        let source = held.sources.entry(peer).or_default();
        source.lanes.push(open);
        let gauge = source.gauge.clone();
        let job = Job::OpenLane { share, staging, peer, addresses, lane, gauge, background, cancel };
        tasks.push(Task::Transfer { share: id, run, job });
        Some(lane)
    }

    /// Others may give more: its connections are closed, and made anew when the swarm wishes for it.
    fn unfollow(&mut self, id: ShareId, peer: PeerId) {
        if let Some(source) = self.held.get(&id).and_then(|held| held.sources.get(&peer)) {
            source.close();
        }
    }

    /// It sent wrong bytes: nothing more is asked of it.
    fn drop_source(&mut self, id: ShareId, peer: PeerId) {
        let Some(held) = self.held.get_mut(&id) else { return };
        held.banned.insert(peer);
        if let Some(source) = held.sources.get(&peer) {
            source.close();
        }
    }

    pub(super) fn have_ended(&mut self, id: ShareId, peer: PeerId, fault: Option<PeerFault>, tasks: &mut Vec<Task>) {
        let now = self.clock.now;
        let around = self.peers.contains_key(&peer);
        let Some(held) = self.held.get_mut(&id) else { return };
        let banned = held.banned.contains(&peer);
        let Some(source) = held.sources.get_mut(&peer) else { return };
        source.have = None;
        let Some(fault) = fault else {
            source.failures = 0;
            return;
        };
        source.failures += 1;
        let wait = (AGAIN_FIRST * 2u32.saturating_pow(source.failures.min(8))).min(AGAIN_LAST);
        source.again_at = (around && !banned).then_some(now + wait);
        if fault.kind == PeerFaultKind::Misbehaved {
            return self.misbehaved(id, peer, &fault.what, tasks);
        }
        self.swarm_input(id, Input::PeerLost { peer }, tasks);
    }

    pub(super) fn fetched(
        &mut self,
        id: ShareId,
        peer: PeerId,
        lane: u64,
        piece: PieceIndex,
        end: FetchEnd,
        tasks: &mut Vec<Task>,
    ) {
        let Some(held) = self.held.get_mut(&id) else { return };
        held.answered(peer, lane, piece);
        let input = match end {
            FetchEnd::Verified { bytes, took } => {
                self.piece_came(id, peer, piece, bytes, tasks);
                Input::PieceVerified { peer, piece, bytes, took }
            }
            FetchEnd::Corrupt { what } => {
                self.name_bad_peer(id, peer, &what);
                Input::PieceCorrupt { peer, piece }
            }
            FetchEnd::Busy { retry_after } => Input::FetchRefused { peer, piece, retry_after },
            FetchEnd::Deferred { retry_after } => Input::FetchDeferred { peer, piece, retry_after },
            FetchEnd::Missing => Input::PieceMissing { peer, piece },
            FetchEnd::Withdrawn => {
                self.withdrawn(id, peer, tasks);
                Input::FetchFailed { peer, piece }
            }
            FetchEnd::Abandoned => Input::FetchAbandoned { peer, piece },
            FetchEnd::Failed => Input::FetchFailed { peer, piece },
            FetchEnd::Disk(fault) => return self.disk_failed(id, &fault, tasks),
        };
        self.swarm_input(id, input, tasks);
    }

    /// It does not give the share at the moment: what it has is asked for again later.
    fn withdrawn(&mut self, id: ShareId, peer: PeerId, tasks: &mut Vec<Task>) {
        let again = self.clock.now + AGAIN_FIRST;
        let Some(source) = self.held.get_mut(&id).and_then(|held| held.sources.get_mut(&peer)) else { return };
        source.close();
        source.have = None;
        source.again_at = Some(again);
        self.swarm_input(id, Input::PeerLost { peer }, tasks);
    }

    fn piece_came(&mut self, id: ShareId, peer: PeerId, piece: PieceIndex, bytes: u32, tasks: &mut Vec<Task>) {
        let Some(held) = self.held.get_mut(&id) else { return };
        if let Some(source) = held.sources.get_mut(&peer) {
            source.got_bytes += u64::from(bytes);
        }
        let Some(fetching) = held.fetching() else { return };
        if !fetching.swarm.have().contains(piece) {
            let wanted = fetching.swarm.wanted().contains(piece);
            fetching.bytes_done += if wanted { u64::from(bytes) } else { 0 };
            tasks.push(Task::Gained { share: id, piece });
            self.map_changed(id);
        }
    }

    pub(super) fn lane_ended(
        &mut self,
        id: ShareId,
        peer: PeerId,
        lane: u64,
        fault: Option<PeerFault>,
        tasks: &mut Vec<Task>,
    ) {
        let Some(held) = self.held.get_mut(&id) else { return };
        let Some(source) = held.sources.get_mut(&peer) else { return };
        let Some(at) = source.lanes.iter().position(|open| open.id == lane) else { return };
        let unanswered = source.lanes.remove(at).in_flight;
        let ended = |piece| match fault.as_ref().map(|fault| fault.kind) {
            Some(PeerFaultKind::Busy { retry_after }) => Input::FetchRefused { peer, piece, retry_after },
            Some(_) => Input::FetchFailed { peer, piece },
            // Closed from here, while it was being made.
            None => Input::FetchAbandoned { peer, piece },
        };
        for input in unanswered.into_iter().map(ended).collect::<Vec<_>>() {
            self.swarm_input(id, input, tasks);
        }
        if let Some(fault) = fault.filter(|fault| fault.kind == PeerFaultKind::Misbehaved) {
            self.misbehaved(id, peer, &fault.what, tasks);
        }
    }

    /// It broke the protocol: it is named, and treated like one that sent wrong bytes.
    fn misbehaved(&mut self, id: ShareId, peer: PeerId, what: &str, tasks: &mut Vec<Task>) {
        self.name_bad_peer(id, peer, what);
        self.drop_source(id, peer);
        self.swarm_input(id, Input::PeerLost { peer }, tasks);
    }

    fn name_bad_peer(&mut self, id: ShareId, peer: PeerId, what: &str) {
        let Some(held) = self.held.get_mut(&id) else { return };
        if !held.banned.insert(peer) {
            return;
        }
        self.changed.transfers = true;
        let title = held.title.clone();
        let trouble = self.bad_peer_trouble(peer, what, &title);
        self.add_trouble(trouble);
    }
}

impl Held {
    fn lane(&mut self, peer: PeerId, lane: u64) -> Option<&mut Lane> {
        self.sources.get_mut(&peer)?.lanes.iter_mut().find(|open| open.id == lane)
    }

    /// A request ended.
    fn answered(&mut self, peer: PeerId, lane: u64, piece: PieceIndex) {
        if let Some(lane) = self.lane(peer, lane) {
            lane.in_flight.remove(&piece);
        }
    }
}

impl Lane {
    /// The request for a piece, if the connection is there.
    fn ask(&self, share: ShareId, run: u64, peer: PeerId, piece: PieceIndex) -> Option<Task> {
        let handle = self.handle.clone()?;
        Some(Task::Transfer { share, run, job: Job::AskPiece { handle, peer, lane: self.id, piece } })
    }
}

impl Source {
    /// Whether something was asked of it and has not come yet.
    pub fn gives(&self) -> bool {
        self.lanes.iter().any(|lane| !lane.in_flight.is_empty())
    }

    fn open_lanes(&self) -> impl Iterator<Item = &Lane> {
        self.lanes.iter().filter(|lane| !lane.cancel.is_cancelled())
    }
}
