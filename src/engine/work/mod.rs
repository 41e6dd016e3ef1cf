//! What is done outside the engine: one file an errand. Each errand is a future of its own that ends in exactly one closing
//! event, also when it panics; nothing here decides.

pub mod announce;
mod catalogue;
mod errors;
mod find;
mod follow_have;
pub mod import;
mod lane;
mod lane_sink;
pub mod remember;
pub mod restore;
mod search;
mod server;
mod staging;

use std::{future::Future, panic::AssertUnwindSafe};

use futures_util::FutureExt as _;

use super::{
    event::{Event, Fact, FetchEnd},
    fault::{PeerFault, PeerFaultKind},
    shell::Shell,
    task::{Job, Keep, Task},
};
use crate::{share::ShareId, store::Look};

/// Starts a task. What can be told at once is returned.
pub fn start(shell: &Shell, task: Task) -> Option<Event> {
    match task {
        Task::Import { token, paths, title, audience, leave_out, class, cancel } => {
            let wish = import::Wish { token, paths, title, audience, leave_out, class, cancel };
            let crashed = Event::Imported { token, result: Err(errors::import_crashed()) };
            spawn(shell, import::import(shell.clone(), wish), crashed);
        }
        Task::AskCatalogue { peer, addresses, known, wait, cancel } => {
            let crashed = Event::Catalogue { peer, result: Err(errors::crashed()) };
            spawn(shell, catalogue::ask(shell.clone(), peer, addresses, known, wait, cancel), crashed);
        }
        Task::Greet { address } => {
            let crashed = Event::Greeted { address: address.clone(), result: Err(errors::crashed()) };
            spawn(shell, catalogue::greet(shell.clone(), address), crashed);
        }
        Task::Transfer { share, run, job } => return start_job(shell, share, run, job),
        Task::Remember(keep) => remember::remember(shell, keep),
        Task::SaveSetting(change) => remember::remember(shell, Keep::Setting(change)),
        Task::Enrol { token, ticket } => {
            let crashed = Event::Enrolled { token, result: Err(errors::server_crashed()) };
            spawn(shell, server::enrol(shell.clone(), token, ticket), crashed);
        }
        Task::Search { token, words, servers } => {
            let crashed = Event::Searched { token, words: words.clone(), found: vec![], silent: vec![] };
            spawn(shell, search::search(shell.clone(), token, words, servers), crashed);
        }
        Task::Publish { share, groups, server, address, begin } => {
            let crashed = Event::Published { share, result: Err(errors::server_crashed()) };
            spawn(shell, server::publish(shell.clone(), share, groups, (server, address), begin), crashed);
        }
        Task::AskHeads { server, addresses, address } => {
            let crashed = Event::Heads { result: Err(errors::server_crashed()) };
            spawn(shell, server::heads(shell.clone(), server, addresses, address), crashed);
        }
        Task::AskStanding(question) => {
            let crashed = Event::Stands { result: Err(errors::server_crashed()) };
            spawn(shell, server::standing(shell.clone(), *question), crashed);
        }
        Task::Announce { .. }
        | Task::Vouch(_)
        | Task::KeepTime(_)
        | Task::Serve { .. }
        | Task::Gained { .. }
        | Task::Met { .. }
        | Task::Withdraw { .. }
        | Task::Throttle(_) => {}
    }
    None
}

