//! A batch of uploads becomes a share, where bytes lie in the object store: its runs are put together on this disk, read
//! and signed, stored under their hashes, and then written down.
//!
//! Whoever is killed in the middle has written nothing down: another process begins anew when the lease is over. Two who
//! do it at once (a lease was lost unnoticed) store the same contents under the same names, and the database lets one end.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, atomic::AtomicBool},
};

use futures_util::{StreamExt as _, TryStreamExt as _};
use tokio::io::AsyncWriteExt as _;

use super::{Lease, Shared, forget_parts};
use crate::{
    access::Audience,
    engine::{ImportFault, Imported, make_share},
    server::{Server, now_s, sealing},
    share::{Audience as MadeFor, EntryKind, Manifest, Root, ShareId},
    store::{
        ShareBytes,
        central::{Added, Batch, BatchState, NewShare, UploadRow},
        import::{ImportProgress, ImportRequest},
        objects::{ObjectError, Objects},
    },
};

/// Another process takes over when the one that makes a share is silent for so long.
const LEASE_S: i64 = 45;
/// Files that are read or written at once.
const AT_ONCE: usize = 8;

/// Begins to make a share of a batch that is being sealed, unless another process does.
pub(in crate::server) async fn make(server: &Arc<Server>, batch: Batch) {
    let lease = match Lease::take(&server.central, format!("seal:{}", batch.id), LEASE_S).await {
        Ok(Some(lease)) => lease,
        Ok(None) => return,
        Err(error) => return tracing::warn!(%error, "an upload could not be gone on with"),
    };
    let server = server.clone();
    let tracker = server.tracker.clone();
    tracker.spawn(async move {
        let Ok(_place) = server.sealing.acquire().await else { return };
        let stop = Arc::new(AtomicBool::new(false));
        let made = tokio::select! {
            made = make_one(&server, &batch, &stop) => made,
            // Another process goes on, or this one at its next start.
            () = lease.lost().cancelled() => Ok(None),
            () = server.cancel.cancelled() => Ok(None),
        };
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        std::fs::remove_dir_all(scratch(&server, &batch)).ok();
        if let Err(problem) = made {
            tracing::warn!(batch = %batch.id, error = %problem, "an upload could not become a share");
            if let Err(error) = server.central.end_batch(&batch.id, Err(&problem), now_s()).await {
                tracing::error!(batch = %batch.id, %error, "the end of an upload could not be written down");
            }
        }
    });
}

/// Batches whose process ended while it made a share of them.
pub(in crate::server) async fn resume(server: &Arc<Server>) {
    match server.central.batches_in(BatchState::Sealing).await {
        Ok(batches) => {
            for batch in batches {
                make(server, batch).await;
            }
        }
        Err(error) => tracing::warn!(%error, "unfinished uploads could not be gone on with"),
    }
}

fn scratch(server: &Server, batch: &Batch) -> PathBuf {
    server.config.uploads().join(&batch.id)
}

/// `None`: another process was faster.
async fn make_one(server: &Arc<Server>, batch: &Batch, stop: &Arc<AtomicBool>) -> Result<Option<ShareId>, String> {
    let Some(shared) = &server.shared else { return Ok(None) };
    let uploads = server.central.uploads_of(&batch.id).await.map_err(|error| error.to_string())?;
    let folder = scratch(server, batch);
    put_together(server, shared, &uploads, &folder).await?;
    let tops = sealing::tops_of(&folder, &uploads).map_err(|error| error.to_string())?;
    let imported = read(server, batch, tops, stop).await?;
    let manifest = imported.share.manifest();
    let stored = async {
        put_contents(&shared.objects, manifest, |entry| imported.sources.path(entry)).await?;
        let (signed, hashes) = (imported.share.signed().to_wire().to_vec(), imported.share.hashes().to_bytes());
        shared.objects.put_share(imported.share.id(), &ShareBytes { signed, hashes }).await
    };
    stored.await.map_err(|error| error.to_string())?;
    let owner = server.central.person(batch.person).await.map_err(|error| error.to_string())?;
    let owner_name = owner.map_or_else(String::new, |owner| owner.shown);
    let new = NewShare {
        id: imported.share.id(),
        manifest,
        owner: Some(batch.person),
        owner_name: &owner_name,
        audience: batch.audience.clone(),
        added_s: now_s(),
        origin: "upload",
        here: true,
    };
    let added = Added { stored: true, batch: Some(&batch.id) };
    if !server.central.add_share_with(&new, added).await.map_err(|error| error.to_string())? {
        return Ok(None);
    }
    let id = imported.share.id();
    let recipients = server.recipients(&batch.audience, false);
    server.shelf.adopt(imported.share, shared.cache.clone(), recipients).await;
    for upload in &uploads {
        forget_parts(&server.central, &shared.objects, &upload.id).await;
    }
    Ok(Some(id))
}

