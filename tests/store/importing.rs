//! What is read is what is published, or nothing is.

use std::{
    fs::{self, File},
    os::unix::{fs::PermissionsExt as _, fs::symlink, net::UnixListener},
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use handout::{
    share::{EntryKind, Root},
    store::import::{ImportError, ImportProgress, ImportRequest, Imported, import},
};

use super::{World, bytes, put, share_of};

#[test]
fn every_files_root_is_what_b3sum_prints_at_every_edge_of_a_piece() {
    let world = World::new();
    let piece = 128 << 10;
    let sizes = [0, 1, 1023, 1024, 1025, piece - 1, piece, piece + 1, 2 * piece, 2 * piece + 1, 5 * piece + 7_777];
    for (seed, size) in sizes.iter().enumerate() {
        put(world.from.join(format!("{size:09}")), &bytes(seed as u64, *size));
    }

    let (_, imported) = share_of(std::slice::from_ref(&world.from));

    let files = imported.entries.iter().filter(|entry| entry.kind != EntryKind::Folder);
    let mut seen = 0;
    for entry in files {
        let content = fs::read(world.from.join(entry.path.name())).unwrap();
        let expected = Root(*blake3::hash(&content).as_bytes());
        assert!(
            matches!(entry.kind, EntryKind::File { size, root, .. }
            if size == content.len() as u64 && root == expected),
            "{}",
            entry.path
        );
        seen += 1;
    }
    assert_eq!(seen, sizes.len());
}

#[test]
fn a_deep_tree_with_names_of_all_scripts_keeps_its_structure() {
    let world = World::new();
    let mut deep = world.from.join("دروس");
    for level in 0..28 {
        deep = deep.join(["课程", "🎓", "e\u{301}tudes", "x"][level % 4]);
    }
    put(deep.join("ملف.txt"), b"deep");
    fs::create_dir_all(world.from.join("دروس/empty/emptier")).unwrap();
    let script = put(world.from.join("دروس/run.sh"), b"#!/bin/sh\n");
    fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();

    let (_, imported) = share_of(&[world.from.join("دروس")]);

    let paths: Vec<String> = imported.entries.iter().map(|entry| entry.path.to_string()).collect();
    assert_eq!(imported.title, "دروس");
    assert_eq!(paths.len(), 33);
    assert!(paths.contains(&"دروس/empty/emptier".to_owned()));
    assert!(paths.iter().any(|path| path.contains("/\u{e9}tudes/") && path.ends_with("/ملف.txt")), "composed names");
    let run = imported.entries.iter().find(|entry| entry.path.name() == "run.sh").unwrap();
    assert!(matches!(run.kind, EntryKind::File { executable: true, .. }));
    for index in 0..imported.entries.len() {
        assert!(imported.sources.path(index).unwrap().exists(), "sources hold names as they are on disk");
    }
}

#[test]
fn everything_that_cant_be_shared_is_named_with_its_reason_and_the_rest_goes_without_it() {
    let world = World::new();
    let folder = world.from.join("f");
    put(folder.join("good"), b"1");
    put(folder.join("bad\nname"), b"1");
    put(folder.join("x".repeat(255)), b"1");
    symlink("/etc/passwd", folder.join("link")).unwrap();
    symlink("/etc", folder.join("linked folder")).unwrap();
    UnixListener::bind(folder.join("socket")).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, folder.join("pipe"), rustix::fs::Mode::RUSR).unwrap();
    let mut deep = folder.clone();
    for _ in 0..33 {
        deep = deep.join("d");
    }
    put(deep.join("file"), b"1");
    let not_utf8: std::ffi::OsString = std::os::unix::ffi::OsStringExt::from_vec(vec![b'a', 0xff]);
    put(folder.join(not_utf8), b"1");

    let request = ImportRequest { paths: vec![folder.clone(), "/nowhere".into(), "/".into()], ..Default::default() };
    let Err(ImportError::Unreadable { files, more: 0 }) = run(&request) else { panic!("it should ask") };
    let reasons: Vec<&str> = files.iter().map(|(_, why)| why.as_str()).collect();
    assert_eq!(files.len(), 9, "{files:?}");
    for part in
        ["link to another place", "pipe", "not there", "whole disk", "not in Unicode", "32 folders", "character"]
    {
        assert!(reasons.iter().any(|why| why.contains(part)), "{part}: {reasons:?}");
    }

    let imported = run(&ImportRequest { leave_out_unreadable: true, ..request }).unwrap();
    assert_eq!(imported.left_out.len(), 9);
    let names: Vec<&str> = imported.entries.iter().map(|entry| entry.path.name()).collect();
    assert!(names.contains(&"good") && names.contains(&"x".repeat(255).as_str()) && !names.contains(&"link"));
}

