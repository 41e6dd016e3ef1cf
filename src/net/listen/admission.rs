//! Who may have a connection: counted per address, per network and in all. A [`Place`] is one connection's; dropping it
//! gives it back.
//!
//! Addresses are as free as keys where there is IPv6, so those of one network count together ([`Whence`]). When all places
//! are taken, the network that has most gives one up for a network that has fewer. When the places of a network are taken,
//! whoever comes from there may still prove its key (it *knocks*): one that we know gets the place of a stranger, and a
//! stranger is turned away. Those who knock have few places, and the one that has taken longest gives way.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use tokio_util::sync::{CancellationToken, WaitForCancellationFuture};

use super::{Limits, rate::Rates};
use crate::{
    net::Acquainted,
    share::{PeerId, Whence},
};

/// How many may knock, in all and from one network.
const KNOCKING: usize = 128;
const KNOCKING_PER_NET: usize = 32;

/// How many connections there are, for whoever watches over this computer. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Gauge(Arc<Figures>);

#[derive(Debug, Default)]
struct Figures {
    open: AtomicU64,
    turned_away: AtomicU64,
    handshakes_failed: AtomicU64,
}

impl Gauge {
    /// Connections that are open now.
    pub fn open(&self) -> u64 {
        self.0.open.load(Ordering::Relaxed)
    }

    /// Connections that were closed at once or gave way to others, because their address, their network or all together
    /// had too many.
    pub fn turned_away(&self) -> u64 {
        self.0.turned_away.load(Ordering::Relaxed)
    }

    /// Connections whose handshake failed or took too long.
    pub fn handshakes_failed(&self) -> u64 {
        self.0.handshakes_failed.load(Ordering::Relaxed)
    }

    fn turned_away_one(&self) {
        self.0.turned_away.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn handshake_failed(&self) {
        self.0.handshakes_failed.fetch_add(1, Ordering::Relaxed);
    }
}

/// Who has how many connections.
pub(super) struct Admission {
    limits: Limits,
    gauge: Gauge,
    known: Acquainted,
    counts: Arc<Mutex<Counts>>,
    connected: Rates<IpAddr>,
}

#[derive(Default)]
struct Counts {
    next: u64,
    open: BTreeMap<u64, Open>,
    /// Of each address and each network, those that knock not counted.
    per_address: BTreeMap<IpAddr, usize>,
    per_net: BTreeMap<IpAddr, usize>,
    knocking: usize,
}

struct Open {
    whence: Whence,
    standing: Standing,
    over: CancellationToken,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// There is no place for it unless it proves that it is known.
    Knocks,
    Stranger,
    Known,
}

/// The right to one connection.
pub(super) struct Place {
    counts: Arc<Mutex<Counts>>,
    gauge: Gauge,
    known: Acquainted,
    number: u64,
    whence: Whence,
    over: CancellationToken,
}

impl Admission {
    pub fn new(limits: Limits, gauge: Gauge, known: Acquainted) -> Admission {
        Admission { limits, gauge, known, counts: Arc::default(), connected: Rates::default() }
    }

    /// A place for one more connection from `address`, unless there are enough.
    pub fn enter(&self, address: IpAddr) -> Option<Place> {
        let whence = Whence::of(address);
        let Limits { per_address, per_net, per_loopback, in_all, .. } = self.limits;
        let (most, most_of_net) = if whence.is_here() { (per_loopback, per_loopback) } else { (per_address, per_net) };
        let rate = if whence.is_here() { self.limits.connects_here } else { self.limits.connects };
        if !self.connected.may(Instant::now(), whence.net, rate) {
            self.gauge.turned_away_one();
            return None;
        }
        let mut counts = lock(&self.counts);
        let (here, of_net) = (counts.of(&whence.address), counts.of_net(&whence.net));
        if here >= most {
            self.gauge.turned_away_one();
            return None;
        }
        let full = counts.open.len() - counts.knocking >= in_all;
        let standing = match of_net >= most_of_net || full && !self.end_one_of_the_greatest(&mut counts, of_net) {
            true => Standing::Knocks,
            false => Standing::Stranger,
        };
        if standing == Standing::Knocks {
            self.make_room_to_knock(&mut counts, &whence.net);
        }
        let (number, over) = (counts.next, CancellationToken::new());
        counts.next += 1;
        counts.add(number, Open { whence, standing, over: over.clone() });
        self.gauge.0.open.fetch_add(1, Ordering::Relaxed);
        let (counts, gauge, known) = (self.counts.clone(), self.gauge.clone(), self.known.clone());
        Some(Place { counts, gauge, known, number, whence, over })
    }

