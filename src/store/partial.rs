//! A share being filled: from the first byte to its final names, through full disks and power cuts.
//!
//! # What always holds
//!
//! 1. A piece is had only if its bytes were checked after the last of them was written.
//! 2. The note on disk names no piece whose bytes were not synced before it.
//! 3. Under a final name stands nothing until every byte of the share is had and synced.
//! 4. Nothing that was there is overwritten or removed.
//!
//! After any error the disk is in a state from which [`Partial::resume`] goes on. Who asks for which piece, and how often
//! the note is saved, is the engine's.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicBool, Ordering},
    },
};

use super::{
    disk::{self, Disk},
    disk_error::DiskError,
    have_map::{HaveFile, HaveMap},
    locked,
    piece_reader::{Open, OpenFiles, PieceReader, ReadError},
    piece_writer::{Claim, PieceWriter},
    resume,
    sources::Sources,
    staging::Staging,
    stamp::FileStamp,
};
use crate::share::{Bitmap, EntryKind, PieceIndex, Share, ShareId};

/// What opening a download led to.
pub enum Opened {
    /// Some pieces are missing, or final names: see [`Partial::had`].
    Filling(Partial),
    /// Every byte stands, checked, under its final name.
    Complete(Sources),
}

/// A share being filled. Cheap to clone; all methods block, and can be called from any thread.
#[derive(Clone)]
pub struct Partial {
    filling: Arc<Filling>,
}

/// What the workers of one download share.
pub(super) struct Filling {
    pub staging: Staging,
    note: HaveFile,
    had: Mutex<Bitmap>,
    /// Entries with bytes of had pieces that were not synced since.
    unsynced: Mutex<BTreeSet<usize>>,
    /// Set when a sync failed: what reached the disk is unknown then, also to later syncs.
    unsure: AtomicBool,
    open: OpenFiles,
    /// The pieces that are being written.
    claims: Mutex<BTreeMap<u32, Weak<Claim>>>,
    /// Saving and finishing are done by one thread at a time. Holds the pieces that the note has.
    saving: Mutex<Option<Vec<u8>>>,
}

/// Up to so many written files are synced one by one, beyond that with all of the file system.
const SYNC_SINGLY_MAX: usize = 8;

impl Partial {
    /// Begins to fill a share in the folder `into`, which must be there. If the share stands there complete already, under
    /// its own or a numbered name, that is told and nothing is made. A download that was begun for the same folder
    /// goes on; one that was begun for another is discarded. `state`: the folder for notes.
    pub fn create(share: Arc<Share>, into: &Path, state: &Path) -> Result<Opened, DiskError> {
        Self::create_on(Disk::default(), share, into, state)
    }

    /// [`Partial::create`] on a disk of the caller's.
    pub fn create_on(disk: Disk, share: Arc<Share>, into: &Path, state: &Path) -> Result<Opened, DiskError> {
        let into = &std::path::absolute(into).map_err(|error| DiskError::of(into, "found", &error))?;
        let note = HaveFile::new(disk.clone(), state, share.id());
        if let Some(map) = note.load()? {
            if map.goes_into().as_deref() == Some(into.as_path()) {
                return resume::resume(disk, share, note, map);
            }
            resume::discard_noted(disk.clone(), share.clone(), &note, map);
        }
        let mut staging = Staging::open(share.clone(), disk, into)?;
        staging.learn_case()?;
        if let Some(sources) = resume::find_here(&staging) {
            return Ok(Opened::Complete(sources));
        }
        let filling = Filling::new(staging, note, Bitmap::empty(share.pieces()));
        match filling.make_all() {
            Ok(()) => Ok(Opened::Filling(Partial::of(Arc::new(filling)))),
            Err(error) => {
                // As little as possible is left behind; the error that a person has to know of is the first.
                let _ = filling.staging.remove_all().and_then(|()| filling.note.remove());
                Err(error)
            }
        }
    }

    /// Goes on with a download that was begun before; `None` where there is none, or its note is damaged.
    pub fn resume(share: Arc<Share>, state: &Path) -> Result<Option<Opened>, DiskError> {
        Self::resume_on(Disk::default(), share, state)
    }

    /// [`Partial::resume`] on a disk of the caller's.
    pub fn resume_on(disk: Disk, share: Arc<Share>, state: &Path) -> Result<Option<Opened>, DiskError> {
        let note = HaveFile::new(disk.clone(), state, share.id());
        match note.load()? {
            Some(map) => resume::resume(disk, share, note, map).map(Some),
            None => Ok(None),
        }
    }

    pub(super) fn of(filling: Arc<Filling>) -> Partial {
        Partial { filling }
    }

