//! The files of a download while they are being filled: what they are called, how they are made, and how they get their
//! final names (`tops`).
//!
//! A file at the top of a share stands as `name.part` beside its place; a folder at the top as `name.part/`, with the final
//! names inside. Every name is reached from the folder's handle, one component at a time and never through a symbolic
//! link: whatever is planted in between leads nowhere. What was not made by us is never written to. Deliberately not
//! here: which pieces are had, and when what is saved (`partial`).

mod tops;

use std::{
    borrow::Cow,
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
    disk::{self, Disk},
    disk_error::DiskError,
    have_map::{FolderId, Top},
    locked,
    names::NameTable,
    openat::{self, Seen, links, open_existing},
    stamp::is_link_error,
};
use crate::share::{EntryKind, NameRules, Share};

pub(super) use tops::TopLook;

/// The files of one download.
pub(super) struct Staging {
    pub share: Arc<Share>,
    pub disk: Disk,
    /// The folder it goes into; for messages and for looking whether it is still there.
    pub into: PathBuf,
    dir: Arc<Dir>,
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
/// More folders than this are synced by one wait for all of the file system, where there is one.
const SYNC_SINGLY_MAX: usize = 8;

impl Staging {
    /// Opens the folder, which must be there.
    pub fn open(share: Arc<Share>, disk: Disk, into: &Path) -> Result<Staging, DiskError> {
        let gone = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => DiskError::FolderGone { folder: into.to_owned() },
            _ => DiskError::of(&into.join("."), "opened", &error),
        };
        let dir = Arc::new(Dir::open_ambient_dir(into, ambient_authority()).map_err(gone)?);
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
            let made = self.disk.create_file(&self.dir, &probe, path);
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

    /// Whether an entry's top was made by us, so that something of the entry can be there.
    pub fn is_made(&self, entry: usize) -> bool {
        self.top(self.names.top(entry)).is_some_and(|top| top.made)
    }

    /// Whether an entry's top has its final name.
    pub fn is_placed(&self, entry: usize) -> bool {
        self.top(self.names.top(entry)).is_some_and(|top| top.placed)
    }

    /// The handle of the folder that an entry lies in, and its name there.
    fn place(&self, entry: usize) -> io::Result<(Arc<Dir>, Cow<'_, str>)> {
        match self.names.parent(entry) {
            Some(parent) => Ok((self.folder(parent)?, self.names.name(self.share.manifest(), entry).into())),
            None => {
                let name = locked(&self.tops).get(self.names.top(entry)).map(|top| top.name().to_owned());
                Ok((self.dir.clone(), name.ok_or(io::ErrorKind::NotFound)?.into()))
            }
        }
    }

    /// The handle of a folder inside, opened from the top down; calls itself at most 32 deep.
    fn folder(&self, entry: usize) -> io::Result<Arc<Dir>> {
        if let Some((_, dir)) = locked(&self.folders).iter().find(|(open, _)| *open == entry) {
            return Ok(dir.clone());
        }
        let (parent, name) = self.place(entry)?;
        let dir = Arc::new(parent.open_dir_nofollow(name.as_ref())?);
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

    /// Makes the folders inside that are not there.
    pub fn make_folders(&self) -> Result<(), DiskError> {
        let inside = (0..self.share.manifest().entries.len())
            .filter(|entry| self.is_folder(*entry) && self.names.parent(*entry).is_some());
        for entry in inside {
            let made =
                self.place(entry).and_then(|(dir, name)| match self.disk.create_dir(&dir, &name, &self.path(entry)) {
                    Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                        if openat::look(&dir, &name)?.is_folder {
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
            let create = || self.disk.create_file(&dir, &name, &path);
            match create() {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    if openat::look(&dir, &name)?.is_file {
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
    pub fn look(&self, entry: usize) -> io::Result<Seen> {
        let (dir, name) = self.place(entry)?;
        let seen = openat::look(&dir, &name)?;
        let right = if self.is_folder(entry) { seen.is_folder } else { seen.is_file };
        if right { Ok(seen) } else { Err(io::ErrorKind::InvalidInput.into()) }
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

    /// Waits until the names of all that was made are on the disk.
    pub fn sync_folders(&self) -> io::Result<()> {
        let entries = 0..self.share.manifest().entries.len();
        let folders: Vec<usize> = entries.filter(|entry| self.is_folder(*entry) && self.is_made(*entry)).collect();
        if cfg!(target_os = "linux") && folders.len() > SYNC_SINGLY_MAX {
            return self.sync_many(&[]);
        }
        for entry in folders {
            self.disk.sync_dir(self.folder(entry)?.as_ref(), &self.path(entry))?;
        }
        self.disk.sync_dir(&self.dir, Path::new(""))
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
        self.remove_where(|_| true)
    }

    /// [`Staging::remove_all`], of some entries; of folders, those that nothing is left in.
    pub fn remove_where(&self, which: impl Fn(usize) -> bool) -> Result<(), DiskError> {
        let tops = self.tops();
        let made = |entry: usize| tops.get(self.names.top(entry)).is_some_and(|top| top.made && !top.placed);
        let ours = |entry: usize| made(entry) && which(entry);
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
