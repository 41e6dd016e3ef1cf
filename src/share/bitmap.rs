//! Which pieces: one bit each, and its bytes on the wire and on disk.

use std::fmt;

use super::{PieceIndex, Pieces};

/// A set of pieces of one share. Its bytes have the first piece in the highest bit of the first byte, as BitTorrent's do
/// (BEP 3); spare bits are zero.
#[derive(Clone, PartialEq, Eq)]
pub struct Bitmap {
    bytes: Vec<u8>,
    len: u32,
    count: u32,
}

/// Bytes that are not a bitmap of the expected length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a list of {pieces} pieces has the wrong length or bits past its end")]
pub struct BadBitmap {
    pub pieces: u32,
}

impl Bitmap {
    /// None of the pieces.
    pub fn empty(pieces: &Pieces) -> Bitmap {
        let len = pieces.count();
        Bitmap { bytes: vec![0; len.div_ceil(8) as usize], len, count: 0 }
    }

    /// All of the pieces.
    pub fn full(pieces: &Pieces) -> Bitmap {
        let mut bitmap = Bitmap::empty(pieces);
        for piece in pieces.iter() {
            bitmap.insert(piece);
        }
        bitmap
    }

    /// Reads bytes from outside.
    pub fn from_bytes(pieces: &Pieces, bytes: &[u8]) -> Result<Bitmap, BadBitmap> {
        let len = pieces.count();
        let spare = (len.div_ceil(8) * 8 - len).min(7);
        let spare_bits_set = bytes.last().is_some_and(|last| last & ((1 << spare) - 1) != 0);
        if bytes.len() != len.div_ceil(8) as usize || spare_bits_set {
            return Err(BadBitmap { pieces: len });
        }
        let count = bytes.iter().map(|byte| byte.count_ones()).sum();
        Ok(Bitmap { bytes: bytes.to_vec(), len, count })
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many pieces the share has.
    pub fn len(&self) -> u32 {
        self.len
    }

    /// How many pieces are in the set.
    pub fn count(&self) -> u32 {
        self.count
    }

    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Whether every piece is in the set; true for a share with no pieces.
    pub fn is_full(&self) -> bool {
        self.count == self.len
    }

    /// Whether the set has the piece; false for a piece of a longer share.
    pub fn contains(&self, piece: PieceIndex) -> bool {
        let (byte, mask) = place(piece);
        self.bytes.get(byte).is_some_and(|bits| bits & mask != 0)
    }

    /// Adds a piece; tells whether it is new.
    pub fn insert(&mut self, piece: PieceIndex) -> bool {
        let new = piece.get() < self.len && !self.contains(piece);
        if new {
            let (byte, mask) = place(piece);
            self.bytes[byte] |= mask;
            self.count += 1;
        }
        new
    }

    /// Takes a piece out; tells whether it was there.
    pub fn remove(&mut self, piece: PieceIndex) -> bool {
        let was = self.contains(piece);
        if was {
            let (byte, mask) = place(piece);
            self.bytes[byte] &= !mask;
            self.count -= 1;
        }
        was
    }

    /// The pieces of the set in order.
    pub fn iter<'a>(&'a self, pieces: &'a Pieces) -> impl Iterator<Item = PieceIndex> + 'a {
        pieces.iter().filter(|piece| self.contains(*piece))
    }
}

fn place(piece: PieceIndex) -> (usize, u8) {
    (piece.get() as usize / 8, 0x80 >> (piece.get() % 8))
}

impl fmt::Debug for Bitmap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bitmap({} of {})", self.count, self.len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::share::PieceLen;

    fn ten_pieces() -> Pieces {
        Pieces::of_one_file(10 * u64::from(PieceLen::MIN.bytes()), PieceLen::MIN)
    }

    #[test]
    fn it_reads_back_from_its_bytes() {
        let pieces = ten_pieces();
        let mut bitmap = Bitmap::empty(&pieces);
        for number in [0, 3, 9] {
            assert!(bitmap.insert(pieces.index(number).unwrap()));
        }
        assert_eq!(bitmap.as_bytes(), [0b1001_0000, 0b0100_0000]);
        assert_eq!(Bitmap::from_bytes(&pieces, bitmap.as_bytes()), Ok(bitmap.clone()));
        assert_eq!(bitmap.iter(&pieces).map(PieceIndex::get).collect::<Vec<_>>(), [0, 3, 9]);
    }

    #[test]
    fn it_counts_each_piece_once() {
        let pieces = ten_pieces();
        let mut bitmap = Bitmap::empty(&pieces);
        let piece = pieces.index(4).unwrap();
        assert!(bitmap.insert(piece) && !bitmap.insert(piece));
        assert_eq!(bitmap.count(), 1);
        assert!(bitmap.remove(piece) && !bitmap.remove(piece));
        assert!(bitmap.is_empty());
        assert!(Bitmap::full(&pieces).is_full());
    }

    #[test]
    fn bytes_of_another_length_or_with_spare_bits_are_refused() {
        let pieces = ten_pieces();
        for bytes in [&[0u8][..], &[0, 0, 0], &[0, 0b0010_0000], &[]] {
            assert_eq!(Bitmap::from_bytes(&pieces, bytes), Err(BadBitmap { pieces: 10 }));
        }
    }
}
