//! From nothing to the final names, with everything in between that goes on or goes on again.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use handout::{
    share::Share,
    store::{Checking, Complete, DiskError, Opened, Partial, PieceError, ReadError, forget},
};

use super::{World, bytes, fetch, fetch_all, put, read_all, share_of, tree};

/// A folder with a large file, small ones, empty ones, an executable, and an old date everywhere.
fn lesson(world: &World) -> (Arc<Share>, Complete) {
    let folder = world.from.join("Lesson 3");
    put(folder.join("video.bin"), &bytes(1, 700_000));
    put(folder.join("texts/a.txt"), &bytes(2, 1_000));
    put(folder.join("texts/ملف.txt"), &bytes(3, 2_000));
    put(folder.join("empty.txt"), b"");
    fs::create_dir(folder.join("nothing in it")).unwrap();
    fs::set_permissions(put(folder.join("run"), b"#!"), fs::Permissions::from_mode(0o755)).unwrap();
    let old = UNIX_EPOCH + Duration::new(1_000_000_000, 123_456_000);
    for name in ["video.bin", "texts/a.txt", "empty.txt", "texts", ""] {
        fs::File::open(folder.join(name)).unwrap().set_modified(old).unwrap();
    }
    let (share, imported) = share_of(&[folder]);
    (share.clone(), Complete::open(share, imported.sources))
}

#[test]
fn a_folder_arrives_with_structure_and_times_and_nothing_in_it_can_be_started() {
    let world = World::new();
    let (share, complete) = lesson(&world);
    let partial = world.create(&share);
    assert!(world.into.join("Lesson 3.part").is_dir());

    fetch_all(&share, &complete, &partial);
    assert!(!world.into.join("Lesson 3").exists());
    let sources = partial.finish().unwrap();

    assert_eq!(tree(&world.into), tree(&world.from));
    let old = UNIX_EPOCH + Duration::new(1_000_000_000, 123_456_000);
    for name in ["video.bin", "texts/a.txt", "empty.txt", "texts", ""] {
        let metadata = fs::metadata(world.into.join("Lesson 3").join(name)).unwrap();
        assert_eq!(metadata.modified().unwrap(), old, "{name}");
        assert_eq!(metadata.mode() & 0o111 != 0, metadata.is_dir(), "{name}");
    }
    assert_eq!(fs::metadata(world.into.join("Lesson 3/run")).unwrap().mode() & 0o111, 0);
    assert_eq!(sources.places(), [world.into.join("Lesson 3")]);
    let here = Complete::open(share.clone(), sources);
    share.pieces().iter().for_each(|piece| drop(read_all(here.reader(piece).unwrap())));
}

#[test]
fn single_files_are_staged_beside_their_place() {
    let world = World::new();
    let paths = [put(world.from.join("a.pdf"), &bytes(1, 300_000)), put(world.from.join("b.pdf"), b"b")];
    let (share, imported) = share_of(&paths);
    let partial = world.create(&share);
    assert_eq!(partial.places(), [world.into.join("a.pdf.part"), world.into.join("b.pdf.part")]);

    fetch_all(&share, &Complete::open(share.clone(), imported.sources), &partial);
    partial.finish().unwrap();

    assert_eq!(tree(&world.into), tree(&world.from));
}

#[test]
fn nothing_that_was_there_is_overwritten() {
    let world = World::new();
    let (share, imported) = share_of(&[put(world.from.join("a.pdf"), &bytes(1, 300_000))]);
    for name in ["a.pdf", "a (2).pdf", "a.pdf.part"] {
        put(world.into.join(name), name.as_bytes());
    }
    let partial = world.create(&share);
    fetch_all(&share, &Complete::open(share.clone(), imported.sources), &partial);

    // A name that was free when it began, and is taken when it ends.
    put(world.into.join("a (3).pdf"), b"late");
    assert_eq!(partial.finish().unwrap().places(), [world.into.join("a (4).pdf")]);

    let found = tree(&world.into);
    for name in ["a.pdf", "a (2).pdf", "a.pdf.part"] {
        assert_eq!(found[name].as_deref(), Some(name.as_bytes()));
    }
    assert_eq!(found["a (3).pdf"].as_deref(), Some(&b"late"[..]));
    assert_eq!(found["a (4).pdf"], Some(bytes(1, 300_000)));
    assert_eq!(found.len(), 5);
}

