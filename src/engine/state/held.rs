//! A share on this computer, or on its way to it.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    net::SocketAddr,
    path::PathBuf,
    sync::Arc,
    time::{Instant, SystemTime},
};

use tokio_util::sync::CancellationToken;

use super::{offers::Shown, publishing::Publishing, rates::Rates, reasons::Lately, relocating::Moving};
use crate::{
    engine::{
        command::{Recipients, Token},
        event::{Restored, RestoredState},
        gauge::{Gauge, Spent},
        snapshot::{Facts, ShareKind, Speed, TransferState},
        task::Opening,
        trouble::Trouble,
    },
    net::piece_stream::LaneHandle,
    share::{Bitmap, EntryKind, Manifest, PeerId, PieceIndex, Share, ShareId},
    store::{Checking, Complete, Partial, ReadError, Reused},
    swarm::Swarm,
    traffic::Options,
    wire::peer::Offer,
};

/// What is known of a share that is here or was asked for.
pub struct Held {
    pub id: ShareId,
    pub title: String,
    pub kind: ShareKind,
    pub size: u64,
    pub files: u32,
    pub publisher: Option<PeerId>,
    /// The entry of a list out of which a person chose it, until the manifest is here.
    pub shown: Option<Box<Offer>>,
    pub created_s: i64,
    pub mine: bool,
    pub recipients: Recipients,
    /// Orders the transfers as they began.
    pub begun: u64,
    /// Changes when a transfer is begun anew, so that late facts of the old one are told apart.
    pub run: u64,
    pub share: Option<Arc<Share>>,
    pub facts: Option<Arc<Facts>>,
    pub stage: Stage,
    pub paused: bool,
    pub into: PathBuf,
    /// How its place on disk is opened next.
    pub opening: Opening,
    /// While its place on disk is opened: how to end that, and how much was read for it.
    pub opening_watch: Option<Arc<Checking>>,
    pub checked_bytes: u64,
    /// What needed no fetching since the program was started, because other shares have it.
    pub reused: Reused,
    pub places: Vec<PathBuf>,
    /// Wishes that wait for it to be complete.
    pub waiting: Vec<Token>,
    pub hints: Vec<SocketAddr>,
    pub trouble: Option<Arc<Trouble>>,
    pub retry_at: Option<Instant>,
    pub sources: BTreeMap<PeerId, Source>,
    /// Peers that sent wrong bytes of it.
    pub banned: BTreeSet<PeerId>,
    /// Bytes given to each, as last read from the meters of the routes.
    pub given: BTreeMap<PeerId, Given>,
    pub rates: Rates,
    pub history: VecDeque<Speed>,
    pub dismissed: bool,
    pub options: Options,
    /// Whether it may fetch, or what it waits for.
    pub turn: Turn,
    /// The pieces that are here of a complete share of which only some files are wanted; `None`: all.
    pub part: Option<Arc<Bitmap>>,
    /// Files under their final names that are to be taken up again when it is opened.
    pub extend: Option<Arc<Complete>>,
    /// Bytes of the files that were chosen; `None`: all are wanted.
    pub chosen_bytes: Option<u64>,
    /// The rules of an administrator do not allow it, for this reason.
    pub barred: Option<Arc<Trouble>>,
    /// The server shall keep it.
    pub publishing: Option<Publishing>,
    /// Something was put off until its turn comes.
    pub deferred: bool,
    /// What it spent its time on lately; older times count less.
    pub lately: Lately,
    /// When its state became what it is.
    pub since: Option<(TransferState, Instant)>,
}

/// Whether it is a transfer's turn to move.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Turn {
    #[default]
    Now,
    /// So many downloads are before it.
    Queued { before: u32 },
    /// The schedule says pause.
    Scheduled,
    /// The rules of an administrator do not allow it.
    Barred,
}

