//! Opening, making and looking at one name inside a folder that is held open (POSIX `openat`, `fstatat`).
//!
//! A name is a single component and no symbolic link is followed, so nothing here can lead out of the folder. On Unix each
//! is one system call, which is what thousands of small files consist of; elsewhere `cap-std` does the same in more.

use std::{
    ffi::OsStr,
    fs::File,
    io,
    path::{Component, Path},
};

use cap_std::fs::Dir;

use super::stamp::FileStamp;

/// What stands under a name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub is_file: bool,
    pub is_folder: bool,
    pub stamp: FileStamp,
}

/// Makes a file that was not there, for reading and writing; whoever may read it is up to the umask. What others gave never
/// becomes a program by itself, whatever it was where it came from.
pub(super) fn create_file(dir: &Dir, name: &str) -> io::Result<File> {
    let name = single(OsStr::new(name))?;
    #[cfg(unix)]
    {
        use rustix::fs::{Mode, OFlags};
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::from_raw_mode(0o666);
        Ok(File::from(rustix::fs::openat(dir, name, flags, mode)?))
    }
    #[cfg(not(unix))]
    {
        use cap_fs_ext::{FollowSymlinks, OpenOptionsFollowExt as _};
        let mut options = cap_std::fs::OpenOptions::new();
        options.read(true).write(true).create_new(true).follow(FollowSymlinks::No);
        Ok(dir.open_with(name, &options)?.into_std())
    }
}

/// Opens a file that may have been swapped for something else, which is an error then.
pub(super) fn open_existing(dir: &Dir, name: &str, write: bool) -> io::Result<File> {
    let file = open_whatever(dir, OsStr::new(name), write)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::ErrorKind::InvalidInput.into()) }
}

/// Opens what stands under a name: never through a symbolic link, never waiting for a pipe's other end.
pub(super) fn open_whatever(dir: &Dir, name: &OsStr, write: bool) -> io::Result<File> {
    let name = single(name)?;
    #[cfg(unix)]
    {
        use rustix::fs::{Mode, OFlags};
        let access = if write { OFlags::RDWR } else { OFlags::RDONLY };
        let flags = access | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        Ok(File::from(rustix::fs::openat(dir, name, flags, Mode::empty())?))
    }
    #[cfg(not(unix))]
    {
        use cap_fs_ext::{FollowSymlinks, OpenOptionsFollowExt as _, OpenOptionsSyncExt as _};
        let mut options = cap_std::fs::OpenOptions::new();
        options.read(true).write(write).follow(FollowSymlinks::No).nonblock(true);
        Ok(dir.open_with(name, &options)?.into_std())
    }
}

/// What stands under a name, without opening it.
pub(super) fn look(dir: &Dir, name: &str) -> io::Result<Seen> {
    let name = single(OsStr::new(name))?;
    #[cfg(unix)]
    {
        use rustix::fs::{AtFlags, FileType};
        let found = rustix::fs::statat(dir, name, AtFlags::SYMLINK_NOFOLLOW)?;
        let kind = FileType::from_raw_mode(found.st_mode);
        Ok(Seen { is_file: kind.is_file(), is_folder: kind.is_dir(), stamp: FileStamp::of_stat(&found) })
    }
    #[cfg(not(unix))]
    {
        let found = dir.symlink_metadata(name)?;
        Ok(Seen { is_file: found.is_file(), is_folder: found.is_dir(), stamp: FileStamp::of_cap(&found) })
    }
}

/// How many names a file has; 1 where the system does not tell.
pub(super) fn links(file: &File) -> io::Result<u64> {
    let metadata = file.metadata()?;
    #[cfg(unix)]
    {
        Ok(std::os::unix::fs::MetadataExt::nlink(&metadata))
    }
    #[cfg(not(unix))]
    {
        let _ = metadata;
        Ok(1)
    }
}

/// A name that is no path: not `a/b`, not `..`, not `C:`.
fn single(name: &OsStr) -> io::Result<&Path> {
    let mut components = Path::new(name).components();
    match (components.next(), components.next()) {
        (Some(Component::Normal(only)), None) if only == name => Ok(Path::new(name)),
        _ => Err(io::ErrorKind::InvalidInput.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_no_name() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("inside")).unwrap();
        std::fs::write(folder.path().join("file"), "1").unwrap();
        let dir = Dir::open_ambient_dir(folder.path().join("inside"), cap_std::ambient_authority()).unwrap();
        for name in ["../file", "..", ".", "", "/etc/passwd", "a/b", "a/", "./a"] {
            assert_eq!(create_file(&dir, name).unwrap_err().kind(), io::ErrorKind::InvalidInput, "{name}");
            assert_eq!(open_existing(&dir, name, false).unwrap_err().kind(), io::ErrorKind::InvalidInput, "{name}");
            assert_eq!(look(&dir, name).unwrap_err().kind(), io::ErrorKind::InvalidInput, "{name}");
        }
    }

    #[test]
    fn a_look_tells_the_same_as_an_open_file() {
        let folder = tempfile::tempdir().unwrap();
        let dir = Dir::open_ambient_dir(folder.path(), cap_std::ambient_authority()).unwrap();
        let file = create_file(&dir, "file").unwrap();
        file.set_len(77).unwrap();
        let seen = look(&dir, "file").unwrap();
        assert!(seen.is_file && !seen.is_folder);
        assert_eq!(seen.stamp, FileStamp::of(&file.metadata().unwrap()));
        dir.create_dir("folder").unwrap();
        assert!(look(&dir, "folder").unwrap().is_folder);
        assert_eq!(look(&dir, "nothing").unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
