use super::*;
use crate::share::PieceLen;

const A: PeerId = PeerId([1; 32]);
const B: PeerId = PeerId([2; 32]);
const C: PeerId = PeerId([3; 32]);
const PIECE: u64 = 256 << 10;

#[test]
fn a_peer_is_asked_what_it_has_and_then_for_that_only() {
    let mut game = Game::of(10);

    game.tell(found(A));
    assert_eq!(game.effects(), [Effect::AskHave { peer: A }]);
    game.has(A, &[7]);

    assert_eq!(game.effects(), [game.fetch(A, 7)]);
    game.tell(Input::PieceGained { peer: A, piece: game.piece(2) });
    assert_eq!(game.effects(), [game.fetch(A, 2)]);
}

#[test]
fn the_rarest_piece_is_asked_for_first() {
    let mut game = Game::of(10);
    game.tell(Input::Paused);
    for (peer, pieces) in [(A, &[1, 2, 3][..]), (B, &[1, 2]), (C, &[2])] {
        game.tell(found(peer));
        game.has(peer, pieces);
    }

    game.tell(Input::Resumed);

    let first_of_a = game.effects().into_iter().find(|effect| matches!(effect, Effect::Fetch { peer: A, .. }));
    assert_eq!(first_of_a, Some(game.fetch(A, 3)));
}

#[test]
fn an_unknown_peer_gets_two_requests_and_a_fast_one_more() {
    let mut game = Game::of(200);
    game.meet(A);
    assert_eq!(game.in_flight_at(A), 2);

    for _ in 0..50 {
        game.wait_ms(5);
        game.deliver_one_from(A, Duration::from_millis(10));
    }

    assert!((8..=12).contains(&game.in_flight_at(A)), "{}", game.in_flight_at(A));
}

#[test]
fn a_busy_peer_is_left_alone_for_as_long_as_it_says_and_others_are_asked() {
    let mut game = Game::of(4);
    game.meet(A);
    game.meet_with(B, &[0, 1]);
    let asked = game.asked_of(A);
    for piece in &asked {
        let retry_after = Duration::from_millis(300);
        game.tell(Input::FetchRefused { peer: A, piece: *piece, retry_after });
    }

    game.wait_ms(290);
    assert_eq!(game.in_flight_at(A), 0);
    assert_eq!(game.in_flight_at(B), 2);
    game.wait_ms(100);

    assert_eq!(game.in_flight_at(A), 1, "it takes at least one");
}

#[test]
fn a_peer_that_fails_rests_twice_as_long_each_time_and_not_for_ever() {
    let mut game = Game::of(2);
    game.meet_with(A, &[0]);

    let rests: Vec<u64> = (0..12).map(|_| game.fail_and_measure_rest(A)).collect();

    assert!(rests[1] > rests[0] && rests[3] > 4 * rests[1] / 2, "{rests:?}");
    assert!(rests.iter().all(|rest| *rest <= 75_000), "{rests:?}");
}

#[test]
fn requests_that_we_end_ourselves_do_not_make_the_peer_rest() {
    let mut game = Game::of(2);
    game.meet_with(A, &[0]);

    for _ in 0..20 {
        let asked = game.asked_of(A);
        assert_eq!(asked.len(), 1);
        game.tell(Input::FetchAbandoned { peer: A, piece: asked[0] });
    }

    assert_eq!(game.in_flight_at(A), 1, "it is asked again at once");
}

/// Under a small limit a single piece takes long enough; more of them would each be too slow for the other side.
#[test]
fn no_more_is_asked_for_than_the_limit_says_however_small() {
    let mut game = Game::of(40);
    game.swarm.set_limits(Limits { in_flight_max: 1, per_peer_min: 1, ..Limits::default() });
    game.meet(A);
    game.meet(B);

    assert_eq!(game.swarm.in_flight().count(), 1);
}

#[test]
fn small_pieces_are_asked_for_further_ahead() {
    let in_flight = |log2| {
        let mut game = Game::with(Pieces::of_one_file(100 << 20, PieceLen::from_log2(log2).unwrap()));
        (1..=10).for_each(|number| game.meet(PeerId([number; 32])));
        game.swarm.in_flight().count()
    };

    assert_eq!([17, 18, 20].map(in_flight), [16, 10, 10]);
}

