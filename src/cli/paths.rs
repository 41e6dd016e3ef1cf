//! Paths as they are handed over: absolute, because the one who opens them runs in another folder, and as text, because
//! they travel as JSON.

use std::path::PathBuf;

use super::Exit;

/// Whether a path must lead to something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Must {
    Exist,
    /// It may be made later.
    BeText,
}

/// Files and folders that are there, as absolute paths.
pub fn absolute(paths: &[PathBuf]) -> Result<Vec<String>, Exit> {
    paths.iter().map(|path| one(path.clone(), Must::Exist)).collect()
}

pub(super) fn one(path: PathBuf, must: Must) -> Result<String, Exit> {
    let shown = path.display().to_string();
    let absolute = std::path::absolute(&path).map_err(|error| {
        Exit::usage("The path can't be found", format!("{shown:?} ({error})"), "Give the path of a file or folder.")
    })?;
    // A link that leads nowhere is there too: what becomes of it is for whoever reads the files to say.
    if must == Must::Exist {
        std::fs::symlink_metadata(&absolute).map_err(|error| {
            Exit::failed(
                "There is no such file or folder",
                format!("{shown} ({error})"),
                "Look whether the name is right.",
            )
        })?;
    }
    absolute.into_os_string().into_string().map_err(|_| {
        Exit::failed("The path has letters that can't be handed over", shown, "Rename it, or drop it on the window.")
    })
}
