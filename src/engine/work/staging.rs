//! A download's place on disk: made or found again, saved, finished, verified, deleted.

use std::{
    collections::BTreeSet,
    future::Future,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use super::{blocking, errors};
use crate::{
    engine::{
        event::{Event, Fact, Finished, Opened},
        shell::Shell,
        task::{Move, Opening, Subject},
    },
    share::{Bitmap, Share, ShareId},
    store::{self, Checking, Complete, DiskError, Look, Partial, ReadError, Sources, Verdict, disk::Disk, part_of},
};

/// Those who write to a download that is to be moved end within this time.
const LET_GO: Duration = Duration::from_secs(10);
const PROGRESS_EVERY: Duration = Duration::from_millis(200);

/// A download's place on disk that is wanted.
pub struct Wish {
    pub share: Arc<Share>,
    pub run: u64,
    pub into: PathBuf,
    pub opening: Opening,
    /// Its files under their final names, of which some are here and more are wanted.
    pub extend: Option<Arc<Complete>>,
    /// Shares that are complete here.
    pub others: Vec<Arc<Complete>>,
    pub watch: Arc<Checking>,
}

/// Finds a download's place again, or makes one; takes what is on this disk already.
pub async fn open(shell: Shell, wish: Wish) -> Fact {
    let (id, run, watch) = (wish.share.id(), wish.run, wish.watch.clone());
    let state = shell.store.state_folder().to_owned();
    let downloads = shell.snapshots.borrow().me.downloads.clone();
    let opening = blocking(move || open_here(wish, &state, &downloads));
    let progress = || Fact::OpeningProgress { done_bytes: watch.bytes.load(Ordering::Relaxed) };
    let opened = watched(&shell, (id, run), &watch.cancel, opening, progress).await;
    let result = opened.map_or(Err(errors::disk_crashed()), |opened| opened.map_err(Into::into));
    Fact::StagingOpened { result }
}

fn open_here(wish: Wish, state: &Path, downloads: &Path) -> Result<Opened, DiskError> {
    let Wish { share, into, opening, extend, others, watch, .. } = wish;
    // What stands in the way is told by what comes next.
    if opening == Opening::Wished || into == downloads {
        std::fs::create_dir_all(&into).ok();
    }
    // A move that the end of the program broke off leads to another folder than the one that was remembered.
    let noted = store::go_on_moving(&share, state)?;
    let into = noted.filter(|_| opening == Opening::Restored).unwrap_or(into);
    if let Some(content) = extend {
        store::take_up_again(&share, &content, &into, state)?;
    }
    match Partial::create_on(Disk::default(), share.clone(), &into, state, &watch)? {
        store::Opened::Filling(staging) => {
            if opening == Opening::Restored {
                staging.find_unnoted(&watch);
            }
            let reused = staging.take_from(&others, &watch)?;
            let have = staging.had();
            Ok(Opened::Filling { staging: Arc::new(staging), have, reused })
        }
        store::Opened::Complete(sources) => Ok(Opened::Complete(finished(share, sources))),
    }
}

/// Waits for work that reads much, telling how far it is; when the program closes, it is called off.
async fn watched<T>(
    shell: &Shell,
    (share, run): (ShareId, u64),
    cancel: &AtomicBool,
    work: impl Future<Output = T>,
    progress: impl Fn() -> Fact,
) -> T {
    let mut work = std::pin::pin!(work);
    loop {
        tokio::select! {
            done = &mut work => return done,
            () = tokio::time::sleep(PROGRESS_EVERY) => {
                shell.tell(Event::Transfer { share, run, fact: progress() }).await;
            }
            () = shell.cancel.cancelled(), if !cancel.load(Ordering::Relaxed) => cancel.store(true, Ordering::Relaxed),
        }
    }
}

fn finished(share: Arc<Share>, sources: Sources) -> Finished {
    let (places, part) = (places_of(&sources), part_of(&share, &sources));
    let content = Arc::new(Complete::open(share, sources.clone()));
    Finished { content, sources: Arc::new(sources), places, part }
}

/// The tops; of a share of which only some files are here, those that are.
pub fn places_of(sources: &Sources) -> Vec<PathBuf> {
    sources.places().into_iter().filter(|place| place.symlink_metadata().is_ok()).collect()
}

/// Syncs the bytes, then saves which pieces they are.
pub async fn save(staging: Arc<Partial>) -> Fact {
    let saved = blocking(move || staging.save_have()).await;
    Fact::HaveSaved { result: saved.map_or(Err(errors::disk_crashed()), |saved| saved.map_err(Into::into)) }
}

/// Puts the files under their final names.
pub async fn finish(share: Arc<Share>, staging: Arc<Partial>) -> Fact {
    let done = blocking(move || staging.finish().map(|sources| finished(share, sources))).await;
    Fact::Finished { result: done.map_or(Err(errors::disk_crashed()), |done| done.map_err(Into::into)) }
}

/// Puts the files that are wanted under their final names, without the others.
pub async fn finish_selected(share: Arc<Share>, staging: Arc<Partial>, wanted: BTreeSet<usize>) -> Fact {
    let done = blocking(move || staging.finish_selected(&wanted).map(|sources| finished(share, sources))).await;
    Fact::Finished { result: done.map_or(Err(errors::disk_crashed()), |done| done.map_err(Into::into)) }
}

/// Reads every byte again.
pub async fn verify(shell: Shell, share: Arc<Share>, run: u64, subject: Subject, watch: Arc<Checking>) -> Fact {
    let reading = {
        let watch = watch.clone();
        blocking(move || match subject {
            Subject::Complete(complete) => complete.verify_all(&watch),
            Subject::Partial(partial) => partial.verify_all(&watch),
        })
    };
    let progress = || Fact::VerifyProgress { done_bytes: watch.bytes.load(Ordering::Relaxed) };
    let verdict = watched(&shell, (share.id(), run), &watch.cancel, reading, progress).await;
    let cancelled = watch.cancel.load(Ordering::Relaxed);
    let reason = if cancelled { "reading was called off" } else { errors::CRASHED };
    Fact::Verified { verdict: verdict.filter(|_| !cancelled).unwrap_or_else(|| broken_off(&share, reason)) }
}

/// A reading that broke off proves nothing.
pub fn broken_off(share: &Share, reason: &str) -> Verdict {
    Verdict { right: Bitmap::empty(share.pieces()), unread: Some(unread(reason)) }
}

pub fn unread(reason: &str) -> ReadError {
    ReadError::Unread { path: PathBuf::from("One of its files"), reason: reason.to_owned() }
}

/// Looks whether a share's files are back where they were.
pub async fn look(content: Arc<Complete>, suspect: Option<PathBuf>) -> Fact {
    let look = blocking(move || content.look(suspect.as_deref())).await;
    Fact::Looked { look: look.unwrap_or_else(|| Look::Unread(unread(errors::CRASHED))) }
}

/// Puts files into another folder or under another name, when nobody writes to them any more.
pub async fn relocate(shell: Shell, wish: Move) -> Fact {
    let Move { share, staging, content, into, name } = wish;
    let end = Instant::now() + LET_GO;
    while staging.as_ref().is_some_and(|staging| Arc::strong_count(staging) > 1) {
        if Instant::now() > end {
            return Fact::Relocated { result: Err(errors::still_in_use()) };
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let state = shell.store.state_folder().to_owned();
    let moved = blocking(move || {
        if let Some(content) = content {
            let sources = store::move_complete(&share, &content, &state, &into, name.as_deref())?;
            return Ok(Some(finished(share, sources)));
        }
        if let Some(staging) = staging {
            staging.save_have()?;
        }
        store::move_unfinished(&share, &state, &into, name.as_deref()).map(|()| None)
    });
    let result =
        moved.await.map_or(Err(errors::disk_crashed()), |moved: Result<_, DiskError>| moved.map_err(Into::into));
    Fact::Relocated { result }
}

/// Deletes what is unfinished.
pub async fn discard(staging: Arc<Partial>) -> Fact {
    if let Some(Err(error)) = blocking(move || (*staging).clone().discard()).await {
        tracing::warn!(%error, "what was unfinished could not all be deleted");
    }
    Fact::Discarded
}
