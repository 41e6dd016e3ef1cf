//! Writes one piece's bytes as they come, checks them on the way, and tells that the piece is had only if they were right.
//!
//! Two writers can have the same piece at once, when its last bytes are asked of two peers. Then the first writes to the
//! disk and the other keeps its bytes in memory until they proved right; once either is done, nothing of the piece is
//! written again. So bytes that turn out wrong can never lie over a piece that is had.

use std::{
    fs::File,
    sync::{Arc, Mutex},
};

use super::{disk, disk_error::DiskError, filling::Filling, locked};
use crate::share::{EntryKind, PieceIndex, PieceVerifier, Share, Span, WrongContent};

/// Why a piece did not get onto the disk.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PieceError {
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// What came is not what the publisher signed; nothing of it counts.
    #[error(transparent)]
    Wrong(#[from] WrongContent),
}

/// What the writers of one piece share.
pub(super) struct Claim(Mutex<ClaimState>);

struct ClaimState {
    /// Whether somebody writes to the disk as it comes.
    written_to: bool,
    /// Whether the piece is on the disk and right.
    done: bool,
}

impl Claim {
    /// `done`: whether the piece is had already.
    pub fn new(done: bool) -> Claim {
        Claim(Mutex::new(ClaimState { written_to: false, done }))
    }
}

/// Takes one piece's bytes, in order from its first byte.
pub struct PieceWriter {
    filling: Arc<Filling>,
    piece: PieceIndex,
    /// Taken when the piece is finished.
    verifier: Option<PieceVerifier>,
    claim: Arc<Claim>,
    way: Way,
}

/// Where bytes go before they have proved right.
enum Way {
    /// To the disk.
    Through(SpanWriter),
    /// Into memory, since another writer has the place on the disk.
    Aside(Vec<u8>),
}

impl PieceWriter {
    pub(super) fn new(filling: Arc<Filling>, share: &Arc<Share>, piece: PieceIndex, claim: Arc<Claim>) -> PieceWriter {
        let first = {
            let mut state = locked(&claim.0);
            let first = !state.written_to && !state.done;
            state.written_to |= first;
            first
        };
        let way = if first { Way::Through(SpanWriter::new(share, piece)) } else { Way::Aside(vec![]) };
        PieceWriter { filling, piece, verifier: Some(PieceVerifier::new(share, piece)), claim, way }
    }

    /// Takes the next bytes. What is wrong with them is told by [`PieceWriter::finish`]; bytes past the piece's end are not
    /// written.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), DiskError> {
        if let Some(verifier) = &mut self.verifier {
            verifier.update(bytes);
        }
        match &mut self.way {
            Way::Through(spans) => {
                let state = locked(&self.claim.0);
                if state.done { Ok(()) } else { spans.write(&self.filling, bytes) }
            }
            Way::Aside(kept) => {
                let room = (self.filling.piece_len() as usize).saturating_sub(kept.len());
                kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
                Ok(())
            }
        }
    }

    /// Checks that every byte came and was right; from then on the piece is had. Without this (or after an error) it is
    /// not, whatever was written.
    pub fn finish(mut self) -> Result<(), PieceError> {
        self.verifier.take().map_or(Ok(()), PieceVerifier::finish)?;
        let mut state = locked(&self.claim.0);
        if state.done {
            // Another writer was first; unless the piece was lost since, it is had.
            return self.filling.still_has(self.piece).map_err(PieceError::Disk);
        }
        match &mut self.way {
            Way::Through(spans) => spans.close(&self.filling),
            Way::Aside(kept) => {
                let mut spans = SpanWriter::new(&self.filling.staging.share, self.piece);
                spans.write(&self.filling, kept)?;
                spans.close(&self.filling);
            }
        }
        state.done = true;
        self.filling.has(self.piece);
        drop(state);
        self.filling.write_back(self.piece);
        Ok(())
    }
}

/// The next writer may write through: what this one wrote did not prove right, or did.
impl Drop for PieceWriter {
    fn drop(&mut self) {
        if matches!(self.way, Way::Through(_)) {
            locked(&self.claim.0).written_to = false;
        }
    }
}

/// Puts a piece's bytes where they belong.
struct SpanWriter {
    spans: Vec<Span>,
    /// The run that the next byte belongs to, and how many of its bytes are written.
    at: usize,
    done: u32,
    file: Option<Arc<File>>,
}

impl SpanWriter {
    fn new(share: &Share, piece: PieceIndex) -> SpanWriter {
        SpanWriter { spans: share.pieces().spans(piece).collect(), at: 0, done: 0, file: None }
    }

    fn write(&mut self, filling: &Filling, mut bytes: &[u8]) -> Result<(), DiskError> {
        while !bytes.is_empty() {
            let Some(span) = self.spans.get(self.at).copied() else { return Ok(()) };
            let file = match &self.file {
                Some(file) => file.clone(),
                None => self.file.insert(filling.open_to_fill(span.entry)?).clone(),
            };
            let (part, rest) = bytes.split_at(bytes.len().min((span.len - self.done) as usize));
            filling.write_at(&file, span.entry, part, span.offset + u64::from(self.done))?;
            bytes = rest;
            self.done += part.len() as u32;
            if self.done == span.len {
                self.close(filling);
                (self.at, self.done) = (self.at + 1, 0);
            }
        }
        Ok(())
    }

    /// Lets go of a file. A small one is whole then and gets its time, so that nobody has to open it again for that; a
    /// large one gets it when the share is.
    fn close(&mut self, filling: &Filling) {
        if let (Some(file), Some(span)) = (self.file.take(), self.spans.get(self.at)) {
            let entry = &filling.staging.share.manifest().entries[span.entry];
            if entry.kind.size() == u64::from(span.len) && matches!(entry.kind, EntryKind::File { .. }) {
                disk::set_file_time(&file, entry.modified);
            }
        }
    }
}
