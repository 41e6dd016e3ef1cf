//! A download's place on disk: made or found again, saved, finished, verified, deleted.

use std::{
    future::Future,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use super::{blocking, errors};
use crate::{
    engine::{
        event::{Event, Fact, Finished, Opened},
        shell::Shell,
        task::{Opening, Subject},
    },
    share::{Share, ShareId},
    store::{self, Checking, Complete, DiskError, Partial, Sources, disk::Disk},
};

const PROGRESS_EVERY: Duration = Duration::from_millis(200);

/// A download's place on disk that is wanted.
pub struct Wish {
    pub share: Arc<Share>,
    pub run: u64,
    pub into: PathBuf,
    pub opening: Opening,
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
    let Wish { share, into, opening, others, watch, .. } = wish;
    // What stands in the way is told by what comes next.
    if opening == Opening::Wished || into == downloads {
        std::fs::create_dir_all(&into).ok();
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
    let places = sources.places();
    let content = Arc::new(Complete::open(share, sources.clone()));
    Finished { content, sources: Arc::new(sources), places }
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

/// Reads every byte again.
pub async fn verify(shell: Shell, share: Arc<Share>, run: u64, subject: Subject, cancel: Arc<AtomicBool>) -> Fact {
    let (id, done) = (share.id(), Arc::new(AtomicU64::new(0)));
    let reading = {
        let (done, cancel) = (done.clone(), cancel.clone());
        blocking(move || match subject {
            Subject::Complete(complete) => complete.verify_all(&done, &cancel),
            Subject::Partial(partial) => partial.verify_all(&done, &cancel),
        })
    };
    let progress = || Fact::VerifyProgress { done_bytes: done.load(Ordering::Relaxed) };
    let right = watched(&shell, (id, run), &cancel, reading, progress).await;
    Fact::Verified { right }
}

/// Deletes what is unfinished.
pub async fn discard(staging: Arc<Partial>) -> Fact {
    if let Some(Err(error)) = blocking(move || (*staging).clone().discard()).await {
        tracing::warn!(%error, "what was unfinished could not all be deleted");
    }
    Fact::Discarded
}
