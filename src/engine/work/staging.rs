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
    share::{Bitmap, PieceVerifier, Share},
    store::{self, Complete, DiskError, Partial, Sources},
};

const PROGRESS_EVERY: Duration = Duration::from_millis(200);
/// One reading step; it stays in the processor's cache.
const STEP: usize = 128 << 10;

/// Finds a download's place again, or makes one.
pub async fn open(shell: Shell, share: Arc<Share>, into: PathBuf, make_folder: bool) -> Fact {
    let state = shell.store.state_folder().to_owned();
    let downloads = shell.snapshots.borrow().me.downloads.clone();
    let opened = blocking(move || {
        // What stands in the way is told by what comes next.
        if make_folder || into == downloads {
            std::fs::create_dir_all(&into).ok();
        }
        let opened = Partial::create(share.clone(), &into, &state)?;
        Ok::<_, DiskError>(match opened {
            store::Opened::Filling(staging) => {
                let have = staging.had();
                Opened::Filling { staging: Arc::new(staging), have }
            }
            store::Opened::Complete(sources) => Opened::Complete(finished(share, sources)),
        })
    });
    let result = opened.await.map_or(Err(errors::disk_crashed()), |opened| opened.map_err(Into::into));
    Fact::StagingOpened { result }
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
            Subject::Partial(partial) => verify_partial(&share, &partial, &done, &cancel),
        })
    };
    let mut reading = std::pin::pin!(reading);
    loop {
        tokio::select! {
            right = &mut reading => return Fact::Verified { right },
            () = tokio::time::sleep(PROGRESS_EVERY) => {
                let fact = Fact::VerifyProgress { done_bytes: done.load(Ordering::Relaxed) };
                shell.tell(Event::Transfer { share: id, run, fact }).await;
            }
            () = shell.cancel.cancelled(), if !cancel.load(Ordering::Relaxed) => cancel.store(true, Ordering::Relaxed),
        }
    }
}

/// Pieces that turn out wrong are not had any more.
fn verify_partial(share: &Arc<Share>, partial: &Partial, done: &AtomicU64, cancel: &AtomicBool) -> Bitmap {
    let mut right = partial.had();
    let mut buffer = vec![0; STEP];
    for piece in partial.had().iter(share.pieces()) {
        if cancel.load(Ordering::Relaxed) {
            break;
        }
        let mut verifier = PieceVerifier::new(share, piece);
        let read = partial.reader(piece).and_then(|mut reader| {
            loop {
                match reader.read(&mut buffer)? {
                    0 => return Ok(()),
                    read => {
                        verifier.update(&buffer[..read]);
                        done.fetch_add(read as u64, Ordering::Relaxed);
                    }
                }
            }
        });
        if read.is_err() || verifier.finish().is_err() {
            partial.lose(piece);
            right.remove(piece);
        }
    }
    right
}

/// Deletes what is unfinished.
pub async fn discard(staging: Arc<Partial>) -> Fact {
    if let Some(Err(error)) = blocking(move || (*staging).clone().discard()).await {
        tracing::warn!(%error, "what was unfinished could not all be deleted");
    }
    Fact::Discarded
}
