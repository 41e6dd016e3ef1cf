//! A download's place on disk: made or found again, saved, finished, verified, deleted.

use std::{
    path::PathBuf,
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
        task::Subject,
    },
    share::{Bitmap, Share, ShareId},
    store::{Complete, Partial},
};

const PROGRESS_EVERY: Duration = Duration::from_millis(200);

/// Finds a download's place again, or makes one.
pub async fn open(shell: Shell, share: Arc<Share>, into: PathBuf) -> Fact {
    let store = shell.store.clone();
    let opened = blocking(move || store.open_partial(share, &into)).await;
    let result = match opened {
        Some(Ok((staging, have))) => Ok(Opened { staging: Arc::new(staging), have }),
        Some(Err(error)) => Err(error.into()),
        None => Err(errors::disk_crashed()),
    };
    Fact::StagingOpened { result }
}

/// Syncs the bytes, then saves which pieces they are.
pub async fn save(staging: Arc<Partial>, have: Bitmap) -> Fact {
    let saved = blocking(move || staging.save_have(&have)).await;
    Fact::HaveSaved { result: saved.map_or(Err(errors::disk_crashed()), |saved| saved.map_err(Into::into)) }
}

/// Puts the files under their final names.
pub async fn finish(share: Arc<Share>, staging: Arc<Partial>) -> Fact {
    let finished = blocking(move || {
        let sources = staging.finish()?;
        let places = sources.places();
        let content = Arc::new(Complete::open(share, sources.clone()));
        Ok(Finished { content, sources: Arc::new(sources), places })
    });
    let result = finished.await.unwrap_or_else(|| Err(errors::disk_crashed()));
    Fact::Finished { result }
}

/// Reads every byte again.
pub async fn verify(shell: Shell, share: ShareId, run: u64, subject: Subject, cancel: Arc<AtomicBool>) -> Fact {
    let done = Arc::new(AtomicU64::new(0));
    let reading = {
        let (done, cancel) = (done.clone(), cancel.clone());
        blocking(move || match subject {
            Subject::Complete(complete) => complete.verify_all(&done, &cancel),
            Subject::Partial(partial) => partial.verify_all(&done, &cancel),
        })
    };
    let mut reading = std::pin::pin!(reading);
    loop {
        tokio::select! {
            right = &mut reading => {
                // A panic in there is as good as a disk that can't be read: nothing is known to be right.
                return right.map_or_else(|| Fact::Discarded, |right| Fact::Verified { right });
            }
            () = tokio::time::sleep(PROGRESS_EVERY) => {
                let fact = Fact::VerifyProgress { done_bytes: done.load(Ordering::Relaxed) };
                shell.tell(Event::Transfer { share, run, fact }).await;
            }
            () = shell.cancel.cancelled(), if !cancel.load(Ordering::Relaxed) => cancel.store(true, Ordering::Relaxed),
        }
    }
}

/// Deletes what is unfinished.
pub async fn discard(staging: Arc<Partial>) -> Fact {
    if let Some(Err(error)) = blocking(move || staging.discard()).await {
        tracing::warn!(%error, "what was unfinished could not all be deleted");
    }
    Fact::Discarded
}