    /// The pieces that are on the disk and right.
    pub fn had(&self) -> Bitmap {
        locked(&self.filling.had).clone()
    }

    /// The folder it goes into.
    pub fn into_folder(&self) -> &Path {
        &self.filling.staging.into
    }

    /// Where the tops stand at the moment: unfinished ones under their `.part` names.
    pub fn places(&self) -> Vec<PathBuf> {
        let staging = &self.filling.staging;
        staging.tops().iter().map(|top| staging.into.join(top.name())).collect()
    }

    /// Takes a piece's bytes. Several pieces can be written at once, and one piece by several writers.
    pub fn writer(&self, piece: PieceIndex) -> PieceWriter {
        let claim = self.filling.claim(piece);
        PieceWriter::new(self.filling.clone(), &self.filling.staging.share, piece, claim)
    }

    /// Reads a piece that is had.
    pub fn reader(&self, piece: PieceIndex) -> Result<PieceReader, ReadError> {
        if !locked(&self.filling.had).contains(piece) {
            return Err(ReadError::Missing);
        }
        let spans = self.filling.staging.share.pieces().spans(piece).collect();
        Ok(PieceReader::new(self.filling.clone(), spans))
    }

    /// A piece that was had turned out to be wrong: it is wanted again.
    pub fn lose(&self, piece: PieceIndex) {
        locked(&self.filling.had).remove(piece);
        locked(&self.filling.claims).remove(&piece.get());
    }

    /// Syncs what was written and then notes the pieces that are had, so that they survive a power cut. Costs nothing if
    /// nothing changed. After an error the download has to be resumed: what was had since the last time may be lost.
    pub fn save_have(&self) -> Result<(), DiskError> {
        self.filling.save()
    }

    /// When every piece is had: syncs everything, sets times, and gives the files their final names. Can be called again
    /// after an error, and after it went well. The note stays until [`forget`], which is for when the result is kept.
    pub fn finish(&self) -> Result<Sources, DiskError> {
        self.filling.finish()
    }

    /// Gives the download up and removes what it made.
    pub fn discard(self) -> Result<(), DiskError> {
        self.filling.open.clear();
        self.filling.staging.remove_all()?;
        self.filling.note.remove()
    }
}

/// Removes the note of a download. To be called once its outcome is kept elsewhere.
pub fn forget(state: &Path, share: ShareId) -> Result<(), DiskError> {
    HaveFile::new(Disk::default(), state, share).remove()
}

impl Filling {
    pub fn new(staging: Staging, note: HaveFile, had: Bitmap) -> Filling {
        Filling {
            staging,
            note,
            had: Mutex::new(had),
            unsynced: Mutex::new(BTreeSet::new()),
            unsure: AtomicBool::new(false),
            open: OpenFiles::new(),
            claims: Mutex::new(BTreeMap::new()),
            saving: Mutex::new(None),
        }
    }

    pub fn set_had(&self, had: Bitmap) {
        *locked(&self.had) = had;
    }

    /// Makes everything that is not there: tops, folders, large files with the room for them.
    pub fn make_all(&self) -> Result<(), DiskError> {
        self.staging.choose_names()?;
        self.check_room()?;
        // First noted, then made, then noted as made: nothing of ours stands where nobody knows of it.
        self.write_note()?;
        self.staging.make_tops(|| self.write_note())?;
        self.write_note()?;
        self.staging.make_folders()?;
        let large: Vec<(usize, u64)> =
            self.staging.share.manifest().large_files().map(|(entry, size, _)| (entry, size)).collect();
        large.into_iter().try_for_each(|(entry, size)| self.make_large(entry, size))
    }

    /// A large file with its full length.
    fn make_large(&self, entry: usize, size: u64) -> Result<(), DiskError> {
        if self.staging.is_placed(entry) {
            return Ok(());
        }
        let file = match self.staging.look(entry) {
            Ok(_) => self.staging.open_file(entry, true).map_err(|error| self.error(entry, "opened", &error))?,
            Err(_) => self.staging.fresh_file(entry)?,
        };
        let path = self.staging.path(entry);
        let long_enough = file.metadata().is_ok_and(|metadata| metadata.len() == size);
        if !long_enough {
            // Longer than it may be: somebody else wrote to it.
            let cut =
                if file.metadata().is_ok_and(|metadata| metadata.len() > size) { file.set_len(size) } else { Ok(()) };
            let reserved = cut.and_then(|()| self.staging.disk.reserve(&file, &path, size));
            reserved.map_err(|error| self.error(entry, "made", &error))?;
        }
        Ok(())
    }

