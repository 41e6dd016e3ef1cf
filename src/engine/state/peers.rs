//! Who is around, and what they give.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    time::{Duration, Instant, SystemTime},
};

use tokio_util::sync::CancellationToken;

use super::{State, told::FIRST_ADDRESSES};
use crate::{
    engine::{
        event::{CatalogueAnswer, Greeting, Introduction},
        fault::{PeerFault, PeerFaultKind},
        server_time::ServerTime,
        snapshot::{Role, Via},
        task::{Keep, Task},
        trouble::TroubleKind,
    },
    nearby::{self, Change, Sighting},
    share::{PeerId, ShareId},
    swarm::Link,
    wire::peer::Offer,
};

const RETRY_FIRST: Duration = Duration::from_millis(500);
const RETRY_LAST: Duration = Duration::from_secs(30);
/// So many failures in a row are shown to a person.
const FAILURES_SHOWN: u32 = 3;

/// Another computer that is around.
pub struct Peer {
    /// As it is shown.
    pub name: String,
    /// As it, or somebody, says.
    pub(super) said: String,
    pub role: Role,
    pub addresses: Vec<SocketAddr>,
    pub via: Via,
    pub last_seen: SystemTime,
    /// It proved its key: it answered, or called us.
    pub(super) proved: bool,
    /// Where it answered, and when it last did.
    pub(super) reached: Option<(SocketAddr, SystemTime)>,
    /// Who told of it.
    pub(super) teller: Option<PeerId>,
    /// Shares of which it is said to have some, until it proves its key.
    pub(super) waited_for: BTreeSet<ShareId>,
    /// What the peer's announcement says its catalogue's number is.
    heard: Option<u64>,
    /// The number of the catalogue in `offers`.
    pub(super) known: Option<u64>,
    /// What was heard when it was last asked: an announcement that lags behind its catalogue is no reason to ask again.
    asked_at: Option<u64>,
    pub offers: BTreeMap<ShareId, Offer>,
    /// What they cost of the budget for all catalogues.
    pub(super) weight: usize,
    asking: Option<CancellationToken>,
    /// It was silent for a while and has not answered since.
    doubted: bool,
    pub(super) retry_at: Option<Instant>,
    pub(super) failures: u32,
    pub fault: Option<PeerFault>,
    /// What time it is there, as it says.
    pub time: ServerTime,
}

/// An address that a person gave.
pub struct Typed {
    asking: bool,
    peer: Option<PeerId>,
    retry_at: Instant,
    failures: u32,
}

impl Typed {
    pub fn new(now: Instant) -> Typed {
        Typed { asking: false, peer: None, retry_at: now, failures: 0 }
    }

    pub fn next_wakeup(&self) -> Option<(Instant, &'static str)> {
        (!self.asking && self.peer.is_none()).then_some((self.retry_at, "ask a typed address"))
    }
}

impl Peer {
    fn new(wall: SystemTime) -> Peer {
        Peer {
            name: String::new(),
            said: String::new(),
            proved: false,
            reached: None,
            teller: None,
            waited_for: BTreeSet::new(),
            weight: 0,
            role: Role::Peer,
            addresses: vec![],
            via: Via::Peer,
            last_seen: wall,
            heard: None,
            known: None,
            asked_at: None,
            offers: BTreeMap::new(),
            asking: None,
            doubted: false,
            retry_at: None,
            failures: 0,
            fault: None,
            time: ServerTime::default(),
        }
    }

    /// Peers that announce themselves tell of changes; the others are asked to answer when there is one.
    fn announces_changes(&self) -> bool {
        self.via == Via::Mdns
    }

    fn is_due(&self, now: Instant) -> bool {
        let stale = self.doubted
            || self.known.is_none()
            || !self.announces_changes()
            || self.heard.is_some_and(|heard| Some(heard) != self.known && Some(heard) != self.asked_at);
        stale && self.asking.is_none() && self.retry_at.is_none_or(|at| at <= now)
    }

    pub fn next_wakeup(&self) -> Option<(Instant, &'static str)> {
        self.retry_at.filter(|_| self.asking.is_none()).map(|at| (at, "ask for a catalogue"))
    }
}

fn via_of(source: nearby::Source) -> Via {
    match source {
        nearby::Source::Mdns => Via::Mdns,
        nearby::Source::Typed => Via::Typed,
        nearby::Source::Link => Via::Link,
        nearby::Source::Inbound => Via::Inbound,
        nearby::Source::Peer => Via::Peer,
    }
}

/// A sighting of a peer whose name and addresses somebody gave.
pub(super) fn seen(source: nearby::Source, peer: PeerId, name: String, addresses: Vec<SocketAddr>) -> Sighting {
    Sighting { peer, instance: None, name: Some(name), role: nearby::Role::Peer, addresses, source, catalogue: None }
}

