//! What lies under the paths a person gave: every file and folder with its name in the share, and what can't be shared.
//!
//! Folders are walked through handles, so a folder that is swapped for a symbolic link meanwhile leads nowhere. Several
//! threads walk; each file is opened once, which shows that it can be read, and a small one is hashed while it is open:
//! opening costs more than reading it. Pipes and devices are told by their kind and never opened: opening one can wait for
//! ever, or rewind a tape.

use std::{
    collections::BTreeSet,
    ffi::{OsStr, OsString},
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use cap_fs_ext::DirExt as _;
use cap_std::{
    ambient_authority,
    fs::{Dir, FileType},
};

use super::{
    import::{ImportError, ImportProgress},
    names::{TRIES_MAX, numbered},
    openat, parallel,
    stamp::{FileStamp, Likeness, open_for_reading, read_at},
};
use crate::share::{ENTRIES_MAX, PieceLen, Root, SharePath};

/// Problems are named one by one up to here; the rest are counted.
const PROBLEMS_MAX: usize = 10_000;
/// Files of at most this many bytes are hashed while they are open. In no share are they cut into pieces.
const SMALL: u64 = 64 << 10;
const _: () = assert!(SMALL <= 1 << PieceLen::MIN_LOG2);
/// A thread takes so many files of a folder at once.
const FILES_AT_ONCE: usize = 32;

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
    pub root: Arc<Path>,
    pub disk: PathBuf,
    pub stamp: FileStamp,
    pub kind: FoundKind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum FoundKind {
    Folder,
    /// `hash`: of a small file's content, while it had this stamp.
    File {
        executable: bool,
        hash: Option<Root>,
    },
}

/// Where the walk is.
#[derive(Clone)]
struct Place {
    root: Arc<Path>,
    /// Names in the share.
    share: Vec<String>,
    /// The path from the root on.
    disk: PathBuf,
}

/// What a thread does next.
enum Job {
    /// Look what is in a folder, which has this name in its parent.
    Folder { parent: Arc<Dir>, name: OsString, place: Place },
    /// The same for the folder that a person gave.
    Top { dir: Dir, place: Place },
    /// Open these files of a folder: names on disk and in the share.
    Files { dir: Arc<Dir>, names: Vec<(OsString, String)>, place: Arc<Place> },
}

/// Looks at everything under `paths`.
pub(super) fn walk(paths: &[PathBuf], progress: &ImportProgress, cancel: &AtomicBool) -> Result<Walk, ImportError> {
    let walker = Walker { progress, cancel, count: AtomicUsize::new(0) };
    let mut walk = Walk::default();
    let (mut seen, mut names) = (BTreeSet::new(), BTreeSet::new());
    for path in paths {
        match fs::canonicalize(path) {
            Ok(real) if seen.insert((real.clone(), path.file_name().map(OsStr::to_owned))) => {
                walker.top(path, real, &mut names, &mut walk)?;
            }
            Ok(_) => {}
            Err(error) => walk.problem(path, reason(&error)),
        }
    }
    walk.found.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    walk.problems.sort();
    Ok(walk)
}

struct Walker<'a> {
    progress: &'a ImportProgress,
    cancel: &'a AtomicBool,
    /// Files and folders seen so far, also those that can't be shared.
    count: AtomicUsize,
}

