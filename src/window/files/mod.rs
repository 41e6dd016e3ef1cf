//! The files of a share as folders in folders, which of them are wanted, and how far each is.
//!
//! The tree is made once for a share, of 20,000 files too; what changes with each picture are flat lists beside it. Only
//! rows that can be seen are ever drawn.

mod tree;

use std::collections::BTreeSet;

pub use self::tree::{Tick, Tree};
use crate::{
    engine::{
        command::Selection,
        snapshot::{Listing, TransferRow},
    },
    share::ShareId,
};

/// Up to so many files all folders are open at first.
const OPEN_AT_FIRST: usize = 40;

/// The files of the one share whose details are open.
#[derive(Debug)]
pub struct Files {
    pub share: ShareId,
    pub tree: Tree,
    /// Folders that are open, as places in the tree.
    open: BTreeSet<usize>,
    /// Places in the tree that are not inside a closed folder, in order.
    rows: Vec<usize>,
    /// For each place in the tree.
    ticks: Vec<Tick>,
    done: Vec<u64>,
    /// What a person chose and the engine has not confirmed yet.
    asked: Option<BTreeSet<u32>>,
    wanted: BTreeSet<u32>,
    /// The picture that `ticks` and `done` were read from.
    revision: Option<u64>,
}

impl Files {
    pub fn of(share: ShareId, listing: &Listing) -> Files {
        let files = listing.files();
        let tree = Tree::of(files.iter().map(|file| (file.number, file.path.as_str(), file.size)));
        let folders = (0..tree.len()).filter(|at| tree.node(*at).is_some_and(|node| node.file.is_none()));
        let open = if files.len() <= OPEN_AT_FIRST {
            folders.collect()
        } else {
            folders.filter(|at| tree.node(*at).is_some_and(|node| node.depth == 0)).take(1).collect()
        };
        let mut files = Files {
            share,
            tree,
            open,
            rows: Vec::new(),
            ticks: Vec::new(),
            done: Vec::new(),
            asked: None,
            wanted: BTreeSet::new(),
            revision: None,
        };
        files.rows = files.tree.rows(&files.open);
        files
    }

    /// Reads a newer picture; costs nothing when it is the one that was read last.
    pub fn read(&mut self, revision: u64, row: &TransferRow, listing: &Listing) {
        if self.revision == Some(revision) {
            return;
        }
        self.revision = Some(revision);
        let (done, wanted): (Vec<u64>, Vec<bool>) = listing.progress().into_iter().unzip();
        self.wanted = (0..).zip(&wanted).filter(|(_, wanted)| **wanted).map(|(number, _)| number).collect();
        if self.asked.as_ref() == Some(&self.wanted) || row.mine {
            self.asked = None;
        }
        self.done = self.tree.sums(&done);
        self.tick();
    }

    fn tick(&mut self) {
        let wanted = self.asked.as_ref().unwrap_or(&self.wanted);
        self.ticks = self.tree.ticks(|number| wanted.contains(&number));
    }

    /// How many rows there are to draw.
    pub fn count(&self) -> usize {
        self.rows.len()
    }

    /// The place in the tree of a row.
    pub fn row(&self, at: usize) -> Option<usize> {
        self.rows.get(at).copied()
    }

    pub fn is_open(&self, place: usize) -> bool {
        self.open.contains(&place)
    }

    pub fn set_open(&mut self, place: usize, open: bool) {
        let changed = if open { self.open.insert(place) } else { self.open.remove(&place) };
        if changed {
            self.rows = self.tree.rows(&self.open);
        }
    }

    /// Where the row of a node's folder is.
    pub fn row_of_parent(&self, place: usize) -> Option<usize> {
        let parent = self.tree.parent(place)?;
        self.rows.binary_search(&parent).ok()
    }

    pub fn ticked(&self, place: usize) -> Tick {
        self.ticks.get(place).copied().unwrap_or(Tick::All)
    }

    /// Verified bytes of a file, or of everything in a folder.
    pub fn done(&self, place: usize) -> u64 {
        self.done.get(place).copied().unwrap_or(0)
    }

    /// How many files are wanted.
    pub fn wanted(&self) -> usize {
        self.asked.as_ref().unwrap_or(&self.wanted).len()
    }

    pub fn is_everything_wanted(&self) -> bool {
        self.wanted() == self.tree.files()
    }

    /// Wants a file or folder, or wants it no more; what to tell the engine, if there is anything.
    pub fn toggle(&mut self, place: usize) -> Option<Selection> {
        let want = self.ticked(place) != Tick::All;
        let mut wanted = self.asked.as_ref().unwrap_or(&self.wanted).clone();
        for number in self.tree.files_in(place) {
            if want {
                wanted.insert(number);
            } else {
                wanted.remove(&number);
            }
        }
        self.ask(wanted)
    }

    pub fn want_all(&mut self) -> Option<Selection> {
        let all = (0..self.tree.len()).filter_map(|at| self.tree.node(at)?.file).collect();
        self.ask(all)
    }

    /// A share of which nothing is wanted would be no transfer; the last file stays.
    fn ask(&mut self, wanted: BTreeSet<u32>) -> Option<Selection> {
        if wanted.is_empty() || self.asked.as_ref().unwrap_or(&self.wanted) == &wanted {
            return None;
        }
        let selection =
            if wanted.len() == self.tree.files() { Selection::All } else { Selection::These(wanted.clone()) };
        self.asked = Some(wanted);
        self.tick();
        Some(selection)
    }

    /// The engine did not take what was asked: what holds is shown again.
    pub fn refused(&mut self) {
        self.asked = None;
        self.tick();
    }
}
