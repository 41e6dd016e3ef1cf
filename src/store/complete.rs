//! The bytes of a share that is whole on this disk, and noticing that a file is no longer what it was.
//!
//! The files are the user's own and can change at any time, so a file's stamp is compared before it is read and after.
//! What slips through is caught by the receiver, which checks every piece.

use std::{
    collections::BTreeMap,
    fs::File,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use super::{
    Checking, locked,
    objects::{Cache, StoredFiles},
    parallel,
    piece_reader::{Open, OpenFile, OpenFiles, PieceReader, ReadError},
    sources::Sources,
    stamp::{FileStamp, open_for_reading},
};
use crate::share::{Bitmap, PieceIndex, PieceVerifier, Share, Span};

/// One reading step while everything is checked.
const STEP: usize = 128 << 10;

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

struct SharedFiles {
    sources: RwLock<Sources>,
    open: OpenFiles,
    /// Files of at most this many bytes are read in one go, so keeping them open gains nothing.
    small: u64,
}

impl Complete {
    /// Opens no file yet: what is wrong with one is told when it is read.
    pub fn open(share: Arc<Share>, sources: Sources) -> Complete {
        let small = u64::from(share.manifest().piece_len.bytes());
        let files = SharedFiles { sources: RwLock::new(sources), open: OpenFiles::new(), small };
        Complete { share, files: Files::Disk(Arc::new(files)) }
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
        Ok(PieceReader::new(self.files.opener(), self.share.pieces().spans(piece).collect()))
    }

    pub fn share(&self) -> &Arc<Share> {
        &self.share
    }

    /// Reads a run of bytes that need not be a piece.
    pub(super) fn read(&self, span: Span) -> PieceReader {
        PieceReader::new(self.files.opener(), vec![span])
    }

    /// Whether a file looks as it did when its content was known to be right.
    pub(super) fn is_unchanged(&self, entry: usize) -> bool {
        let Files::Disk(files) = &self.files else { return false };
        let stamp = files.stamp(entry);
        let found = files.path(entry).symlink_metadata();
        stamp.is_some() && found.is_ok_and(|found| found.is_file() && stamp == Some(FileStamp::of(&found)))
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
            Files::Disk(files) => files.sources.read().unwrap_or_else(PoisonError::into_inner).clone(),
            Files::Stored(_) => Sources::new(),
        }
    }

    /// Reads everything and checks it against the publisher's hashes, on all cores. Files that turn out to be right get a
    /// new stamp: what was only touched is served again ([`Complete::sources`] has it for keeping). Called off, it
    /// knows only of the pieces it came to.
    pub fn verify_all(&self, watch: &Checking) -> Bitmap {
        let pieces = self.share.pieces();
        let fresh = match &self.files {
            Files::Disk(files) => {
                Some(Arc::new(FreshFiles { files: files.clone(), stamps: Mutex::new(BTreeMap::new()) }))
            }
            Files::Stored(_) => None,
        };
        let opener: Arc<dyn Open> = match &fresh {
            Some(fresh) => fresh.clone(),
            None => self.files.opener(),
        };
        let right = Mutex::new(Bitmap::empty(pieces));
        let all: Vec<PieceIndex> = pieces.iter().collect();
        let checked = parallel::for_each(
            watch.effort,
            all.len(),
            &watch.cancel,
            || vec![0; STEP],
            |job, buffer| {
                let piece = all[job];
                let reader = PieceReader::new(opener.clone(), pieces.spans(piece).collect());
                if piece_is_right(&self.share, piece, reader, buffer, (&watch.bytes, &watch.cancel)) {
                    locked(&right).insert(piece);
                }
                Ok::<(), std::convert::Infallible>(())
            },
        );
        debug_assert!(checked.is_ok());
        let right = right.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some(fresh) = fresh {
            self.stamp_again(&fresh, &right);
        }
        right
    }

    /// Takes the stamps of files all of whose pieces are right.
    fn stamp_again(&self, fresh: &FreshFiles, right: &Bitmap) {
        let pieces = self.share.pieces();
        let mut sources = fresh.files.sources.write().unwrap_or_else(PoisonError::into_inner);
        for (&entry, &stamp) in locked(&fresh.stamps).iter() {
            let mut numbers = pieces.of_entry(entry);
            if numbers.all(|number| pieces.index(number).is_some_and(|piece| right.contains(piece))) {
                sources.set_stamp(entry, stamp);
            }
        }
    }
}

