//! Everything that can happen to the engine: one closed enum, so that nothing changes by any other way.

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use super::{
    command::{Command, ForGroups, Token},
    fault::{DiskFault, ImportFault, PeerFault},
    managed::{HeadsKept, ServerFault, StandingAnswer, Welcome},
    served::Reading,
    snapshot::FoundRow,
};
use crate::{
    nearby,
    net::{interfaces::Subnet, piece_stream::LaneHandle},
    platform::link::Link,
    share::{Bitmap, PeerId, PieceIndex, Share, ShareId},
    store::{Complete, GivenRecord, Look, Partial, ReadError, Reused, Sources, Verdict},
    traffic::{LocalTime, Options},
    wire::{
        enrolled::Publication,
        peer::{Neighbour, Offer},
    },
};

/// The time of an event, handed in so that the engine's decisions can be replayed.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    pub now: Instant,
    pub wall: SystemTime,
    /// The wall clock of the place.
    pub local: LocalTime,
    /// Processor time that the program has used, where the system tells.
    pub used: Option<Duration>,
    /// Goes on while the computer sleeps, and nobody sets it.
    pub since_boot: Duration,
}

/// A fact for the engine.
pub enum Event {
    Command(Command),
    /// What was kept from the last time: shares, and the names of peers met before.
    Restored {
        shares: Vec<Restored>,
        names: Vec<(PeerId, String)>,
        /// What was given to whom.
        given: Vec<GivenRecord>,
    },
    /// Our own addresses and networks are known, or changed.
    Listening {
        addresses: Vec<SocketAddr>,
        link: Link,
        subnets: Vec<Subnet>,
    },
    /// A peer follows what we have of a share, so it has some of it, or will.
    Met {
        share: ShareId,
        peer: PeerId,
    },
    /// What time it was at a computer when it answered, in seconds since 1970.
    TimeTold {
        peer: PeerId,
        told_s: i64,
    },
    /// Somebody was seen, spoke, or said goodbye.
    Around(nearby::Input),
    Catalogue {
        peer: PeerId,
        /// With the address at which it answered.
        result: Result<(SocketAddr, CatalogueAnswer), PeerFault>,
    },
    /// A typed address answered, or did not.
    Greeted {
        address: String,
        result: Result<Greeting, PeerFault>,
    },
    ImportProgress {
        token: Token,
        done_bytes: u64,
        size: u64,
        files: u32,
    },
    Imported {
        token: Token,
        result: Result<Imported, ImportFault>,
    },
    /// The server took up a share whose bytes lie in its storage, and keeps itself what it must remember of it.
    Adopted {
        share: Arc<Share>,
        content: Arc<Complete>,
        recipients: super::command::Recipients,
    },
    /// A server gives to others from now on.
    RulesChanged,
    /// Something about one transfer; `run` tells its present life from one that was cancelled.
    Transfer {
        share: ShareId,
        run: u64,
        fact: Fact,
    },
    /// A file of a finished share could not be read to be given out, or is not what it was.
    SourceTrouble {
        share: ShareId,
        error: ReadError,
    },
    /// A server took this computer on, or did not.
    Enrolled {
        token: Option<Token>,
        result: Result<Box<Welcome>, ServerFault>,
    },
    /// Where this computer stands at the server that manages it.
    Stands {
        result: Result<StandingAnswer, ServerFault>,
    },
    /// What servers have by the words that were looked for.
    Searched {
        token: Token,
        words: String,
        found: Vec<FoundRow>,
        silent: Vec<(String, String)>,
    },
    /// How far a server is with keeping a share of ours.
    Published {
        share: ShareId,
        result: Result<Publication, ServerFault>,
    },
    /// Where the server's audit log stands, compared with what was kept.
    Heads {
        result: Result<HeadsKept, ServerFault>,
    },
    /// What others got from us so far.
    Uploads(Vec<Reading>),
    /// A task could not be carried out for a reason of our own (database, discovery).
    Failed {
        what: String,
        about: String,
        hint: String,
    },
    /// A trouble that was told by [`Event::Failed`] is over.
    Healed {
        what: String,
    },
    /// The time that was asked for has come.
    Tick,
}

/// A share that was kept.
pub struct Restored {
    pub share: Arc<Share>,
    pub mine: bool,
    pub recipients: super::command::Recipients,
    pub paused: bool,
    pub options: Options,
    pub into: PathBuf,
    pub state: RestoredState,
}

/// How far a kept share was.
pub enum RestoredState {
    Complete { content: Arc<Complete>, places: Vec<PathBuf>, look: Look, part: Option<Bitmap> },
    Unfinished,
}

/// What a peer gives.
pub enum CatalogueAnswer {
    Unchanged {
        neighbours: Vec<Neighbour>,
    },
    /// `device`: its own name and role, where they were asked for.
    New {
        revision: u64,
        offers: Vec<Offer>,
        neighbours: Vec<Neighbour>,
        device: Option<Introduction>,
    },
}

