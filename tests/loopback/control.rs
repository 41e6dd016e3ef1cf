//! What people do with transfers: pause, resume, cancel, verify, stop sharing, choose who may have what.

use std::{collections::BTreeSet, fs, path::PathBuf, sync::atomic::Ordering, time::Duration};

use handout::engine::{
    command::{Command, Recipients, Unreadable},
    snapshot::{Done, Here, TransferState},
    trouble::TroubleKind,
};

use super::{
    room::{Computer, content, unfinished},
    stranger::{Manner, Stranger},
};

#[test]
fn a_paused_transfer_rests_and_goes_on_without_fetching_anything_twice() {
    let bytes = content("film", 8_000_000);
    let slow = Stranger::start("film", &bytes, Manner::Slow(Duration::from_millis(50)));
    let mut ben = Computer::start("Ben", &[]);
    ben.send(Command::AddPeer { address: slow.address.to_string() });
    ben.wait("it is around", |snapshot| !snapshot.shares.is_empty());
    let share = slow.share.id();

    let token = ben.begin_fetch(share);
    ben.wait("some of it is here", |_| ben.transfer(share).is_some_and(|row| row.done_bytes > 1_000_000));
    ben.send(Command::Pause { share });
    ben.wait("it rests", |_| ben.transfer(share).is_some_and(|row| row.state == TransferState::Paused));
    std::thread::sleep(Duration::from_millis(300));
    let (asked, done) = (slow.asked.load(Ordering::Relaxed), ben.transfer(share).unwrap().done_bytes);
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!((slow.asked.load(Ordering::Relaxed), ben.transfer(share).unwrap().done_bytes), (asked, done));

    ben.send(Command::Resume { share });
    ben.outcome(token).unwrap();
    assert_eq!(fs::read(ben.downloads().join("film")).unwrap(), bytes);
    // What was on its way when it was paused may be asked for again: as much as two connections hold.
    let pieces = slow.share.pieces().count();
    assert!(slow.asked.load(Ordering::Relaxed) <= pieces + 16, "{asked} of {pieces}");
}

#[test]
fn an_unfinished_transfer_goes_on_after_a_restart_from_what_was_verified() {
    let bytes = content("film", 8_000_000);
    let slow = Stranger::start("film", &bytes, Manner::Slow(Duration::from_millis(50)));
    let mut ben = Computer::start("Ben", &[]);
    ben.send(Command::AddPeer { address: slow.address.to_string() });
    ben.wait("it is around", |snapshot| !snapshot.shares.is_empty());
    let share = slow.share.id();
    ben.begin_fetch(share);
    ben.wait("some of it is here", |_| ben.transfer(share).is_some_and(|row| row.done_bytes > 2_000_000));

    ben.restart();
    let row = ben.wait("it is there again", |_| ben.transfer(share).is_some_and(|row| row.pieces_done > 0));
    drop(row);
    ben.send(Command::AddPeer { address: slow.address.to_string() });
    ben.fetch(share);

    assert_eq!(fs::read(ben.downloads().join("film")).unwrap(), bytes);
    let pieces = slow.share.pieces().count();
    assert!(slow.asked.load(Ordering::Relaxed) <= pieces + 8, "it fetched again what it had");
}

#[test]
fn a_cancelled_transfer_leaves_nothing_behind() {
    let slow = Stranger::start("film", &content("film", 8_000_000), Manner::Slow(Duration::from_millis(50)));
    let mut ben = Computer::start("Ben", &[]);
    ben.send(Command::AddPeer { address: slow.address.to_string() });
    ben.wait("it is around", |snapshot| !snapshot.shares.is_empty());
    let share = slow.share.id();
    let token = ben.begin_fetch(share);
    ben.wait("some of it is here", |_| ben.transfer(share).is_some_and(|row| row.done_bytes > 0));

    ben.send(Command::Cancel { share });

    assert_eq!(ben.outcome(token).unwrap_err().kind, TroubleKind::Refused);
    ben.wait("it is off the list", |snapshot| snapshot.transfers.is_empty());
    let downloads = ben.downloads();
    ben.wait("the disk is clean", |_| unfinished(&downloads).is_empty());
    ben.restart();
    ben.wait("it listens", |snapshot| !snapshot.me.listen.is_empty());
    std::thread::sleep(Duration::from_millis(200));
    assert!(ben.snapshot().transfers.is_empty());
}