fn start_job(shell: &Shell, share: ShareId, run: u64, job: Job) -> Option<Event> {
    let to_event = move |fact| Event::Transfer { share, run, fact };
    match job {
        Job::Find { candidates, servers, cancel } => {
            let crashed = Fact::Found { result: Err(errors::find_crashed()) };
            let found = find::find(shell.clone(), share, candidates, servers, cancel);
            spawn(shell, found.map(to_event), to_event(crashed));
        }
        Job::OpenStaging { share, into, opening, extend, others, watch } => {
            let crashed = Fact::StagingOpened { result: Err(errors::disk_crashed()) };
            let wish = staging::Wish { share, run, into, opening, extend, others, watch };
            spawn(shell, staging::open(shell.clone(), wish).map(to_event), to_event(crashed));
        }
        Job::AskHave { share, peer, addresses, cancel } => {
            let crashed = Fact::HaveEnded { peer, fault: Some(errors::crashed()) };
            let stream = follow_have::Stream { shell: shell.clone(), share, run, peer };
            spawn(shell, stream.follow(addresses, cancel).map(to_event), to_event(crashed));
        }
        Job::OpenLane { share, staging, peer, addresses, lane, gauge, background, cancel } => {
            let crashed = Fact::LaneEnded { peer, lane, fault: Some(errors::crashed()) };
            let connection =
                lane::Connection { shell: shell.clone(), share, staging, run, peer, lane, gauge, background };
            spawn(shell, connection.run(addresses, cancel).map(to_event), to_event(crashed));
        }
        Job::AskPiece { handle, peer, lane, piece } => {
            tracing::trace!(peer = %peer.short(), lane, piece = piece.get(), "asked");
            if handle.fetch(piece.get()).is_err() {
                return Some(to_event(Fact::Fetched { peer, lane, piece, end: FetchEnd::Failed }));
            }
        }
        Job::SaveHave { staging } => {
            let crashed = Fact::HaveSaved { result: Err(errors::disk_crashed()) };
            spawn(shell, staging::save(staging).map(to_event), to_event(crashed));
        }
        Job::Finish { share, staging } => {
            let crashed = Fact::Finished { result: Err(errors::disk_crashed()) };
            spawn(shell, staging::finish(share, staging).map(to_event), to_event(crashed));
        }
        Job::FinishSelected { share, staging, wanted } => {
            let crashed = Fact::Finished { result: Err(errors::disk_crashed()) };
            spawn(shell, staging::finish_selected(share, staging, wanted).map(to_event), to_event(crashed));
        }
        Job::Verify { share, subject, watch } => {
            let crashed = Fact::Verified { verdict: staging::broken_off(&share, errors::CRASHED) };
            let reading = staging::verify(shell.clone(), share, run, subject, watch);
            spawn(shell, reading.map(to_event), to_event(crashed));
        }
        Job::Look { content, suspect } => {
            let crashed = Fact::Looked { look: Look::Unread(staging::unread(errors::CRASHED)) };
            spawn(shell, staging::look(content, suspect).map(to_event), to_event(crashed));
        }
        Job::Relocate(wish) => {
            let crashed = Fact::Relocated { result: Err(errors::disk_crashed()) };
            spawn(shell, staging::relocate(shell.clone(), wish).map(to_event), to_event(crashed));
        }
        Job::Discard { staging } => {
            spawn(shell, staging::discard(staging).map(to_event), to_event(Fact::Discarded));
        }
    }
    None
}

/// Runs an errand; its event, or `crashed` if it panics, goes to the engine.
fn spawn(shell: &Shell, errand: impl Future<Output = Event> + Send + 'static, crashed: Event) {
    let shell = shell.clone();
    shell.tracker.clone().spawn(async move {
        let event = AssertUnwindSafe(errand).catch_unwind().await.unwrap_or(crashed);
        shell.tell(event).await;
    });
}

/// Work that blocks for long (a connection, a large share), on a thread of its own; in the background that has the lowest
/// priority. `None`: it panicked, or there is no thread for it.
async fn on_own_thread<T: Send + 'static>(background: bool, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (done, result) = tokio::sync::oneshot::channel();
    // Whoever waits has gone where this can't be told.
    let work = move || drop(done.send(work()));
    let spawned = if background {
        crate::platform::background::spawn(work)
    } else {
        std::thread::Builder::new().name("fetching".to_owned()).spawn(work)
    };
    spawned.ok()?;
    result.await.ok()
}

/// Work that blocks, on a thread that may.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    tokio::task::spawn_blocking(work).await.ok()
}

fn unreachable(what: String) -> PeerFault {
    PeerFault { kind: PeerFaultKind::Unreachable, what }
}
