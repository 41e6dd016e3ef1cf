//! What is on the disk already is not fetched: the same files under other names, older versions, and what to make of files
//! that changed meanwhile.

use std::{
    fs,
    path::Path,
    sync::{Arc, atomic::Ordering},
};

use handout::{
    share::Share,
    store::{Checking, Complete, Partial, Reused},
};

use super::{World, bytes, fetch_all, put, share_of, tree};

const PIECE: usize = 128 << 10;

/// A share that is whole on this disk.
fn held(folder: &Path) -> (Arc<Share>, Arc<Complete>) {
    let (share, imported) = share_of(&[folder.to_owned()]);
    (share.clone(), Arc::new(Complete::open(share, imported.sources)))
}

/// Begins to download what lies in `new`, takes what `olds` have of it, fetches the rest, and looks that all is right.
fn take(world: &World, new: &Path, olds: &[Arc<Complete>]) -> (Reused, u64) {
    let (share, seed) = held(new);
    let partial = world.create(&share);
    let watch = Checking::default();
    let reused = partial.take_from(olds, &watch).unwrap();
    let had = partial.had();
    let fetched = share.pieces().iter().filter(|piece| !had.contains(*piece));
    let fetched = fetched.map(|piece| u64::from(share.pieces().len(piece))).sum();
    fetch_all(&share, &seed, &partial);
    partial.finish().unwrap();
    let name = new.file_name().unwrap();
    assert_eq!(tree(&world.into.join(name)), tree(new));
    (reused, fetched)
}

/// An old and a new version of one large file, between two small ones.
fn versions(world: &World, old: &[u8], new: &[u8]) -> (Reused, u64) {
    for (folder, content) in [("old/lesson", old), ("new/lesson", new)] {
        put(world.from.join(folder).join("a.txt"), b"the same");
        put(world.from.join(folder).join("film.mp4"), content);
        put(world.from.join(folder).join("z.txt"), b"the same too");
    }
    let (_, old) = held(&world.from.join("old/lesson"));
    take(world, &world.from.join("new/lesson"), &[old])
}

#[test]
fn the_same_files_under_other_names_in_another_share_are_not_fetched() {
    let world = World::new();
    for (at, size) in [0, 1, 5_000, PIECE, PIECE + 1, 3 * PIECE + 7].into_iter().enumerate() {
        put(world.from.join(format!("old/deep/{at}.bin")), &bytes(at as u64, size));
        put(world.from.join(format!("new/other {at}")), &bytes(at as u64, size));
        put(world.from.join(format!("new/twice {at}")), &bytes(at as u64, size));
    }
    let (_, old) = held(&world.from.join("old"));

    let (reused, fetched) = take(&world, &world.from.join("new"), &[old]);

    assert_eq!(fetched, 0);
    assert_eq!(reused.files, 10, "all but the empty ones, which nobody fetches");
    assert_eq!(reused.bytes, 2 * (1 + 5_000 + PIECE + PIECE + 1 + 3 * PIECE + 7) as u64);
}

#[test]
fn of_an_older_version_only_what_changed_is_fetched() {
    let old = bytes(7, 40 * PIECE + 12_345);
    let edit = |change: &dyn Fn(&mut Vec<u8>)| {
        let mut new = old.clone();
        change(&mut new);
        versions(&World::new(), &old, &new)
    };
    let (_, appended) = edit(&|new| new.extend_from_slice(&bytes(1, 1_000)));
    assert!(appended <= 2 * PIECE as u64, "appended: {appended}");
    let (reused, in_place) = edit(&|new| new[20 * PIECE + 5] ^= 1);
    assert_eq!((in_place, reused.files), (PIECE as u64, 2));
    let (_, front) = edit(&|new| drop(new.splice(0..0, bytes(2, 777))));
    assert!(front <= 2 * PIECE as u64, "put in at the beginning: {front}");
    let (_, middle) = edit(&|new| drop(new.splice(11 * PIECE + 1..11 * PIECE + 1, bytes(3, 99_999))));
    assert!(middle <= 3 * PIECE as u64, "put in in the middle: {middle}");
    let (_, cut) = edit(&|new| drop(new.splice(5 * PIECE..6 * PIECE + 3, [])));
    assert!(cut <= 3 * PIECE as u64, "cut out: {cut}");
    let (_, shortened) = edit(&|new| new.truncate(30 * PIECE + 1));
    assert!(shortened <= PIECE as u64, "shortened: {shortened}");
}

