//! The manifest: what a share consists of, as its publisher signed it.

use super::{PathError, PieceLen, PublicKey, Root, SharePath, ShareId};

/// What a share consists of. Its canonical bytes are deterministic CBOR (RFC 8949 §4.2); their BLAKE3 is the [`ShareId`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    /// The name people see; at most 255 bytes.
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
    #[error("the manifest is larger than {limit} bytes")]
    TooLarge { limit: usize },
    #[error("the manifest lists more than {limit} files and folders")]
    TooManyEntries { limit: usize },
    #[error("the manifest lists nothing")]
    Empty,
    #[error("the manifest is not in its one canonical form: {0}")]
    Malformed(&'static str),
    #[error("the manifest speaks version {0}, which this program does not know")]
    Version(u8),
    #[error("the manifest has a bad name in it: {0}")]
    Path(#[from] PathError),
    #[error("the manifest's signature is not its publisher's")]
    Signature,
    #[error("the manifest is another share's: {0}")]
    WrongShare(ShareId),
}

/// A manifest has at most this many bytes.
pub const MANIFEST_BYTES_MAX: usize = 64 << 20;
/// A manifest has at most this many files and folders.
pub const ENTRIES_MAX: usize = 1_000_000;

impl Manifest {
    /// Bytes of all files together.
    pub fn size(&self) -> u64 {
        todo!()
    }

    /// Number of files (not folders).
    pub fn files(&self) -> u32 {
        todo!()
    }

    /// The canonical bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        todo!()
    }

    /// Reads canonical bytes from a stranger: every limit, every path rule, order and uniqueness are checked, and bytes
    /// that would be written otherwise by [`Manifest::to_bytes`] are refused.
    pub fn parse(bytes: &[u8]) -> Result<Manifest, ManifestError> {
        let _ = bytes;
        todo!()
    }
}
