//! How the [`Snapshot`] is made. Rows that did not change are shared with the picture before, so that a face can tell by
//! the pointer, and a picture of ten thousand shares costs little when one transfer moves.

use std::{collections::BTreeMap, sync::Arc};

use super::{Held, State, held::Stage, offers::Shown};
use crate::{
    engine::{
        snapshot::{
            Here, ImportRow, Me, PeerRow, PieceMap, Role, ShareRow, Snapshot, Tile, TransferPeer, TransferRow,
            TransferState,
        },
        trouble::{Trouble, TroubleKind},
    },
    share::{PeerId, PieceIndex, Share, ShareId},
    swarm,
    traffic::{Class, Limits, Priority},
};

/// A piece map has at most this many tiles.
const TILES_MAX: u32 = 512;
/// So many of those who give a share to everyone are named.
const GIVERS_MAX: usize = 4;
/// The speed that what remains of the time is reckoned with is of so many seconds.
const PACE_SECONDS: usize = 15;

/// Which parts of the picture are to be made anew.
#[derive(Clone, Copy, Debug, Default)]
pub struct Changed {
    pub peers: bool,
    pub shares: bool,
    pub transfers: bool,
    /// Who we are, imports, questions, troubles, outcomes, total speed.
    pub rest: bool,
    /// A wish has ended: somebody waits for just that.
    pub outcome: bool,
}

/// How many peers have all of a share, and how many some, and one of their entries for it.
struct Around<'a> {
    seeds: u32,
    leeches: u32,
    givers: Vec<PeerId>,
    shown: Shown<'a>,
}

impl Changed {
    pub fn all() -> Changed {
        Changed { peers: true, shares: true, transfers: true, rest: true, outcome: false }
    }

    pub fn all_rows(&mut self) {
        *self = Changed::all();
    }

    pub fn any(self) -> bool {
        self.peers || self.shares || self.transfers || self.rest
    }
}

impl State {
    /// Whether a new picture would differ.
    pub fn has_changed(&self) -> bool {
        self.changed.any()
    }

    /// Whether somebody waits for the outcome of a wish that the last picture did not have.
    pub fn owes_outcome(&self) -> bool {
        self.changed.outcome
    }

    /// A picture of everything; `before` gives the rows that stayed the same.
    pub fn picture(&mut self, before: Option<&Snapshot>) -> Snapshot {
        let changed = std::mem::take(&mut self.changed);
        let around = if changed.shares || changed.transfers { self.around_shares() } else { BTreeMap::new() };
        let before_shares = before.map_or(&[][..], |before| &before.shares);
        let before_transfers = before.map_or(&[][..], |before| &before.transfers);
        Snapshot {
            revision: before.map_or(1, |before| before.revision + 1),
            me: Arc::new(self.me()),
            peers: match before {
                Some(before) if !changed.peers => before.peers.clone(),
                _ => self.peer_rows(before.map_or(&[][..], |before| &before.peers)),
            },
            silent: self.silent(),
            shares: match before {
                Some(before) if !changed.shares => before.shares.clone(),
                _ => self.share_rows(&around, before_shares),
            },
            transfers: match before {
                Some(before) if !changed.transfers => before.transfers.clone(),
                _ => self.transfer_rows(&around, before_transfers),
            },
            imports: self.import_rows(),
            questions: self.questions.clone(),
            troubles: self.troubles.iter().cloned().collect(),
            outcomes: self.outcomes.iter().cloned().collect(),
            rate_down: self.total.down(),
            rate_up: self.total.up(),
            traffic: Arc::new(self.controls.picture()),
            given: self.given_rows(before.map(|before| &before.given)),
            history: self.history.iter().copied().collect(),
            managed: self.managed_picture(),
        }
    }

    fn me(&self) -> Me {
        Me {
            id: self.origin.id,
            name: self.origin.name.clone(),
            listen: self.listen.clone(),
            version: env!("CARGO_PKG_VERSION"),
            home: self.origin.home.clone(),
            downloads: self.origin.downloads.clone(),
            discovery: self.origin.discovery,
        }
    }