#[test]
fn requests_that_fail_together_count_once() {
    let mut game = Game::of(40);
    game.meet(A);
    for piece in game.asked_of(A) {
        game.tell(Input::FetchFailed { peer: A, piece });
    }

    game.wait_ms(700);

    assert_eq!(game.in_flight_at(A), 2);
}

#[test]
fn who_sends_wrong_bytes_is_dropped_and_never_asked_again() {
    let mut game = Game::of(10);
    game.meet(A);
    let asked = game.asked_of(A);
    game.effects();

    game.tell(Input::PieceCorrupt { peer: A, piece: asked[0] });

    let cancel = Effect::Cancel { peer: A, piece: asked[1] };
    assert_eq!(game.effects(), [Effect::Drop { peer: A }, cancel]);
    game.tell(Input::FetchFailed { peer: A, piece: asked[1] });
    game.tell(Input::PieceCorrupt { peer: A, piece: asked[1] });
    game.meet(A);
    assert_eq!(game.effects(), []);
    assert!(game.swarm.peers(game.now).any(|peer| peer.id == A && peer.banned));
}

#[test]
fn a_piece_that_the_peer_does_not_have_after_all_is_asked_of_another() {
    let mut game = Game::of(1);
    game.meet(A);
    game.tell(Input::PieceMissing { peer: A, piece: game.piece(0) });
    game.wait_ms(120_000);
    assert_eq!(game.in_flight_at(A), 0);

    game.meet(B);

    assert_eq!(game.in_flight_at(B), 1);
    assert_eq!(game.swarm.copies(game.piece(0)), 1);
}

#[test]
fn pausing_cancels_everything_and_an_answer_that_comes_late_still_counts() {
    let mut game = Game::of(10);
    game.meet(A);
    let asked = game.asked_of(A);
    game.effects();

    game.tell(Input::Paused);
    let cancels: Vec<_> = asked.iter().map(|piece| Effect::Cancel { peer: A, piece: *piece }).collect();
    assert_eq!(game.effects(), cancels);
    assert_eq!(game.swarm.next_wakeup(), None);
    game.verified(A, asked[0]);

    assert!(game.swarm.have().contains(asked[0]));
    assert_eq!(game.effects(), []);
}

#[test]
fn a_peer_is_not_asked_until_its_cancelled_requests_have_ended() {
    let mut game = Game::of(10);
    game.meet(A);
    let asked = game.asked_of(A);
    game.tell(Input::Paused);
    game.effects();

    game.tell(Input::Resumed);
    assert_eq!(game.effects(), []);
    for piece in asked {
        game.tell(Input::FetchFailed { peer: A, piece });
    }

    assert_eq!(game.in_flight_at(A), 2);
}

#[test]
fn a_peer_that_comes_back_is_not_asked_until_its_old_requests_have_ended() {
    let mut game = Game::of(10);
    game.meet(A);
    let asked = game.asked_of(A);

    game.tell(Input::PeerLost { peer: A });
    game.meet(A);
    assert_eq!(game.in_flight_at(A), 0);
    for piece in asked {
        game.tell(Input::FetchFailed { peer: A, piece });
    }

    assert_eq!(game.in_flight_at(A), 2);
}