impl Walker<'_> {
    /// A path that a person gave; `real` has no symbolic links in it, `names` are those at the top that are taken.
    fn top(
        &self,
        given: &Path,
        real: PathBuf,
        names: &mut BTreeSet<String>,
        walk: &mut Walk,
    ) -> Result<(), ImportError> {
        let (Some(root), Some(disk)) = (real.parent(), real.file_name()) else {
            walk.problem(given, "it is a whole disk; share a folder on it instead".to_owned());
            return Ok(());
        };
        let kind = match fs::metadata(&real) {
            Ok(metadata) => metadata.file_type(),
            Err(error) => {
                walk.problem(given, reason(&error));
                return Ok(());
            }
        };
        let name = match share_name(given.file_name().unwrap_or(disk)) {
            Ok(name) => name,
            Err(why) => {
                walk.problem(given, why);
                return Ok(());
            }
        };
        let mut numbers = (1..=TRIES_MAX).map(|number| numbered(&name, number, kind.is_dir()));
        let Some(name) = numbers.find(|name| !names.contains(name)) else {
            walk.problem(given, "every name like it is taken".to_owned());
            return Ok(());
        };
        if self.count.fetch_add(1, Ordering::Relaxed) >= ENTRIES_MAX {
            return Err(ImportError::TooMany { limit: ENTRIES_MAX });
        }
        let place = Place { root: root.into(), share: vec![name.clone()], disk: PathBuf::from(disk) };
        let before = walk.found.len();
        if kind.is_dir() {
            match Dir::open_ambient_dir(&real, ambient_authority()) {
                Ok(dir) => self.tree(dir, place, walk)?,
                Err(error) => walk.problem(given, reason(&error)),
            }
        } else if kind.is_file() {
            self.file(open_for_reading(&real), &place, &mut vec![0; SMALL as usize], walk)?;
        } else {
            walk.problem(given, SPECIAL.to_owned());
        }
        if walk.found.len() > before {
            names.insert(name.clone());
            walk.tops.push(name);
        }
        Ok(())
    }

    /// A folder and all that is in it, on all cores.
    fn tree(&self, dir: Dir, place: Place, walk: &mut Walk) -> Result<(), ImportError> {
        let parts = parallel::for_each_found(
            Job::Top { dir, place },
            self.cancel,
            || (Walk::default(), vec![0; SMALL as usize]),
            |job, (part, buffer), jobs| match job {
                Job::Top { dir, place } => self.folder(dir, place, part, jobs),
                Job::Folder { parent, name, place } => match parent.open_dir_nofollow(name) {
                    Ok(dir) => self.folder(dir, place, part, jobs),
                    Err(error) => {
                        part.problem(&place.on_disk(), reason(&error));
                        Ok(())
                    }
                },
                Job::Files { dir, names, place } => self.files(&dir, names, &place, buffer, part),
            },
        )?;
        if self.cancel.load(Ordering::Relaxed) {
            return Err(ImportError::Cancelled);
        }
        parts.into_iter().for_each(|(part, _)| walk.append(part));
        Ok(())
    }

    /// A folder: itself, and jobs for what is in it.
    fn folder(&self, dir: Dir, place: Place, walk: &mut Walk, jobs: &mut Vec<Job>) -> Result<(), ImportError> {
        let listing = (|| Ok((dir.try_clone()?.into_std_file().metadata()?, dir.entries()?)))();
        let (metadata, entries) = match listing {
            Ok(listing) => listing,
            Err(error) => {
                walk.problem(&place.on_disk(), reason(&error));
                return Ok(());
            }
        };
        if !walk.found(&place, FileStamp::of(&metadata), FoundKind::Folder) {
            return Ok(());
        }
        let (dir, place) = (Arc::new(dir), Arc::new(place));
        let (mut files, mut taken) = (vec![], BTreeSet::new());
        for entry in entries {
            if self.cancel.load(Ordering::Relaxed) {
                return Err(ImportError::Cancelled);
            }
            if self.count.fetch_add(1, Ordering::Relaxed) >= ENTRIES_MAX {
                return Err(ImportError::TooMany { limit: ENTRIES_MAX });
            }
            let (name, kind) = match entry.and_then(|entry| Ok((entry.file_name(), entry.file_type()?))) {
                Ok(entry) => entry,
                Err(error) => {
                    walk.problem(&place.on_disk(), reason(&error));
                    continue;
                }
            };
            match inside(&name, kind, &mut taken) {
                Err(why) => walk.problem(&place.on_disk().join(name), why),
                Ok(share) if kind.is_dir() => {
                    let place = place.inside(&name, share);
                    jobs.push(Job::Folder { parent: dir.clone(), name, place });
                }
                Ok(share) => {
                    files.push((name, share));
                    if files.len() >= FILES_AT_ONCE {
                        let names = std::mem::take(&mut files);
                        jobs.push(Job::Files { dir: dir.clone(), names, place: place.clone() });
                    }
                }
            }
        }
        jobs.push(Job::Files { dir, names: files, place });
        Ok(())
    }

    fn files(
        &self,
        dir: &Dir,
        names: Vec<(OsString, String)>,
        place: &Place,
        buffer: &mut [u8],
        walk: &mut Walk,
    ) -> Result<(), ImportError> {
        for (name, share) in names {
            if self.cancel.load(Ordering::Relaxed) {
                return Err(ImportError::Cancelled);
            }
            self.file(openat::open_whatever(dir, &name, false), &place.inside(&name, share), buffer, walk)?;
        }
        Ok(())
    }

    fn file(
        &self,
        opened: io::Result<fs::File>,
        place: &Place,
        buffer: &mut [u8],
        walk: &mut Walk,
    ) -> Result<(), ImportError> {
        let (file, metadata) = match opened.and_then(|file| file.metadata().map(|metadata| (file, metadata))) {
            Ok((file, metadata)) if metadata.is_file() => (file, metadata),
            Ok(_) => {
                walk.problem(&place.on_disk(), SPECIAL.to_owned());
                return Ok(());
            }
            Err(error) => {
                walk.problem(&place.on_disk(), reason(&error));
                return Ok(());
            }
        };
        let stamp = FileStamp::of(&metadata);
        let hash = if stamp.size <= SMALL { Some(hash_small(&file, stamp, place, buffer)?) } else { None };
        if walk.found(place, stamp, FoundKind::File { executable: is_executable(&metadata), hash }) {
            self.progress.files.fetch_add(1, Ordering::Relaxed);
            self.progress.bytes_total.fetch_add(stamp.size, Ordering::Relaxed);
            if hash.is_some() {
                self.progress.bytes_done.fetch_add(stamp.size, Ordering::Relaxed);
            }
        }
        Ok(())
    }
}

