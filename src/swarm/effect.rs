//! Everything a transfer wants done.

use crate::share::{PeerId, PieceIndex};

/// A wish of the state machine, carried out by the engine's workers. Each `Fetch` is answered by exactly one of
/// `PieceVerified`, `PieceCorrupt`, `FetchRefused`, `FetchDeferred`, `PieceMissing`,
/// `FetchFailed` and `FetchAbandoned`, also after a `Cancel`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Open the stream of what this peer has.
    AskHave {
        peer: PeerId,
    },
    Fetch {
        peer: PeerId,
        piece: PieceIndex,
    },
    /// Its answer is not needed any more.
    Cancel {
        peer: PeerId,
        piece: PieceIndex,
    },
    /// It gave nothing for a while and others may: close its connections. It may be wished for again later.
    Unfollow {
        peer: PeerId,
    },
    /// It sent wrong bytes: close every connection, name it, and do not ask it again.
    Drop {
        peer: PeerId,
    },
    /// Every wanted piece is had.
    Complete,
}