#[test]
fn at_the_end_a_slow_peers_piece_is_asked_of_a_fast_one_and_the_loser_is_cancelled() {
    let mut game = Game::of(12);
    game.meet_with(B, &[11]);
    game.meet_with(A, &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    for _ in 0..11 {
        game.wait_ms(20);
        game.deliver_one_from(A, Duration::from_millis(30));
    }
    assert_eq!(game.swarm.have().count(), 11);
    game.effects();

    game.wait_ms(2_000);
    assert_eq!(game.asked_of(B), [game.piece(11)]);
    assert_eq!(game.asked_of(A), [game.piece(11)]);
    game.verified(A, game.piece(11));

    assert_eq!(game.effects(), [Effect::Cancel { peer: B, piece: game.piece(11) }, Effect::Complete]);
    assert!(game.swarm.is_complete());
}

#[test]
fn a_late_request_is_asked_of_somebody_else_though_it_is_not_the_end() {
    let mut game = Game::of(400);
    game.meet_with(B, &[0]);
    game.meet(A);
    for _ in 0..95 {
        game.wait_ms(100);
        game.deliver_one_from(A, Duration::from_millis(200));
    }
    assert!(!game.asked_of(A).contains(&game.piece(0)));

    for _ in 0..30 {
        game.wait_ms(100);
        game.deliver_one_from(A, Duration::from_millis(200));
    }

    assert!(game.asked_of(A).contains(&game.piece(0)) || game.swarm.have().contains(game.piece(0)));
}

#[test]
fn equal_peers_do_not_fetch_the_end_twice() {
    let mut game = Game::of(60);
    game.meet(A);
    game.meet(B);
    let mut fetches = game.count_fetches();

    for _ in 0..100 {
        game.wait_ms(10);
        for peer in [A, B] {
            game.deliver_one_from(peer, Duration::from_millis(20));
        }
        fetches += game.count_fetches();
    }

    assert!(game.swarm.is_complete());
    assert_eq!(fetches, 60);
}

#[test]
fn a_spoiled_piece_is_fetched_again_and_completes_again() {
    let mut game = Game::of(1);
    game.meet(A);
    game.verified(A, game.piece(0));
    assert!(game.effects().contains(&Effect::Complete));

    game.tell(Input::PieceSpoiled { piece: game.piece(0) });
    assert_eq!(game.effects(), [game.fetch(A, 0)]);
    game.verified(A, game.piece(0));

    assert_eq!(game.effects(), [Effect::Complete]);
}

#[test]
fn only_wanted_pieces_are_fetched_and_complete_it() {
    let pieces = pieces(4);
    let mut wanted = Bitmap::empty(&pieces);
    wanted.insert(pieces.index(2).unwrap());
    let mut game = Game::of(4);
    game.swarm = Swarm::new(Limits::default(), &pieces, Bitmap::empty(&pieces), Some(&wanted), 1);

    game.meet(A);
    assert_eq!(game.asked_of(A), [game.piece(2)]);
    game.verified(A, game.piece(2));

    assert!(game.swarm.is_complete());
    assert_eq!(game.swarm.state(game.piece(0)), Some(State::NotWanted));
}

#[test]
fn what_is_not_wanted_any_more_is_cancelled_and_what_is_newly_wanted_is_asked_for() {
    let mut game = Game::of(4);
    game.meet_with(A, &[0, 1]);
    game.effects();

    game.tell(Input::SetWanted { wanted: game.bitmap(&[1, 3]) });
    assert_eq!(game.effects(), [Effect::Cancel { peer: A, piece: game.piece(0) }]);
    assert_eq!(game.swarm.state(game.piece(0)), Some(State::NotWanted));
    game.tell(Input::FetchFailed { peer: A, piece: game.piece(0) });
    game.tell(Input::PieceGained { peer: A, piece: game.piece(3) });
    assert_eq!(game.asked_of(A), [game.piece(1), game.piece(3)]);
    game.verified(A, game.piece(1));
    game.verified(A, game.piece(3));
    assert_eq!(game.effects().last(), Some(&Effect::Complete));

    game.tell(Input::SetWanted { wanted: game.bitmap(&[0, 1, 3]) });
    assert!(!game.swarm.is_complete());
    assert_eq!(game.asked_of(A), [game.piece(0)]);
}

#[test]
fn a_transfer_whose_missing_pieces_are_not_wanted_any_more_is_complete_and_says_so_once() {
    let mut game = Game::of(3);
    game.meet_with(A, &[0]);
    game.verified(A, game.piece(0));
    game.effects();

    game.tell(Input::SetWanted { wanted: game.bitmap(&[0]) });
    game.tell(Input::SetWanted { wanted: game.bitmap(&[]) });

    assert_eq!(game.effects(), [Effect::Complete]);
    assert!(game.swarm.have().contains(game.piece(0)));
    game.tell(Input::PieceSpoiled { piece: game.piece(0) });
    assert_eq!(game.swarm.state(game.piece(0)), Some(State::NotWanted));
}

#[test]
fn in_order_the_first_missing_piece_is_asked_for_first() {
    let mut game = Game::of(100);
    game.tell(Input::SetOrder { order: Order::InOrder });
    game.meet(A);
    game.meet_with(B, &[50, 60, 99]);

    for _ in 0..20 {
        game.wait_ms(10);
        game.deliver_one_from(A, Duration::from_millis(10));
    }

    let of_a: Vec<u32> = game.sent.iter().filter(|(peer, _)| *peer == A).map(|(_, piece)| piece.get()).collect();
    assert!(of_a.len() > 20 && of_a.is_sorted() && of_a[..20] == (0..20).collect::<Vec<_>>(), "{of_a:?}");
}

#[test]
fn a_deferred_piece_is_left_to_its_first_receiver_and_other_pieces_are_asked_for_at_once() {
    let mut game = Game::of(3);
    game.meet(A);
    let asked = game.asked_of(A);
    let third = game.pieces.iter().find(|piece| !asked.contains(piece)).unwrap();
    game.tell(Input::FetchDeferred { peer: A, piece: asked[0], retry_after: Duration::from_millis(300) });
    let mut expected = vec![asked[1], third];
    expected.sort();
    assert_eq!(game.asked_of(A), expected, "another piece takes its place");
    expected.iter().for_each(|piece| game.verified(A, *piece));
    game.wait_ms(290);
    assert_eq!(game.in_flight_at(A), 0);

    game.tell(found(B));
    game.has(B, &[]);
    game.tell(Input::PieceGained { peer: B, piece: asked[0] });

    assert_eq!(game.asked_of(B), [asked[0]]);
}

#[test]
fn a_deferred_piece_may_be_asked_for_again_when_its_time_is_over() {
    let mut game = Game::of(1);
    game.meet(A);
    game.tell(Input::FetchDeferred { peer: A, piece: game.piece(0), retry_after: Duration::from_millis(300) });

    game.wait_ms(290);
    assert_eq!(game.in_flight_at(A), 0);
    game.wait_ms(20);

    assert_eq!(game.in_flight_at(A), 1);
}

#[test]
fn a_peer_that_defers_everything_is_a_peer_that_gives_nothing() {
    let mut game = Game::of(1_000);
    game.meet(A);

    for _ in 0..400 {
        for piece in game.asked_of(A) {
            game.tell(Input::FetchDeferred { peer: A, piece, retry_after: Duration::MAX });
        }
    }

    assert_eq!(game.in_flight_at(A), 0);
    assert!(game.sent.len() < 300, "{}", game.sent.len());
}

#[test]
fn of_many_peers_some_are_followed_and_the_others_take_the_place_of_those_that_leave() {
    let mut game = Game::of(10);
    let ids: Vec<PeerId> = (1..=100).map(|n| PeerId([n; 32])).collect();
    ids.iter().for_each(|id| game.tell(found(*id)));
    let followed: Vec<PeerId> = game.followed();
    assert_eq!(followed.len(), Limits::default().followed_max);
    assert_eq!(game.swarm.peers(game.now).count(), 100);

    game.tell(Input::PeerLost { peer: followed[0] });

    let next = game.followed();
    assert!(next.len() == 1 && !followed.contains(&next[0]), "{next:?}");
}

#[test]
fn a_peer_that_gives_nothing_for_long_makes_room_for_another_and_one_that_gives_stays() {
    let mut game = Game::of(2_000);
    game.swarm.limits.followed_max = 2;
    [A, B].iter().for_each(|peer| game.meet_with(*peer, &[]));
    game.tell(found(C));
    let everything: Vec<u32> = (0..2_000).collect();
    game.has(A, &everything);

    for _ in 0..400 {
        game.wait_ms(100);
        game.deliver_one_from(A, Duration::from_millis(50));
    }

    let effects = game.effects();
    assert!(effects.contains(&Effect::Unfollow { peer: B }) && effects.contains(&Effect::AskHave { peer: C }));
    assert!(!effects.contains(&Effect::Unfollow { peer: A }));
}

#[test]
fn of_equal_peers_those_on_a_wire_are_followed_and_asked_first_and_few_by_air() {
    let mut game = Game::of(1_000);
    let by = |n: u8, link| Input::PeerFound { peer: PeerId([n; 32]), link };
    let all: Vec<u32> = (0..1_000).collect();
    game.tell(Input::Paused);
    for n in 1..=20 {
        game.tell(by(n, Link::Wireless));
        game.has(PeerId([n; 32]), &all);
    }
    game.tell(by(99, Link::Wired));
    game.has(PeerId([99; 32]), &all);

    game.tell(Input::Resumed);

    assert_eq!(game.sent[0].0, PeerId([99; 32]));
    let asked: std::collections::BTreeSet<PeerId> = game.sent.iter().map(|(peer, _)| *peer).collect();
    assert_eq!(asked.len(), 1 + Limits::default().wireless_asked_max);
}

#[test]
fn who_has_everything_is_asked_first_for_what_nobody_else_has_and_last_for_the_rest() {
    let mut game = Game::of(40);
    game.tell(Input::Paused);
    (game.swarm.limits.in_flight_spare_min, game.swarm.limits.in_flight_spare_max) = (3, 3);
    game.meet(A);
    game.meet_with(B, &(0..39).collect::<Vec<_>>());

    game.tell(Input::Resumed);
    assert_eq!(game.sent[0], (A, game.piece(39)));
    game.verified(A, game.piece(39));
    game.sent.clear();
    game.wait_ms(1);
    for _ in 0..10 {
        game.deliver_one_from(B, Duration::from_millis(10));
    }

    let of_b = game.sent.iter().filter(|(peer, _)| *peer == B).count();
    assert!(of_b * 10 >= game.sent.len() * 8, "{of_b} of {}", game.sent.len());
}

#[test]
fn facts_of_strangers_and_of_other_shares_change_nothing() {
    let mut game = Game::of(3);
    game.meet_with(A, &[0]);
    game.effects();
    let elsewhere = pieces(90).index(80).unwrap();
    let before = format!("{:?}", game.swarm);

    for input in [
        Input::PeerLost { peer: B },
        Input::HaveLearned { peer: B, have: Bitmap::full(&pieces(3)) },
        Input::HaveLearned { peer: A, have: Bitmap::full(&pieces(90)) },
        Input::PieceGained { peer: A, piece: elsewhere },
        Input::PieceGained { peer: B, piece: game.piece(1) },
        Input::FetchFailed { peer: A, piece: game.piece(2) },
        Input::FetchFailed { peer: B, piece: game.piece(0) },
        Input::FetchRefused { peer: A, piece: elsewhere, retry_after: Duration::MAX },
        Input::PieceMissing { peer: B, piece: elsewhere },
        Input::PieceSpoiled { piece: elsewhere },
        Input::PieceSpoiled { piece: game.piece(1) },
        found(A),
        Input::SetWanted { wanted: Bitmap::empty(&pieces(90)) },
        Input::Tick,
    ] {
        game.tell(input);
    }

    assert_eq!(game.effects(), []);
    assert_eq!(format!("{:?}", game.swarm), before);
}

#[test]
fn peers_and_requests_past_the_limit_are_not_taken() {
    let mut game = Game::of(3_000);
    let have = Bitmap::full(&game.pieces);

    for number in 0..1_100u16 {
        let mut id = [9; 32];
        id[..2].copy_from_slice(&number.to_le_bytes());
        game.tell(found(PeerId(id)));
        game.tell(Input::HaveLearned { peer: PeerId(id), have: have.clone() });
    }

    assert_eq!(game.swarm.peers(game.now).count(), Limits::default().peers_max);
    assert!(game.swarm.in_flight().count() <= Limits::default().in_flight_max as usize);
}

#[test]
fn a_lost_peers_pieces_go_to_others_at_once() {
    let mut game = Game::of(2);
    game.meet(A);
    game.tell(found(B));
    game.has(B, &[0, 1]);
    game.effects();

    game.tell(Input::PeerLost { peer: A });

    assert_eq!((game.in_flight_at(A), game.in_flight_at(B)), (0, 2));
    assert_eq!(game.swarm.copies(game.piece(0)), 1);
}

/// Not a promise of time, but what would take minutes with a look at every piece for every request takes a moment.
#[test]
fn a_large_share_with_many_peers_is_played_through() {
    let pieces = pieces(16_000);
    let mut game = Game::of(16_000);
    let ids: Vec<PeerId> = (1..=100).map(|n| PeerId([n; 32])).collect();
    let mut half = Bitmap::empty(&pieces);
    pieces.iter().filter(|piece| piece.get() % 2 == 0).for_each(|piece| _ = half.insert(piece));
    for (n, id) in ids.iter().enumerate() {
        game.tell(found(*id));
        let have = if n % 2 == 0 { Bitmap::full(&pieces) } else { half.clone() };
        game.tell(Input::HaveLearned { peer: *id, have });
    }

    while !game.swarm.is_complete() {
        game.now += Duration::from_millis(1);
        let (piece, peer) = game.swarm.in_flight().next().expect("something is in flight");
        game.verified(peer, piece);
        game.effects();
    }

    assert_eq!(game.swarm.have().count(), 16_000);
}

/// A swarm with a clock that is turned by hand.
struct Game {
    now: Instant,
    swarm: Swarm,
    pieces: Pieces,
    /// Not looked at yet.
    effects: Vec<Effect>,
    /// Requests in the order in which they went out.
    sent: Vec<(PeerId, PieceIndex)>,
}

impl Game {
    fn of(count: u64) -> Game {
        Game::with(pieces(count))
    }

    fn with(pieces: Pieces) -> Game {
        let swarm = Swarm::new(Limits::default(), &pieces, Bitmap::empty(&pieces), None, 1);
        Game { now: Instant::now(), swarm, pieces, effects: vec![], sent: vec![] }
    }

    fn tell(&mut self, input: Input) {
        self.swarm.handle(self.now, input);
        while let Some(effect) = self.swarm.poll_effect() {
            if let Effect::Fetch { peer, piece } = effect {
                self.sent.push((peer, piece));
            }
            self.effects.push(effect);
        }
    }

    fn meet(&mut self, peer: PeerId) {
        let all: Vec<u32> = (0..self.pieces.count()).collect();
        self.meet_with(peer, &all);
    }

    fn meet_with(&mut self, peer: PeerId, pieces: &[u32]) {
        self.tell(found(peer));
        self.has(peer, pieces);
    }

    fn has(&mut self, peer: PeerId, numbers: &[u32]) {
        let have = self.bitmap(numbers);
        self.tell(Input::HaveLearned { peer, have });
    }

    fn bitmap(&self, numbers: &[u32]) -> Bitmap {
        let mut bitmap = Bitmap::empty(&self.pieces);
        numbers.iter().for_each(|number| _ = bitmap.insert(self.piece(*number)));
        bitmap
    }

    /// Lets time pass, with all wake-ups on the way.
    fn wait_ms(&mut self, ms: u64) {
        let end = self.now + Duration::from_millis(ms);
        while let Some((at, _)) = self.swarm.next_wakeup().filter(|(at, _)| *at <= end) {
            self.now = at.max(self.now);
            self.tell(Input::Tick);
        }
        self.now = end;
        self.tell(Input::Tick);
    }

    fn verified(&mut self, peer: PeerId, piece: PieceIndex) {
        self.verified_in(peer, piece, Duration::from_millis(10));
    }

    fn verified_in(&mut self, peer: PeerId, piece: PieceIndex, took: Duration) {
        self.tell(Input::PieceVerified { peer, piece, bytes: PIECE as u32, took });
    }

    /// What it was asked for first comes first.
    fn deliver_one_from(&mut self, peer: PeerId, took: Duration) {
        let asked = self.asked_of(peer);
        let oldest = self.sent.iter().find(|(to, piece)| *to == peer && asked.contains(piece));
        if let Some((_, piece)) = oldest.copied() {
            self.verified_in(peer, piece, took);
        }
    }

    /// Milliseconds until the peer is asked again after its request failed.
    fn fail_and_measure_rest(&mut self, peer: PeerId) -> u64 {
        let piece = self.asked_of(peer)[0];
        self.tell(Input::FetchFailed { peer, piece });
        (1..2_000)
            .find(|_| {
                self.wait_ms(100);
                self.in_flight_at(peer) > 0
            })
            .unwrap()
            * 100
    }

    /// Whose pieces were asked for since the effects were last taken.
    fn followed(&mut self) -> Vec<PeerId> {
        let asked = self.effects().into_iter().filter_map(|effect| match effect {
            Effect::AskHave { peer } => Some(peer),
            _ => None,
        });
        asked.collect()
    }

    fn effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    fn count_fetches(&mut self) -> usize {
        self.effects().iter().filter(|effect| matches!(effect, Effect::Fetch { .. })).count()
    }

    fn asked_of(&self, peer: PeerId) -> Vec<PieceIndex> {
        self.swarm.in_flight().filter(|(_, id)| *id == peer).map(|(piece, _)| piece).collect()
    }

    fn in_flight_at(&self, peer: PeerId) -> u32 {
        self.asked_of(peer).len() as u32
    }

    fn fetch(&self, peer: PeerId, number: u32) -> Effect {
        Effect::Fetch { peer, piece: self.piece(number) }
    }

    fn piece(&self, number: u32) -> PieceIndex {
        self.pieces.index(number).unwrap()
    }
}

fn pieces(count: u64) -> Pieces {
    Pieces::of_one_file(count * PIECE, PieceLen::from_log2(18).unwrap())
}

fn found(peer: PeerId) -> Input {
    Input::PeerFound { peer, link: Link::Wired }
}
