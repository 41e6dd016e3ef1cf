//! First copies first: one who has everything gives each piece out once before it gives any twice.
//!
//! The wire of a seed is what a room waits for: a piece that it sends twice is time in which a new one could have gone
//! out, and the first receiver passes it on anyway. Many who begin together and choose by chance ask for the same piece
//! every now and then, and some ask for one whose news has not reached them yet; they are told to come back
//! ([`FirstCopies::may_give`]) and ask for another piece meanwhile. By the time they would come back, they have mostly got
//! the piece from the first. Each is told so once for a piece, also where the first has had it for a while: in a room of
//! eight that is more than half of what else went out twice.
//!
//! Nobody is kept from a piece for long: whoever comes back gets it, also where its first receiver left, and a receiver
//! that takes much longer than others is not waited for. When every piece has gone out, there is nothing to decide any
//! more. Only one that brings a share into the room does this; who fetched it here gives what others have too.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use crate::share::{Bitmap, PeerId, PieceIndex};

/// How long a piece is left to its first receiver, in turns of an upload slot: from the beginning of its way, and from
/// its end on.
const TURNS: u32 = 6;
const TURNS_AFTER: u32 = 3;
/// And in any case at least and at most.
const PATIENCE_MIN: Duration = Duration::from_millis(100);
const PATIENCE_MAX: Duration = Duration::from_secs(3);
/// Who was told to come back gets the piece until so long after that; who asks later still is told once more.
const WELCOME: Duration = Duration::from_secs(3);
/// So many are told to come back for one piece; any others get it.
const TOLD_MAX: usize = 64;
/// It is looked for entries that are over when there are twice as many as last time, and more than this.
const ENTRIES_MIN: usize = 64;

/// What one share's seed has given out. Memory: a bit a piece, and for each piece of the last seconds 32 bytes for each who
/// was told to come back, 2 KiB at most.
#[derive(Debug)]
pub struct FirstCopies {
    given: Bitmap,
    /// Who was given what, or asked for it, in the last seconds.
    fresh: BTreeMap<PieceIndex, Fresh>,
    entries_max: usize,
    all_out: bool,
}

#[derive(Clone, Debug)]
struct Fresh {
    /// Whom it was given; `None` where that is long ago.
    first: Option<PeerId>,
    /// Until when it is left to that one.
    until: Instant,
    /// It is on its way.
    sending: bool,
    /// Those who were told to come back.
    told: Vec<PeerId>,
}

impl FirstCopies {
    /// `nothing`: an empty bitmap of the share.
    pub fn new(nothing: Bitmap) -> FirstCopies {
        FirstCopies { given: nothing, fresh: BTreeMap::new(), entries_max: ENTRIES_MIN, all_out: false }
    }

    /// Whether the piece may be given to this peer now; the error is the time after which it may. `turn`: how long an
    /// upload slot is held for a piece, about.
    pub fn may_give(&mut self, now: Instant, piece: PieceIndex, to: PeerId, turn: Duration) -> Result<(), Duration> {
        if self.is_all_out(now) || !self.given.contains(piece) {
            return Ok(());
        }
        let wait = patience(turn, TURNS_AFTER);
        match self.fresh.get_mut(&piece).filter(|fresh| fresh.until + WELCOME > now) {
            Some(fresh) => fresh.ask(now, to, wait),
            None => {
                let fresh = Fresh { first: None, until: now + wait, sending: false, told: vec![to] };
                self.note(now, piece, fresh);
                Err(wait)
            }
        }
    }

    /// The piece is on its way to this peer.
    pub fn gave(&mut self, now: Instant, piece: PieceIndex, to: PeerId, turn: Duration) {
        if !self.all_out {
            self.given.insert(piece);
            let until = now + patience(turn, TURNS);
            let told = self.fresh.remove(&piece).map(|fresh| fresh.told).unwrap_or_default();
            self.note(now, piece, Fresh { first: Some(to), until, sending: true, told });
        }
    }