/// How far it is.
pub enum Stage {
    /// Nobody has given the manifest yet. `asking`: a search is under way.
    Looking {
        asking: Option<CancellationToken>,
        asked: BTreeSet<String>,
        again: bool,
    },
    /// The place on disk is being made or found again.
    Opening,
    Fetching(Box<Fetching>),
    Finishing,
    Complete {
        content: Arc<Complete>,
    },
    Verifying(Verifying),
    Moving(Moving),
    /// All of it was here and checked, and is not given out: it can't be read at the moment (`unread`), or a reading
    /// found it `spoiled`.
    Aside {
        content: Arc<Complete>,
        spoiled: bool,
        unread: Option<ReadError>,
    },
    /// It ended for the reason in `trouble`.
    Failed,
}

/// Pieces are coming in.
pub struct Fetching {
    pub swarm: Swarm,
    pub staging: Arc<Partial>,
    pub bytes_done: u64,
    /// Pieces were verified since the map was last saved.
    pub unsaved: bool,
    pub saving: bool,
    pub save_at: Option<Instant>,
}

/// The files of a share are read again.
pub struct Verifying {
    pub tokens: Vec<Token>,
    pub watch: Arc<Checking>,
    pub done_bytes: u64,
    pub subject: Verified,
    /// The file that gave reason to, where a person did not ask.
    pub suspect: Option<PathBuf>,
}

/// What goes on when verifying has ended.
pub enum Verified {
    Complete(Arc<Complete>),
    Partial(Box<Fetching>),
}

/// A peer that we fetch a share from.
#[derive(Default)]
pub struct Source {
    /// The stream of what it has, while it is open.
    pub have: Option<CancellationToken>,
    pub lanes: Vec<Lane>,
    /// When to tell the swarm of it again, after its stream failed.
    pub again_at: Option<Instant>,
    pub failures: u32,
    pub rates: Rates,
    /// Where its connections spend their time.
    pub gauge: Arc<Gauge>,
    /// What the gauge showed at the last beat.
    pub read: Spent,
    /// Right bytes that came from it.
    pub got_bytes: u64,
}

/// One connection for pieces.
pub struct Lane {
    pub id: u64,
    /// `None` while it is being made; what is asked for then goes out when it is there.
    pub handle: Option<LaneHandle>,
    pub in_flight: BTreeSet<PieceIndex>,
    pub cancel: CancellationToken,
}

/// What one peer got of a share from us.
#[derive(Clone, Debug, Default)]
pub struct Given {
    pub bytes: u64,
    /// What the meter of the routes showed last; it begins anew when a share is served anew.
    pub read: u64,
    pub rates: Rates,
    /// Whether a connection for it is open.
    pub open: bool,
}

impl Held {
    /// A share that was asked for and of which only its id is known, and perhaps what a catalogue says.
    pub fn wanted(id: ShareId, shown: Option<Shown<'_>>, into: PathBuf, begun: u64) -> Held {
        let offer = shown.map(|shown| shown.offer);
        Held {
            id,
            title: offer.map_or_else(|| id.short(), |offer| offer.title.clone()),
            kind: offer.map_or(ShareKind::File, |offer| offer.kind.into()),
            size: offer.map_or(0, |offer| offer.size),
            files: offer.map_or(0, |offer| offer.files),
            publisher: shown.and_then(|shown| shown.publisher()),
            shown: offer.cloned().map(Box::new),
            created_s: offer.map_or(0, |offer| offer.created_s),
            mine: false,
            recipients: Recipients::Everyone,
            begun,
            run: begun,
            share: None,
            facts: None,
            stage: Stage::Looking { asking: None, asked: BTreeSet::new(), again: true },
            paused: false,
            into,
            opening: Opening::Again,
            opening_watch: None,
            checked_bytes: 0,
            reused: Reused::default(),
            places: vec![],
            waiting: vec![],
            hints: vec![],
            trouble: None,
            retry_at: None,
            sources: BTreeMap::new(),
            banned: BTreeSet::new(),
            given: BTreeMap::new(),
            rates: Rates::default(),
            history: VecDeque::new(),
            dismissed: false,
            options: Options::default(),
            turn: Turn::Now,
            part: None,
            extend: None,
            chosen_bytes: None,
            barred: None,
            publishing: None,
            deferred: false,
            lately: Lately::default(),
            since: None,
        }
    }

