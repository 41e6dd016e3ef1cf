//! The chain of servers, driven: questions go up over the network, and what is found comes down and stays.
//!
//! One task owns the cores ([`lookup`](crate::lookup)) and their inbox (`task.rs`); each wish of theirs becomes one future
//! (`calls.rs`, `fetching.rs`) that ends in one fact. Whoever asks holds a [`Chain`] and gets one answer. Bytes never pass
//! here: the engine fetches a share from the server above like from any peer, verifies, keeps and gives it on piece by
//! piece, and this room tells it from whom and sees how it goes.
//!
//! Who owns what: the task the cores; the engine shares and transfers; whoever starts a chain its own database, which is
//! asked through [`Setup::search`] for what a caller may see. Not here: pages, and who may see what.

mod calls;
mod fetching;
mod forms;
pub mod reach;
mod resolve;
mod routes;
mod task;

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use tokio::sync::{mpsc, oneshot};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub use crate::lookup::{
    Answer, Ask, Asker, Find, FindKind, HOPS_DEFAULT, HOPS_MAX, Health, Mode, Reason, Step, Words,
};
use crate::{
    engine::{Handle, Shelf},
    lookup::{Query, QueryId},
    net::call::Client,
    share::{PeerId, ShareId},
};
use task::{Event, Task};

/// Questions and facts that wait for the task.
const INBOX: usize = 1_024;
/// Whoever wants bytes waits so long for the manifest.
const PATIENCE: Duration = Duration::from_secs(60);

/// Looks for what a caller may see; a server looks in its database.
pub type Search = Arc<dyn Fn(Asker, Ask) -> BoxFuture<'static, Vec<Find>> + Send + Sync>;
/// Whether a computer that proved its key may ask at all.
pub type Admits = Arc<dyn Fn(PeerId) -> BoxFuture<'static, bool> + Send + Sync>;
/// Whether a share may be brought from a computer of the room, which is no server: whoever knows the rules asks it for its
/// list of files first, and judges that.
pub type MayBring = Arc<dyn Fn(PeerId, ShareId) -> BoxFuture<'static, Result<(), Reason>> + Send + Sync>;
/// Whether the disk has room for a share that is to be brought for another server; whoever keeps copies may make some. For
/// people it was looked at before, where they can be told.
pub type HasRoom = Arc<dyn Fn(ShareId) -> BoxFuture<'static, bool> + Send + Sync>;

/// Writes down what was found above, for everyone, so that it is known from then on.
pub type Remember = Arc<dyn Fn(Vec<Find>) -> BoxFuture<'static, ()> + Send + Sync>;

/// A server above.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// Its key; another computer at its address is not asked.
    pub id: PeerId,
    /// `HOST:PORT`.
    pub address: String,
    /// How people here call it; otherwise it says so itself.
    pub name: Option<String>,
}

/// What a chain is started with.
pub struct Setup {
    pub me: PeerId,
    /// How this server calls itself.
    pub name: String,
    /// Those to ask first first.
    pub upstreams: Vec<Upstream>,
    pub client: Client,
    pub engine: Handle,
    pub shelf: Shelf,
    /// The folder for what is brought.
    pub into: PathBuf,
    pub search: Search,
    pub remember: Remember,
    pub admits: Admits,
    pub may_bring: MayBring,
    pub has_room: HasRoom,
    pub tracker: TaskTracker,
    pub cancel: CancellationToken,
}

/// A line to the chain. Cheap to clone.
#[derive(Clone)]
pub struct Chain {
    inbox: mpsc::Sender<Event>,
    admits: Admits,
    has_room: HasRoom,
    me: PeerId,
}

/// How a question is asked.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    /// The answer comes within this time.
    pub budget: Duration,
    pub hops: u8,
    pub mode: Mode,
    /// Whether "not found" from memory is not good enough.
    pub fresh: bool,
}

impl Default for Manner {
    fn default() -> Manner {
        Manner { budget: Duration::from_secs(3), hops: HOPS_DEFAULT, mode: Mode::Parents, fresh: false }
    }
}

/// Why a share is not brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub reason: Reason,
    /// Where it failed.
    pub at: PeerId,
}

