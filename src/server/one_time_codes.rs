//! One-time codes (TOTP, RFC 6238): six digits, 30 seconds, one step of tolerance each way.

use totp_rs::{Builder, Secret, Totp};

use super::tokens;

/// A new secret: 160 bits, as RFC 4226 §4 recommends.
pub(super) fn new_secret() -> [u8; 20] {
    tokens::random()
}

/// The time step that a code belongs to, if it is right. It must never be taken twice.
pub(super) fn step_of(secret: &[u8], code: &str, now_s: i64) -> Option<i64> {
    let code: String = code.chars().filter(|letter| !letter.is_whitespace()).collect();
    let step = totp(secret)?.check(&code, u64::try_from(now_s).ok()?)?;
    i64::try_from(step).ok()
}

/// What an app for such codes reads from a QR code.
pub(super) fn address(secret: &[u8], person: &str, server: &str) -> String {
    let part =
        |text: &str| text.chars().filter(|letter| letter.is_alphanumeric() || *letter == '-').collect::<String>();
    format!("otpauth://totp/{}:{}?secret={}&issuer={}", part(server), part(person), typed(secret), part(server))
}

/// The secret for typing it by hand.
pub(super) fn typed(secret: &[u8]) -> String {
    data_encoding::BASE32_NOPAD.encode(secret)
}

fn totp(secret: &[u8]) -> Option<Totp> {
    Builder::new().with_secret(Secret::from(secret)).with_skew(1).build().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B: the last six digits of the values for SHA-1.
    #[test]
    fn codes_are_those_of_the_standard() {
        let secret = b"12345678901234567890";
        assert_eq!(step_of(secret, "287082", 59), Some(1));
        assert_eq!(step_of(secret, "081 804", 1_111_111_109), Some(37_037_036));
        assert_eq!(step_of(secret, "005924", 1_234_567_890), Some(41_152_263));
    }

    #[test]
    fn a_code_of_the_step_before_is_taken_as_its_own_step_and_others_are_not() {
        let secret = b"12345678901234567890";
        assert_eq!(step_of(secret, "287082", 59 + 30), Some(1));
        assert_eq!(step_of(secret, "287082", 59 + 90), None);
        for wrong in ["", "28708", "2870822", "abcdef", "000000"] {
            assert_eq!(step_of(secret, wrong, 59), None, "{wrong}");
        }
    }
}
