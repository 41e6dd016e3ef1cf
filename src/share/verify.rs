//! Checking one piece's bytes while they stream by.

use std::sync::Arc;

use super::{EntryKind, PieceIndex, Root, Share, Span, hashes::subtree_hasher};

/// Checks the bytes of one piece, given in order in parts of any size.
pub struct PieceVerifier {
    share: Arc<Share>,
    spans: Vec<Span>,
    /// Which span the next byte belongs to, and how many of its bytes were given.
    at: usize,
    given: u32,
    hasher: blake3::Hasher,
    wrong: Option<WrongContent>,
}

/// The bytes are not what the publisher signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WrongContent {
    #[error("the bytes of {file:?} are not what its publisher signed")]
    Hash { file: String },
    #[error("a piece came with too few or too many bytes")]
    Length,
}

impl PieceVerifier {
    pub fn new(share: &Arc<Share>, piece: PieceIndex) -> PieceVerifier {
        let spans: Vec<Span> = share.pieces().spans(piece).collect();
        let hasher = match share.pieces().index_in_file(piece) {
            Some(index) => subtree_hasher(index, share.manifest().piece_len),
            None => blake3::Hasher::new(),
        };
        PieceVerifier { share: share.clone(), spans, at: 0, given: 0, hasher, wrong: None }
    }

    /// Takes the next bytes. What is wrong is told by [`PieceVerifier::finish`].
    pub fn update(&mut self, mut data: &[u8]) {
        while !data.is_empty() && self.wrong.is_none() {
            let Some(span) = self.spans.get(self.at).copied() else {
                self.wrong = Some(WrongContent::Length);
                return;
            };
            let part = data.len().min((span.len - self.given) as usize);
            self.hasher.update(&data[..part]);
            self.given += part as u32;
            data = &data[part..];
            if self.given == span.len {
                self.close_span(span);
            }
        }
    }

    /// Tells whether all bytes came and were right.
    pub fn finish(self) -> Result<(), WrongContent> {
        match self.wrong {
            Some(wrong) => Err(wrong),
            None if self.at == self.spans.len() => Ok(()),
            None => Err(WrongContent::Length),
        }
    }

    fn close_span(&mut self, span: Span) {
        if !self.span_is_right(span) {
            let file = self.share.manifest().entries[span.entry].path.to_string();
            self.wrong = Some(WrongContent::Hash { file });
        }
        self.at += 1;
        self.given = 0;
        self.hasher.reset();
    }

    fn span_is_right(&self, span: Span) -> bool {
        use blake3::hazmat::HasherExt as _;
        if let Some(hashes) = self.share.hashes().of_entry(span.entry) {
            let index = (span.offset >> self.share.manifest().piece_len.log2()) as usize;
            return hashes.values().get(index) == Some(&self.hasher.finalize_non_root());
        }
        match self.share.manifest().entries[span.entry].kind {
            EntryKind::File { root, .. } => Root(*self.hasher.finalize().as_bytes()) == root,
            EntryKind::Folder => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::share::testing::share_of;

    #[test]
    fn every_piece_of_large_and_small_files_checks_in_parts_of_any_size() {
        let files = [("big", 700_001), ("one", 1), ("piece", 131_072), ("two", 5_000), ("none", 0)];
        let (share, contents) = share_of(&files);
        for piece in share.pieces().iter() {
            for step in [1_000, 65_536, 1 << 20] {
                assert_eq!(check(&share, piece, &bytes_of(&share, piece, &contents), step), Ok(()));
            }
        }
    }

    #[test]
    fn a_flipped_bit_a_missing_byte_and_a_byte_too_many_are_told() {
        let (share, contents) = share_of(&[("big", 600_000), ("small", 77)]);
        for piece in share.pieces().iter() {
            let right = bytes_of(&share, piece, &contents);
            let mut flipped = right.clone();
            *flipped.last_mut().unwrap() ^= 1;
            assert!(matches!(check(&share, piece, &flipped, 4096), Err(WrongContent::Hash { .. })));
            assert_eq!(check(&share, piece, &right[1..], 4096), Err(WrongContent::Length));
            assert_eq!(check(&share, piece, &[&right[..], &[0]].concat(), 4096), Err(WrongContent::Length));
        }
    }

    fn check(share: &Arc<Share>, piece: PieceIndex, bytes: &[u8], step: usize) -> Result<(), WrongContent> {
        let mut verifier = PieceVerifier::new(share, piece);
        bytes.chunks(step).for_each(|part| verifier.update(part));
        verifier.finish()
    }

    fn bytes_of(share: &Share, piece: PieceIndex, contents: &[Vec<u8>]) -> Vec<u8> {
        let spans = share.pieces().spans(piece);
        spans.flat_map(|span| contents[span.entry][span.offset as usize..][..span.len as usize].to_vec()).collect()
    }
}