    /// Ends a stranger's connection of the network that has most, if that is more than `own` and one. Tells whether.
    fn end_one_of_the_greatest(&self, counts: &mut Counts, own: usize) -> bool {
        let greatest = counts.per_net.iter().max_by_key(|(_, count)| **count);
        let Some(net) = greatest.filter(|(_, count)| **count > own + 1).map(|(net, _)| *net) else { return false };
        let of_net = |open: &Open| open.whence.net == net;
        let ended = counts.end(|open| of_net(open) && open.standing == Standing::Stranger);
        let ended = ended || counts.end(|open| of_net(open) && open.standing == Standing::Known);
        self.gauge.0.turned_away.fetch_add(u64::from(ended), Ordering::Relaxed);
        ended
    }

    fn make_room_to_knock(&self, counts: &mut Counts, net: &IpAddr) {
        let knocks = |open: &Open| open.standing == Standing::Knocks;
        let of_net = |open: &Open| knocks(open) && open.whence.net == *net;
        let from_there = counts.open.values().filter(|open| of_net(open)).count();
        let ended = match from_there >= KNOCKING_PER_NET {
            true => counts.end(of_net),
            false => counts.knocking >= KNOCKING && counts.end(knocks),
        };
        self.gauge.0.turned_away.fetch_add(u64::from(ended), Ordering::Relaxed);
    }
}

impl Counts {
    fn of(&self, address: &IpAddr) -> usize {
        self.per_address.get(address).copied().unwrap_or(0)
    }

    fn of_net(&self, net: &IpAddr) -> usize {
        self.per_net.get(net).copied().unwrap_or(0)
    }

    fn add(&mut self, number: u64, open: Open) {
        match open.standing {
            Standing::Knocks => self.knocking += 1,
            _ => *self.per_net.entry(open.whence.net).or_default() += 1,
        }
        *self.per_address.entry(open.whence.address).or_default() += 1;
        self.open.insert(number, open);
    }

    fn remove(&mut self, number: u64) -> Option<Open> {
        let open = self.open.remove(&number)?;
        match open.standing {
            Standing::Knocks => self.knocking = self.knocking.saturating_sub(1),
            _ => one_less(&mut self.per_net, open.whence.net),
        }
        one_less(&mut self.per_address, open.whence.address);
        Some(open)
    }

    /// Ends the oldest connection that is so. Its place is free at once.
    fn end(&mut self, is_so: impl Fn(&Open) -> bool) -> bool {
        let oldest = self.open.iter().find(|(_, open)| is_so(open)).map(|(number, _)| *number);
        let ended = oldest.and_then(|number| self.remove(number));
        ended.inspect(|open| open.over.cancel()).is_some()
    }
}

fn one_less(counts: &mut BTreeMap<IpAddr, usize>, of: IpAddr) {
    match counts.get_mut(&of) {
        Some(here) if *here > 1 => *here -= 1,
        _ => {
            counts.remove(&of);
        }
    }
}

impl Place {
    /// Whoever has it proved its key, or (`None`) has none. Tells whether the connection may go on.
    pub fn proved(&self, peer: Option<PeerId>) -> bool {
        let known = peer.is_some_and(|peer| self.known.knows(&peer));
        let mut counts = lock(&self.counts);
        let Some(mut open) = counts.remove(self.number) else { return false };
        let knocked = open.standing == Standing::Knocks;
        let stays = match (open.standing, known) {
            (Standing::Knocks, true) => {
                // The place of a stranger from there, or from wherever there are most.
                let (net, greatest) = (open.whence.net, counts.per_net.iter().max_by_key(|(_, count)| **count));
                let greatest = greatest.map(|(net, _)| *net);
                let stranger = |of: &Open| of.standing == Standing::Stranger;
                counts.end(|of| stranger(of) && of.whence.net == net)
                    || counts.end(|of| stranger(of) && Some(of.whence.net) == greatest)
            }
            (Standing::Knocks, false) => false,
            (Standing::Stranger | Standing::Known, _) => true,
        };
        if known && stays {
            open.standing = Standing::Known;
        }
        counts.add(self.number, open);
        // One is turned away: a stranger at whose place this one is, or this one itself.
        if knocked {
            self.gauge.turned_away_one();
        }
        stays
    }

