//! A finished share is served as long as its files are what they were.

use std::{
    fs::{self, File},
    sync::atomic::Ordering,
    time::{Duration, SystemTime},
};

use handout::store::{Checking, Complete, Look, ReadError, Sources};

use super::{World, bytes, put, read_all, share_of};

#[test]
fn every_piece_reads_as_its_spans_say() {
    let world = World::new();
    let contents = [("big", bytes(1, 700_000)), ("mid", bytes(2, 131_072)), ("small", bytes(3, 10)), ("zero", vec![])];
    for (name, content) in &contents {
        put(world.from.join(name), content);
    }
    let (share, imported) = share_of(&contents.each_ref().map(|(name, _)| world.from.join(name)));
    let complete = Complete::open(share.clone(), imported.sources);

    for piece in share.pieces().iter() {
        let spans = share.pieces().spans(piece);
        let expected: Vec<u8> = spans
            .flat_map(|span| contents[span.entry].1[span.offset as usize..][..span.len as usize].to_vec())
            .collect();
        assert_eq!(read_all(complete.reader(piece).unwrap()), expected);
    }
    let watch = Checking::default();
    assert!(complete.verify_all(&watch).right.is_full());
    assert_eq!(watch.bytes.load(Ordering::Relaxed), share.manifest().size());
}

#[test]
fn a_changed_file_is_told_before_it_is_read_and_a_deleted_one_is_gone() {
    let world = World::new();
    let path = put(world.from.join("a"), &bytes(1, 600_000));
    let (share, imported) = share_of(std::slice::from_ref(&path));
    let complete = Complete::open(share.clone(), imported.sources);
    let first = share.pieces().index(0).unwrap();
    read_all(complete.reader(first).unwrap());

    let mut changed = bytes(1, 600_000);
    changed[599_999] ^= 1;
    fs::write(&path, changed).unwrap();
    let error = complete.reader(first).unwrap().read(&mut [0; 100]).unwrap_err();
    assert_eq!(error, ReadError::Changed { path: path.clone() });

    fs::remove_file(&path).unwrap();
    let error = complete.reader(first).unwrap().read(&mut [0; 100]).unwrap_err();
    assert_eq!(error, ReadError::Gone { path });
}

#[test]
fn a_file_that_changes_while_its_piece_is_read_is_told_at_the_pieces_end() {
    let world = World::new();
    let path = put(world.from.join("a"), &bytes(1, 200_000));
    let (share, imported) = share_of(std::slice::from_ref(&path));
    let complete = Complete::open(share.clone(), imported.sources);
    let mut reader = complete.reader(share.pieces().index(0).unwrap()).unwrap();

    assert_eq!(reader.read(&mut [0; 1000]), Ok(1000));
    fs::write(&path, bytes(2, 200_000)).unwrap();

    assert_eq!(reader.read(&mut vec![0; 200_000]), Err(ReadError::Changed { path }));
}

#[test]
fn a_file_that_was_only_touched_is_served_again_after_it_was_verified() {
    let world = World::new();
    let touched = put(world.from.join("f/a"), &bytes(1, 600_000));
    let spoiled = put(world.from.join("f/b"), &bytes(2, 600_000));
    let (share, imported) = share_of(&[world.from.join("f")]);
    let complete = Complete::open(share.clone(), imported.sources.clone());
    let long_ago = SystemTime::now() - Duration::from_secs(1_000_000);
    File::options().write(true).open(touched).unwrap().set_modified(long_ago).unwrap();
    let mut wrong = bytes(2, 600_000);
    wrong[300_000] ^= 1;
    fs::write(&spoiled, wrong).unwrap();
    assert!(complete.reader(share.pieces().index(0).unwrap()).unwrap().read(&mut [0; 1]).is_err());

    let right = complete.verify_all(&Checking::default()).right;

    assert_eq!(right.iter(share.pieces()).map(|piece| piece.get()).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5, 6, 8, 9]);
    read_all(complete.reader(share.pieces().index(0).unwrap()).unwrap());
    let error = complete.reader(share.pieces().index(5).unwrap()).unwrap().read(&mut [0; 1]).unwrap_err();
    assert_eq!(error, ReadError::Changed { path: spoiled });
    let kept = Sources::parse(&complete.sources().to_bytes()).unwrap();
    assert_ne!(kept, imported.sources);
}

/// What a backup does to a file that it looks at: only its time of change moves.
#[cfg(unix)]
fn link_and_unlink(path: &std::path::Path) {
    use std::os::unix::fs::MetadataExt as _;
    let changed = |path: &std::path::Path| {
        let found = path.metadata().unwrap();
        (found.ctime(), found.ctime_nsec())
    };
    let (before, link) = (changed(path), path.with_extension("link"));
    // The system's clock for files has steps.
    while changed(path) == before {
        fs::hard_link(path, &link).unwrap();
        fs::remove_file(&link).unwrap();
    }
}

#[test]
#[cfg(unix)]
fn a_file_that_was_only_linked_is_served_and_one_that_was_written_in_secret_is_not() {
    let world = World::new();
    let (linked, secret) = (world.from.join("f/a"), world.from.join("f/b"));
    put(linked.clone(), &bytes(1, 600_000));
    put(secret.clone(), &bytes(2, 600_000));
    let (share, imported) = share_of(&[world.from.join("f")]);
    let complete = Complete::open(share.clone(), imported.sources);
    let read =
        |number: u32| complete.reader(share.pieces().index(number).unwrap()).unwrap().read(&mut vec![0; 1 << 20]);
    link_and_unlink(&linked);
    let modified = fs::metadata(&secret).unwrap().modified().unwrap();
    let mut wrong = bytes(2, 600_000);
    wrong[0] ^= 1;
    fs::write(&secret, wrong).unwrap();
    File::options().write(true).open(&secret).unwrap().set_modified(modified).unwrap();

    assert_eq!(complete.look(None), Look::Same);
    assert!((0..5).all(|piece| read(piece).is_ok_and(|read| read > 0)));
    link_and_unlink(&linked);
    assert!(read(0).is_ok_and(|read| read > 0));
    assert_eq!(read(5), Err(ReadError::Changed { path: secret }));
}

#[test]
fn files_that_are_not_there_at_the_moment_are_no_wrong_files() {
    let world = World::new();
    let (stick, away) = (world.from.join("stick"), world.from.join("drawer"));
    put(stick.join("lesson/a"), &bytes(1, 600_000));
    let (share, imported) = share_of(&[stick.join("lesson")]);
    let complete = Complete::open(share.clone(), imported.sources);
    fs::rename(&stick, &away).unwrap();

    let no_drive = ReadError::NoDrive { folder: stick.clone() };
    assert_eq!(complete.look(None), Look::Unread(no_drive.clone()));
    let verdict = complete.verify_all(&Checking::default());
    assert_eq!((verdict.right.count(), verdict.unread), (0, Some(no_drive)));

    fs::rename(&away, &stick).unwrap();
    assert_eq!(complete.look(None), Look::Same);
    read_all(complete.reader(share.pieces().index(0).unwrap()).unwrap());
}
