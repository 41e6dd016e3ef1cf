//! The keys that make several processes one server: its own key, with which it signs, and that of its authority, which
//! certifies it to browsers.
//!
//! With `cluster.secret_file` they lie in the database, sealed with a secret that each process has in a file (AES-256-GCM;
//! the key is drawn from the secret by BLAKE3's key derivation). The first process to start puts its own there; the others
//! take them up, so that a home folder can be empty. Whoever steals the database alone has none of them.
//!
//! Without it a process keeps its keys in its home folder; another one with other keys is kept from using the same
//! database, because half of all signatures would be wrong.

use std::path::Path;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use data_encoding::BASE64;
use serde::{Deserialize, Serialize};

use super::{Config, ServerError, authority, tokens};
use crate::{net::identity::Identity, store::central::Central};

const FACT: &str = "sealed_keys";
/// Whose database it is.
const OWNER_FACT: &str = "server_key";
const CONTEXT: &str = "handout 2026-11 keys of a server in its database";
const SECRET_LETTERS_MIN: usize = 32;

/// The keys, as PEM.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Keys {
    pub identity: String,
    pub authority_key: String,
    pub authority: String,
}

/// Brings the keys of the home folder and the database together, where several processes share them. To be done before the
/// key of the home folder is read. `machine_id`: as for [`Identity::load_or_create`].
pub async fn share_keys(config: &Config, machine_id: Option<&str>) -> Result<(), ServerError> {
    let Some(path) = &config.cluster_secret else { return Ok(()) };
    let sealing = sealing_key(path)?;
    let central = Central::open(&config.database).await?;
    let sealed = match central.fact(FACT).await? {
        Some(sealed) => sealed,
        None => {
            let keys = own_keys(config, machine_id)?;
            let text = serde_json::to_string(&keys).map_err(|error| ServerError::Keys(error.to_string()))?;
            central.first_fact(FACT, &seal(&sealing, text.into_bytes())?).await?
        }
    };
    central.close().await;
    let text = open(&sealing, &sealed).ok_or_else(|| {
        let reason = format!("the secret in {} does not open the keys in the database", path.display());
        ServerError::Keys(format!("{reason}; every process of a server needs the same secret"))
    })?;
    let keys = serde_json::from_slice(&text).map_err(|error| ServerError::Keys(error.to_string()))?;
    install(config, &keys, machine_id)
}

/// The keys of the home folder, made where there are none.
pub(super) fn own_keys(config: &Config, machine_id: Option<&str>) -> Result<Keys, ServerError> {
    let (identity, _) = Identity::load_or_create(&config.home, machine_id).map_err(wrong)?;
    let (authority_key, authority) = authority::own(&config.tls())?;
    Ok(Keys { identity: identity.to_pem(), authority_key, authority })
}

/// Makes these the keys of the home folder; other ones are put aside.
pub(super) fn install(config: &Config, keys: &Keys, machine_id: Option<&str>) -> Result<(), ServerError> {
    Identity::install(&config.home, &keys.identity, machine_id).map_err(wrong)?;
    authority::install(&config.tls(), &keys.authority_key, &keys.authority)
}

/// Writes down whose database it is, or refuses one of another server.
pub(super) async fn claim(central: &Central, identity: &Identity) -> Result<(), ServerError> {
    central.first_fact(OWNER_FACT, &identity.id().to_string()).await?;
    belongs(central, identity).await
}

/// Refuses the database of another server; one that is nobody's yet is good.
pub(super) async fn belongs(central: &Central, identity: &Identity) -> Result<(), ServerError> {
    let mine = identity.id().to_string();
    match central.fact(OWNER_FACT).await? {
        Some(owner) if owner != mine => Err(ServerError::Keys(format!(
            "the database belongs to the server with the key {owner}, and this one has the key {mine}. For several \
             processes of one server give each the same cluster.secret_file; after a move bring identity.key along"
        ))),
        _ => Ok(()),
    }
}

fn sealing_key(path: &Path) -> Result<[u8; 32], ServerError> {
    let bad = |reason: String| ServerError::Keys(format!("cluster.secret_file: {} {reason}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| bad(format!("can't be read: {error}")))?;
    let secret = text.trim();
    if secret.len() < SECRET_LETTERS_MIN {
        return Err(bad(format!(
            "has fewer than {SECRET_LETTERS_MIN} letters; make one with: openssl rand -base64 32"
        )));
    }
    Ok(blake3::derive_key(CONTEXT, secret.as_bytes()))
}

fn cipher(key: &[u8; 32]) -> Option<LessSafeKey> {
    UnboundKey::new(&AES_256_GCM, key).ok().map(LessSafeKey::new)
}

/// A nonce of chance is good for one that is drawn a handful of times in a server's life.
fn seal(key: &[u8; 32], mut text: Vec<u8>) -> Result<String, ServerError> {
    let nonce: [u8; NONCE_LEN] = tokens::random();
    let failed = || ServerError::Keys("they can't be sealed".to_owned());
    let cipher = cipher(key).ok_or_else(failed)?;
    cipher
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(FACT), &mut text)
        .map_err(|_| failed())?;
    Ok(BASE64.encode(&[&nonce[..], &text].concat()))
}

fn open(key: &[u8; 32], sealed: &str) -> Option<Vec<u8>> {
    let bytes = BASE64.decode(sealed.as_bytes()).ok()?;
    let (nonce, text) = bytes.split_first_chunk::<NONCE_LEN>()?;
    let mut text = text.to_vec();
    let opened = cipher(key)?.open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(FACT), &mut text).ok()?;
    Some(opened.to_vec())
}

fn wrong(error: crate::net::identity::IdentityError) -> ServerError {
    ServerError::Keys(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sealed_is_opened_by_the_same_secret_alone() {
        let sealed = seal(&[1; 32], b"keys".to_vec()).unwrap();
        assert_eq!(open(&[1; 32], &sealed).as_deref(), Some(&b"keys"[..]));
        assert_eq!(open(&[2; 32], &sealed), None);
        assert_ne!(seal(&[1; 32], b"keys".to_vec()).unwrap(), sealed, "no two are alike");
        let mut bytes = BASE64.decode(sealed.as_bytes()).unwrap();
        for at in 0..bytes.len() {
            bytes[at] ^= 1;
            assert_eq!(open(&[1; 32], &BASE64.encode(&bytes)), None, "byte {at}");
            bytes[at] ^= 1;
        }
    }

    #[test]
    fn keys_put_into_an_empty_folder_are_those_of_the_first() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (first, second) = (Config::of_home(one.path()), Config::of_home(two.path()));
        let keys = own_keys(&first, Some("machine 1")).unwrap();
        let own = own_keys(&second, Some("machine 2")).unwrap();
        assert!(own != keys);
        install(&second, &keys, Some("machine 2")).unwrap();
        assert!(own_keys(&second, Some("machine 2")).unwrap() == keys, "it is bound to the second machine by now");
        assert!(
            std::fs::read_dir(two.path())
                .unwrap()
                .flatten()
                .any(|file| file.file_name().to_string_lossy().contains("identity.key.")),
            "the other one is kept"
        );
    }
}