#[test]
fn a_pipe_or_device_that_is_dropped_itself_does_not_make_anybody_wait() {
    let world = World::new();
    let pipe = world.from.join("pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RUSR).unwrap();
    for path in [pipe, PathBuf::from("/dev/zero")] {
        let Err(ImportError::Unreadable { files, .. }) =
            run(&ImportRequest { paths: vec![path], ..Default::default() })
        else {
            panic!("it should be named");
        };
        assert!(files[0].1.contains("not a file"), "{files:?}");
    }
}

#[test]
fn a_dropped_link_is_resolved_and_equal_names_are_numbered() {
    let world = World::new();
    put(world.from.join("a/note.txt"), b"one");
    put(world.from.join("b/note.txt"), b"two");
    put(world.from.join("c/target"), b"three");
    symlink(world.from.join("c/target"), world.from.join("note.txt")).unwrap();
    let paths = ["a/note.txt", "b/note.txt", "note.txt", "a/note.txt"].map(|name| world.from.join(name));

    let (_, imported) = share_of(&paths);

    let names: Vec<&str> = imported.entries.iter().map(|entry| entry.path.name()).collect();
    assert_eq!(names, ["note (2).txt", "note (3).txt", "note.txt"]);
    assert_eq!(imported.title, "note.txt and 2 more");
    assert_eq!(fs::read(imported.sources.path(1).unwrap()).unwrap(), b"three");
}

#[test]
fn a_file_that_changes_while_it_is_read_is_named_and_not_published() {
    let world = World::new();
    let file = endless(&world);
    let result = import_and(&file, |progress, _| {
        wait_for_bytes(progress);
        File::options().write(true).open(&file).unwrap().set_len(1).unwrap();
    });
    assert_eq!(result.unwrap_err(), ImportError::Changed { path: file });
}

#[test]
fn cancelling_stops_the_reading() {
    let world = World::new();
    let result = import_and(&endless(&world), |progress, cancel| {
        wait_for_bytes(progress);
        cancel.store(true, Ordering::Relaxed);
    });
    assert_eq!(result.unwrap_err(), ImportError::Cancelled);
}

#[test]
fn nothing_is_not_a_share() {
    assert_eq!(run(&ImportRequest::default()).unwrap_err(), ImportError::Nothing);
    let gone = ImportRequest { paths: vec!["/nowhere".into()], leave_out_unreadable: true, ..Default::default() };
    assert_eq!(run(&gone).unwrap_err(), ImportError::Nothing);
}

fn run(request: &ImportRequest) -> Result<Imported, ImportError> {
    import(request, &ImportProgress::default(), &AtomicBool::new(false))
}

/// Imports a path while another thread does something.
fn import_and(path: &Path, meanwhile: impl FnOnce(&ImportProgress, &AtomicBool)) -> Result<Imported, ImportError> {
    let (progress, cancel) = (ImportProgress::default(), AtomicBool::new(false));
    let request = ImportRequest { paths: vec![path.to_owned()], ..Default::default() };
    thread::scope(|scope| {
        let running = scope.spawn(|| import(&request, &progress, &cancel));
        meanwhile(&progress, &cancel);
        running.join().unwrap()
    })
}

/// A file that is read for minutes, unless something ends it. It takes no room: it is all hole.
fn endless(world: &World) -> PathBuf {
    let file = put(world.from.join("endless"), b"");
    File::options().write(true).open(&file).unwrap().set_len(1 << 40).unwrap();
    file
}

fn wait_for_bytes(progress: &ImportProgress) {
    while progress.bytes_done.load(Ordering::Relaxed) == 0 {
        thread::yield_now();
    }
}
