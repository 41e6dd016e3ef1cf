//! What the server does by itself: tidies up, keeps to the retention of the policy, signs the audit log, renews its
//! certificate. Of several processes of one server one does it.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::{
    Server, admission, follow, indexing, now_ms, now_s, problem::Problem, routes, sealing, shared, throttle, tokens,
    witness,
};
use crate::{
    access::{About, Action, Actor, Decision, Role, decide},
    share::PeerId,
    store::central::{CentralError, Note},
};

const EVERY: Duration = Duration::from_secs(60);
const TOGETHER: Duration = Duration::from_secs(1);
/// Another process takes over when this one is silent for so long.
const LOCK_S: i64 = 150;
const LOCK: &str = "jobs";
/// A process that heard nothing of a removed share for so long was not running.
const REMOVED_KNOWN_S: i64 = 7 * 86_400;
const SWEPT: &str = "storage_swept_s";
const SWEEP_EVERY_S: i64 = 6 * 3600;

/// Starts everything that goes on by itself until the server ends.
pub(super) fn start(server: &Arc<Server>) {
    server.tracker.spawn(indexing::follow(server.clone()));
    server.tracker.spawn(follow::follow(server.clone()));
    server.tracker.spawn(admission::follow(server.clone()));
    if server.shared.is_some() {
        server.tracker.spawn(shared::follow(server.clone()));
        let server = server.clone();
        server.tracker.clone().spawn(async move {
            if let Some(shared) = &server.shared {
                shared.watch(&server.cancel).await;
            }
        });
    }
    let server = server.clone();
    let tracker = server.tracker.clone();
    tracker.spawn(async move {
        if server.shared.is_some() {
            shared::resume(&server).await;
        } else if let Err(error) = sealing::resume(&server).await {
            tracing::error!(%error, "unfinished uploads could not be gone on with");
        }
        let (holder, mut handed) = (tokens::short_token(), BTreeMap::new());
        let mut hangup = Hangup::listen();
        loop {
            if let Err(problem) = once(&server, &holder, &mut handed).await {
                tracing::warn!(error = %problem.detail, "tidying up did not end well");
            }
            tokio::select! {
                () = sign_what_is_grave(&server, &holder, &mut handed) => {}
                () = hangup.next() => tracing::info!("the certificate is looked at, as SIGHUP asks for it"),
                () = server.cancel.cancelled() => break,
            }
        }
        if let Err(error) = server.central.release_lock(LOCK, &holder).await {
            tracing::debug!(%error, "the next process waits until the time of this one is over");
        }
    });
}

/// Waits for the next round, and signs the log behind what only those do who run the server as soon as they did it.
async fn sign_what_is_grave(server: &Arc<Server>, holder: &str, handed: &mut BTreeMap<PeerId, i64>) {
    let next = tokio::time::Instant::now() + EVERY;
    while tokio::time::timeout_at(next, server.central.grave()).await.is_ok() {
        // What is done together, such as a class that is made, is signed together.
        tokio::time::sleep(TOGETHER).await;
        let now = now_s();
        let signed = match server.central.take_lock(LOCK, holder, now, now + LOCK_S).await {
            Ok(true) => sign(server, handed).await,
            Ok(false) => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = signed {
            tracing::warn!(%error, "the audit log was not signed");
        }
    }
}

async fn sign(server: &Server, handed: &mut BTreeMap<PeerId, i64>) -> Result<(), CentralError> {
    server.central.sign_head(now_ms(), |message| server.identity.sign(message)).await?;
    witness::hand_up(server, handed).await
}

/// SIGHUP: a service manager or a program that renewed the certificate asks that it is looked at.
struct Hangup {
    #[cfg(unix)]
    signal: Option<tokio::signal::unix::Signal>,
}

impl Hangup {
    #[cfg(unix)]
    fn listen() -> Hangup {
        Hangup { signal: tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup()).ok() }
    }

    #[cfg(not(unix))]
    fn listen() -> Hangup {
        Hangup {}
    }

    async fn next(&mut self) {
        #[cfg(unix)]
        if let Some(signal) = &mut self.signal
            && signal.recv().await.is_some()
        {
            return;
        }
        std::future::pending::<()>().await;
    }
}

