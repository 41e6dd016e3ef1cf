//! How a share's bytes are cut into pieces, and which bytes of which files a piece is.
//!
//! A file of more than one piece length is cut into *subtree pieces*, each with a BLAKE3 chaining value that merges up
//! to the file's root. All other files are packed, whole and in manifest order, into *bundle pieces* of at most one piece
//! length, and each is checked against its own root (so a file of exactly one piece length is a bundle of one). Subtree
//! pieces come first, in manifest order, then bundles. Empty files and folders have no piece.

use std::ops::Range;

use super::{EntryKind, FileHashes, Manifest};

/// The length of a full piece: a power of two from 128 KiB to 16 MiB.
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

/// The cutting of one share. Memory: 24 bytes a large file, 8 a small one, 8 a bundle; none for a single piece.
#[derive(Clone, Debug)]
pub struct Pieces {
    piece_len: PieceLen,
    count: u32,
    /// Files cut into subtree pieces, in order of their first piece.
    large: Vec<LargeFile>,
    /// Files packed into bundles, in manifest order: entry and bytes.
    small: Vec<(u32, u32)>,
    /// For each bundle, where its files begin in `small`; it ends where the next begins.
    bundles: Vec<u32>,
}

#[derive(Clone, Copy, Debug)]
struct LargeFile {
    entry: u32,
    first_piece: u32,
    size: u64,
}

impl PieceLen {
    /// [`PieceLen::MIN`]'s base-2 logarithm.
    pub const MIN_LOG2: u8 = 17;
    pub const MIN: PieceLen = PieceLen(Self::MIN_LOG2);
    pub const MAX: PieceLen = PieceLen(24);
    /// What the choice of a length aims at: the bitmap stays at 2 KiB, the chaining values at 512 KiB.
    const PIECES_AIM: u64 = 16_384;

    /// The smallest length from 1 MiB on that cuts `share_size` bytes into some 16,000 pieces at most, and for larger
    /// shares [`PieceLen::MAX`]. Up to 1 GiB pieces are smaller, so that a room of computers has enough of them to pass
    /// on to each other, and the first ones soon: 100 MiB in pieces of 1 MiB take a room of eight 8 % longer
    /// (`tests/sim`), in pieces of 256 KiB 3 % (`docs/SPEED.md`).
    pub fn for_size(share_size: u64) -> PieceLen {
        let smaller = [(128 << 20, 17), (256 << 20, 18), (1 << 30, 19)];
        if let Some((_, log2)) = smaller.into_iter().find(|(less_than, _)| share_size < *less_than) {
            return PieceLen(log2);
        }
        (20..Self::MAX.0).map(PieceLen).find(|len| share_size >> len.0 <= Self::PIECES_AIM).unwrap_or(Self::MAX)
    }

    /// The shortest that a share of this size may have. What is needed to check it (32 bytes a piece) has to be held in
    /// memory, so a stranger may not ask for more of that than [`PieceLen::for_size`] would by far: 2 MiB, and 32 bytes for
    /// each of the longest pieces.
    pub fn least_for(share_size: u64) -> PieceLen {
        let fits = |len: &PieceLen| share_size >> len.0 <= 4 * Self::PIECES_AIM;
        (Self::MIN.0..Self::MAX.0).map(PieceLen).find(fits).unwrap_or(Self::MAX)
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
        let mut pieces = Pieces::none(manifest.piece_len);
        let mut bundle_bytes = 0;
        for (entry, kind) in (0..).zip(manifest.entries.iter().map(|entry| entry.kind)) {
            match kind {
                EntryKind::File { size, .. } if size > u64::from(manifest.piece_len.bytes()) => {
                    pieces.add_large(entry, size);
                }
                EntryKind::File { size: 1.., .. } => pieces.add_small(entry, kind, &mut bundle_bytes),
                EntryKind::File { .. } | EntryKind::Folder => {}
            }
        }
        pieces.count += pieces.bundles.len() as u32;
        pieces
    }

    /// The pieces of a share of one file with this many bytes.
    pub fn of_one_file(size: u64, piece_len: PieceLen) -> Pieces {
        let mut pieces = Pieces::none(piece_len);
        if size > u64::from(piece_len.bytes()) {
            pieces.add_large(0, size);
        } else if size > 0 {
            pieces.small.push((0, size as u32));
            pieces.bundles.push(0);
            pieces.count = 1;
        }
        pieces
    }

    fn none(piece_len: PieceLen) -> Pieces {
        Pieces { piece_len, count: 0, large: vec![], small: vec![], bundles: vec![] }
    }

    fn add_large(&mut self, entry: u32, size: u64) {
        self.large.push(LargeFile { entry, first_piece: self.count, size });
        // The manifest's limits keep the sum far below 2^32: see `Manifest::parse`.
        self.count += FileHashes::pieces_of(size, self.piece_len) as u32;
    }

    fn add_small(&mut self, entry: u32, kind: EntryKind, bundle_bytes: &mut u32) {
        let EntryKind::File { size, .. } = kind else { return };
        let size = size as u32;
        if self.bundles.is_empty() || *bundle_bytes + size > self.piece_len.bytes() {
            self.bundles.push(self.small.len() as u32);
            *bundle_bytes = 0;
        }
        self.small.push((entry, size));
        *bundle_bytes += size;
    }

