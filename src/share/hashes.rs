//! The chaining values of large files' pieces: how each piece is checked alone, with trust in the file's root only.

use super::{Manifest, Pieces, Root};

/// The BLAKE3 chaining values of one file's subtree pieces, in order; they merge up to the file's root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileHashes(Vec<[u8; 32]>);

/// The [`FileHashes`] of all files of a share that are cut into subtree pieces.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct PieceHashes {
    /// By index into [`Manifest::entries`].
    files: std::collections::BTreeMap<usize, FileHashes>,
}