    fn peer_rows(&self, before: &[Arc<PeerRow>]) -> Vec<Arc<PeerRow>> {
        let before: BTreeMap<PeerId, &Arc<PeerRow>> = before.iter().map(|row| (row.id, row)).collect();
        let mut rows: Vec<Arc<PeerRow>> = self
            .peers
            .iter()
            .filter(|(_, peer)| peer.proved)
            .map(|(id, peer)| {
                let row = PeerRow {
                    id: *id,
                    name: peer.name.clone(),
                    role: peer.role,
                    addresses: peer.addresses.clone(),
                    via: peer.via,
                    reached: peer.reached,
                    last_seen: peer.last_seen,
                    shares: peer.offers.len() as u32,
                    clock_ahead_s: self.clock_ahead_s(peer.time),
                    trouble: peer.fault.as_ref().map(|fault| {
                        Arc::new(Trouble {
                            serial: 0,
                            kind: TroubleKind::Nobody,
                            what: fault.what.clone(),
                            about: peer.name.clone(),
                            hint: "It is asked again by itself.".to_owned(),
                            since: peer.last_seen,
                        })
                    }),
                };
                reuse(before.get(id).copied(), row)
            })
            .collect();
        rows.sort_by_cached_key(|row| (row.name.to_lowercase(), row.id));
        rows
    }