    /// How many pieces there are; 0 for a share of empty files and folders.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// A checked index, or `None` where there is no such piece.
    pub fn index(&self, number: u32) -> Option<PieceIndex> {
        (number < self.count).then_some(PieceIndex(number))
    }

    /// All pieces in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = PieceIndex> + use<> {
        // A `Range` of `u32` is not `ExactSizeIterator` on 16-bit systems, so the length is spelled in `usize`.
        (0..self.count as usize).map(|number| PieceIndex(number as u32))
    }

    /// Bytes of a piece.
    pub fn len(&self, piece: PieceIndex) -> u32 {
        self.spans(piece).map(|span| span.len).sum()
    }

    /// The runs of bytes a piece consists of, in order.
    pub fn spans(&self, piece: PieceIndex) -> impl Iterator<Item = Span> + '_ {
        let subtree = self.large_at(piece).map(|(file, index)| {
            let offset = u64::from(index) << self.piece_len.0;
            let len = (file.size - offset).min(u64::from(self.piece_len.bytes())) as u32;
            Span { entry: file.entry as usize, offset, len }
        });
        let bundled = &self.small[self.bundle_at(piece)];
        let bundle = bundled.iter().map(|&(entry, len)| Span { entry: entry as usize, offset: 0, len });
        subtree.into_iter().chain(bundle)
    }

    /// Of a subtree piece, which of its file's pieces it is; `None` for a bundle.
    pub fn index_in_file(&self, piece: PieceIndex) -> Option<u32> {
        self.large_at(piece).map(|(_, index)| index)
    }

    /// The numbers of the pieces that hold bytes of an entry; empty for folders and empty files.
    pub fn of_entry(&self, entry: usize) -> Range<u32> {
        let entry = entry as u32;
        if let Ok(at) = self.large.binary_search_by_key(&entry, |file| file.entry) {
            let file = self.large[at];
            return file.first_piece..file.first_piece + FileHashes::pieces_of(file.size, self.piece_len) as u32;
        }
        let Ok(at) = self.small.binary_search_by_key(&entry, |(entry, _)| *entry) else { return 0..0 };
        let bundle = self.bundles.partition_point(|first| *first as usize <= at) as u32 - 1;
        let piece = self.first_bundle() + bundle;
        piece..piece + 1
    }

    /// The large file a piece belongs to, and which of its pieces it is.
    fn large_at(&self, piece: PieceIndex) -> Option<(LargeFile, u32)> {
        if piece.0 >= self.first_bundle() {
            return None;
        }
        let file = self.large[self.large.partition_point(|file| file.first_piece <= piece.0) - 1];
        Some((file, piece.0 - file.first_piece))
    }

    /// Where in `small` the files of a bundle are; empty for a subtree piece.
    fn bundle_at(&self, piece: PieceIndex) -> Range<usize> {
        let Some(bundle) = piece.0.checked_sub(self.first_bundle()).map(|bundle| bundle as usize) else { return 0..0 };
        let begin = self.bundles[bundle] as usize;
        begin..self.bundles.get(bundle + 1).map_or(self.small.len(), |end| *end as usize)
    }

    fn first_bundle(&self) -> u32 {
        self.count - self.bundles.len() as u32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::share::testing::share_of;
    use proptest::prelude::*;

    #[test]
    fn twenty_thousand_small_files_are_a_few_hundred_pieces() {
        let small_files = 20_000 * 4_096;
        assert_eq!(small_files / u64::from(PieceLen::for_size(small_files).bytes()), 625);
        assert_eq!(PieceLen::for_size(100 << 20).bytes(), 128 << 10);
        assert_eq!(PieceLen::for_size(128 << 20).bytes(), 256 << 10);
        assert_eq!(PieceLen::for_size(1 << 29).bytes(), 512 << 10);
        assert_eq!(PieceLen::for_size(2 << 30).bytes(), 1 << 20);
        assert_eq!(PieceLen::for_size(1 << 40), PieceLen::MAX);
        assert_eq!(PieceLen::for_size(0), PieceLen::MIN);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn every_byte_of_every_file_is_in_exactly_one_piece(sizes in proptest::collection::vec(0usize..700_000, 1..8)) {
            let names: Vec<String> = (0..sizes.len()).map(|number| format!("f{number}")).collect();
            let files: Vec<_> = names.iter().map(String::as_str).zip(sizes.iter().copied()).collect();
            let (share, _) = share_of(&files);
            let mut next = vec![0u64; sizes.len()];
            for piece in share.pieces().iter() {
                prop_assert!(share.pieces().len(piece) <= share.manifest().piece_len.bytes());
                for span in share.pieces().spans(piece) {
                    prop_assert_eq!(span.offset, next[span.entry]);
                    prop_assert!(share.pieces().of_entry(span.entry).contains(&piece.get()));
                    next[span.entry] += u64::from(span.len);
                }
            }
            prop_assert_eq!(next, sizes.iter().map(|size| *size as u64).collect::<Vec<_>>());
        }
    }
}
