//! What the workers of one download share: its files, which pieces are had, and what was not synced yet.
//!
//! The promises that hold here are told in `partial`, which is the face of this.

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
    disk,
    disk_error::DiskError,
    have_map::{HaveFile, HaveMap},
    locked,
    piece_reader::{Open, OpenFile, OpenFiles, PieceReader, ReadError},
    piece_writer::Claim,
    sources::Sources,
    staging::Staging,
    stamp::FileStamp,
};
use crate::share::{Bitmap, EntryKind, PieceIndex};

/// What the workers of one download share.
pub(super) struct Filling {
    pub staging: Staging,
    note: HaveFile,
    had: Mutex<Bitmap>,
    /// Entries with bytes of had pieces that were not synced since.
    unsynced: Mutex<BTreeSet<usize>>,
    /// Set when a sync failed: what reached the disk is unknown then, also to later syncs.
    unsure: AtomicBool,
    /// The names of what is made at the beginning were synced.
    named: AtomicBool,
    open: OpenFiles,
    /// The pieces that are being written.
    claims: Mutex<BTreeMap<u32, Weak<Claim>>>,
    /// Saving and finishing are done by one thread at a time. Holds the pieces that the note has.
    saving: Mutex<Option<Vec<u8>>>,
}

/// Up to so many written files are synced one by one, beyond that with all of the file system.
const SYNC_SINGLY_MAX: usize = 8;

impl Filling {
    pub fn new(staging: Staging, note: HaveFile, had: Bitmap) -> Filling {
        Filling {
            staging,
            note,
            had: Mutex::new(had),
            unsynced: Mutex::new(BTreeSet::new()),
            unsure: AtomicBool::new(false),
            named: AtomicBool::new(false),
            open: OpenFiles::new(),
            claims: Mutex::new(BTreeMap::new()),
            saving: Mutex::new(None),
        }
    }

