//! Everything that can happen to a transfer.

use std::time::Duration;

use crate::share::{Bitmap, PeerId, PieceIndex};

/// A fact, told to [`Swarm::handle`](super::Swarm::handle). Facts may come twice or late: those that no longer matter
/// (a peer that left, a piece that is had) change nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Somebody who may have some of the share can be reached, or in another way than before.
    PeerFound {
        peer: PeerId,
        link: Link,
    },
    /// It can't be reached any more, or its connection ended.
    PeerLost {
        peer: PeerId,
    },
    /// All that a peer has.
    HaveLearned {
        peer: PeerId,
        have: Bitmap,
    },
    /// A peer has one piece more.
    PieceGained {
        peer: PeerId,
        piece: PieceIndex,
    },
    /// A piece came, was right and is written. `took`: from the first byte asked for to the last byte written.
    PieceVerified {
        peer: PeerId,
        piece: PieceIndex,
        bytes: u32,
        took: Duration,
    },
    /// A piece came and was wrong. The peer is never asked again.
    PieceCorrupt {
        peer: PeerId,
        piece: PieceIndex,
    },
    /// The peer is busy; it may be asked again after `retry_after`.
    FetchRefused {
        peer: PeerId,
        piece: PieceIndex,
        retry_after: Duration,
    },
    /// The peer has just given the piece to somebody else, from whom it can soon be had; what it gives out first is what
    /// nobody has. After `retry_after` the piece may be asked of it again, and other pieces at once.
    FetchDeferred {
        peer: PeerId,
        piece: PieceIndex,
        retry_after: Duration,
    },
    /// The peer said that it does not have the piece (any more).
    PieceMissing {
        peer: PeerId,
        piece: PieceIndex,
    },
    /// The request ended with nothing; the peer is asked again later, and later still each time.
    FetchFailed {
        peer: PeerId,
        piece: PieceIndex,
    },
    /// The request ended because we closed its connection ourselves: the peer is not at fault, and may be asked again at once.
    FetchAbandoned {
        peer: PeerId,
        piece: PieceIndex,
    },
    /// A piece that was had turned out to be wrong on our own disk.
    PieceSpoiled {
        piece: PieceIndex,
    },
    /// A person chose other files: exactly these pieces are wanted from now on. What is had stays had.
    SetWanted {
        wanted: Bitmap,
    },
    /// A person chose what comes first.
    SetOrder {
        order: Order,
    },
    /// A person (or a full disk) stopped it: what is on its way is cancelled.
    Paused,
    Resumed,
    /// The time that [`Swarm::next_wakeup`](super::Swarm::next_wakeup) gave has come.
    Tick,
}

/// Which of the wanted pieces come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Order {
    /// Those that the fewest have: best for everybody together.
    #[default]
    Rarest,
    /// From the first to the last, so that a film can be watched while it comes.
    InOrder,
}

/// What lies between us and a peer, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Link {
    /// A wire, in our own subnet.
    #[default]
    Wired,
    /// The air of our own subnet: whatever one client sends another goes over it twice, and all share it.
    Wireless,
    /// Other subnets: what lies between is not known.
    Far,
}
