//! Taking what is on this disk already: bytes of a new share that lie in the files of other shares are copied, not fetched.
//!
//! There is no index to keep in step: what is held is in memory anyway, to be given out, and its manifests and piece hashes
//! say what lies where. Bytes are found in three ways.
//!
//! 1. *The same file*, under whatever name: its root is the same.
//! 2. *The same place in an older version*: a piece's chaining value is bound to the piece's place in its file, so an equal
//!    value is equal bytes at the same place. That finds what stands before an edit, and everything around bytes that were
//!    changed where they stood.
//! 3. *The same distance from the end of an older version*: whatever is put in or cut out moves the rest by the difference
//!    of the lengths. Pieces are tried from the file's end on, until two in a row are wrong.
//!
//! An older version is a file that shares a piece, or one with the same path. Cutting files by their content would find
//! more only where a file was changed in several places by different lengths at once; `docs/DISK.md` has the figures.
//!
//! Other files may have changed since they were read, so every byte goes the way of bytes from a stranger: hashed while it
//! is written, and had only if it was right. Where the file system can share blocks between files, a whole file is cloned
//! first, and read from its clone.

use std::{
    collections::{BTreeMap, HashMap},
    io,
    sync::{Arc, atomic::Ordering},
};

use super::{
    Checking, Complete,
    disk_error::DiskError,
    filling::Filling,
    parallel,
    piece_writer::{PieceError, PieceWriter},
    resume,
};
use crate::share::{Bitmap, EntryKind, PieceIndex, Root, Share, SharePath, Span};

/// One step of copying; it stays in the processor's cache.
const STEP: usize = 128 << 10;
/// So many wrong pieces in a row end the search in an older version: the place of an edit is reached.
const WRONG_MAX: u32 = 2;

/// What needed no fetching.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reused {
    /// Files that are whole because of it.
    pub files: u32,
    pub bytes: u64,
}

impl Reused {
    pub fn add(&mut self, more: Reused) {
        self.files += more.files;
        self.bytes += more.bytes;
    }
}

/// A file of another share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Origin {
    /// Which of the others.
    other: usize,
    entry: usize,
}

/// Where the missing bytes of a share lie, as far as manifests tell.
#[derive(Default)]
struct Plan {
    /// By entry: a file with the same content.
    same_file: HashMap<usize, Origin>,
    /// By piece: a file with the same bytes at the same place.
    same_place: HashMap<u32, Origin>,
    /// By large entry without such a file: an older version of it.
    older: BTreeMap<usize, Origin>,
}

/// Fills the pieces that are missing from other shares, as far as these have them.
pub(super) fn take(filling: &Arc<Filling>, others: &[Arc<Complete>], watch: &Checking) -> Result<Reused, DiskError> {
    let before = filling.had();
    let taking = Taking { filling, share: &filling.staging.share, others, watch };
    let plan = taking.plan(&before);
    if plan.same_file.is_empty() && plan.same_place.is_empty() && plan.older.is_empty() {
        return Ok(Reused::default());
    }
    taking.clone_files(&plan);
    taking.copy_known(&plan)?;
    taking.copy_from_ends(&plan)?;
    Ok(taking.reused(&before))
}

struct Taking<'a> {
    filling: &'a Arc<Filling>,
    share: &'a Arc<Share>,
    others: &'a [Arc<Complete>],
    watch: &'a Checking,
}

