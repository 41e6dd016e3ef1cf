//! The files of a download while they are being filled: what they are called, how they are made, and how they get their
//! final names.
//!
//! A file at the top of a share stands as `name.part` beside its place; a folder at the top as `name.part/`, with the final
//! names inside. Every name is reached from the folder's handle, one component at a time and never through a symbolic
//! link: whatever is planted in between leads nowhere. What was not made by us is never written to. Deliberately not
//! here: which pieces are had, and when what is saved (`partial`).

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use cap_fs_ext::DirExt as _;
use cap_std::{
    ambient_authority,
    fs::{Dir, Metadata},
};

use super::{
    disk::{self, Disk, links, open_existing},
    disk_error::DiskError,
    have_map::{FolderId, Top},
    locked,
    names::{NameTable, TRIES_MAX, numbered, unfinished},
    stamp::is_link_error,
};
use crate::share::{EntryKind, NameRules, Share};

/// The files of one download.
pub(super) struct Staging {
    pub share: Arc<Share>,
    pub disk: Disk,
    /// The folder it goes into; for messages and for looking whether it is still there.
    pub into: PathBuf,
    dir: Dir,
    pub case_counts: bool,
    pub names: NameTable,
    /// The entries at the top, by index into the manifest.
    pub top_entries: Vec<usize>,
    tops: Mutex<Vec<Top>>,
    /// Folders inside that were used last, by entry.
    folders: Mutex<Vec<(usize, Arc<Dir>)>>,
}

/// A path inside a share is 32 deep at most; so many handles keep one branch and its neighbours at hand.
const OPEN_FOLDERS_MAX: usize = 40;

