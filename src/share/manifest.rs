//! The manifest: what a share consists of, as its publisher signed it. Its bytes are in `manifest_form.rs`.

use super::{PathError, PieceLen, PublicKey, Root, ShareId, SharePath};

/// What a share consists of. Its canonical bytes are deterministic CBOR (RFC 8949 §4.2); their BLAKE3 is the [`ShareId`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// The name people see; 1 to 255 bytes, with no control characters or bidirectional overrides.
    pub title: String,
    /// The key of the device that made the share.
    pub publisher: PublicKey,
    /// Seconds since 1970 at which the share was made.
    pub created_s: i64,
    /// Whom the publisher meant it for.
    pub audience: Audience,
    /// How large files are cut.
    pub piece_len: PieceLen,
    /// Files and folders, sorted by path, each path once, every parent folder listed before what is in it.
    pub entries: Vec<Entry>,
}

/// The kind of audience that the publisher chose; *who* exactly is known to the publisher alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Everyone on the network sees it in the catalogue.
    Everyone,
    /// Chosen peers see it in the catalogue.
    Peers,
    /// Nobody sees it in the catalogue; whoever has the link gets it.
    Link,
}

/// One file or folder of a share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub path: SharePath,
    pub modified: Modified,
    pub kind: EntryKind,
}

/// When a file or folder was last changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Modified {
    /// Seconds since 1970; may be negative.
    pub s: i64,
    /// Nanoseconds past `s`; below 1,000,000,000.
    pub ns: u32,
}

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    Folder,
    File {
        /// Bytes.
        size: u64,
        root: Root,
        executable: bool,
    },
}

/// Why some bytes are not a manifest.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    #[error("the list of files is larger than {limit} bytes")]
    TooLarge { limit: usize },
    #[error("the list has more than {limit} files and folders")]
    TooManyEntries { limit: usize },
    #[error("the files are larger together than can be shared at once")]
    TooManyBytes,
    #[error("the list of files is empty")]
    Empty,
    #[error("the list of files is not in its one right form: {0}")]
    Malformed(&'static str),
    #[error("the list of files is in version {0}, which this program does not know; a newer Handout may")]
    Version(u8),
    #[error("the list of files has a name that can't be used: {0}")]
    Path(#[from] PathError),
    #[error("the list of files was not signed by its publisher")]
    Signature,
    #[error("the list of files belongs to another share: {0}")]
    WrongShare(ShareId),
}

/// A manifest has at most this many bytes.
pub const MANIFEST_BYTES_MAX: usize = 64 << 20;
/// A manifest has at most this many files and folders.
pub const ENTRIES_MAX: usize = 1_000_000;
/// Bytes of all files: 16 TiB, a million of the largest pieces, so that piece numbers fit in 32 bits by far.
const SHARE_BYTES_MAX: u64 = 16 << 40;
const TITLE_BYTES_MAX: usize = 255;

impl Manifest {
    /// Bytes of all files together.
    pub fn size(&self) -> u64 {
        self.entries.iter().map(|entry| entry.kind.size()).sum()
    }

    /// Number of files (not folders).
    pub fn files(&self) -> u32 {
        self.entries.iter().filter(|entry| entry.kind != EntryKind::Folder).count() as u32
    }

    /// The entries at the top of the share, by index.
    pub fn tops(&self) -> impl Iterator<Item = (usize, &Entry)> {
        self.entries.iter().enumerate().filter(|(_, entry)| entry.path.components().len() == 1)
    }

    /// Checks what a manifest must hold whoever made it: limits, order, names that occur once, folders before their content.
    pub(super) fn check(&self) -> Result<(), ManifestError> {
        if self.entries.is_empty() {
            return Err(ManifestError::Empty);
        }
        if self.entries.len() > ENTRIES_MAX {
            return Err(ManifestError::TooManyEntries { limit: ENTRIES_MAX });
        }
        let title_ok = (1..=TITLE_BYTES_MAX).contains(&self.title.len()) && !self.title.chars().any(super::is_unseen);
        if !title_ok {
            return Err(ManifestError::Malformed("the title is empty, too long or has characters that nobody sees"));
        }
        let total = self.entries.iter().try_fold(0u64, |sum, entry| sum.checked_add(entry.kind.size()));
        let total = total.filter(|total| *total <= SHARE_BYTES_MAX).ok_or(ManifestError::TooManyBytes)?;
        if self.piece_len < PieceLen::least_for(total) {
            return Err(ManifestError::Malformed("its pieces are too short for its size"));
        }
        self.check_order()
    }

    fn check_order(&self) -> Result<(), ManifestError> {
        // The folders that are open where the next entry stands: since entries are sorted, one stack is enough.
        let mut open: Vec<&str> = vec![];
        let mut previous: Option<&SharePath> = None;
        for entry in &self.entries {
            let name = || entry.path.to_string();
            match previous {
                Some(previous) if *previous == entry.path => return Err(PathError::Twice { name: name() }.into()),
                Some(previous) if *previous > entry.path => return Err(ManifestError::Malformed("it is not sorted")),
                _ => {}
            }
            let folder = entry.path.folder();
            let shared = open.iter().zip(folder).take_while(|(open, folder)| **open == folder.as_str()).count();
            if shared < folder.len() {
                return Err(PathError::NoFolder { name: name() }.into());
            }
            open.truncate(shared);
            if entry.kind == EntryKind::Folder {
                open.push(entry.path.name());
            }
            previous = Some(&entry.path);
        }
        Ok(())
    }
}

impl EntryKind {
    /// Bytes; 0 for a folder.
    pub fn size(&self) -> u64 {
        match self {
            EntryKind::File { size, .. } => *size,
            EntryKind::Folder => 0,
        }
    }
}
