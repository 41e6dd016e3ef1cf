//! Files and folders become what a manifest says of them. Nothing is copied: they stay where they are.
//!
//! First everything is looked at, so that what can't be shared is told at once and in full; then everything is read, once.
//! Who publishes it for whom, and the signature, are the engine's.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
};

use super::{
    hashing::{self, Hashed},
    names,
    sources::Sources,
    stamp::FileStamp,
    walk::{self, FoundKind, Walk},
};
use crate::share::{Entry, EntryKind, FileHashes, PieceLen, is_unseen};

/// What a person wants to share.
#[derive(Clone, Debug, Default)]
pub struct ImportRequest {
    /// Files and folders.
    pub paths: Vec<PathBuf>,
    /// `None`: made from the paths' names.
    pub title: Option<String>,
    /// Share the rest where some files can't be shared; each of these is named in [`Imported::left_out`].
    pub leave_out_unreadable: bool,
}

/// How far an import is; another thread may look at any time.
#[derive(Debug, Default)]
pub struct ImportProgress {
    pub bytes_done: AtomicU64,
    /// Grows while folders are looked at.
    pub bytes_total: AtomicU64,
    /// Files found.
    pub files: AtomicU32,
}

/// The parts of a manifest that come from the disk.
#[derive(Clone, Debug)]
pub struct Imported {
    pub title: String,
    pub piece_len: PieceLen,
    /// In the manifest's order.
    pub entries: Vec<Entry>,
    /// The chaining values of large files, by index into `entries`; for [`PieceHashes::new`](crate::share::PieceHashes::new).
    pub hashes: BTreeMap<usize, FileHashes>,
    pub sources: Sources,
    /// What can't be shared, each with the reason.
    pub left_out: Vec<(PathBuf, String)>,
}

/// Why nothing is shared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ImportError {
    #[error("There is nothing to share")]
    Nothing,
    #[error("More than {limit} files and folders can't be shared at once")]
    TooMany { limit: usize },
    /// `more`: how many others there are besides those named.
    #[error("{} can't be shared{}", first_of(files), others(files.len() + more))]
    Unreadable { files: Vec<(PathBuf, String)>, more: usize },
    #[error("{} was changed while it was being read", path.display())]
    Changed { path: PathBuf },
    #[error("{} was removed while it was being read", path.display())]
    Vanished { path: PathBuf },
    #[error("{} can't be read: {reason}", path.display())]
    Unread { path: PathBuf, reason: String },
    #[error("Stopped before everything was read")]
    Cancelled,
}

fn first_of(files: &[(PathBuf, String)]) -> String {
    files.first().map_or_else(String::new, |(path, why)| format!("{} ({why})", path.display()))
}

fn others(count: usize) -> String {
    match count {
        0 | 1 => String::new(),
        2 => ", and one more".to_owned(),
        _ => format!(", and {} more", count - 1),
    }
}

impl ImportError {
    /// What a person can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            ImportError::Nothing => "Choose files or folders that are there and can be read.",
            ImportError::TooMany { .. } => "Share the folders in it one by one, or pack them into an archive.",
            ImportError::Unreadable { .. } => "Share the rest without them, or change their permissions or names.",
            ImportError::Changed { .. } => "Close the program that writes to it, and share it again.",
            ImportError::Vanished { .. } => "Bring it back, or share the rest again.",
            ImportError::Unread { .. } => "Check the disk and the file's permissions, and share it again.",
            ImportError::Cancelled => "Share it again when you like.",
        }
    }
}

/// Looks at and reads what is to be shared. Blocks; uses all cores; `cancel` ends it within one reading step.
pub fn import(
    request: &ImportRequest,
    progress: &ImportProgress,
    cancel: &AtomicBool,
) -> Result<Imported, ImportError> {
    let walk = walk::walk(&request.paths, progress, cancel)?;
    if !walk.problems.is_empty() && !request.leave_out_unreadable {
        return Err(ImportError::Unreadable { files: walk.problems, more: walk.more_problems });
    }
    if walk.found.is_empty() {
        return Err(ImportError::Nothing);
    }
    let title = title(request.title.as_deref(), &walk.tops);
    let sources = sources_of(&walk);
    let piece_len = PieceLen::for_size(progress.bytes_total.load(Ordering::Relaxed));
    let unhashed = unhashed(&walk);
    let hashed = hashing::hash_some(&sources, unhashed, piece_len, &progress.bytes_done, cancel)?;
    let left_out = left_out(&walk);
    let entries = entries_of(walk, &hashed);
    Ok(Imported { title, piece_len, entries, hashes: hashed.large, sources, left_out })
}