#[test]
fn an_older_version_is_known_by_its_path_although_nothing_stands_where_it_was_and_pieces_have_another_length() {
    let world = World::new();
    // More than 64 MiB is cut into longer pieces than less.
    let old = bytes(9, (64 << 20) - 1_000_000);
    let new = [bytes(1, 1_000_001), old.clone()].concat();
    let (reused, fetched) = versions(&world, &old, &new);
    assert!(fetched <= 3 << 20, "{fetched} bytes were fetched");
    assert!(reused.bytes >= 60 << 20);
}

#[test]
fn what_changed_after_it_was_shared_is_fetched_and_never_taken_for_right() {
    let world = World::new();
    for name in ["changed", "gone", "swapped", "sly"] {
        put(world.from.join("old").join(name), &bytes(1, 2 * PIECE + 9));
        put(world.from.join("new").join(name), &bytes(1, 2 * PIECE + 9));
    }
    for (at, name) in ["changed", "gone", "swapped", "sly"].iter().enumerate() {
        put(world.from.join("old").join(name), &bytes(at as u64, 2 * PIECE + 9));
        put(world.from.join("new").join(name), &bytes(at as u64, 2 * PIECE + 9));
    }
    let (_, old) = held(&world.from.join("old"));
    let file = |name: &str| world.from.join("old").join(name);
    put(file("changed"), &bytes(50, 2 * PIECE + 9));
    fs::remove_file(file("gone")).unwrap();
    fs::remove_file(file("swapped")).unwrap();
    std::os::unix::fs::symlink(file("sly"), file("swapped")).unwrap();

    let (reused, fetched) = take(&world, &world.from.join("new"), &[old]);

    assert_eq!(reused.files, 1);
    assert_eq!(fetched, 3 * (2 * PIECE + 9) as u64);
}

#[test]
fn bytes_that_are_not_what_the_manifest_of_the_other_share_says_are_not_had() {
    let world = World::new();
    put(world.from.join("old/file"), &bytes(1, 3 * PIECE));
    put(world.from.join("new/file"), &bytes(1, 3 * PIECE));
    let (old_share, _) = held(&world.from.join("old"));
    // Other content with a stamp that is taken for right: what a disk with bad blocks looks like.
    let mut other = bytes(1, 3 * PIECE);
    other[PIECE + 5] ^= 1;
    put(world.from.join("old/file"), &other);
    let (_, imported) = share_of(&[world.from.join("old")]);
    let spoiled = Arc::new(Complete::open(old_share, imported.sources));

    let (reused, fetched) = take(&world, &world.from.join("new"), &[spoiled]);

    assert_eq!((reused.files, reused.bytes, fetched), (0, 2 * PIECE as u64, PIECE as u64));
}

#[test]
fn taking_that_is_called_off_leaves_a_download_that_goes_on() {
    let world = World::new();
    put(world.from.join("old/file"), &bytes(1, 9 * PIECE));
    put(world.from.join("new/file"), &bytes(1, 9 * PIECE));
    let (_, old) = held(&world.from.join("old"));
    let (share, seed) = held(&world.from.join("new"));
    let partial: Partial = world.create(&share);
    let watch = Checking::default();
    watch.cancel.store(true, Ordering::Relaxed);
    assert_eq!(partial.take_from(std::slice::from_ref(&old), &watch).unwrap(), Reused::default());
    assert_eq!(watch.bytes.load(Ordering::Relaxed), 0);
    fetch_all(&share, &seed, &partial);
    partial.finish().unwrap();
    assert_eq!(tree(&world.into.join("new")), tree(&world.from.join("new")));
}
