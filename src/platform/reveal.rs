//! Opens a file with its own program, or shows it in the file manager.
//!
//! Both may take seconds, for a program to start or for D-Bus to answer, so a window calls them on a thread of their own.
//! Errors are in the system's words.

use std::path::Path;

/// Opens a file or folder with the program that the person's system uses for it.
pub fn open(path: &Path) -> Result<(), String> {
    opener::open(path).map_err(|error| error.to_string())
}

/// Shows a file in its folder, marked where the file manager can do that.
pub fn show_in_folder(path: &Path) -> Result<(), String> {
    opener::reveal(path).map_err(|error| error.to_string())
}