    /// A share whose bytes are all here.
    pub fn complete(share: &Arc<Share>, content: Arc<Complete>, places: Vec<PathBuf>, begun: u64) -> Held {
        let mut held = Held::wanted(share.id(), None, PathBuf::new(), begun);
        held.know(share);
        held.stage = Stage::Complete { content };
        held.places = places;
        held
    }

    /// A share that was kept from the last time.
    pub fn restored(kept: Restored, begun: u64) -> Held {
        let mut held = Held::wanted(kept.share.id(), None, kept.into, begun);
        held.options = kept.options;
        held.know(&kept.share);
        held.mine = kept.mine;
        held.recipients = kept.recipients;
        held.paused = kept.paused;
        held.stage = match kept.state {
            RestoredState::Complete { content, places, part, .. } => {
                held.places = places;
                held.part = part.map(Arc::new);
                Stage::Complete { content }
            }
            RestoredState::Unfinished => {
                held.opening = Opening::Restored;
                held.turn = Turn::Queued { before: 0 };
                Stage::Opening
            }
        };
        held
    }

    /// The manifest is here: its words replace those of catalogues.
    pub fn know(&mut self, share: &Arc<Share>) {
        self.tell(share.manifest());
        self.facts = Some(Arc::new(facts_of(share)));
        self.share = Some(share.clone());
        self.count_wanted();
    }

    /// Shows what its publisher signed.
    pub fn tell(&mut self, manifest: &Manifest) {
        self.title = manifest.title.clone();
        self.kind = kind_of(manifest);
        self.size = manifest.size();
        self.files = manifest.files();
        self.publisher = Some(manifest.publisher.peer_id());
        self.created_s = manifest.created_s;
    }

    pub fn created(&self) -> SystemTime {
        time_of(self.created_s)
    }

    pub fn state(&self) -> TransferState {
        match (&self.stage, self.paused) {
            (Stage::Failed | Stage::Aside { spoiled: true, .. }, _) => TransferState::Failed,
            (Stage::Verifying(_), _) => TransferState::Verifying,
            (Stage::Finishing | Stage::Moving(_), _) => TransferState::Finishing,
            (_, true) => TransferState::Paused,
            _ if self.barred.is_some() => TransferState::Waiting,
            (Stage::Aside { .. }, _) => TransferState::Waiting,
            _ if self.is_here() && self.options.seeding_ended => TransferState::Done,
            _ if self.turn == Turn::Scheduled => TransferState::Scheduled,
            _ if self.is_here() => TransferState::Seeding,
            _ if self.retry_at.is_some() => TransferState::Waiting,
            (Stage::Looking { .. }, _) => TransferState::Looking,
            (Stage::Opening | Stage::Fetching(_), _) if matches!(self.turn, Turn::Queued { .. }) => {
                TransferState::Queued
            }
            (Stage::Fetching(fetching), _) if !fetching.has_company() => TransferState::Looking,
            (Stage::Opening, _) if self.checked_bytes > 0 => TransferState::Verifying,
            (Stage::Opening | Stage::Fetching(_), _) => TransferState::Fetching,
            (Stage::Complete { .. }, _) => TransferState::Seeding,
        }
    }

    pub fn done_bytes(&self) -> u64 {
        match &self.stage {
            Stage::Looking { .. } | Stage::Failed => 0,
            Stage::Opening => self.checked_bytes.min(self.wanted_bytes()),
            Stage::Fetching(fetching) if fetching.swarm.is_complete() => self.wanted_bytes(),
            // A piece of small files can hold more than what is wanted of them.
            Stage::Fetching(fetching) => fetching.bytes_done.min(self.wanted_bytes()),
            Stage::Moving(moving) => moving.done_bytes,
            Stage::Verifying(verifying) => verifying.done_bytes,
            Stage::Finishing | Stage::Complete { .. } | Stage::Aside { .. } => self.wanted_bytes(),
        }
    }

