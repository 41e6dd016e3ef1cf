//! The file that holds the key: made at once or not at all, for its owner alone, and never through a link.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use super::IdentityError;

pub(super) const FILE_NAME: &str = "identity.key";

/// A key file has some 200 bytes.
const SIZE_LIMIT: u64 = 16 * 1024;

/// The file's text; `None` when there is no such file.
pub(super) fn read(path: &Path) -> Result<Option<String>, IdentityError> {
    let unreadable = |source| IdentityError::Unreadable { path: path.to_owned(), source };
    let not_a_file = |what| IdentityError::NotAFile { path: path.to_owned(), what };
    let kind = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata.file_type(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    };
    if kind.is_symlink() {
        return Err(not_a_file("a symbolic link"));
    }
    if !kind.is_file() {
        return Err(not_a_file("not a file"));
    }
    let file = open_no_follow(path).map_err(unreadable)?;
    tighten(&file, path)?;
    let mut text = String::new();
    match file.take(SIZE_LIMIT).read_to_string(&mut text) {
        Ok(_) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            Err(IdentityError::Damaged { path: path.to_owned(), reason: "it is not text" })
        }
        Err(error) => Err(unreadable(error)),
    }
}

/// Writes the first key of this computer; where another program was quicker, that is an error.
pub(super) fn write_first(folder: &Path, text: &str) -> Result<(), IdentityError> {
    let path = folder.join(FILE_NAME);
    let temporary = folder.join(format!("{FILE_NAME}.{}.tmp", std::process::id()));
    let result =
        make_folder(folder).and_then(|()| write_synced(&temporary, text)).and_then(|()| place(&temporary, &path));
    if result.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    result.map_err(|source| IdentityError::Unwritable { path, source })
}

/// Keeps a key that belongs to another machine as `identity.key.cloned`.
pub(super) fn put_aside(path: &Path) -> Result<(), IdentityError> {
    let aside = PathBuf::from(format!("{}.cloned", path.display()));
    fs::rename(path, aside).map_err(|source| IdentityError::Unwritable { path: path.to_owned(), source })
}

/// Removes a key file that is written anew.
pub(super) fn remove(path: &Path) -> Result<(), IdentityError> {
    fs::remove_file(path).map_err(|source| IdentityError::Unwritable { path: path.to_owned(), source })
}

fn make_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn write_synced(path: &Path, text: &str) -> io::Result<()> {
    // What an unclean stop left behind.
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

/// Gives the file its name, and never over another one: a link fails where the name is taken, a rename does not.
fn place(temporary: &Path, path: &Path) -> io::Result<()> {
    match fs::hard_link(temporary, path) {
        Ok(()) => fs::remove_file(temporary)?,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Err(error),
        // FAT and some network folders have no links.
        Err(_) => fs::rename(temporary, path)?,
    }
    sync_folder(path)
}

/// Makes the name last through a power cut.
#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

#[cfg(not(unix))]
fn sync_folder(_path: &Path) -> io::Result<()> {
    Ok(())
}

/// Opens without following a link that took the file's place after the look at its kind.
#[cfg(unix)]
fn open_no_follow(path: &Path) -> io::Result<File> {
    use rustix::fs::OFlags;
    use std::os::unix::fs::OpenOptionsExt;
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC).bits() as i32;
    OpenOptions::new().read(true).custom_flags(flags).open(path)
}

#[cfg(not(unix))]
fn open_no_follow(path: &Path) -> io::Result<File> {
    File::open(path)
}

/// Takes away what others may do with the file, and says so: until now they could copy the key.
#[cfg(unix)]
fn tighten(file: &File, path: &Path) -> Result<(), IdentityError> {
    use std::os::unix::fs::PermissionsExt;
    let mode = file.metadata().map_err(|source| IdentityError::Unreadable { path: path.to_owned(), source })?;
    let mode = mode.permissions().mode() & 0o777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    tracing::warn!(
        path = %path.display(), mode = format!("{mode:o}"),
        "other users of this computer could read its key; the file is readable for its owner alone from now on"
    );
    file.set_permissions(fs::Permissions::from_mode(0o600))
        .map_err(|source| IdentityError::Unwritable { path: path.to_owned(), source })
}

#[cfg(not(unix))]
fn tighten(_file: &File, _path: &Path) -> Result<(), IdentityError> {
    Ok(())
}
