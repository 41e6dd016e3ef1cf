//! What a server says of one computer: its role and groups, for a limited time, signed. Whoever is enrolled with the same
//! server can check it without asking, also when the server can't be reached.
//!
//! ```text
//! signed = signer: 32 bytes, signature: 64 bytes, membership
//! membership = [ 1, member: bstr .size 32, role: 0..4, [ * group: int ], issued_s: int, until_s: int ]
//! ```
//! Deterministic CBOR (RFC 8949 §4.2.1); groups are sorted and without doubles.

use std::collections::BTreeSet;

use minicbor::{Decoder, Encoder, decode, encode};

use super::{GroupId, Role};
use crate::share::{PeerId, PublicKey, Signature};

/// What the signature covers before the membership's bytes.
const SIGNATURE_DOMAIN: &[u8] = b"handout membership v1\0";
const FORM: u8 = 1;
/// A computer is in at most this many groups.
pub const GROUPS_MAX: usize = 256;
/// The largest that all limits allow, with room to spare.
pub const MEMBERSHIP_BYTES_MAX: usize = 4 << 10;
/// A server vouches for a computer for so long; then it must have been asked again.
pub const MEMBERSHIP_S: i64 = 24 * 3_600;
/// Clocks of a room differ by less than this, in seconds.
const SKEW_S: i64 = 300;

/// Role and groups of one computer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    pub member: PeerId,
    pub role: Role,
    pub groups: BTreeSet<GroupId>,
    /// Seconds since 1970.
    pub issued_s: i64,
    /// It says nothing any more from then on.
    pub until_s: i64,
}

/// A membership that a server signed, with the bytes as they travel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedMembership {
    membership: Membership,
    wire: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MembershipError {
    #[error("the membership is not in its one right form")]
    Malformed,
    #[error("the membership was not signed by the server that it is said to be of")]
    Signature,
    #[error("the membership is for longer than a day, which no server gives")]
    TooLong,
}

impl SignedMembership {
    /// Signs; more groups than [`GROUPS_MAX`] are refused.
    pub fn sign(
        membership: &Membership,
        signer: PublicKey,
        sign: impl FnOnce(&[u8]) -> Signature,
    ) -> Result<SignedMembership, MembershipError> {
        let bytes = membership.to_bytes();
        let Signature(signature) = sign(&[SIGNATURE_DOMAIN, &bytes].concat());
        SignedMembership::parse(&[&signer.0[..], &signature, &bytes].concat(), signer.peer_id())
    }

    /// Reads bytes from a stranger; the server `issuer` must have signed them.
    pub fn parse(wire: &[u8], issuer: PeerId) -> Result<SignedMembership, MembershipError> {
        if wire.len() > MEMBERSHIP_BYTES_MAX {
            return Err(MembershipError::Malformed);
        }
        let (signer, rest) = wire.split_first_chunk::<32>().ok_or(MembershipError::Malformed)?;
        let (signature, bytes) = rest.split_first_chunk::<64>().ok_or(MembershipError::Malformed)?;
        let signer = PublicKey(*signer);
        let signed = || signer.verifies(&[SIGNATURE_DOMAIN, bytes].concat(), &Signature(*signature));
        if signer.peer_id() != issuer || !signed() {
            return Err(MembershipError::Signature);
        }
        let membership = Membership::parse(bytes)?;
        // A key that was stolen for an hour must not open the server's groups for years.
        if membership.until_s.saturating_sub(membership.issued_s) > MEMBERSHIP_S {
            return Err(MembershipError::TooLong);
        }
        Ok(SignedMembership { membership, wire: wire.to_vec() })
    }

    pub fn membership(&self) -> &Membership {
        &self.membership
    }

    pub fn to_wire(&self) -> &[u8] {
        &self.wire
    }
}

impl Membership {
    /// Whether it holds for this computer at this time, in seconds since 1970.
    pub fn holds_for(&self, peer: PeerId, now_s: i64) -> bool {
        self.member == peer && now_s < self.until_s && self.issued_s <= now_s.saturating_add(SKEW_S)
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut encoder = Encoder::new(Vec::with_capacity(128));
        encode_membership(self, &mut encoder).expect("a Vec takes every write");
        encoder.into_writer()
    }

