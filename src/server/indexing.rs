//! Keeps the database's list of shares true to what is on the shelf: shares of files that are gone are marked, and those
//! that came by the app or the command line on this computer are written down.

use std::{collections::BTreeSet, sync::Arc};

use super::{Server, now_s};
use crate::{
    access::Audience,
    engine::command::Recipients,
    share::ShareId,
    store::central::{CentralError, NewShare},
};

/// Follows the engine until the server ends.
pub(super) async fn follow(server: Arc<Server>) {
    let mut pictures = server.engine.watch();
    let mut seen: BTreeSet<ShareId> = BTreeSet::new();
    loop {
        let picture = pictures.borrow_and_update().clone();
        let mine = picture.shares.iter().filter(|row| row.mine);
        let listed: BTreeSet<ShareId> = mine.map(|row| row.id).collect();
        if listed != seen {
            match compare(&server, &listed).await {
                Ok(()) => seen = listed,
                Err(error) => tracing::warn!(%error, "the list of shares could not be brought up to date"),
            }
        }
        tokio::select! {
            changed = pictures.changed() => if changed.is_err() { return },
            () = server.cancel.cancelled() => return,
        }
    }
}

async fn compare(server: &Server, listed: &BTreeSet<ShareId>) -> Result<(), CentralError> {
    let known = server.central.share_ids().await?;
    for id in &known {
        let here = server.shelf.get(*id).is_some_and(|share| share.is_complete());
        if server.central.share(*id).await?.is_some_and(|row| row.here != here) {
            server.central.set_here(*id, here).await?;
        }
    }
    for id in listed.difference(&known) {
        let Some(share) = server.shelf.get(*id).filter(|share| share.is_complete()) else { continue };
        let row = server.engine.snapshot().shares.iter().find(|row| row.id == *id).cloned();
        let Some(row) = row else { continue };
        // What an upload makes is written down by whoever makes it.
        if row.recipients != Some(Recipients::Everyone) || share.lies_under(&server.config.shared()) {
            continue;
        }
        let name = server.engine.snapshot().me.name.clone();
        let new = NewShare {
            id: *id,
            manifest: share.share().manifest(),
            owner: None,
            owner_name: &name,
            audience: Audience::Room,
            added_s: now_s(),
            origin: "app",
        };
        server.central.add_share(&new).await?;
    }
    Ok(())
}