    /// Whether the disk has room for what is still to come.
    fn check_room(&self) -> Result<(), DiskError> {
        let folder = self.staging.into.clone();
        let needed = self.room_needed();
        match fs4::available_space(&folder) {
            Ok(free) if free < needed => Err(DiskError::NoSpace { folder, needed, free }),
            // Some file systems do not tell; then it shows when it is written.
            _ => Ok(()),
        }
    }

    /// Bytes that files will still take, each rounded up to the block size of common file systems.
    fn room_needed(&self) -> u64 {
        let pieces = self.staging.share.pieces();
        let had = locked(&self.had).clone();
        let is_had =
            |entry| pieces.of_entry(entry).all(|number| pieces.index(number).is_some_and(|at| had.contains(at)));
        let mut needed = 0u64;
        for (entry, of) in self.staging.share.manifest().entries.iter().enumerate() {
            if of.kind.size() > 0 && !is_had(entry) {
                let open = self.staging.open_file(entry, false);
                let taken = open.and_then(|file| fs4::FileExt::allocated_size(&file)).unwrap_or(0);
                needed = needed.saturating_add(of.kind.size().next_multiple_of(4096).saturating_sub(taken));
            }
        }
        needed
    }

    fn error(&self, entry: usize, action: &'static str, error: &io::Error) -> DiskError {
        match self.staging.error(&self.staging.path(entry), action, error) {
            DiskError::NoSpace { folder, free, .. } => {
                DiskError::NoSpace { folder, needed: self.room_needed().max(free.saturating_add(1)), free }
            }
            error => error,
        }
    }

    // ---- What the writers of pieces use.

    pub fn piece_len(&self) -> u32 {
        self.staging.share.manifest().piece_len.bytes()
    }

    fn claim(&self, piece: PieceIndex) -> Arc<Claim> {
        let mut claims = locked(&self.claims);
        if let Some(claim) = claims.get(&piece.get()).and_then(Weak::upgrade) {
            return claim;
        }
        claims.retain(|_, claim| claim.strong_count() > 0);
        let claim = Arc::new(Claim::new(locked(&self.had).contains(piece)));
        claims.insert(piece.get(), Arc::downgrade(&claim));
        claim
    }

    fn is_large(&self, entry: usize) -> bool {
        self.staging.share.hashes().of_entry(entry).is_some()
    }

    /// Opens a file to write a piece's part of it: a large one as it is, a small one anew.
    pub fn open_to_fill(&self, entry: usize) -> Result<Arc<File>, DiskError> {
        if !self.is_large(entry) {
            return Ok(Arc::new(self.staging.fresh_file(entry)?));
        }
        if let Some(file) = self.open.get(entry) {
            return Ok(file);
        }
        let file = self.staging.open_file(entry, true).map_err(|error| self.error(entry, "opened", &error))?;
        let file = Arc::new(file);
        self.open.keep(entry, &file);
        Ok(file)
    }

    pub fn write_at(&self, file: &File, entry: usize, bytes: &[u8], offset: u64) -> Result<(), DiskError> {
        let path = self.staging.path(entry);
        let written = self.staging.disk.write_at(file, &path, bytes, offset);
        written.map_err(|error| self.error(entry, "written", &error))
    }

    /// A piece's bytes are written and right.
    pub fn has(&self, piece: PieceIndex) {
        // In this order: whoever sees the piece as had sees its files as unsynced, or has synced them after the last write.
        locked(&self.unsynced).extend(self.staging.share.pieces().spans(piece).map(|span| span.entry));
        locked(&self.had).insert(piece);
    }

    /// An error if the piece was lost again.
    pub fn still_has(&self, piece: PieceIndex) -> Result<(), DiskError> {
        if locked(&self.had).contains(piece) {
            return Ok(());
        }
        Err(DiskError::Changed { path: self.staging.into.clone() })
    }

    // ---- Saving.

    fn write_note(&self) -> Result<(), DiskError> {
        self.write_note_of(locked(&self.had).as_bytes().to_vec())
    }

    fn write_note_of(&self, had: Vec<u8>) -> Result<(), DiskError> {
        let staging = &self.staging;
        let mut map =
            HaveMap::new(staging.share.id(), &staging.into, staging.folder_id(), staging.case_counts, staging.tops());
        map.had = had;
        self.note.save(&map)
    }

    fn save(&self) -> Result<(), DiskError> {
        let mut saved = locked(&self.saving);
        // The files of what is had at this moment are marked as unsynced, so the sync that follows covers it.
        let had = locked(&self.had).as_bytes().to_vec();
        if saved.as_ref() == Some(&had) && locked(&self.unsynced).is_empty() {
            return Ok(());
        }
        self.sync()?;
        self.write_note_of(had.clone())?;
        *saved = Some(had);
        Ok(())
    }

