//! Everything that questions want done.

use super::{Answer, Ask, Asker, Find, Query, Ticket};
use crate::share::PeerId;

/// A wish of [`Lookup`](super::Lookup), as data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Look in the own database for what the asker may see; closed by `SearchedHere`.
    SearchHere { ticket: Ticket, asker: Asker, ask: Ask },
    /// Ask a server above; closed by `Answered` or `AskFailed`, at the latest when the query's budget is over.
    Ask { flight: u64, upstream: PeerId, query: Query },
    /// Its answer is not needed any more.
    Cancel { flight: u64, upstream: PeerId },
    /// Tell who asked. Each ticket gets one.
    Answer { ticket: Ticket, answer: Answer },
    /// See whether an upstream is there; closed by `Probed`.
    Probe { upstream: PeerId },
    /// Found above, and for everyone: worth keeping in the database.
    Remember { finds: Vec<Find> },
}
