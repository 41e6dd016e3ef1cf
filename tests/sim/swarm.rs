//! Rooms of computers that fetch one share together.

use std::time::Duration;

use handout::share::{Bitmap, PieceLen};

use super::{
    network::{Event, Network},
    node::{Kind, Line, MIB},
    rooms::{play_mixture, room, room_with, school},
    world::with_seeds,
};

#[test]
fn thirty_leeches_take_little_longer_than_one() {
    with_seeds(0..3, |seed| {
        let mut room = room_with(seed, 30, 256 * MIB, PieceLen::for_size(256 * MIB), Line::GIGABIT);
        room.thorough = false;

        room.play();

        assert_near_ideal(&room, 1.2, 1.2);
    });
}

#[test]
fn eight_leeches_of_few_pieces_take_little_longer_than_one() {
    with_seeds(0..3, |seed| {
        let mut room = room_with(seed, 8, 100 * MIB, PieceLen::for_size(100 * MIB), Line::FAST_ETHERNET);
        room.thorough = false;

        room.play();

        assert_near_ideal(&room, 1.08, 1.08);
    });
}

/// `PEERS=1000` makes it the whole school, with 1 GiB; `benches/school.rs` measures that.
#[test]
fn hundreds_of_peers_take_a_quarter_longer_than_one_at_most() {
    let peers = std::env::var("PEERS").ok().and_then(|peers| peers.parse().ok()).unwrap_or(150);
    let size = if peers < 1000 { 256 * MIB } else { 1024 * MIB };
    let mut room = school(peers, size);

    room.play();

    assert_eq!(room.complete() as u64, peers + 1);
    assert_near_ideal(&room, 1.25, 1.2);
}

#[test]
fn peers_may_leave_and_join_at_any_time() {
    with_seeds(0..5, |seed| {
        let mut room = room(seed, 12, 64 * MIB, Line::GIGABIT);
        for node in 1..5 {
            let after = Duration::from_millis(room.dice.below(900));
            room.world.plan_in(after, Event::Leave { node });
            room.world.plan_in(after + Duration::from_secs(1), Event::Come { node });
        }
        for _ in 0..6 {
            let node = room.leech(Line::GIGABIT);
            let after = Duration::from_millis(room.dice.below(5_000));
            room.world.plan_in(after, Event::Come { node });
        }

        room.play();

        assert_eq!(room.complete(), 19);
    });
}

#[test]
fn lost_requests_delay_and_never_lose_anything() {
    with_seeds(0..5, |seed| {
        let mut room = room(seed, 10, 64 * MIB, Line::GIGABIT);
        room.lost_percent = 5;

        room.play();

        assert_eq!(room.complete(), 11);
        assert!(room.last_done() < Duration::from_secs(60), "{:?}", room.last_done());
    });
}

#[test]
fn a_fifth_of_liars_keeps_no_honest_one_from_finishing() {
    with_seeds(0..5, |seed| {
        let mut room = room(seed, 16, 64 * MIB, Line::GIGABIT);
        let liars: Vec<_> = (0..4).map(|_| add(&mut room, Kind::Liar)).collect();

        room.play();

        assert_eq!(room.complete(), 17);
        let found = |liar: &usize| room.nodes.iter().filter(|node| node.dropped.contains(liar)).count();
        assert!(liars.iter().all(|liar| found(liar) == 16), "each liar is found by every leech that asks it");
    });
}

#[test]
fn silent_peers_hold_nobody_up() {
    with_seeds(0..5, |seed| {
        let mut room = room(seed, 10, 64 * MIB, Line::GIGABIT);
        (0..3).for_each(|_| _ = add(&mut room, Kind::Silent));

        room.play();

        assert_eq!(room.complete(), 11);
        assert!(room.last_done() < Duration::from_secs(8), "{:?}", room.last_done());
    });
}

#[test]
fn the_first_seed_may_leave_when_each_piece_is_out_once() {
    with_seeds(0..5, |seed| {
        let mut room = room(seed, 12, 64 * MIB, Line::GIGABIT);
        room.leaves_when_out = Some(0);

        room.play();

        assert!(!room.nodes[0].here);
        assert_eq!(room.complete(), 12);
    });
}