#[test]
fn what_stands_there_already_is_recognised_and_not_fetched() {
    let world = World::new();
    let (share, _) = lesson(&world);
    put(world.into.join("Lesson 3/mine.txt"), b"something else");
    let copy = world.into.join("Lesson 3 (2)");
    assert!(
        std::process::Command::new("cp")
            .arg("-r")
            .arg(world.from.join("Lesson 3"))
            .arg(&copy)
            .status()
            .unwrap()
            .success()
    );

    let Opened::Complete(sources) = Partial::create(share.clone(), &world.into, &world.state).unwrap() else {
        panic!("it should be recognised");
    };
    assert_eq!(sources.places(), std::slice::from_ref(&copy));

    // The same size with one other byte is not the same.
    let mut other = bytes(2, 1_000);
    other[999] ^= 1;
    put(copy.join("texts/a.txt"), &other);
    assert!(matches!(Partial::create(share, &world.into, &world.state).unwrap(), Opened::Filling(_)));
}

#[test]
fn pieces_that_came_after_the_last_save_are_found_when_they_are_looked_for_and_wrong_ones_are_not() {
    let world = World::new();
    let (share, complete) = lesson(&world);
    let partial = world.create(&share);
    let piece = |number| share.pieces().index(number).unwrap();
    for number in [0, 1, 3] {
        fetch(&complete, &partial, piece(number));
    }
    // One that came in part only.
    partial.writer(piece(2)).write(&[7; 100]).unwrap();
    drop(partial);

    let partial = world.resume(&share);
    assert!(partial.had().is_empty());
    partial.find_unnoted(&Checking::default());

    assert_eq!(partial.had().iter(share.pieces()).map(|piece| piece.get()).collect::<Vec<_>>(), [0, 1, 3]);
}

#[test]
fn a_download_goes_on_from_what_was_saved() {
    let world = World::new();
    let (share, complete) = lesson(&world);
    let partial = world.create(&share);
    let piece = |number| share.pieces().index(number).unwrap();
    fetch(&complete, &partial, piece(0));
    fetch(&complete, &partial, piece(3));
    partial.save_have().unwrap();
    fetch(&complete, &partial, piece(1));
    drop(partial);

    let partial = world.resume(&share);

    assert_eq!(partial.had().iter(share.pieces()).map(|piece| piece.get()).collect::<Vec<_>>(), [0, 3]);
    fetch_all(&share, &complete, &partial);
    partial.finish().unwrap();
    assert_eq!(tree(&world.into), tree(&world.from));
    // Whoever died before the result was kept elsewhere finds it by the note.
    let Some(Opened::Complete(sources)) = Partial::resume(share.clone(), &world.state).unwrap() else {
        panic!("it is complete");
    };
    assert_eq!(sources.places(), [world.into.join("Lesson 3")]);
    forget(&world.state, share.id()).unwrap();
    assert!(Partial::resume(share, &world.state).unwrap().is_none());
}

#[test]
fn pieces_that_somebody_deleted_or_cut_off_are_wanted_again() {
    let world = World::new();
    let (share, complete) = lesson(&world);
    let staged = world.into.join("Lesson 3.part");
    let partial = world.create(&share);
    fetch_all(&share, &complete, &partial);
    partial.save_have().unwrap();
    drop(partial);

    let had = || world.resume(&share).had().iter(share.pieces()).map(|piece| piece.get()).collect::<Vec<_>>();
    assert_eq!(had(), [0, 1, 2, 3, 4, 5, 6]);
    fs::File::options().write(true).open(staged.join("video.bin")).unwrap().set_len(300_000).unwrap();
    assert_eq!(had(), [0, 1, 6]);
    fs::remove_file(staged.join("texts/a.txt")).unwrap();
    assert_eq!(had(), [0, 1]);
    fs::remove_dir_all(&staged).unwrap();
    assert!(had().is_empty());

    let partial = world.resume(&share);
    fetch_all(&share, &complete, &partial);
    partial.finish().unwrap();
    assert_eq!(tree(&world.into), tree(&world.from));
}

