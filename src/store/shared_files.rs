//! The files of a share that is whole on this disk, which are the user's own and can change at any time.
//!
//! A file's stamp is compared before it is read and after: what was written to since is not given out. Where the stamp
//! leaves a doubt (a link or a mode moved it), the piece is read and proved before it is given, so a backup that touches a
//! file every second disturbs nobody.

use std::{
    collections::BTreeMap,
    fs::{File, Metadata},
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use super::{
    complete::{Judged, STEP, judge},
    locked,
    piece_reader::{Open, OpenFile, OpenFiles, PieceReader, ReadError},
    sources::Sources,
    stamp::{FileStamp, Likeness, open_for_reading},
};
use crate::share::{Bitmap, PieceIndex, Pieces, Share};

/// The files of a share and what is known of each.
pub(super) struct SharedFiles {
    pub sources: RwLock<Sources>,
    pub open: OpenFiles,
    /// Files of at most this many bytes are read in one go, so keeping them open gains nothing.
    small: u64,
    /// What was proved, by reading, of files whose stamps are in doubt.
    pub proofs: Mutex<BTreeMap<usize, Proof>>,
}

/// The pieces of a file that were read and found right while it looked like `stamp`.
pub(super) struct Proof {
    stamp: FileStamp,
    right: Bitmap,
}

impl SharedFiles {
    /// `small`: files of at most so many bytes are not kept open.
    pub fn new(sources: Sources, small: u64) -> SharedFiles {
        SharedFiles { sources: RwLock::new(sources), open: OpenFiles::new(), small, proofs: Mutex::default() }
    }

    /// Where the files are, with the stamps of the last time their content was known to be right.
    pub fn sources(&self) -> Sources {
        self.sources.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn stamp(&self, entry: usize) -> Option<FileStamp> {
        self.sources.read().unwrap_or_else(PoisonError::into_inner).stamp(entry)
    }

    pub fn likeness(&self, entry: usize, found: &Metadata) -> Likeness {
        match self.stamp(entry) {
            Some(stamp) if found.is_file() => stamp.likeness(&FileStamp::of(found)),
            _ => Likeness::Other,
        }
    }

    /// What was written to since is refused. What is only in doubt is let through: whoever reads a piece proves it.
    fn check_file(&self, entry: usize, file: &File) -> Result<FileStamp, ReadError> {
        let metadata = file.metadata().map_err(|error| ReadError::of(self.path(entry), &error))?;
        match self.likeness(entry, &metadata) {
            Likeness::Other => Err(ReadError::Changed { path: self.path(entry) }),
            Likeness::Same | Likeness::Doubtful => Ok(FileStamp::of(&metadata)),
        }
    }

    /// A file that was not written to since its content was known, and how it looks.
    fn open_checked(&self, entry: usize) -> Result<(Arc<File>, FileStamp), ReadError> {
        if let Some(file) = self.open.get(entry) {
            match self.check_file(entry, &file) {
                Ok(stamp) => return Ok((file, stamp)),
                // Perhaps the name leads to the right file again: a look at the disk decides.
                Err(_) => self.open.forget(entry),
            }
        }
        let file = Arc::new(self.open_unchecked(entry)?);
        let stamp = self.check_file(entry, &file)?;
        if stamp.size > self.small {
            self.open.keep(entry, &file);
        }
        Ok((file, stamp))
    }

    /// Whether a piece of a file that looks like `stamp` needs no reading to be known.
    fn is_known(&self, entry: usize, stamp: FileStamp, piece: PieceIndex) -> bool {
        let proved = |proof: &Proof| proof.stamp == stamp && proof.right.contains(piece);
        self.stamp(entry) == Some(stamp) || locked(&self.proofs).get(&entry).is_some_and(proved)
    }

    /// Reads a piece some of whose files are in doubt, and remembers that it is right. A file all of whose pieces were
    /// proved is in doubt no longer.
    fn prove(self: &Arc<Self>, share: &Arc<Share>, piece: PieceIndex, suspect: usize) -> Result<(), ReadError> {
        let pieces = share.pieces();
        let fresh = Arc::new(FreshFiles::new(self));
        let reader = PieceReader::new(fresh.clone(), pieces.spans(piece).collect());
        let nothing = (&AtomicU64::new(0), &AtomicBool::new(false));
        match judge(share, piece, reader, &mut vec![0; STEP], nothing) {
            Judged::Right => {}
            Judged::Unread(error) => return Err(error),
            Judged::Wrong | Judged::Cancelled => return Err(ReadError::Changed { path: self.path(suspect) }),
        }
        let mut proofs = locked(&self.proofs);
        for (&entry, &stamp) in
            locked(&fresh.stamps).iter().filter(|(entry, stamp)| self.stamp(**entry) != Some(**stamp))
        {
            let nothing = || Proof { stamp, right: Bitmap::empty(pieces) };
            let proof = proofs.entry(entry).or_insert_with(nothing);
            if proof.stamp != stamp {
                *proof = nothing();
            }
            proof.right.insert(piece);
            let right = &proof.right;
            if pieces.of_entry(entry).all(|number| pieces.index(number).is_some_and(|piece| right.contains(piece))) {
                proofs.remove(&entry);
                self.sources.write().unwrap_or_else(PoisonError::into_inner).set_stamp(entry, stamp);
            }
        }
        Ok(())
    }

    fn open_unchecked(&self, entry: usize) -> Result<File, ReadError> {
        let path = self.path(entry);
        open_for_reading(&path).map_err(|error| ReadError::of(path, &error))
    }
}

impl Open for SharedFiles {
    fn open(&self, entry: usize) -> Result<OpenFile, ReadError> {
        Ok(OpenFile::Disk(self.open_checked(entry)?.0))
    }

    fn check(&self, entry: usize, file: &OpenFile) -> Result<(), ReadError> {
        match file {
            OpenFile::Disk(file) => self.check_file(entry, file).map(drop),
            OpenFile::Stored(_) => Ok(()),
        }
    }

    fn path(&self, entry: usize) -> PathBuf {
        self.sources.read().unwrap_or_else(PoisonError::into_inner).path(entry).unwrap_or_default()
    }
}

/// The files of one piece. Where one is in doubt, the whole piece is read and checked before a byte of that file is given.
pub(super) struct PieceFiles {
    share: Arc<Share>,
    piece: PieceIndex,
    files: Arc<SharedFiles>,
    is_proved: AtomicBool,
}

impl PieceFiles {
    pub fn new(files: &Arc<SharedFiles>, share: &Arc<Share>, piece: PieceIndex) -> PieceFiles {
        PieceFiles { share: share.clone(), piece, files: files.clone(), is_proved: AtomicBool::new(false) }
    }
}

impl Open for PieceFiles {
    fn open(&self, entry: usize) -> Result<OpenFile, ReadError> {
        let (file, stamp) = self.files.open_checked(entry)?;
        let is_known = self.is_proved.load(Ordering::Relaxed) || self.files.is_known(entry, stamp, self.piece);
        if !is_known {
            self.files.prove(&self.share, self.piece, entry)?;
            self.is_proved.store(true, Ordering::Relaxed);
        }
        Ok(OpenFile::Disk(file))
    }

    fn check(&self, entry: usize, file: &OpenFile) -> Result<(), ReadError> {
        self.files.check(entry, file)
    }

    fn path(&self, entry: usize) -> PathBuf {
        self.files.path(entry)
    }
}

/// The files as they are found, whatever their stamps were; none may be written to after it was found first.
pub(super) struct FreshFiles {
    files: Arc<SharedFiles>,
    stamps: Mutex<BTreeMap<usize, FileStamp>>,
}

impl FreshFiles {
    pub fn new(files: &Arc<SharedFiles>) -> FreshFiles {
        FreshFiles { files: files.clone(), stamps: Mutex::default() }
    }

    /// Takes the stamps of files all of whose pieces are right.
    pub fn stamp_again(&self, pieces: &Pieces, right: &Bitmap) {
        let mut sources = self.files.sources.write().unwrap_or_else(PoisonError::into_inner);
        for (&entry, &stamp) in locked(&self.stamps).iter() {
            let mut numbers = pieces.of_entry(entry);
            if numbers.all(|number| pieces.index(number).is_some_and(|piece| right.contains(piece))) {
                sources.set_stamp(entry, stamp);
            }
        }
        locked(&self.files.proofs).clear();
    }
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
        let same = metadata.is_file() && first.likeness(&stamp) != Likeness::Other;
        if same { Ok(()) } else { Err(ReadError::Changed { path: self.path(entry) }) }
    }

    fn path(&self, entry: usize) -> PathBuf {
        self.files.path(entry)
    }
}
