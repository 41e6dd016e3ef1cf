//! Whether the server can do its work at this moment: the database and the home folder keep what is written, the storage
//! answers, the disk has room.
//!
//! It is tried by writing, as a server that only reads is of no use to anybody. Everybody may ask, so the answer holds for
//! a second: a thousand questions cost one write.

use std::{
    fs,
    io::{self, Write as _},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::Mutex;

use super::{Server, now_ms, shared::Shared};

/// So long an answer holds.
const HOLDS: Duration = Duration::from_secs(1);
/// What takes longer does not work.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why the server is not ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unready {
    #[error("the database does not answer, or keeps nothing that is written")]
    Database,
    #[error("the home folder keeps nothing that is written")]
    Home,
    #[error("the storage does not answer")]
    Storage,
    #[error("the disk is full")]
    Full,
}

/// What was seen last.
#[derive(Default)]
pub(crate) struct Readiness {
    seen: Mutex<Option<(Instant, Result<(), Unready>)>>,
    /// A write that a disk holds up can't be given up, so no other is begun behind it.
    writing: Arc<AtomicBool>,
}

impl Server {
    pub(super) async fn ready(&self) -> Result<(), Unready> {
        let mut seen = self.readiness.seen.lock().await;
        if let Some((at, outcome)) = *seen
            && at.elapsed() < HOLDS
        {
            return outcome;
        }
        let outcome = self.look().await;
        *seen = Some((Instant::now(), outcome));
        outcome
    }

    async fn look(&self) -> Result<(), Unready> {
        match tokio::time::timeout(PATIENCE, self.central.try_write(now_ms())).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(%error, "the database keeps nothing that is written");
                return Err(Unready::Database);
            }
            Err(_) => return Err(Unready::Database),
        }
        if let Some(fault) = self.shared.as_ref().and_then(Shared::fault) {
            tracing::warn!(error = %fault, "the storage does not answer");
            return Err(Unready::Storage);
        }
        if self.free_bytes().is_some_and(|free| free < self.settings().reserve_bytes) {
            return Err(Unready::Full);
        }
        self.try_home().await
    }

    async fn try_home(&self) -> Result<(), Unready> {
        let writing = self.readiness.writing.clone();
        if writing.swap(true, Ordering::AcqRel) {
            return Err(Unready::Home);
        }
        let home = self.config.home.clone();
        let tried = tokio::task::spawn_blocking(move || {
            let tried = write_in(&home);
            writing.store(false, Ordering::Release);
            tried
        });
        match tokio::time::timeout(PATIENCE, tried).await {
            Ok(Ok(Ok(()))) => Ok(()),
            Ok(Ok(Err(error))) => {
                tracing::warn!(%error, "the home folder keeps nothing that is written");
                Err(Unready::Home)
            }
            _ => Err(Unready::Home),
        }
    }
}

/// Writes a file and takes it away again.
fn write_in(folder: &Path) -> io::Result<()> {
    let path = folder.join("written");
    let mut file = fs::File::create(&path)?;
    file.write_all(&[0; 4096])?;
    file.sync_all()?;
    fs::remove_file(&path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_keeps_what_is_written_is_left_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        write_in(folder.path()).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        write_in(&folder.path().join("gone")).unwrap_err();
    }
}
