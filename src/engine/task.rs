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
    served::Content,
    throttle::Plan,
};
use crate::{
    net::piece_stream::LaneHandle,
    settings::Change,
    share::{Bitmap, PeerId, PieceIndex, Share, ShareId},
    store::{Checking, Complete, GivenRecord, Partial, Sources},
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
        recipients: Recipients,
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
    /// Write a setting that a person changed.
    SaveSetting(Change),
}

/// What is to be done for one transfer.
pub enum Job {
    /// Closed by `Found`. Ask each for the manifest until one has it.
    Find { candidates: Vec<Candidate>, cancel: CancellationToken },
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
    Peer {
        peer: PeerId,
        name: String,
        addresses: Vec<SocketAddr>,
    },
}
