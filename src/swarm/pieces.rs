//! Every piece of one share: what became of it here, and how many copies others have.
//!
//! Invariants:
//! - a piece is in exactly one [`State`], and only this file changes it;
//! - `have` is the set of pieces in state `Had`, `wanted` holds those in state `Wanted` at their number of copies;
//! - `askers` holds the pieces in state `Fetching`, each with at least one peer, and each peer once.
//!
//! What every piece needs takes a few bytes in a row, so that a look at one of many thousand costs no trip to memory of
//! its own; who was asked is kept for the few that are on their way.

use std::collections::BTreeMap;

use super::picker::Rarity;
use crate::share::{Bitmap, PeerId, PieceIndex, Pieces};

/// What became of a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nobody asked for it.
    NotWanted,
    /// To be fetched.
    Wanted,
    /// On its way.
    Fetching,
    /// Verified and on our disk.
    Had,
}

/// The pieces of one share. Memory: 8 bytes a piece, and the levels of [`Rarity`].
#[derive(Debug)]
pub struct PieceTable {
    indexes: Vec<PieceIndex>,
    states: Vec<State>,
    copies: Vec<u16>,
    /// Whom each piece that is on its way was asked of.
    askers: BTreeMap<PieceIndex, Vec<PeerId>>,
    have: Bitmap,
    /// What a person wants, had or not.
    selected: Bitmap,
    wanted: Rarity,
}

impl PieceTable {
    /// `wanted`: `None` for all. What is had stays had, wanted or not.
    pub fn new(pieces: &Pieces, have: Bitmap, wanted: Option<&Bitmap>) -> PieceTable {
        let mut rarity = Rarity::new(pieces);
        let selected = wanted.cloned().unwrap_or_else(|| Bitmap::full(pieces));
        let indexes: Vec<PieceIndex> = pieces.iter().collect();
        let state_of = |index: &PieceIndex| match have.contains(*index) {
            true => State::Had,
            false if selected.contains(*index) => State::Wanted,
            false => State::NotWanted,
        };
        let states: Vec<State> = indexes.iter().map(state_of).collect();
        for (index, _) in indexes.iter().zip(&states).filter(|(_, state)| **state == State::Wanted) {
            rarity.insert(*index, 0);
        }
        let copies = vec![0; indexes.len()];
        PieceTable { indexes, states, copies, askers: BTreeMap::new(), have, selected, wanted: rarity }
    }

    pub fn have(&self) -> &Bitmap {
        &self.have
    }

    /// What a person wants, had or not.
    pub fn selected(&self) -> &Bitmap {
        &self.selected
    }

    /// The wanted pieces that nobody has been asked for.
    pub fn wanted(&self) -> &Rarity {
        &self.wanted
    }

    /// How many pieces are on their way.
    pub fn fetching(&self) -> u32 {
        self.askers.len() as u32
    }

    /// Whether nothing is left to fetch.
    pub fn is_complete(&self) -> bool {
        self.askers.is_empty() && self.wanted.count() == 0
    }

    /// How many peers have the piece, as far as is known.
    pub fn copies(&self, piece: PieceIndex) -> u32 {
        self.copies.get(piece.get() as usize).map_or(0, |copies| u32::from(*copies))
    }

    /// `None` for a piece of another, longer share.
    pub fn state(&self, piece: PieceIndex) -> Option<State> {
        self.states.get(piece.get() as usize).copied()
    }

    /// Whom the piece was asked of.
    pub fn asked_of(&self, piece: PieceIndex) -> &[PeerId] {
        self.askers.get(&piece).map_or(&[], Vec::as_slice)
    }

    pub fn index(&self, number: u32) -> Option<PieceIndex> {
        self.indexes.get(number as usize).copied()
    }

