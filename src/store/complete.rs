//! The bytes of a share that is whole on this disk, and noticing that a file is no longer what it was.
//!
//! The files are the user's own and can change at any time (`shared_files`). What slips through is caught by the receiver,
//! which checks every piece. That a file can't be read says nothing of what it holds.

use std::{
    fs::File,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use super::{
    Checking, locked,
    objects::{Cache, StoredFiles},
    parallel,
    piece_reader::{Open, OpenFile, PieceReader, ReadError},
    shared_files::{FreshFiles, PieceFiles, SharedFiles},
    sources::Sources,
    stamp::{FileStamp, Likeness, open_for_reading, read_at},
};
use crate::share::{Bitmap, PieceIndex, PieceVerifier, Share, Span};

/// One reading step while something is checked.
pub(super) const STEP: usize = 128 << 10;

/// A share whose files are all on this disk, or in an object store. Cheap to clone.
#[derive(Clone)]
pub struct Complete {
    share: Arc<Share>,
    files: Files,
}

#[derive(Clone)]
enum Files {
    Disk(Arc<SharedFiles>),
    Stored(Arc<StoredFiles>),
}

/// What reading all of a share told of it.
#[derive(Clone, Debug)]
pub struct Verdict {
    /// The pieces that are right.
    pub right: Bitmap,
    /// Something could not be read, for a reason that says nothing of its content.
    pub unread: Option<ReadError>,
}

/// What a look at a share's files told, without reading them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Look {
    /// All are there and were not written to.
    Same,
    /// This one was written to, or is another: reading decides.
    Changed(PathBuf),
    /// This one can't be reached at the moment.
    Unread(ReadError),
}

impl Complete {
    /// Opens no file yet: what is wrong with one is told when it is read.
    pub fn open(share: Arc<Share>, sources: Sources) -> Complete {
        let small = u64::from(share.manifest().piece_len.bytes());
        Complete { share, files: Files::Disk(Arc::new(SharedFiles::new(sources, small))) }
    }

    /// A share whose bytes lie in an object store and come by way of a cache.
    pub fn stored(share: Arc<Share>, cache: Cache) -> Complete {
        let files = StoredFiles::new(cache, share.clone());
        Complete { share, files: Files::Stored(Arc::new(files)) }
    }

    /// Whether its bytes lie in an object store.
    pub fn is_stored(&self) -> bool {
        matches!(self.files, Files::Stored(_))
    }

    /// Reads a piece's bytes. The files it needs are opened as it goes.
    pub fn reader(&self, piece: PieceIndex) -> Result<PieceReader, ReadError> {
        let files: Arc<dyn Open> = match &self.files {
            Files::Disk(files) => Arc::new(PieceFiles::new(files, &self.share, piece)),
            Files::Stored(files) => files.clone(),
        };
        Ok(PieceReader::new(files, self.share.pieces().spans(piece).collect()))
    }

    pub fn share(&self) -> &Arc<Share> {
        &self.share
    }

    /// Reads a run of bytes that need not be a piece.
    pub(super) fn read(&self, span: Span) -> PieceReader {
        PieceReader::new(self.files.opener(), vec![span])
    }

    /// Whether a file was not written to since its content was known to be right.
    pub(super) fn is_unchanged(&self, entry: usize) -> bool {
        let Files::Disk(files) = &self.files else { return false };
        let found = files.path(entry).symlink_metadata();
        found.is_ok_and(|found| files.likeness(entry, &found) != Likeness::Other)
    }

    /// A file of the share, if it is what it was.
    pub(super) fn open_file(&self, entry: usize) -> Option<Arc<File>> {
        match self.files.opener().open(entry).ok()? {
            OpenFile::Disk(file) => Some(file),
            OpenFile::Stored(_) => None,
        }
    }

    /// Reads `len` bytes of one file from `offset` on, with the file's stamp checked before and after.
    pub fn file_reader(&self, entry: usize, offset: u64, len: u64) -> PieceReader {
        const SPAN: u64 = 1 << 30;
        let starts = (offset..offset.saturating_add(len)).step_by(SPAN as usize);
        let spans = starts.map(|at| Span { entry, offset: at, len: (offset + len - at).min(SPAN) as u32 });
        PieceReader::new(self.files.opener(), spans.collect())
    }

    /// Where the files are, with the stamps of the last time their content was known to be right; nowhere on this disk,
    /// where they lie in an object store.
    pub fn sources(&self) -> Sources {
        match &self.files {
            Files::Disk(files) => files.sources(),
            Files::Stored(_) => Sources::new(),
        }
    }

