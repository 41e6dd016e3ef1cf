//! What is on the disk already is not fetched again: a newer version of a folder, and the same files in another share.

use std::fs;

use super::room::{Computer, content};

/// What Ann gave of a share, as Ben's row of her says.
fn fetched(ben: &Computer, share: handout::share::ShareId) -> u64 {
    let row = ben.transfer(share).expect("it is in the list");
    row.peers.iter().map(|peer| peer.got_bytes).sum()
}

#[test]
fn of_a_newer_version_of_a_folder_only_the_changed_pieces_are_fetched_also_after_a_restart() {
    let mut ann = Computer::start("Ann", &[]);
    let film = ann.file("lesson/film.mp4", 6_000_000);
    for name in ["one", "two", "three"] {
        ann.file(&format!("lesson/{name}.bin"), 700_000);
    }
    let folder = film.parent().unwrap().to_owned();
    let first = ann.share(std::slice::from_ref(&folder));
    let mut ben = Computer::start("Ben", &[&ann]);
    ben.fetch(first);
    assert_eq!(fetched(&ben, first), 8_100_000);
    ben.restart();

    let mut newer = content("lesson/film.mp4", 6_000_000);
    newer[3_000_000] ^= 1;
    fs::write(&film, &newer).unwrap();
    fs::rename(folder.join("one.bin"), folder.join("uno.bin")).unwrap();
    let second = ann.share(std::slice::from_ref(&folder));
    let places = ben.fetch(second);

    assert_eq!(fs::read(places[0].join("film.mp4")).unwrap(), newer);
    assert_eq!(fs::read(places[0].join("uno.bin")).unwrap(), content("lesson/one.bin", 700_000));
    let row = ben.transfer(second).unwrap();
    assert_eq!((row.reused_files, row.reused_bytes), (3, 8_100_000 - 131_072), "{row:?}");
    assert_eq!(fetched(&ben, second), 131_072);
}

#[test]
fn a_share_that_other_shares_have_all_of_needs_nobody() {
    let mut ann = Computer::start("Ann", &[]);
    let (one, two) = (ann.file("one", 900_000), ann.file("two", 1_000));
    let both = ann.share(&[one.clone(), two]);
    let mut ben = Computer::start("Ben", &[&ann]);
    ben.fetch(both);

    let again = ann.folder.path().join("own/another name");
    fs::rename(one, &again).unwrap();
    let share = ann.share(std::slice::from_ref(&again));
    let places = ben.fetch(share);

    assert_eq!(fs::read(&places[0]).unwrap(), content("one", 900_000));
    assert_eq!((ben.transfer(share).unwrap().reused_bytes, fetched(&ben, share)), (900_000, 0));
}