    fn around_shares(&self) -> BTreeMap<ShareId, Around<'_>> {
        let mut around: BTreeMap<ShareId, Around<'_>> = BTreeMap::new();
        for (id, peer) in &self.peers {
            let relayed = self.origin.server && peer.role == Role::Peer;
            for offer in peer.offers.values() {
                let shown = Shown { offer, proved: self.is_word_of(*id, offer) };
                let entry = around.entry(offer.id).or_insert(Around { seeds: 0, leeches: 0, givers: vec![], shown });
                if shown.proved && !entry.shown.proved {
                    entry.shown = shown;
                }
                if offer.complete {
                    entry.seeds += 1;
                } else {
                    entry.leeches += 1;
                }
                if relayed && offer.complete && offer.everyone && entry.givers.len() < GIVERS_MAX {
                    entry.givers.push(*id);
                }
            }
        }
        around
    }

    fn share_rows(&self, around: &BTreeMap<ShareId, Around<'_>>, before: &[Arc<ShareRow>]) -> Vec<Arc<ShareRow>> {
        let before: BTreeMap<ShareId, &Arc<ShareRow>> = before.iter().map(|row| (row.id, row)).collect();
        let held = self.held.values().map(|held| self.held_share(held, around.get(&held.id)));
        let offered = around.values().filter(|around| !self.held.contains_key(&around.shown.offer.id));
        let offered = offered.map(|around| self.offered_share(around));
        let mut rows: Vec<_> = held.chain(offered).map(|row| reuse(before.get(&row.id).copied(), row)).collect();
        rows.sort_by(|a, b| b.created.cmp(&a.created).then_with(|| (&a.title, a.id).cmp(&(&b.title, b.id))));
        rows
    }

    fn held_share(&self, held: &Held, around: Option<&Around<'_>>) -> ShareRow {
        ShareRow {
            id: held.id,
            title: held.title.clone(),
            kind: held.kind,
            size: held.size,
            files: held.files,
            publisher: held.publisher,
            publisher_name: held.publisher.and_then(|publisher| self.known_name_of(publisher)),
            mine: held.mine,
            created: held.created(),
            seeds: around.map_or(0, |around| around.seeds),
            leeches: around.map_or(0, |around| around.leeches),
            here: match &held.stage {
                Stage::Complete { .. } => Here::Complete { places: held.places.clone() },
                Stage::Aside { spoiled, .. } if held.mine || !*spoiled => {
                    Here::Complete { places: held.places.clone() }
                }
                Stage::Failed if held.mine => Here::Complete { places: held.places.clone() },
                _ => Here::OnItsWay,
            },
            recipients: held.mine.then(|| held.recipients.clone()),
            givers: around.map_or_else(Vec::new, |around| around.givers.clone()),
            keeping: held.publishing.as_ref().map(|publishing| publishing.keeping.clone()),
            link: self.link_of(held.id),
            trouble: held.trouble.clone(),
        }
    }

    fn offered_share(&self, around: &Around<'_>) -> ShareRow {
        let (offer, publisher) = (around.shown.offer, around.shown.publisher());
        ShareRow {
            id: offer.id,
            title: offer.title.clone(),
            kind: offer.kind.into(),
            size: offer.size,
            files: offer.files,
            publisher,
            publisher_name: publisher.and_then(|publisher| self.known_name_of(publisher)),
            mine: false,
            created: super::held::time_of(offer.created_s),
            seeds: around.seeds,
            leeches: around.leeches,
            here: Here::No,
            recipients: None,
            givers: around.givers.clone(),
            keeping: None,
            link: crate::share::Link { share: offer.id, at: vec![] }.to_string(),
            trouble: None,
        }
    }

    fn transfer_rows(
        &self,
        around: &BTreeMap<ShareId, Around<'_>>,
        before: &[Arc<TransferRow>],
    ) -> Vec<Arc<TransferRow>> {
        let before: BTreeMap<ShareId, &Arc<TransferRow>> = before.iter().map(|row| (row.share, row)).collect();
        let mut shown: Vec<&Held> = self.held.values().filter(|held| held.is_shown()).collect();
        shown.sort_by_key(|held| held.begun);
        let row = |held: &Held| self.transfer_row(held, around.get(&held.id), before.get(&held.id).copied());
        shown.into_iter().map(|held| reuse(before.get(&held.id).copied(), row(held))).collect()
    }

    fn transfer_row(&self, held: &Held, around: Option<&Around<'_>>, before: Option<&Arc<TransferRow>>) -> TransferRow {
        let (rate_down, done_bytes, state) = (held.rates.down(), held.done_bytes(), held.state());
        let left = held.wanted_bytes().saturating_sub(done_bytes);
        let eta = (state == TransferState::Fetching && rate_down > 0).then(|| left / held.pace().max(1));
        let map = held.piece_map();
        TransferRow {
            share: held.id,
            title: held.title.clone(),
            kind: held.kind,
            mine: held.mine,
            state,
            done_bytes,
            size: held.wanted_bytes(),
            full_size: held.size,
            files: held.files,
            files_wanted: held.files_wanted(),
            listing: held.listing(before.and_then(|before| before.listing.as_ref())),
            queue: self.places.get(&held.id).copied(),
            priority: held.options.priority,
            order: held.options.order,
            class: held.options.class,
            limits: held.options.limits,
            seed_until: held.options.seed_until,
            reason: self.reason(held, state),
            reused_files: held.reused.files,
            reused_bytes: held.reused.bytes,
            pieces_done: held.pieces_done(),
            rate_down,
            rate_up: held.rates.up(),
            given_bytes: held.given_now(),
            given_in_all: self.ledger.given_of(held.id),
            eta: eta.map(|seconds| std::time::Duration::from_secs(seconds.min(100 * 3600))),
            sources: held
                .sources
                .values()
                .filter(|source| source.lanes.iter().any(|lane| !lane.in_flight.is_empty()))
                .count() as u32,
            seeds: around.map_or(0, |around| around.seeds),
            leeches: around.map_or(0, |around| around.leeches),
            into: held.into.clone(),
            places: held.places.clone(),
            trouble: held.trouble.clone(),
            map: before
                .map(|before| &before.map)
                .filter(|before| ***before == map)
                .cloned()
                .unwrap_or_else(|| Arc::new(map)),
            peers: self.transfer_peers(held),
            history: held.history.iter().copied().collect(),
            banned: held.banned.iter().copied().collect(),
            facts: held.facts.clone(),
        }
    }

    /// Everybody who has some of it, or got some of it from us.
    fn transfer_peers(&self, held: &Held) -> Vec<Arc<TransferPeer>> {
        let mut peers: BTreeMap<PeerId, TransferPeer> = BTreeMap::new();
        let blank = |id: PeerId| TransferPeer {
            id,
            name: self.name_of(id),
            pieces: 0,
            complete: false,
            rate_down: 0,
            rate_up: 0,
            in_flight: 0,
            got_bytes: 0,
            given_bytes: 0,
        };
        if let Stage::Fetching(fetching) = &held.stage {
            for view in fetching.swarm.peers(self.clock.now) {
                let row = peers.entry(view.id).or_insert_with(|| blank(view.id));
                (row.pieces, row.complete, row.in_flight) = (view.pieces, view.complete, view.in_flight);
            }
        }
        for (id, source) in held.sources.iter().filter(|(_, source)| source.got_bytes > 0) {
            let row = peers.entry(*id).or_insert_with(|| blank(*id));
            (row.rate_down, row.got_bytes) = (source.rates.down(), source.got_bytes);
        }
        for (id, given) in &held.given {
            let row = peers.entry(*id).or_insert_with(|| blank(*id));
            (row.rate_up, row.given_bytes) = (given.rates.up(), given.bytes);
        }
        let pieces = held.share.as_ref().map_or(0, |share| share.pieces().count());
        for (id, row) in &mut peers {
            let offer = self.peers.get(id).and_then(|peer| peer.offers.get(&held.id));
            if offer.is_some_and(|offer| offer.complete) {
                (row.complete, row.pieces) = (true, pieces);
            }
        }
        peers.into_values().map(Arc::new).collect()
    }

    fn import_rows(&self) -> Vec<Arc<ImportRow>> {
        let reading = self.imports.iter().filter(|(_, import)| import.question.is_none());
        let row = |(token, import): (&u64, &super::imports::Import)| ImportRow {
            token: *token,
            title: import.shown_title(),
            done_bytes: import.done_bytes,
            size: import.size,
            files: import.files,
        };
        reading.map(row).map(Arc::new).collect()
    }
}

