//! What was given to whom, over all times that the program ran.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use super::State;
use crate::{
    engine::{
        snapshot::GivenRow,
        task::{Keep, Task},
    },
    share::{PeerId, ShareId},
    store::GivenRecord,
};

/// More rows than this are not kept: those to whom nothing went for longest are forgotten.
const ROWS_MAX: usize = 10_000;
/// While something is given it is written down this often.
const SAVE_EVERY: Duration = Duration::from_secs(10);

/// All rows, and which of them were not written down yet.
#[derive(Default)]
pub struct Ledger {
    rows: BTreeMap<(ShareId, PeerId), Entry>,
    /// Bytes of each share.
    shares: BTreeMap<ShareId, u64>,
    unsaved: BTreeSet<(ShareId, PeerId)>,
    saved_at: Option<Instant>,
}

struct Entry {
    title: String,
    bytes: u64,
    last: SystemTime,
}

impl Ledger {
    /// Takes over what was kept; what was given since the start of the program stays.
    pub fn restore(&mut self, given: Vec<GivenRecord>) {
        for record in given {
            self.add(record.share, record.peer, &record.title, record.bytes, record.last);
        }
        self.unsaved.clear();
    }

    /// `bytes` more went to a computer.
    pub fn add(&mut self, share: ShareId, peer: PeerId, title: &str, bytes: u64, at: SystemTime) {
        let entry =
            self.rows.entry((share, peer)).or_insert_with(|| Entry { title: title.to_owned(), bytes: 0, last: at });
        entry.bytes = entry.bytes.saturating_add(bytes);
        entry.last = entry.last.max(at);
        let all = self.shares.entry(share).or_default();
        *all = all.saturating_add(bytes);
        self.unsaved.insert((share, peer));
        if self.rows.len() > ROWS_MAX {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let oldest = self.rows.iter().min_by_key(|(_, entry)| entry.last).map(|(key, _)| *key);
        if let Some(key) = oldest {
            self.rows.remove(&key);
            self.unsaved.remove(&key);
        }
    }

    /// Bytes of a share that went to anybody, ever.
    pub fn given_of(&self, share: ShareId) -> u64 {
        self.shares.get(&share).copied().unwrap_or(0)
    }

    /// What is to be written down.
    fn take_unsaved(&mut self) -> Vec<GivenRecord> {
        let record = |(share, peer): (ShareId, PeerId)| {
            let entry = self.rows.get(&(share, peer))?;
            Some(GivenRecord { share, peer, title: entry.title.clone(), bytes: entry.bytes, last: entry.last })
        };
        std::mem::take(&mut self.unsaved).into_iter().filter_map(record).collect()
    }
}

impl State {
    pub(super) fn save_given(&mut self, tasks: &mut Vec<Task>) {
        let due = self.ledger.saved_at.is_none_or(|at| self.clock.now >= at + SAVE_EVERY);
        if due && !self.ledger.unsaved.is_empty() {
            self.ledger.saved_at = Some(self.clock.now);
            tasks.push(Task::Remember(Keep::Given(self.ledger.take_unsaved())));
        }
    }

    /// What was given and is not written down yet; for the end of the program.
    pub fn given_unsaved(&mut self) -> Option<Keep> {
        let given = self.ledger.take_unsaved();
        (!given.is_empty()).then_some(Keep::Given(given))
    }

    /// The overview of what I give to whom, the most recent first; the one before, if nothing changed.
    pub(super) fn given_rows(&self, before: Option<&Arc<[GivenRow]>>) -> Arc<[GivenRow]> {
        let row = |((share, peer), entry): (&(ShareId, PeerId), &Entry)| GivenRow {
            peer: *peer,
            peer_name: self.name_of(*peer),
            share: *share,
            title: entry.title.clone(),
            bytes: entry.bytes,
            rate: self.held.get(share).and_then(|held| held.given.get(peer)).map_or(0, |given| given.rates.up()),
            last: entry.last,
        };
        let mut rows: Vec<GivenRow> = self.ledger.rows.iter().map(row).collect();
        rows.sort_by(|a, b| b.last.cmp(&a.last).then_with(|| (a.share, a.peer).cmp(&(b.share, b.peer))));
        before.filter(|before| before.as_ref() == rows.as_slice()).cloned().unwrap_or_else(|| rows.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_adds_up_over_restarts_and_is_written_down_once() {
        let (share, peer) = (ShareId([1; 32]), PeerId([2; 32]));
        let at = SystemTime::UNIX_EPOCH;
        let mut first = Ledger::default();
        first.add(share, peer, "Film", 100, at);
        first.add(share, peer, "Film", 50, at);
        let kept = first.take_unsaved();
        assert_eq!((kept.len(), kept[0].bytes, first.take_unsaved()), (1, 150, vec![]));

        let mut second = Ledger::default();
        second.restore(kept);
        assert_eq!(second.take_unsaved(), vec![]);
        second.add(share, PeerId([3; 32]), "Film", 25, at);

        assert_eq!(second.given_of(share), 175);
        assert_eq!(second.take_unsaved().len(), 1);
    }

    #[test]
    fn the_rows_are_bounded_and_the_oldest_go_first() {
        let mut ledger = Ledger::default();
        for n in 0..(ROWS_MAX as u64 + 3) {
            let mut peer = [0; 32];
            peer[..8].copy_from_slice(&n.to_be_bytes());
            let at = SystemTime::UNIX_EPOCH + Duration::from_secs(n);
            ledger.add(ShareId([1; 32]), PeerId(peer), "x", 1, at);
        }

        assert_eq!(ledger.rows.len(), ROWS_MAX);
        assert_eq!(
            ledger.rows.values().map(|entry| entry.last).min(),
            Some(SystemTime::UNIX_EPOCH + Duration::from_secs(3))
        );
    }
}
