//! What is shared: ids, the signed manifest, how its bytes are cut into pieces, and how a piece is checked.
//!
//! Pure nouns of the whole app: no clock, no socket, no file. A [`Share`] holds everything that is needed to check any
//! piece alone, so that a worker which has one needs to ask nobody.

mod bitmap;
mod hashes;
mod id;
mod manifest;
mod path;
mod pieces;
mod signed;
mod verify;

pub use bitmap::Bitmap;
pub use hashes::{FileHashes, PieceHashes};
pub use id::{IdError, PeerId, PublicKey, Root, ShareId, Signature};
pub use manifest::{Audience, Entry, EntryKind, Manifest, ManifestError, Modified};
pub use path::{PathError, SharePath};
pub use pieces::{PieceIndex, PieceLen, Pieces, Span};
pub use signed::SignedManifest;
pub use verify::{PieceVerifier, WrongContent};

/// A share with everything that is needed to check its bytes.
#[derive(Debug)]
pub struct Share {
    signed: SignedManifest,
    pieces: Pieces,
    hashes: PieceHashes,
}
