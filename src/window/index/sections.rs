//! Which transfers belong to which part of the page.

use crate::engine::snapshot::{Snapshot, TransferRow, TransferState};

/// Where a transfer stands on the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Section {
    /// On its way here, or meant to be.
    Coming,
    /// All of it is here, and somebody gets it from here.
    Giving,
    /// All of it is here.
    Done,
}

/// Places in `Snapshot::transfers`, part by part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sections {
    pub coming: Vec<usize>,
    pub giving: Vec<usize>,
    pub done: Vec<usize>,
    /// How many are on their way or meant to be.
    pub moving: usize,
    /// Bytes given of what I made.
    pub given_of_mine: u64,
}

impl Sections {
    pub fn of(now: &Snapshot) -> Sections {
        let mut sections = Sections::default();
        for (at, row) in now.transfers.iter().enumerate() {
            match Section::of(row) {
                Section::Coming => sections.coming.push(at),
                Section::Giving => sections.giving.push(at),
                Section::Done => sections.done.push(at),
            }
            sections.moving += usize::from(is_moving(row.state));
            sections.given_of_mine += if row.mine { row.given_bytes } else { 0 };
        }
        sections
    }
}

impl Section {
    pub fn of(row: &TransferRow) -> Section {
        match row.state {
            TransferState::Seeding if row.rate_up > 0 || row.leeches > 0 => Section::Giving,
            TransferState::Seeding => Section::Done,
            _ => Section::Coming,
        }
    }
}

fn is_moving(state: TransferState) -> bool {
    !matches!(state, TransferState::Seeding | TransferState::Failed)
}