#[test]
fn one_extremely_slow_peer_does_not_hold_up_the_end() {
    with_seeds(0..5, |seed| {
        let mut room = room(seed, 6, 64 * MIB, Line::GIGABIT);
        let slow = Line { up: 20 << 10, ..Line::GIGABIT };
        let have = Bitmap::full(&room.pieces);
        let node = room.node(Kind::Honest, slow, have);
        room.world.plan_in(Duration::ZERO, Event::Come { node });

        room.play();

        assert!(room.last_done() < Duration::from_secs(8), "{:?}", room.last_done());
    });
}

#[test]
fn a_receiver_on_a_slow_line_does_not_slow_the_others() {
    with_seeds(0..3, |seed| {
        let mut room = room(seed, 10, 64 * MIB, Line::GIGABIT);
        let slow = Line { down: MIB, ..Line::GIGABIT };
        let slow = room.leech(slow);
        room.world.plan_in(Duration::ZERO, Event::Come { node: slow });

        room.play();

        let quick = room.nodes.iter().take(11).filter_map(|node| node.done_at).max();
        assert!(quick < Some(Duration::from_secs(3)), "{quick:?}");
        assert!(room.nodes[slow].done_at < Some(Duration::from_secs(75)), "{:?}", room.nodes[slow].done_at);
    });
}

#[test]
fn pausing_stops_everything_at_once_and_resuming_ends_it() {
    with_seeds(0..5, |seed| {
        let mut room = room(seed, 5, 64 * MIB, Line::GIGABIT);
        for node in 1..4 {
            let after = Duration::from_millis(room.dice.below(600));
            room.world.plan_in(after, Event::Pause { node });
            room.world.plan_in(after, Event::Pause { node });
            room.world.plan_in(after + Duration::from_millis(room.dice.below(20)), Event::Resume { node });
        }
        room.world.plan_in(Duration::from_millis(300), Event::Pause { node: 4 });
        room.world.plan_in(Duration::from_secs(60), Event::Resume { node: 4 });

        room.play();

        assert_eq!(room.complete(), 6);
        assert!(room.nodes[4].done_at >= Some(Duration::from_secs(60)));
    });
}

#[test]
fn a_piece_that_spoils_is_fetched_again() {
    with_seeds(0..3, |seed| {
        let mut room = room(seed, 4, 16 * MIB, Line::GIGABIT);
        for piece in 0..5 {
            let after = Duration::from_millis(room.dice.below(2_000));
            room.world.plan_in(after, Event::Spoil { node: 1, piece });
        }

        room.play();

        assert_eq!(room.complete(), 5);
    });
}

/// 1264: what a peer had was answered while news of it were on their way, overtook the answer and were lost.
#[test]
fn rooms_in_which_something_broke_once_stay_whole() {
    play_mixture(1264);
}

/// `SEEDS=10000` plays so many; `cargo bench --bench school -- seeds 0 10000` does it in a tenth of the time.
#[test]
fn whatever_is_mixed_every_honest_one_that_stays_finishes_and_nobody_starves() {
    let longest = std::cell::Cell::new(Duration::ZERO);
    with_seeds(0..100, |seed| longest.set(longest.get().max(play_mixture(seed))));
    eprintln!("the longest time that anybody waited for a piece: {:?}", longest.get());
}

/// One who is no honest peer, and says that it has everything.
fn add(room: &mut Network, kind: Kind) -> usize {
    let have = Bitmap::empty(&room.pieces);
    let node = room.node(kind, Line::GIGABIT, have);
    room.world.plan_in(Duration::ZERO, Event::Come { node });
    node
}

/// Ideal: the time in which the first seed can send everything once.
#[track_caller]
fn assert_near_ideal(room: &Network, times_ideal: f64, copies: f64) {
    let ratio = room.times_ideal();
    let sent = room.copies_sent(0);
    eprintln!("the last leech took {ratio:.2} × ideal, the seed sent {sent:.2} copies");
    assert!(ratio <= times_ideal, "the last leech took {ratio:.2} × ideal; the seed sent {sent:.2} copies");
    assert!(sent <= copies, "the seed sent {sent:.2} copies; the last leech took {ratio:.2} × ideal");
}
