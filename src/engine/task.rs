//! Everything the engine wants done, as data. `run.rs` turns each into one future or one short call.

use std::{
    collections::BTreeSet,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, atomic::AtomicBool},
};

use tokio_util::sync::CancellationToken;

use super::{
    command::{Recipients, Token},
    gauge::Gauge,
    managed::Ticket,
    served::Content,
    server_time::ServerTime,
    throttle::Plan,
};
use crate::{
    access::{GroupId, SignedMembership},
    net::piece_stream::LaneHandle,
    settings::Change,
    share::{Audience, Bitmap, PeerId, PieceIndex, Share, ShareId},
    store::{Checking, Complete, EnrolmentRecord, GivenRecord, Partial, Sources},
    traffic::{Class, Options},
};

/// A wish of the engine. Those with a closing event in [`Event`](super::event::Event) get exactly one, also when they are
/// cancelled or panic.
pub enum Task {
    /// Closed by `Imported`.
    Import {
        token: Token,
        paths: Vec<PathBuf>,
        title: Option<String>,
        audience: Audience,
        leave_out: bool,
        class: Class,
        cancel: Arc<AtomicBool>,
    },
    /// Closed by `Catalogue`. `known`: the revision we have; `wait`: let the peer answer when there is another.
    AskCatalogue {
        peer: PeerId,
        addresses: Vec<SocketAddr>,
        known: Option<u64>,
        wait: bool,
        cancel: CancellationToken,
    },
    /// Closed by `Greeted`.
    Greet {
        address: String,
    },
    Transfer {
        share: ShareId,
        run: u64,
        job: Job,
    },
    /// A peer has some of a share: others who ask us for it are told of it.
    Met {
        share: ShareId,
        peer: PeerId,
    },
    /// Tell the room our name and the number of our catalogue.
    Announce {
        name: String,
        revision: u64,
    },
    /// Let others see and fetch a share.
    Serve {
        share: Arc<Share>,
        recipients: Recipients,
        mine: bool,
        content: Content,
        have: Bitmap,
    },
    /// A piece more of a share can be fetched from us.
    Gained {
        share: ShareId,
        piece: PieceIndex,
    },
    Withdraw {
        share: ShareId,
    },
    /// Other limits and priorities hold from now on.
    Throttle(Arc<Plan>),
    Remember(Keep),
    /// Closed by `Enrolled`.
    Enrol {
        token: Option<Token>,
        ticket: Ticket,
    },
    /// Closed by `Searched`.
    Search {
        token: Token,
        words: String,
        servers: Vec<Candidate>,
    },
    /// Closed by `Published`. `begin`: ask the server to keep it, or only how far it is.
    Publish {
        share: ShareId,
        groups: Vec<GroupId>,
        server: Candidate,
        address: String,
        begin: bool,
    },
    /// Closed by `Heads`.
    AskHeads {
        server: PeerId,
        addresses: Vec<SocketAddr>,
        address: String,
    },
    /// Closed by `Stands`.
    AskStanding(Box<ServerQuestion>),
    /// What we are vouched for, which others are shown, and by whom; `None`: nothing.
    Vouch(Option<(PeerId, SignedMembership)>),
    /// What others show is judged by this time.
    KeepTime(ServerTime),
    /// Write a setting that a person changed.
    SaveSetting(Change),
}

/// What is known of the server when it is asked where we stand.
pub struct ServerQuestion {
    pub server: PeerId,
    /// Where it was seen.
    pub addresses: Vec<SocketAddr>,
    /// Where it was reached when this computer was enrolled.
    pub address: String,
    /// The `ETag` of what is known: the answer may wait for a change.
    pub known: Option<String>,
    /// The version of the policy that is here; 0: none.
    pub policy: u64,
    pub cancel: CancellationToken,
}

