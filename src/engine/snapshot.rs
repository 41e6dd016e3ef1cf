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
use crate::{
    share::{PeerId, Root, ShareId},
    traffic::{Class, Limits, Order, Priority, Reason, Schedule, SeedUntil},
};

mod listing;
mod managed;
pub use listing::{FileRow, Listing};
pub use managed::{FoundRow, Keeping, ManagedPicture};

/// Everything, at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// Grows with every picture.
    pub revision: u64,
    pub me: Arc<Me>,
    /// Computers that are around, by name: those that proved their key.
    pub peers: Vec<Arc<PeerRow>>,
    /// Names of some that announce themselves or were told of, and never answered: they may be made up.
    pub silent: Vec<String>,
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
    /// What holds for all transfers together.
    pub traffic: Arc<Traffic>,
    /// What I gave to whom, over all times that the program ran: the most recent first, at most 10,000.
    pub given: Arc<[GivenRow]>,
    /// Total speed of the last minutes, one value a second, oldest first; at most 300.
    pub history: Arc<[Speed]>,
    /// The server that manages this computer, if one does.
    pub managed: Option<Arc<ManagedPicture>>,
}

/// One second's speed, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Speed {
    pub down: u64,
    pub up: u64,
}

/// What holds for all transfers together.
#[derive(Clone, Debug, PartialEq)]
pub struct Traffic {
    /// As a person chose them.
    pub limits: Limits,
    /// As they are at this moment, with the schedule and what an administrator allows.
    pub limits_now: Limits,
    pub schedule: Schedule,
    /// The place in the schedule of the rule that holds at this moment, and for how many minutes.
    pub rule_now: Option<(usize, u32)>,
    /// How many downloads may be active at a time.
    pub active_downloads: u32,
    /// Until when downloads are given to others when nothing else is said of one.
    pub seed_until: SeedUntil,
    pub stop_seeding_when_closed: bool,
    /// What an administrator fixed.
    pub fixed: Fixed,
}

impl Default for Traffic {
    fn default() -> Traffic {
        Traffic {
            limits: Limits::NONE,
            limits_now: Limits::NONE,
            schedule: Schedule::default(),
            rule_now: None,
            active_downloads: crate::settings::ACTIVE_DOWNLOADS,
            seed_until: SeedUntil::ForEver,
            stop_seeding_when_closed: false,
            fixed: Fixed::default(),
        }
    }
}

/// What an administrator fixed; the rest is for the person to choose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fixed {
    /// Nobody can go beyond these.
    pub limits: Limits,
    pub schedule: bool,
    pub active_downloads: bool,
    pub seed_until: bool,
    pub stop_seeding_when_closed: bool,
}

/// What one computer got of one share from us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenRow {
    pub peer: PeerId,
    pub peer_name: String,
    pub share: ShareId,
    pub title: String,
    /// In all.
    pub bytes: u64,
    /// Bytes a second, now.
    pub rate: u64,
    /// When the last byte went.
    pub last: SystemTime,
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
    /// Where it proved its key when we called it, and when it last did.
    pub reached: Option<(SocketAddr, SystemTime)>,
    pub last_seen: SystemTime,
    /// How many shares of its catalogue we may see.
    pub shares: u32,
    /// By how many seconds our clock is ahead of its clock, in whole minutes, if it said.
    pub clock_ahead_s: Option<i64>,
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
    /// Who made it, as the manifest, the publisher itself or the server that manages this computer says; `None` where
    /// others say so alone.
    pub publisher: Option<PeerId>,
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
    /// On a server: computers that have all of it and give it to everyone, some of them.
    pub givers: Vec<PeerId>,
    /// For a share of mine that the server shall keep: how far that is.
    pub keeping: Option<Keeping>,
    /// `handout://…`, which another person can open.
    pub link: String,
    pub trouble: Option<Arc<Trouble>>,
}

