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
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    Checking, Complete, Verdict,
    disk::Disk,
    disk_error::DiskError,
    filling::Filling,
    have_map::HaveFile,
    piece_reader::{PieceReader, ReadError},
    piece_writer::PieceWriter,
    resume,
    reuse::{self, Reused},
    sources::Sources,
    staging::Staging,
};
use crate::share::{Bitmap, PieceIndex, Share, ShareId};

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

impl Partial {
    /// Begins to fill a share in the folder `into`, which must be there. If the share stands there complete already, under
    /// its own or a numbered name, that is told and nothing is made. A download that was begun for the same folder
    /// goes on; one that was begun for another is discarded. `state`: the folder for notes.
    pub fn create(share: Arc<Share>, into: &Path, state: &Path) -> Result<Opened, DiskError> {
        Self::create_on(Disk::default(), share, into, state, &Checking::default())
    }

    /// [`Partial::create`] on a disk of the caller's, who can look how much was read, and end that.
    pub fn create_on(
        disk: Disk,
        share: Arc<Share>,
        into: &Path,
        state: &Path,
        watch: &Checking,
    ) -> Result<Opened, DiskError> {
        let into = &std::path::absolute(into).map_err(|error| DiskError::of(into, "found", &error))?;
        let note = HaveFile::new(disk.clone(), state, share.id());
        if let Some(map) = note.load()? {
            if map.goes_into().as_deref() == Some(into.as_path()) {
                return resume::resume(disk, share, note, map, watch);
            }
            resume::discard_noted(disk.clone(), share.clone(), &note, map);
        }
        let mut staging = Staging::open(share.clone(), disk, into)?;
        staging.learn_case()?;
        if let Some(sources) = resume::find_here(&staging, watch) {
            return Ok(Opened::Complete(sources));
        }
        let filling = Filling::new(staging, note, Bitmap::empty(share.pieces()));
        match filling.make_all() {
            Ok(()) => Ok(Opened::Filling(Partial::of(Arc::new(filling)))),
            Err(error) => {
                // As little as possible is left behind; the error that a person has to know of is the first.
                let _ = filling.discard();
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
            Some(map) => resume::resume(disk, share, note, map, &Checking::default()).map(Some),
            None => Ok(None),
        }
    }

    pub(super) fn of(filling: Arc<Filling>) -> Partial {
        Partial { filling }
    }

    pub(super) fn filling(&self) -> &Filling {
        &self.filling
    }

    /// The pieces that are on the disk and right.
    pub fn had(&self) -> Bitmap {
        self.filling.had()
    }

    /// Looks for pieces that are on the disk although the note lacks them. For the start of a program that may have been
    /// killed; not after a failed sync, when what is read may not be on the disk.
    pub fn find_unnoted(&self, watch: &Checking) {
        resume::find_unnoted(&self.filling, watch);
    }

    /// Fills what is missing from the files of other shares, as far as they have it. Nothing may be written to this
    /// download meanwhile.
    pub fn take_from(&self, others: &[Arc<Complete>], watch: &Checking) -> Result<Reused, DiskError> {
        reuse::take(&self.filling, others, watch)
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
        self.filling.reader(piece)
    }

    /// Reads every piece that is had again, on all cores; those that are wrong are wanted again. Called off, it takes
    /// what it did not come to for right.
    pub fn verify_all(&self, watch: &Checking) -> Verdict {
        resume::verify_all(&self.filling, watch)
    }

    /// A piece that was had turned out to be wrong: it is wanted again.
    pub fn lose(&self, piece: PieceIndex) {
        self.filling.lose(piece);
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
        self.filling.discard()
    }
}

/// Removes the note of a download. To be called once its outcome is kept elsewhere.
pub fn forget(state: &Path, share: ShareId) -> Result<(), DiskError> {
    HaveFile::new(Disk::default(), state, share).remove()
}
