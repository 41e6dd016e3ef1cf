//! Puts an unfinished download's files into another folder, or lets them have another name in the end; `moving` does the same
//! with what is complete.
//!
//! Nothing that is there is overwritten, and nothing is removed before it stands elsewhere. Within one disk files are
//! renamed; to another disk they are copied, synced, and then removed. A plan is written down first: a program that ends half-way finds it and goes on, so the files and the note of what is had stay together. Nobody
//! may write to the download meanwhile; that is the caller's care.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    DiskError,
    disk::Disk,
    have_map::{FolderId, HaveFile, HaveMap},
    lasting::{make_folders, sync_folder, sync_name},
    names::{TRIES_MAX, unfinished},
};
use crate::share::{NameRules, Share, name_on_disk};

/// The longest name that is taken, in bytes.
const NAME_BYTES_MAX: usize = 240;

/// A name for one file or folder, as this system can have it; `None` where nothing usable is left of it.
pub fn usable_name(name: &str) -> Option<String> {
    let name = name.trim();
    let plain = !name.is_empty() && name.len() <= NAME_BYTES_MAX && !name.contains(['/', '\\', '\0']);
    let usable = plain && name != "." && name != ".." && !name.chars().any(char::is_control);
    usable.then(|| name_on_disk(name, NameRules::HERE).into_owned())
}

/// Moves what is there of an unfinished download to the folder `into`, which is made if it is not there, and lets it have
/// `name` in the end. Where nothing is there yet, nothing is done. `state`: the folder for notes.
pub fn move_unfinished(share: &Share, state: &Path, into: &Path, name: Option<&str>) -> Result<(), DiskError> {
    go_on_moving(share, state)?;
    let note = HaveFile::new(Disk::default(), state, share.id());
    let Some(mut map) = note.load()? else { return Ok(()) };
    let from = map.goes_into().unwrap_or_default();
    if from == into {
        if let ([top], Some(name)) = (map.tops.as_mut_slice(), name) {
            top.goal = Some(name.to_owned());
            return note.save(&map);
        }
        return Ok(());
    }
    make_folder(into)?;
    let mut plan = HaveMap::new(share.id(), into, folder_id(into)?, map.case_counts, map.tops.clone());
    plan.had = map.had;
    let only = plan.tops.len() == 1;
    let names: Vec<&str> = share.manifest().tops().map(|(_, top)| top.path.top()).collect();
    for (top, own) in plan.tops.iter_mut().zip(names) {
        top.staged = free_name(into, |number| unfinished(own, number))?;
        top.goal = name.filter(|_| only).map(str::to_owned).or_else(|| top.goal.take().filter(|_| only));
        top.placed = false;
    }
    planned(state, share).save(&plan)?;
    carry_out(share, state, &note, &plan)
}

/// Goes on with a move that was begun before the program ended, and tells the folder that an unfinished download goes
/// into; `None` where nothing was begun.
pub fn go_on_moving(share: &Share, state: &Path) -> Result<Option<PathBuf>, DiskError> {
    let note = HaveFile::new(Disk::default(), state, share.id());
    if let Some(plan) = planned(state, share).load()? {
        carry_out(share, state, &note, &plan)?;
    }
    Ok(note.load()?.and_then(|map| map.goes_into()))
}

/// The plan lies beside the note.
fn planned(state: &Path, share: &Share) -> HaveFile {
    HaveFile::planned(Disk::default(), state, share.id())
}

/// Moves each top that has not moved yet, and then makes the plan the note.
fn carry_out(share: &Share, state: &Path, note: &HaveFile, plan: &HaveMap) -> Result<(), DiskError> {
    let (into, mut moved) = (plan.goes_into().unwrap_or_default(), plan.clone());
    if let Some(before) = note.load()?.filter(|before| before.goes_into().as_deref() != Some(&into)) {
        let from = before.goes_into().unwrap_or_default();
        for (old, new) in before.tops.iter().zip(&mut moved.tops) {
            let (source, target) = (from.join(old.name()), into.join(&new.staged));
            if source.symlink_metadata().is_ok() {
                move_one(&source, &target)?;
            }
            let found = target.symlink_metadata();
            (new.made, new.inode) = (found.is_ok(), found.map_or(0, |found| inode(&found)));
        }
        note.save(&moved)?;
    }
    planned(state, share).remove()
}

pub(super) fn free_name(into: &Path, name: impl Fn(u32) -> String) -> Result<String, DiskError> {
    let free =
        |name: &String| into.join(name).symlink_metadata().is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
    (1..=TRIES_MAX).map(&name).find(free).ok_or_else(|| DiskError::NamesTaken { path: into.join(name(1)) })
}

pub(super) fn make_folder(into: &Path) -> Result<(), DiskError> {
    make_folders(into, |folder| fs::create_dir_all(folder)).map_err(|error| {
        let folder = into.to_owned();
        match error.kind() {
            io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => {
                DiskError::NoFolder { folder, why: "a file is in its place".to_owned() }
            }
            // What can't be made there at all, as below /proc.
            io::ErrorKind::NotFound => DiskError::NoFolder { folder, why: "the system does not let it".to_owned() },
            _ => DiskError::of(&into.join("."), "made", &error),
        }
    })
}

