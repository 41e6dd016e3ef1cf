//! Folders and files that only their owner may look into.

use std::{fs, io, path::Path};

/// Makes a folder, and those above it, that only this account can open; an existing one is left as it is.
pub fn make_private_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// What lies in a home folder of Handout: a folder with one of these is one.
const OWN_NAMES: [&str; 9] =
    ["control.sock", "downloads", "identity.key", "lock", "people", "running", "server.toml", "settings.toml", "state"];

/// How a home folder came to be closed to other users of this computer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Closed {
    /// It was made, or was closed before.
    Was,
    /// It was open to others until now.
    Now,
    /// Its disk knows no owners, as FAT does not, or keeps this folder as it is.
    Never,
}

/// Why a folder is not used as a home.
#[derive(Debug, thiserror::Error)]
pub enum OpenHome {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("it belongs to somebody else, and others can look into it")]
    Foreign,
    #[error("others can look into it, and it holds other things than Handout's")]
    Shared,
}

/// Makes a home folder, or closes one that is there to others: it holds keys, and who may have what.
pub fn make_home(path: &Path) -> Result<Closed, OpenHome> {
    make_private_folder(path)?;
    close(path)
}

/// A folder that is everybody's (`/tmp`, somebody's documents) is not closed: that would take it from others.
#[cfg(unix)]
fn close(path: &Path) -> Result<Closed, OpenHome> {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};
    const STICKY: u32 = 0o1000;
    let is_open = || fs::metadata(path).map(|meta| meta.mode() & 0o077 != 0);
    let meta = fs::metadata(path)?;
    if !is_open()? {
        return Ok(Closed::Was);
    }
    let me = rustix::process::geteuid();
    if meta.uid() != me.as_raw() && !me.is_root() {
        return Err(OpenHome::Foreign);
    }
    let empty = fs::read_dir(path)?.next().is_none();
    let own = || OWN_NAMES.iter().any(|name| path.join(name).symlink_metadata().is_ok());
    if meta.mode() & STICKY != 0 || !(empty || own()) {
        return Err(OpenHome::Shared);
    }
    // Group and sticky bits that an administrator gave stay.
    let closed = fs::set_permissions(path, fs::Permissions::from_mode(meta.mode() & 0o7700));
    match closed.and_then(|()| is_open()) {
        Ok(false) => Ok(Closed::Now),
        Ok(true) | Err(_) => Ok(Closed::Never),
    }
}

/// Folders in a person's profile are theirs alone by what Windows lets them inherit.
#[cfg(not(unix))]
fn close(_path: &Path) -> Result<Closed, OpenHome> {
    Ok(Closed::Was)
}

/// What this program makes from here on is for its own account alone.
#[cfg(unix)]
pub fn keep_from_others() {
    rustix::process::umask(rustix::fs::Mode::from_bits_truncate(0o077));
}

#[cfg(not(unix))]
pub fn keep_from_others() {}

/// Whether this is a real folder (no link to one) that this account owns and no other can open.
#[cfg(unix)]
pub fn is_private_folder(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::symlink_metadata(path).is_ok_and(|meta| {
        meta.is_dir() && meta.uid() == rustix::process::geteuid().as_raw() && meta.mode() & 0o077 == 0
    })
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_made_folder_is_private_and_an_opened_or_linked_one_is_not() {
        let temp = tempfile::tempdir().unwrap();
        let folder = temp.path().join("a/b");

        make_private_folder(&folder).unwrap();
        assert!(is_private_folder(&folder));

        let link = temp.path().join("link");
        std::os::unix::fs::symlink(&folder, &link).unwrap();
        assert!(!is_private_folder(&link));

        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
        assert!(!is_private_folder(&folder));
    }

    #[test]
    fn a_home_is_closed_to_others_unless_it_is_a_folder_of_theirs() {
        let temp = tempfile::tempdir().unwrap();
        let folder = |name: &str, mode: u32, content: Option<&str>| {
            let path = temp.path().join(name);
            fs::create_dir(&path).unwrap();
            content.iter().for_each(|name| fs::write(path.join(name), "").unwrap());
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            path
        };

        for (name, mode, content) in
            [("empty", 0o755, None), ("used", 0o750, Some("identity.key")), ("set", 0o777, Some("settings.toml"))]
        {
            let path = folder(name, mode, content);
            assert_eq!(make_home(&path).unwrap(), Closed::Now, "{name}");
            assert!(is_private_folder(&path), "{name}");
            assert_eq!(make_home(&path).unwrap(), Closed::Was, "{name}");
        }
        for (name, mode, content) in [("documents", 0o755, Some("letter.odt")), ("tmp", 0o1777, Some("lock"))] {
            let path = folder(name, mode, content);
            assert!(matches!(make_home(&path), Err(OpenHome::Shared)), "{name}");
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, mode, "{name} is left as it was");
        }
        assert_eq!(make_home(&temp.path().join("new")).unwrap(), Closed::Was);
    }
}
