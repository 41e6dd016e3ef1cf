//! Keeps the database's list of shares true to what is on the shelf: shares of files that are gone are marked, so are those
//! that were brought and are whole now, and those that came by the app or the command line on this computer are written
//! down.

use std::{collections::BTreeSet, sync::Arc};

use super::{Server, now_s};
use crate::{
    access::Audience,
    engine::{
        command::Recipients,
        snapshot::{Here, ShareRow, Snapshot},
    },
    share::ShareId,
    store::central::{CentralError, NewShare},
};

/// Follows the engine until the server ends.
pub(super) async fn follow(server: Arc<Server>) {
    let mut pictures = server.engine.watch();
    let mut seen: BTreeSet<ShareId> = BTreeSet::new();
    loop {
        let picture = pictures.borrow_and_update().clone();
        let whole = |row: &&Arc<ShareRow>| row.mine || matches!(row.here, Here::Complete { .. });
        let whole: BTreeSet<ShareId> = picture.shares.iter().filter(whole).map(|row| row.id).collect();
        if whole != seen {
            match compare(&server, &picture, &whole).await {
                Ok(()) => seen = whole,
                Err(error) => tracing::warn!(%error, "the list of shares could not be brought up to date"),
            }
        }
        tokio::select! {
            changed = pictures.changed() => if changed.is_err() { return },
            () = server.cancel.cancelled() => return,
        }
    }
}

async fn compare(server: &Server, picture: &Snapshot, whole: &BTreeSet<ShareId>) -> Result<(), CentralError> {
    let known = server.central.shares_here().await?;
    let brought = |row: &&Arc<ShareRow>| !row.mine && matches!(row.here, Here::Complete { .. });
    let brought: BTreeSet<ShareId> = picture.shares.iter().filter(brought).map(|row| row.id).collect();
    for (id, noted) in &known {
        let here = brought.contains(id) || server.shelf.get(*id).is_some_and(|share| share.is_complete());
        // Where processes share a storage, what is not here may be at another, or come from there.
        if here != *noted && (here || server.shared.is_none()) {
            server.central.set_here(*id, here).await?;
        }
    }
    for row in picture.shares.iter().filter(|row| row.mine && whole.contains(&row.id) && !known.contains_key(&row.id)) {
        let Some(share) = server.shelf.get(row.id).filter(|share| share.is_complete() && !share.is_stored()) else {
            continue;
        };
        // What an upload makes is written down by whoever makes it.
        if row.recipients != Some(Recipients::Everyone) || share.lies_under(&server.config.shared()) {
            continue;
        }
        let new = NewShare {
            id: row.id,
            manifest: share.share().manifest(),
            owner: None,
            owner_name: &picture.me.name,
            audience: Audience::Room,
            added_s: now_s(),
            origin: "app",
            here: true,
        };
        server.central.add_share(&new).await?;
    }
    Ok(())
}
