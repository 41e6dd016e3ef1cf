//! How a share's bytes are cut into pieces, and which bytes of which files a piece is.
//!
//! A file of more than one piece length is cut into *subtree pieces*, each with a BLAKE3 chaining value that merges up
//! to the file's root. All other files are packed, whole and in manifest order, into *bundle pieces* of at most one piece
//! length, and each is checked against its own root (so a file of exactly one piece length is a bundle of one). Subtree
//! pieces come first, in manifest order, then bundles. Empty files and folders have no piece.

use super::Manifest;

/// The length of a full piece: a power of two from 256 KiB to 16 MiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PieceLen(u8);

/// A piece of one share. Only [`Pieces`] makes one, so a number from the wire is checked once, at the border.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PieceIndex(u32);

/// A run of bytes of one file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Index into [`Manifest::entries`].
    pub entry: usize,
    /// Where in the file it begins, in bytes.
    pub offset: u64,
    /// Bytes.
    pub len: u32,
}

/// The cutting of one share.
#[derive(Clone, Debug)]
pub struct Pieces {}

impl PieceLen {
    pub const MIN: PieceLen = PieceLen(18);
    pub const MAX: PieceLen = PieceLen(24);

    /// The smallest length that cuts `share_size` bytes into some 16,000 pieces at most; for larger shares [`PieceLen::MAX`].
    pub fn for_size(share_size: u64) -> PieceLen {
        let _ = share_size;
        todo!()
    }

    /// From its base-2 logarithm, as it stands in a manifest.
    pub fn from_log2(log2: u8) -> Option<PieceLen> {
        (Self::MIN.0..=Self::MAX.0).contains(&log2).then_some(PieceLen(log2))
    }

    pub fn log2(self) -> u8 {
        self.0
    }

    pub fn bytes(self) -> u32 {
        1 << self.0
    }
}

impl PieceIndex {
    pub fn get(self) -> u32 {
        self.0
    }
}

impl Pieces {
    pub fn of(manifest: &Manifest) -> Pieces {
        let _ = manifest;
        todo!()
    }

    /// How many pieces there are; 0 for a share of empty files and folders.
    pub fn count(&self) -> u32 {
        todo!()
    }

    /// A checked index, or `None` where there is no such piece.
    pub fn index(&self, number: u32) -> Option<PieceIndex> {
        (number < self.count()).then_some(PieceIndex(number))
    }

    /// All pieces in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = PieceIndex> + use<> {
        (0..self.count()).map(PieceIndex)
    }

    /// Bytes of a piece.
    pub fn len(&self, piece: PieceIndex) -> u32 {
        let _ = piece;
        todo!()
    }

    /// The runs of bytes a piece consists of, in order.
    pub fn spans(&self, piece: PieceIndex) -> impl Iterator<Item = Span> + '_ {
        let _ = piece;
        std::iter::empty()
    }

    /// The pieces that hold bytes of an entry, as a range of piece numbers (empty for folders and empty files).
    pub fn of_entry(&self, entry: usize) -> std::ops::Range<u32> {
        let _ = entry;
        todo!()
    }
}
