//! Counts connections, per address and in all. A [`Place`] is one connection's; dropping it gives it back.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use super::Limits;

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

    /// Connections that were closed at once, because their address or all together had too many.
    pub fn turned_away(&self) -> u64 {
        self.0.turned_away.load(Ordering::Relaxed)
    }

    /// Connections whose handshake failed or took too long.
    pub fn handshakes_failed(&self) -> u64 {
        self.0.handshakes_failed.load(Ordering::Relaxed)
    }

    pub(super) fn handshake_failed(&self) {
        self.0.handshakes_failed.fetch_add(1, Ordering::Relaxed);
    }
}

/// Who has how many connections.
pub(super) struct Admission {
    limits: Limits,
    gauge: Gauge,
    counts: Arc<Mutex<Counts>>,
}

#[derive(Default)]
struct Counts {
    in_all: usize,
    per_address: BTreeMap<IpAddr, usize>,
}

/// The right to one connection.
pub(super) struct Place {
    counts: Arc<Mutex<Counts>>,
    gauge: Gauge,
    address: IpAddr,
}

impl Admission {
    pub fn new(limits: Limits, gauge: Gauge) -> Admission {
        Admission { limits, gauge, counts: Arc::default() }
    }

    /// A place for one more connection from `address`, unless there are enough.
    pub fn enter(&self, address: IpAddr) -> Option<Place> {
        let address = address.to_canonical();
        let limit = if address.is_loopback() { self.limits.per_loopback } else { self.limits.per_address };
        let mut counts = lock(&self.counts);
        let here = counts.per_address.get(&address).copied().unwrap_or(0);
        if counts.in_all >= self.limits.in_all || here >= limit {
            self.gauge.0.turned_away.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        counts.in_all += 1;
        counts.per_address.insert(address, here + 1);
        self.gauge.0.open.fetch_add(1, Ordering::Relaxed);
        Some(Place { counts: self.counts.clone(), gauge: self.gauge.clone(), address })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = lock(&self.counts);
        self.gauge.0.open.fetch_sub(1, Ordering::Relaxed);
        counts.in_all = counts.in_all.saturating_sub(1);
        match counts.per_address.get_mut(&self.address) {
            Some(here) if *here > 1 => *here -= 1,
            _ => {
                counts.per_address.remove(&self.address);
            }
        }
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

    #[test]
    fn one_address_gets_so_many_and_others_still_get_theirs() {
        let admission = Admission::new(Limits { per_address: 2, ..Limits::default() }, Gauge::default());
        let places: Vec<_> = (0..3).map(|_| admission.enter(ip("192.0.2.1"))).collect();
        assert_eq!(places.iter().flatten().count(), 2);
        assert!(admission.enter(ip("::ffff:192.0.2.1")).is_none(), "the same address in its other form");
        assert!(admission.enter(ip("192.0.2.2")).is_some());
        drop(places);
        assert!(admission.enter(ip("192.0.2.1")).is_some());
        assert!(lock(&admission.counts).per_address.is_empty());
    }

    #[test]
    fn all_together_get_so_many() {
        let admission = Admission::new(Limits { in_all: 3, ..Limits::default() }, Gauge::default());
        let places: Vec<_> = (0..5).map(|n| admission.enter(IpAddr::from([192, 0, 2, n]))).collect();
        assert_eq!(places.iter().flatten().count(), 3);
        assert_eq!((admission.gauge.open(), admission.gauge.turned_away()), (3, 2));
        drop(places);
        assert_eq!(admission.gauge.open(), 0);
    }

    #[test]
    fn callers_on_this_computer_do_not_starve_each_other() {
        let admission = Admission::new(Limits::default(), Gauge::default());
        let places: Vec<_> = (0..100).map(|_| admission.enter(ip("127.0.0.1"))).collect();
        assert_eq!(places.iter().flatten().count(), 100);
    }
}
