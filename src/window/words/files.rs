//! Which files of a share are wanted.

pub const ALL: &str = "All";
pub const CHOOSE: &str = "Choose files…";
pub const WAIT: &str = "Asking for the list of files…";
pub const ONE_AT_LEAST: &str = "One file stays chosen. To get none, stop the transfer.";

/// `214`, or `12 of 214` when not all are wanted.
pub fn count(wanted: usize, all: usize) -> String {
    let count = |count: usize| super::super::figures::count(count as u64);
    if wanted == all { count(all) } else { format!("{} of {}", count(wanted), count(all)) }
}

pub fn get(files: usize, bytes: &str) -> String {
    format!("Get {}, {bytes}", super::files(files as u64))
}

pub fn folder(name: &str, files: usize) -> String {
    format!("{name}, folder, {}", super::files(files as u64))
}

pub fn wanted(files: u32, all: u32) -> String {
    format!("{} of {}", super::super::figures::count(files.into()), super::files(all.into()))
}