/// A server above, as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamStatus {
    pub id: PeerId,
    pub name: String,
    pub address: String,
    /// Where the address led at last.
    pub at: Vec<SocketAddr>,
    pub health: Health,
    /// Questions on their way, answered, and failed.
    pub open: usize,
    pub answered: u64,
    pub failed: u64,
    /// How often what it said was not so.
    pub lies: u32,
    /// Whether it ever answered since this server was started.
    pub met: bool,
    /// The last time it failed to bring a share, or who has its address, in words.
    pub last_trouble: Option<String>,
}

/// A share that is being brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bringing {
    pub share: ShareId,
    pub route: Vec<Step>,
    /// Whether its pieces can be waited for.
    pub ready: bool,
    /// Sources that were given up.
    pub failures: Vec<(PeerId, Reason)>,
}

impl Chain {
    /// Starts the task; it ends with `cancel`.
    pub fn start(setup: Setup) -> Chain {
        let (inbox, events) = mpsc::channel(INBOX);
        let (admits, has_room) = (setup.admits.clone(), setup.has_room.clone());
        let chain = Chain { inbox: inbox.clone(), admits, has_room, me: setup.me };
        let tracker = setup.tracker.clone();
        tracker.spawn(Task::new(setup, inbox).run(events));
        chain
    }

    /// What peers may ask of a server that is part of a chain.
    pub fn peer_routes(&self) -> axum::Router {
        routes::router(self.clone())
    }

    /// Asks in the name of somebody here. Who drops the future does not wait any more.
    pub async fn ask(&self, asker: Asker, ask: Ask, manner: Manner) -> Answer {
        let query = Query {
            id: QueryId(random()),
            ask,
            hops_left: manner.hops.min(HOPS_MAX),
            passed: vec![],
            budget: manner.budget,
            mode: manner.mode,
            fresh: manner.fresh,
        };
        self.ask_query(asker, query).await
    }

    async fn ask_query(&self, asker: Asker, query: Query) -> Answer {
        let overloaded = Answer::Unknown { reason: Reason::Overloaded, at: self.me };
        let (answer, answered) = oneshot::channel();
        if self.inbox.send(Event::Asked { asker, query, answer }).await.is_err() {
            return overloaded;
        }
        answered.await.unwrap_or(overloaded)
    }

    /// Has a share brought here by one of `routes`, as a find has them; returns when its pieces can be waited for. What is
    /// begun goes on without whoever wanted it.
    pub async fn bring(&self, share: ShareId, routes: Vec<Vec<Step>>) -> Result<(), Refusal> {
        self.bring_for(share, routes, vec![], PATIENCE).await
    }

    async fn bring_for(
        &self,
        share: ShareId,
        routes: Vec<Vec<Step>>,
        passed: Vec<PeerId>,
        patience: Duration,
    ) -> Result<(), Refusal> {
        let stopped = Err(Refusal { reason: Reason::Overloaded, at: self.me });
        let (ready, is_ready) = oneshot::channel();
        if self.inbox.send(Event::Wanted { share, routes, passed, patience, ready }).await.is_err() {
            return stopped;
        }
        is_ready.await.unwrap_or(stopped)
    }

    /// The servers above, with their health.
    pub async fn upstreams(&self) -> Vec<UpstreamStatus> {
        let (reply, replied) = oneshot::channel();
        self.inbox.send(Event::Upstreams { reply }).await.ok();
        replied.await.unwrap_or_default()
    }

    /// The shares that are being brought.
    pub async fn bringing(&self) -> Vec<Bringing> {
        let (reply, replied) = oneshot::channel();
        self.inbox.send(Event::Bringing { reply }).await.ok();
        replied.await.unwrap_or_default()
    }

    /// Other servers above from now on.
    pub async fn set_upstreams(&self, upstreams: Vec<Upstream>) {
        self.inbox.send(Event::SetUpstreams { upstreams }).await.ok();
    }
}

fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    // Without the system's chance there is no TLS either, so this does not fail where a server runs.
    aws_lc_rs::rand::fill(&mut bytes).ok();
    bytes
}
