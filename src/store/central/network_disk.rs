//! Notices disks that are other computers': SQLite's locks and its write-ahead log do not hold there
//! (sqlite.org/wal.html, "all processes must be on the same host").

use std::path::Path;

/// What kind of network share a folder is on, if it is on one.
#[cfg(target_os = "linux")]
pub(super) fn kind_of(folder: &Path) -> Option<&'static str> {
    let found = rustix::fs::statfs(folder).ok()?;
    // The type's width differs between processors; the numbers fit into all of them.
    kind_of_type(found.f_type as u32)
}

#[cfg(windows)]
pub(super) fn kind_of(folder: &Path) -> Option<&'static str> {
    use std::path::{Component, Prefix};
    let folder = std::fs::canonicalize(folder).ok()?;
    match folder.components().next() {
        Some(Component::Prefix(prefix)) if matches!(prefix.kind(), Prefix::UNC(..) | Prefix::VerbatimUNC(..)) => {
            Some("SMB")
        }
        _ => None,
    }
}

#[cfg(not(any(target_os = "linux", windows)))]
pub(super) fn kind_of(_: &Path) -> Option<&'static str> {
    None
}

/// By statfs(2)'s magic numbers (linux/magic.h).
#[cfg(target_os = "linux")]
fn kind_of_type(number: u32) -> Option<&'static str> {
    match number {
        0x6969 => Some("NFS"),
        0x517b | 0xff53_4d42 | 0xfe53_4d42 => Some("SMB"),
        0x0102_1997 => Some("9p"),
        0x5346_414f => Some("AFS"),
        0x00c3_6400 => Some("Ceph"),
        0x0bd0_0bd0 => Some("Lustre"),
        0x0161_1970 => Some("GFS2"),
        _ => None,
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn network_shares_are_told_from_local_disks() {
        assert_eq!([0x6969, 0xff53_4d42, 0xfe53_4d42].map(kind_of_type), [Some("NFS"), Some("SMB"), Some("SMB")]);
        // ext4, tmpfs, overlayfs, btrfs, xfs.
        assert_eq!([0xef53, 0x0102_1994, 0x794c_7630, 0x9123_683e, 0x5846_5342].map(kind_of_type), [None; 5]);
        assert_eq!(kind_of(tempfile::tempdir().unwrap().path()), None);
    }
}