/// What a look at a top's staged name told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TopLook {
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
    /// Opens the folder, which must be there.
    pub fn open(share: Arc<Share>, disk: Disk, into: &Path) -> Result<Staging, DiskError> {
        let gone = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => DiskError::FolderGone { folder: into.to_owned() },
            _ => DiskError::of(&into.join("."), "opened", &error),
        };
        let dir = Dir::open_ambient_dir(into, ambient_authority()).map_err(gone)?;
        let names = NameTable::new(share.manifest(), NameRules::HERE, true);
        let top_entries = share.manifest().tops().map(|(index, _)| index).collect();
        let (tops, folders) = (Mutex::new(vec![]), Mutex::new(vec![]));
        Ok(Staging { share, disk, into: into.to_owned(), dir, case_counts: true, names, top_entries, tops, folders })
    }

    /// Finds out whether names that differ in case only must be told apart; costs nothing for shares that have none.
    pub fn learn_case(&mut self) -> Result<(), DiskError> {
        if NameTable::has_clashes(self.share.manifest()) {
            let probe = format!(".handout-{}-A", self.share.id().short());
            let path = Path::new(&probe);
            let made = self.disk.create_file(&self.dir, &probe, path, false);
            made.map_err(|error| self.error(path, "made", &error))?;
            let case_counts = self.dir.symlink_metadata(probe.to_lowercase()).is_err();
            let _ = self.disk.remove_file(&self.dir, &probe, path);
            self.set_case(case_counts);
        }
        Ok(())
    }

    /// As [`Staging::learn_case`], where it is known.
    pub fn set_case(&mut self, case_counts: bool) {
        if case_counts != self.case_counts {
            self.case_counts = case_counts;
            self.names = NameTable::new(self.share.manifest(), NameRules::HERE, case_counts);
        }
    }

    pub fn folder_id(&self) -> FolderId {
        self.dir.dir_metadata().map_or(FolderId { device: 0, inode: 0 }, |metadata| folder_id(&metadata))
    }

    /// The top entries as they stand.
    pub fn tops(&self) -> Vec<Top> {
        locked(&self.tops).clone()
    }

    pub fn set_tops(&self, tops: Vec<Top>) {
        *locked(&self.tops) = tops;
    }

    fn top(&self, top: usize) -> Option<Top> {
        locked(&self.tops).get(top).cloned()
    }

    fn change_top(&self, top: usize, change: impl FnOnce(&mut Top)) {
        if let Some(top) = locked(&self.tops).get_mut(top) {
            change(top);
        }
    }

    // ---- Names.

    /// An error about a path inside the folder; where the folder itself can't be found, that is the error.
    pub fn error(&self, path: &Path, action: &'static str, error: &io::Error) -> DiskError {
        let error = DiskError::of(&self.into.join(path), action, error);
        let elsewhere = matches!(error, DiskError::NoSpace { .. } | DiskError::ReadOnly { .. });
        if !elsewhere && !self.into.is_dir() {
            return DiskError::FolderGone { folder: self.into.clone() };
        }
        error
    }

    /// An entry's path on the disk, from the folder on.
    pub fn path(&self, entry: usize) -> PathBuf {
        let top = self.names.top(entry);
        let tops = locked(&self.tops);
        self.path_under(entry, tops.get(top).map_or("", Top::name))
    }

    /// An entry's path, where its top has the given name.
    pub fn path_under(&self, entry: usize, top: &str) -> PathBuf {
        let manifest = self.share.manifest();
        let mut names = vec![];
        let mut at = entry;
        while let Some(parent) = self.names.parent(at) {
            names.push(self.names.name(manifest, at));
            at = parent;
        }
        let mut path = PathBuf::from(top);
        path.extend(names.iter().rev());
        path
    }

    pub fn is_folder(&self, entry: usize) -> bool {
        self.share.manifest().entries[entry].kind == EntryKind::Folder
    }

    /// Whether an entry's top has its final name.
    pub fn is_placed(&self, entry: usize) -> bool {
        self.top(self.names.top(entry)).is_some_and(|top| top.placed)
    }

    fn is_executable(&self, entry: usize) -> bool {
        matches!(self.share.manifest().entries[entry].kind, EntryKind::File { executable: true, .. })
    }

    /// The handle of the folder that an entry lies in, and its name there.
    fn place(&self, entry: usize) -> io::Result<(Arc<Dir>, String)> {
        match self.names.parent(entry) {
            Some(parent) => Ok((self.folder(parent)?, self.names.name(self.share.manifest(), entry).to_owned())),
            None => {
                let name = locked(&self.tops).get(self.names.top(entry)).map(|top| top.name().to_owned());
                Ok((Arc::new(self.dir.try_clone()?), name.ok_or(io::ErrorKind::NotFound)?))
            }
        }
    }

    /// The handle of a folder inside, opened from the top down; calls itself at most 32 deep.
    fn folder(&self, entry: usize) -> io::Result<Arc<Dir>> {
        if let Some((_, dir)) = locked(&self.folders).iter().find(|(open, _)| *open == entry) {
            return Ok(dir.clone());
        }
        let (parent, name) = self.place(entry)?;
        let dir = Arc::new(parent.open_dir_nofollow(name)?);
        let mut folders = locked(&self.folders);
        if folders.len() >= OPEN_FOLDERS_MAX {
            folders.remove(0);
        }
        folders.push((entry, dir.clone()));
        Ok(dir)
    }

    fn forget_folders(&self) {
        locked(&self.folders).clear();
    }

    // ---- The tops.

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
                    self.disk.create_file(&self.dir, &name, path, self.is_executable(entry)).map(drop)
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
        self.forget_folders();
        for top in 0..self.top_entries.len() {
            self.choose_goal(top)?;
        }
        noted()?;
        for top in 0..self.top_entries.len() {
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

    // ---- What is in them.

    /// Makes the folders inside that are not there.
    pub fn make_folders(&self) -> Result<(), DiskError> {
        let inside = (0..self.share.manifest().entries.len())
            .filter(|entry| self.is_folder(*entry) && self.names.parent(*entry).is_some());
        for entry in inside {
            let made =
                self.place(entry).and_then(|(dir, name)| match self.disk.create_dir(&dir, &name, &self.path(entry)) {
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                        if dir.symlink_metadata(&name)?.is_dir() {
                            return Ok(());
                        }
                        self.disk.remove_file(&dir, &name, &self.path(entry))?;
                        self.disk.create_dir(&dir, &name, &self.path(entry))
                    }
                    made => made,
                });
            made.map_err(|error| self.error(&self.path(entry), "made", &error))?;
        }
        Ok(())
    }

    /// A file of ours with nothing in it. What stands in its place is emptied if it is a plain file with one name, else
    /// removed: a symbolic link is never followed, and a hard link's other name keeps its content.
    pub fn fresh_file(&self, entry: usize) -> Result<File, DiskError> {
        let path = self.path(entry);
        if self.is_placed(entry) {
            // It has its final name, so it is its owner's and never written to.
            return Err(DiskError::Changed { path: self.into.join(path) });
        }
        let made = self.place(entry).and_then(|(dir, name)| {
            let create = || self.disk.create_file(&dir, &name, &path, self.is_executable(entry));
            match create() {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    if dir.symlink_metadata(&name)?.is_file() {
                        let file = open_existing(&dir, &name, true)?;
                        if links(&file)? == 1 {
                            file.set_len(0)?;
                            return Ok(file);
                        }
                    }
                    self.disk.remove_file(&dir, &name, &path)?;
                    create()
                }
                created => created,
            }
        });
        made.map_err(|error| self.error(&path, "made", &error))
    }

    /// Opens a file that is there.
    pub fn open_file(&self, entry: usize, write: bool) -> io::Result<File> {
        let (dir, name) = self.place(entry)?;
        open_existing(&dir, &name, write)
    }

    /// What stands under an entry's name; an error where that is not a plain file or folder, as it should be.
    pub fn look(&self, entry: usize) -> io::Result<Metadata> {
        let (dir, name) = self.place(entry)?;
        let found = dir.symlink_metadata(name)?;
        if is_kind(&found, self.is_folder(entry)) { Ok(found) } else { Err(io::ErrorKind::InvalidInput.into()) }
    }

    /// Gives folders the times their publisher's had, deepest first, since making a name in one changes its time.
    pub fn set_folder_times(&self) {
        for (entry, of) in self.share.manifest().entries.iter().enumerate().rev() {
            if of.kind == EntryKind::Folder
                && let Ok((dir, name)) = self.place(entry)
            {
                disk::set_dir_time(&dir, &name, of.modified);
            }
        }
    }

    /// Waits until the names at the top are on the disk.
    pub fn sync_top(&self) -> Result<(), DiskError> {
        let synced = self.disk.sync_dir(&self.dir, Path::new(""));
        synced.map_err(|error| self.error(Path::new("."), "synced", &error))
    }

    /// Waits until everything that was written is on the disk; `files` are the entries that were written to.
    #[cfg(target_os = "linux")]
    pub fn sync_many(&self, files: &[usize]) -> io::Result<()> {
        let _ = files;
        self.disk.sync_all(&self.dir)
    }

    /// Waits until everything that was written is on the disk; `files` are the entries that were written to.
    #[cfg(not(target_os = "linux"))]
    pub fn sync_many(&self, files: &[usize]) -> io::Result<()> {
        for entry in files {
            self.disk.sync_file(&self.open_file(*entry, true)?, &self.path(*entry))?;
        }
        Ok(())
    }

    /// Removes what was made and has no final name yet. What somebody else put into a folder stays, and the folder too.
    pub fn remove_all(&self) -> Result<(), DiskError> {
        let tops = self.tops();
        let ours = |entry: usize| tops.get(self.names.top(entry)).is_some_and(|top| top.made && !top.placed);
        let mut failed = None;
        for entry in (0..self.share.manifest().entries.len()).rev().filter(|entry| ours(*entry)) {
            let folder = self.is_folder(entry);
            let path = self.path(entry);
            let removed = self.place(entry).and_then(|(dir, name)| {
                if folder {
                    self.disk.remove_dir(&dir, &name, &path)
                } else {
                    self.disk.remove_file(&dir, &name, &path)
                }
            });
            match removed {
                Err(error) if !is_fine(&error) => {
                    failed.get_or_insert(self.error(&path, "removed", &error));
                }
                _ => {}
            }
        }
        failed.map_or(Ok(()), Err)
    }
}

/// What was to be removed is not there, or is a folder with something of somebody else's in it.
fn is_fine(error: &io::Error) -> bool {
    use io::ErrorKind::{DirectoryNotEmpty, NotADirectory, NotFound};
    matches!(error.kind(), NotFound | NotADirectory | DirectoryNotEmpty) || is_link_error(error)
}

fn is_kind(found: &Metadata, folder: bool) -> bool {
    if folder { found.is_dir() } else { found.is_file() }
}

#[cfg(unix)]
fn folder_id(metadata: &Metadata) -> FolderId {
    use cap_std::fs::MetadataExt as _;
    FolderId { device: metadata.dev(), inode: metadata.ino() }
}

#[cfg(not(unix))]
fn folder_id(_: &Metadata) -> FolderId {
    FolderId { device: 0, inode: 0 }
}
