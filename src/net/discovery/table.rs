//! Everything that was seen and has not left, when to ask whether it is still there, and the news that nobody took yet.

use std::{
    collections::BTreeMap,
    hash::{BuildHasher, RandomState},
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use mdns_sd::{ResolvedService, ScopedIp};
use tokio::time::Instant;

use super::{Event, Seen, announcement};
use crate::{
    net::interfaces::{is_link_local, rank, scoped},
    share::PeerId,
};

/// How many instances are kept; a room has some dozens.
const ENTRIES_MAX: usize = 4096;

/// How many addresses of one instance are kept.
const ADDRESSES_MAX: usize = 16;

/// How long somebody may be silent before it is asked, and by how much that varies.
const SILENCE: Duration = Duration::from_secs(18);
const SILENCE_JITTER: Duration = Duration::from_secs(2);

/// What was seen, by the instance's mDNS name.
pub(super) struct Table {
    me: PeerId,
    instance: u64,
    entries: BTreeMap<String, Entry>,
    /// The latest of each peer that was not told yet.
    news: BTreeMap<PeerId, Event>,
}

struct Entry {
    seen: Seen,
    beat: u32,
    check: Instant,
    /// Another program with our key that was told of.
    told_twin: bool,
}

impl Table {
    pub fn new(me: PeerId, instance: u64) -> Table {
        Table { me, instance, entries: BTreeMap::new(), news: BTreeMap::new() }
    }

    /// A service was found, or something about it has changed.
    pub fn resolved(&mut self, service: &ResolvedService, now: Instant) {
        let addresses = addresses(service);
        if addresses.is_empty() || service.port == 0 {
            return;
        }
        let value = |key: &str| service.txt_properties.get_property_val(key).flatten();
        if let Some((seen, beat)) = announcement::read(value, addresses) {
            self.seen(&service.fullname, seen, beat, now);
        }
    }

    fn seen(&mut self, name: &str, seen: Seen, beat: u32, now: Instant) {
        let mine = seen.id == self.me;
        if mine && seen.instance == self.instance {
            return;
        }
        let check = now + SILENCE + by_chance(SILENCE_JITTER);
        let Some(entry) = self.entries.get_mut(name) else {
            if self.entries.len() < ENTRIES_MAX {
                self.entries.insert(name.to_owned(), Entry { seen: seen.clone(), beat, check, told_twin: false });
                self.tell_seen(seen);
            }
            return;
        };
        // Only a beat is a sign of life: addresses also change when they expire.
        let alive = entry.beat != beat;
        let changed = entry.seen != seen;
        if alive {
            entry.check = check;
            entry.beat = beat;
        }
        entry.seen = seen.clone();
        if mine && alive && !entry.told_twin {
            entry.told_twin = true;
            self.news.insert(self.me, Event::Twin { name: seen.name, addresses: seen.addresses });
        } else if alive || changed {
            self.tell_seen(seen);
        }
    }

    /// A service said goodbye or is not heard any more.
    pub fn removed(&mut self, name: &str) {
        let Some(Entry { seen: Seen { id, .. }, .. }) = self.entries.remove(name) else { return };
        // Whoever was started again is there under its other name.
        match self.entries.values().find(|entry| entry.seen.id == id) {
            Some(entry) => self.tell_seen(entry.seen.clone()),
            None if id == self.me => {}
            None => {
                self.news.insert(id, Event::Left { id });
            }
        }
    }

    /// Who was silent for long and should be asked now.
    pub fn due_checks(&mut self, now: Instant) -> Vec<String> {
        let due = self.entries.iter_mut().filter(|(_, entry)| now >= entry.check);
        due.map(|(name, entry)| {
            entry.check = now + SILENCE + by_chance(SILENCE_JITTER);
            name.clone()
        })
        .collect()
    }

    pub fn next_check(&self) -> Option<Instant> {
        self.entries.values().map(|entry| entry.check).min()
    }

    pub fn has_news(&self) -> bool {
        !self.news.is_empty()
    }

    pub fn take_news(&mut self) -> Option<Event> {
        self.news.pop_first().map(|(_, event)| event)
    }

    fn tell_seen(&mut self, seen: Seen) {
        if seen.id != self.me {
            self.news.insert(seen.id, Event::Seen(seen));
        }
    }
}

/// Some part of `most`, other on every call. Nothing secret hangs on it.
pub(super) fn by_chance(most: Duration) -> Duration {
    let random = RandomState::new().hash_one(0_u8) as u32;
    most.mul_f64(f64::from(random) / f64::from(u32::MAX))
}

/// The addresses of a service that can be called from here, best first.
fn addresses(service: &ResolvedService) -> Vec<SocketAddr> {
    let mut addresses: Vec<_> = service.addresses.iter().filter_map(|address| usable(address, service.port)).collect();
    addresses.sort_by_key(|address| (rank(address.ip()), *address));
    addresses.truncate(ADDRESSES_MAX);
    addresses
}

/// An address of loopback counts only when it came over loopback: anybody else's is not ours.
fn usable(address: &ScopedIp, port: u16) -> Option<SocketAddr> {
    let ip = address.to_ip_addr();
    let (named, interface): (Vec<&str>, u32) = match address {
        ScopedIp::V4(v4) => (v4.interface_ids().iter().map(|id| id.name.as_str()).collect(), 0),
        ScopedIp::V6(v6) => (vec![v6.scope_id().name.as_str()], v6.scope_id().index),
        _ => return None,
    };
    if ip.is_unspecified() || ip.is_multicast() {
        return None;
    }
    if ip.is_loopback() && (named.is_empty() || !named.iter().all(|name| is_loopback(name))) {
        return None;
    }
    match ip {
        IpAddr::V6(ip) if is_link_local(ip) && interface == 0 => None,
        _ => Some(scoped(ip, port, interface)),
    }
}

/// `lo` on Linux, `lo0` on macOS and BSD, a longer name on Windows.
fn is_loopback(interface: &str) -> bool {
    let interface = interface.to_ascii_lowercase();
    interface == "lo" || interface == "lo0" || interface.starts_with("loopback")
}

#[cfg(test)]
mod tests {
    use mdns_sd::{InterfaceId, ScopedIpV4};

    use super::*;
    use crate::net::discovery::Role;

    const ME: PeerId = PeerId([0; 32]);
    const ANN: PeerId = PeerId([1; 32]);

    fn seen(id: PeerId, instance: u64, port: u16) -> Seen {
        let addresses = vec![SocketAddr::from(([192, 0, 2, 1], port))];
        Seen { id, instance, name: "x".to_owned(), role: Role::Peer, catalogue: 1, version: 1, addresses }
    }

    fn news(table: &mut Table) -> Vec<Event> {
        std::iter::from_fn(|| table.take_news()).collect()
    }

    #[test]
    fn a_beat_puts_off_the_question_and_a_repetition_does_not() {
        let (mut table, start) = (Table::new(ME, 7), Instant::now());
        table.seen("ann", seen(ANN, 1, 1), 1, start);
        let first = table.next_check().unwrap();
        assert!(first >= start + SILENCE && first <= start + SILENCE + SILENCE_JITTER);

        table.seen("ann", seen(ANN, 1, 1), 1, start + SILENCE);
        assert_eq!(table.next_check(), Some(first));
        table.seen("ann", seen(ANN, 1, 1), 2, start + SILENCE);
        assert!(table.next_check().unwrap() >= start + 2 * SILENCE);

        assert!(table.due_checks(start + SILENCE).is_empty());
        let late = start + 3 * SILENCE;
        assert_eq!(table.due_checks(late), ["ann"]);
        assert!(table.next_check().unwrap() > late, "nobody is asked twice at once");
    }

    #[test]
    fn changes_and_beats_are_told_and_repetitions_are_not() {
        let (mut table, now) = (Table::new(ME, 7), Instant::now());
        for (port, beat, told) in [(1, 1, 1), (1, 1, 0), (2, 1, 1), (2, 2, 1)] {
            table.seen("ann", seen(ANN, 1, port), beat, now);
            assert_eq!(news(&mut table).len(), told, "port {port}, beat {beat}");
        }
    }

    #[test]
    fn who_was_started_again_has_not_left() {
        let (mut table, now) = (Table::new(ME, 7), Instant::now());
        table.seen("ann 1", seen(ANN, 1, 1), 1, now);
        table.seen("ann 2", seen(ANN, 2, 2), 1, now);
        table.removed("ann 1");
        assert_eq!(news(&mut table), [Event::Seen(seen(ANN, 2, 2))]);
        table.removed("ann 2");
        assert_eq!(news(&mut table), [Event::Left { id: ANN }]);
    }

    #[test]
    fn our_own_key_elsewhere_is_a_twin_when_it_is_alive() {
        let (mut table, now) = (Table::new(ME, 7), Instant::now());
        table.seen("me", seen(ME, 7, 1), 1, now);
        table.seen("me", seen(ME, 7, 1), 2, now);
        // What an unclean stop left in the others' memory says no more.
        table.seen("me before", seen(ME, 6, 1), 1, now);
        table.seen("me before", seen(ME, 6, 2), 1, now);
        table.removed("me before");
        assert_eq!(news(&mut table), []);

        table.seen("me too", seen(ME, 8, 1), 1, now);
        table.seen("me too", seen(ME, 8, 1), 2, now);
        assert!(matches!(news(&mut table)[..], [Event::Twin { .. }]));
        table.seen("me too", seen(ME, 8, 1), 3, now);
        assert_eq!(news(&mut table), []);
    }

    #[test]
    fn a_stranger_can_not_point_us_at_our_own_loopback() {
        let on = |name: &str| InterfaceId { name: name.to_owned(), index: 2 };
        let v4 = |ip: &str, interface| ScopedIp::V4(ScopedIpV4::new(ip.parse().unwrap(), on(interface)));
        assert_eq!(usable(&v4("127.0.0.1", "eth0"), 5), None);
        assert_eq!(usable(&v4("127.0.0.1", "lo"), 5), Some("127.0.0.1:5".parse().unwrap()));
        assert_eq!(usable(&v4("192.0.2.1", "eth0"), 5), Some("192.0.2.1:5".parse().unwrap()));
        for nowhere in ["0.0.0.0", "224.0.0.251", "::", "ff02::fb", "fe80::1", "127.0.0.1", "::1"] {
            assert_eq!(usable(&ScopedIp::from(nowhere.parse::<IpAddr>().unwrap()), 5), None, "{nowhere}");
        }
    }

    #[test]
    fn the_table_does_not_grow_without_end() {
        let (mut table, now) = (Table::new(ME, 7), Instant::now());
        for n in 0..ENTRIES_MAX as u64 + 10 {
            table.seen(&n.to_string(), seen(ANN, n, 1), 1, now);
        }
        assert_eq!(table.entries.len(), ENTRIES_MAX);
    }
}
