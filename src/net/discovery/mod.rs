//! Who is around: DNS-SD over mDNS (RFC 6762, 6763), service `_handout._tcp`.
//!
//! One task owns the mDNS daemon, the table of what was seen and what is announced. Whatever comes from the network is
//! checked in [`announcement`] before it becomes an [`Event`].
//!
//! Presence. mDNS notices a goodbye at once, but somebody whose cable was pulled only when the records expire, after two
//! minutes. So everybody says "still here" every 8 s, by announcing its TXT record with a higher `b`: one packet per
//! peer, however many listen, and nobody has to ask. Whoever was not heard for some 18 s is asked (a verification by RFC
//! 6762 §10.4); no answer in 3 s, and it has left. A peer of another make that never changes its `b` is asked every 18 s
//! instead. All of these times vary by chance, so that a room does not speak in chorus.
//!
//! An instance's names are made of its key and a number drawn at its start, so no two are alike and none has to be probed
//! for; it is announced at once. A second program with our own key shows by its other number: a [`Event::Twin`].
//!
//! Deliberately not here: remembering peers, joining this with other ways to find them, and connecting.

mod announcement;
mod table;

use std::{net::SocketAddr, time::Duration};

use mdns_sd::{ServiceDaemon, ServiceEvent, ServiceInfo, TxtProperty};
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::{Instant, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;

use self::table::Table;
use crate::share::PeerId;

pub use self::announcement::{Announcement, Role, Seen};

const SERVICE: &str = "_handout._tcp.local.";

/// Changes are announced at most this often; the last one wins.
const ANNOUNCE_EVERY: Duration = Duration::from_millis(500);

/// How often we say that we are still here, and by how much that varies.
const BEAT: Duration = Duration::from_millis(7_500);
const BEAT_JITTER: Duration = Duration::from_millis(1_000);

/// How long somebody who is asked may take to answer.
const VERIFY: Duration = Duration::from_secs(3);

/// How long saying goodbye, and ending the daemon, may take each.
const GOODBYE: Duration = Duration::from_secs(1);

/// What happens in the room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Somebody is there. Told again after every change, and every few seconds while it is there.
    Seen(Seen),
    /// It said goodbye, or can't be heard any more.
    Left { id: PeerId },
    /// Another running program has our own key: a copied disk image or folder. Told once for each such program.
    Twin { name: String, addresses: Vec<SocketAddr> },
}

/// Why nobody can be found by mDNS.
#[derive(Debug, thiserror::Error)]
#[error("other computers can't be found by themselves ({0}); addresses that are typed still work")]
pub struct DiscoveryError(String);

/// Finds others and lets them find us, until it is shut down.
pub struct Discovery {
    announcements: watch::Sender<Announcement>,
    cancel: CancellationToken,
    task: JoinHandle<()>,
}

impl Discovery {
    /// Announces us, and tells `events` of others. Call it inside a tokio runtime. An `events` that is full delays news, and
    /// older news of the same peer is left out.
    pub fn start(announcement: Announcement, events: mpsc::Sender<Event>) -> Result<Discovery, DiscoveryError> {
        let mdns = ServiceDaemon::new().map_err(discovery_error)?;
        let browser = mdns.browse(SERVICE).map_err(discovery_error)?;
        let cancel = CancellationToken::new();
        let (announcements, watching) = watch::channel(announcement.clone());
        let task = Task {
            table: Table::new(announcement.id, announcement.instance),
            announcing: Announcing { info: None, beat: 0, last: None, next: Instant::now() },
            mdns,
            browser,
            watching,
            events,
        };
        let task = tokio::spawn(task.run(cancel.clone()));
        Ok(Discovery { announcements, cancel, task })
    }

    /// Announces what has changed; the id and the instance must stay.
    pub fn announce(&self, announcement: Announcement) {
        self.announcements.send_replace(announcement);
    }

    /// Says goodbye and ends; takes some 2 s at most.
    pub async fn shutdown(mut self) {
        self.cancel.cancel();
        let _ = timeout(3 * GOODBYE, &mut self.task).await;
    }
}

