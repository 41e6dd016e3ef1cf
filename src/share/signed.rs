//! A manifest with its publisher's signature, in the bytes that travel and are kept.

use super::{Manifest, ManifestError, ShareId, Signature};

/// Goes before the manifest's bytes when they are signed, so that the signature can't be used for anything else.
pub const SIGNATURE_DOMAIN: &[u8] = b"handout manifest v1\0";

/// A manifest whose signature is its publisher's. On the wire and on disk: 64 bytes of signature, then the manifest's bytes.
#[derive(Clone, Debug)]
pub struct SignedManifest {
    id: ShareId,
    manifest: Manifest,
    bytes: Vec<u8>,
    signature: Signature,
}
