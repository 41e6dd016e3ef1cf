//! Takes in what others changed in the database while this process runs: the console, or another process of the server.

use std::{sync::Arc, time::Duration};

use super::{Server, now_ms, routes, tokens};
use crate::{
    engine::snapshot::Here,
    store::central::{Batch, BatchState, CentralError},
};

/// What was done elsewhere holds here this much later at most.
pub(super) const EVERY: Duration = Duration::from_secs(3);
/// Changes its value when a share was removed or hidden without this process.
pub(super) const SHELF_CHANGED: &str = "shelf_changed";

/// A value that was not there before.
pub(super) fn mark() -> String {
    format!("{} {}", now_ms(), tokens::short_token())
}

/// Goes on until the server ends.
pub(super) async fn follow(server: Arc<Server>) {
    let mut shelf = None;
    loop {
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            () = server.cancel.cancelled() => return,
        }
        if let Err(error) = once(&server, &mut shelf).await {
            tracing::warn!(%error, "what was changed elsewhere could not be read");
        }
    }
}

/// `shelf`: the mark that was followed last.
async fn once(server: &Arc<Server>, shelf: &mut Option<String>) -> Result<(), CentralError> {
    super::jobs::take_newer_policy(server).await?;
    server.follow_settings().await?;
    let mark = server.central.fact(SHELF_CHANGED).await?;
    if mark.is_some() && mark != *shelf {
        compare_shelf(server).await?;
        *shelf = mark;
    }
    Ok(())
}

/// Gives no share to peers that is hidden, and none at all that is not in the database any more.
async fn compare_shelf(server: &Arc<Server>) -> Result<(), CentralError> {
    let shared = server.config.shared();
    let picture = server.engine.snapshot();
    let here = picture.shares.iter().filter(|row| row.mine || matches!(row.here, Here::Complete { .. }));
    for (id, mine) in here.map(|row| (row.id, row.mine)) {
        let Some(on_shelf) = server.shelf.get(id).filter(|share| share.lies_under(&shared)) else { continue };
        if let Some(row) = server.central.share(id).await? {
            routes::share::tell_peers(server, &row, &row.audience, row.quarantined);
            continue;
        }
        // What was fetched is not always written down: only what was removed goes.
        if !mine {
            if server.central.was_removed(id).await? {
                server.keeping.take_off(id).await;
            }
            continue;
        }
        // What is being made of an upload stands in the database a moment later.
        let batches = server.central.batches_in(BatchState::Sealing).await?;
        let is_coming = |batch: &Batch| on_shelf.lies_under(&shared.join(&batch.id));
        if !batches.iter().any(is_coming) {
            server.keeping.take_off(id).await;
        }
    }
    Ok(())
}