#[test]
fn a_folder_that_is_gone_is_told_and_not_made_again() {
    let world = World::new();
    let (share, complete) = lesson(&world);
    let partial = world.create(&share);
    let away = world.from.parent().unwrap().join("unplugged");
    fs::rename(&world.into, &away).unwrap();

    let gone = DiskError::FolderGone { folder: world.into.clone() };
    assert!(matches!(Partial::resume(share.clone(), &world.state), Err(error) if error == gone));
    assert!(matches!(Partial::create(share.clone(), &world.into, &world.state), Err(error) if error == gone));
    assert!(!world.into.exists() && gone.may_heal());

    drop(partial);
    fs::rename(&away, &world.into).unwrap();
    let partial = world.resume(&share);
    fetch_all(&share, &complete, &partial);
    partial.finish().unwrap();
}

#[test]
fn wrong_bytes_never_count_and_do_not_spoil_a_piece_that_is_had() {
    let world = World::new();
    let (share, complete) = lesson(&world);
    let partial = world.create(&share);
    for piece in share.pieces().iter() {
        let right = read_all(complete.reader(piece).unwrap());
        let mut wrong = right.clone();
        wrong[right.len() / 2] ^= 1;

        // Two peers send the same piece at once: the liar writes first, and last.
        let (mut liar, mut honest) = (partial.writer(piece), partial.writer(piece));
        liar.write(&wrong[..wrong.len() / 2]).unwrap();
        honest.write(&right).unwrap();
        assert_eq!(honest.finish(), Ok(()));
        liar.write(&wrong[wrong.len() / 2..]).unwrap();
        assert!(matches!(liar.finish(), Err(PieceError::Wrong(_))));
        let mut late = partial.writer(piece);
        late.write(&wrong).unwrap();
        assert!(matches!(late.finish(), Err(PieceError::Wrong(_))));
        let mut long = partial.writer(piece);
        long.write(&[&right[..], &right[..]].concat()).unwrap();
        assert!(matches!(long.finish(), Err(PieceError::Wrong(_))));

        assert_eq!(read_all(partial.reader(piece).unwrap()), right);
    }
    partial.finish().unwrap();
    assert_eq!(tree(&world.into), tree(&world.from));
}

#[test]
fn a_piece_that_came_wrong_is_not_had_and_can_be_fetched_again() {
    let world = World::new();
    let (share, complete) = lesson(&world);
    let partial = world.create(&share);
    let piece = share.pieces().index(3).unwrap();
    let right = read_all(complete.reader(piece).unwrap());
    for wrong in [vec![0; right.len()], right[1..].to_vec(), vec![]] {
        let mut writer = partial.writer(piece);
        writer.write(&wrong).unwrap();
        assert!(matches!(writer.finish(), Err(PieceError::Wrong(_))));
    }
    assert!(partial.had().is_empty());
    assert!(matches!(partial.reader(piece), Err(ReadError::Missing)));
    assert!(matches!(partial.finish(), Err(DiskError::Incomplete { missing: 7, .. })));

    fetch_all(&share, &complete, &partial);
    partial.lose(piece);
    assert!(matches!(partial.finish(), Err(DiskError::Incomplete { missing: 1, .. })));
    fetch(&complete, &partial, piece);
    partial.finish().unwrap();
    assert_eq!(tree(&world.into), tree(&world.from));
}