/// Reads a whole piece and checks it. `done` counts bytes; `cancel` ends it, and then the piece is not right.
pub(super) fn piece_is_right(
    share: &Arc<Share>,
    piece: PieceIndex,
    mut reader: PieceReader,
    buffer: &mut [u8],
    (done, cancel): (&AtomicU64, &AtomicBool),
) -> bool {
    let mut verifier = PieceVerifier::new(share, piece);
    while !cancel.load(Ordering::Relaxed) {
        match reader.read(buffer) {
            Ok(0) => return verifier.finish().is_ok(),
            Ok(read) => {
                verifier.update(&buffer[..read]);
                done.fetch_add(read as u64, Ordering::Relaxed);
            }
            Err(_) => return false,
        }
    }
    false
}

impl Files {
    fn opener(&self) -> Arc<dyn Open> {
        match self {
            Files::Disk(files) => files.clone(),
            Files::Stored(files) => files.clone(),
        }
    }
}

impl SharedFiles {
    fn stamp(&self, entry: usize) -> Option<FileStamp> {
        self.sources.read().unwrap_or_else(PoisonError::into_inner).stamp(entry)
    }

    fn check_file(&self, entry: usize, file: &File) -> Result<(), ReadError> {
        let metadata = file.metadata().map_err(|error| ReadError::of(self.path(entry), &error))?;
        let same = metadata.is_file() && self.stamp(entry) == Some(FileStamp::of(&metadata));
        if same { Ok(()) } else { Err(ReadError::Changed { path: self.path(entry) }) }
    }

    fn open_unchecked(&self, entry: usize) -> Result<File, ReadError> {
        let path = self.path(entry);
        open_for_reading(&path).map_err(|error| ReadError::of(path, &error))
    }
}

impl Open for SharedFiles {
    fn open(&self, entry: usize) -> Result<OpenFile, ReadError> {
        if let Some(file) = self.open.get(entry) {
            match self.check_file(entry, &file) {
                Ok(()) => return Ok(OpenFile::Disk(file)),
                // Perhaps the name leads to the right file again: a look at the disk decides.
                Err(_) => self.open.forget(entry),
            }
        }
        let file = Arc::new(self.open_unchecked(entry)?);
        self.check_file(entry, &file)?;
        if self.stamp(entry).is_some_and(|stamp| stamp.size > self.small) {
            self.open.keep(entry, &file);
        }
        Ok(OpenFile::Disk(file))
    }

    fn check(&self, entry: usize, file: &OpenFile) -> Result<(), ReadError> {
        match file {
            OpenFile::Disk(file) => self.check_file(entry, file),
            OpenFile::Stored(_) => Ok(()),
        }
    }

    fn path(&self, entry: usize) -> PathBuf {
        self.sources.read().unwrap_or_else(PoisonError::into_inner).path(entry).unwrap_or_default()
    }
}

/// The files as they are found, whatever their stamps were; each must stay as it was found first.
struct FreshFiles {
    files: Arc<SharedFiles>,
    stamps: Mutex<BTreeMap<usize, FileStamp>>,
}

impl Open for FreshFiles {
    fn open(&self, entry: usize) -> Result<OpenFile, ReadError> {
        let file = OpenFile::Disk(Arc::new(self.files.open_unchecked(entry)?));
        self.check(entry, &file)?;
        Ok(file)
    }

    fn check(&self, entry: usize, file: &OpenFile) -> Result<(), ReadError> {
        let OpenFile::Disk(file) = file else { return Ok(()) };
        let metadata = file.metadata().map_err(|error| ReadError::of(self.path(entry), &error))?;
        let stamp = FileStamp::of(&metadata);
        let first = *locked(&self.stamps).entry(entry).or_insert(stamp);
        if metadata.is_file() && first == stamp { Ok(()) } else { Err(ReadError::Changed { path: self.path(entry) }) }
    }

    fn path(&self, entry: usize) -> PathBuf {
        self.files.path(entry)
    }
}