/// How a peer introduces itself.
#[derive(Clone, Debug)]
pub struct Introduction {
    pub name: String,
    pub server: bool,
}

/// Who answers at an address.
pub struct Greeting {
    pub peer: PeerId,
    pub name: String,
    pub server: bool,
    pub at: SocketAddr,
}

/// Files that were read and signed.
pub struct Imported {
    pub share: Arc<Share>,
    pub content: Arc<Complete>,
    pub sources: Arc<Sources>,
    pub places: Vec<PathBuf>,
    pub left_out: Vec<(PathBuf, String)>,
}

/// What can happen to one transfer.
pub enum Fact {
    /// The manifest and its hashes came from `from`, or nobody who was asked has it.
    Found {
        result: Result<Found, NotFound>,
    },
    /// What is on the disk already is being read.
    OpeningProgress {
        done_bytes: u64,
    },
    StagingOpened {
        result: Result<Opened, DiskFault>,
    },
    HaveLearned {
        peer: PeerId,
        have: Bitmap,
    },
    PieceGained {
        peer: PeerId,
        piece: PieceIndex,
    },
    /// A peer that has some of it told of others.
    Introduced {
        peer: PeerId,
        neighbours: Vec<Neighbour>,
    },
    /// The stream of what a peer has ended; `fault` is why, where it should not have.
    HaveEnded {
        peer: PeerId,
        fault: Option<PeerFault>,
    },
    /// A connection for pieces is there.
    LaneOpened {
        peer: PeerId,
        lane: u64,
        handle: LaneHandle,
    },
    /// A request ended; each ends once.
    Fetched {
        peer: PeerId,
        lane: u64,
        piece: PieceIndex,
        end: FetchEnd,
    },
    /// A connection for pieces ended. Requests on it that had not ended come as [`FetchEnd::Failed`] before.
    LaneEnded {
        peer: PeerId,
        lane: u64,
        fault: Option<PeerFault>,
    },
    HaveSaved {
        result: Result<(), DiskFault>,
    },
    Finished {
        result: Result<Finished, DiskFault>,
    },
    VerifyProgress {
        done_bytes: u64,
    },
    Verified {
        verdict: Verdict,
    },
    /// How the files of a share stand that could not be read.
    Looked {
        look: Look,
    },
    /// What is complete stands in its new place; `None`: what is unfinished does.
    Relocated {
        result: Result<Option<Finished>, DiskFault>,
    },
    Discarded,
}

/// The manifest of a share, and who gave it.
pub struct Found {
    pub share: Arc<Share>,
    /// The groups that it is for, if it is for some.
    pub groups: Option<ForGroups>,
    pub from: PeerId,
    pub name: String,
    pub at: SocketAddr,
}

/// Nobody who was asked gave the manifest.
pub struct NotFound {
    /// Names or addresses of those who were asked.
    pub asked: Vec<String>,
    /// The last thing that went wrong, if it was more than "I do not have it".
    pub fault: Option<PeerFault>,
}

/// What opening a share's place on disk led to.
pub enum Opened {
    /// Pieces, or final names, are missing.
    Filling { staging: Arc<Partial>, have: Bitmap, reused: Reused },
    /// The same content stands there already.
    Complete(Finished),
}

/// A finished share under its final names.
pub struct Finished {
    pub content: Arc<Complete>,
    pub sources: Arc<Sources>,
    pub places: Vec<PathBuf>,
    /// The pieces that are here, where only some files are wanted; `None`: all.
    pub part: Option<Bitmap>,
}

impl FetchEnd {
    /// One word, for the log.
    pub fn name(&self) -> &'static str {
        match self {
            FetchEnd::Verified { .. } => "verified",
            FetchEnd::Corrupt { .. } => "corrupt",
            FetchEnd::Busy { .. } => "busy",
            FetchEnd::Missing => "missing",
            FetchEnd::Deferred { .. } => "deferred",
            FetchEnd::Withdrawn => "withdrawn",
            FetchEnd::Abandoned => "abandoned",
            FetchEnd::Failed => "failed",
            FetchEnd::Disk(_) => "disk",
        }
    }
}

/// How one request for a piece ended.
pub enum FetchEnd {
    /// Right, and written.
    Verified {
        bytes: u32,
        took: Duration,
    },
    /// Wrong bytes came.
    Corrupt {
        what: String,
    },
    Busy {
        retry_after: Duration,
    },
    /// Somebody else was just given it.
    Deferred {
        retry_after: Duration,
    },
    Missing,
    /// The share is not given any more; it may be again, when its files were looked at.
    Withdrawn,
    /// It was not wanted any more, or we closed its connection.
    Abandoned,
    /// Its connection ended.
    Failed,
    /// It came, but could not be written.
    Disk(DiskFault),
}
