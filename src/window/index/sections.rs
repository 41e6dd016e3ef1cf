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
    /// How many could be paused, go on, or be tried again.
    pub pausable: usize,
    pub paused: usize,
    pub retryable: usize,
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
            sections.pausable += usize::from(can_pause(row.state));
            sections.paused += usize::from(row.state == TransferState::Paused);
            sections.retryable += usize::from(can_retry(row.state));
            sections.given_of_mine += if row.mine { row.given_bytes } else { 0 };
        }
        // As they will have their turn; what has no place in the queue stays as it is.
        sections.coming.sort_by_key(|at| now.transfers.get(*at).and_then(|row| row.queue).unwrap_or(u32::MAX));
        sections
    }
}

impl Section {
    pub fn of(row: &TransferRow) -> Section {
        match row.state {
            TransferState::Seeding if row.rate_up > 0 || row.leeches > 0 => Section::Giving,
            _ if row.is_here() => Section::Done,
            _ => Section::Coming,
        }
    }
}

fn is_moving(state: TransferState) -> bool {
    !matches!(state, TransferState::Seeding | TransferState::Done | TransferState::Failed)
}

/// Whether it can be held up.
pub fn can_pause(state: TransferState) -> bool {
    use TransferState::{Fetching, Looking, Queued, Scheduled, Waiting};
    matches!(state, Fetching | Looking | Queued | Scheduled | Waiting)
}

/// Whether it can be tried again before its time comes.
fn can_retry(state: TransferState) -> bool {
    matches!(state, TransferState::Waiting | TransferState::Failed)
}
