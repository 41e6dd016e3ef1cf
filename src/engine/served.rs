//! What others can fetch from us right now: read by the routes, written by the engine's loop.
//!
//! It is a table of its own because bytes never pass through the engine: a route looks a share up, checks the caller, and
//! reads from disk. The locks here guard leaves and are never held across an await.

mod turns;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::{Notify, broadcast, watch};

use self::turns::Turns;
pub use self::turns::{Cut, Wanted};
use super::{
    command::{ForGroups, Recipients},
    throttle::{Plan, Throttle},
    vouching::{Vouching, now_s},
};
use crate::{
    access::{Admission, Audience, ShareFacts},
    share::{self, Bitmap, PeerId, PieceIndex, Share, ShareId},
    store::{Complete, Partial},
    swarm::first_copies::FirstCopies,
};

/// A reader of gained pieces that is further behind than this learns the whole bitmap anew.
const GAINED_QUEUE: usize = 1_024;
/// So many who have some of a share are remembered, to tell others of them.
const COMPANY_MAX: usize = 256;

/// The shares that are served.
pub struct Served {
    me: PeerId,
    shares: RwLock<BTreeMap<ShareId, Arc<ServedShare>>>,
    /// Each share's id by the [`probe`](crate::share::probe) that asks us for it.
    probes: RwLock<BTreeMap<ShareId, ShareId>>,
    /// The number of our catalogue.
    revision: watch::Sender<u64>,
    /// Connections through which somebody fetches from us.
    open_uploads: AtomicUsize,
    pub uploads_changed: Notify,
    turns: Turns,
    /// Holds what is given to its limits.
    pub throttle: Throttle,
    /// What holds besides.
    plan: RwLock<Arc<Plan>>,
    /// Who is in which group.
    pub vouching: Vouching,
    /// On a server: to whom its rules let anything be given. Else whoever may have a share gets it.
    admission: watch::Sender<Option<Arc<Admission>>>,
}

/// One of them.
pub struct ServedShare {
    pub share: Arc<Share>,
    pub content: Content,
    recipients: Recipients,
    mine: bool,
    have: Mutex<Bitmap>,
    gained: broadcast::Sender<PieceIndex>,
    meters: Mutex<BTreeMap<PeerId, Arc<Meter>>>,
    /// Pieces of it that are being sent.
    lines: AtomicUsize,
    /// It was complete from the beginning: this computer brings it into the room.
    brought: bool,
    /// What was given out of a share that was brought, from the first piece on.
    first_copies: Mutex<Option<FirstCopies>>,
    /// Those who have some of it, as far as is known.
    company: Arc<Mutex<BTreeSet<PeerId>>>,
    /// The rules forbid something of it.
    forbidden: AtomicBool,
}

/// Why a piece is not given at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotNow {
    /// Every slot is taken.
    Busy { retry_after: Duration },
    /// Somebody else was just given it.
    Deferred { retry_after: Duration },
}

/// One more piece of a share is being sent while it lives.
pub struct Line(Arc<ServedShare>);

/// Where its bytes are.
#[derive(Clone)]
pub enum Content {
    Complete(Arc<Complete>),
    Partial(Arc<Partial>),
}

/// What one peer got of one share.
#[derive(Debug, Default)]
pub struct Meter {
    bytes: AtomicU64,
    open: AtomicUsize,
}

/// A [`Meter`], read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    pub share: ShareId,
    pub peer: PeerId,
    /// Bytes since the share is served.
    pub bytes: u64,
    pub open: bool,
}

/// Counts as an open upload while it lives.
pub struct Upload {
    served: Arc<Served>,
    meter: Arc<Meter>,
}

impl Served {
    pub fn new(me: PeerId) -> Served {
        Served {
            me,
            shares: RwLock::default(),
            probes: RwLock::default(),
            revision: watch::Sender::new(0),
            open_uploads: AtomicUsize::new(0),
            uploads_changed: Notify::new(),
            turns: Turns::default(),
            throttle: Throttle::default(),
            plan: RwLock::default(),
            vouching: Vouching::default(),
            admission: watch::Sender::new(None),
        }
    }

    /// The share that this probe means, if the caller may have it.
    pub fn probed(&self, question: ShareId, caller: PeerId) -> Option<Arc<ServedShare>> {
        let id = *self.probes.read().unwrap_or_else(PoisonError::into_inner).get(&question)?;
        self.get(id, caller)
    }

    /// A share that the caller may have; `None` also where there is one that it may not know of.
    pub fn get(&self, id: ShareId, caller: PeerId) -> Option<Arc<ServedShare>> {
        let shares = self.shares.read().unwrap_or_else(PoisonError::into_inner);
        shares.get(&id).filter(|served| self.gives(served, caller)).cloned()
    }

