//! Where an administrator leaves what holds for everybody at this computer.

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
    if cfg!(windows) {
        let data = std::env::var_os("ProgramData").map(PathBuf::from).filter(|path| path.is_absolute());
        return data.map(|data| data.join("Handout"));
    }
    None
}
