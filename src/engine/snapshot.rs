//! What the faces see: one immutable picture of everything, made at most ten times a second and only after a change.
//! Rows are shared between pictures while they stay the same.

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};

use super::{
    command::{Recipients, Token},
    question::Question,
    trouble::Trouble,
};
use crate::share::{PeerId, Root, ShareId};

/// Everything, at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// Grows with every picture.
    pub revision: u64,
    pub me: Arc<Me>,
    /// Computers that are around, by name.
    pub peers: Vec<Arc<PeerRow>>,
    /// All shares that are known: mine and what others give, newest first.
    pub shares: Vec<Arc<ShareRow>>,
    /// What is on its way here, is here and given on, or is mine and being fetched by somebody; in order of beginning.
    pub transfers: Vec<Arc<TransferRow>>,
    /// Files being read before they can be shared.
    pub imports: Vec<Arc<ImportRow>>,
    pub questions: Vec<Arc<Question>>,
    /// What concerns no single transfer.
    pub troubles: Vec<Arc<Trouble>>,
    /// How the latest wishes ended; the newest 256.
    pub outcomes: Vec<Arc<Outcome>>,
    /// Bytes a second, all transfers together.
    pub rate_down: u64,
    pub rate_up: u64,
    /// Total speed of the last minutes, one value a second, oldest first; at most 300.
    pub history: Arc<[Speed]>,
}

/// One second's speed, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Speed {
    pub down: u64,
    pub up: u64,
}

/// This computer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Me {
    pub id: PeerId,
    pub name: String,
    /// Where we answer.
    pub listen: Vec<SocketAddr>,
    pub version: &'static str,
    /// Where identity, settings and state are kept.
    pub home: PathBuf,
    pub downloads: PathBuf,
    /// Whether others can find us by themselves.
    pub discovery: bool,
}

/// Another computer.
#[derive(Clone, Debug, PartialEq)]
pub struct PeerRow {
    pub id: PeerId,
    pub name: String,
    pub role: Role,
    pub addresses: Vec<SocketAddr>,
    /// How we know of it.
    pub via: Via,
    pub last_seen: SystemTime,
    /// How many shares of its catalogue we may see.
    pub shares: u32,
    /// Why it can't be asked, if so.
    pub trouble: Option<Arc<Trouble>>,
}

/// What a computer is in the room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Peer,
    Server,
}

/// How a peer was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// It announced itself by mDNS.
    Mdns,
    /// Its address was given by hand.
    Typed,
    /// Its address stood in a link.
    Link,
    /// It connected to us.
    Inbound,
    /// Another peer told us.
    Peer,
}

/// A share that is known.
#[derive(Clone, Debug, PartialEq)]
pub struct ShareRow {
    pub id: ShareId,
    pub title: String,
    pub kind: ShareKind,
    /// Bytes.
    pub size: u64,
    /// Number of files.
    pub files: u32,
    pub publisher: PeerId,
    /// The publisher's name, if the publisher is around or was.
    pub publisher_name: Option<String>,
    /// Whether this computer made it.
    pub mine: bool,
    pub created: SystemTime,
    /// Peers that have all of it; this computer is not counted.
    pub seeds: u32,
    /// Peers that are downloading it.
    pub leeches: u32,
    pub here: Here,
    /// For a share of mine: who may have it.
    pub recipients: Option<Recipients>,
    /// `handout://…`, which another person can open.
    pub link: String,
    pub trouble: Option<Arc<Trouble>>,
}

/// What the icon and the words of a share depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShareKind {
    File,
    Folder,
    /// Several files or folders that were dropped together.
    Several,
}

/// How much of a share is on this computer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Here {
    No,
    /// There is a row in `transfers` for it.
    OnItsWay,
    /// All of it, checked, in these files or folders (the top ones).
    Complete {
        places: Vec<PathBuf>,
    },
}

/// One share's transfer.
#[derive(Clone, Debug, PartialEq)]
pub struct TransferRow {
    pub share: ShareId,
    pub title: String,
    pub kind: ShareKind,
    pub mine: bool,
    pub state: TransferState,
    /// Verified bytes on this disk.
    pub done_bytes: u64,
    pub size: u64,
    /// Verified pieces on this disk; `facts` tells of how many.
    pub pieces_done: u32,
    /// Bytes a second.
    pub rate_down: u64,
    pub rate_up: u64,
    /// Bytes given to others since this program was started.
    pub given_bytes: u64,
    pub eta: Option<Duration>,
    /// Peers that we fetch from right now.
    pub sources: u32,
    pub seeds: u32,
    pub leeches: u32,
    /// The folder it goes into.
    pub into: PathBuf,
    /// Where the finished files or folders (the top ones) are.
    pub places: Vec<PathBuf>,
    pub trouble: Option<Arc<Trouble>>,
    pub map: Arc<PieceMap>,
    /// Everyone who has some of it or fetches some of it from us.
    pub peers: Vec<Arc<TransferPeer>>,
    /// Bytes a second over the last minutes, oldest first; at most 300 values.
    pub history: Arc<[Speed]>,
    /// `None` until somebody gave the manifest.
    pub facts: Option<Arc<Facts>>,
}

/// How far a transfer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransferState {
    /// Looking for somebody who has it.
    Looking,
    Fetching,
    Paused,
    /// It can't go on for a reason given in `trouble`, and goes on by itself.
    Waiting,
    /// All bytes are here; they are put under their final names.
    Finishing,
    /// Reading the files again and checking them.
    Verifying,
    /// Complete, and given to whoever asks.
    Seeding,
    /// It ended for the reason given in `trouble`.
    Failed,
}

/// What stands under Details; the same as long as a share is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    pub publisher: PeerId,
    pub piece_bytes: u32,
    pub pieces: u32,
    /// The first 1,000 files: path, bytes, BLAKE3.
    pub files: Vec<(String, u64, Root)>,
    pub files_total: u32,
}

/// The pieces in a strip of at most 512 tiles.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PieceMap {
    pub tiles: Vec<Tile>,
}

/// Some neighbouring pieces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tile {
    /// How many of 255 parts are here.
    pub had: u8,
    /// How many of 255 parts are being fetched.
    pub in_flight: u8,
    /// The fewest copies that others have of one of them; 255 means that many or more.
    pub copies: u8,
}

/// Another computer's part in a transfer.
#[derive(Clone, Debug, PartialEq)]
pub struct TransferPeer {
    pub id: PeerId,
    pub name: String,
    /// Pieces it has.
    pub pieces: u32,
    pub complete: bool,
    pub rate_down: u64,
    pub rate_up: u64,
    /// Pieces that we asked it for.
    pub in_flight: u32,
    /// Bytes that we got from it and that were right.
    pub got_bytes: u64,
    /// Bytes that we gave it.
    pub given_bytes: u64,
}

/// Files being read before they can be shared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportRow {
    pub token: Token,
    pub title: String,
    pub done_bytes: u64,
    /// 0 while still counting.
    pub size: u64,
    pub files: u32,
}

/// How a wish ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    pub token: Token,
    pub result: Result<Done, Arc<Trouble>>,
}

/// What came of a wish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    Shared {
        share: ShareId,
        link: String,
        title: String,
        size: u64,
        files: u32,
        left_out: Vec<(PathBuf, String)>,
    },
    /// Every file is complete and verified under its final name.
    Fetched {
        share: ShareId,
        places: Vec<PathBuf>,
    },
    /// Every byte was read again; pieces that were wrong, of how many.
    Verified {
        share: ShareId,
        wrong: u32,
        pieces: u32,
    },
}