    /// A share, whoever asks: for those who decide themselves who may have it.
    pub fn any(&self, id: ShareId) -> Option<Arc<ServedShare>> {
        self.shares.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    /// The shares in the caller's catalogue.
    pub fn listed(&self, caller: PeerId) -> Vec<Arc<ServedShare>> {
        let shares = self.shares.read().unwrap_or_else(PoisonError::into_inner);
        shares.values().filter(|served| !served.is_by_link() && self.gives(served, caller)).cloned().collect()
    }

    fn gives(&self, served: &ServedShare, caller: PeerId) -> bool {
        match &*self.admission.borrow() {
            Some(admission) => served.is_admitted(caller, admission),
            None => served.may_have(caller, &self.vouching),
        }
    }

    /// Other rules of a server hold from now on, for connections that are open, too.
    pub fn set_admission(&self, admission: Arc<Admission>) {
        self.admission.send_replace(Some(admission.clone()));
        let shares = self.shares.read().unwrap_or_else(PoisonError::into_inner);
        for served in shares.values() {
            served.forbidden.store(admission.forbids(served.share.manifest()), Ordering::Relaxed);
        }
    }

    /// The rules, and every change of them.
    pub fn admission(&self) -> watch::Receiver<Option<Arc<Admission>>> {
        self.admission.subscribe()
    }

    pub fn insert(&self, share: Arc<Share>, recipients: Recipients, mine: bool, content: Content, have: Bitmap) {
        let mut shares = self.shares.write().unwrap_or_else(PoisonError::into_inner);
        let id = share.id();
        let before = shares.get(&id);
        // Who listens for new pieces goes on listening when a share becomes complete.
        let gained = before.map_or_else(|| broadcast::Sender::new(GAINED_QUEUE), |before| before.gained.clone());
        let meters = before.map(|before| lock(&before.meters).clone()).unwrap_or_default();
        let company = before.map(|before| before.company.clone()).unwrap_or_default();
        let brought = before.map_or(have.is_full(), |before| before.brought);
        let forbids = |admission: &Arc<Admission>| admission.forbids(share.manifest());
        let forbidden = AtomicBool::new(self.admission.borrow().as_ref().is_some_and(forbids));
        let served = ServedShare {
            share,
            content,
            recipients,
            mine,
            have: Mutex::new(have),
            gained,
            meters: Mutex::new(meters),
            lines: AtomicUsize::new(0),
            brought,
            first_copies: Mutex::new(None),
            company,
            forbidden,
        };
        shares.insert(id, Arc::new(served));
        let mut probes = self.probes.write().unwrap_or_else(PoisonError::into_inner);
        probes.insert(share::probe::question(id, self.me), id);
    }

    pub fn remove(&self, id: ShareId) {
        self.shares.write().unwrap_or_else(PoisonError::into_inner).remove(&id);
        self.probes.write().unwrap_or_else(PoisonError::into_inner).remove(&share::probe::question(id, self.me));
    }

    /// A piece more can be fetched.
    pub fn gained(&self, id: ShareId, piece: PieceIndex) {
        let shares = self.shares.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(served) = shares.get(&id) {
            lock(&served.have).insert(piece);
            // Nobody listening is no error.
            served.gained.send(piece).ok();
        }
    }

    /// A peer has some of a share, or follows what we have of it.
    pub fn met(&self, id: ShareId, peer: PeerId) {
        let shares = self.shares.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(served) = shares.get(&id) {
            served.met(peer);
        }
    }

    pub fn set_revision(&self, revision: u64) {
        self.revision.send_replace(revision);
    }

    pub fn revision(&self) -> watch::Receiver<u64> {
        self.revision.subscribe()
    }

    pub fn open_uploads(&self) -> usize {
        self.open_uploads.load(Ordering::Relaxed)
    }

    pub fn plan(&self) -> Arc<Plan> {
        self.plan.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// All meters, as they stand.
    pub fn readings(&self) -> Vec<Reading> {
        let shares = self.shares.read().unwrap_or_else(PoisonError::into_inner);
        let readings = shares.values().flat_map(|served| {
            let share = served.share.id();
            let read = move |(peer, meter): (&PeerId, &Arc<Meter>)| Reading {
                share,
                peer: *peer,
                bytes: meter.bytes.load(Ordering::Relaxed),
                open: meter.open.load(Ordering::Relaxed) > 0,
            };
            lock(&served.meters).iter().map(read).collect::<Vec<_>>()
        });
        readings.collect()
    }
}

impl ServedShare {
    /// Whoever knows a share's id may have it, unless it is for chosen peers: those the publisher alone knows, so
    /// nobody else gives such a share on. Who is in a group the server has signed, so members give it on to members.
    fn may_have(&self, caller: PeerId, vouching: &Vouching) -> bool {
        match (&self.recipients, self.share.manifest().audience) {
            (Recipients::Peers(peers), _) => peers.contains(&caller),
            (Recipients::Groups(of), _) => vouching.is_in(caller, of.server, &of.groups),
            (_, share::Audience::Peers) if !self.mine => false,
            _ => true,
        }
    }

    /// Whether a server's rules let the caller have it. The server knows itself who is in which group.
    fn is_admitted(&self, caller: PeerId, admission: &Admission) -> bool {
        let (audience, chosen) = match (&self.recipients, self.share.manifest().audience) {
            (Recipients::Peers(peers), _) if !peers.contains(&caller) => return false,
            (Recipients::Peers(_), _) => (Audience::Room, true),
            (Recipients::Groups(of), _) => (Audience::Groups(of.groups.clone()), false),
            (_, share::Audience::Peers) if !self.mine => return false,
            _ => (Audience::Room, false),
        };
        if self.forbidden.load(Ordering::Relaxed) {
            return false;
        }
        // Who was named, or knows an id that is told nobody, comes as with a link.
        let by_link = chosen || self.is_by_link();
        let id = self.share.id();
        let facts =
            ShareFacts { id, owner: None, owner_role: None, audience, quarantined: false, content: None, by_link };
        admission.may_fetch(caller, &facts, now_s())
    }

    /// Whether nobody is told that it is here.
    fn is_by_link(&self) -> bool {
        match self.mine {
            true => self.recipients == Recipients::Link,
            false => self.share.manifest().audience == share::Audience::Link,
        }
    }

    /// Whether everyone who is around may have it, and give it on to everyone.
    pub fn is_for_everyone(&self) -> bool {
        self.recipients == Recipients::Everyone && self.share.manifest().audience == share::Audience::Everyone
    }

    /// The groups that it is for.
    pub fn groups(&self) -> Option<&ForGroups> {
        match &self.recipients {
            Recipients::Groups(of) => Some(of),
            _ => None,
        }
    }

    pub fn has(&self, piece: PieceIndex) -> bool {
        lock(&self.have).contains(piece)
    }

    pub fn is_complete(&self) -> bool {
        lock(&self.have).is_full()
    }

    /// What it has now, and everything it gains from now on.
    pub fn follow(&self) -> (Bitmap, broadcast::Receiver<PieceIndex>) {
        let have = lock(&self.have);
        let gained = self.gained.subscribe();
        (have.clone(), gained)
    }

    /// Takes one of the lines that this share's own limit allows; `None` when all are taken.
    pub fn open_line(self: &Arc<Self>, most: Option<usize>) -> Option<Line> {
        let most = most.unwrap_or(usize::MAX);
        let more = |open: usize| (open < most).then_some(open + 1);
        self.lines.fetch_update(Ordering::AcqRel, Ordering::Acquire, more).ok()?;
        Some(Line(self.clone()))
    }

    fn may_give(&self, now: Instant, piece: PieceIndex, caller: PeerId, turn: Duration) -> Result<(), Duration> {
        match &mut *lock(&self.first_copies) {
            Some(first) => first.may_give(now, piece, caller, turn),
            None => Ok(()),
        }
    }

    fn gives(&self, now: Instant, piece: PieceIndex, caller: PeerId, turn: Duration) {
        if self.brought {
            let nothing = || FirstCopies::new(Bitmap::empty(self.share.pieces()));
            lock(&self.first_copies).get_or_insert_with(nothing).gave(now, piece, caller, turn);
        }
    }

    /// Tells whether that is news.
    pub fn met(&self, peer: PeerId) -> bool {
        let mut company = lock(&self.company);
        company.len() < COMPANY_MAX && company.insert(peer)
    }

    /// Those who have some of it, as far as is known, and may be gone.
    pub fn company(&self) -> BTreeSet<PeerId> {
        lock(&self.company).clone()
    }

    /// Begins to count what a caller gets.
    pub fn open_upload(&self, served: &Arc<Served>, caller: PeerId) -> Upload {
        let meter = lock(&self.meters).entry(caller).or_default().clone();
        meter.open.fetch_add(1, Ordering::Relaxed);
        served.open_uploads.fetch_add(1, Ordering::Relaxed);
        served.uploads_changed.notify_one();
        Upload { served: served.clone(), meter }
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.0.lines.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Upload {
    pub fn add(&self, bytes: u64) {
        self.meter.bytes.fetch_add(bytes, Ordering::Relaxed);
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        self.meter.open.fetch_sub(1, Ordering::Relaxed);
        self.served.open_uploads.fetch_sub(1, Ordering::Relaxed);
        self.served.uploads_changed.notify_one();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // Nothing panics while one of these is held; if it did, the data would still be whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
