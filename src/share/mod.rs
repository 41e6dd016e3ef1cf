//! What is shared: ids, the signed manifest, how its bytes are cut into pieces, and how a piece is checked.
//!
//! Pure nouns of the whole app: no clock, no socket, no file. A [`Share`] holds everything that is needed to check any
//! piece alone, so that a worker which has one needs to ask nobody.

mod bitmap;
mod hashes;
mod id;
mod link;
mod manifest;
mod manifest_form;
mod path;
mod pieces;
pub mod probe;
mod signed;
#[cfg(test)]
pub mod testing;
mod unseen;
mod verify;
mod whence;
pub mod words;

pub use bitmap::{BadBitmap, Bitmap};
pub use hashes::{BadHashes, FileHashes, HashPlace, PieceHashes};
pub use id::{IdError, PeerId, PublicKey, Root, ShareId, Signature};
pub use link::{Link, LinkError};
pub use manifest::{Audience, ENTRIES_MAX, Entry, EntryKind, MANIFEST_BYTES_MAX, Manifest, ManifestError, Modified};
pub use path::{NameRules, PathError, SharePath, name_on_disk};
pub use pieces::{PieceIndex, PieceLen, Pieces, Span};
pub use signed::SignedManifest;
pub use unseen::is_unseen;
pub use verify::{PieceVerifier, WrongContent};
pub use whence::Whence;

/// A share with everything that is needed to check its bytes.
#[derive(Debug)]
pub struct Share {
    signed: SignedManifest,
    pieces: Pieces,
    hashes: PieceHashes,
}

impl Share {
    /// `hashes` must be those of the manifest's large files, which [`PieceHashes`]' constructors check.
    pub fn new(signed: SignedManifest, hashes: PieceHashes) -> Result<Share, BadHashes> {
        let pieces = Pieces::of(signed.manifest());
        if signed.manifest().large_files().any(|(entry, _, _)| hashes.of_entry(entry).is_none()) {
            return Err(BadHashes::Missing);
        }
        Ok(Share { signed, pieces, hashes })
    }

    pub fn id(&self) -> ShareId {
        self.signed.id()
    }

    pub fn signed(&self) -> &SignedManifest {
        &self.signed
    }

    pub fn manifest(&self) -> &Manifest {
        self.signed.manifest()
    }

    pub fn pieces(&self) -> &Pieces {
        &self.pieces
    }

    pub fn hashes(&self) -> &PieceHashes {
        &self.hashes
    }
}
