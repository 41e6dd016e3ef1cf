//! What the engine's workers share: our identity, the network, the disk, and the way back to the engine.

use std::sync::Arc;

use tokio::sync::{Semaphore, mpsc, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{event::Event, lasting::Lasting, served::Served, snapshot::Snapshot, task::Keep, throttle::Throttle};
use crate::{
    access::SignedMembership,
    net::{
        call::{Client, Connection},
        discovery::Announcement,
        identity::Identity,
    },
    share::PeerId,
    store::Store,
};

/// So many catalogues are asked for at once; a room where everybody changes must not open hundreds of connections.
const CATALOGUES_AT_ONCE: usize = 16;
/// So many files are read in at once; each reading uses all cores.
const IMPORTS_AT_ONCE: usize = 2;

/// Cheap to clone; each worker has one.
#[derive(Clone)]
pub struct Shell {
    pub identity: Arc<Identity>,
    pub client: Client,
    pub store: Arc<Store>,
    pub served: Arc<Served>,
    /// Holds what is fetched to its limits; what is given is held by `served`.
    pub fetching: Arc<Throttle>,
    /// What we say of ourselves in the room, where we can be heard there.
    pub announcement: Option<Arc<watch::Sender<Announcement>>>,
    pub events: mpsc::Sender<Event>,
    /// What must last goes to the one who writes.
    pub facts: mpsc::Sender<Keep>,
    pub lasting: Lasting,
    pub snapshots: watch::Receiver<Arc<Snapshot>>,
    pub cancel: CancellationToken,
    /// Cancelled when nothing follows that must last.
    pub last_fact: CancellationToken,
    pub tracker: TaskTracker,
    pub catalogues: Arc<Semaphore>,
    pub imports: Arc<Semaphore>,
    /// Whether browsers are served here, too.
    pub server: bool,
}

impl Shell {
    pub fn places() -> (Arc<Semaphore>, Arc<Semaphore>) {
        (Arc::new(Semaphore::new(CATALOGUES_AT_ONCE)), Arc::new(Semaphore::new(IMPORTS_AT_ONCE)))
    }

    /// Others are shown this from now on, and believed when they show the like.
    pub fn vouched(&self, vouched: Option<&(PeerId, SignedMembership)>) {
        self.served.vouching.trust(vouched.map(|(server, _)| *server));
        self.client.show(vouched.map(|(_, signed)| signed.to_wire()));
    }

    /// Passes on what time a computer said that it is.
    pub async fn tell_time(&self, connection: &Connection) {
        if let Some(told_s) = connection.told_s() {
            self.tell(Event::TimeTold { peer: connection.peer(), told_s }).await;
        }
    }

    /// Tells the engine something; waits for a place in its inbox. When the engine has stopped, nobody needs to know.
    pub async fn tell(&self, event: Event) {
        self.events.send(event).await.ok();
    }

    /// [`Shell::tell`] from a thread that may block.
    pub fn tell_blocking(&self, event: Event) {
        self.events.blocking_send(event).ok();
    }
}