    pub fn had(&self) -> Bitmap {
        locked(&self.had).clone()
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
                let taken = if self.staging.is_made(entry) { self.room_taken(entry) } else { 0 };
                needed = needed.saturating_add(of.kind.size().next_multiple_of(4096).saturating_sub(taken));
            }
        }
        needed
    }

    fn room_taken(&self, entry: usize) -> u64 {
        self.staging.open_file(entry, false).and_then(|file| fs4::FileExt::allocated_size(&file)).unwrap_or(0)
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

    pub fn claim(&self, piece: PieceIndex) -> Arc<Claim> {
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

    /// Gives a large file that nothing is had of the content of another file. Its pieces are had when they were checked.
    pub fn fill_by_clone(&self, entry: usize, size: u64, from: &File) -> io::Result<()> {
        let to = self.staging.open_file(entry, true)?;
        self.staging.disk.clone_file(from, &to, &self.staging.path(entry))?;
        if to.metadata()?.len() == size { Ok(()) } else { to.set_len(size) }
    }

    /// A piece's bytes are written and right.
    pub fn has(&self, piece: PieceIndex) {
        // In this order: whoever sees the piece as had sees its files as unsynced, or has synced them after the last write.
        locked(&self.unsynced).extend(self.staging.share.pieces().spans(piece).map(|span| span.entry));
        locked(&self.had).insert(piece);
    }

    /// The piece's bytes begin to go to the disk, and nobody waits for it. So the disk works while the network does, and
    /// syncing the whole finds little left to do.
    pub fn write_back(&self, piece: PieceIndex) {
        for span in self.staging.share.pieces().spans(piece).filter(|span| self.is_large(span.entry)) {
            if let Some(file) = self.open.get(span.entry) {
                self.staging.disk.write_back(&file, span.offset, span.len);
            }
        }
    }

    /// An error if the piece was lost again.
    pub fn still_has(&self, piece: PieceIndex) -> Result<(), DiskError> {
        if locked(&self.had).contains(piece) {
            return Ok(());
        }
        Err(DiskError::Changed { path: self.staging.into.clone() })
    }

    /// A piece is wanted again. Who still writes it as had is told at the end.
    pub fn lose(&self, piece: PieceIndex) {
        locked(&self.had).remove(piece);
        locked(&self.claims).remove(&piece.get());
    }

    /// Reads a piece that is had.
    pub fn reader(self: &Arc<Self>, piece: PieceIndex) -> Result<PieceReader, ReadError> {
        if !locked(&self.had).contains(piece) {
            return Err(ReadError::Missing);
        }
        let spans = self.staging.share.pieces().spans(piece).collect();
        Ok(PieceReader::new(self.clone(), spans))
    }

    // ---- Saving.

    pub fn write_note(&self) -> Result<(), DiskError> {
        self.write_note_of(locked(&self.had).as_bytes().to_vec())
    }

    fn write_note_of(&self, had: Vec<u8>) -> Result<(), DiskError> {
        let staging = &self.staging;
        let mut map =
            HaveMap::new(staging.share.id(), &staging.into, staging.folder_id(), staging.case_counts, staging.tops());
        map.had = had;
        self.note.save(&map)
    }

    pub fn save(&self) -> Result<(), DiskError> {
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

    /// Syncs what was written and closes all files.
    pub fn settle(&self) -> Result<(), DiskError> {
        let _saving = locked(&self.saving);
        self.sync()?;
        self.open.clear();
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
            files.iter().try_for_each(|entry| self.sync_one(*entry)).and_then(|()| self.sync_names())
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

    /// Folders and large files are made at the beginning; where their names were not synced, their bytes are nowhere.
    fn sync_names(&self) -> io::Result<()> {
        if !self.named.load(Ordering::Acquire) {
            self.staging.sync_folders()?;
            self.named.store(true, Ordering::Release);
        }
        Ok(())
    }

    fn sync_one(&self, entry: usize) -> io::Result<()> {
        let file = match self.open.get(entry) {
            Some(file) => file,
            None => Arc::new(self.staging.open_file(entry, true)?),
        };
        self.staging.disk.sync_file(&file, &self.staging.path(entry))
    }

    /// Removes what was made, and then the note of it.
    pub fn discard(&self) -> Result<(), DiskError> {
        self.open.clear();
        self.staging.remove_all()?;
        self.note.remove()
    }

    // ---- Finishing.

    pub fn finish(&self) -> Result<Sources, DiskError> {
        let mut saved = locked(&self.saving);
        let had = locked(&self.had).clone();
        if !had.is_full() {
            let missing = had.len() - had.count();
            return Err(DiskError::Incomplete { folder: self.staging.into.clone(), missing });
        }
        let mut stamps = vec![];
        if !self.staging.tops().iter().all(|top| top.placed) {
            stamps = self.complete_files()?;
            self.sync()?;
            self.open.clear();
            self.staging.place_tops(|| self.write_note())?;
            self.staging.sync_top()?;
            *saved = Some(had.as_bytes().to_vec());
        }
        self.sources(&stamps)
    }

    /// Makes the empty files, sets the times of what got none yet, and looks that everything is there. Returns how each
    /// file looks then.
    fn complete_files(&self) -> Result<Vec<Option<FileStamp>>, DiskError> {
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
        let stamps = (0..manifest.entries.len()).map(|entry| self.stamp_of(entry)).collect::<Result<_, _>>()?;
        self.staging.set_folder_times();
        Ok(stamps)
    }

    /// How an entry looks, `None` for a folder; an error where it is not there with its full length.
    fn stamp_of(&self, entry: usize) -> Result<Option<FileStamp>, DiskError> {
        let changed = || DiskError::Changed { path: self.staging.into.join(self.staging.path(entry)) };
        let seen = self.staging.look(entry).map_err(|_| changed())?;
        match self.staging.share.manifest().entries[entry].kind {
            EntryKind::Folder => Ok(None),
            EntryKind::File { size, .. } if seen.stamp.size == size => Ok(Some(seen.stamp)),
            EntryKind::File { .. } => Err(changed()),
        }
    }

    /// Where the entries are. `stamps`: how they looked just before they got their final names. Getting one changes
    /// nothing of the files inside a folder; what stands at the top is looked at again.
    fn sources(&self, stamps: &[Option<FileStamp>]) -> Result<Sources, DiskError> {
        let mut sources = Sources::new();
        let root = sources.add_root(&self.staging.into);
        for entry in 0..self.staging.share.manifest().entries.len() {
            let inside = self.staging.names.parent(entry).is_some();
            let stamp = match stamps.get(entry) {
                Some(stamp) if inside => *stamp,
                _ => self.stamp_of(entry)?,
            };
            sources.push(root, &self.staging.path(entry), stamp);
        }
        Ok(sources)
    }
}

impl Open for Filling {
    fn open(&self, entry: usize) -> Result<OpenFile, ReadError> {
        if let Some(file) = self.open.get(entry) {
            return Ok(OpenFile::Disk(file));
        }
        // A large file is kept open, and since a writer may find it there, for writing too.
        if self.is_large(entry)
            && let Ok(file) = self.staging.open_file(entry, true)
        {
            let file = Arc::new(file);
            self.open.keep(entry, &file);
            return Ok(OpenFile::Disk(file));
        }
        let opened = self.staging.open_file(entry, false);
        opened
            .map(|file| OpenFile::Disk(Arc::new(file)))
            .map_err(|error| ReadError::of(Open::path(self, entry), &error))
    }

    fn check(&self, _: usize, _: &OpenFile) -> Result<(), ReadError> {
        Ok(())
    }

    fn path(&self, entry: usize) -> PathBuf {
        self.staging.into.join(self.staging.path(entry))
    }
}
