//! Everything that changes a folder downloads go into, in one place.
//!
//! All names are single components beside a [`Dir`] handle, and no symbolic link is followed, so what a stranger named or
//! what somebody planted in the meantime can't lead out of the folder. Each operation first passes a [`Gate`]: tests make
//! the disk fail there after any number of operations. Deliberately not here: what is written when (`staging`, `partial`).

use std::{
    fs::{File, FileTimes},
    io,
    path::Path,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use cap_fs_ext::DirExt as _;
use cap_std::fs::Dir;

use super::openat;
use crate::share::Modified;

/// One change of the disk. Paths are relative to the folder that is downloaded into, or names in the state folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskOp<'a> {
    Create {
        path: &'a Path,
    },
    Reserve {
        path: &'a Path,
        len: u64,
    },
    /// A file takes over the content of another, of `len` bytes.
    Clone {
        path: &'a Path,
        len: u64,
    },
    Write {
        path: &'a Path,
        offset: u64,
        len: usize,
    },
    Sync {
        path: &'a Path,
    },
    /// Everything on the file system.
    SyncAll,
    Rename {
        from: &'a Path,
        to: &'a Path,
    },
    Remove {
        path: &'a Path,
    },
}

/// Is asked before each change of the disk; an error is as if the disk had given it.
pub trait Gate: Send + Sync {
    fn pass(&self, op: DiskOp<'_>) -> io::Result<()>;
}

/// The way to the disk; cheap to clone.
#[derive(Clone, Default)]
pub struct Disk {
    gate: Option<Arc<dyn Gate>>,
}

impl Disk {
    /// A disk where each operation first passes a gate.
    pub fn with_gate(gate: Arc<dyn Gate>) -> Disk {
        Disk { gate: Some(gate) }
    }

    fn pass(&self, op: DiskOp<'_>) -> io::Result<()> {
        self.gate.as_ref().map_or(Ok(()), |gate| gate.pass(op))
    }

    /// Makes a file that was not there, for reading and writing; whoever may read it is up to the umask.
    pub(super) fn create_file(&self, dir: &Dir, name: &str, path: &Path) -> io::Result<File> {
        self.pass(DiskOp::Create { path })?;
        openat::create_file(dir, name)
    }

    /// Makes a folder that was not there.
    pub(super) fn create_dir(&self, dir: &Dir, name: &str, path: &Path) -> io::Result<()> {
        self.pass(DiskOp::Create { path })?;
        dir.create_dir(name)
    }

    /// Gives a file its length and takes the room for it, where the file system can; elsewhere only the length.
    pub(super) fn reserve(&self, file: &File, path: &Path, len: u64) -> io::Result<()> {
        self.pass(DiskOp::Reserve { path, len })?;
        match fs4::FileExt::allocate(file, len) {
            Err(error) if matches!(error.kind(), io::ErrorKind::Unsupported | io::ErrorKind::InvalidInput) => {
                file.set_len(len)
            }
            Err(error) => Err(error),
            Ok(()) if file.metadata()?.len() < len => file.set_len(len),
            Ok(()) => Ok(()),
        }
    }

    /// Writes all bytes at a position.
    pub(super) fn write_at(&self, file: &File, path: &Path, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.pass(DiskOp::Write { path, offset, len: bytes.len() })?;
        #[cfg(unix)]
        {
            std::os::unix::fs::FileExt::write_all_at(file, bytes, offset)
        }
        #[cfg(windows)]
        {
            let mut done = 0;
            while done < bytes.len() {
                match std::os::windows::fs::FileExt::seek_write(file, &bytes[done..], offset + done as u64)? {
                    0 => return Err(io::ErrorKind::WriteZero.into()),
                    written => done += written,
                }
            }
            Ok(())
        }
    }

    /// Makes a file share its content with another, where the file system can (btrfs, XFS and others, on Linux); an error
    /// of kind `Unsupported` where it can't.
    pub(super) fn clone_file(&self, from: &File, to: &File, path: &Path) -> io::Result<()> {
        let len = from.metadata()?.len();
        self.pass(DiskOp::Clone { path, len })?;
        #[cfg(target_os = "linux")]
        {
            use rustix::io::Errno;
            rustix::fs::ioctl_ficlone(to, from).map_err(|error| match error {
                Errno::OPNOTSUPP | Errno::NOTTY | Errno::XDEV | Errno::INVAL | Errno::NOSYS => {
                    io::ErrorKind::Unsupported.into()
                }
                error => error.into(),
            })
        }
        #[cfg(not(target_os = "linux"))]
        {
            let _ = to;
            Err(io::ErrorKind::Unsupported.into())
        }
    }

    /// Asks the system to begin writing a part of a file to the disk. It is advice: where it can't be given, the bytes go
    /// with the next sync. Linux starts writing what it is told is not needed soon, and keeps in memory what is still being
    /// written; what was written already it forgets, so a part should be told of once, when it is complete.
    pub(super) fn write_back(&self, file: &File, offset: u64, len: u32) {
        #[cfg(target_os = "linux")]
        {
            let _ =
                rustix::fs::fadvise(file, offset, std::num::NonZeroU64::new(len.into()), rustix::fs::Advice::DontNeed);
        }
        #[cfg(not(target_os = "linux"))]
        let _ = (file, offset, len);
    }

    /// Waits until a file's bytes are on the disk.
    pub(super) fn sync_file(&self, file: &File, path: &Path) -> io::Result<()> {
        self.pass(DiskOp::Sync { path })?;
        file.sync_data()
    }

    /// Waits until a folder's names are on the disk; Windows does so by itself.
    pub(super) fn sync_dir(&self, dir: &Dir, path: &Path) -> io::Result<()> {
        self.pass(DiskOp::Sync { path })?;
        #[cfg(unix)]
        {
            dir.open(".")?.into_std().sync_all()
        }
        #[cfg(not(unix))]
        {
            let _ = dir;
            Ok(())
        }
    }

