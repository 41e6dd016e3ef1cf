//! What lies under the paths a person gave: every file and folder with its name in the share, and what can't be shared.
//!
//! Folders are walked through handles, so a folder that is swapped for a symbolic link meanwhile leads nowhere. Each file
//! is opened once to see that it can be read; nothing is read from it. Pipes and devices are told by their kind and never
//! opened: opening one can wait for ever, or rewind a tape.

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    fs, io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

use cap_fs_ext::DirExt as _;
use cap_std::{
    ambient_authority,
    fs::{Dir, FileType},
};

use super::{
    import::{ImportError, ImportProgress},
    names::{TRIES_MAX, numbered},
    openat,
    stamp::{FileStamp, open_for_reading},
};
use crate::share::{ENTRIES_MAX, SharePath};

/// Problems are named one by one up to here; the rest are counted.
const PROBLEMS_MAX: usize = 10_000;

/// Everything that was found.
#[derive(Default)]
pub(super) struct Walk {
    /// Sorted by path in the share, each path once.
    pub found: Vec<Found>,
    /// What can't be shared, and why.
    pub problems: Vec<(PathBuf, String)>,
    pub more_problems: usize,
    /// The names at the top, in the order they were given.
    pub tops: Vec<String>,
}

/// One file or folder.
pub(super) struct Found {
    /// Its path in the share.
    pub path: SharePath,
    /// The folder on disk that `disk` begins at.
    pub root: PathBuf,
    pub disk: PathBuf,
    pub stamp: FileStamp,
    pub kind: FoundKind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum FoundKind {
    Folder,
    File { executable: bool },
}

/// Where the walk is.
struct Place {
    root: PathBuf,
    /// Names in the share.
    share: Vec<String>,
    /// The path from the root on.
    disk: PathBuf,
}

/// Looks at everything under `paths`.
pub(super) fn walk(paths: &[PathBuf], progress: &ImportProgress, cancel: &AtomicBool) -> Result<Walk, ImportError> {
    let mut walker = Walker { walk: Walk::default(), names: BTreeSet::new(), progress, cancel };
    let mut seen = BTreeSet::new();
    for path in paths {
        match fs::canonicalize(path) {
            Ok(real) if seen.insert((real.clone(), path.file_name().map(OsStr::to_owned))) => {
                walker.top(path, real)?;
            }
            Ok(_) => {}
            Err(error) => walker.problem(path, reason(&error)),
        }
    }
    walker.walk.found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(walker.walk)
}

struct Walker<'a> {
    walk: Walk,
    /// Names at the top that are taken.
    names: BTreeSet<String>,
    progress: &'a ImportProgress,
    cancel: &'a AtomicBool,
}

