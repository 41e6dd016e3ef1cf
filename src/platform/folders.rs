//! Where things are kept: Handout's own folder (home) and the folder for downloads.

use std::path::{Path, PathBuf};

/// The folders to use when neither settings nor arguments say otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folders {
    /// Identity, settings, database and state. Absolute; it need not exist yet.
    pub home: PathBuf,
    /// Where downloads go. Absolute; it need not exist yet.
    pub downloads: PathBuf,
}

/// Why there is no folder to use; says what to do.
#[derive(Debug, thiserror::Error)]
pub enum FoldersError {
    #[error("this account has no home folder; name one with --home DIR or HANDOUT_HOME")]
    NoHome,
    #[error("the folder {path} can't be found from here: {cause}")]
    NoCurrent { path: PathBuf, cause: std::io::Error },
}

/// The folders of this account, or, with `explicit_home`, everything under that one folder.
pub fn find(explicit_home: Option<&Path>) -> Result<Folders, FoldersError> {
    if let Some(home) = explicit_home {
        let home =
            std::path::absolute(home).map_err(|cause| FoldersError::NoCurrent { path: home.to_owned(), cause })?;
        return Ok(Folders { downloads: home.join("downloads"), home });
    }
    let project = directories::ProjectDirs::from("", "", "handout").ok_or(FoldersError::NoHome)?;
    let user = directories::UserDirs::new().ok_or(FoldersError::NoHome)?;
    // Without xdg-user-dirs (a server, a minimal desktop) the platform names no downloads folder; this is what it is
    // called everywhere else.
    let downloads = user.download_dir().map_or_else(|| user.home_dir().join("Downloads"), Path::to_owned);
    Ok(Folders { home: project.data_local_dir().to_owned(), downloads })
}

/// Whether files can be made in a folder, and how many bytes are free there. Of one that is not there yet, its nearest folder
/// that is there counts.
pub fn look_at(folder: &Path) -> (Result<(), String>, Option<u64>) {
    let Some(there) = folder.ancestors().find(|folder| folder.exists()) else {
        return (Err("it is not there".to_owned()), None);
    };
    let trial = there.join(format!(".handout-trial-{}", std::process::id()));
    let written = std::fs::OpenOptions::new().write(true).create_new(true).open(&trial).map(drop);
    // What was just made can be removed; if not, the next line says more.
    let written = written.and_then(|()| std::fs::remove_file(&trial));
    (written.map_err(|error| error.to_string()), fs4::available_space(there).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_is_a_file_can_not_be_written() {
        let room = tempfile::tempdir().unwrap();
        std::fs::write(room.path().join("file"), "").unwrap();

        assert_eq!(look_at(&room.path().join("not/yet/there")).0, Ok(()));
        assert!(look_at(&room.path().join("file")).0.is_err());
        assert_eq!(std::fs::read_dir(room.path()).unwrap().count(), 1, "nothing is left behind");
    }

    #[test]
    fn a_named_home_holds_everything() {
        let folders = find(Some(Path::new("some/where"))).unwrap();

        assert!(folders.home.is_absolute() && folders.home.ends_with("some/where"));
        assert!(folders.downloads.starts_with(&folders.home));
    }
}
