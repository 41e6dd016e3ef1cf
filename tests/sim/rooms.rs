//! Rooms that tests and benchmarks play.

use std::time::Duration;

use handout::share::{Bitmap, PieceLen};

use super::{
    network::{Event, Network},
    node::{Kind, Line, MIB},
};

/// One seed and some leeches, who all come at once.
pub fn room(seed: u64, leeches: usize, size: u64, line: Line) -> Network {
    room_with(seed, leeches, size, PieceLen::from_log2(20).expect("1 MiB is a piece length"), line)
}

pub fn room_with(seed: u64, leeches: usize, size: u64, piece_len: PieceLen, line: Line) -> Network {
    let mut room = Network::new(seed, size, piece_len);
    room.seed(line);
    (0..leeches).for_each(|_| _ = room.leech(line));
    room.all_come();
    room
}

/// A large room: a computer hears of some sixty others, follows some thirty of them, and is followed by as many.
pub fn school(peers: u64, size: u64) -> Network {
    let mut room = Network::new(1, size, PieceLen::for_size(size));
    (room.introductions, room.thorough) = (60, false);
    (room.chunk, room.news_every) = (512 << 10, Duration::from_millis(50));
    room.seed(Line::FAST_ETHERNET);
    (0..peers).for_each(|_| _ = room.leech(Line::FAST_ETHERNET));
    room.all_come();
    room
}

/// Plays a mixture to its end; tells the longest time that anybody waited for a piece.
pub fn play_mixture(seed: u64) -> Duration {
    let mut room = mixture(seed);

    room.play();

    let stays = room.nodes.iter().filter(|node| node.here && node.kind == Kind::Honest).count();
    assert_eq!(room.complete(), stays);
    room.longest_hunger
}

/// One seed that stays or leaves when each piece is out, a fifth of liars, and anything else.
pub fn mixture(seed: u64) -> Network {
    let mut room = Network::new(seed, (1 + seed % 24) * MIB + seed, PieceLen::MIN);
    // Some know more peers than they follow.
    room.limits.followed_max = 2 + room.dice.below(12) as usize;
    room.seed(Line::GIGABIT);
    room.lost_percent = room.dice.below(8);
    room.leaves_when_out = room.dice.percent(30).then_some(0);
    for _ in 0..room.dice.below(12) {
        let speed = MIB << room.dice.below(7);
        let line = Line { up: speed, down: speed, delay: Duration::from_micros(100 + room.dice.below(30_000)) };
        let kind = match room.dice.below(10) {
            0 => Kind::Silent,
            1 | 2 => Kind::Liar,
            _ => Kind::Honest,
        };
        let have = Bitmap::empty(&room.pieces);
        room.node(kind, line, have);
    }
    for node in 0..room.nodes.len() {
        let comes = Duration::from_millis(if node == 0 { 0 } else { room.dice.below(2_000) });
        room.world.plan_in(comes, Event::Come { node });
        upset(&mut room, node, comes);
    }
    room
}

/// Something that happens to a node after it came, or nothing.
fn upset(room: &mut Network, node: usize, comes: Duration) {
    // Where the seed leaves, what the others have must stay in the room.
    let may_lose = node > 0 && room.leaves_when_out.is_none();
    let then = comes + Duration::from_millis(1 + room.dice.below(1_500));
    let later = then + Duration::from_millis(1 + room.dice.below(1_500));
    match room.dice.below(6) {
        0 if may_lose => room.world.plan_in(then, Event::Leave { node }),
        1 if node > 0 => {
            room.world.plan_in(then, Event::Leave { node });
            room.world.plan_in(later, Event::Come { node });
        }
        2 => {
            room.world.plan_in(then, Event::Pause { node });
            room.world.plan_in(later, Event::Resume { node });
        }
        3 if may_lose => {
            let piece = room.dice.below(u64::from(room.pieces.count())) as u32;
            room.world.plan_in(then, Event::Spoil { node, piece });
        }
        _ => {}
    }
}
