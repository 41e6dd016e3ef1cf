//! What must outlast a power cut: a file's bytes last once the file was synced, and its name only once the folder was that it
//! stands in. Some file systems see to the folder with the file (ext4), others need not (XFS).

use std::{fs::File, io, path::Path};

/// Waits until a folder's names are on the disk. Windows does so by itself, and a file system that knows no such order
/// (some in user space) can't be waited for.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    if !cfg!(unix) {
        return Ok(());
    }
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    match File::open(folder)?.sync_all() {
        Err(error) if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => Ok(()),
        synced => synced,
    }
}

/// Waits until the name of a file or folder is on the disk.
pub fn sync_name(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), sync_folder)
}

/// Makes a folder and those above it with `make`, and waits until the names of those that were not there are on the disk.
pub fn make_folders(folder: &Path, make: impl Fn(&Path) -> io::Result<()>) -> io::Result<()> {
    let is_missing = |folder: &&Path| folder.symlink_metadata().is_err() && !folder.as_os_str().is_empty();
    let missing: Vec<&Path> = folder.ancestors().take_while(is_missing).collect();
    make(folder)?;
    missing.into_iter().rev().try_for_each(sync_name)
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, fs};

    use super::*;

    #[test]
    fn folders_are_made_once_and_those_that_were_there_are_left_alone() {
        let room = tempfile::tempdir().unwrap();
        let folder = room.path().join("a/b");
        let made = RefCell::new(0);
        let make = |path: &Path| {
            *made.borrow_mut() += 1;
            fs::create_dir_all(path)
        };
        make_folders(&folder, make).unwrap();
        make_folders(&folder, make).unwrap();
        assert!(folder.is_dir());
        sync_name(&folder).unwrap();
        assert_eq!(sync_folder(&folder.join("none")).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(*made.borrow(), 2);
    }
}