    /// Waits until everything that was written is on the disk.
    fn sync(&self) -> Result<(), DiskError> {
        let unsure = || DiskError::Unsure { folder: self.staging.into.clone() };
        if self.unsure.load(Ordering::Acquire) {
            return Err(unsure());
        }
        let files: Vec<usize> = std::mem::take(&mut *locked(&self.unsynced)).into_iter().collect();
        let few_large = files.len() <= SYNC_SINGLY_MAX && files.iter().all(|entry| self.is_large(*entry));
        let synced = if few_large {
            files.iter().try_for_each(|entry| self.sync_one(*entry))
        } else {
            self.staging.sync_many(&files)
        };
        // The system forgets which bytes failed, so a later sync would succeed without them.
        synced.map_err(|error| {
            self.unsure.store(true, Ordering::Release);
            match self.staging.error(Path::new("."), "synced", &error) {
                DiskError::Other { .. } | DiskError::Changed { .. } => unsure(),
                error => error,
            }
        })
    }

    fn sync_one(&self, entry: usize) -> io::Result<()> {
        let file = match self.open.get(entry) {
            Some(file) => file,
            None => Arc::new(self.staging.open_file(entry, true)?),
        };
        self.staging.disk.sync_file(&file, &self.staging.path(entry))
    }

    // ---- Finishing.

    fn finish(&self) -> Result<Sources, DiskError> {
        let mut saved = locked(&self.saving);
        let had = locked(&self.had).clone();
        if !had.is_full() {
            let missing = had.len() - had.count();
            return Err(DiskError::Incomplete { folder: self.staging.into.clone(), missing });
        }
        if !self.staging.tops().iter().all(|top| top.placed) {
            self.complete_files()?;
            self.sync()?;
            self.open.clear();
            self.staging.place_tops(|| self.write_note())?;
            self.staging.sync_top()?;
            *saved = Some(had.as_bytes().to_vec());
        }
        self.sources()
    }

    /// Makes the empty files, sets the times of what got none yet, and looks that everything is there.
    fn complete_files(&self) -> Result<(), DiskError> {
        let manifest = self.staging.share.manifest();
        for (entry, of) in manifest.entries.iter().enumerate() {
            let EntryKind::File { size, .. } = of.kind else { continue };
            if self.staging.is_placed(entry) {
                continue;
            }
            if size == 0 {
                disk::set_file_time(&self.staging.fresh_file(entry)?, of.modified);
                locked(&self.unsynced).insert(entry);
            } else if self.is_large(entry) {
                let file = self.staging.open_file(entry, true).map_err(|error| self.error(entry, "opened", &error))?;
                disk::set_file_time(&file, of.modified);
                locked(&self.unsynced).insert(entry);
            }
        }
        self.all_there()?;
        self.staging.set_folder_times();
        Ok(())
    }

    fn all_there(&self) -> Result<(), DiskError> {
        for (entry, of) in self.staging.share.manifest().entries.iter().enumerate() {
            let found = self.staging.look(entry);
            let right = match of.kind {
                EntryKind::Folder => found.is_ok(),
                EntryKind::File { size, .. } => found.is_ok_and(|found| found.len() == size),
            };
            if !right {
                return Err(DiskError::Changed { path: self.staging.into.join(self.staging.path(entry)) });
            }
        }
        Ok(())
    }

    /// Where the entries are, as they stand.
    fn sources(&self) -> Result<Sources, DiskError> {
        let mut sources = Sources::new();
        let root = sources.add_root(self.staging.into.clone());
        for entry in 0..self.staging.share.manifest().entries.len() {
            let path = self.staging.path(entry);
            let stamp = if self.staging.is_folder(entry) {
                None
            } else {
                let opened = self.staging.open_file(entry, false).and_then(|file| file.metadata());
                Some(FileStamp::of(&opened.map_err(|error| self.error(entry, "opened", &error))?))
            };
            sources.push(root, &path, stamp);
        }
        Ok(sources)
    }
}

impl Open for Filling {
    fn open(&self, entry: usize) -> Result<Arc<File>, ReadError> {
        if let Some(file) = self.open.get(entry) {
            return Ok(file);
        }
        // A large file is kept open, and since a writer may find it there, for writing too.
        if self.is_large(entry)
            && let Ok(file) = self.staging.open_file(entry, true)
        {
            let file = Arc::new(file);
            self.open.keep(entry, &file);
            return Ok(file);
        }
        let opened = self.staging.open_file(entry, false);
        opened.map(Arc::new).map_err(|error| ReadError::of(Open::path(self, entry), &error))
    }

    fn check(&self, _: usize, _: &File) -> Result<(), ReadError> {
        Ok(())
    }

    fn path(&self, entry: usize) -> PathBuf {
        self.staging.into.join(self.staging.path(entry))
    }
}