/// What is to be done for one transfer.
pub enum Job {
    /// Closed by `Found`. Ask each for the manifest until one has it.
    /// `servers`: they may have it brought from the server above them, if nobody has it here.
    Find { candidates: Vec<Candidate>, servers: Vec<Candidate>, cancel: CancellationToken },
    /// Closed by `StagingOpened`. Whose bytes lie in `others` already is taken from there. `extend`: some files of it are
    /// here under their final names, and more are wanted.
    OpenStaging {
        share: Arc<Share>,
        into: PathBuf,
        opening: Opening,
        extend: Option<Arc<Complete>>,
        others: Vec<Arc<Complete>>,
        watch: Arc<Checking>,
    },
    /// Closed by `HaveEnded`.
    AskHave { share: Arc<Share>, peer: PeerId, addresses: Vec<SocketAddr>, cancel: CancellationToken },
    /// Opened by `LaneOpened`, closed by `LaneEnded`.
    OpenLane {
        share: Arc<Share>,
        staging: Arc<Partial>,
        peer: PeerId,
        addresses: Vec<SocketAddr>,
        lane: u64,
        gauge: Arc<Gauge>,
        background: bool,
        cancel: CancellationToken,
    },
    /// Closed by `Fetched`.
    AskPiece { handle: LaneHandle, peer: PeerId, lane: u64, piece: PieceIndex },
    /// Closed by `HaveSaved`.
    SaveHave { staging: Arc<Partial> },
    /// Closed by `Finished`.
    Finish { share: Arc<Share>, staging: Arc<Partial> },
    /// Closed by `Finished`. `wanted`: entries of the manifest.
    FinishSelected { share: Arc<Share>, staging: Arc<Partial>, wanted: BTreeSet<usize> },
    /// Closed by `Verified`.
    Verify { share: Arc<Share>, subject: Subject, watch: Arc<Checking> },
    /// Closed by `Looked`. `suspect`: a file that could not be read.
    Look { content: Arc<Complete>, suspect: Option<PathBuf> },
    /// Closed by `Relocated`.
    Relocate(Move),
    /// Closed by `Discarded`. Deletes what is unfinished.
    Discard { staging: Arc<Partial> },
}

/// Files to be put into another folder, or under another name.
pub struct Move {
    pub share: Arc<Share>,
    /// What is being filled; nobody fills it any more.
    pub staging: Option<Arc<Partial>>,
    /// What is complete.
    pub content: Option<Arc<Complete>>,
    pub into: PathBuf,
    pub name: Option<String>,
}

/// Why a download's place on disk is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opening {
    /// A person chose the folder just now, so it may be made. Later, a folder that is not there is on a drive that is gone.
    Wished,
    /// The program was started on an unfinished download; it may have been killed, with more on the disk than was noted.
    Restored,
    /// After a trouble with the disk: only what was noted is sure to be on it.
    Again,
}

/// What is verified.
#[derive(Clone)]
pub enum Subject {
    Complete(Arc<Complete>),
    Partial(Arc<Partial>),
}

/// Somebody who may have a share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// `None` for an address from a link.
    pub peer: Option<PeerId>,
    /// How a person knows it.
    pub name: String,
    pub addresses: Vec<SocketAddr>,
    /// Its catalogue lists the share that is looked for, so it knows the id already; others are probed first.
    pub lists_it: bool,
}

/// What must last.
pub enum Keep {
    Share {
        share: Arc<Share>,
        mine: bool,
        recipients: Recipients,
        into: PathBuf,
        sources: Option<Arc<Sources>>,
    },
    Complete {
        share: ShareId,
        sources: Arc<Sources>,
    },
    /// What was complete, as far as it was wanted, is on its way again.
    Reopened {
        share: ShareId,
    },
    Paused {
        share: ShareId,
        paused: bool,
        complete: bool,
    },
    Recipients {
        share: ShareId,
        recipients: Recipients,
    },
    Options {
        share: ShareId,
        options: Options,
    },
    /// In all, for each computer and share.
    Given(Vec<GivenRecord>),
    Forget {
        share: ShareId,
    },
    /// With which server this computer is enrolled; `None`: with none.
    Enrolment(Option<Box<EnrolmentRecord>>),
    Peer {
        peer: PeerId,
        name: String,
        addresses: Vec<SocketAddr>,
    },
    /// What a person changed in the settings. It holds until the end also while it can't be written.
    Setting(Change),
}