    fn parse(bytes: &[u8]) -> Result<Membership, MembershipError> {
        let mut decoder = Decoder::new(bytes);
        let membership = decode_membership(&mut decoder).map_err(|_| MembershipError::Malformed)?;
        match decoder.position() == bytes.len() && membership.to_bytes() == bytes {
            true => Ok(membership),
            false => Err(MembershipError::Malformed),
        }
    }
}

fn encode_membership(
    membership: &Membership,
    to: &mut Encoder<Vec<u8>>,
) -> Result<(), encode::Error<std::convert::Infallible>> {
    let role = Role::ALL.iter().position(|role| *role == membership.role).unwrap_or(0);
    to.array(6)?.u8(FORM)?.bytes(&membership.member.0)?.u8(role as u8)?.array(membership.groups.len() as u64)?;
    for group in &membership.groups {
        to.i64(group.0)?;
    }
    to.i64(membership.issued_s)?.i64(membership.until_s).map(drop)
}

fn decode_membership(from: &mut Decoder<'_>) -> Result<Membership, decode::Error> {
    let wrong = || decode::Error::message("not a membership");
    if from.array()? != Some(6) || from.u8()? != FORM {
        return Err(wrong());
    }
    let member = PeerId(from.bytes()?.try_into().map_err(|_| wrong())?);
    let role = *Role::ALL.get(usize::from(from.u8()?)).ok_or_else(wrong)?;
    let count = from.array()?.filter(|count| *count <= GROUPS_MAX as u64).ok_or_else(wrong)?;
    let groups = (0..count).map(|_| from.i64().map(GroupId)).collect::<Result<_, _>>()?;
    Ok(Membership { member, role, groups, issued_s: from.i64()?, until_s: from.i64()? })
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};

    use super::*;

    fn key(seed: u8) -> (Ed25519KeyPair, PublicKey) {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
        let public = PublicKey(pair.public_key().as_ref().try_into().unwrap());
        (pair, public)
    }

    fn signed(seed: u8) -> SignedMembership {
        signed_for(seed, 1_000).unwrap()
    }

    fn signed_for(seed: u8, seconds: i64) -> Result<SignedMembership, MembershipError> {
        let (pair, public) = key(seed);
        let membership = Membership {
            member: PeerId([7; 32]),
            role: Role::Student,
            groups: [GroupId(3), GroupId(9)].into(),
            issued_s: 1_000,
            until_s: seconds.saturating_add(1_000),
        };
        let sign = |message: &[u8]| Signature(pair.sign(message).as_ref().try_into().unwrap());
        SignedMembership::sign(&membership, public, sign)
    }

    #[test]
    fn it_reads_back_and_holds_for_one_computer_and_a_while() {
        let server = key(1).1.peer_id();
        let read = SignedMembership::parse(signed(1).to_wire(), server).unwrap();
        let membership = read.membership();
        assert_eq!(read, signed(1));
        assert!(membership.holds_for(PeerId([7; 32]), 1_500));
        assert!(!membership.holds_for(PeerId([8; 32]), 1_500));
        assert!(!membership.holds_for(PeerId([7; 32]), 2_000));
        assert!(!membership.holds_for(PeerId([7; 32]), 1_000 - SKEW_S - 1));
    }

    #[test]
    fn one_for_longer_than_a_day_is_refused_whoever_signed_it() {
        assert!(signed_for(1, MEMBERSHIP_S).is_ok());
        for seconds in [MEMBERSHIP_S + 1, 31 * 365 * MEMBERSHIP_S, i64::MAX] {
            assert_eq!(signed_for(1, seconds), Err(MembershipError::TooLong), "{seconds}");
        }
    }

    #[test]
    fn any_changed_bit_and_any_other_server_are_refused() {
        let server = key(1).1.peer_id();
        let wire = signed(1).to_wire().to_vec();
        for at in 0..wire.len() {
            let mut changed = wire.clone();
            changed[at] ^= 1;
            assert!(SignedMembership::parse(&changed, server).is_err(), "byte {at}");
            assert!(SignedMembership::parse(&wire[..at], server).is_err(), "cut at {at}");
        }
        assert_eq!(SignedMembership::parse(signed(2).to_wire(), server), Err(MembershipError::Signature));
    }
}