    /// The piece was sent to this peer, or (not `whole`) will never arrive.
    pub fn ended(&mut self, now: Instant, piece: PieceIndex, to: PeerId, whole: bool, turn: Duration) {
        let Some(fresh) = self.fresh.get_mut(&piece).filter(|fresh| fresh.first == Some(to)) else { return };
        if whole {
            (fresh.until, fresh.sending) = (now + patience(turn, TURNS_AFTER), false);
        } else {
            self.fresh.remove(&piece);
            self.given.remove(piece);
        }
    }

    /// Whether every piece has gone out. Who takes too long for one is not waited for.
    fn is_all_out(&mut self, now: Instant) -> bool {
        let on_its_way = |fresh: &Fresh| fresh.sending && fresh.until > now;
        if !self.all_out && self.given.is_full() && !self.fresh.values().any(on_its_way) {
            self.all_out = true;
            self.fresh.clear();
        }
        self.all_out
    }

    fn note(&mut self, now: Instant, piece: PieceIndex, fresh: Fresh) {
        self.fresh.insert(piece, fresh);
        if self.fresh.len() > self.entries_max {
            self.fresh.retain(|_, fresh| fresh.until + WELCOME > now);
            self.entries_max = (self.fresh.len() * 2).max(ENTRIES_MIN);
        }
    }
}

impl Fresh {
    /// Whether this peer may have the piece; the error is when it may. Everybody is told to come back once, also who asks
    /// when the first receiver has long had it: by then that one can pass it on.
    fn ask(&mut self, now: Instant, to: PeerId, wait: Duration) -> Result<(), Duration> {
        let left = self.until.saturating_duration_since(now);
        let known = self.told.contains(&to) || self.told.len() >= TOLD_MAX;
        if self.first == Some(to) || known && left.is_zero() {
            return Ok(());
        }
        if !known {
            self.told.push(to);
        }
        Err(if left.is_zero() { wait } else { left })
    }
}

