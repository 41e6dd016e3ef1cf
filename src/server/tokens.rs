//! Secrets that are drawn by chance, how they are written, and what is kept of them.

use aws_lc_rs::hmac;
use data_encoding::{BASE32_NOPAD, BASE64URL_NOPAD};

use crate::{
    share::PeerId,
    store::central::{Central, CentralError},
};

/// 256 bits, as people never type them.
pub(super) fn token() -> String {
    BASE64URL_NOPAD.encode(&random::<32>())
}

/// 128 bits in an address.
pub(super) fn short_token() -> String {
    BASE32_NOPAD.encode(&random::<16>()).to_lowercase()
}

/// So much of the server's id goes with a token of its own: 80 bits.
const ID_LETTERS: usize = 16;

/// A token with which computers are enrolled, as people get it: who has it in this form notices when another server answers
/// than the one that gave it.
pub(super) fn of_this_server(token: &str, server: &PeerId) -> String {
    let id: String = server.to_string().chars().take(ID_LETTERS).collect();
    format!("{token}@{id}")
}

/// 50 bits for people to type: `ABCDE-FGHIJ`.
pub(super) fn typed_code() -> String {
    let text = BASE32_NOPAD.encode(&random::<7>());
    format!("{}-{}", &text[..5], &text[5..10])
}

/// What the database keeps of a token.
pub(super) fn hash_of(token: &str) -> [u8; 32] {
    *blake3::hash(token.as_bytes()).as_bytes()
}

pub(super) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    // A token that is not drawn by chance would be known to everybody; no request is worth that.
    if let Err(error) = aws_lc_rs::rand::fill(&mut bytes) {
        tracing::error!(%error, "the system gives no random bytes and no token can be made");
        std::process::abort();
    }
    bytes
}

/// A proof that only this server makes: that a browser was signed in as somebody before.
pub(super) fn proof(secret: &[u8; 32], about: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    BASE64URL_NOPAD.encode(hmac::sign(&key, about.as_bytes()).as_ref())
}

/// Checks a proof in the same time whatever is wrong with it.
pub(super) fn proves(secret: &[u8; 32], about: &str, proof: &str) -> bool {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let Ok(tag) = BASE64URL_NOPAD.decode(proof.as_bytes()) else { return false };
    hmac::verify(&key, about.as_bytes(), &tag).is_ok()
}

/// The server's own secret; all processes of one server have the same.
pub(super) async fn stored_secret(central: &Central) -> Result<[u8; 32], CentralError> {
    const NAME: &str = "secret";
    let text = central.first_fact(NAME, &BASE64URL_NOPAD.encode(&random::<32>())).await?;
    let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).ok().and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or(CentralError::Missing { what: "secret of the server's that can be read" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_is_good_for_what_it_is_about_and_by_this_server() {
        let given = proof(&[1; 32], "person:7");
        assert!(proves(&[1; 32], "person:7", &given));
        assert!(!proves(&[1; 32], "person:8", &given));
        assert!(!proves(&[2; 32], "person:7", &given));
        assert!(!proves(&[1; 32], "person:7", ""));
    }

    #[test]
    fn a_code_for_people_has_ten_letters_in_two_groups() {
        let code = typed_code();
        assert_eq!((code.len(), &code[5..6]), (11, "-"));
        assert_ne!(typed_code(), code);
    }
}
