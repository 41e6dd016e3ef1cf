//! Folders that only their owner may look into.

use std::{fs, io, path::Path};

/// Makes a folder, and those above it, that only this account can open; an existing one is left as it is.
pub fn make_private_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

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
}
