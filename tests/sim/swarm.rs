//! Rooms of computers that fetch one share together.

use std::time::Duration;

use handout::share::{Bitmap, PieceLen};

use super::{
    network::{Event, Kind, Line, MIB, Network},
    world::with_seeds,
};

#[test]
fn thirty_leeches_take_little_longer_than_one() {
    with_seeds(0..3, |seed| {
        let mut room = Network::new(seed, 256 * MIB, one_mib());
        let first = room.seed(Line::GIGABIT);
        (0..30).for_each(|_| drop(room.leech(Line::GIGABIT)));
        room.all_come();

        room.play();

        let ideal = Duration::from_secs_f64(room.size() as f64 / Line::GIGABIT.up as f64);
        let ratio = room.last_done().as_secs_f64() / ideal.as_secs_f64();
        let copies = room.nodes[first].sent_bytes as f64 / room.size() as f64;
        eprintln!("last leech {:.2} × ideal ({:?}), the seed sent {copies:.2} copies", ratio, room.last_done());
        assert!(ratio <= 1.6, "the last leech took {ratio:.2} times as long as one copy takes");
        assert!(copies <= 2.0, "the seed sent {copies:.2} copies");
    });
}

fn one_mib() -> PieceLen {
    PieceLen::from_log2(20).expect("1 MiB is a piece length")
}