/// Renames, or where that can't be, copies and removes. What a broken copy left is removed first.
fn move_one(from: &Path, to: &Path) -> Result<(), DiskError> {
    match fs::rename(from, to) {
        Ok(()) => lasts(to).and_then(|()| lasts(from)),
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
            if to.symlink_metadata().is_ok() {
                remove(to)?;
            }
            copy(from, to).and_then(|()| lasts(to)).inspect_err(|_| drop(remove(to)))?;
            remove(from)
        }
        Err(error) => Err(DiskError::of(from, "moved", &error)),
    }
}

/// Waits until a name is on the disk.
fn lasts(path: &Path) -> Result<(), DiskError> {
    sync_name(path).map_err(|error| DiskError::of(path, "synced", &error))
}

/// Copies a file or a folder with all that is in it, and waits until all but its own name is on the disk.
pub(super) fn copy(from: &Path, to: &Path) -> Result<(), DiskError> {
    let error = |error: io::Error| DiskError::of(to, "copied", &error);
    let kind = from.symlink_metadata().map_err(error)?;
    if kind.is_dir() {
        fs::create_dir(to).map_err(error)?;
        for entry in fs::read_dir(from).map_err(error)? {
            let entry = entry.map_err(error)?;
            copy(&entry.path(), &to.join(entry.file_name()))?;
        }
        sync_folder(to).map_err(error)?;
    } else if kind.is_file() {
        fs::copy(from, to).map_err(error)?;
        let file = fs::File::options().write(true).open(to).map_err(error)?;
        if let Ok(modified) = kind.modified() {
            // A time that can't be set is less than the bytes.
            let _ = file.set_modified(modified);
        }
        file.sync_all().map_err(error)?;
    }
    Ok(())
}

pub(super) fn remove(path: &Path) -> Result<(), DiskError> {
    let is_folder = path.symlink_metadata().is_ok_and(|found| found.is_dir());
    let removed = if is_folder { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    removed.map_err(|error| DiskError::of(path, "removed", &error))
}

#[cfg(unix)]
pub(super) fn inode(metadata: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
pub(super) fn inode(_: &fs::Metadata) -> u64 {
    0
}

#[cfg(unix)]
pub(super) fn folder_id(folder: &Path) -> Result<FolderId, DiskError> {
    use std::os::unix::fs::MetadataExt as _;
    let found = fs::metadata(folder).map_err(|error| DiskError::of(&folder.join("."), "opened", &error))?;
    Ok(FolderId { device: found.dev(), inode: found.ino() })
}

#[cfg(not(unix))]
pub(super) fn folder_id(_: &Path) -> Result<FolderId, DiskError> {
    Ok(FolderId { device: 0, inode: 0 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        share::{Bitmap, testing::share_of},
        store::{Opened, Partial},
    };

    #[test]
    fn a_move_that_was_broken_off_is_carried_out_and_what_was_had_stays_had() {
        let room = tempfile::tempdir().unwrap();
        let [from, into, state] = ["from", "into", "state"].map(|name| room.path().join(name));
        [&from, &into, &state].into_iter().for_each(|folder| fs::create_dir(folder).unwrap());
        let (share, contents) = share_of(&[("a", 600_000), ("b", 700_000)]);
        let Opened::Filling(partial) = Partial::create(share.clone(), &from, &state).unwrap() else { panic!() };
        let first = share.pieces().iter().next().unwrap();
        let mut writer = partial.writer(first);
        writer.write(&contents[0][..share.pieces().len(first) as usize]).unwrap();
        writer.finish().unwrap();
        partial.save_have().unwrap();
        drop(partial);

        // The program ended when the plan was written and the first file had moved.
        let note = HaveFile::new(Disk::default(), &state, share.id()).load().unwrap().unwrap();
        let mut plan = HaveMap::new(share.id(), &into, folder_id(&into).unwrap(), note.case_counts, note.tops.clone());
        plan.had = note.had;
        planned(&state, &share).save(&plan).unwrap();
        fs::rename(from.join("a.part"), into.join("a.part")).unwrap();

        assert_eq!(go_on_moving(&share, &state), Ok(Some(into.clone())));
        let Opened::Filling(partial) = Partial::create(share.clone(), &into, &state).unwrap() else { panic!() };
        let mut had = Bitmap::empty(share.pieces());
        had.insert(first);
        assert!(partial.had() == had);
        assert_eq!(fs::read_dir(&from).unwrap().count(), 0);
        assert_eq!(fs::read_dir(&into).unwrap().count(), 2);
        assert_eq!(go_on_moving(&share, &state), Ok(Some(into)));
    }

    #[test]
    fn a_name_that_leads_elsewhere_is_not_usable() {
        for wrong in ["", " ", ".", "..", "a/b", "a\\b", "a\0b", "a\nb", &"x".repeat(241)] {
            assert_eq!(usable_name(wrong), None, "{wrong:?}");
        }
        assert_eq!(usable_name(" Film (2).mkv ").as_deref(), Some("Film (2).mkv"));
    }
}