impl Taking<'_> {
    fn missing(&self, had: &Bitmap) -> Vec<PieceIndex> {
        self.share.pieces().iter().filter(|piece| !had.contains(*piece)).collect()
    }

    fn plan(&self, had: &Bitmap) -> Plan {
        let mut plan = Plan::default();
        let missing = self.missing(had);
        self.find_same_files(&missing, &mut plan);
        self.find_older(&missing, &mut plan);
        plan
    }

    fn find_same_files(&self, missing: &[PieceIndex], plan: &mut Plan) {
        let mut wanted: HashMap<Root, Vec<usize>> = HashMap::new();
        for span in missing.iter().flat_map(|piece| self.share.pieces().spans(*piece)) {
            if let EntryKind::File { root, .. } = self.share.manifest().entries[span.entry].kind {
                let entries = wanted.entry(root).or_default();
                if entries.last() != Some(&span.entry) {
                    entries.push(span.entry);
                }
            }
        }
        for (other, complete) in self.others.iter().enumerate() {
            for (entry, of) in complete.share().manifest().entries.iter().enumerate() {
                let EntryKind::File { root, .. } = of.kind else { continue };
                if wanted.contains_key(&root)
                    && complete.is_unchanged(entry)
                    && let Some(same) = wanted.remove(&root)
                {
                    plan.same_file.extend(same.into_iter().map(|wanted| (wanted, Origin { other, entry })));
                }
            }
        }
    }

    /// Finds older versions of large files, and the pieces that are known to be in them.
    fn find_older(&self, missing: &[PieceIndex], plan: &mut Plan) {
        let mut values: HashMap<[u8; 32], Vec<(u32, usize)>> = HashMap::new();
        let mut paths: HashMap<&SharePath, usize> = HashMap::new();
        for piece in missing {
            let Some(index) = self.share.pieces().index_in_file(*piece) else { continue };
            let Some(span) = self.share.pieces().spans(*piece).next() else { continue };
            let Some(hashes) = self.share.hashes().of_entry(span.entry) else { continue };
            if !plan.same_file.contains_key(&span.entry)
                && let Some(value) = hashes.values().get(index as usize)
            {
                values.entry(*value).or_default().push((piece.get(), span.entry));
                paths.insert(&self.share.manifest().entries[span.entry].path, span.entry);
            }
        }
        if values.is_empty() {
            return;
        }
        for (other, complete) in self.others.iter().enumerate() {
            for (entry, of) in complete.share().manifest().entries.iter().enumerate() {
                let origin = Origin { other, entry };
                let known = self.known_values(complete, entry);
                let mut shares_a_piece = false;
                for (piece, wanted) in known.iter().filter_map(|value| values.get(value)).flatten() {
                    shares_a_piece = true;
                    plan.same_place.entry(*piece).or_insert(origin);
                    plan.older.entry(*wanted).or_insert(origin);
                }
                if !shares_a_piece
                    && of.kind.size() > 0
                    && let Some(wanted) = paths.get(&of.path)
                {
                    plan.older.entry(*wanted).or_insert(origin);
                }
            }
        }
    }

    /// The chaining values of another share's file for pieces of our length.
    fn known_values(&self, complete: &Complete, entry: usize) -> Vec<[u8; 32]> {
        let share = complete.share();
        let hashes = share.hashes().of_entry(entry);
        let coarser = hashes
            .and_then(|hashes| hashes.for_longer_pieces(share.manifest().piece_len, self.share.manifest().piece_len));
        coarser.unwrap_or_default()
    }

    /// Lets whole files share their blocks with what they are copies of. What that does not do is copied afterwards.
    fn clone_files(&self, plan: &Plan) {
        let large = self.share.manifest().large_files().map(|(entry, size, _)| (entry, size));
        for (entry, size) in large {
            let origin = plan.same_file.get(&entry).or_else(|| plan.older.get(&entry));
            let Some(origin) = origin.filter(|_| self.nothing_had_of(entry)) else { continue };
            let Some(from) = self.others.get(origin.other).and_then(|other| other.open_file(origin.entry)) else {
                continue;
            };
            match self.filling.fill_by_clone(entry, size, &from) {
                Ok(()) => self.keep_right_of(entry),
                // A file system without clones does no other file either.
                Err(error) if error.kind() == io::ErrorKind::Unsupported => return,
                Err(_) => {}
            }
        }
    }

    fn nothing_had_of(&self, entry: usize) -> bool {
        let (pieces, had) = (self.share.pieces(), self.filling.had());
        let mut numbers = pieces.of_entry(entry);
        numbers.all(|number| pieces.index(number).is_some_and(|piece| !had.contains(piece)))
    }

    fn keep_right_of(&self, entry: usize) {
        let pieces = self.share.pieces();
        let all: Vec<PieceIndex> = pieces.of_entry(entry).filter_map(|number| pieces.index(number)).collect();
        for piece in resume::right_pieces(self.filling, all, resume::Zeros::AreContent, self.watch) {
            self.filling.has(piece);
        }
    }

    /// Copies the pieces that manifests tell of, on all cores.
    fn copy_known(&self, plan: &Plan) -> Result<(), DiskError> {
        let from = |piece: PieceIndex, span: Span| {
            let same_place = || plan.same_place.get(&piece.get());
            Some((*plan.same_file.get(&span.entry).or_else(same_place)?, span.offset))
        };
        let is_known = |piece: &PieceIndex| self.share.pieces().spans(*piece).all(|span| from(*piece, span).is_some());
        let known: Vec<PieceIndex> = self.missing(&self.filling.had()).into_iter().filter(is_known).collect();
        parallel::for_each(
            self.watch.effort,
            known.len(),
            &self.watch.cancel,
            || vec![0; STEP],
            |job, buffer| self.copy(known[job], |span| from(known[job], span), buffer).map(drop),
        )
    }

    /// Copies what lies as far from the end of an older version as it does in the new one; several files at once.
    fn copy_from_ends(&self, plan: &Plan) -> Result<(), DiskError> {
        let older: Vec<(usize, Origin)> = plan.older.iter().map(|(entry, origin)| (*entry, *origin)).collect();
        parallel::for_each(
            self.watch.effort,
            older.len(),
            &self.watch.cancel,
            || vec![0; STEP],
            |job, buffer| {
                let (entry, origin) = older[job];
                self.copy_from_end(entry, origin, buffer)
            },
        )
    }

    fn copy_from_end(&self, entry: usize, origin: Origin, buffer: &mut [u8]) -> Result<(), DiskError> {
        let size = |share: &Share, entry: usize| share.manifest().entries.get(entry).map_or(0, |of| of.kind.size());
        let Some(other) = self.others.get(origin.other) else { return Ok(()) };
        let (new, old) = (size(self.share, entry), size(other.share(), origin.entry));
        let (pieces, had) = (self.share.pieces(), self.filling.had());
        let mut wrong = 0;
        for piece in pieces.of_entry(entry).rev().filter_map(|number| pieces.index(number)) {
            if had.contains(piece) {
                continue;
            }
            let from = |span: Span| {
                // The bytes before the old file's beginning are new.
                let from_end = new - span.offset;
                old.checked_sub(from_end).map(|offset| (origin, offset))
            };
            wrong = if self.copy(piece, from, buffer)? { 0 } else { wrong + 1 };
            if wrong >= WRONG_MAX || self.watch.cancel.load(Ordering::Relaxed) {
                break;
            }
        }
        Ok(())
    }

    /// Copies one piece; tells whether it was there and right. `from`: where each run of it begins in which file.
    fn copy(
        &self,
        piece: PieceIndex,
        from: impl Fn(Span) -> Option<(Origin, u64)>,
        buffer: &mut [u8],
    ) -> Result<bool, DiskError> {
        let mut writer = PieceWriter::new(self.filling.clone(), self.share, piece, self.filling.claim(piece));
        for span in self.share.pieces().spans(piece) {
            let Some((origin, offset)) = from(span) else { return Ok(false) };
            let Some(other) = self.others.get(origin.other) else { return Ok(false) };
            let mut reader = other.read(Span { entry: origin.entry, offset, len: span.len });
            loop {
                match reader.read(buffer) {
                    Ok(0) => break,
                    Ok(read) => {
                        writer.write(&buffer[..read])?;
                        self.watch.bytes.fetch_add(read as u64, Ordering::Relaxed);
                    }
                    // It was changed or is gone: then it is fetched.
                    Err(_) => return Ok(false),
                }
            }
        }
        match writer.finish() {
            Ok(()) => Ok(true),
            Err(PieceError::Wrong(_)) => Ok(false),
            Err(PieceError::Disk(error)) => Err(error),
        }
    }

    /// What came since `before`.
    fn reused(&self, before: &Bitmap) -> Reused {
        let (pieces, had) = (self.share.pieces(), self.filling.had());
        let taken: Vec<PieceIndex> = had.iter(pieces).filter(|piece| !before.contains(*piece)).collect();
        let bytes = taken.iter().map(|piece| u64::from(pieces.len(*piece))).sum();
        let is_had = |number| pieces.index(number).is_some_and(|piece| had.contains(piece));
        let mut entries: Vec<usize> =
            taken.iter().flat_map(|piece| pieces.spans(*piece).map(|span| span.entry)).collect();
        entries.dedup();
        let files = entries.into_iter().filter(|entry| pieces.of_entry(*entry).all(is_had)).count() as u32;
        Reused { files, bytes }
    }
}
