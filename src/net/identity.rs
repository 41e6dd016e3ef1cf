//! This device's key: made once, kept in one file, bound to the machine.
//!
//! `identity.key` is a PEM file (PKCS#8, RFC 5958) that openssl and curl read as it is, followed by one line with an
//! HMAC-SHA-256 of the machine's id. A disk image that is copied to another machine carries the key along, but not the
//! machine's id: there the file is put aside and another key is made, so that no two computers are the same peer.
//!
//! A file that is damaged is never replaced by a key of its own accord: whoever loses the key is a stranger to everybody
//! who trusted it, so that is a person's decision.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use aws_lc_rs::{
    hmac,
    signature::{Ed25519KeyPair, KeyPair as _},
};
use data_encoding::{BASE64, HEXLOWER};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, pem::PemObject};

use crate::share::{PeerId, PublicKey, Signature};

mod key_file;

use key_file::FILE_NAME;

/// Goes before the machine's id in the HMAC, so that the value can't be used for anything else.
const MACHINE_DOMAIN: &[u8] = b"handout machine v1\0";

/// What stands before the HMAC in the file.
const MACHINE_LINE: &str = "machine: ";

/// This device's key and the certificate that carries it.
#[derive(Clone)]
pub struct Identity {
    key: Arc<Ed25519KeyPair>,
    pkcs8: Vec<u8>,
    public: PublicKey,
    certificate: CertificateDer<'static>,
}

/// How an identity came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It was in its file.
    Loaded,
    /// There was none; this is the first start.
    Created,
    /// The file came from another machine (a copied disk image): it is kept aside, and this is a key of our own.
    ReplacedClone,
}

/// Why there is no identity; each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    #[error(
        "{path} can't be read ({source}); it holds this computer's key, so make it readable for the user who runs Handout"
    )]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("{path} can't be written ({source}); Handout keeps this computer's key there, so make the folder writable")]
    Unwritable { path: PathBuf, source: io::Error },
    #[error(
        "{path} is {what}, but must be a plain file that holds this computer's key; put the file itself there, or move it away to start with a new key"
    )]
    NotAFile { path: PathBuf, what: &'static str },
    #[error(
        "{path} is damaged ({reason}); put it back from a backup, or delete it to start with a new key (others will see this computer as a new one)"
    )]
    Damaged { path: PathBuf, reason: &'static str },
    #[error("no key could be made: the system's cryptography failed; restart the computer and try again")]
    NoKey,
}

impl Identity {
    /// Reads the key in `folder`, or makes one (and the folder, for its owner alone).
    ///
    /// `machine_id`: a text that is the same on every start of this machine and another on every other; without it a
    /// copied disk image is not noticed.
    pub fn load_or_create(folder: &Path, machine_id: Option<&str>) -> Result<(Identity, Origin), IdentityError> {
        let path = folder.join(FILE_NAME);
        let Some(text) = key_file::read(&path)? else {
            return Ok((Identity::create(folder, machine_id)?, Origin::Created));
        };
        let identity =
            Identity::parse(&text).map_err(|reason| IdentityError::Damaged { path: path.clone(), reason })?;
        match (machine_id, machine_line(&text)) {
            (Some(machine), Some(noted)) if noted != identity.machine_mark(machine) => {
                key_file::put_aside(&path)?;
                Ok((Identity::create(folder, machine_id)?, Origin::ReplacedClone))
            }
            _ => Ok((identity, Origin::Loaded)),
        }
    }

    /// The key in `folder`, if one is there. Nothing is made or put aside, whatever the machine.
    pub fn load(folder: &Path) -> Result<Option<Identity>, IdentityError> {
        let path = folder.join(FILE_NAME);
        let parse = |text: String| {
            Identity::parse(&text).map_err(|reason| IdentityError::Damaged { path: path.clone(), reason })
        };
        key_file::read(&path)?.map(parse).transpose()
    }

    /// Makes a key that is given (PEM) the key in `folder`, bound to this machine: where several computers are one server,
    /// or a server moved. Another key that is there is put aside as `identity.key.cloned`.
    pub fn install(folder: &Path, pem: &str, machine_id: Option<&str>) -> Result<Identity, IdentityError> {
        let path = folder.join(FILE_NAME);
        let given = Identity::parse(pem).map_err(|reason| IdentityError::Damaged { path: path.clone(), reason })?;
        let text = given.to_text(machine_id);
        match key_file::read(&path)? {
            Some(there) if there == text => return Ok(given),
            Some(there) if Identity::parse(&there).is_ok_and(|there| there.id() == given.id()) => {
                key_file::remove(&path)?;
            }
            Some(_) => key_file::put_aside(&path)?,
            None => {}
        }
        key_file::write_first(folder, &text)?;
        Ok(given)
    }

