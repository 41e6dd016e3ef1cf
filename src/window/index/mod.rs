//! What a frame looks up instead of searching: which shares are shown and in which order, where each id stands, which
//! transfers belong to which part of the page. Worked out once for a picture and a question, so that a frame over ten
//! thousand shares costs no more than one over ten.
//!
//! A newer picture shares the rows that stayed the same with the one before; they are told by their pointer. While only
//! transfers move, which is nearly always, the list of shares is not touched at all.

mod list;
mod people;
mod sections;

use std::{collections::BTreeMap, sync::Arc};

pub use self::{
    list::Found,
    sections::{Sections, can_pause},
};
use self::{list::List, people::People};
use super::memory::Sort;
use crate::{
    engine::snapshot::{PeerRow, ShareRow, Snapshot, TransferRow},
    share::{
        PeerId, ShareId,
        words::{folded, words_of},
    },
};

/// What a person wants to see of the room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Question<'a> {
    /// As typed.
    pub search: &'a str,
    /// Only this person's shares.
    pub person: Option<PeerId>,
    pub sort: Sort,
}

/// Everything that is looked up.
#[derive(Debug, Default)]
pub struct Index {
    /// The newest picture that was read.
    revision: Option<u64>,
    list: List,
    people: People,
    sections: Sections,
    /// Where in `Snapshot::shares` what I share is.
    mine: Vec<usize>,
    transfers: BTreeMap<ShareId, usize>,
    shares: BTreeMap<ShareId, usize>,
}

impl Index {
    /// Reads a newer picture; costs nothing when it is the one that was read last.
    pub fn read(&mut self, now: &Snapshot) {
        if self.revision == Some(now.revision) {
            return;
        }
        self.revision = Some(now.revision);
        let change = self.list.read(now);
        if change.moved {
            self.shares = now.shares.iter().enumerate().map(|(at, row)| (row.id, at)).collect();
        }
        if change.any {
            self.mine = now.shares.iter().enumerate().filter(|(_, row)| row.mine).map(|(at, _)| at).collect();
        }
        self.people.read(&now.peers);
        self.transfers = now.transfers.iter().enumerate().map(|(at, row)| (row.share, at)).collect();
        self.sections = Sections::of(now);
    }

    /// Answers a question about the picture that was read last; costs nothing when nothing of both changed.
    pub fn answer(&mut self, now: &Snapshot, question: Question<'_>) {
        self.list.answer(now, &question);
        self.people.answer(&now.peers, question.search);
    }

    /// The shares of the room that answer the question.
    pub fn shown(&self) -> &[Found] {
        self.list.shown()
    }

    /// Those of the peers who answer to what is searched for; who gives something comes first.
    pub fn people<'a>(&'a self, now: &'a Snapshot) -> impl ExactSizeIterator<Item = &'a PeerRow> {
        self.people.shown().iter().map(|at| &*now.peers[*at])
    }

    /// What I share.
    pub fn mine<'a>(&self, now: &'a Snapshot, at: usize) -> Option<&'a ShareRow> {
        now.shares.get(*self.mine.get(at)?).map(|row| &**row)
    }

    pub fn mine_count(&self) -> usize {
        self.mine.len()
    }

    pub fn sections(&self) -> &Sections {
        &self.sections
    }

    pub fn share<'a>(&self, now: &'a Snapshot, id: &ShareId) -> Option<&'a ShareRow> {
        now.shares.get(*self.shares.get(id)?).map(|row| &**row)
    }

    pub fn transfer<'a>(&self, now: &'a Snapshot, id: &ShareId) -> Option<&'a TransferRow> {
        now.transfers.get(*self.transfers.get(id)?).map(|row| &**row)
    }

    pub fn peer<'a>(&self, now: &'a Snapshot, id: &PeerId) -> Option<&'a PeerRow> {
        now.peers.get(self.people.place(id)?).map(|row| &**row)
    }
}

/// Makes `known` the same as `rows`, which mostly it is already; `changed` is told of each place that differs.
fn follow<T>(known: &mut Vec<Arc<T>>, rows: &[Arc<T>], mut changed: impl FnMut(usize, Option<&T>)) {
    if known.len() > rows.len() {
        known.truncate(rows.len());
        changed(rows.len(), None);
    }
    for (at, row) in rows.iter().enumerate() {
        match known.get_mut(at) {
            Some(old) if Arc::ptr_eq(old, row) => {}
            Some(old) => {
                changed(at, Some(old));
                *old = row.clone();
            }
            None => {
                changed(at, None);
                known.push(row.clone());
            }
        }
    }
}

/// What is looked for, of what somebody typed: words as servers take them apart, with blanks between them.
fn asked(typed: &str) -> String {
    let words = words_of(typed).join(" ");
    // Signs alone have no words.
    if words.is_empty() { folded(typed.trim()) } else { words }
}

/// Every word of `search` stands in `text`; both are folded.
fn matches(text: &str, search: &str) -> bool {
    search.split_whitespace().all(|word| text.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_rows_that_differ_are_told() {
        let row = |name: &str| Arc::new(name.to_owned());
        let (a, b, c, d) = (row("a"), row("b"), row("c"), row("d"));
        let mut known = Vec::new();
        let mut told = |rows: &[Arc<String>]| {
            let mut told = Vec::new();
            follow(&mut known, rows, |at, old| told.push((at, old.cloned())));
            told
        };
        let old = |row: &Arc<String>| Some(row.to_string());
        assert_eq!(told(&[a.clone(), b.clone()]), [(0, None), (1, None)]);
        assert_eq!(told(&[a.clone(), b.clone()]), []);
        assert_eq!(told(&[a.clone(), c.clone(), d.clone()]), [(1, old(&b)), (2, None)]);
        assert_eq!(told(&[row("a"), c]), [(2, None), (0, old(&a))]);
        assert_eq!(told(&[]), [(0, None)]);
    }

    #[test]
    fn every_word_that_is_searched_for_must_be_there() {
        assert!(matches("worksheet 7\nms kaya", "kaya work"));
        assert!(!matches("worksheet 7\nms kaya", "kaya ben"));
        assert!(matches("", ""));
    }
}