async fn put_together(
    server: &Arc<Server>,
    shared: &Shared,
    uploads: &[UploadRow],
    folder: &Path,
) -> Result<(), String> {
    let size: u64 = uploads.iter().map(|upload| upload.size).sum();
    if !server.keeping.make_room(size).await.map_err(|error| error.to_string())? {
        return Err("The server's disk has no room to put the files together. Tell whoever runs it.".to_owned());
    }
    std::fs::remove_dir_all(folder).ok();
    let mut files = vec![];
    for upload in uploads {
        let place = sealing::place_in(folder, upload).map_err(|error| error.to_string())?;
        files.push(write_file(server.clone(), shared.objects.clone(), upload.clone(), place));
    }
    futures_util::stream::iter(files).buffer_unordered(AT_ONCE).try_collect::<()>().await
}

/// Writes an upload's runs into one file.
async fn write_file(server: Arc<Server>, objects: Objects, upload: UploadRow, place: PathBuf) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{} can't be put together: {error}.", upload.path);
    tokio::fs::create_dir_all(place.parent().unwrap_or(Path::new("."))).await.map_err(failed)?;
    let mut file = tokio::fs::File::create(&place).await.map_err(failed)?;
    let mut end = 0;
    for part in server.central.upload_parts(&upload.id).await.map_err(|error| error.to_string())? {
        if part.start != end {
            break;
        }
        let bytes = objects.get_range(&part.object, 0..part.size).await.map_err(|error| error.to_string())?;
        file.write_all(&bytes).await.map_err(failed)?;
        end += part.size;
    }
    if end != upload.size {
        return Err(format!("{} is not here in full.", upload.path));
    }
    file.flush().await.map_err(failed)?;
    sealing::set_modified(&file.into_std().await, &upload).map_err(failed)
}

async fn read(
    server: &Arc<Server>,
    batch: &Batch,
    paths: Vec<PathBuf>,
    stop: &Arc<AtomicBool>,
) -> Result<Imported, String> {
    let title = (!batch.title.is_empty()).then(|| batch.title.clone());
    let request = ImportRequest { paths, title, leave_out_unreadable: false };
    // Who may have it is decided by this server at each serve; what is not for everyone nobody else gives on.
    let made_for = if batch.audience == Audience::Room { MadeFor::Everyone } else { MadeFor::Peers };
    let (identity, stop) = (server.identity.clone(), stop.clone());
    let reading = tokio::task::spawn_blocking(move || {
        make_share(&identity, &request, made_for, &ImportProgress::default(), &stop)
    });
    let read = reading.await.map_err(|error| error.to_string())?;
    read.map_err(|fault| match fault {
        ImportFault::Cancelled => "Reading was stopped.".to_owned(),
        ImportFault::Unreadable { files, .. } => {
            let first = files.first().map(|(path, why)| format!("{}: {why}", path.display()));
            format!("Some files can't be shared: {}", first.unwrap_or_default())
        }
        ImportFault::Failed { what, hint, .. } => format!("{what}. {hint}"),
    })
}

/// Stores all files of a share. `place`: where an entry's file is.
pub(in crate::server) async fn put_contents(
    objects: &Objects,
    manifest: &Manifest,
    place: impl Fn(usize) -> Option<PathBuf>,
) -> Result<(), ObjectError> {
    let mut puts = vec![];
    for (entry, listed) in manifest.entries.iter().enumerate() {
        if let EntryKind::File { size, root, .. } = listed.kind
            && size > 0
        {
            let missing = || ObjectError::Missing { store: "the disk".to_owned(), key: listed.path.to_string() };
            puts.push(put_content(objects.clone(), root, size, place(entry).ok_or_else(missing)?));
        }
    }
    futures_util::stream::iter(puts).buffer_unordered(AT_ONCE).try_collect::<()>().await
}

async fn put_content(objects: Objects, root: Root, size: u64, path: PathBuf) -> Result<(), ObjectError> {
    objects.put_content(root, size, &path).await
}
