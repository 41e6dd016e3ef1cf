//! Somebody else on the same computer, or on the network, tries to make a download write elsewhere.

use std::{fs, os::unix::fs::symlink, sync::Arc};

use handout::{
    share::{EntryKind, Share, SharePath},
    store::{Checking, Complete, DiskError, Opened, Partial, disk::Disk, import::Imported},
};

use super::{World, bytes, fetch, fetch_all, put, share_of, sign, tree};
use crate::as_root;

fn share(world: &World) -> (Arc<Share>, Complete) {
    put(world.from.join("f/sub/large"), &bytes(1, 600_000));
    put(world.from.join("f/sub/small"), &bytes(2, 100));
    let (share, imported) = share_of(&[world.from.join("f")]);
    (share.clone(), Complete::open(share, imported.sources))
}

#[test]
fn a_link_in_the_place_of_a_staged_file_is_not_followed() {
    let world = World::new();
    let (share, complete) = share(&world);
    let victim = put(world.state.join("victim"), b"precious");
    let staged = world.into.join("f.part/sub");
    let partial = world.create(&share);
    drop(partial);
    for name in ["large", "small"] {
        fs::remove_file(staged.join(name)).ok();
        symlink(&victim, staged.join(name)).unwrap();
    }

    let partial = world.resume(&share);
    fetch_all(&share, &complete, &partial);
    partial.finish().unwrap();

    assert_eq!(fs::read(victim).unwrap(), b"precious");
    assert_eq!(tree(&world.into), tree(&world.from));
}

#[test]
fn a_hard_link_in_the_place_of_a_staged_file_does_not_change_its_other_name() {
    let world = World::new();
    let (share, complete) = share(&world);
    let victim = put(world.state.join("victim"), b"precious");
    let partial = world.create(&share);
    fs::hard_link(&victim, world.into.join("f.part/sub/small")).unwrap();

    fetch_all(&share, &complete, &partial);
    partial.finish().unwrap();

    assert_eq!(fs::read(victim).unwrap(), b"precious");
    assert_eq!(tree(&world.into), tree(&world.from));
}

#[test]
fn a_folder_swapped_for_a_link_while_it_is_filled_leads_nowhere() {
    let world = World::new();
    let (share, complete) = share(&world);
    let elsewhere = world.state.join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let partial = world.create(&share);
    drop(partial);
    let partial = world.resume(&share);
    fs::rename(world.into.join("f.part/sub"), world.into.join("f.part/moved")).unwrap();
    symlink(&elsewhere, world.into.join("f.part/sub")).unwrap();

    for piece in share.pieces().iter() {
        let mut writer = partial.writer(piece);
        let _ = writer.write(&bytes(1, 1000));
    }
    let refused = partial.finish();

    assert!(refused.is_err());
    assert!(tree(&elsewhere).is_empty());
    drop(partial);
    let partial = world.resume(&share);
    fetch_all(&share, &complete, &partial);
    partial.finish().unwrap();
    assert!(tree(&elsewhere).is_empty());
    assert_eq!(fs::read(world.into.join("f/sub/small")).unwrap(), bytes(2, 100));
    assert!(world.into.join("f/sub").symlink_metadata().unwrap().is_dir());
}

#[test]
fn a_link_to_a_folder_inside_the_staging_is_not_taken_for_a_folder_either() {
    let world = World::new();
    put(world.from.join("f/a/x"), b"ax");
    put(world.from.join("f/b/x"), b"bx");
    let (share, imported) = share_of(&[world.from.join("f")]);
    drop(world.create(&share));
    fs::remove_dir(world.into.join("f.part/b")).unwrap();
    symlink("a", world.into.join("f.part/b")).unwrap();

    let partial = world.resume(&share);
    fetch_all(&share, &Complete::open(share.clone(), imported.sources), &partial);
    partial.finish().unwrap();

    assert_eq!(tree(&world.into), tree(&world.from));
}

#[test]
fn a_staged_file_that_was_swapped_for_another_of_the_same_length_is_read_again() {
    let world = World::new();
    let (share, imported) = share_of(&[put(world.from.join("a.bin"), &bytes(1, 600_000))]);
    let complete = Complete::open(share.clone(), imported.sources);
    let partial = world.create(&share);
    fetch(&complete, &partial, share.pieces().index(0).unwrap());
    fetch(&complete, &partial, share.pieces().index(1).unwrap());
    partial.save_have().unwrap();
    drop(partial);
    let mut swapped = bytes(1, 600_000);
    swapped[0] ^= 1;
    let other = put(world.state.join("other"), &swapped);
    fs::rename(other, world.into.join("a.bin.part")).unwrap();

    let partial = world.resume(&share);

    assert_eq!(partial.had().iter(share.pieces()).map(|piece| piece.get()).collect::<Vec<_>>(), [1]);
    fetch_all(&share, &complete, &partial);
    partial.finish().unwrap();
    assert_eq!(tree(&world.into), tree(&world.from));
}

