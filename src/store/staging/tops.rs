//! The files and folders at the top of a share: claimed under a name that nothing has, recognised again after a stop, and
//! given their final names in the end.

use std::{io, path::Path};

use cap_std::fs::Metadata;

use super::{Staging, folder_id, is_kind};
use crate::store::{
    disk_error::DiskError,
    have_map::Top,
    names::{TRIES_MAX, numbered, unfinished},
    openat::{links, open_existing},
};

/// What a look at a top's staged name told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::store) enum TopLook {
    /// It is there and ours.
    Ours,
    /// It is there, but not by the number it had: another disk, or another file.
    Doubtful,
    /// It has its final name already, or somebody put another thing there: its content tells.
    Placed,
    /// It is not there, or something else is.
    Lost,
}

impl Staging {
    /// Gives every top that has none a name that nothing has.
    pub fn choose_names(&self) -> Result<(), DiskError> {
        let mut tops = self.tops();
        tops.resize_with(self.top_entries.len(), || Top {
            staged: String::new(),
            made: false,
            inode: 0,
            goal: None,
            placed: false,
        });
        for (top, entry) in self.top_entries.iter().enumerate() {
            if tops[top].staged.is_empty() {
                tops[top].staged = self.free_name(*entry, unfinished)?;
            }
        }
        self.set_tops(tops);
        Ok(())
    }

    /// The first of the names `(1..).map(name)` that nothing has.
    fn free_name(&self, entry: usize, name: impl Fn(&str, u32) -> String) -> Result<String, DiskError> {
        let own = self.names.name(self.share.manifest(), entry);
        let mut names = (1..=TRIES_MAX).map(|number| name(own, number));
        names
            .find(|name| self.dir.symlink_metadata(name).is_err_and(|error| error.kind() == io::ErrorKind::NotFound))
            .ok_or_else(|| DiskError::NamesTaken { path: self.into.join(own) })
    }

    /// Makes the tops that are not made. `noted` is called before each attempt with a name that the note does not have
    /// yet, so that nothing is left behind that nobody knows of.
    pub fn make_tops(&self, noted: impl Fn() -> Result<(), DiskError>) -> Result<(), DiskError> {
        for (top, entry) in self.top_entries.iter().copied().enumerate() {
            while let Some(Top { staged: name, .. }) = self.top(top).filter(|top| !top.made) {
                let path = Path::new(&name);
                let made = if self.is_folder(entry) {
                    self.disk.create_dir(&self.dir, &name, path)
                } else {
                    self.disk.create_file(&self.dir, &name, path).map(drop)
                };
                match made {
                    Ok(()) => self.adopt(top, &name)?,
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                        let staged = self.free_name(entry, unfinished)?;
                        self.change_top(top, |top| top.staged = staged);
                        noted()?;
                    }
                    Err(error) => return Err(self.error(path, "made", &error)),
                }
            }
        }
        Ok(())
    }

    fn adopt(&self, top: usize, name: &str) -> Result<(), DiskError> {
        let metadata = self.dir.symlink_metadata(name).map_err(|error| self.error(Path::new(name), "made", &error))?;
        let inode = folder_id(&metadata).inode;
        self.change_top(top, |top| (top.made, top.inode) = (true, inode));
        Ok(())
    }

    /// Looks what became of a top since its note was written, and takes that over.
    pub fn look_at_top(&self, top: usize) -> Result<TopLook, DiskError> {
        self.change_top(top, |top| top.placed = false);
        let Some(known) = self.top(top) else { return Ok(TopLook::Lost) };
        let is_folder = self.is_folder(self.top_entries[top]);
        let look = |name: &str| self.dir.symlink_metadata(name).ok().filter(|found| is_kind(found, is_folder));
        if let Some(found) = look(&known.staged) {
            if known.made {
                let same = folder_id(&found).inode == known.inode && self.has_one_name(&known.staged, is_folder);
                return Ok(if same { TopLook::Ours } else { TopLook::Doubtful });
            }
            // Made in the moment before the program ended, when nothing was in it yet; else it is somebody else's.
            if self.is_empty(&known.staged, &found) {
                self.adopt(top, &known.staged)?;
                return Ok(TopLook::Ours);
            }
        } else if let Some(goal) = known.goal.as_deref().filter(|_| known.made)
            && look(goal).is_some()
        {
            self.change_top(top, |top| top.placed = true);
            return Ok(TopLook::Placed);
        }
        Ok(TopLook::Lost)
    }

    /// A file with a second name can be changed by whoever made that.
    fn has_one_name(&self, name: &str, is_folder: bool) -> bool {
        is_folder || open_existing(&self.dir, name, false).and_then(|file| links(&file)).is_ok_and(|links| links == 1)
    }

    fn is_empty(&self, name: &str, found: &Metadata) -> bool {
        if found.is_dir() {
            self.dir.read_dir(name).is_ok_and(|mut entries| entries.next().is_none())
        } else {
            found.len() == 0
        }
    }

    /// A top begins anew under another name; what stands under its old one is left alone, unless it is ours.
    pub fn start_top_again(&self, top: usize) -> Result<(), DiskError> {
        self.forget_folders();
        let staged = self.free_name(self.top_entries[top], unfinished)?;
        self.change_top(top, |top| {
            *top = Top { staged, made: false, inode: 0, goal: None, placed: false };
        });
        Ok(())
    }

    /// Gives every top its final name: the first that nothing has. `noted` is called before a name is tried that the note
    /// does not have yet.
    pub fn place_tops(&self, noted: impl Fn() -> Result<(), DiskError>) -> Result<(), DiskError> {
        self.place_some(|_| true, noted)
    }

    /// [`Staging::place_tops`], of some tops.
    pub fn place_some(
        &self,
        which: impl Fn(usize) -> bool,
        noted: impl Fn() -> Result<(), DiskError>,
    ) -> Result<(), DiskError> {
        self.forget_folders();
        let tops = || (0..self.top_entries.len()).filter(|top| which(*top));
        tops().try_for_each(|top| self.choose_goal(top))?;
        noted()?;
        for top in tops() {
            self.place_top(top, &noted)?;
        }
        Ok(())
    }

    fn choose_goal(&self, top: usize) -> Result<(), DiskError> {
        if self.top(top).is_some_and(|top| top.goal.is_none()) {
            let entry = self.top_entries[top];
            let is_folder = self.is_folder(entry);
            let goal = self.free_name(entry, |name, number| numbered(name, number, is_folder))?;
            self.change_top(top, |top| top.goal = Some(goal));
        }
        Ok(())
    }

    fn place_top(&self, top: usize, noted: impl Fn() -> Result<(), DiskError>) -> Result<(), DiskError> {
        for _ in 0..TRIES_MAX {
            let Some(Top { staged, goal: Some(goal), placed: false, .. }) = self.top(top) else { return Ok(()) };
            match self.disk.rename_new(&self.dir, &staged, &goal) {
                Ok(()) => self.change_top(top, |top| top.placed = true),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    self.change_top(top, |top| top.goal = None);
                    self.choose_goal(top)?;
                    noted()?;
                }
                Err(error) => return Err(self.error(Path::new(&staged), "given its final name", &error)),
            }
        }
        let name = self.names.name(self.share.manifest(), self.top_entries[top]);
        Err(DiskError::NamesTaken { path: self.into.join(name) })
    }
}
