//! Computers that come, go, fall silent, and lie about who they are.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use handout::{
    nearby::{Change, Input, Limits, Nearby, Role, Sighting, Source},
    share::PeerId,
};

use super::world::{Dice, with_seeds};

const ME: u64 = 7;
const INSTANCE: u64 = 99;

#[test]
fn thirty_computers_appear_once_and_are_gone_when_they_fall_silent() {
    let mut room = Room::new();
    for second in 0..60 {
        for peer in 100..130 {
            let silent = peer == 113 && second > 20;
            if !silent {
                room.hear(announced(peer));
            }
        }
        room.wait(Duration::from_secs(1));
    }

    assert_eq!(room.appeared.len(), 29);
    assert_eq!(room.nearby.iter().len(), 29);
    assert!(!room.appeared.contains(&id(113)));
}

#[test]
fn a_flood_of_made_up_computers_stays_bounded_and_goes_away() {
    let mut room = Room::new();
    let limits = Limits::default();
    room.hear(Sighting { source: Source::Typed, ..announced(50) });

    for peer in 1_000..11_000 {
        room.hear(Sighting { source: if peer % 3 == 0 { Source::Mdns } else { Source::Peer }, ..announced(peer) });
        assert!(room.nearby.iter().len() <= limits.peers_max);
    }
    room.input(Input::Spoke { peer: id(50) });
    room.hear(Sighting { source: Source::Inbound, ..announced(60) });

    assert!(room.nearby.get(&id(60)).is_some(), "one that proved its key finds room");
    room.wait(Duration::from_secs(300));
    assert_eq!(room.nearby.iter().len(), 0);
    assert_eq!(room.nearby.next_wakeup(), None);
}

#[test]
fn a_second_computer_with_our_identity_is_reported_once_and_never_a_neighbour() {
    let mut room = Room::new();

    for instance in [INSTANCE, 5, 5, 6] {
        room.hear(Sighting { instance: Some(instance), ..announced(ME) });
    }
    room.hear(Sighting { instance: None, source: Source::Inbound, ..announced(ME) });

    assert_eq!(room.duplicates, 1);
    assert_eq!(room.nearby.iter().len(), 0);
}

#[test]
fn whatever_is_seen_each_that_appears_goes_once() {
    with_seeds(0..30, |seed| {
        let mut room = Room::new();
        let mut dice = Dice::new(seed);

        for _ in 0..3_000 {
            let peer = dice.below(40);
            match dice.below(10) {
                0 => room.input(Input::Goodbye { peer: id(peer) }),
                1 => room.input(Input::Spoke { peer: id(peer) }),
                2..5 => room.wait(Duration::from_millis(dice.below(4_000))),
                _ => room.hear(any(&mut dice, peer)),
            }
        }
        room.wait(Duration::from_secs(600));

        assert!(room.appeared.is_empty(), "{:?}", room.appeared);
        assert!(room.duplicates <= 1);
    });
}

/// One computer's view, with the rules that must hold after every event.
struct Room {
    now: Instant,
    nearby: Nearby,
    appeared: BTreeSet<PeerId>,
    duplicates: u32,
}

impl Room {
    fn new() -> Room {
        let nearby = Nearby::new(Limits::default(), id(ME), INSTANCE);
        Room { now: Instant::now(), nearby, appeared: BTreeSet::new(), duplicates: 0 }
    }

    fn hear(&mut self, sighting: Sighting) {
        self.input(Input::Seen(sighting));
    }

    /// Lets time pass, with all wake-ups on the way.
    fn wait(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some((at, _)) = self.nearby.next_wakeup().filter(|(at, _)| *at <= end) {
            self.now = at.max(self.now);
            let before = self.nearby.next_wakeup();
            self.input(Input::Tick);
            assert_ne!(self.nearby.next_wakeup(), before, "it wants to be woken without end");
        }
        self.now = end;
    }

    fn input(&mut self, input: Input) {
        self.nearby.handle(self.now, input);
        while let Some(change) = self.nearby.poll_change() {
            match change {
                Change::Appeared { peer } => assert!(self.appeared.insert(peer), "{peer:?} appeared twice"),
                Change::Gone { peer } => assert!(self.appeared.remove(&peer), "{peer:?} was not there"),
                Change::DuplicateIdentity { .. } => self.duplicates += 1,
                Change::Changed { peer } | Change::CatalogueChanged { peer } | Change::Doubted { peer } => {
                    assert!(self.appeared.contains(&peer), "{peer:?} is not there");
                }
            }
        }
        let there: BTreeSet<PeerId> = self.nearby.iter().map(|(peer, _)| peer).collect();
        assert!(there.len() > 100 || there == self.appeared);
        assert!(!there.contains(&id(ME)));
        assert!(self.nearby.iter().take(100).all(|(_, neighbour)| neighbour.addresses.len() <= 16));
    }
}

fn any(dice: &mut Dice, peer: u64) -> Sighting {
    let sources = [Source::Mdns, Source::Typed, Source::Link, Source::Inbound, Source::Peer];
    let addresses = (0..dice.below(30)).map(|_| ([10, 0, 0, dice.below(256) as u8], 7000).into()).collect();
    Sighting {
        source: sources[dice.below(5) as usize],
        catalogue: Some(dice.below(3)),
        addresses,
        instance: Some(dice.below(3)),
        ..announced(peer)
    }
}

fn announced(peer: u64) -> Sighting {
    Sighting {
        peer: id(peer),
        instance: None,
        name: Some(format!("Lab {peer}")),
        role: Role::Peer,
        addresses: vec![([10, 0, (peer >> 8) as u8, peer as u8], 7000).into()],
        source: Source::Mdns,
        catalogue: Some(1),
    }
}

fn id(number: u64) -> PeerId {
    let mut id = [0; 32];
    id[..8].copy_from_slice(&number.to_be_bytes());
    PeerId(id)
}
