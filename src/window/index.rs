//! Which shares are shown, in which order, and where each id stands: worked out once for a snapshot and a question, so that
//! a frame over ten thousand shares costs no more than one over ten.

use std::{cmp::Reverse, collections::BTreeMap};

use super::memory::Sort;
use crate::{
    engine::snapshot::{PeerRow, ShareRow, Snapshot, TransferRow},
    share::{PeerId, ShareId},
};

/// What the list was made from; the same key means the same list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Key {
    revision: u64,
    search: String,
    person: Option<PeerId>,
    sort: Sort,
}

/// One share that is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Where in `Snapshot::shares`.
    pub at: usize,
    /// A file inside it that was searched for, when its title alone does not tell why it is here.
    pub file: Option<String>,
}

/// The list of the room.
#[derive(Debug, Default)]
pub struct Index {
    key: Option<Key>,
    pub shown: Vec<Found>,
    transfers: BTreeMap<ShareId, usize>,
    shares: BTreeMap<ShareId, usize>,
}

impl Index {
    /// Brings the list up to date; costs next to nothing when nothing changed.
    pub fn refresh(&mut self, now: &Snapshot, search: &str, person: Option<PeerId>, sort: Sort) {
        let search = search.trim().to_lowercase();
        let key = Key { revision: now.revision, search, person, sort };
        if self.key.as_ref() == Some(&key) {
            return;
        }
        if self.key.as_ref().is_none_or(|old| old.revision != key.revision) {
            self.transfers = now.transfers.iter().enumerate().map(|(at, row)| (row.share, at)).collect();
            self.shares = now.shares.iter().enumerate().map(|(at, row)| (row.id, at)).collect();
        }
        self.shown = now.shares.iter().enumerate().filter_map(|(at, row)| self.found(now, &key, at, row)).collect();
        sort_shown(&mut self.shown, now, sort);
        self.key = Some(key);
    }

    pub fn share<'a>(&self, now: &'a Snapshot, id: &ShareId) -> Option<&'a ShareRow> {
        now.shares.get(*self.shares.get(id)?).map(|row| &**row)
    }

    pub fn transfer<'a>(&self, now: &'a Snapshot, id: &ShareId) -> Option<&'a TransferRow> {
        now.transfers.get(*self.transfers.get(id)?).map(|row| &**row)
    }

    fn found(&self, now: &Snapshot, key: &Key, at: usize, row: &ShareRow) -> Option<Found> {
        if key.person.is_some_and(|person| person != row.publisher) {
            return None;
        }
        if key.search.is_empty() || matches(&row.title, &key.search) {
            return Some(Found { at, file: None });
        }
        if row.publisher_name.as_ref().is_some_and(|name| matches(name, &key.search)) {
            return Some(Found { at, file: None });
        }
        let facts = self.transfer(now, &row.id)?.facts.as_ref()?;
        let (file, ..) = facts.files.iter().find(|(path, ..)| matches(path, &key.search))?;
        Some(Found { at, file: Some(file.clone()) })
    }
}

/// Whether a person answers to what is searched for.
pub fn answers(peer: &PeerRow, search: &str) -> bool {
    let search = search.trim().to_lowercase();
    search.is_empty() || matches(&peer.name, &search)
}

/// Every word of `search` (in lower case) stands in `text`.
fn matches(text: &str, search: &str) -> bool {
    let text = text.to_lowercase();
    search.split_whitespace().all(|word| text.contains(word))
}

fn sort_shown(shown: &mut [Found], now: &Snapshot, sort: Sort) {
    let row = |found: &Found| &now.shares[found.at];
    match sort {
        Sort::Newest => {}
        Sort::Name => shown.sort_by_cached_key(|found| row(found).title.to_lowercase()),
        Sort::Largest => shown.sort_by_key(|found| Reverse(row(found).size)),
        Sort::Person => shown.sort_by_cached_key(|found| row(found).publisher_name.clone().map(|n| n.to_lowercase())),
    }
}
