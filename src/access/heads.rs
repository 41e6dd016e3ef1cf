//! Where a server's audit log stood, kept by others: whoever holds the whole server can't cut the log's end off or write it
//! anew without somebody noticing.
//!
//! A head is the number and hash of the log's last entry at a moment, signed. The log is a chain of hashes, so an entry that
//! stands in it later has the hash that it had before; [`compare`] looks whether what is told now agrees with what was kept.

use crate::share::{PublicKey, Signature};

/// What the signature covers before the head.
const DOMAIN: &[u8] = b"handout audit head v1\0";

/// Where the log stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The number of the last entry.
    pub seq: i64,
    /// The hash of that entry, which covers all before it.
    pub hash: [u8; 32],
    /// Milliseconds since 1970.
    pub at_ms: i64,
    pub signature: Signature,
}

/// How a server's log does not continue what was kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    #[error("a head of its audit log was not signed by it")]
    Signature,
    #[error(
        "its audit log ends at entry {now}, and had {before}: its end was cut off, or an old copy was brought back"
    )]
    CutOff { before: i64, now: i64 },
    #[error("entry {seq} of its audit log is another one than it was: the log was written anew")]
    Rewritten { seq: i64 },
    #[error("the head at entry {seq} of its audit log is gone")]
    Missing { seq: i64 },
}

impl Head {
    /// What is signed.
    pub fn message(seq: i64, hash: &[u8; 32], at_ms: i64) -> Vec<u8> {
        [DOMAIN, &seq.to_be_bytes(), hash, &at_ms.to_be_bytes()].concat()
    }

    pub fn is_signed_by(&self, signer: PublicKey) -> bool {
        signer.verifies(&Head::message(self.seq, &self.hash, self.at_ms), &self.signature)
    }
}

/// What is new of `told`, oldest first. `kept` and `told`: in any order; of what was kept before the oldest one told nothing
/// can be said.
pub fn compare(kept: &[Head], told: &[Head], signer: PublicKey) -> Result<Vec<Head>, Broken> {
    if told.iter().any(|head| !head.is_signed_by(signer)) {
        return Err(Broken::Signature);
    }
    let last = |heads: &[Head]| heads.iter().map(|head| head.seq).max();
    let (before, now) = (last(kept), last(told));
    if let (Some(before), now) = (before, now.unwrap_or(0))
        && now < before
    {
        return Err(Broken::CutOff { before, now });
    }
    let oldest = told.iter().map(|head| head.seq).min().unwrap_or(0);
    for known in kept.iter().filter(|head| head.seq >= oldest) {
        match told.iter().find(|head| head.seq == known.seq) {
            Some(head) if head.hash == known.hash => {}
            Some(_) => return Err(Broken::Rewritten { seq: known.seq }),
            None => return Err(Broken::Missing { seq: known.seq }),
        }
    }
    let mut new: Vec<Head> =
        told.iter().filter(|head| before.is_none_or(|before| head.seq > before)).copied().collect();
    new.sort_by_key(|head| head.seq);
    Ok(new)
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};

    use super::*;

    fn key() -> (Ed25519KeyPair, PublicKey) {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[5; 32]).unwrap();
        let public = PublicKey(pair.public_key().as_ref().try_into().unwrap());
        (pair, public)
    }

    fn head(seq: i64, hash: u8) -> Head {
        let message = Head::message(seq, &[hash; 32], seq * 1_000);
        let signature = Signature(key().0.sign(&message).as_ref().try_into().unwrap());
        Head { seq, hash: [hash; 32], at_ms: seq * 1_000, signature }
    }

    #[test]
    fn a_log_that_goes_on_brings_what_is_new() {
        let told = [head(9, 9), head(5, 5), head(3, 3)];
        assert_eq!(compare(&[], &told, key().1), Ok(vec![head(3, 3), head(5, 5), head(9, 9)]));
        assert_eq!(compare(&[head(3, 3), head(5, 5)], &told, key().1), Ok(vec![head(9, 9)]));
        // What is older than anything that is told can't be compared.
        assert_eq!(compare(&[head(1, 7), head(9, 9)], &told, key().1), Ok(vec![]));
    }

    #[test]
    fn a_log_that_was_cut_written_anew_or_signed_by_another_is_noticed() {
        let kept = [head(3, 3), head(5, 5)];
        let check = |told: &[Head]| compare(&kept, told, key().1);
        assert_eq!(check(&[head(3, 3)]), Err(Broken::CutOff { before: 5, now: 3 }));
        assert_eq!(check(&[]), Err(Broken::CutOff { before: 5, now: 0 }));
        assert_eq!(check(&[head(3, 3), head(5, 6), head(8, 8)]), Err(Broken::Rewritten { seq: 5 }));
        assert_eq!(check(&[head(3, 3), head(8, 8)]), Err(Broken::Missing { seq: 5 }));
        let forged = Head { hash: [1; 32], ..head(8, 8) };
        assert_eq!(check(&[head(3, 3), head(5, 5), forged]), Err(Broken::Signature));
    }
}
