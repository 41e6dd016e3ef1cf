//! The files of a share whose bytes are in the object store, as readers of pieces want them.

use std::{path::PathBuf, sync::Arc};

use super::Cache;
use crate::{
    share::Share,
    store::piece_reader::{Open, OpenFile, ReadError},
};

/// Each file as far as the cache has it; the rest is brought when it is read.
pub struct StoredFiles {
    cache: Cache,
    share: Arc<Share>,
}

impl StoredFiles {
    pub fn new(cache: Cache, share: Arc<Share>) -> StoredFiles {
        StoredFiles { cache, share }
    }
}

impl Open for StoredFiles {
    fn open(&self, entry: usize) -> Result<OpenFile, ReadError> {
        Ok(OpenFile::Stored(Arc::new(self.cache.open_file(&self.share, entry)?)))
    }

    /// It was checked piece by piece when it came.
    fn check(&self, _: usize, _: &OpenFile) -> Result<(), ReadError> {
        Ok(())
    }

    fn path(&self, entry: usize) -> PathBuf {
        let listed = self.share.manifest().entries.get(entry);
        PathBuf::from(listed.map(|entry| entry.path.to_string()).unwrap_or_default())
    }
}
