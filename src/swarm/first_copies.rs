//! First copies first: one who has everything gives each piece out once before it gives any twice.
//!
//! The wire of a seed is what a room waits for: a piece that it sends twice is time in which a new one could have gone
//! out, and the first receiver passes it on anyway. Many who begin together and choose by chance ask for the same piece
//! every now and then; the second one is told to come back ([`FirstCopies::may_give`]) and asks for another piece
//! meanwhile. By the time it would come back, it has mostly got the piece from the first.
//!
//! Nobody is kept from a piece for long: whoever comes back gets it, also where its first receiver left. When every
//! piece was given, there is nothing to decide any more.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use crate::share::{Bitmap, PeerId, PieceIndex};

/// How long a piece is left to its first receiver, in turns of an upload slot, and in any case at least and at most.
const TURNS: u32 = 6;
const PATIENCE_MIN: Duration = Duration::from_millis(100);
const PATIENCE_MAX: Duration = Duration::from_secs(3);

/// What one share's seed has given out. Memory: a bit a piece, and some bytes for each piece of the last seconds.
#[derive(Debug)]
pub struct FirstCopies {
    given: Bitmap,
    /// Who was given what a moment ago, and until when it is left to that one.
    fresh: BTreeMap<PieceIndex, (PeerId, Instant)>,
}

impl FirstCopies {
    /// `nothing`: an empty bitmap of the share.
    pub fn new(nothing: Bitmap) -> FirstCopies {
        FirstCopies { given: nothing, fresh: BTreeMap::new() }
    }

    /// Whether the piece may be given to this peer now; the error is the time after which it may.
    pub fn may_give(&self, now: Instant, piece: PieceIndex, to: PeerId) -> Result<(), Duration> {
        match self.fresh.get(&piece) {
            Some((first, until)) if *first != to && *until > now => Err(*until - now),
            _ => Ok(()),
        }
    }

    /// The piece is on its way to this peer. `turn`: how long an upload slot is held for a piece, about.
    pub fn gave(&mut self, now: Instant, piece: PieceIndex, to: PeerId, turn: Duration) {
        self.given.insert(piece);
        if self.given.is_full() {
            return self.fresh.clear();
        }
        self.fresh.retain(|_, (_, until)| *until > now);
        let patience = turn.saturating_mul(TURNS).clamp(PATIENCE_MIN, PATIENCE_MAX);
        self.fresh.insert(piece, (to, now + patience));
    }

    /// Whether every piece was given out.
    pub fn all_out(&self) -> bool {
        self.given.is_full()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::share::{PieceLen, Pieces};

    const A: PeerId = PeerId([1; 32]);
    const B: PeerId = PeerId([2; 32]);
    const TURN: Duration = Duration::from_millis(50);

    #[test]
    fn a_piece_that_another_was_just_given_comes_later_and_not_never() {
        let (mut first, pieces, now) = of(3);
        let piece = pieces.index(1).unwrap();
        first.gave(now, piece, A, TURN);

        let wait = first.may_give(now, piece, B).unwrap_err();
        assert_eq!(wait, TURN * 6);
        assert_eq!(first.may_give(now, piece, A), Ok(()), "whose connection broke asks again");
        assert_eq!(first.may_give(now, pieces.index(0).unwrap(), B), Ok(()));
        assert_eq!(first.may_give(now + wait, piece, B), Ok(()));
    }

    #[test]
    fn when_everything_was_given_once_anything_is_given() {
        let (mut first, pieces, now) = of(2);
        for piece in pieces.iter() {
            assert!(!first.all_out());
            first.gave(now, piece, A, TURN);
        }

        assert!(first.all_out());
        assert!(pieces.iter().all(|piece| first.may_give(now, piece, B) == Ok(())));
    }

    #[test]
    fn slow_and_fast_wires_have_bounds_and_old_pieces_are_forgotten() {
        let (mut first, pieces, now) = of(4);
        first.gave(now, pieces.index(0).unwrap(), A, Duration::ZERO);
        first.gave(now, pieces.index(1).unwrap(), A, Duration::from_secs(60));

        assert_eq!(first.may_give(now, pieces.index(0).unwrap(), B), Err(PATIENCE_MIN));
        assert_eq!(first.may_give(now, pieces.index(1).unwrap(), B), Err(PATIENCE_MAX));
        first.gave(now + PATIENCE_MAX, pieces.index(2).unwrap(), A, TURN);
        assert_eq!(first.fresh.len(), 1);
    }

    fn of(count: u64) -> (FirstCopies, Pieces, Instant) {
        let pieces = Pieces::of_one_file(count * u64::from(PieceLen::MIN.bytes()), PieceLen::MIN);
        (FirstCopies::new(Bitmap::empty(&pieces)), pieces, Instant::now())
    }
}
