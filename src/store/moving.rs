//! Puts a complete share's files into another folder, or under another name.
//!
//! Before anything moves, a plan is written down: where each entry will be. Within one disk what stands at the top of the
//! share is renamed; to another disk it is copied under a name that nobody else uses, synced, renamed, and only then removed
//! where it was. So at every moment each file is whole in its old place or in its new one, and a program that ends half-way
//! finds the plan when it starts again and carries it out to its end. The plan goes away when the new places are remembered
//! elsewhere. Nothing that is there is overwritten.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    Complete, DiskError, Sources,
    have_map::TEMPORARY,
    lasting::sync_name,
    names::numbered,
    relocate::{copy, free_name, make_folder, remove},
    stamp::{FileStamp, Likeness},
};
use crate::share::{EntryKind, Share, ShareId};

/// More than this was not written by us.
const PLAN_BYTES_MAX: u64 = 1 << 30;

/// Moves the files to the folder `into`, which is made if it is not there, the only top under `name`; tells where they are
/// then. They must be as they were when their content was known. `state`: the folder for notes.
pub fn move_complete(
    share: &Arc<Share>,
    content: &Complete,
    state: &Path,
    into: &Path,
    name: Option<&str>,
) -> Result<Sources, DiskError> {
    let before = content.sources();
    for entry in 0..share.manifest().entries.len() {
        let (Some(path), Some(stamp)) = (before.path(entry), before.stamp(entry)) else { continue };
        let is_unwritten =
            |found: fs::Metadata| found.is_file() && stamp.likeness(&FileStamp::of(&found)) != Likeness::Other;
        let same = path.symlink_metadata().is_ok_and(is_unwritten);
        if !same {
            return Err(DiskError::Changed { path });
        }
    }
    make_folder(into)?;
    let plan = plan(share, &before, into, name)?;
    let path = plan_path(state, share.id());
    save(&path, &plan).map_err(|error| DiskError::of(&path, "written", &error))?;
    carry_out(share, &before, &plan)
}

/// Carries out what a program that ended half-way had planned. `before`: where the files were when that was remembered last.
/// Tells where they are now; `None` where nothing was planned.
pub fn finish_move(share: &Share, before: &Sources, state: &Path) -> Result<Option<Sources>, DiskError> {
    let path = plan_path(state, share.id());
    let bytes = match fs::metadata(&path) {
        Ok(found) if found.len() <= PLAN_BYTES_MAX => fs::read(&path),
        Ok(_) => return Ok(None),
        Err(error) => Err(error),
    };
    let bytes = match bytes {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(DiskError::of(&path, "read", &error)),
    };
    match Sources::parse(&bytes) {
        Ok(plan) if plan.len() == share.manifest().entries.len() => carry_out(share, before, &plan).map(Some),
        _ => Ok(None),
    }
}

/// To be called when the new places are remembered.
pub fn forget_move(state: &Path, share: ShareId) -> Result<(), DiskError> {
    let path = plan_path(state, share);
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(DiskError::of(&path, "removed", &error)),
        _ => Ok(()),
    }
}

fn plan_path(state: &Path, share: ShareId) -> PathBuf {
    state.join(format!("{share}.moving"))
}

/// After a power cut it is not there, or whole.
fn save(path: &Path, plan: &Sources) -> io::Result<()> {
    let temporary = PathBuf::from(format!("{}{TEMPORARY}", path.display()));
    fs::write(&temporary, plan.to_bytes())?;
    fs::File::open(&temporary)?.sync_all()?;
    fs::rename(&temporary, path)?;
    sync_name(path)
}

