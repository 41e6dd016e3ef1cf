//! Which piece to ask a peer for: the one that the fewest have, and among those any, by chance.
//!
//! Chance matters as much as rarity: computers that begin together see the same copies, and would otherwise all ask the
//! first seed for the same piece.
//!
//! The wanted pieces lie in *levels* by how many copies are known, one bitmap a level. A choice goes through the levels
//! from the rarest on and lays the peer's bitmap over each: 16,000 pieces are 2 KiB, so a level costs a fraction of a
//! microsecond, a change of copies two bits, and nothing is ever sorted.

use super::chance::Chance;
use crate::share::{Bitmap, PieceIndex, Pieces};

/// Pieces with at least this many copies count as equally common.
const COMMON_COPIES: u32 = 63;

/// The wanted pieces, by how rare they are.
#[derive(Debug)]
pub struct Rarity {
    /// Indexed by copies, up to [`COMMON_COPIES`].
    levels: Vec<Bitmap>,
    empty: Bitmap,
    count: u32,
}

impl Rarity {
    pub fn new(pieces: &Pieces) -> Rarity {
        Rarity { levels: vec![], empty: Bitmap::empty(pieces), count: 0 }
    }

    /// How many pieces are wanted.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// How many pieces are wanted that somebody has.
    pub fn offered(&self) -> u32 {
        self.count - self.levels.first().map_or(0, Bitmap::count)
    }

    /// Of how few copies there are of the rarest wanted piece that somebody has.
    pub fn rarest_offered(&self) -> Option<u32> {
        (0..).zip(&self.levels).skip(1).find(|(_, level)| !level.is_empty()).map(|(copies, _)| copies)
    }

    pub fn insert(&mut self, piece: PieceIndex, copies: u32) {
        let level = copies.min(COMMON_COPIES) as usize;
        while self.levels.len() <= level {
            self.levels.push(self.empty.clone());
        }
        self.count += u32::from(self.levels[level].insert(piece));
    }

    pub fn remove(&mut self, piece: PieceIndex, copies: u32) {
        if let Some(level) = self.levels.get_mut(copies.min(COMMON_COPIES) as usize) {
            self.count -= u32::from(level.remove(piece));
        }
    }

    /// The number of the first piece that is in `have`, however rare.
    pub fn pick_first(&self, have: &Bitmap) -> Option<u32> {
        self.levels.iter().skip(1).filter_map(|level| nth_common(level, have, 0)).min()
    }

    /// The number of one of the rarest pieces that are in `have`.
    pub fn pick(&self, have: &Bitmap, chance: &mut Chance) -> Option<u32> {
        for level in self.levels.iter().skip(1).filter(|level| !level.is_empty()) {
            let choices = count_common(level, have);
            if choices > 0 {
                return nth_common(level, have, chance.below(choices));
            }
        }
        None
    }
}

fn count_common(a: &Bitmap, b: &Bitmap) -> u32 {
    common(a, b).map(u64::count_ones).sum()
}

/// The number of the piece that `n` pieces of both sets come before.
fn nth_common(a: &Bitmap, b: &Bitmap, mut n: u32) -> Option<u32> {
    for (word, mut bits) in (0..).zip(common(a, b)) {
        if n >= bits.count_ones() {
            n -= bits.count_ones();
            continue;
        }
        for _ in 0..n {
            bits &= !(1 << (63 - bits.leading_zeros()));
        }
        return Some(word * 64 + bits.leading_zeros());
    }
    None
}

/// The pieces of both sets in words of 64, the first piece in the highest bit.
fn common<'a>(a: &'a Bitmap, b: &'a Bitmap) -> impl Iterator<Item = u64> + 'a {
    let (a_words, a_rest) = a.as_bytes().as_chunks::<8>();
    let (b_words, b_rest) = b.as_bytes().as_chunks::<8>();
    let whole = a_words.iter().zip(b_words).map(|(a, b)| u64::from_be_bytes(*a) & u64::from_be_bytes(*b));
    whole.chain([padded(a_rest) & padded(b_rest)])
}

fn padded(rest: &[u8]) -> u64 {
    let mut word = [0; 8];
    word[..rest.len()].copy_from_slice(rest);
    u64::from_be_bytes(word)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::share::PieceLen;

    #[test]
    fn the_rarest_piece_that_the_peer_has_is_picked() {
        let pieces = pieces(200);
        let rarity = rarity(&pieces, &[(3, 5), (70, 2), (199, 1), (10, 0)]);
        let check = |have: &[u32], expected| {
            assert_eq!(rarity.pick(&bitmap(&pieces, have), &mut Chance::new(1)), expected, "{have:?}");
        };

        check(&[3, 10, 70, 199], Some(199));
        check(&[3, 10, 70], Some(70));
        check(&[3, 10], Some(3));
        check(&[10, 11], None);
        assert_eq!((rarity.count(), rarity.offered()), (4, 3));
    }

    #[test]
    fn in_order_the_first_piece_comes_first_however_common() {
        let pieces = pieces(200);
        let rarity = rarity(&pieces, &[(3, 5), (70, 2), (199, 1), (1, 0)]);

        assert_eq!(rarity.pick_first(&Bitmap::full(&pieces)), Some(3));
        assert_eq!(rarity.pick_first(&bitmap(&pieces, &[70, 199])), Some(70));
        assert_eq!(rarity.pick_first(&bitmap(&pieces, &[1])), None);
    }

    #[test]
    fn ties_are_broken_by_chance_and_every_one_comes() {
        let pieces = pieces(150);
        let rarity = rarity(&pieces, &[(0, 1), (63, 1), (64, 1), (65, 1), (149, 1)]);
        let mut chance = Chance::new(1);

        let picked: BTreeSet<_> = (0..100).filter_map(|_| rarity.pick(&Bitmap::full(&pieces), &mut chance)).collect();

        assert_eq!(picked, BTreeSet::from([0, 63, 64, 65, 149]));
    }

    #[test]
    fn a_piece_that_is_removed_is_not_picked() {
        let pieces = pieces(9);
        let mut rarity = rarity(&pieces, &[(4, 100), (8, 70)]);

        rarity.remove(pieces.index(8).unwrap(), 70);
        rarity.remove(pieces.index(8).unwrap(), 70);

        assert_eq!(rarity.pick(&Bitmap::full(&pieces), &mut Chance::new(1)), Some(4));
        assert_eq!(rarity.count(), 1);
    }

    fn pieces(count: u64) -> Pieces {
        Pieces::of_one_file(count * u64::from(PieceLen::MIN.bytes()), PieceLen::MIN)
    }

    fn bitmap(pieces: &Pieces, numbers: &[u32]) -> Bitmap {
        let mut bitmap = Bitmap::empty(pieces);
        for number in numbers {
            bitmap.insert(pieces.index(*number).unwrap());
        }
        bitmap
    }

    fn rarity(pieces: &Pieces, wanted: &[(u32, u32)]) -> Rarity {
        let mut rarity = Rarity::new(pieces);
        for (number, copies) in wanted {
            rarity.insert(pieces.index(*number).unwrap(), *copies);
        }
        rarity
    }
}