#[test]
fn what_is_shared_is_given_again_after_a_restart_until_it_is_unshared() {
    let mut ann = Computer::start("Ann", &[]);
    let file = ann.file("a.pdf", 300_000);
    let share = ann.share(&[file]);
    ann.restart();
    ann.wait("it is shared again", |snapshot| snapshot.shares.iter().any(|row| row.mine));
    let mut ben = Computer::start("Ben", &[&ann]);
    ben.fetch(share);

    ann.send(Command::Unshare { share });
    ben.wait("Ann gives it no more", |snapshot| snapshot.shares.iter().all(|row| row.seeds == 0));
    ann.restart();
    ann.wait("it listens", |snapshot| !snapshot.me.listen.is_empty());
    std::thread::sleep(Duration::from_millis(200));
    assert!(ann.snapshot().shares.iter().all(|row| !row.mine));
}

#[test]
fn a_name_that_is_taken_is_numbered_and_the_same_content_is_not_fetched_again() {
    let mut ann = Computer::start("Ann", &[]);
    let mut ben = Computer::start("Ben", &[&ann]);
    fs::create_dir_all(ben.downloads()).unwrap();
    fs::write(ben.downloads().join("a.pdf"), "Ben's own").unwrap();
    let file = ann.file("a.pdf", 300_000);
    let share = ann.share(&[file]);

    let places = ben.fetch(share);

    assert_eq!(places, [ben.downloads().join("a (2).pdf")]);
    assert_eq!(fs::read(ben.downloads().join("a.pdf")).unwrap(), b"Ben's own");

    ben.send(Command::Unshare { share });
    ben.wait("it is forgotten", |snapshot| snapshot.transfers.is_empty());
    let places = ben.fetch(share);
    assert_eq!(places, [ben.downloads().join("a (2).pdf")], "the same content is recognised");
}

#[test]
fn only_those_who_may_see_a_share_can_have_it() {
    let mut ann = Computer::start("Ann", &[]);
    let mut ben = Computer::start("Ben", &[&ann]);
    let mut eve = Computer::start("Eve", &[&ann]);
    let file = ann.file("marks.txt", 10_000);
    let to_ben = Recipients::Peers(BTreeSet::from([ben.snapshot().me.id]));
    let Done::Shared { share, .. } = ann.try_share(&[file], to_ben, Unreadable::Refuse).unwrap() else { panic!() };

    ben.fetch(share);
    eve.wait("she knows Ann", |snapshot| !snapshot.peers.is_empty());
    let token = eve.begin_fetch(share);
    eve.wait("nobody gives it", |_| {
        eve.transfer(share).is_some_and(|row| row.trouble.as_ref().is_some_and(|why| why.kind == TroubleKind::Nobody))
    });
    assert!(eve.snapshot().outcomes.iter().all(|outcome| outcome.token != token));
    assert!(eve.snapshot().shares.iter().all(|row| row.seeds == 0));
}

#[test]
fn a_share_by_link_is_listed_nowhere_and_comes_to_whoever_has_the_link() {
    let mut ann = Computer::start("Ann", &[]);
    let mut ben = Computer::start("Ben", &[&ann]);
    let file = ann.file("secret.txt", 10_000);
    let Done::Shared { share, .. } = ann.try_share(&[file], Recipients::Link, Unreadable::Refuse).unwrap() else {
        panic!()
    };
    ben.wait("he knows Ann", |snapshot| !snapshot.peers.is_empty());
    std::thread::sleep(Duration::from_millis(300));
    assert!(ben.snapshot().shares.is_empty());

    ben.fetch(share);
}