    /// Reads everything and checks it against the publisher's hashes, on all cores. Files that turn out to be right get a
    /// new stamp: what was only touched is served again ([`Complete::sources`] has it for keeping). Called off, it
    /// knows only of the pieces it came to.
    pub fn verify_all(&self, watch: &Checking) -> Verdict {
        let pieces = self.share.pieces();
        let fresh = match &self.files {
            Files::Disk(files) => Some(Arc::new(FreshFiles::new(files))),
            Files::Stored(_) => None,
        };
        let opener: Arc<dyn Open> = match &fresh {
            Some(fresh) => fresh.clone(),
            None => self.files.opener(),
        };
        let verdict = Mutex::new(Verdict { right: Bitmap::empty(pieces), unread: None });
        // Where only some files are here, the others are not looked for.
        let sources = self.sources();
        let is_here = |piece: &PieceIndex| pieces.spans(*piece).all(|span| sources.stamp(span.entry).is_some());
        let all: Vec<PieceIndex> = pieces.iter().filter(|piece| self.is_stored() || is_here(piece)).collect();
        let checked = parallel::for_each(
            watch.effort,
            all.len(),
            &watch.cancel,
            || vec![0; STEP],
            |job, buffer| {
                let piece = all[job];
                let reader = PieceReader::new(opener.clone(), pieces.spans(piece).collect());
                match judge(&self.share, piece, reader, buffer, (&watch.bytes, &watch.cancel)) {
                    Judged::Right => _ = locked(&verdict).right.insert(piece),
                    Judged::Unread(error) => _ = locked(&verdict).unread.get_or_insert(error),
                    Judged::Wrong | Judged::Cancelled => {}
                }
                Ok::<(), std::convert::Infallible>(())
            },
        );
        debug_assert!(checked.is_ok());
        let verdict = verdict.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some(fresh) = fresh {
            fresh.stamp_again(pieces, &verdict.right);
        }
        verdict
    }

    /// Looks at every file without reading it; `suspect` is also opened and read from, since what has its old stamp may
    /// still be on a disk that gives nothing. The first file that is not there decides before one that was changed.
    pub fn look(&self, suspect: Option<&Path>) -> Look {
        let Files::Disk(files) = &self.files else { return Look::Same };
        let sources = self.sources();
        let mut changed = None;
        for (path, stamp) in (0..sources.len()).filter_map(|entry| Some((sources.path(entry)?, sources.stamp(entry)?)))
        {
            match path.symlink_metadata() {
                Ok(found) if found.is_file() && stamp.likeness(&FileStamp::of(&found)) != Likeness::Other => {}
                Ok(_) => _ = changed.get_or_insert(path),
                Err(error) => match ReadError::of(path.clone(), &error) {
                    ReadError::Changed { path } => _ = changed.get_or_insert(path),
                    error => return Look::Unread(error),
                },
            }
        }
        files.open.clear();
        if let Some(path) = changed {
            return Look::Changed(path);
        }
        let read = |path: &Path| open_for_reading(path).and_then(|file| read_at(&file, &mut [0; 1], 0));
        match suspect.map(|path| (path, read(path))) {
            Some((path, Err(error))) => Look::Unread(ReadError::of(path.to_owned(), &error)),
            _ => Look::Same,
        }
    }
}

/// What reading a whole piece told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Judged {
    Right,
    Wrong,
    /// That says nothing of what it holds.
    Unread(ReadError),
    /// Called off before its end.
    Cancelled,
}

/// Reads a whole piece and checks it. `done` counts bytes; `cancel` ends it.
pub(super) fn judge(
    share: &Arc<Share>,
    piece: PieceIndex,
    mut reader: PieceReader,
    buffer: &mut [u8],
    (done, cancel): (&AtomicU64, &AtomicBool),
) -> Judged {
    let mut verifier = PieceVerifier::new(share, piece);
    while !cancel.load(Ordering::Relaxed) {
        match reader.read(buffer) {
            Ok(0) => return if verifier.finish().is_ok() { Judged::Right } else { Judged::Wrong },
            Ok(read) => {
                verifier.update(&buffer[..read]);
                done.fetch_add(read as u64, Ordering::Relaxed);
            }
            Err(error) if error.may_heal() => return Judged::Unread(error),
            Err(_) => return Judged::Wrong,
        }
    }
    Judged::Cancelled
}

impl Files {
    fn opener(&self) -> Arc<dyn Open> {
        match self {
            Files::Disk(files) => files.clone(),
            Files::Stored(files) => files.clone(),
        }
    }
}
