//! This process learns what others did: shares that came, changed or went, and the policy.

use std::{
    collections::BTreeSet,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use futures_util::StreamExt as _;

use super::{Lease, Shared, making};
use crate::{
    access::Audience,
    engine::command::{Command, Recipients},
    server::{Server, jobs, problem::Problem},
    share::ShareId,
    store::{
        ShareBytes,
        central::{CentralError, ShareRow},
        objects::SweepError,
    },
};

/// The database is asked this often what is new.
const EVERY: Duration = Duration::from_secs(1);
/// What takes longer or may wait is done every so many times.
const SELDOM: u32 = 10;
/// Shares that are taken up at once.
const AT_ONCE: usize = 16;
const PUSH_LEASE_S: i64 = 60;

/// What this process has seen of the others.
#[derive(Default)]
struct Seen {
    version: i64,
    /// Shares that could not be taken up, to be tried again.
    again: BTreeSet<ShareId>,
}

/// Follows the others until the server ends.
pub(in crate::server) async fn follow(server: Arc<Server>) {
    let Some(shared) = &server.shared else { return };
    let mut seen = Seen::default();
    let mut turn = 0u32;
    loop {
        if let Err(error) = once(&server, shared, &mut seen).await {
            tracing::warn!(%error, "what other processes of the server did could not be learned");
        }
        if turn.is_multiple_of(SELDOM) {
            making::resume(&server).await;
            again(&server, &mut seen).await;
            push_all(&server, shared).await;
        }
        turn = turn.wrapping_add(1);
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = server.cancel.cancelled() => return,
        }
    }
}

async fn once(server: &Arc<Server>, shared: &Shared, seen: &mut Seen) -> Result<(), CentralError> {
    jobs::take_newer_policy(server).await?;
    while server.central.share_version().await? > seen.version {
        let changes = server.central.share_changes(seen.version).await?;
        let stored = changes.shares.into_iter().filter(|row| row.stored);
        let taking: Vec<_> = stored.map(|row| follow_one(server.clone(), row)).collect();
        let done: Vec<Option<ShareId>> = futures_util::stream::iter(taking).buffer_unordered(AT_ONCE).collect().await;
        seen.again.extend(done.into_iter().flatten());
        for id in &changes.removed {
            seen.again.remove(id);
            if server.shelf.get(*id).is_some_and(|share| share.is_stored()) {
                // Those that lie on this disk are taken off by the route that removed them, or by nobody.
                server.engine.send(Command::Unshare { share: *id }).ok();
            }
        }
        if changes.version == seen.version {
            break;
        }
        seen.version = changes.version;
    }
    tracing::trace!(version = seen.version, cache = ?shared.cache.usage(), "followed");
    Ok(())
}

/// Takes a share up as it is now. Its id, where that must be tried again.
async fn follow_one(server: Arc<Server>, row: ShareRow) -> Option<ShareId> {
    match server.take_up(&row).await {
        Ok(()) => {
            server.tell_peers(&row);
            None
        }
        Err(_) => Some(row.id),
    }
}

async fn again(server: &Arc<Server>, seen: &mut Seen) {
    for id in std::mem::take(&mut seen.again) {
        let taken_up = match server.central.share(id).await {
            Ok(Some(row)) => server.take_up(&row).await.is_ok(),
            Ok(None) => true,
            Err(_) => false,
        };
        if !taken_up {
            seen.again.insert(id);
        }
    }
}

/// Shares that came to this process in another way than by an upload (from a server above, from an app) go into the store.
async fn push_all(server: &Arc<Server>, shared: &Shared) {
    let rows = match server.central.unstored_shares().await {
        Ok(rows) => rows,
        Err(error) => return tracing::warn!(%error, "what is not in the storage yet could not be found out"),
    };
    for row in rows {
        if let Err(problem) = push(server, shared, &row).await {
            tracing::warn!(share = %row.id, error = %problem.detail, "a share could not be put into the storage");
        }
    }
}

async fn push(server: &Arc<Server>, shared: &Shared, row: &ShareRow) -> Result<(), Problem> {
    let Some(on_shelf) = server.shelf.get(row.id).filter(|share| share.is_complete() && !share.is_stored()) else {
        return Ok(());
    };
    let Some(lease) = Lease::take(&server.central, format!("store:{}", row.id), PUSH_LEASE_S).await? else {
        return Ok(());
    };
    let share = on_shelf.share();
    let bytes = ShareBytes { signed: share.signed().to_wire().to_vec(), hashes: share.hashes().to_bytes() };
    let stored = async {
        making::put_contents(&shared.objects, share.manifest(), |entry| on_shelf.place_of(entry)).await?;
        shared.objects.put_share(row.id, &bytes).await
    };
    tokio::select! {
        stored = stored => stored?,
        () = lease.lost().cancelled() => return Ok(()),
        () = server.cancel.cancelled() => return Ok(()),
    }
    Ok(server.central.set_stored(row.id).await?)
}

impl Server {
    /// Puts a share on this process's shelf, if its bytes are in the storage and it is not there yet.
    pub(in crate::server) async fn take_up(&self, row: &ShareRow) -> Result<(), Problem> {
        let Some(shared) = &self.shared else { return Ok(()) };
        if !row.stored || self.shelf.get(row.id).is_some() {
            return Ok(());
        }
        let share = shared.read_share(row.id).await?;
        self.shelf.adopt(Arc::new(share), shared.cache.clone(), self.recipients(&row.audience, row.quarantined)).await;
        Ok(())
    }

    /// Tells the engine who may have a share, where that changed.
    fn tell_peers(&self, row: &ShareRow) {
        let known = self.engine.snapshot().shares.iter().find(|known| known.id == row.id).cloned();
        let recipients = self.recipients(&row.audience, row.quarantined);
        if known.is_some_and(|known| known.recipients.as_ref() != Some(&recipients)) {
            self.engine.send(Command::SetRecipients { share: row.id, audience: recipients }).ok();
        }
    }

    /// Peers get what is for the room, and computers of a group what is for it, unless it is hidden; the rest is given by
    /// the pages alone.
    pub(in crate::server) fn recipients(&self, audience: &Audience, hidden: bool) -> Recipients {
        match audience {
            Audience::Room if !hidden => Recipients::Everyone,
            Audience::Groups(groups) if !hidden => Recipients::Groups(self.for_groups(groups)),
            _ => Recipients::Peers(BTreeSet::new()),
        }
    }

    /// Refuses what needs the storage while that does not answer.
    pub(in crate::server) fn storage_answers(&self) -> Result<(), Problem> {
        match self.shared.as_ref().and_then(Shared::fault) {
            Some(fault) => Err(Problem::storage(&fault)),
            None => Ok(()),
        }
    }
}

/// Deletes objects that no row names and that are older than the grace time. Returns how many.
pub(in crate::server) async fn sweep(server: &Server) -> Result<u64, Problem> {
    let Some(shared) = &server.shared else { return Ok(0) };
    let before = SystemTime::now().checked_sub(shared.grace).unwrap_or(UNIX_EPOCH);
    shared.objects.sweep(before, &server.central).await.map_err(|error| match error {
        SweepError::Objects(error) => error.into(),
        SweepError::Central(error) => error.into(),
    })
}
