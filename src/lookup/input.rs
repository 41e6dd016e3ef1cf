//! Everything that can happen to questions.

use super::{Answer, Asker, Find, Query, Reason, Ticket};
use crate::share::{PeerId, ShareId};

/// A fact, told to [`Lookup::handle`](super::Lookup::handle). Facts may come twice or late: those that no longer matter
/// change nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Somebody asks. Closed by [`Effect::Answer`](super::Effect::Answer), or by leaving.
    Asked { ticket: Ticket, asker: Asker, query: Query },
    /// What this server has itself and the asker may see; their routes are added here.
    SearchedHere { ticket: Ticket, finds: Vec<Find> },
    /// What came of [`Effect::Ask`](super::Effect::Ask).
    Answered { flight: u64, upstream: PeerId, answer: Answer },
    /// It brought no answer that makes sense.
    AskFailed { flight: u64, upstream: PeerId, reason: Reason },
    /// Who asked does not wait any more.
    Left { ticket: Ticket },
    /// The servers above, those to ask first first.
    UpstreamsSet { upstreams: Vec<PeerId> },
    /// An upstream has something that it did not have.
    UpstreamChanged { upstream: PeerId },
    /// What came of [`Effect::Probe`](super::Effect::Probe).
    Probed { upstream: PeerId, alive: bool },
    /// What an upstream said it had did not come from it: for a while that way is none.
    WayFailed { share: ShareId, upstream: PeerId },
    /// Worse, what came from it was something else.
    Disproved { share: ShareId, upstream: PeerId },
    /// The time that `next_wakeup` gave has come.
    Tick,
}