/// Where each entry will be, with the stamps that it has.
fn plan(share: &Share, before: &Sources, into: &Path, name: Option<&str>) -> Result<Sources, DiskError> {
    let tops = tops(share);
    let (mut plan, only) = (Sources::new(), tops.len() == 1);
    let root = plan.add_root(into);
    for (top, entries) in tops {
        let old = before.path(top).ok_or_else(|| DiskError::Changed { path: into.to_owned() })?;
        let own = old.file_name().map(|own| own.to_string_lossy().into_owned()).unwrap_or_default();
        let wished = name.filter(|_| only).unwrap_or(&own);
        let is_folder = share.manifest().entries.get(top).is_some_and(|entry| entry.kind == EntryKind::Folder);
        let stays = old.parent() == Some(into) && wished == own;
        let new = if stays { own } else { free_name(into, |number| numbered(wished, number, is_folder))? };
        for entry in entries {
            let path = before.path(entry).unwrap_or_default();
            // What is below the top stays where it is in it.
            let inside = path.strip_prefix(&old).unwrap_or(Path::new(""));
            let path = if inside.as_os_str().is_empty() { PathBuf::from(&new) } else { Path::new(&new).join(inside) };
            plan.push(root, &path, before.stamp(entry));
        }
    }
    Ok(plan)
}

/// The entries at the top, each with all entries that lie in it.
fn tops(share: &Share) -> Vec<(usize, std::ops::Range<usize>)> {
    let manifest = share.manifest();
    let tops: Vec<usize> = manifest.tops().map(|(entry, _)| entry).collect();
    let ends = tops.iter().copied().skip(1).chain([manifest.entries.len()]);
    tops.iter().copied().zip(ends).map(|(top, end)| (top, top..end)).collect()
}

/// Moves each top that has not moved yet, and stamps what is in its new place.
fn carry_out(share: &Share, before: &Sources, plan: &Sources) -> Result<Sources, DiskError> {
    let mut after = plan.clone();
    for (top, entries) in tops(share) {
        let (Some(old), Some(new)) = (before.path(top), plan.path(top)) else { continue };
        if old != new {
            move_top(&old, &new, &format!(".handout-{}-{top}.moving", share.id().short()))?;
        }
        for entry in entries {
            let (Some(path), Some(_)) = (plan.path(entry), plan.stamp(entry)) else { continue };
            let found = path.symlink_metadata();
            after.set_stamp(entry, FileStamp::of(&found.map_err(|error| DiskError::of(&path, "moved", &error))?));
        }
    }
    Ok(after)
}

/// `between`: the name that a copy has until it is whole.
fn move_top(old: &Path, new: &Path, between: &str) -> Result<(), DiskError> {
    let error = |error: io::Error| DiskError::of(old, "moved", &error);
    // Of a share of which only some files are wanted, a top can be missing; and what has moved already is not here either.
    if old.symlink_metadata().is_err() {
        return Ok(());
    }
    if new.symlink_metadata().is_ok() {
        if !is_copy(old, new).map_err(error)? {
            return Err(DiskError::NamesTaken { path: new.to_owned() });
        }
        // Only a whole copy gets this name, so what was left to do is this.
        return remove(old);
    }
    match fs::rename(old, new) {
        Ok(()) => sync_name(new).and_then(|()| sync_name(old)).map_err(error),
        Err(crossing) if crossing.kind() == io::ErrorKind::CrossesDevices => {
            let between = new.with_file_name(between);
            if between.symlink_metadata().is_ok() {
                remove(&between)?;
            }
            copy(old, &between).inspect_err(|_| drop(remove(&between)))?;
            fs::rename(&between, new).and_then(|()| sync_name(new)).map_err(error)?;
            remove(old)
        }
        Err(other) => Err(error(other)),
    }
}

