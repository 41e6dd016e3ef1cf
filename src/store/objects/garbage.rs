//! Objects that no row of the database names: left by an upload that was given up, a share that was removed, or a process
//! that was killed between writing bytes and writing the row.

use std::{
    collections::BTreeSet,
    time::{Duration, SystemTime},
};

use futures_util::TryStreamExt as _;

use super::{
    ObjectError, Objects,
    keys::{self, CONTENT, SHARES, UPLOADS},
};
use crate::{
    share::{Root, ShareId},
    store::central::{Central, CentralError},
};

/// Younger objects may be on their way into the database; see `YOUNG` in the room above, which must stay far below.
pub const GRACE_MIN: Duration = Duration::from_secs(24 * 3600);

/// A batch of old objects, by what they belong to.
#[derive(Debug, Default)]
pub struct Garbage {
    pub contents: BTreeSet<Root>,
    pub shares: BTreeSet<ShareId>,
    pub uploads: BTreeSet<String>,
    keys: Vec<String>,
}

/// Why garbage could not be collected.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    #[error("{0}")]
    Objects(#[from] ObjectError),
    #[error("{0}")]
    Central(#[from] CentralError),
}

const BATCH: usize = 500;

impl Objects {
    /// Looks at all objects that were written before `before`, in batches, and deletes those that the database does not
    /// name. Returns how many were.
    pub async fn sweep(&self, before: SystemTime, central: &Central) -> Result<u64, SweepError> {
        let mut deleted = 0;
        for folder in [CONTENT, SHARES, UPLOADS] {
            let mut batch = Garbage::default();
            let mut listed = self.list(folder);
            while let Some(found) = listed.try_next().await? {
                if found.modified < before {
                    batch.add(found.key);
                }
                if batch.keys.len() >= BATCH {
                    deleted += self.sweep_batch(std::mem::take(&mut batch), central).await?;
                }
            }
            deleted += self.sweep_batch(batch, central).await?;
        }
        Ok(deleted)
    }

    async fn sweep_batch(&self, mut batch: Garbage, central: &Central) -> Result<u64, SweepError> {
        if batch.keys.is_empty() {
            return Ok(0);
        }
        central.take_out_named(&mut batch).await?;
        let mut deleted = 0;
        for key in batch.keys.iter().filter(|key| batch.is_garbage(key)) {
            self.delete(key).await?;
            deleted += 1;
        }
        Ok(deleted)
    }
}

impl Garbage {
    fn add(&mut self, key: String) {
        self.contents.extend(keys::root_of(&key));
        self.shares.extend(keys::share_of(&key));
        self.uploads.extend(keys::upload_of(&key).map(str::to_owned));
        self.keys.push(key);
    }

    /// A key that is none of ours stays.
    fn is_garbage(&self, key: &str) -> bool {
        keys::root_of(key).is_some_and(|root| self.contents.contains(&root))
            || keys::share_of(key).is_some_and(|share| self.shares.contains(&share))
            || keys::upload_of(key).is_some_and(|upload| self.uploads.contains(upload))
    }
}