#[test]
fn a_shared_file_that_was_changed_is_noticed_and_one_that_was_only_touched_is_given_on() {
    let mut ann = Computer::start("Ann", &[]);
    let (changed, touched) = (ann.file("changed.bin", 400_000), ann.file("touched.bin", 400_000));
    let (first, second) = (ann.share(std::slice::from_ref(&changed)), ann.share(std::slice::from_ref(&touched)));
    fs::write(&changed, content("something else", 400_000)).unwrap();
    fs::write(&touched, content("touched.bin", 400_000)).unwrap();
    let mut ben = Computer::start("Ben", &[&ann]);
    ben.wait("both are listed", |snapshot| snapshot.shares.len() == 2);

    ben.begin_fetch(first);
    ann.wait("the change is noticed", |snapshot| {
        snapshot.shares.iter().any(|row| row.id == first && row.trouble.is_some())
    });
    ben.fetch(second);

    assert!(!ben.downloads().join("changed.bin").exists());
    assert_eq!(fs::read(ben.downloads().join("touched.bin")).unwrap(), content("touched.bin", 400_000));
}

#[test]
fn verifying_tells_what_is_wrong_on_the_disk() {
    let mut ann = Computer::start("Ann", &[]);
    let mut ben = Computer::start("Ben", &[&ann]);
    let file = ann.file("big.bin", 1_000_000);
    let share = ann.share(&[file]);
    let place = ben.fetch(share).remove(0);
    let verify = |ben: &mut Computer| {
        let token = ben.token();
        ben.send(Command::Verify { token, share });
        ben.outcome(token).unwrap()
    };
    assert!(matches!(verify(&mut ben), Done::Verified { wrong: 0, pieces: 8, .. }));

    let mut bytes = fs::read(&place).unwrap();
    bytes[700_000] ^= 1;
    fs::write(&place, bytes).unwrap();

    assert!(matches!(verify(&mut ben), Done::Verified { wrong: 1, pieces: 8, .. }));
    ben.wait("it is not given on", |snapshot| {
        snapshot.shares.iter().all(|row| !matches!(row.here, Here::Complete { .. }))
    });
}

#[test]
fn a_folder_arrives_with_structure_and_times_and_nothing_in_it_can_be_started() {
    let mut ann = Computer::start("Ann", &[]);
    let mut ben = Computer::start("Ben", &[&ann]);
    let top = ann.folder.path().join("own/Klasse 7b – صف");
    let mut deep = top.clone();
    (0..29).for_each(|level| deep.push(format!("层{level} 🎒")));
    fs::create_dir_all(&deep).unwrap();
    fs::create_dir_all(top.join("empty/also empty")).unwrap();
    fs::write(deep.join("اقرأني.txt"), "deep").unwrap();
    fs::write(top.join("nothing.txt"), "").unwrap();
    fs::write(top.join("run.sh"), "#!/bin/sh\n").unwrap();
    fs::write(top.join("large.bin"), content("large", 900_000)).unwrap();
    executable(&top.join("run.sh"));
    let share = ann.share(std::slice::from_ref(&top));

    let place = ben.fetch(share).remove(0);

    let mut expected = tree(&top);
    assert!(expected.iter().any(|(.., runs)| *runs));
    expected.iter_mut().for_each(|(.., runs)| *runs = false);
    assert_eq!(tree(&place), expected);
}

#[cfg(unix)]
fn executable(path: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Each path with its content (or `None` for a folder), time and executable flag.
fn tree(top: &std::path::Path) -> Vec<(PathBuf, Option<Vec<u8>>, std::time::SystemTime, bool)> {
    use std::os::unix::fs::PermissionsExt as _;
    let mut found = vec![];
    for entry in walk(top) {
        let metadata = fs::metadata(&entry).unwrap();
        let content = metadata.is_file().then(|| fs::read(&entry).unwrap());
        let runs = metadata.is_file() && metadata.permissions().mode() & 0o100 != 0;
        found.push((entry.strip_prefix(top).unwrap().to_owned(), content, metadata.modified().unwrap(), runs));
    }
    found.sort();
    found
}

fn walk(folder: &std::path::Path) -> Vec<PathBuf> {
    let mut found = vec![folder.to_owned()];
    for entry in fs::read_dir(folder).unwrap().flatten() {
        if entry.file_type().unwrap().is_dir() { found.extend(walk(&entry.path())) } else { found.push(entry.path()) }
    }
    found
}