#[test]
fn many_writers_at_once_fill_a_share() {
    let world = World::new();
    let folder = world.from.join("many");
    (0..300).for_each(|seed| drop(put(folder.join(format!("{seed}")), &bytes(seed, 5_000))));
    put(folder.join("large"), &bytes(999, 3_000_000));
    let (share, imported) = share_of(&[folder]);
    let complete = Complete::open(share.clone(), imported.sources);
    let partial = world.create(&share);
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (share, complete, partial) = (&share, &complete, &partial);
            scope.spawn(move || {
                for piece in share.pieces().iter().filter(|piece| piece.get() % 4 >= thread) {
                    fetch(complete, partial, piece);
                    partial.save_have().unwrap();
                }
            });
        }
    });
    let here = Complete::open(share, partial.finish().unwrap());
    assert!(here.verify_all(&Checking::default()).right.is_full());
    assert_eq!(tree(&world.into), tree(&world.from));
}

#[test]
fn giving_up_removes_what_was_made_and_nothing_else() {
    let world = World::new();
    let (share, complete) = lesson(&world);
    let partial = world.create(&share);
    fetch(&complete, &partial, share.pieces().index(3).unwrap());
    put(world.into.join("mine.txt"), b"mine");
    partial.discard().unwrap();
    assert_eq!(tree(&world.into).keys().collect::<Vec<_>>(), ["mine.txt"]);
    assert!(tree(&world.state).is_empty());

    let partial = world.create(&share);
    put(world.into.join("Lesson 3.part/texts/mine.txt"), b"mine");
    partial.discard().unwrap();
    let left = tree(&world.into);
    let files: Vec<&String> = left.iter().filter(|(_, content)| content.is_some()).map(|(name, _)| name).collect();
    assert_eq!(files, ["Lesson 3.part/texts/mine.txt", "mine.txt"]);
}

#[test]
fn a_share_of_nothing_but_names_is_complete_without_a_piece() {
    let world = World::new();
    fs::create_dir_all(world.from.join("f/empty")).unwrap();
    put(world.from.join("f/zero"), b"");
    let (share, _) = share_of(&[world.from.join("f")]);
    let partial = world.create(&share);
    assert!(partial.had().is_full());
    partial.finish().unwrap();
    assert_eq!(tree(&world.into), tree(&world.from));
}

#[test]
fn names_at_every_limit_can_be_staged_and_numbered() {
    let world = World::new();
    let name = format!("{}.txt", "日".repeat(83));
    let (share, imported) = share_of(&[put(world.from.join(&name), b"long")]);
    put(world.into.join(&name), b"taken");
    let partial = world.create(&share);
    fetch_all(&share, &Complete::open(share.clone(), imported.sources), &partial);
    let places: Vec<PathBuf> = partial.finish().unwrap().places();
    assert_eq!(fs::read(&places[0]).unwrap(), b"long");
    assert!(places[0].to_str().unwrap().ends_with(" (2).txt"));
}

#[test]
fn another_folder_the_second_time_takes_the_first_ones_staging_away() {
    let world = World::new();
    let (share, _) = lesson(&world);
    drop(world.create(&share));
    let other = world.into.join("other");
    fs::create_dir(&other).unwrap();
    let Opened::Filling(partial) = Partial::create(share, &other, &world.state).unwrap() else {
        panic!("nothing is here")
    };
    assert_eq!(partial.into_folder(), other);
    assert!(!world.into.join("Lesson 3.part").exists() && other.join("Lesson 3.part").is_dir());
}

#[test]
fn saving_without_news_writes_nothing() {
    let world = World::new();
    let (share, complete) = lesson(&world);
    let partial = world.create(&share);
    fetch(&complete, &partial, share.pieces().index(0).unwrap());
    partial.save_have().unwrap();
    let note = world.state.join(format!("{}.have", share.id()));
    let long_ago = SystemTime::now() - Duration::from_secs(1000);
    fs::File::options().write(true).open(&note).unwrap().set_modified(long_ago).unwrap();
    partial.save_have().unwrap();
    assert_eq!(fs::metadata(&note).unwrap().modified().unwrap(), long_ago);
}