    /// Waits until everything on a folder's file system is on the disk: for thousands of small files that is one wait
    /// instead of thousands. Only Linux has it.
    #[cfg(target_os = "linux")]
    pub(super) fn sync_all(&self, dir: &Dir) -> io::Result<()> {
        self.pass(DiskOp::SyncAll)?;
        Ok(rustix::fs::syncfs(dir.open(".")?)?)
    }

    /// Gives a thing another name in its folder; `AlreadyExists` where the name is taken by anything.
    pub(super) fn rename_new(&self, dir: &Dir, from: &str, to: &str) -> io::Result<()> {
        self.pass(DiskOp::Rename { from: Path::new(from), to: Path::new(to) })?;
        #[cfg(any(target_os = "linux", target_vendor = "apple"))]
        {
            use rustix::{fs::RenameFlags, io::Errno};
            match rustix::fs::renameat_with(dir, from, dir, to, RenameFlags::NOREPLACE) {
                Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {}
                result => return Ok(result?),
            }
        }
        rename_without_flags(dir, from, to)
    }

    /// Gives a file the name of another, which is gone then.
    pub(super) fn rename_over(&self, dir: &Dir, from: &str, to: &str) -> io::Result<()> {
        self.pass(DiskOp::Rename { from: Path::new(from), to: Path::new(to) })?;
        dir.rename(from, dir, to)
    }

    /// Removes a file or symbolic link, not what the link leads to.
    pub(super) fn remove_file(&self, dir: &Dir, name: &str, path: &Path) -> io::Result<()> {
        self.pass(DiskOp::Remove { path })?;
        dir.remove_file_or_symlink(name)
    }

    /// Removes an empty folder.
    pub(super) fn remove_dir(&self, dir: &Dir, name: &str, path: &Path) -> io::Result<()> {
        self.pass(DiskOp::Remove { path })?;
        dir.remove_dir(name)
    }
}

/// For file systems without "rename, but not over anything". A hard link is refused where the name is taken, and so is an
/// empty folder's making; only for files on disks without hard links does a look have to do.
fn rename_without_flags(dir: &Dir, from: &str, to: &str) -> io::Result<()> {
    if dir.symlink_metadata(from)?.is_dir() {
        #[cfg(unix)]
        {
            dir.create_dir(to)?;
            return dir.rename(from, dir, to).inspect_err(|_| {
                // Empty, or it would not be ours; a failed clean-up leaves an empty folder.
                let _ = dir.remove_dir(to);
            });
        }
    } else if dir.hard_link(from, dir, to).is_ok() {
        return dir.remove_file(from);
    }
    if dir.symlink_metadata(to).is_ok() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    dir.rename(from, dir, to)
}

/// Gives a file the time its publisher's had. A disk that can't (or a time out of its range) is no reason to fail: the
/// content is right.
pub(super) fn set_file_time(file: &File, modified: Modified) {
    if let Some(time) = system_time(modified) {
        let _ = file.set_times(FileTimes::new().set_modified(time));
    }
}

/// [`set_file_time`] for a folder.
pub(super) fn set_dir_time(parent: &Dir, name: &str, modified: Modified) {
    if let Some(time) = system_time(modified) {
        let time = cap_fs_ext::SystemTimeSpec::Absolute(cap_std::time::SystemTime::from_std(time));
        let _ = parent.set_symlink_times(name, None, Some(time));
    }
}

fn system_time(modified: Modified) -> Option<SystemTime> {
    let seconds = Duration::from_secs(modified.s.unsigned_abs());
    let whole = if modified.s < 0 { UNIX_EPOCH.checked_sub(seconds)? } else { UNIX_EPOCH.checked_add(seconds)? };
    whole.checked_add(Duration::from_nanos(modified.ns.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rename_never_goes_over_anything_on_any_file_system() {
        let folder = tempfile::tempdir().unwrap();
        let dir = Dir::open_ambient_dir(folder.path(), cap_std::ambient_authority()).unwrap();
        for rename in [with_flags, rename_without_flags] {
            for name in ["file", "taken"] {
                std::fs::write(folder.path().join(name), name).unwrap();
            }
            std::fs::create_dir(folder.path().join("folder")).unwrap();
            std::fs::write(folder.path().join("folder/inside"), "1").unwrap();
            for from in ["file", "folder"] {
                let refused = rename(&dir, from, "taken").unwrap_err();
                assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
                rename(&dir, from, &format!("{from} moved")).unwrap();
                assert!(!folder.path().join(from).exists());
            }
            assert_eq!(std::fs::read(folder.path().join("taken")).unwrap(), b"taken");
            assert_eq!(std::fs::read(folder.path().join("file moved")).unwrap(), b"file");
            assert_eq!(std::fs::read(folder.path().join("folder moved/inside")).unwrap(), b"1");
            std::fs::remove_file(folder.path().join("file moved")).unwrap();
            std::fs::remove_dir_all(folder.path().join("folder moved")).unwrap();
        }
    }

    fn with_flags(dir: &Dir, from: &str, to: &str) -> io::Result<()> {
        Disk::default().rename_new(dir, from, to)
    }

    #[test]
    fn times_before_1970_and_far_away_are_taken_or_left_out() {
        assert_eq!(
            system_time(Modified { s: -1, ns: 500_000_000 }),
            UNIX_EPOCH.checked_sub(Duration::from_millis(500))
        );
        let file = tempfile::tempfile().unwrap();
        for s in [i64::MIN, i64::MAX] {
            set_file_time(&file, Modified { s, ns: 0 });
        }
    }
}
