//! One computer that is around, put together from everything that was seen of it.
//!
//! Each source's word is kept apart, lapses on its own, and is overruled by a more trusted one: what somebody announces
//! in another's name can add an address, and never rename a computer that we spoke with.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    time::{Duration, Instant},
};

use super::{
    Limits,
    sighting::{Role, Sighting, Source, plain, rank, shown_name},
};

/// A computer that is around.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Neighbour {
    pub name: Option<String>,
    pub role: Role,
    /// In the order in which they should be tried.
    pub addresses: Vec<SocketAddr>,
    /// The most trusted way by which we know of it.
    pub via: Source,
    /// Changes with the list of what it gives; the newest that was seen.
    pub catalogue: Option<u64>,
    pub last_seen: Instant,
    words: BTreeMap<Source, Word>,
    /// It answered or asked us: it is there until then, whatever is announced.
    spoken_until: Option<Instant>,
    doubted: bool,
}

/// What one source says.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Word {
    name: Option<String>,
    role: Role,
    addresses: Vec<SocketAddr>,
    until: Instant,
}

impl Neighbour {
    pub(super) fn new(now: Instant, sighting: &Sighting, limits: &Limits) -> Neighbour {
        let mut neighbour = Neighbour {
            name: None,
            role: sighting.role,
            addresses: vec![],
            via: sighting.source,
            catalogue: None,
            last_seen: now,
            words: BTreeMap::new(),
            spoken_until: None,
            doubted: false,
        };
        neighbour.take(now, sighting, limits);
        neighbour
    }

    /// Takes a source's newest word in place of its last.
    pub(super) fn take(&mut self, now: Instant, sighting: &Sighting, limits: &Limits) {
        let mut addresses: Vec<SocketAddr> = Vec::new();
        for address in sighting.addresses.iter().copied().map(plain).filter(|address| rank(address).is_some()) {
            if addresses.len() < limits.addresses_max && !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        let name = sighting.name.as_deref().and_then(shown_name);
        let until = now + limits.lasts(sighting.source);
        self.words.insert(sighting.source, Word { name, role: sighting.role, addresses, until });
        self.catalogue = sighting.catalogue.or(self.catalogue);
        if sighting.source.is_proven() {
            self.spoken(now, limits);
        }
        self.seen(now);
        self.put_together(limits);
    }

    /// It answered, or asked us.
    pub(super) fn spoken(&mut self, now: Instant, limits: &Limits) {
        self.spoken_until = Some(now + limits.contact);
        self.seen(now);
    }

    /// It says goodbye, or somebody in its name. One that spoke with us a moment ago is given the time to do so again.
    pub(super) fn goodbye(&mut self, now: Instant, limits: &Limits) {
        let spoke_just_now = self.spoken_until.is_some_and(|until| until > now + limits.contact - limits.grace);
        self.spoken_until = spoke_just_now.then_some(now + limits.grace);
        if spoke_just_now {
            self.words.values_mut().for_each(|word| word.until = word.until.min(now + limits.grace));
        } else {
            self.words.clear();
        }
    }

    /// Forgets what has lapsed; tells whether nothing is left.
    pub(super) fn forget(&mut self, now: Instant, limits: &Limits) -> bool {
        self.spoken_until = self.spoken_until.filter(|until| *until > now);
        if self.spoken_until.is_some() {
            return false;
        }
        self.words.retain(|_, word| word.until > now);
        self.put_together(limits);
        self.words.is_empty()
    }

    /// Whether half of the time has passed after which it is forgotten, and nobody has been told yet.
    pub(super) fn is_newly_doubted(&mut self, now: Instant) -> bool {
        let newly = !self.doubted && self.half_time() <= now;
        self.doubted |= newly;
        newly
    }

    /// When to look at it again.
    pub(super) fn due_at(&self) -> Instant {
        if self.doubted { self.next_lapse() } else { self.half_time().min(self.next_lapse()) }
    }

    pub(super) fn is_announced(&self) -> bool {
        self.words.contains_key(&Source::Mdns)
    }

    /// When the first of what is known lapses; while we speak with it, nothing does.
    fn next_lapse(&self) -> Instant {
        let first = self.words.values().map(|word| word.until).min();
        self.spoken_until.or(first).unwrap_or(self.last_seen)
    }

    fn half_time(&self) -> Instant {
        let last = self.words.values().map(|word| word.until).chain(self.spoken_until).max();
        let lasts = last.map_or(Duration::ZERO, |last| last.saturating_duration_since(self.last_seen));
        self.last_seen + lasts / 2
    }

    fn seen(&mut self, now: Instant) {
        self.last_seen = now;
        self.doubted = false;
    }

    /// The most trusted word counts; addresses of all are kept, those that are easiest to reach first.
    fn put_together(&mut self, limits: &Limits) {
        let Some((via, word)) = self.words.first_key_value() else { return };
        (self.via, self.role) = (*via, word.role);
        self.name = self.words.values().find_map(|word| word.name.clone());
        let mut addresses: Vec<SocketAddr> = Vec::new();
        for address in self.words.values().flat_map(|word| &word.addresses) {
            if addresses.len() < limits.addresses_max && !addresses.contains(address) {
                addresses.push(*address);
            }
        }
        addresses.sort_by_key(rank);
        self.addresses = addresses;
    }
}
