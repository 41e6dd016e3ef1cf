//! What others can fetch from us right now: read by the routes, written by the engine's loop.
//!
//! It is a table of its own because bytes never pass through the engine: a route looks a share up, checks the caller, and
//! reads from disk. The locks here guard leaves and are never held across an await.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
};

use tokio::sync::{Notify, broadcast, watch};

use super::{
    command::Recipients,
    throttle::{Plan, Throttle, lines_under},
};
use crate::{
    share::{Bitmap, PeerId, PieceIndex, Share, ShareId},
    store::{Complete, Partial},
    swarm::upload_slots::{UploadLimits, UploadSlots},
};

/// A reader of gained pieces that is further behind than this learns the whole bitmap anew.
const GAINED_QUEUE: usize = 1_024;

/// The shares that are served.
pub struct Served {
    shares: RwLock<BTreeMap<ShareId, Arc<ServedShare>>>,
    /// The number of our catalogue.
    revision: watch::Sender<u64>,
    /// Connections through which somebody fetches from us.
    open_uploads: AtomicUsize,
    pub uploads_changed: Notify,
    slots: Mutex<UploadSlots>,
    /// Holds what is given to its limits.
    pub throttle: Throttle,
    /// What holds besides.
    plan: RwLock<Arc<Plan>>,
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

impl Default for Served {
    fn default() -> Served {
        Served {
            shares: RwLock::default(),
            revision: watch::Sender::new(0),
            open_uploads: AtomicUsize::new(0),
            uploads_changed: Notify::new(),
            slots: Mutex::new(UploadSlots::new(UploadLimits::default())),
            throttle: Throttle::default(),
            plan: RwLock::default(),
        }
    }
}

impl Served {
    /// A share that the caller may have; `None` also where there is one that it may not know of.
    pub fn get(&self, id: ShareId, caller: PeerId) -> Option<Arc<ServedShare>> {
        let shares = self.shares.read().unwrap_or_else(PoisonError::into_inner);
        shares.get(&id).filter(|served| served.may_have(caller)).cloned()
    }

    /// A share, whoever asks: for those who decide themselves who may have it.
    pub fn any(&self, id: ShareId) -> Option<Arc<ServedShare>> {
        self.shares.read().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    /// The shares in the caller's catalogue.
    pub fn listed(&self, caller: PeerId) -> Vec<Arc<ServedShare>> {
        let shares = self.shares.read().unwrap_or_else(PoisonError::into_inner);
        shares.values().filter(|served| served.is_listed(caller)).cloned().collect()
    }

    pub fn insert(&self, share: Arc<Share>, recipients: Recipients, mine: bool, content: Content, have: Bitmap) {
        let mut shares = self.shares.write().unwrap_or_else(PoisonError::into_inner);
        let id = share.id();
        let before = shares.get(&id);
        // Who listens for new pieces goes on listening when a share becomes complete.
        let gained = before.map_or_else(|| broadcast::Sender::new(GAINED_QUEUE), |before| before.gained.clone());
        let meters = before.map(|before| lock(&before.meters).clone()).unwrap_or_default();
        let served = ServedShare {
            share,
            content,
            recipients,
            mine,
            have: Mutex::new(have),
            gained,
            meters: Mutex::new(meters),
            lines: AtomicUsize::new(0),
        };
        shares.insert(id, Arc::new(served));
    }

    pub fn remove(&self, id: ShareId) {
        self.shares.write().unwrap_or_else(PoisonError::into_inner).remove(&id);
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

    pub fn set_revision(&self, revision: u64) {
        self.revision.send_replace(revision);
    }

    pub fn revision(&self) -> watch::Receiver<u64> {
        self.revision.subscribe()
    }

    pub fn open_uploads(&self) -> usize {
        self.open_uploads.load(Ordering::Relaxed)
    }

    /// Whom we serve at this moment.
    pub fn slots(&self) -> std::sync::MutexGuard<'_, UploadSlots> {
        lock(&self.slots)
    }

    /// Other limits and priorities hold from now on.
    pub fn set_plan(&self, plan: Arc<Plan>) {
        self.throttle.set(plan.total.up, plan.each.iter().map(|(id, (limits, priority))| (*id, limits.up, *priority)));
        let usual = UploadLimits::default();
        let most = lines_under(plan.total.up).unwrap_or(usize::MAX);
        let (slots, slots_max) = (usual.slots.min(most), usual.slots_max.min(most));
        self.slots().set_limits(UploadLimits { slots, slots_max, ..usual });
        *self.plan.write().unwrap_or_else(PoisonError::into_inner) = plan;
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
    /// nobody else gives such a share on.
    fn may_have(&self, caller: PeerId) -> bool {
        use crate::share::Audience;
        match (&self.recipients, self.share.manifest().audience) {
            (Recipients::Peers(peers), _) if self.mine => peers.contains(&caller),
            (_, Audience::Peers) if !self.mine => false,
            _ => true,
        }
    }

    fn is_listed(&self, caller: PeerId) -> bool {
        use crate::share::Audience;
        let by_link = match self.mine {
            true => self.recipients == Recipients::Link,
            false => self.share.manifest().audience == Audience::Link,
        };
        !by_link && self.may_have(caller)
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