impl Drop for Discovery {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

fn discovery_error(error: mdns_sd::Error) -> DiscoveryError {
    DiscoveryError(error.to_string())
}

/// Owns everything.
struct Task {
    mdns: ServiceDaemon,
    browser: mdns_sd::Receiver<ServiceEvent>,
    watching: watch::Receiver<Announcement>,
    events: mpsc::Sender<Event>,
    table: Table,
    announcing: Announcing,
}

/// What was announced, and when it will be again.
struct Announcing {
    /// The name that a goodbye must carry.
    info: Option<String>,
    beat: u32,
    last: Option<Instant>,
    next: Instant,
}

impl Task {
    async fn run(mut self, cancel: CancellationToken) {
        let events = self.events.clone();
        loop {
            self.do_what_is_due();
            let wakeup = self.table.next_check().map_or(self.announcing.next, |check| check.min(self.announcing.next));
            tokio::select! {
                () = cancel.cancelled() => break,
                changed = self.watching.changed() => {
                    if changed.is_err() {
                        break;
                    }
                    let soonest = self.announcing.last.map_or_else(Instant::now, |last| last + ANNOUNCE_EVERY);
                    self.announcing.next = self.announcing.next.min(soonest);
                }
                found = self.browser.recv_async() => match found {
                    Ok(found) => self.found(found),
                    // The daemon gives up on whoever does not read for long; what it knows comes again.
                    Err(_) => match self.mdns.browse(SERVICE) {
                        Ok(browser) => self.browser = browser,
                        Err(error) => {
                            tracing::warn!(%error, "other computers can't be found by themselves any more");
                            break;
                        }
                    },
                },
                permit = events.reserve(), if self.table.has_news() => match (permit, self.table.take_news()) {
                    (Ok(permit), Some(event)) => permit.send(event),
                    (Ok(_), None) => {}
                    (Err(_), _) => break,
                },
                () = sleep_until(wakeup) => {}
            }
        }
        self.say_goodbye().await;
    }

    fn do_what_is_due(&mut self) {
        let now = Instant::now();
        if now >= self.announcing.next {
            self.announce(now);
        }
        for name in self.table.due_checks(now) {
            if let Err(error) = self.mdns.verify(name, VERIFY) {
                tracing::debug!(%error, "a silent peer can't be asked for");
            }
        }
    }

    fn announce(&mut self, now: Instant) {
        let announcement = self.watching.borrow_and_update().clone();
        self.announcing.beat = self.announcing.beat.wrapping_add(1);
        self.announcing.last = Some(now);
        self.announcing.next = now + BEAT + table::by_chance(BEAT_JITTER);
        match service_info(&announcement, self.announcing.beat) {
            Ok(info) => {
                self.announcing.info = Some(info.get_fullname().to_owned());
                if let Err(error) = self.mdns.register(info) {
                    tracing::debug!(%error, "an announcement was not taken");
                }
            }
            Err(error) => tracing::warn!(%error, "this computer can't be announced"),
        }
    }

    fn found(&mut self, event: ServiceEvent) {
        match event {
            ServiceEvent::ServiceResolved(service) => self.table.resolved(&service, Instant::now()),
            ServiceEvent::ServiceRemoved(_, name) => self.table.removed(&name),
            _ => {}
        }
    }

    async fn say_goodbye(self) {
        if let Some(Ok(done)) = self.announcing.info.map(|name| self.mdns.unregister(&name)) {
            let _ = timeout(GOODBYE, done.recv_async()).await;
        }
        if let Ok(done) = self.mdns.shutdown() {
            let _ = timeout(GOODBYE, done.recv_async()).await;
        }
    }
}

/// Our records. They need no probing, which would delay them by a second: the names are our own by construction.
fn service_info(announcement: &Announcement, beat: u32) -> mdns_sd::Result<ServiceInfo> {
    let name = announcement.unique_name();
    let host = format!("{name}.local.");
    let txt: Vec<TxtProperty> = announcement.to_txt(beat).into_iter().map(TxtProperty::from).collect();
    let info = ServiceInfo::new(SERVICE, &name, &host, "", announcement.port, txt)?;
    let mut info = info.enable_addr_auto();
    info.set_requires_probe(false);
    Ok(info)
}