    pub fn indexes(&self) -> impl Iterator<Item = PieceIndex> + '_ {
        self.indexes.iter().copied()
    }

    /// One more peer has it. Tells whether it is wanted and nobody has been asked for it.
    pub fn copy_found(&mut self, piece: PieceIndex) -> bool {
        self.change_copies(piece, |copies| copies.saturating_add(1))
    }

    /// One peer fewer has it.
    pub fn copy_lost(&mut self, piece: PieceIndex) {
        self.change_copies(piece, |copies| copies.saturating_sub(1));
    }

    /// A peer is asked for it.
    pub fn ask(&mut self, piece: PieceIndex, peer: PeerId) {
        match self.state(piece) {
            Some(State::Wanted) => {
                self.leave_wanted(piece, State::Fetching);
                self.askers.insert(piece, vec![peer]);
            }
            Some(State::Fetching) => {
                let by = self.askers.entry(piece).or_default();
                if !by.contains(&peer) {
                    by.push(peer);
                }
            }
            Some(State::NotWanted | State::Had) | None => {}
        }
    }

    /// A peer is not asked for it any more; tells whether it is wanted again because nobody else is.
    pub fn withdraw(&mut self, piece: PieceIndex, peer: PeerId) -> bool {
        let Some(by) = self.askers.get_mut(&piece) else { return false };
        by.retain(|asked| *asked != peer);
        if !by.is_empty() {
            return false;
        }
        self.askers.remove(&piece);
        self.want(piece);
        true
    }

    /// It is verified and on our disk. Whom it had been asked of; `None` where it was had already.
    pub fn got(&mut self, piece: PieceIndex) -> Option<Vec<PeerId>> {
        match self.state(piece)? {
            State::Had => return None,
            State::Wanted => self.leave_wanted(piece, State::Had),
            State::NotWanted | State::Fetching => self.set_state(piece, State::Had),
        }
        self.have.insert(piece);
        Some(self.askers.remove(&piece).unwrap_or_default())
    }

    /// It is not had after all; tells whether it was.
    pub fn spoil(&mut self, piece: PieceIndex) -> bool {
        if self.state(piece) != Some(State::Had) {
            return false;
        }
        self.have.remove(piece);
        if self.selected.contains(piece) {
            self.want(piece);
        } else {
            self.set_state(piece, State::NotWanted);
        }
        true
    }

    /// Exactly these are wanted. Tells what was on its way and is not wanted any more, and whom it was asked of.
    pub fn set_wanted(&mut self, wanted: &Bitmap) -> Vec<(PieceIndex, Vec<PeerId>)> {
        let mut dropped = vec![];
        for piece in self.indexes.clone() {
            match (self.state(piece), wanted.contains(piece)) {
                (Some(State::NotWanted), true) => self.want(piece),
                (Some(State::Wanted), false) => self.leave_wanted(piece, State::NotWanted),
                (Some(State::Fetching), false) => {
                    self.set_state(piece, State::NotWanted);
                    dropped.push((piece, self.askers.remove(&piece).unwrap_or_default()));
                }
                _ => {}
            }
        }
        self.selected = wanted.clone();
        dropped
    }

    fn want(&mut self, piece: PieceIndex) {
        self.set_state(piece, State::Wanted);
        self.wanted.insert(piece, self.copies(piece));
    }

    fn leave_wanted(&mut self, piece: PieceIndex, state: State) {
        self.wanted.remove(piece, self.copies(piece));
        self.set_state(piece, state);
    }

    fn set_state(&mut self, piece: PieceIndex, state: State) {
        if let Some(now) = self.states.get_mut(piece.get() as usize) {
            *now = state;
        }
    }

    fn change_copies(&mut self, piece: PieceIndex, change: impl Fn(u16) -> u16) -> bool {
        let Some(copies) = self.copies.get_mut(piece.get() as usize) else { return false };
        let before = *copies;
        *copies = change(before);
        let now = *copies;
        let wanted = self.state(piece) == Some(State::Wanted);
        if wanted {
            self.wanted.remove(piece, u32::from(before));
            self.wanted.insert(piece, u32::from(now));
        }
        wanted
    }
}
