//! Peers that send what is wrong: they are named and dropped, and the transfer completes from the others.

use std::{sync::Arc, time::Duration};

use handout::engine::{command::Command, trouble::TroubleKind};

use super::{
    room::{Computer, content, unfinished},
    stranger::{Manner, Stranger, signed},
};

const NAME: &str = "film.bin";
const BYTES: usize = 6_000_000;

#[test]
fn wrong_bytes_wrong_lengths_and_endless_bodies_are_named_and_the_rest_comes_from_others() {
    for manner in [Manner::WrongBytes, Manner::WrongLength, Manner::Endless] {
        let bytes = content(NAME, BYTES);
        let share = Arc::new(signed(NAME, &bytes));
        let bad = Stranger::start_with(share.clone(), bytes.clone(), manner);
        // The honest one is slower, so that the bad one is asked for sure.
        let good = Stranger::start_with(share.clone(), bytes.clone(), Manner::Slow(Duration::from_millis(20)));
        let mut ben = Computer::start("Ben", &[]);
        for stranger in [&bad, &good] {
            ben.send(Command::AddPeer { address: stranger.address.to_string() });
        }
        ben.wait("both are around", |snapshot| snapshot.shares.iter().any(|row| row.seeds == 2));

        let places = ben.fetch(share.id());

        assert_eq!(std::fs::read(&places[0]).unwrap(), bytes, "{manner:?}");
        let snapshot = ben.wait("the bad one is named", |snapshot| !snapshot.troubles.is_empty());
        assert_eq!(snapshot.troubles[0].kind, TroubleKind::BadPeer, "{manner:?}");
        assert!(snapshot.troubles[0].what.contains("Stranger"), "{:?}", snapshot.troubles[0]);
    }
}

#[test]
fn wrong_bytes_from_everybody_never_get_a_final_name() {
    let bad = Stranger::start(NAME, &content(NAME, BYTES), Manner::WrongBytes);
    let mut ben = Computer::start("Ben", &[]);
    ben.send(Command::AddPeer { address: bad.address.to_string() });
    ben.wait("it is around", |snapshot| !snapshot.shares.is_empty());

    ben.begin_fetch(bad.share.id());

    ben.wait("the bad one is named", |snapshot| !snapshot.troubles.is_empty());
    assert!(!ben.downloads().join(NAME).exists());
    assert_eq!(unfinished(&ben.downloads()).len(), 1);
    assert_eq!(ben.transfer(bad.share.id()).unwrap().done_bytes, 0);
}

#[test]
fn one_that_sends_nothing_holds_nobody_up() {
    let bytes = content(NAME, BYTES);
    let share = Arc::new(signed(NAME, &bytes));
    let silent = Stranger::start_with(share.clone(), bytes.clone(), Manner::Silent);
    let good = Stranger::start_with(share.clone(), bytes.clone(), Manner::Honest);
    let mut ben = Computer::start("Ben", &[]);
    for stranger in [&silent, &good] {
        ben.send(Command::AddPeer { address: stranger.address.to_string() });
    }
    ben.wait("both are around", |snapshot| snapshot.shares.iter().any(|row| row.seeds == 2));

    let places = ben.fetch(share.id());

    assert_eq!(std::fs::read(&places[0]).unwrap(), bytes);
}
