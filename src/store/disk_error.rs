//! What can go wrong with a folder that is written to, as a person meets it.

use std::{
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

/// Why a share can't be put on the disk. Each says what happened to what; [`DiskError::hint`] says what to do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DiskError {
    #[error("The disk is full: {} needed in {}, {} free", size(*needed), folder.display(), size(*free))]
    NoSpace {
        folder: PathBuf,
        /// Bytes.
        needed: u64,
        free: u64,
    },
    #[error("{} can't be written: its disk is read-only", path.display())]
    ReadOnly { path: PathBuf },
    #[error("The folder {} can't be made: {why}", folder.display())]
    NoFolder { folder: PathBuf, why: String },
    #[error("The folder {} is gone", folder.display())]
    FolderGone { folder: PathBuf },
    #[error("{} may not be written by you", path.display())]
    Denied { path: PathBuf },
    #[error("{} is larger than its disk can hold in one file", path.display())]
    TooLarge { path: PathBuf },
    #[error("{} was changed or removed while it was being downloaded", path.display())]
    Changed { path: PathBuf },
    #[error("Every name like {} is taken", path.display())]
    NamesTaken { path: PathBuf },
    /// The transfer has to be opened again, and goes on from what was saved last.
    #[error("What was downloaded last into {} may not have reached the disk", folder.display())]
    Unsure { folder: PathBuf },
    #[error("{} is not complete: {missing} pieces are missing", folder.display())]
    Incomplete { folder: PathBuf, missing: u32 },
    #[error("{} could not be {action}: {reason}", path.display())]
    Other {
        path: PathBuf,
        /// "written", "made" …
        action: &'static str,
        reason: String,
    },
}

impl DiskError {
    /// From what the system said when `path` was to be `action` ("written", "made" …).
    pub(super) fn of(path: &Path, action: &'static str, error: &io::Error) -> DiskError {
        let folder = || path.parent().unwrap_or(path).to_owned();
        let path = path.to_owned();
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
                let folder = folder();
                let free = fs4::available_space(&folder).unwrap_or(0);
                DiskError::NoSpace { folder, needed: free.saturating_add(1), free }
            }
            ErrorKind::ReadOnlyFilesystem => DiskError::ReadOnly { path },
            ErrorKind::PermissionDenied => DiskError::Denied { path },
            ErrorKind::FileTooLarge => DiskError::TooLarge { path },
            _ if drive_is_gone(error) => DiskError::FolderGone { folder: folder() },
            ErrorKind::NotFound | ErrorKind::NotADirectory => DiskError::Changed { path },
            _ => DiskError::Other { path, action, reason: error.to_string() },
        }
    }

    /// Whether the same may go well later with nothing done in Handout: room is made, a drive is plugged in again.
    pub fn may_heal(&self) -> bool {
        match self {
            DiskError::NoSpace { .. }
            | DiskError::ReadOnly { .. }
            | DiskError::FolderGone { .. }
            | DiskError::Denied { .. }
            | DiskError::Changed { .. }
            | DiskError::Unsure { .. }
            | DiskError::Incomplete { .. }
            | DiskError::Other { .. } => true,
            DiskError::TooLarge { .. } | DiskError::NamesTaken { .. } | DiskError::NoFolder { .. } => false,
        }
    }

    /// What a person can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            DiskError::NoSpace { .. } => "Make room on the disk; it goes on by itself then.",
            DiskError::ReadOnly { .. } => "Make the disk writable, or download into another folder.",
            DiskError::NoFolder { .. } => "Choose another folder.",
            DiskError::FolderGone { .. } => {
                "Plug the drive in again or bring the folder back; it goes on by itself then."
            }
            DiskError::Denied { .. } => "Change the folder's permissions, or download into another folder.",
            DiskError::TooLarge { .. } => "Download into a folder on another disk; FAT32 takes files up to 4 GB.",
            DiskError::NamesTaken { .. } => "Move some of them away, or download into another folder.",
            DiskError::Changed { .. } | DiskError::Unsure { .. } | DiskError::Incomplete { .. } => {
                "What is missing is fetched again by itself."
            }
            DiskError::Other { .. } => "It is tried again by itself; if it stays, check the disk.",
        }
    }
}

/// A drive was pulled out, or a network folder's server is away.
pub(super) fn drive_is_gone(error: &io::Error) -> bool {
    #[cfg(unix)]
    {
        use rustix::io::Errno;
        let gone = [Errno::NODEV, Errno::NXIO, Errno::STALE, Errno::NOTCONN, Errno::HOSTDOWN, Errno::HOSTUNREACH];
        gone.iter().any(|errno| Some(errno.raw_os_error()) == error.raw_os_error())
    }
    #[cfg(windows)]
    {
        // ERROR_NOT_READY, ERROR_BAD_NETPATH, ERROR_NETNAME_DELETED, ERROR_DEVICE_NOT_CONNECTED (winerror.h).
        matches!(error.raw_os_error(), Some(21 | 53 | 64 | 1167))
    }
}

/// "12.3 MB": decimal units, as file managers show them.
fn size(bytes: u64) -> String {
    let mut value = bytes as f64;
    for unit in ["bytes", "kB", "MB", "GB"] {
        if value < 1000.0 {
            return if unit == "bytes" { format!("{bytes} bytes") } else { format!("{value:.1} {unit}") };
        }
        value /= 1000.0;
    }
    format!("{value:.1} TB")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_error_of_the_system_says_what_happened_to_what() {
        let path = Path::new("/nowhere/at/all.part");
        for (errno, expected) in [
            (rustix::io::Errno::ROFS, "/nowhere/at/all.part can't be written: its disk is read-only"),
            (rustix::io::Errno::STALE, "The folder /nowhere/at is gone"),
            (rustix::io::Errno::ACCESS, "/nowhere/at/all.part may not be written by you"),
            (rustix::io::Errno::FBIG, "/nowhere/at/all.part is larger than its disk can hold in one file"),
            (rustix::io::Errno::NOSPC, "The disk is full: 1 bytes needed in /nowhere/at, 0 bytes free"),
        ] {
            let error = DiskError::of(path, "written", &io::Error::from_raw_os_error(errno.raw_os_error()));
            assert_eq!(error.to_string(), expected);
        }
    }

    #[test]
    fn sizes_read_as_people_write_them() {
        assert_eq!([size(999), size(12_300_000), size(5_000_000_000_000)], ["999 bytes", "12.3 MB", "5.0 TB"]);
    }
}
