//! From when to when a certificate holds, read from its DER (RFC 5280 §4.1), and for which names it is good.

use std::sync::Arc;

use rustls::{
    RootCertStore,
    client::{WebPkiServerVerifier, danger::ServerCertVerifier as _},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use time::{PrimitiveDateTime, format_description::BorrowedFormatItem, macros::format_description};

/// Both ends, in seconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Validity {
    pub from_s: i64,
    pub until_s: i64,
}

impl Validity {
    /// `None`: it is no certificate.
    pub fn of(certificate: &CertificateDer<'_>) -> Option<Validity> {
        let (_, certificate, _) = element(certificate)?;
        let (_, mut rest, _) = element(certificate)?;
        let (first, _, after) = element(rest)?;
        if first == VERSION {
            rest = after;
        }
        // The number, the algorithm and the issuer stand before it.
        for _ in 0..3 {
            (_, _, rest) = element(rest)?;
        }
        let (_, validity, _) = element(rest)?;
        let (kind, from, rest) = element(validity)?;
        let from_s = moment(kind, from)?;
        let (kind, until, _) = element(rest)?;
        Some(Validity { from_s, until_s: moment(kind, until)? })
    }

    pub fn holds(&self, now_s: i64) -> bool {
        (self.from_s..=self.until_s).contains(&now_s)
    }
}

const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;

/// The first element of DER: its tag, what is in it, and what comes after it.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[tag, length], rest) = der.split_first_chunk()?;
    let (length, rest) = match length {
        0..=0x7f => (usize::from(length), rest),
        // Four bytes of length are more than any certificate has.
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(length - 0x80))?;
            (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (content, after) = rest.split_at_checked(length)?;
    Some((tag, content, after))
}

fn moment(kind: u8, text: &[u8]) -> Option<i64> {
    const TIME: &[BorrowedFormatItem<'_>] = format_description!("[year][month][day][hour][minute][second]Z");
    let text = std::str::from_utf8(text).ok()?;
    // Two digits of a year stand for 1950 to 2049.
    let century = if kind != UTC_TIME {
        ""
    } else if text < "5" {
        "20"
    } else {
        "19"
    };
    let time = PrimitiveDateTime::parse(&format!("{century}{text}"), TIME).ok()?;
    Some(time.assume_utc().unix_timestamp())
}

/// Whether a browser that trusts this authority takes the certificate for this name or address.
pub(super) fn is_good_for(
    authority: &CertificateDer<'_>,
    certificate: &CertificateDer<'_>,
    name: &str,
    now_s: i64,
) -> bool {
    let mut roots = RootCertStore::empty();
    let (Ok(name), Ok(now_s)) = (ServerName::try_from(name), u64::try_from(now_s)) else { return false };
    if roots.add(authority.clone().into_owned()).is_err() {
        return false;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let Ok(verifier) = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build() else {
        return false;
    };
    let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(now_s));
    verifier.verify_server_cert(certificate, &[], &name, &[], now).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_are_read_and_nonsense_is_none() {
        let check = |from: i64, until: i64| {
            let mut params = rcgen::CertificateParams::new(vec!["a.test".to_owned()]).unwrap();
            params.not_before = time::OffsetDateTime::from_unix_timestamp(from).unwrap();
            params.not_after = time::OffsetDateTime::from_unix_timestamp(until).unwrap();
            let key = rcgen::KeyPair::generate().unwrap();
            let certificate = params.self_signed(&key).unwrap();
            assert_eq!(Validity::of(certificate.der()), Some(Validity { from_s: from, until_s: until }));
            let der = certificate.der().to_vec();
            for end in 0..der.len().min(200) {
                Validity::of(&CertificateDer::from(der[..end].to_vec()));
            }
        };
        check(0, 1_700_000_000);
        check(1_700_000_000, 1_800_000_000);
        // After 2049 years have four digits.
        check(1_700_000_000, 4_000_000_000);
        assert_eq!(Validity::of(&CertificateDer::from(vec![0x30, 0x84, 0xff, 0xff, 0xff, 0xff])), None);
        let validity = Validity { from_s: 10, until_s: 20 };
        assert_eq!([9, 10, 20, 21].map(|now| validity.holds(now)), [false, true, true, false]);
    }
}
