//! Where an administrator leaves what holds for everybody at this computer. Nothing that whoever starts the program can set,
//! such as its environment, leads elsewhere.

use std::path::PathBuf;

/// The file, in the form of the settings file; `None` where the system has no place for one. Only an administrator may
/// write to it.
pub fn file() -> Option<PathBuf> {
    folder().map(|folder| folder.join("policy.toml"))
}

/// The file that tells which server manages this computer, and by which token it becomes known there.
pub fn enrolment_file() -> Option<PathBuf> {
    folder().map(|folder| folder.join("enrol.toml"))
}

fn folder() -> Option<PathBuf> {
    if cfg!(target_os = "linux") {
        return Some(PathBuf::from("/etc/handout"));
    }
    if cfg!(target_os = "macos") {
        return Some(PathBuf::from("/Library/Application Support/Handout"));
    }
    program_data().map(|data| data.join("Handout"))
}

#[cfg(windows)]
fn program_data() -> Option<PathBuf> {
    known_folders::get_known_folder_path(known_folders::KnownFolder::ProgramData)
}

#[cfg(not(windows))]
fn program_data() -> Option<PathBuf> {
    None
}

#[cfg(all(test, windows))]
mod tests {
    use super::*;

    #[test]
    fn the_machines_folder_is_the_systems_and_not_the_environments() {
        let folder = enrolment_file().unwrap();
        assert!(folder.is_absolute() && folder.ends_with("Handout/enrol.toml"), "{folder:?}");
    }
}