async fn once(server: &Arc<Server>, holder: &str, handed: &mut BTreeMap<PeerId, i64>) -> Result<(), Problem> {
    match server.authority.renew() {
        Ok(true) => tracing::info!("the server has another certificate"),
        Ok(false) => {}
        Err(error) => tracing::error!(%error, "the certificate before goes on holding"),
    }
    let now = now_s();
    if !server.central.take_lock(LOCK, holder, now, now + LOCK_S).await? {
        return Ok(());
    }
    let lifetimes = server.settings().lifetimes;
    server.central.sweep_sessions(now - lifetimes.session_s, now - lifetimes.idle_s).await?;
    server.central.sweep_failures(now_ms() - throttle::FORGOTTEN_MS).await?;
    server.central.sweep_links(now).await?;
    for batch in server.central.stale_batches(now - lifetimes.upload_s).await? {
        routes::uploads::forget(server, &batch).await?;
    }
    server.central.sweep_removed(now - REMOVED_KNOWN_S).await?;
    server.central.sweep_locks(now - LOCK_S).await?;
    retain(server, now).await?;
    sweep_storage(server, now).await?;
    Ok(sign(server, handed).await?)
}

/// Deletes what lies in the storage and is named nowhere, now and then.
async fn sweep_storage(server: &Server, now: i64) -> Result<(), Problem> {
    if server.shared.is_none() {
        return Ok(());
    }
    let last = server.central.fact(SWEPT).await?.and_then(|last| last.parse::<i64>().ok()).unwrap_or(0);
    if now - last < SWEEP_EVERY_S {
        return Ok(());
    }
    server.central.set_fact(SWEPT, &now.to_string()).await?;
    let deleted = shared::sweep(server).await?;
    if deleted > 0 {
        tracing::info!("{deleted} objects that nothing names were deleted from the storage");
    }
    Ok(())
}

/// Another process of this server may have changed the policy.
pub(super) async fn take_newer_policy(server: &Server) -> Result<(), CentralError> {
    if server.central.policy_version().await? > server.policy().version {
        match super::load_policy(&server.central, &server.identity).await {
            Ok(policy) => drop(server.policy.send_replace(Arc::new(policy))),
            Err(error) => tracing::error!(%error, "the newest policy is not taken"),
        }
    }
    Ok(())
}

/// Removes students' shares that are older than the policy lets them be.
async fn retain(server: &Server, now: i64) -> Result<(), Problem> {
    let Some(days) = server.policy().retention_days else { return Ok(()) };
    let before = now - i64::from(days) * 86_400;
    let mut outdated = server.central.outdated_shares(before).await?;
    for row in server.central.outdated_of_devices(before).await? {
        // What a teacher's computer handed over is a teacher's.
        let device = row.origin.strip_prefix("device:").and_then(|peer| peer.parse().ok());
        let device = match device {
            Some(peer) => server.central.device(peer).await?,
            None => None,
        };
        if device.is_none_or(|device| device.role <= Role::Student) {
            outdated.push(row);
        }
    }
    for row in outdated {
        let permit = match decide(&server.policy(), &Actor::console(), Action::RemoveShare, About::Nothing, now) {
            Decision::Allow(permit) => permit,
            Decision::Deny(reason) => return Err(Problem::refused(&reason)),
        };
        let about = format!("share:{}", row.id.short());
        let detail = format!("older than {days} days: {}", row.title);
        let note = Note { at_ms: now_ms(), address: "", about: &about, detail: &detail, request: "" };
        let mut change = server.central.change(permit, &note).await?;
        change.remove_share(row.number).await?;
        change.commit().await?;
        server.keeping.take_off(row.id).await;
    }
    Ok(())
}