fn backoff(failures: u32) -> Duration {
    (RETRY_FIRST * 2u32.saturating_pow(failures.saturating_sub(1).min(8))).min(RETRY_LAST)
}

impl State {
    /// What a person calls a peer.
    pub(super) fn name_of(&self, peer: PeerId) -> String {
        self.known_name_of(peer).unwrap_or_else(|| peer.short())
    }

    pub(super) fn known_name_of(&self, peer: PeerId) -> Option<String> {
        if peer == self.origin.id {
            return Some(self.origin.name.clone());
        }
        self.peers.get(&peer).map(|peer| peer.name.clone()).or_else(|| self.names.get(&peer).cloned())
    }

    /// Something was seen or heard of somebody.
    pub(super) fn around(&mut self, mut input: nearby::Input, tasks: &mut Vec<Task>) {
        if let nearby::Input::Seen(sighting) = &mut input {
            self.keep_near(sighting);
        }
        self.nearby.handle(self.clock.now, input);
        while let Some(change) = self.nearby.poll_change() {
            self.changed.peers = true;
            match change {
                Change::Appeared { peer } | Change::Changed { peer } | Change::CatalogueChanged { peer } => {
                    self.peer_seen(peer, tasks);
                }
                Change::Doubted { peer } => self.peer_doubted(peer),
                Change::Gone { peer } => self.peer_gone(peer, tasks),
                Change::DuplicateIdentity { addresses } => self.duplicate_identity(&addresses),
            }
        }
    }

    /// It was silent for a while: who answers is still there.
    fn peer_doubted(&mut self, peer: PeerId) {
        if let Some(peer) = self.peers.get_mut(&peer) {
            peer.doubted = true;
        }
    }

    fn peer_seen(&mut self, id: PeerId, tasks: &mut Vec<Task>) {
        let Some(seen) = self.nearby.get(&id) else { return };
        let wall = self.clock.wall;
        let said = seen.name.clone().or_else(|| self.names.get(&id).cloned()).unwrap_or_else(|| id.short());
        let (new, proved) = (!self.peers.contains_key(&id), seen.via.is_proven());
        let peer = self.peers.entry(id).or_insert_with(|| Peer::new(wall));
        let moved = peer.addresses != seen.addresses;
        let renamed = new || peer.said != said;
        (peer.said, peer.addresses) = (said, seen.addresses.clone());
        peer.role = if seen.role == nearby::Role::Server { Role::Server } else { Role::Peer };
        (peer.via, peer.heard, peer.last_seen) = (via_of(seen.via), seen.catalogue, wall);
        if moved {
            peer.retry_at = None;
        }
        if renamed {
            self.changed.all_rows();
            self.call_it(id);
            self.remember_name(id, tasks);
        }
        if proved {
            self.proved(id, tasks);
        }
    }

    /// The names of those who proved their key last.
    pub(super) fn remember_name(&mut self, id: PeerId, tasks: &mut Vec<Task>) {
        let Some(peer) = self.peers.get(&id).filter(|peer| peer.proved) else { return };
        if self.names.contains_key(&id) {
            let (name, addresses) = (peer.name.clone(), peer.addresses.clone());
            tasks.push(Task::Remember(Keep::Peer { peer: id, name, addresses }));
        }
    }

    fn peer_gone(&mut self, id: PeerId, tasks: &mut Vec<Task>) {
        let Some(peer) = self.peers.remove(&id) else { return };
        if let Some(asking) = peer.asking {
            asking.cancel();
        }
        for typed in self.typed.values_mut().filter(|typed| typed.peer == Some(id)) {
            (typed.peer, typed.retry_at) = (None, self.clock.now + RETRY_FIRST);
        }
        let shares: Vec<ShareId> = peer.offers.into_keys().collect();
        for share in shares {
            self.lost_source(share, id, tasks);
        }
        self.changed.all_rows();
    }

    fn duplicate_identity(&mut self, addresses: &[SocketAddr]) {
        let at = addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let trouble = self.trouble(
            TroubleKind::Local,
            "Another computer uses this computer's identity",
            &at,
            "One of the two was copied from the other. Delete the file identity.key on one of them and start Handout again.",
        );
        self.add_trouble(trouble);
    }

