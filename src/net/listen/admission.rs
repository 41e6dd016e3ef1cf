//! Counts connections, per address and in all. A [`Place`] is one connection's; dropping it gives it back.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use super::Limits;

/// Who has how many connections.
pub(super) struct Admission {
    limits: Limits,
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
    address: IpAddr,
}

impl Admission {
    pub fn new(limits: Limits) -> Admission {
        Admission { limits, counts: Arc::default() }
    }

    /// A place for one more connection from `address`, unless there are enough.
    pub fn enter(&self, address: IpAddr) -> Option<Place> {
        let address = address.to_canonical();
        let limit = if address.is_loopback() { self.limits.per_loopback } else { self.limits.per_address };
        let mut counts = lock(&self.counts);
        let here = counts.per_address.get(&address).copied().unwrap_or(0);
        if counts.in_all >= self.limits.in_all || here >= limit {
            return None;
        }
        counts.in_all += 1;
        counts.per_address.insert(address, here + 1);
        Some(Place { counts: self.counts.clone(), address })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut counts = lock(&self.counts);
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
        let admission = Admission::new(Limits { per_address: 2, ..Limits::default() });
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
        let admission = Admission::new(Limits { in_all: 3, ..Limits::default() });
        let places: Vec<_> = (0..5).map(|n| admission.enter(IpAddr::from([192, 0, 2, n]))).collect();
        assert_eq!(places.iter().flatten().count(), 3);
    }

    #[test]
    fn callers_on_this_computer_do_not_starve_each_other() {
        let admission = Admission::new(Limits::default());
        let places: Vec<_> = (0..100).map(|_| admission.enter(ip("127.0.0.1"))).collect();
        assert_eq!(places.iter().flatten().count(), 100);
    }
}