    pub fn whence(&self) -> Whence {
        self.whence
    }

    /// Ready when it has to give way to another.
    pub fn over(&self) -> WaitForCancellationFuture<'_> {
        self.over.cancelled()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.gauge.0.open.fetch_sub(1, Ordering::Relaxed);
        lock(&self.counts).remove(self.number);
    }
}

/// The counts are whole at every moment, so a panic elsewhere does not spoil them.
fn lock(counts: &Mutex<Counts>) -> MutexGuard<'_, Counts> {
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn of(limits: Limits) -> Admission {
        Admission::new(limits, Gauge::default(), Acquainted::default())
    }

    fn goes_on(place: &Place) -> bool {
        !place.over.is_cancelled() && place.proved(Some(PeerId([9; 32])))
    }

    #[test]
    fn one_address_gets_so_many_and_others_still_get_theirs() {
        let admission = of(Limits { per_address: 2, ..Limits::default() });
        let places: Vec<_> = (0..3).map(|_| admission.enter(ip("192.0.2.1"))).collect();
        assert_eq!(places.iter().flatten().count(), 2);
        assert!(admission.enter(ip("::ffff:192.0.2.1")).is_none(), "the same address in its other form");
        assert!(admission.enter(ip("192.0.2.2")).is_some());
        drop(places);
        assert!(admission.enter(ip("192.0.2.1")).is_some());
        let counts = lock(&admission.counts);
        assert!(counts.per_address.is_empty() && counts.per_net.is_empty() && counts.open.is_empty());
    }

    #[test]
    fn all_together_get_so_many_and_who_comes_then_is_let_in_if_known() {
        let admission = of(Limits { in_all: 3, ..Limits::default() });
        let places: Vec<_> = (0..5).filter_map(|n| admission.enter(IpAddr::from([192, 0, 2, n]))).collect();
        assert_eq!(places.iter().filter(|place| goes_on(place)).count(), 3);
        admission.known.met(PeerId([9; 32]));
        let known = admission.enter(ip("192.0.2.77")).unwrap();
        assert!(goes_on(&known));
        assert_eq!(places.iter().filter(|place| goes_on(place)).count(), 2);
        drop((places, known));
        assert_eq!(admission.gauge.open(), 0);
    }

    #[test]
    fn one_network_of_ipv6_does_not_shut_the_door() {
        let admission = of(Limits::default());
        let from = |n: usize| ip(&format!("2001:db8::{:x}", n % 65));
        let flood: Vec<_> = (0..1_040).filter_map(|n| admission.enter(from(n))).collect();
        assert!(flood.len() < 520, "no more handshakes than at once are allowed");
        assert_eq!(flood.iter().filter(|place| goes_on(place)).count(), Limits::default().per_net);
        assert!(lock(&admission.counts).open.len() <= Limits::default().per_net + KNOCKING_PER_NET);
        assert!(goes_on(&admission.enter(ip("192.0.2.1")).unwrap()));
        assert!(goes_on(&admission.enter(ip("2001:db8:0:1::1")).unwrap()));
        std::thread::sleep(std::time::Duration::from_millis(50));
        // Whom we know comes in from the same network, too.
        assert!(!goes_on(&admission.enter(ip("2001:db8::ffff")).unwrap()));
        admission.known.met(PeerId([9; 32]));
        assert!(goes_on(&admission.enter(ip("2001:db8::ffff")).unwrap()));
    }

    #[test]
    fn many_addresses_give_way_to_one_that_has_fewer() {
        let admission = of(Limits::default());
        let flood: Vec<_> =
            (0..1_200).filter_map(|n| admission.enter(IpAddr::from([10, 0, 0, (n / 16) as u8]))).collect();
        let honest: Vec<_> = (0..8).filter_map(|_| admission.enter(ip("10.0.9.9"))).collect();
        assert!(honest.iter().all(goes_on) && honest.len() == 8);
        assert_eq!(flood.iter().chain(&honest).filter(|place| goes_on(place)).count(), Limits::default().in_all);
    }

    #[test]
    fn callers_on_this_computer_do_not_starve_each_other() {
        let admission = of(Limits::default());
        let places: Vec<_> = (0..100).map(|_| admission.enter(ip("127.0.0.1"))).collect();
        assert_eq!(places.iter().flatten().count(), 100);
    }
}