fn patience(turn: Duration, turns: u32) -> Duration {
    turn.saturating_mul(turns).clamp(PATIENCE_MIN, PATIENCE_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::share::{PieceLen, Pieces};

    const A: PeerId = PeerId([1; 32]);
    const B: PeerId = PeerId([2; 32]);
    const C: PeerId = PeerId([3; 32]);
    const TURN: Duration = Duration::from_millis(50);

    #[test]
    fn a_piece_that_another_was_just_given_comes_later_and_not_never() {
        let (mut first, pieces, now) = of(3);
        let piece = pieces.index(1).unwrap();
        first.gave(now, piece, A, TURN);

        let wait = first.may_give(now, piece, B, TURN).unwrap_err();
        assert_eq!(wait, TURN * 6);
        assert_eq!(first.may_give(now, piece, A, TURN), Ok(()), "whose connection broke asks again");
        assert_eq!(first.may_give(now, pieces.index(0).unwrap(), B, TURN), Ok(()));
        assert_eq!(first.may_give(now + wait, piece, B, TURN), Ok(()));
    }

    #[test]
    fn who_asks_for_a_piece_that_has_been_out_for_long_gets_it_at_the_second_time() {
        let (mut first, pieces, now) = of(3);
        let piece = pieces.index(1).unwrap();
        first.gave(now, piece, A, TURN);
        first.ended(now + TURN, piece, A, true, TURN);

        let later = now + Duration::from_secs(60);
        let wait = first.may_give(later, piece, B, TURN).unwrap_err();

        assert_eq!(wait, TURN * 3);
        assert_eq!(first.may_give(later + wait / 2, piece, C, TURN), Err(wait / 2));
        assert_eq!(first.may_give(later + wait, piece, B, TURN), Ok(()));
    }

    #[test]
    fn everybody_is_told_to_come_back_once() {
        let (mut first, pieces, now) = of(3);
        let piece = pieces.index(1).unwrap();
        first.gave(now, piece, A, TURN);
        first.ended(now + TURN, piece, A, true, TURN);
        assert_eq!(first.may_give(now + TURN, piece, B, TURN), Err(TURN * 3));

        let free = now + TURN * 4;
        assert_eq!(first.may_give(free, piece, C, TURN), Err(TURN * 3), "it was not told yet");
        assert_eq!(first.may_give(free, piece, B, TURN), Ok(()));
        assert_eq!(first.may_give(free + TURN * 3, piece, C, TURN), Ok(()));
    }

    #[test]
    fn a_crowd_that_asks_for_one_piece_is_remembered_up_to_a_bound() {
        let (mut first, pieces, now) = of(3);
        let piece = pieces.index(1).unwrap();
        first.gave(now, piece, A, TURN);

        let told =
            (2..=255).filter(|number| first.may_give(now + TURN * 6, piece, PeerId([*number; 32]), TURN).is_err());
        assert_eq!(told.count(), TOLD_MAX);
    }

    #[test]
    fn a_piece_that_did_not_arrive_is_as_good_as_never_given() {
        let (mut first, pieces, now) = of(2);
        first.gave(now, pieces.index(0).unwrap(), A, TURN);
        first.gave(now, pieces.index(1).unwrap(), A, TURN);

        first.ended(now, pieces.index(0).unwrap(), A, false, TURN);

        assert_eq!(first.may_give(now, pieces.index(0).unwrap(), B, TURN), Ok(()));
        assert!(first.may_give(now, pieces.index(1).unwrap(), B, TURN).is_err(), "not everything is out");
    }

    #[test]
    fn when_everything_has_gone_out_once_anything_is_given() {
        let (mut first, pieces, now) = of(2);
        let all_given =
            |first: &mut FirstCopies, at| pieces.iter().all(|piece| first.may_give(at, piece, B, TURN).is_ok());
        pieces.iter().for_each(|piece| first.gave(now, piece, A, TURN));

        assert!(!all_given(&mut first, now), "the last ones are on their way");
        for piece in pieces.iter() {
            first.ended(now + TURN, piece, A, true, TURN);
        }
        assert!(all_given(&mut first, now + TURN));
        assert!(first.fresh.is_empty());
    }

    #[test]
    fn the_end_does_not_wait_for_one_who_is_very_slow() {
        let (mut first, pieces, now) = of(1);
        let piece = pieces.index(0).unwrap();
        first.gave(now, piece, A, TURN);

        assert_eq!(first.may_give(now, piece, B, TURN), Err(TURN * 6));
        assert_eq!(first.may_give(now + TURN * 6, piece, C, TURN), Ok(()));
    }

    #[test]
    fn slow_and_fast_wires_have_bounds_and_old_pieces_are_forgotten() {
        let (mut first, pieces, now) = of(400);
        first.gave(now, pieces.index(0).unwrap(), A, Duration::ZERO);
        first.gave(now, pieces.index(1).unwrap(), A, Duration::from_secs(60));

        assert_eq!(first.may_give(now, pieces.index(0).unwrap(), B, TURN), Err(PATIENCE_MIN));
        assert_eq!(first.may_give(now, pieces.index(1).unwrap(), B, TURN), Err(PATIENCE_MAX));
        for piece in pieces.iter().skip(2) {
            let at = now + Duration::from_secs(u64::from(piece.get()));
            first.gave(at, piece, A, TURN);
        }
        assert!(first.fresh.len() <= ENTRIES_MIN + 1, "{}", first.fresh.len());
    }

    fn of(count: u64) -> (FirstCopies, Pieces, Instant) {
        let pieces = Pieces::of_one_file(count * u64::from(PieceLen::MIN.bytes()), PieceLen::MIN);
        (FirstCopies::new(Bitmap::empty(&pieces)), pieces, Instant::now())
    }
}
