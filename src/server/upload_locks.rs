//! Who writes to which upload.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

/// One writes to an upload at a time: two at once would mix their bytes.
#[derive(Clone, Default)]
pub(crate) struct UploadLocks {
    busy: Arc<Mutex<BTreeSet<String>>>,
}

/// The right to write to one upload.
pub(crate) struct UploadLock {
    locks: UploadLocks,
    upload: String,
}

impl UploadLocks {
    /// Uploads that are being written to.
    pub fn busy(&self) -> usize {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// `None` while somebody else writes.
    pub fn take(&self, upload: &str) -> Option<UploadLock> {
        let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        busy.insert(upload.to_owned()).then(|| UploadLock { locks: self.clone(), upload: upload.to_owned() })
    }
}

impl Drop for UploadLock {
    fn drop(&mut self) {
        self.locks.busy.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.upload);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_who_write_to_an_upload_one_does() {
        let locks = UploadLocks::default();
        let first = locks.take("a");
        assert!(first.is_some() && locks.take("a").is_none() && locks.take("b").is_some());
        drop(first);
        assert!(locks.take("a").is_some());
    }
}
