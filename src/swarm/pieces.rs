//! Every piece of one share: what became of it here, and how many copies others have.
//!
//! Invariants:
//! - a piece is in exactly one [`State`], and only this file changes it;
//! - `have` is the set of pieces in state `Had`, `wanted` holds those in state `Wanted` at their number of copies;
//! - a piece in state `Fetching` is asked of at least one peer, of each once.

use super::picker::Rarity;
use crate::share::{Bitmap, PeerId, PieceIndex, Pieces};

/// What became of a piece.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Nobody asked for it.
    NotWanted,
    /// To be fetched.
    Wanted,
    /// Asked of these peers.
    Fetching { by: Vec<PeerId> },
    /// Verified and on our disk.
    Had,
}

/// The pieces of one share. Memory: some 40 bytes a piece, and the levels of [`Rarity`].
#[derive(Debug)]
pub struct PieceTable {
    pieces: Vec<Piece>,
    have: Bitmap,
    /// What a person wants, had or not.
    selected: Bitmap,
    wanted: Rarity,
    fetching: u32,
}

#[derive(Debug)]
struct Piece {
    index: PieceIndex,
    copies: u32,
    state: State,
}

impl PieceTable {
    /// `wanted`: `None` for all. What is had stays had, wanted or not.
    pub fn new(pieces: &Pieces, have: Bitmap, wanted: Option<&Bitmap>) -> PieceTable {
        let mut rarity = Rarity::new(pieces);
        let selected = wanted.cloned().unwrap_or_else(|| Bitmap::full(pieces));
        let state_of = |index| match have.contains(index) {
            true => State::Had,
            false if selected.contains(index) => State::Wanted,
            false => State::NotWanted,
        };
        let table: Vec<Piece> = pieces.iter().map(|index| Piece { index, copies: 0, state: state_of(index) }).collect();
        for piece in table.iter().filter(|piece| piece.state == State::Wanted) {
            rarity.insert(piece.index, 0);
        }
        PieceTable { pieces: table, have, selected, wanted: rarity, fetching: 0 }
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

    /// How many pieces somebody has been asked for.
    pub fn fetching(&self) -> u32 {
        self.fetching
    }

    /// Whether nothing is left to fetch.
    pub fn is_complete(&self) -> bool {
        self.fetching == 0 && self.wanted.count() == 0
    }

    /// How many peers have the piece, as far as is known.
    pub fn copies(&self, piece: PieceIndex) -> u32 {
        self.at(piece).map_or(0, |piece| piece.copies)
    }

    /// `None` for a piece of another, longer share.
    pub fn state(&self, piece: PieceIndex) -> Option<&State> {
        self.at(piece).map(|piece| &piece.state)
    }

    /// Whom the piece was asked of.
    pub fn asked_of(&self, piece: PieceIndex) -> &[PeerId] {
        match self.state(piece) {
            Some(State::Fetching { by }) => by,
            _ => &[],
        }
    }

    pub fn index(&self, number: u32) -> Option<PieceIndex> {
        self.pieces.get(number as usize).map(|piece| piece.index)
    }

    pub fn indexes(&self) -> impl Iterator<Item = PieceIndex> + '_ {
        self.pieces.iter().map(|piece| piece.index)
    }

    /// One more peer has it.
    pub fn copy_found(&mut self, piece: PieceIndex) {
        self.change_copies(piece, |copies| copies.saturating_add(1));
    }

    /// One peer fewer has it.
    pub fn copy_lost(&mut self, piece: PieceIndex) {
        self.change_copies(piece, |copies| copies.saturating_sub(1));
    }

    /// A peer is asked for it.
    pub fn ask(&mut self, piece: PieceIndex, peer: PeerId) {
        let Some(Piece { index, copies, state }) = self.pieces.get_mut(piece.get() as usize) else { return };
        match state {
            State::Wanted => {
                *state = State::Fetching { by: vec![peer] };
                self.wanted.remove(*index, *copies);
                self.fetching += 1;
            }
            State::Fetching { by } if !by.contains(&peer) => by.push(peer),
            State::Fetching { .. } | State::NotWanted | State::Had => {}
        }
    }

    /// A peer is not asked for it any more; tells whether it is wanted again because nobody else is.
    pub fn withdraw(&mut self, piece: PieceIndex, peer: PeerId) -> bool {
        let Some(Piece { index, copies, state }) = self.pieces.get_mut(piece.get() as usize) else { return false };
        let State::Fetching { by } = state else { return false };
        by.retain(|asked| *asked != peer);
        if !by.is_empty() {
            return false;
        }
        *state = State::Wanted;
        self.wanted.insert(*index, *copies);
        self.fetching -= 1;
        true
    }

    /// It is verified and on our disk. Whom it had been asked of; `None` where it was had already.
    pub fn got(&mut self, piece: PieceIndex) -> Option<Vec<PeerId>> {
        let Piece { index, copies, state } = self.pieces.get_mut(piece.get() as usize)?;
        let asked_of = match std::mem::replace(state, State::Had) {
            State::Had => return None,
            State::NotWanted => vec![],
            State::Wanted => {
                self.wanted.remove(*index, *copies);
                vec![]
            }
            State::Fetching { by } => {
                self.fetching -= 1;
                by
            }
        };
        self.have.insert(*index);
        Some(asked_of)
    }

    /// It is not had after all; tells whether it was.
    pub fn spoil(&mut self, piece: PieceIndex) -> bool {
        let Some(Piece { index, copies, state }) = self.pieces.get_mut(piece.get() as usize) else { return false };
        if *state != State::Had {
            return false;
        }
        self.have.remove(*index);
        if self.selected.contains(*index) {
            *state = State::Wanted;
            self.wanted.insert(*index, *copies);
        } else {
            *state = State::NotWanted;
        }
        true
    }

    /// Exactly these are wanted. Tells what was on its way and is not wanted any more, and whom it was asked of.
    pub fn set_wanted(&mut self, wanted: &Bitmap) -> Vec<(PieceIndex, Vec<PeerId>)> {
        let mut dropped = vec![];
        for Piece { index, copies, state } in &mut self.pieces {
            match (&*state, wanted.contains(*index)) {
                (State::NotWanted, true) => {
                    *state = State::Wanted;
                    self.wanted.insert(*index, *copies);
                }
                (State::Wanted, false) => {
                    *state = State::NotWanted;
                    self.wanted.remove(*index, *copies);
                }
                (State::Fetching { .. }, false) => {
                    if let State::Fetching { by } = std::mem::replace(state, State::NotWanted) {
                        dropped.push((*index, by));
                    }
                    self.fetching -= 1;
                }
                _ => {}
            }
        }
        self.selected = wanted.clone();
        dropped
    }

    fn at(&self, piece: PieceIndex) -> Option<&Piece> {
        self.pieces.get(piece.get() as usize)
    }

    fn change_copies(&mut self, piece: PieceIndex, change: impl Fn(u32) -> u32) {
        let Some(Piece { index, copies, state }) = self.pieces.get_mut(piece.get() as usize) else { return };
        let before = *copies;
        *copies = change(before);
        if *state == State::Wanted {
            self.wanted.remove(*index, before);
            self.wanted.insert(*index, *copies);
        }
    }
}