impl PeerRow {
    /// Whether it is a server to which what a person searches for may go: one whose address a person gave. That it calls
    /// itself one grants nothing.
    pub fn is_asked_server(&self) -> bool {
        self.role == Role::Server && self.via == Via::Typed
    }
}

impl Snapshot {
    /// Somebody who is around.
    pub fn peer(&self, id: PeerId) -> Option<&Arc<PeerRow>> {
        self.peers.iter().find(|row| row.id == id)
    }
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
    /// Verified bytes on this disk, of the files that are wanted.
    pub done_bytes: u64,
    /// Bytes of the files that are wanted: all, unless some were deselected.
    pub size: u64,
    /// Bytes of all files.
    pub full_size: u64,
    pub files: u32,
    pub files_wanted: u32,
    /// All files, which of them are wanted, and how far each is; `None` until somebody gave the manifest.
    pub listing: Option<Listing>,
    /// For a download that is not complete: its place in the queue, from 1.
    pub queue: Option<u32>,
    pub priority: Priority,
    pub order: Order,
    pub class: Class,
    /// Set for this transfer; those in total hold too.
    pub limits: Limits,
    /// Until when it is given to others: set for it, or `None` for what holds for all.
    pub seed_until: Option<SeedUntil>,
    /// Why it is as fast as it is.
    pub reason: Reason,
    /// What of it needed no fetching, because other shares on this disk have it: files that are whole because of that, and
    /// bytes.
    pub reused_files: u32,
    pub reused_bytes: u64,
    /// Verified pieces on this disk; `facts` tells of how many.
    pub pieces_done: u32,
    /// Bytes a second.
    pub rate_down: u64,
    pub rate_up: u64,
    /// Bytes given to others since this program was started.
    pub given_bytes: u64,
    /// Bytes given to others, over all times that the program ran.
    pub given_in_all: u64,
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
    /// Those who sent something wrong for it, and are not asked for it any more.
    pub banned: Vec<PeerId>,
    /// Bytes a second over the last minutes, oldest first; at most 300 values.
    pub history: Arc<[Speed]>,
    /// `None` until somebody gave the manifest.
    pub facts: Option<Arc<Facts>>,
}

impl TransferRow {
    /// Whether all files that are wanted are complete under their final names, given to others at the moment or not.
    pub fn is_here(&self) -> bool {
        match self.state {
            TransferState::Seeding | TransferState::Done => true,
            TransferState::Paused | TransferState::Scheduled => !self.places.is_empty() && self.done_bytes >= self.size,
            _ => false,
        }
    }
}

/// How far a transfer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TransferState {
    /// Looking for somebody who has it.
    Looking,
    Fetching,
    Paused,
    /// It waits for its turn in the queue.
    Queued,
    /// The schedule says pause; it goes on by itself.
    Scheduled,
    /// It can't go on for a reason given in `trouble`, and goes on by itself.
    Waiting,
    /// All bytes are here; they are put under their final names.
    Finishing,
    /// Reading the files again and checking them.
    Verifying,
    /// Complete, and given to whoever asks. Complete means all files that are wanted.
    Seeding,
    /// Complete, and not given any more: its seeding rule was fulfilled. Resume gives it again.
    Done,
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
    /// The files are where they were wished to be.
    Relocated {
        share: ShareId,
        into: PathBuf,
    },
    /// The selection of files holds.
    Selected {
        share: ShareId,
        files: u32,
        bytes: u64,
    },
    /// A server manages this computer from now on.
    Enrolled {
        server: PeerId,
        name: String,
        managed_by: String,
    },
    /// What servers have by the words that were looked for.
    Searched {
        words: String,
        found: Arc<[FoundRow]>,
        /// Servers that did not say, and why.
        silent: Arc<[(String, String)]>,
    },
    /// No server manages it any more.
    Left {
        server: PeerId,
        name: String,
    },
    /// Every byte was read again; pieces that were wrong, of how many.
    Verified {
        share: ShareId,
        wrong: u32,
        pieces: u32,
    },
}
