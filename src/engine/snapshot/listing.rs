//! The files of a share, with what is wanted and what is here of each; made when somebody looks.

use std::{collections::BTreeSet, fmt, sync::Arc};

use crate::share::{Bitmap, EntryKind, Share};

/// All files of a share. Cheap to clone; the rows are made by whoever shows them.
#[derive(Clone)]
pub struct Listing {
    share: Arc<Share>,
    /// What is here; `None`: everything.
    have: Option<Arc<Bitmap>>,
    /// `None`: everything.
    wanted: Option<Arc<BTreeSet<u32>>>,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileRow {
    /// From 0, in the order of the manifest.
    pub number: u32,
    /// With `/` between folders.
    pub path: String,
    pub size: u64,
    /// Verified bytes on this disk.
    pub done_bytes: u64,
    pub wanted: bool,
}

impl Listing {
    pub fn new(share: Arc<Share>, have: Option<Arc<Bitmap>>, wanted: Option<Arc<BTreeSet<u32>>>) -> Listing {
        Listing { share, have, wanted }
    }

    /// All files, in the order of the manifest.
    pub fn files(&self) -> Vec<FileRow> {
        let done = self.done_by_entry();
        let files = self.share.manifest().entries.iter().enumerate().filter_map(|(entry, of)| match of.kind {
            EntryKind::File { size, .. } => Some((entry, of.path.to_string(), size)),
            EntryKind::Folder => None,
        });
        let row = |(number, (entry, path, size)): (u32, (usize, String, u64))| FileRow {
            number,
            path,
            size,
            done_bytes: done.as_ref().map_or(size, |done| done.get(entry).copied().unwrap_or(0)),
            wanted: self.is_wanted(number),
        };
        (0..).zip(files).map(row).collect()
    }

    /// Verified bytes of each file, and whether it is wanted, by its number: what changes while the files stay the same.
    pub fn progress(&self) -> Vec<(u64, bool)> {
        let done = self.done_by_entry();
        let files = self.share.manifest().entries.iter().enumerate().filter_map(|(entry, of)| match of.kind {
            EntryKind::File { size, .. } => {
                Some(done.as_ref().map_or(size, |done| done.get(entry).copied().unwrap_or(0)))
            }
            EntryKind::Folder => None,
        });
        (0..).zip(files).map(|(number, done_bytes)| (done_bytes, self.is_wanted(number))).collect()
    }

    pub fn is_wanted(&self, number: u32) -> bool {
        self.wanted.as_ref().is_none_or(|wanted| wanted.contains(&number))
    }

    /// The numbers of the files that are wanted; `None`: all.
    pub fn wanted(&self) -> Option<&BTreeSet<u32>> {
        self.wanted.as_deref()
    }

    /// Bytes that are here of each entry of the manifest; `None`: all of all.
    fn done_by_entry(&self) -> Option<Vec<u64>> {
        let have = self.have.as_ref()?;
        let mut done = vec![0; self.share.manifest().entries.len()];
        let pieces = self.share.pieces();
        for piece in have.iter(pieces) {
            for span in pieces.spans(piece) {
                if let Some(bytes) = done.get_mut(span.entry) {
                    *bytes += u64::from(span.len);
                }
            }
        }
        Some(done)
    }
}

impl PartialEq for Listing {
    fn eq(&self, other: &Listing) -> bool {
        self.share.id() == other.share.id() && self.have == other.have && self.wanted == other.wanted
    }
}

impl fmt::Debug for Listing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Listing").field(&self.share.id()).finish()
    }
}