/// Whether all that is in `old` stands in `new` too, as [`copy`] leaves it; else it is somebody's own.
fn is_copy(old: &Path, new: &Path) -> io::Result<bool> {
    let (of_old, of_new) = (old.symlink_metadata()?, new.symlink_metadata()?);
    if of_old.is_dir() {
        for entry in fs::read_dir(old)? {
            let name = entry?.file_name();
            if new.join(&name).symlink_metadata().is_err() || !is_copy(&old.join(&name), &new.join(&name))? {
                return Ok(false);
            }
        }
        return Ok(of_new.is_dir());
    }
    let same_time = of_old.modified().ok() == of_new.modified().ok();
    Ok(of_new.file_type() == of_old.file_type() && of_new.len() == of_old.len() && same_time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::share::testing::share_of;

    /// A share of a folder's content, in `from`, on the point of moving to `into`.
    struct Stage {
        room: tempfile::TempDir,
        share: Arc<Share>,
        before: Sources,
        contents: Vec<Vec<u8>>,
    }

    const NAMES: [&str; 2] = ["a", "b"];

    fn stage() -> Stage {
        let room = tempfile::tempdir().unwrap();
        for name in ["from", "into", "state"] {
            fs::create_dir(room.path().join(name)).unwrap();
        }
        let (share, contents) = share_of(&[("a", 600_000), ("b", 700_000)]);
        let mut before = Sources::new();
        let root = before.add_root(&room.path().join("from"));
        for (name, content) in NAMES.iter().zip(&contents) {
            let path = room.path().join("from").join(name);
            fs::write(&path, content).unwrap();
            before.push(root, Path::new(name), Some(FileStamp::of(&path.symlink_metadata().unwrap())));
        }
        Stage { room, share, before, contents }
    }

    impl Stage {
        fn at(&self, path: &str) -> PathBuf {
            self.room.path().join(path)
        }

        /// The program ended after the plan was written; now it starts again.
        fn planned(&self) {
            let plan = plan(&self.share, &self.before, &self.at("into"), None).unwrap();
            save(&plan_path(&self.at("state"), self.share.id()), &plan).unwrap();
        }

        /// Everything is in its new place and whole, nothing is anywhere else, and it can be given out.
        fn arrives(&self) {
            let after = finish_move(&self.share, &self.before, &self.at("state")).unwrap().unwrap();
            for (entry, (name, content)) in NAMES.iter().zip(&self.contents).enumerate() {
                let path = self.at("into").join(name);
                assert_eq!((after.path(entry), fs::read(&path).unwrap() == *content), (Some(path.clone()), true));
                assert_eq!(after.stamp(entry), Some(FileStamp::of(&path.symlink_metadata().unwrap())));
            }
            assert_eq!(fs::read_dir(self.at("from")).unwrap().count(), 0);
            assert_eq!(fs::read_dir(self.at("into")).unwrap().count(), NAMES.len());
            forget_move(&self.at("state"), self.share.id()).unwrap();
            assert_eq!(finish_move(&self.share, &after, &self.at("state")), Ok(None));
            assert_eq!(fs::read_dir(self.at("state")).unwrap().count(), 0);
        }
    }

    #[test]
    fn a_move_that_ended_half_way_is_carried_out_wherever_it_ended() {
        let ends: [fn(&Stage); 4] = [
            // Before the first file.
            |_| {},
            // Between two files.
            |stage| fs::rename(stage.at("from/a"), stage.at("into/a")).unwrap(),
            // After the copy, before the original was removed.
            |stage| copy(&stage.at("from/a"), &stage.at("into/a")).unwrap(),
            // After the last file, before the new places were remembered.
            |stage| {
                for name in NAMES {
                    fs::rename(stage.at("from").join(name), stage.at("into").join(name)).unwrap();
                }
            },
        ];
        for end in ends {
            let stage = stage();
            stage.planned();
            end(&stage);
            stage.arrives();
        }
    }

    #[test]
    fn what_somebody_put_in_the_new_place_meanwhile_is_left_and_nothing_is_lost() {
        let stage = stage();
        stage.planned();
        fs::write(stage.at("into/a"), "my own").unwrap();

        let failed = finish_move(&stage.share, &stage.before, &stage.at("state"));

        assert!(matches!(failed, Err(DiskError::NamesTaken { .. })), "{failed:?}");
        assert_eq!(fs::read(stage.at("into/a")).unwrap(), b"my own");
        assert_eq!(fs::read(stage.at("from/a")).unwrap(), stage.contents[0]);
    }

    #[test]
    fn a_damaged_plan_moves_nothing() {
        let stage = stage();
        stage.planned();
        let path = plan_path(&stage.at("state"), stage.share.id());
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();

        assert_eq!(finish_move(&stage.share, &stage.before, &stage.at("state")), Ok(None));
        assert_eq!(fs::read_dir(stage.at("from")).unwrap().count(), 2);
    }
}