    /// The private key as PEM, for a copy that is kept as safe as the key itself.
    pub fn to_pem(&self) -> String {
        self.to_text(None)
    }

    /// A key that is kept nowhere.
    pub fn ephemeral() -> Result<Identity, IdentityError> {
        let key = Ed25519KeyPair::generate().map_err(|_| IdentityError::NoKey)?;
        // Version 1 of PKCS#8: OpenSSL does not read version 2, which also carries the public key.
        let pkcs8 = key.to_pkcs8v1().map_err(|_| IdentityError::NoKey)?;
        Identity::from_pkcs8(pkcs8.as_ref()).map_err(|_| IdentityError::NoKey)
    }

    /// Who we are to others.
    pub fn id(&self) -> PeerId {
        self.public.peer_id()
    }

    pub fn public_key(&self) -> PublicKey {
        self.public
    }

    /// Signs with Ed25519 (RFC 8032). Callers put a domain in front of what they sign.
    pub fn sign(&self, message: &[u8]) -> Signature {
        let mut bytes = [0; 64];
        bytes.copy_from_slice(self.key.sign(message).as_ref());
        Signature(bytes)
    }

    /// Our self-signed X.509 certificate; only its key means anything.
    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// The private key, for the TLS library.
    pub(super) fn private_key(&self) -> PrivatePkcs8KeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.pkcs8.clone())
    }

    fn create(folder: &Path, machine_id: Option<&str>) -> Result<Identity, IdentityError> {
        let identity = Identity::ephemeral()?;
        key_file::write_first(folder, &identity.to_text(machine_id))?;
        Ok(identity)
    }

    fn parse(text: &str) -> Result<Identity, &'static str> {
        if text.trim().is_empty() {
            return Err("it is empty");
        }
        let der = PrivatePkcs8KeyDer::from_pem_slice(text.as_bytes()).map_err(|_| "there is no private key in it")?;
        Identity::from_pkcs8(der.secret_pkcs8_der())
    }

    fn from_pkcs8(pkcs8: &[u8]) -> Result<Identity, &'static str> {
        let key = Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8).map_err(|_| "its key is not an Ed25519 key")?;
        let public = PublicKey(key.public_key().as_ref().try_into().map_err(|_| "its key is not an Ed25519 key")?);
        let certificate = self_signed(pkcs8).map_err(|_| "no certificate can be made from its key")?;
        Ok(Identity { key: Arc::new(key), pkcs8: pkcs8.to_vec(), public, certificate })
    }

    fn to_text(&self, machine_id: Option<&str>) -> String {
        let mut text = String::from("-----BEGIN PRIVATE KEY-----\n");
        for line in BASE64.encode(&self.pkcs8).as_bytes().chunks(64) {
            text.push_str(&String::from_utf8_lossy(line));
            text.push('\n');
        }
        text.push_str("-----END PRIVATE KEY-----\n");
        if let Some(machine) = machine_id {
            text.push_str(&format!("{MACHINE_LINE}{}\n", self.machine_mark(machine)));
        }
        text
    }

    /// Tells this machine from others without telling which it is.
    fn machine_mark(&self, machine_id: &str) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, &self.pkcs8);
        let mut context = hmac::Context::with_key(&key);
        context.update(MACHINE_DOMAIN);
        context.update(machine_id.as_bytes());
        HEXLOWER.encode(context.sign().as_ref())
    }
}

impl std::fmt::Debug for Identity {
    /// Never shows the private key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Identity").field(&self.id()).finish()
    }
}

fn machine_line(text: &str) -> Option<&str> {
    text.lines().find_map(|line| line.strip_prefix(MACHINE_LINE))
}

/// A certificate without end (RFC 5280 wants dates, nobody here looks at them) for no name in particular.
fn self_signed(pkcs8: &[u8]) -> Result<CertificateDer<'static>, rcgen::Error> {
    let key =
        rcgen::KeyPair::from_pkcs8_der_and_sign_algo(&PrivatePkcs8KeyDer::from(pkcs8.to_vec()), &rcgen::PKCS_ED25519)?;
    let mut params = rcgen::CertificateParams::new(vec!["handout".to_owned()])?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(rcgen::DnType::CommonName, "Handout");
    Ok(params.self_signed(&key)?.der().clone())
}

#[cfg(test)]
mod tests;