fn sources_of(walk: &Walk) -> Sources {
    let mut sources = Sources::new();
    for found in &walk.found {
        let root = sources.add_root(&found.root);
        let stamp = (found.kind != FoundKind::Folder).then_some(found.stamp);
        sources.push(root, &found.disk, stamp);
    }
    sources
}

/// The files that the walk did not hash, with their stamps.
fn unhashed(walk: &Walk) -> Vec<(usize, FileStamp)> {
    let files = walk.found.iter().enumerate();
    files
        .filter(|(_, found)| matches!(found.kind, FoundKind::File { hash: None, .. }))
        .map(|(entry, found)| (entry, found.stamp))
        .collect()
}

fn left_out(walk: &Walk) -> Vec<(PathBuf, String)> {
    let mut left_out = walk.problems.clone();
    if walk.more_problems > 0 {
        left_out.push((PathBuf::new(), format!("and {} more", walk.more_problems)));
    }
    left_out
}

fn entries_of(walk: Walk, hashed: &Hashed) -> Vec<Entry> {
    let entries = walk.found.into_iter().enumerate().map(|(index, found)| {
        let kind = match found.kind {
            FoundKind::Folder => EntryKind::Folder,
            FoundKind::File { executable, hash } => {
                // Without a cancellation, every file that the walk did not hash was hashed after it.
                let root = hash.unwrap_or_else(|| hashed.roots[&index]);
                EntryKind::File { size: found.stamp.size, root, executable }
            }
        };
        Entry { path: found.path, modified: found.stamp.modified(), kind }
    });
    entries.collect()
}

/// The title a person gave, or one from the names: "Photos", "a.txt and 2 more".
fn title(given: Option<&str>, tops: &[String]) -> String {
    let given = given.map(str::trim).filter(|given| !given.is_empty());
    let title = match (given, tops) {
        (Some(given), _) => given.to_owned(),
        (None, [first, rest @ ..]) if !rest.is_empty() => {
            let tail = format!(" and {} more", rest.len());
            format!("{}{tail}", names::cut(first, TITLE_BYTES_MAX - tail.len()))
        }
        (None, tops) => tops.first().cloned().unwrap_or_default(),
    };
    let printable: String = title.chars().filter(|letter| !is_unseen(*letter)).collect();
    // A name of nothing but what nobody sees needs a title all the same.
    let printable = if printable.trim().is_empty() { "unnamed" } else { &printable };
    names::cut(printable, TITLE_BYTES_MAX).to_owned()
}

/// A manifest's title has at most this many bytes, and no letters that nobody sees.
const TITLE_BYTES_MAX: usize = 255;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_made_from_the_names_that_were_given() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert_eq!(title(None, &names(&["Photos"])), "Photos");
        assert_eq!(title(None, &names(&["a.txt", "b", "c"])), "a.txt and 2 more");
        assert_eq!(title(Some("  My\nlesson \u{202E}"), &names(&["a"])), "Mylesson ");
        assert_eq!(title(Some(" "), &names(&["a"])), "a");
        assert_eq!(title(Some("exam\u{2067}\u{200B}\u{2028}"), &names(&["a"])), "exam");
        assert_eq!(title(None, &names(&["\u{200B}"])), "unnamed");
        assert!(title(None, &names(&["日".repeat(85).as_str(), "b"])).len() <= 255);
    }

    #[test]
    fn an_error_names_the_first_file_and_counts_the_others() {
        let file = |name: &str| (PathBuf::from(name), "you may not read it".to_owned());
        let error = |count: usize, more| ImportError::Unreadable { files: vec![file("/a"); count], more };
        assert_eq!(error(1, 0).to_string(), "/a (you may not read it) can't be shared");
        assert_eq!(error(2, 0).to_string(), "/a (you may not read it) can't be shared, and one more");
        assert_eq!(error(2, 5).to_string(), "/a (you may not read it) can't be shared, and 6 more");
    }
}