impl Walker<'_> {
    /// A path that a person gave; `real` has no symbolic links in it.
    fn top(&mut self, given: &Path, real: PathBuf) -> Result<(), ImportError> {
        let (Some(root), Some(disk)) = (real.parent(), real.file_name()) else {
            self.problem(given, "it is a whole disk; share a folder on it instead".to_owned());
            return Ok(());
        };
        let kind = match fs::metadata(&real) {
            Ok(metadata) => metadata.file_type(),
            Err(error) => {
                self.problem(given, reason(&error));
                return Ok(());
            }
        };
        let name = match share_name(given.file_name().unwrap_or(disk)) {
            Ok(name) => name,
            Err(why) => {
                self.problem(given, why);
                return Ok(());
            }
        };
        let mut names = (1..=TRIES_MAX).map(|number| numbered(&name, number, kind.is_dir()));
        let Some(name) = names.find(|name| !self.names.contains(name)) else {
            self.problem(given, "every name like it is taken".to_owned());
            return Ok(());
        };
        let mut place = Place { root: root.to_owned(), share: vec![name.clone()], disk: PathBuf::from(disk) };
        let before = self.walk.found.len();
        if kind.is_dir() {
            match Dir::open_ambient_dir(&real, ambient_authority()) {
                Ok(dir) => self.folder(&dir, &mut place)?,
                Err(error) => self.problem(given, reason(&error)),
            }
        } else if kind.is_file() {
            self.file(open_for_reading(&real), &place)?;
        } else {
            self.problem(given, SPECIAL.to_owned());
        }
        if self.walk.found.len() > before {
            self.names.insert(name.clone());
            self.walk.tops.push(name);
        }
        Ok(())
    }

    /// A folder and what is in it. Paths are at most 32 deep, so this calls itself no deeper.
    fn folder(&mut self, dir: &Dir, place: &mut Place) -> Result<(), ImportError> {
        let listing = (|| Ok((dir.try_clone()?.into_std_file().metadata()?, dir.entries()?)))();
        let (metadata, entries) = match listing {
            Ok(listing) => listing,
            Err(error) => {
                self.problem(&place.on_disk(), reason(&error));
                return Ok(());
            }
        };
        if !self.found(place, FileStamp::of(&metadata), FoundKind::Folder)? {
            return Ok(());
        }
        let mut names = BTreeSet::new();
        for entry in entries {
            if self.cancel.load(Ordering::Relaxed) {
                return Err(ImportError::Cancelled);
            }
            match entry.and_then(|entry| Ok((entry.file_name(), entry.file_type()?))) {
                Ok((name, kind)) => {
                    place.disk.push(&name);
                    self.inside(dir, (&name, kind), place, &mut names)?;
                    place.disk.pop();
                }
                Err(error) => self.problem(&place.on_disk(), reason(&error)),
            }
        }
        Ok(())
    }

    /// Something in a folder; `place` is it on disk, and its folder in the share. `names`: those that are taken there.
    fn inside(
        &mut self,
        dir: &Dir,
        (name, kind): (&OsStr, FileType),
        place: &mut Place,
        names: &mut BTreeSet<String>,
    ) -> Result<(), ImportError> {
        let share = match share_name(name) {
            Ok(_) if kind.is_symlink() => Err("it is a link to another place".to_owned()),
            Ok(_) if !kind.is_dir() && !kind.is_file() => Err(SPECIAL.to_owned()),
            // Two names on disk can be one in Unicode's composed form.
            Ok(share) if !names.insert(share.clone()) => Err("its name only differs invisibly from another".to_owned()),
            share => share,
        };
        let share = match share {
            Ok(share) => share,
            Err(why) => {
                self.problem(&place.on_disk(), why);
                return Ok(());
            }
        };
        place.share.push(share);
        let result = if kind.is_dir() {
            match dir.open_dir_nofollow(name) {
                Ok(dir) => self.folder(&dir, place),
                Err(error) => {
                    self.problem(&place.on_disk(), reason(&error));
                    Ok(())
                }
            }
        } else {
            self.file(openat::open_whatever(dir, name, false), place)
        };
        place.share.pop();
        result
    }

    fn file(&mut self, opened: io::Result<fs::File>, place: &Place) -> Result<(), ImportError> {
        let metadata = match opened.and_then(|file| file.metadata()) {
            Ok(metadata) if metadata.is_file() => metadata,
            Ok(_) => {
                self.problem(&place.on_disk(), SPECIAL.to_owned());
                return Ok(());
            }
            Err(error) => {
                self.problem(&place.on_disk(), reason(&error));
                return Ok(());
            }
        };
        let kind = FoundKind::File { executable: is_executable(&metadata) };
        if self.found(place, FileStamp::of(&metadata), kind)? {
            self.progress.files.fetch_add(1, Ordering::Relaxed);
            self.progress.bytes_total.fetch_add(metadata.len(), Ordering::Relaxed);
        }
        Ok(())
    }

    /// Takes a file or folder in, unless its name can't be shared; tells which.
    fn found(&mut self, place: &Place, stamp: FileStamp, kind: FoundKind) -> Result<bool, ImportError> {
        if self.walk.found.len() >= ENTRIES_MAX {
            return Err(ImportError::TooMany { limit: ENTRIES_MAX });
        }
        match SharePath::new(place.share.clone()) {
            Ok(path) => {
                let (root, disk) = (place.root.clone(), place.disk.clone());
                self.walk.found.push(Found { path, root, disk, stamp, kind });
                Ok(true)
            }
            Err(error) => {
                self.problem(&place.on_disk(), error.to_string());
                Ok(false)
            }
        }
    }

    fn problem(&mut self, path: &Path, why: String) {
        if self.walk.problems.len() < PROBLEMS_MAX {
            self.walk.problems.push((path.to_owned(), why));
        } else {
            self.walk.more_problems += 1;
        }
    }
}

impl Place {
    fn on_disk(&self) -> PathBuf {
        self.root.join(&self.disk)
    }
}

const SPECIAL: &str = "it is not a file but a pipe, socket or device";

/// A name on this disk as it stands in a share.
fn share_name(name: &OsStr) -> Result<String, String> {
    let name = name.to_str().ok_or("its name is not in Unicode")?;
    let path = SharePath::from_disk(vec![name.to_owned()]).map_err(|error| error.to_string())?;
    Ok(path.name().to_owned())
}

fn is_executable(metadata: &fs::Metadata) -> bool {
    #[cfg(unix)]
    {
        std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o100 != 0
    }
    #[cfg(not(unix))]
    {
        let _ = metadata;
        false
    }
}

/// What the system said, for a person.
pub(super) fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::PermissionDenied => "you may not read it".to_owned(),
        io::ErrorKind::NotFound => "it is not there".to_owned(),
        io::ErrorKind::InvalidInput => SPECIAL.to_owned(),
        _ => error.to_string(),
    }
}