    /// Whether all files that are wanted are here.
    pub fn is_here(&self) -> bool {
        match &self.stage {
            Stage::Complete { .. } => true,
            Stage::Fetching(fetching) => fetching.swarm.is_complete(),
            _ => false,
        }
    }

    pub fn is_complete(&self) -> bool {
        matches!(self.stage, Stage::Complete { .. } | Stage::Aside { .. })
            || matches!(&self.stage, Stage::Verifying(Verifying { subject: Verified::Complete(_), .. }))
    }

    pub fn fetching(&mut self) -> Option<&mut Fetching> {
        match &mut self.stage {
            Stage::Fetching(fetching) => Some(fetching),
            _ => None,
        }
    }

    pub fn moving(&self) -> bool {
        self.rates.moving()
            || matches!(self.stage, Stage::Verifying(_))
            || self.given.values().any(|given| given.open)
            || self.sources.values().any(|source| source.lanes.iter().any(|lane| !lane.in_flight.is_empty()))
    }

    pub fn next_wakeup(&self) -> Option<(Instant, &'static str)> {
        let retry = self.retry_at.map(|at| (at, "try again"));
        let again = self.sources.values().filter_map(|source| source.again_at).min().map(|at| (at, "ask a peer again"));
        let (swarm, save) = match &self.stage {
            Stage::Fetching(fetching) if !self.paused => (
                fetching.swarm.next_wakeup(),
                fetching.save_at.filter(|_| fetching.unsaved && !fetching.saving).map(|at| (at, "save the map")),
            ),
            _ => (None, None),
        };
        retry.into_iter().chain(again).chain(swarm).chain(save).min_by_key(|at| at.0)
    }
}

impl Fetching {
    /// Whether anybody who has some of it is there.
    fn has_company(&self) -> bool {
        self.swarm.has_peers()
    }

    /// Goes from Fetching to whatever comes next without losing what it holds.
    pub fn of(stage: &mut Stage) -> Option<Box<Fetching>> {
        match std::mem::replace(stage, Stage::Opening) {
            Stage::Fetching(fetching) => Some(fetching),
            other => {
                *stage = other;
                None
            }
        }
    }
}

impl From<crate::wire::peer::OfferKind> for ShareKind {
    fn from(kind: crate::wire::peer::OfferKind) -> ShareKind {
        use crate::wire::peer::OfferKind;
        match kind {
            OfferKind::File => ShareKind::File,
            OfferKind::Folder => ShareKind::Folder,
            OfferKind::Several => ShareKind::Several,
        }
    }
}

/// A time from seconds since 1970, whatever a stranger wrote there.
pub fn time_of(seconds: i64) -> SystemTime {
    let length = std::time::Duration::from_secs(seconds.unsigned_abs().min(1 << 40));
    if seconds < 0 { SystemTime::UNIX_EPOCH - length } else { SystemTime::UNIX_EPOCH + length }
}

/// What stands at the top of a share.
pub fn kind_of(manifest: &Manifest) -> ShareKind {
    let mut tops = manifest.tops();
    match (tops.next(), tops.next()) {
        (Some((_, top)), None) if top.kind == EntryKind::Folder => ShareKind::Folder,
        (Some(_), None) => ShareKind::File,
        _ => ShareKind::Several,
    }
}

const FACTS_FILES_MAX: usize = 1_000;

fn facts_of(share: &Share) -> Facts {
    let manifest = share.manifest();
    let files = manifest.entries.iter().filter_map(|entry| match entry.kind {
        EntryKind::File { size, root, .. } => Some((entry.path.to_string(), size, root)),
        EntryKind::Folder => None,
    });
    Facts {
        publisher: manifest.publisher.peer_id(),
        piece_bytes: manifest.piece_len.bytes(),
        pieces: share.pieces().count(),
        files: files.take(FACTS_FILES_MAX).collect(),
        files_total: manifest.files(),
    }
}