/// The row of the picture before, if it is the same.
fn reuse<T: PartialEq>(before: Option<&Arc<T>>, row: T) -> Arc<T> {
    before.filter(|before| ***before == row).cloned().unwrap_or_else(|| Arc::new(row))
}

impl Held {
    /// What is mine is in the list of transfers only when somebody fetched it or something was chosen for it.
    pub fn is_shown(&self) -> bool {
        !self.dismissed
            && (!self.mine
                || self.is_special()
                || matches!(self.stage, Stage::Verifying(_) | Stage::Aside { .. })
                || self.given.values().any(|given| given.bytes > 0))
    }

    /// Whether a person chose something for it that is not the usual.
    fn is_special(&self) -> bool {
        let options = &self.options;
        let usual = (Limits::NONE, Priority::default(), Class::default(), None);
        (options.limits, options.priority, options.class, options.seed_until) != usual
    }

    /// Bytes a second over the last while: under a small limit whole pieces come now and then, and what remains of the time
    /// must not jump with each.
    fn pace(&self) -> u64 {
        let lately = self.history.iter().rev().take(PACE_SECONDS).map(|speed| speed.down);
        let (sum, count) = lately.fold((0u64, 0u64), |(sum, count), down| (sum.saturating_add(down), count + 1));
        if count < 3 { self.rates.down() } else { sum / count }
    }

    fn pieces_done(&self) -> u32 {
        let all = self.share.as_ref().map_or(0, |share| share.pieces().count());
        match &self.stage {
            Stage::Fetching(fetching) => fetching.swarm.have().count(),
            Stage::Complete { .. } | Stage::Aside { .. } | Stage::Finishing | Stage::Verifying(_) => {
                self.part.as_ref().map_or(all, |part| part.count())
            }
            Stage::Moving(_) | Stage::Looking { .. } | Stage::Opening | Stage::Failed => 0,
        }
    }

    fn piece_map(&self) -> PieceMap {
        let Some(share) = &self.share else { return PieceMap::default() };
        let count = share.pieces().count();
        let tiles = count.min(TILES_MAX);
        match &self.stage {
            Stage::Fetching(fetching) => {
                PieceMap { tiles: (0..tiles).map(|tile| self.tile(&fetching.swarm, tile, tiles, count)).collect() }
            }
            Stage::Complete { .. } if self.part.is_some() => {
                let part = self.part.as_deref();
                let has = |piece| part.is_some_and(|part| part.contains(piece));
                PieceMap { tiles: (0..tiles).map(|tile| tile_of(share, has, tile, tiles)).collect() }
            }
            Stage::Complete { .. } | Stage::Aside { .. } | Stage::Finishing => {
                PieceMap { tiles: vec![Tile { had: 255, in_flight: 0, copies: 0 }; tiles as usize] }
            }
            _ => PieceMap { tiles: vec![Tile::default(); tiles as usize] },
        }
    }

    fn tile(&self, swarm: &swarm::Swarm, tile: u32, tiles: u32, count: u32) -> Tile {
        let bound = |tile: u32| (u64::from(tile) * u64::from(count) / u64::from(tiles)) as u32;
        let range = bound(tile)..bound(tile + 1);
        let (mut had, mut in_flight, mut copies) = (0u32, 0u32, u32::MAX);
        let pieces = self.share.as_ref().map(|share| share.pieces());
        for piece in range.clone().filter_map(|number| pieces.and_then(|pieces| pieces.index(number))) {
            had += u32::from(swarm.have().contains(piece));
            in_flight += u32::from(matches!(swarm.state(piece), Some(swarm::State::Fetching)));
            copies = copies.min(swarm.copies(piece));
        }
        let part = |some: u32| (some * 255 / range.len().max(1) as u32) as u8;
        Tile { had: part(had), in_flight: part(in_flight), copies: copies.min(255) as u8 }
    }
}

/// A tile of what is here and stays as it is.
fn tile_of(share: &Share, has: impl Fn(PieceIndex) -> bool, tile: u32, tiles: u32) -> Tile {
    let pieces = share.pieces();
    let bound = |tile: u32| (u64::from(tile) * u64::from(pieces.count()) / u64::from(tiles)) as u32;
    let range = bound(tile)..bound(tile + 1);
    let had = range.clone().filter_map(|number| pieces.index(number)).filter(|piece| has(*piece)).count() as u32;
    Tile { had: (had * 255 / range.len().max(1) as u32) as u8, in_flight: 0, copies: 0 }
}
