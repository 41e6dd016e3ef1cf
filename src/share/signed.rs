//! A manifest with its publisher's signature, in the bytes that travel and are kept.

use bytes::Bytes;

use super::{Manifest, ManifestError, ShareId, Signature};

/// Goes before the manifest's bytes when they are signed, so that the signature can't be used for anything else.
pub const SIGNATURE_DOMAIN: &[u8] = b"handout manifest v1\0";

const SIGNATURE_LEN: usize = 64;

/// A manifest whose signature is its publisher's. On the wire and on disk: 64 bytes of signature, then the manifest's bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedManifest {
    id: ShareId,
    manifest: Manifest,
    wire: Bytes,
}

impl SignedManifest {
    /// On the wire nothing that is one is longer.
    pub const BYTES_MAX: usize = 64 + super::MANIFEST_BYTES_MAX;

    /// Signs a manifest with its publisher's key; `sign` makes an Ed25519 signature of the bytes it gets.
    pub fn sign(manifest: Manifest, sign: impl FnOnce(&[u8]) -> Signature) -> Result<SignedManifest, ManifestError> {
        let bytes = manifest.to_bytes();
        let Signature(signature) = sign(&[SIGNATURE_DOMAIN, &bytes].concat());
        SignedManifest::parse(&[&signature[..], &bytes].concat())
    }

    /// Reads bytes from a stranger and checks everything: form, names, limits, signature.
    pub fn parse(wire: &[u8]) -> Result<SignedManifest, ManifestError> {
        let (signature, bytes) =
            wire.split_first_chunk::<SIGNATURE_LEN>().ok_or(ManifestError::Malformed("it is cut short"))?;
        let manifest = Manifest::parse(bytes)?;
        if !manifest.publisher.verifies(&[SIGNATURE_DOMAIN, bytes].concat(), &Signature(*signature)) {
            return Err(ManifestError::Signature);
        }
        let id = ShareId(*blake3::hash(bytes).as_bytes());
        Ok(SignedManifest { id, manifest, wire: Bytes::copy_from_slice(wire) })
    }

    /// [`SignedManifest::parse`], where one certain share was asked for.
    pub fn parse_expected(wire: &[u8], expected: ShareId) -> Result<SignedManifest, ManifestError> {
        let signed = SignedManifest::parse(wire)?;
        if signed.id == expected { Ok(signed) } else { Err(ManifestError::WrongShare(signed.id)) }
    }

    pub fn id(&self) -> ShareId {
        self.id
    }

    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Signature and manifest.
    pub fn to_wire(&self) -> &[u8] {
        &self.wire
    }

    /// The same, without a copy of the bytes: many may be sent them at a time.
    pub fn shared_wire(&self) -> Bytes {
        self.wire.clone()
    }
}
