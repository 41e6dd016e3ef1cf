//! A batch of uploads becomes a share: its files get their names, the engine reads and signs them, and from then on the
//! server gives them to browsers and peers alike.
//!
//! Every step can be done again, so a server that was killed in the middle goes on where it was: a file that has its name
//! already is passed over, and a batch is done only when the share stands in the database.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use super::{Server, now_s, tokens};
use crate::{
    access::Audience,
    engine::{
        command::{Command, Recipients, Unreadable},
        snapshot::Done,
    },
    share::{NameRules, ShareId, SharePath, name_on_disk},
    store::{
        central::{Batch, BatchState, CentralError, NewShare, UploadRow},
        lasting::{make_folders, sync_name},
    },
    traffic::Class,
};

/// Reading a share of terabytes takes hours; one that takes longer hangs.
const READ_WITHIN: Duration = Duration::from_secs(12 * 3600);

/// Where the bytes of an upload lie until its batch is complete.
pub(super) fn part_of(server: &Server, upload: &str) -> PathBuf {
    server.config.uploads().join(format!("{upload}.part"))
}

/// Makes a share of a batch that is complete, apart from the request that completed it.
pub(super) fn begin(server: &Arc<Server>, batch: Batch) {
    let server = server.clone();
    let tracker = server.tracker.clone();
    tracker.spawn(async move {
        let Ok(_place) = server.sealing.acquire().await else { return };
        let sealed = tokio::select! {
            sealed = seal(&server, &batch) => sealed,
            // It goes on at the next start.
            () = server.cancel.cancelled() => return,
        };
        let ended = match &sealed {
            Ok(share) => server.central.end_batch(&batch.id, Ok(*share), now_s()).await,
            Err(problem) => server.central.end_batch(&batch.id, Err(problem), now_s()).await,
        };
        if let Err(problem) = &sealed {
            tracing::warn!(batch = %batch.id, error = %problem, "an upload could not become a share");
        }
        if let Err(error) = ended {
            tracing::error!(batch = %batch.id, %error, "the end of an upload could not be written down");
        }
    });
}

/// Batches that were being sealed when the server ended.
pub(super) async fn resume(server: &Arc<Server>) -> Result<(), CentralError> {
    for batch in server.central.batches_in(BatchState::Sealing).await? {
        begin(server, batch);
    }
    Ok(())
}

async fn seal(server: &Arc<Server>, batch: &Batch) -> Result<ShareId, String> {
    let uploads = server.central.uploads_of(&batch.id).await.map_err(|error| error.to_string())?;
    let folder = server.config.shared().join(&batch.id);
    let placed = {
        let (server, folder) = (server.clone(), folder.clone());
        tokio::task::spawn_blocking(move || place_all(&server, &folder, &uploads)).await
    };
    let tops = placed.map_err(|error| error.to_string())??;
    let share = share(server, batch, tops).await?;
    let on_shelf = server.shelf.get(share).ok_or("The share was gone as soon as it was made.")?;
    let owner = server.central.person(batch.person).await.map_err(|error| error.to_string())?;
    let owner_name = owner.map_or_else(String::new, |owner| owner.shown);
    let new = NewShare {
        id: share,
        manifest: on_shelf.share().manifest(),
        owner: Some(batch.person),
        owner_name: &owner_name,
        audience: batch.audience.clone(),
        added_s: now_s(),
        origin: "upload",
        here: true,
    };
    server.central.add_share(&new).await.map_err(|error| error.to_string())?;
    Ok(share)
}

/// Gives every file its name. Returns what lies at the top.
fn place_all(server: &Server, folder: &Path, uploads: &[UploadRow]) -> Result<Vec<PathBuf>, String> {
    make_folders(folder, super::make_private)
        .map_err(|error| format!("The folder for the files can't be made: {error}."))?;
    for upload in uploads {
        let place = place_in(folder, upload).map_err(|error| error.to_string())?;
        put(&part_of(server, &upload.id), &place, upload)
            .map_err(|error| format!("{} can't be put in its place: {error}.", upload.path))?;
    }
    let tops = tops_of(folder, uploads).map_err(|error| error.to_string())?;
    if tops.is_empty() { Err("There were no files in it.".to_owned()) } else { Ok(tops) }
}

