//! The folders of this program, opened: database, state, and the leftovers of an unclean stop.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    database::{Database, DatabaseError},
    disk_error::DiskError,
    have_map::TEMPORARY,
    moving, partial,
    share_files::{self, ShareBytes},
    tables::shares::{ShareRecord, ShareState},
};
use crate::share::ShareId;

/// The database and the state folder of one home. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    pub database: Database,
    state: PathBuf,
}

/// A share as it was remembered.
#[derive(Clone, Debug)]
pub struct StoredShare {
    pub record: ShareRecord,
    pub bytes: ShareBytes,
}

/// What was found broken and put right while the store was opened; a person is told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Repair {
    #[error("The list of shares was damaged and is kept as {}; a new one was begun", aside.display())]
    Database { aside: PathBuf },
}

impl Store {
    /// Opens the store under a home folder, in a folder of its own that only its owner can look into.
    pub async fn open(home: &Path) -> Result<(Store, Vec<Repair>), DatabaseError> {
        let state = home.join("state");
        make_private(&state).map_err(|error| DiskError::of(&state, "made", &error))?;
        let (database, aside) = Database::open(&state.join("handout.db")).await?;
        let store = Store { database, state };
        // After a damaged database nobody knows which files are of use, so they are all kept.
        if aside.is_none() {
            store.sweep().await?;
        }
        let repairs = aside.into_iter().map(|aside| Repair::Database { aside }).collect();
        Ok((store, repairs))
    }

    /// Opens the store beside a program that has it open: nothing is tidied up.
    pub async fn open_beside(home: &Path) -> Result<Store, DatabaseError> {
        let state = home.join("state");
        make_private(&state).map_err(|error| DiskError::of(&state, "made", &error))?;
        let (database, _) = Database::open(&state.join("handout.db")).await?;
        Ok(Store { database, state })
    }

    /// The folder for notes of downloads: what [`Partial`](super::Partial) wants as `state`.
    pub fn state_folder(&self) -> &Path {
        &self.state
    }

    /// Writes a share down with everything that is needed to give it out or go on with it after a restart.
    pub async fn remember_share(&self, record: &ShareRecord, bytes: ShareBytes) -> Result<(), DatabaseError> {
        let (state, id) = (self.state.clone(), record.id);
        blocking(move || share_files::write(&state, id, &bytes)).await?;
        self.database.insert_share(record).await
    }

    /// Forgets a share; files of the user's stay where they are.
    pub async fn forget_share(&self, share: ShareId) -> Result<(), DatabaseError> {
        self.database.delete_share(share).await?;
        let state = self.state.clone();
        blocking(move || {
            let removed = share_files::remove(&state, share);
            removed.map_err(|error| DiskError::of(&state, "tidied up", &error))?;
            moving::forget_move(&state, share)?;
            partial::forget(&state, share)
        })
        .await
    }

    /// Everything that was remembered, in the order it was added, and the shares whose files are damaged or gone.
    pub async fn all_shares(&self) -> Result<(Vec<StoredShare>, Vec<ShareRecord>), DatabaseError> {
        let records = self.database.share_records().await?;
        let state = self.state.clone();
        blocking(move || {
            let (mut stored, mut damaged) = (vec![], vec![]);
            for record in records {
                match share_files::read(&state, record.id) {
                    Ok(bytes) => stored.push(StoredShare { record, bytes }),
                    Err(_) => damaged.push(record),
                }
            }
            Ok((stored, damaged))
        })
        .await
    }

    /// Removes what an unclean stop left: files being written, files of shares that were forgotten, notes of downloads that
    /// are complete. What can't be removed stays until the next start.
    async fn sweep(&self) -> Result<(), DatabaseError> {
        let records = self.database.share_records().await?;
        let known: BTreeSet<ShareId> = records.iter().map(|record| record.id).collect();
        let complete: Vec<ShareId> =
            records.iter().filter(|record| record.state == ShareState::Complete).map(|record| record.id).collect();
        let state = self.state.clone();
        blocking(move || {
            for entry in fs::read_dir(&state).into_iter().flatten().flatten() {
                let name = entry.file_name();
                let name = name.to_str().unwrap_or_default();
                let forgotten = share_files::share_of(name).is_some_and(|share| !known.contains(&share));
                if name.ends_with(TEMPORARY) || forgotten {
                    let _ = fs::remove_file(entry.path());
                }
            }
            complete.into_iter().for_each(|share| drop(partial::forget(&state, share)));
            Ok(())
        })
        .await
    }
}

/// Runs what blocks on the threads for that.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, DiskError> + Send + 'static,
) -> Result<T, DatabaseError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => Ok(result?),
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is ending, and nobody waits for the answer.
            Err(_) => Err(DatabaseError::Query(sqlx::Error::PoolClosed)),
        },
    }
}

/// Makes a folder and those above it; what is made is for its owner alone, and so is the folder where it was there.
fn make_private(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        // A disk that knows no owners leaves it open; that was told where the home was opened.
        if fs::metadata(folder)?.permissions().mode() & 0o077 != 0 {
            let _ = fs::set_permissions(folder, fs::Permissions::from_mode(0o700));
        }
    }
    Ok(())
}
