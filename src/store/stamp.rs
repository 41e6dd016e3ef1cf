//! What tells, without reading it, that a file is no longer the one that was read.

use std::{
    fs::{File, Metadata, OpenOptions},
    io,
    path::Path,
};

use minicbor::{Decode, Encode};

use crate::share::Modified;

/// A file's size, times and identity when it was looked at. `changed` (ctime) can't be set back by programs as `modified`
/// can, so on Unix a file with an equal stamp has equal content; elsewhere size and `modified` have to do. The other way
/// round it proves nothing: a link, a mode or a new mount moves `changed` and `inode` and leaves the content alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct FileStamp {
    /// Bytes.
    #[n(0)]
    pub size: u64,
    #[n(1)]
    modified_s: i64,
    #[n(2)]
    modified_ns: u32,
    /// Seconds and nanoseconds; 0 where the system has no such time.
    #[n(3)]
    changed_s: i64,
    #[n(4)]
    changed_ns: u32,
    /// 0 where the system has no such number.
    #[n(5)]
    pub inode: u64,
}

/// What two stamps of one name tell of its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Likeness {
    /// It is the same.
    Same,
    /// Size and time of writing are the same, something else is not: most likely the same, and only reading proves it.
    Doubtful,
    /// It was written to, or is another file.
    Other,
}

impl FileStamp {
    /// Compares how a file looks with how it looked when its content was known.
    pub fn likeness(&self, now: &FileStamp) -> Likeness {
        let written = |stamp: &FileStamp| (stamp.size, stamp.modified_s, stamp.modified_ns);
        match self == now {
            true => Likeness::Same,
            false if written(self) == written(now) => Likeness::Doubtful,
            false => Likeness::Other,
        }
    }

    #[cfg(unix)]
    pub fn of(metadata: &Metadata) -> FileStamp {
        use std::os::unix::fs::MetadataExt as _;
        FileStamp {
            size: metadata.size(),
            modified_s: metadata.mtime(),
            modified_ns: nanoseconds(metadata.mtime_nsec()),
            changed_s: metadata.ctime(),
            changed_ns: nanoseconds(metadata.ctime_nsec()),
            inode: metadata.ino(),
        }
    }

    #[cfg(not(unix))]
    pub fn of(metadata: &Metadata) -> FileStamp {
        FileStamp::of_parts(metadata.len(), metadata.modified().unwrap_or(std::time::UNIX_EPOCH))
    }

    #[cfg(not(unix))]
    fn of_parts(size: u64, modified: std::time::SystemTime) -> FileStamp {
        let (s, ns) = match modified.duration_since(std::time::UNIX_EPOCH) {
            Ok(since) => (since.as_secs() as i64, since.subsec_nanos()),
            Err(before) => (-(before.duration().as_secs() as i64), 0),
        };
        FileStamp { size, modified_s: s, modified_ns: ns, changed_s: 0, changed_ns: 0, inode: 0 }
    }

    /// From what `fstatat` tells. The fields' types differ between systems.
    #[cfg(unix)]
    #[allow(clippy::unnecessary_cast, reason = "the same on one system is another on the next")]
    pub(super) fn of_stat(stat: &rustix::fs::Stat) -> FileStamp {
        FileStamp {
            size: u64::try_from(stat.st_size).unwrap_or(0),
            modified_s: stat.st_mtime as i64,
            modified_ns: nanoseconds(stat.st_mtime_nsec as i64),
            changed_s: stat.st_ctime as i64,
            changed_ns: nanoseconds(stat.st_ctime_nsec as i64),
            inode: stat.st_ino as u64,
        }
    }

    #[cfg(not(unix))]
    pub(super) fn of_cap(metadata: &cap_std::fs::Metadata) -> FileStamp {
        let modified = metadata.modified().map_or(std::time::UNIX_EPOCH, cap_std::time::SystemTime::into_std);
        FileStamp::of_parts(metadata.len(), modified)
    }

    /// When the file was last changed, as its manifest says it.
    pub fn modified(&self) -> Modified {
        Modified { s: self.modified_s, ns: self.modified_ns }
    }
}

#[cfg(unix)]
fn nanoseconds(value: i64) -> u32 {
    u32::try_from(value).unwrap_or(0).min(999_999_999)
}

/// Opens a file for reading that was seen before: a symbolic link in its place is refused, and a pipe in its place does not
/// make the opening wait.
pub(super) fn open_for_reading(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        options.custom_flags(flags.bits() as i32);
    }
    options.open(path)
}

/// Writes all bytes at a position.
pub(super) fn write_at(file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
    #[cfg(unix)]
    {
        std::os::unix::fs::FileExt::write_all_at(file, bytes, offset)
    }
    #[cfg(windows)]
    {
        let mut done = 0;
        while let Some(rest) = bytes.get(done..).filter(|rest| !rest.is_empty()) {
            match std::os::windows::fs::FileExt::seek_write(file, rest, offset + done as u64)? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                written => done += written,
            }
        }
        Ok(())
    }
}

/// Reads at a position, without moving a cursor that other threads would share; 0 at the end.
pub(super) fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    loop {
        #[cfg(unix)]
        let result = std::os::unix::fs::FileExt::read_at(file, buffer, offset);
        #[cfg(windows)]
        let result = std::os::windows::fs::FileExt::seek_read(file, buffer, offset);
        match result {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// Whether opening failed because a symbolic link stands where a file or folder was.
pub(super) fn is_link_error(error: &io::Error) -> bool {
    #[cfg(unix)]
    {
        error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error())
    }
    #[cfg(not(unix))]
    {
        let _ = error;
        false
    }
}