/// Where an upload's file goes in the folder of its batch.
pub(super) fn place_in(folder: &Path, upload: &UploadRow) -> Result<PathBuf, crate::share::PathError> {
    let path = checked_path(&upload.path)?;
    let names = path.components().iter().map(|name| name_on_disk(name, NameRules::HERE).into_owned());
    Ok(names.fold(folder.to_owned(), |place, name| place.join(name)))
}

/// What lies at the top of the folder of a batch.
pub(super) fn tops_of(folder: &Path, uploads: &[UploadRow]) -> Result<Vec<PathBuf>, crate::share::PathError> {
    let mut tops = std::collections::BTreeSet::new();
    for upload in uploads {
        let place = place_in(folder, upload)?;
        let top =
            place.strip_prefix(folder).ok().and_then(|inside| inside.components().next().map(|top| folder.join(top)));
        tops.extend(top);
    }
    Ok(tops.into_iter().collect())
}

fn put(part: &Path, place: &Path, upload: &UploadRow) -> std::io::Result<()> {
    if let Some(folder) = place.parent() {
        make_folders(folder, super::make_private)?;
    }
    if part.exists() {
        std::fs::rename(part, place)?;
    } else if !place.exists() && upload.size == 0 {
        std::fs::File::create(place)?;
    }
    let file = std::fs::File::options().write(true).open(place)?;
    if file.metadata()?.len() != upload.size {
        return Err(std::io::Error::other("it does not have the size that was announced"));
    }
    set_modified(&file, upload)?;
    file.sync_all()?;
    // After a power cut the old name may be there as well as the new one, and never neither.
    sync_name(place)
}

/// The time that the browser told of a file.
pub(super) fn set_modified(file: &std::fs::File, upload: &UploadRow) -> std::io::Result<()> {
    match upload.modified_s.and_then(|at| u64::try_from(at).ok()).filter(|at| *at < 1 << 40) {
        Some(at) => file.set_modified(UNIX_EPOCH + Duration::from_secs(at)),
        None => Ok(()),
    }
}

/// A path with `/` between its folders, as browsers tell it, checked like any from outside.
pub(super) fn checked_path(path: &str) -> Result<SharePath, crate::share::PathError> {
    SharePath::from_disk(path.split('/').map(str::to_owned).collect())
}

/// Lets the engine read the files, and waits for the share.
async fn share(server: &Server, batch: &Batch, paths: Vec<PathBuf>) -> Result<ShareId, String> {
    // Tokens of ours have the highest bit, so they meet none of the command line's.
    let token = u64::from_le_bytes(tokens::random::<8>()) | 1 << 63;
    let title = (!batch.title.is_empty()).then(|| batch.title.clone());
    // Peers see what is for the room, and computers of a group what is for the group.
    let audience = match batch.audience {
        Audience::Room => Recipients::Everyone,
        Audience::Groups(ref groups) => Recipients::Groups(server.for_groups(groups)),
        Audience::Owner => Recipients::Peers(std::collections::BTreeSet::new()),
    };
    let mut pictures = server.engine.watch();
    // Somebody waits for what they uploaded.
    let (unreadable, class) = (Unreadable::Refuse, Class::Foreground);
    let wish = Command::Share { token, paths, title, audience, unreadable, class };
    server.engine.send(wish).map_err(|error| error.to_string())?;
    let outcome = async {
        loop {
            let picture = pictures.borrow_and_update().clone();
            if let Some(outcome) = picture.outcomes.iter().find(|outcome| outcome.token == token) {
                return outcome.result.clone().map_err(|trouble| format!("{} {}", trouble.what, trouble.hint));
            }
            pictures.changed().await.map_err(|_| "The server is ending.".to_owned())?;
        }
    };
    match tokio::time::timeout(READ_WITHIN, outcome).await {
        Ok(Ok(Done::Shared { share, .. })) => Ok(share),
        Ok(Ok(_)) => Err("Another wish was answered.".to_owned()),
        Ok(Err(problem)) => Err(problem),
        Err(_) => Err("Reading the files took too long.".to_owned()),
    }
}