    /// Asks for every catalogue that is due.
    pub(super) fn peers_due(&mut self, tasks: &mut Vec<Task>) {
        let now = self.clock.now;
        let due: Vec<PeerId> = self.peers.iter().filter(|(_, peer)| peer.is_due(now)).map(|(id, _)| *id).collect();
        for id in self.within_budget(due) {
            let Some(peer) = self.peers.get_mut(&id) else { continue };
            let cancel = CancellationToken::new();
            peer.asking = Some(cancel.clone());
            (peer.retry_at, peer.asked_at) = (None, peer.heard);
            let (known, wait) = (peer.known, peer.known.is_some() && !peer.announces_changes() && !peer.doubted);
            let most = if peer.reached.is_some() { usize::MAX } else { FIRST_ADDRESSES };
            let addresses = peer.addresses.iter().copied().take(most).collect();
            tasks.push(Task::AskCatalogue { peer: id, addresses, known, wait, cancel });
        }
    }

    pub(super) fn catalogue_answered(
        &mut self,
        id: PeerId,
        result: Result<(SocketAddr, CatalogueAnswer), PeerFault>,
        tasks: &mut Vec<Task>,
    ) {
        let (now, wall) = (self.clock.now, self.clock.wall);
        let Some(peer) = self.peers.get_mut(&id) else { return };
        peer.asking = None;
        self.changed.peers = true;
        match result {
            Ok((at, answer)) => {
                (peer.failures, peer.fault, peer.last_seen, peer.doubted) = (0, None, wall, false);
                self.around(nearby::Input::Spoke { peer: id }, tasks);
                self.reached(id, at, tasks);
                match answer {
                    CatalogueAnswer::Unchanged { neighbours } => self.introduced(id, neighbours, tasks),
                    CatalogueAnswer::New { revision, offers, neighbours, device } => {
                        if let Some(device) = device {
                            self.introduces_itself(id, device, tasks);
                        }
                        self.catalogue_is(id, revision, offers, tasks);
                        self.introduced(id, neighbours, tasks);
                    }
                }
            }
            Err(fault) => {
                peer.failures += 1;
                peer.asked_at = None;
                peer.retry_at = Some(now + backoff(peer.failures));
                if peer.failures >= FAILURES_SHOWN || fault.kind == PeerFaultKind::Misbehaved {
                    peer.fault = Some(fault.clone());
                }
                self.forget_told(id, &fault, tasks);
            }
        }
    }

    /// One that connected to us is known by its key only, until it says its name.
    fn introduces_itself(&mut self, id: PeerId, device: Introduction, tasks: &mut Vec<Task>) {
        let Some(known) = self.nearby.get(&id) else { return };
        let mut named = seen(known.via, id, device.name, known.addresses.clone());
        named.role = if device.server { nearby::Role::Server } else { nearby::Role::Peer };
        self.around(nearby::Input::Seen(named), tasks);
    }

    /// What lies between us and a peer, by the best of its addresses.
    pub(super) fn link_to(&self, peer: PeerId) -> Link {
        let addresses = self.peers.get(&peer).map_or(&[][..], |peer| &peer.addresses);
        let links = addresses.iter().flat_map(|address| {
            let own = self.subnets.iter().filter(|subnet| subnet.contains(address.ip()));
            own.map(|subnet| if subnet.wireless { Link::Wireless } else { Link::Wired })
        });
        links.min().unwrap_or(Link::Far)
    }

    pub(super) fn wish_peer(&mut self, address: String) {
        let now = self.clock.now;
        self.typed.entry(address).or_insert_with(|| Typed::new(now)).retry_at = now;
    }

    pub(super) fn typed_due(&mut self, tasks: &mut Vec<Task>) {
        let now = self.clock.now;
        for (address, typed) in &mut self.typed {
            if !typed.asking && typed.peer.is_none() && typed.retry_at <= now {
                typed.asking = true;
                tasks.push(Task::Greet { address: address.clone() });
            }
        }
    }

    pub(super) fn greeted(&mut self, address: &str, result: Result<Greeting, PeerFault>, tasks: &mut Vec<Task>) {
        let now = self.clock.now;
        let Some(typed) = self.typed.get_mut(address) else { return };
        typed.asking = false;
        match result {
            Ok(greeting) if greeting.peer != self.origin.id => {
                (typed.peer, typed.failures) = (Some(greeting.peer), 0);
                let mut met = seen(nearby::Source::Typed, greeting.peer, greeting.name, vec![greeting.at]);
                met.role = if greeting.server { nearby::Role::Server } else { nearby::Role::Peer };
                let at = greeting.at;
                self.around(nearby::Input::Seen(met), tasks);
                self.reached(greeting.peer, at, tasks);
            }
            Ok(_) => typed.retry_at = now + RETRY_LAST,
            Err(_) => {
                typed.failures += 1;
                typed.retry_at = now + backoff(typed.failures).min(Duration::from_secs(5));
            }
        }
    }
}