/// The BLAKE3 of a small file; an error if it was changed while it was read.
fn hash_small(file: &fs::File, stamp: FileStamp, place: &Place, buffer: &mut [u8]) -> Result<Root, ImportError> {
    let unread = |error: io::Error| ImportError::Unread { path: place.on_disk(), reason: reason(&error) };
    let size = stamp.size as usize;
    let mut filled = 0;
    while filled < size {
        match read_at(file, &mut buffer[filled..size], filled as u64).map_err(unread)? {
            0 => return Err(ImportError::Changed { path: place.on_disk() }),
            read => filled += read,
        }
    }
    if stamp.likeness(&FileStamp::of(&file.metadata().map_err(unread)?)) == Likeness::Other {
        return Err(ImportError::Changed { path: place.on_disk() });
    }
    Ok(Root(*blake3::hash(&buffer[..size]).as_bytes()))
}

/// What something in a folder is called in the share, or why it can't be shared. `taken`: names that are, in this folder.
fn inside(name: &OsStr, kind: FileType, taken: &mut BTreeSet<String>) -> Result<String, String> {
    let share = share_name(name)?;
    if kind.is_symlink() {
        return Err("it is a link to another place".to_owned());
    }
    if !kind.is_dir() && !kind.is_file() {
        return Err(SPECIAL.to_owned());
    }
    // Two names on disk can be one in Unicode's composed form.
    if !taken.insert(share.clone()) {
        return Err("its name only differs invisibly from another".to_owned());
    }
    Ok(share)
}

impl Walk {
    /// Takes a file or folder in, unless its name can't be shared; tells which.
    fn found(&mut self, place: &Place, stamp: FileStamp, kind: FoundKind) -> bool {
        match SharePath::new(place.share.clone()) {
            Ok(path) => {
                let (root, disk) = (place.root.clone(), place.disk.clone());
                self.found.push(Found { path, root, disk, stamp, kind });
                true
            }
            Err(error) => {
                self.problem(&place.on_disk(), error.to_string());
                false
            }
        }
    }

    fn problem(&mut self, path: &Path, why: String) {
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push((path.to_owned(), why));
        } else {
            self.more_problems += 1;
        }
    }

    /// Takes in what another thread found.
    fn append(&mut self, mut other: Walk) {
        self.found.append(&mut other.found);
        self.more_problems += other.more_problems;
        for (path, why) in other.problems {
            self.problem(&path, why);
        }
    }
}

impl Place {
    fn on_disk(&self) -> PathBuf {
        self.root.join(&self.disk)
    }

    /// Something in this folder.
    fn inside(&self, name: &OsStr, share: String) -> Place {
        let mut names = Vec::with_capacity(self.share.len() + 1);
        names.extend_from_slice(&self.share);
        names.push(share);
        Place { root: self.root.clone(), share: names, disk: self.disk.join(name) }
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
