//! Newtypes for the ids and keys that name things, with the one way each is shown and read.

use std::{fmt, str::FromStr};

use data_encoding::{BASE32_NOPAD, HEXLOWER};

/// The fixed head of an Ed25519 SubjectPublicKeyInfo (RFC 8410 §4); the 32 bytes of the key follow it.
const ED25519_SPKI_HEAD: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// The BLAKE3 hash of a manifest's bytes; shown as 52 letters of lower-case base32 (RFC 4648 §6).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShareId(pub [u8; 32]);

/// The SHA-256 of a device key's SubjectPublicKeyInfo; a peer *is* this, never its name or address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeerId(pub [u8; 32]);

/// An Ed25519 public key (RFC 8032).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey(pub [u8; 32]);

/// An Ed25519 signature (RFC 8032).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature(pub [u8; 64]);

/// The BLAKE3 hash of a file's content, the same that `b3sum` prints; shown in hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Root(pub [u8; 32]);

/// A text that is not an id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not an id: an id has 52 letters and digits (a-z, 2-7)")]
pub struct IdError {
    /// What was given, shortened to what fits in a message.
    pub text: String,
}

impl PublicKey {
    /// The id of the device that holds this key.
    pub fn peer_id(&self) -> PeerId {
        PeerId::of_spki(&self.to_spki())
    }

    /// The key as a SubjectPublicKeyInfo, in DER.
    pub fn to_spki(&self) -> [u8; 44] {
        let mut spki = [0; 44];
        spki[..12].copy_from_slice(&ED25519_SPKI_HEAD);
        spki[12..].copy_from_slice(&self.0);
        spki
    }

    /// Reads an Ed25519 SubjectPublicKeyInfo in DER; `None` for any other kind of key.
    pub fn from_spki(spki: &[u8]) -> Option<PublicKey> {
        let key = spki.strip_prefix(&ED25519_SPKI_HEAD)?;
        Some(PublicKey(key.try_into().ok()?))
    }

    /// Whether `signature` over `message` was made by the holder of this key.
    pub fn verifies(&self, message: &[u8], signature: &Signature) -> bool {
        use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
        UnparsedPublicKey::new(&ED25519, self.0).verify(message, &signature.0).is_ok()
    }
}

impl PeerId {
    /// The id that belongs to a key's SubjectPublicKeyInfo in DER.
    pub fn of_spki(spki: &[u8]) -> PeerId {
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, spki);
        let mut id = [0; 32];
        id.copy_from_slice(digest.as_ref());
        PeerId(id)
    }
}

macro_rules! shown_in_base32 {
    ($name:ident) => {
        impl $name {
            /// The first 8 characters, which is what people see.
            pub fn short(&self) -> String {
                self.to_string()[..8].to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&BASE32_NOPAD.encode(&self.0).to_ascii_lowercase())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.short())
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let error = || IdError { text: text.chars().take(80).collect() };
                if text.len() != 52 {
                    return Err(error());
                }
                let bytes = BASE32_NOPAD.decode(text.to_ascii_uppercase().as_bytes()).map_err(|_| error())?;
                Ok($name(bytes.try_into().map_err(|_| error())?))
            }
        }
    };
}

shown_in_base32!(ShareId);
shown_in_base32!(PeerId);

impl fmt::Display for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for Root {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Root({})", &self.to_string()[..8])
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", &HEXLOWER.encode(&self.0)[..8])
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signature({})", &HEXLOWER.encode(&self.0)[..8])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_what_it_shows() {
        let id = ShareId(*blake3::hash(b"x").as_bytes());
        assert_eq!(id.to_string().len(), 52);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(id.to_string().to_uppercase().parse(), Ok(id));
    }

    #[test]
    fn a_text_that_is_no_id_is_named() {
        for text in ["", "abc", "../../etc/passwd", &"1".repeat(52), &"é".repeat(26)] {
            assert_eq!(text.parse::<PeerId>(), Err(IdError { text: text.to_owned() }));
        }
    }

    #[test]
    fn a_key_reads_back_from_its_spki_and_nothing_else_does() {
        let key = PublicKey([7; 32]);
        assert_eq!(PublicKey::from_spki(&key.to_spki()), Some(key));
        assert_eq!(PublicKey::from_spki(&key.to_spki()[1..]), None);
        assert_eq!(PublicKey::from_spki(&[0; 44]), None);
    }
}