#[test]
fn a_folder_of_somebody_else_with_the_staged_name_is_left_alone() {
    let world = World::new();
    let (share, complete) = share(&world);
    put(world.into.join("f.part/sub/small"), b"not ours");
    let partial = world.create(&share);
    assert_eq!(partial.places(), [world.into.join("f (2).part")]);
    fetch_all(&share, &complete, &partial);
    partial.finish().unwrap();
    assert_eq!(fs::read(world.into.join("f.part/sub/small")).unwrap(), b"not ours");
}

#[test]
fn a_share_larger_than_the_disk_is_refused_and_leaves_nothing() {
    let world = World::new();
    let (_, mut imported) = share_of(&[put(world.from.join("a"), b"1")]);
    let size = 1 << 43;
    let EntryKind::File { root, executable, .. } = imported.entries[0].kind else { panic!("a file") };
    // Many files of the size of a piece need no list of hashes, whatever they claim to hold.
    let piece_len = handout::share::PieceLen::MAX;
    let each = u64::from(piece_len.bytes());
    let entry = |number: u64| {
        let mut entry = imported.entries[0].clone();
        entry.path = SharePath::new(vec![format!("{number:07}")]).unwrap();
        entry.kind = EntryKind::File { size: each, root, executable };
        entry
    };
    imported.entries = (0..100_000).map(entry).collect();
    let imported = Imported { piece_len, ..imported };
    let share = sign(&imported);
    assert!(share.manifest().size() < size);

    let error = Partial::create(share, &world.into, &world.state).err().unwrap();

    assert!(matches!(&error, DiskError::NoSpace { needed, free, .. } if needed > free), "{error}");
    assert!(error.to_string().contains("1.7 TB needed"), "{error}");
    assert!(tree(&world.into).is_empty() && tree(&world.state).is_empty());
}

#[test]
fn a_disk_that_runs_full_says_so_keeps_what_it_has_and_goes_on_when_there_is_room() {
    if as_root::instead(
        module_path!(),
        "a_disk_that_runs_full_says_so_keeps_what_it_has_and_goes_on_when_there_is_room",
    ) {
        return;
    }
    let world = World::new();
    let small = world.into.join("small disk");
    fs::create_dir(&small).unwrap();
    let _mounted = SmallDisk::mount(&small);
    let folder = world.from.join("f");
    (0..12).for_each(|seed| drop(put(folder.join(format!("{seed}")), &bytes(seed, 100_000))));
    let (share, imported) = share_of(&[folder]);
    let complete = Complete::open(share.clone(), imported.sources);
    let Opened::Filling(partial) =
        Partial::create_on(Disk::default(), share.clone(), &small, &world.state, &Checking::default()).unwrap()
    else {
        panic!("it is empty");
    };

    let filler = put(small.join("filler"), &bytes(9, 1_300_000));
    let mut error = None;
    for piece in share.pieces().iter() {
        let mut writer = partial.writer(piece);
        let content = super::read_all(complete.reader(piece).unwrap());
        match writer.write(&content) {
            Ok(()) => writer.finish().unwrap(),
            Err(full) => error = Some(full),
        }
    }
    let error = error.unwrap();
    assert!(matches!(&error, DiskError::NoSpace { needed, .. } if *needed >= 100_000), "{error}");
    assert!(error.may_heal() && partial.had().count() >= 1);
    partial.save_have().unwrap();
    drop(partial);

    fs::remove_file(filler).unwrap();
    let partial = world.resume(&share);
    assert!(partial.had().count() >= 1);
    fetch_all(&share, &complete, &partial);
    partial.finish().unwrap();
    assert_eq!(tree(&small), tree(&world.from));
}

/// A disk of 2 MiB, as long as it lives.
struct SmallDisk(std::path::PathBuf);

impl SmallDisk {
    fn mount(at: &std::path::Path) -> SmallDisk {
        let mount = ["-t", "tmpfs", "-o", "size=2m", "tmpfs"];
        let mounted = std::process::Command::new("mount").args(mount).arg(at).output().unwrap();
        assert!(mounted.status.success(), "{}", String::from_utf8_lossy(&mounted.stderr));
        SmallDisk(at.to_owned())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
