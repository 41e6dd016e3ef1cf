//! The policy as bytes: deterministic CBOR (RFC 8949 §4.2.1), arrays only, signed with Ed25519 behind a domain.
//!
//! ```text
//! signed = signer: 32 bytes, signature: 64 bytes, policy
//! policy = [ form: 1 / 2, version: uint, issued_s: int, managed_by: tstr, guests: 0..2, students,
//!            second_factor_from: 0..4 / null, [ days_max: uint / null, password_needed: bool ], retention_days: uint / null,
//!            [ * [ root: bstr .size 32, note: tstr ] ], exams ]
//! exams = exam / null in form 1; [ 2* exam ] in form 2, so that older computers read what they can
//! students = [ upload: bool, share_with_room: bool, make_links: bool, file_bytes_max, quota_bytes, quota_files,
//!              upload_bytes_per_s, download_bytes_per_s: uint / null each, [ * type: tstr ] ]
//! exam = [ until_s: int, [ * group: int ], [ * share: bstr .size 32 ], hand_in: bool ]
//! ```
//! Lists are sorted and without doubles.

use std::collections::{BTreeMap, BTreeSet};

use minicbor::{Decoder, Encoder, data::Type, decode, encode};

use super::{
    Exam, GroupId, Guests, LinkRules, Policy, PolicyError, Role, StudentRules,
    policy::{BLOCKED_MAX, EXAMS_MAX, HANDOUTS_MAX, TYPES_MAX},
};
use crate::share::{PeerId, PublicKey, Root, ShareId, Signature};

/// What the signature covers before the policy's bytes.
const SIGNATURE_DOMAIN: &[u8] = b"handout policy v1\0";
const FORM: u8 = 1;
/// The form of a policy with several exams.
const FORM_OF_EXAMS: u8 = 2;
/// The largest that all limits allow, with room to spare.
const BYTES_MAX: usize = 4 << 20;

const GUESTS: [Guests; 3] = [Guests::Nothing, Guests::Look, Guests::Download];

/// A policy that its server signed, with the bytes as they travel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedPolicy {
    policy: Policy,
    signer: PublicKey,
    wire: Vec<u8>,
}

impl SignedPolicy {
    /// Signs a policy whose values are right.
    pub fn sign(
        policy: &Policy,
        signer: PublicKey,
        sign: impl FnOnce(&[u8]) -> Signature,
    ) -> Result<SignedPolicy, PolicyError> {
        policy.check()?;
        let bytes = policy.to_bytes();
        let Signature(signature) = sign(&[SIGNATURE_DOMAIN, &bytes].concat());
        SignedPolicy::parse(&[&signer.0[..], &signature, &bytes].concat(), signer)
    }

    /// Reads bytes from a stranger; they must be signed by `expected`.
    pub fn parse(wire: &[u8], expected: PublicKey) -> Result<SignedPolicy, PolicyError> {
        if wire.len() > BYTES_MAX {
            return Err(PolicyError::Malformed("it is too long"));
        }
        let short = PolicyError::Malformed("it is cut short");
        let (signer, rest) = wire.split_first_chunk::<32>().ok_or(short.clone())?;
        let (signature, bytes) = rest.split_first_chunk::<64>().ok_or(short)?;
        let signed = expected.verifies(&[SIGNATURE_DOMAIN, bytes].concat(), &Signature(*signature));
        if *signer != expected.0 || !signed {
            return Err(PolicyError::Signature);
        }
        let policy = Policy::parse(bytes)?;
        Ok(SignedPolicy { policy, signer: expected, wire: wire.to_vec() })
    }

    /// [`SignedPolicy::parse`], where the signer is known by its id alone.
    pub fn parse_of(wire: &[u8], issuer: PeerId) -> Result<SignedPolicy, PolicyError> {
        let signer = wire.first_chunk::<32>().ok_or(PolicyError::Malformed("it is cut short"))?;
        let signer = PublicKey(*signer);
        if signer.peer_id() != issuer {
            return Err(PolicyError::Signature);
        }
        SignedPolicy::parse(wire, signer)
    }

    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    pub fn signer(&self) -> PublicKey {
        self.signer
    }

    pub fn to_wire(&self) -> &[u8] {
        &self.wire
    }
}

impl Exam {
    /// A short name of this exam, for ending it: the beginning of the hash of its bytes.
    pub fn name(&self) -> String {
        let mut encoder = Encoder::new(Vec::new());
        encode_exam(self, &mut encoder).expect("a Vec takes every write");
        blake3::hash(&encoder.into_writer()).to_hex().chars().take(8).collect()
    }
}

impl Policy {
    /// The canonical bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut encoder = Encoder::new(Vec::with_capacity(512));
        encode_policy(self, &mut encoder).expect("a Vec takes every write");
        encoder.into_writer()
    }

    /// Reads canonical bytes; what [`Policy::to_bytes`] would write otherwise is refused.
    pub fn parse(bytes: &[u8]) -> Result<Policy, PolicyError> {
        let mut decoder = Decoder::new(bytes);
        let policy = decode_policy(&mut decoder)?;
        policy.check()?;
        if decoder.position() != bytes.len() || policy.to_bytes() != bytes {
            return Err(PolicyError::Malformed("it could be written in another way"));
        }
        Ok(policy)
    }
}

type Written = Result<(), encode::Error<std::convert::Infallible>>;

fn encode_policy(policy: &Policy, to: &mut Encoder<Vec<u8>>) -> Written {
    let form = if policy.exams.len() > 1 { FORM_OF_EXAMS } else { FORM };
    to.array(11)?.u8(form)?.u64(policy.version)?.i64(policy.issued_s)?.str(&policy.managed_by)?;
    to.u8(GUESTS.iter().position(|guests| *guests == policy.guests).unwrap_or(0) as u8)?;
    encode_students(&policy.students, to)?;
    let second = policy.second_factor_from.and_then(|role| Role::ALL.iter().position(|known| *known == role));
    optional(second.map(|number| number as u64), to)?;
    to.array(2)?;
    optional(policy.links.days_max.map(u64::from), to)?;
    to.bool(policy.links.password_needed)?;
    optional(policy.retention_days.map(u64::from), to)?;
    to.array(policy.blocked.len() as u64)?;
    for (root, note) in &policy.blocked {
        to.array(2)?.bytes(&root.0)?.str(note)?;
    }
    if form == FORM_OF_EXAMS {
        to.array(policy.exams.len() as u64)?;
    } else if policy.exams.is_empty() {
        return to.null().map(drop);
    }
    policy.exams.iter().try_for_each(|exam| encode_exam(exam, to))
}

fn encode_students(rules: &StudentRules, to: &mut Encoder<Vec<u8>>) -> Written {
    to.array(9)?.bool(rules.upload)?.bool(rules.share_with_room)?.bool(rules.make_links)?;
    for number in [
        rules.file_bytes_max,
        rules.quota_bytes,
        rules.quota_files.map(u64::from),
        rules.upload_bytes_per_s,
        rules.download_bytes_per_s,
    ] {
        optional(number, to)?;
    }
    to.array(rules.refused_types.len() as u64)?;
    rules.refused_types.iter().try_for_each(|kind| to.str(kind).map(drop))
}

fn encode_exam(exam: &Exam, to: &mut Encoder<Vec<u8>>) -> Written {
    to.array(4)?.i64(exam.until_s)?.array(exam.groups.len() as u64)?;
    for group in &exam.groups {
        to.i64(group.0)?;
    }
    to.array(exam.handouts.len() as u64)?;
    for share in &exam.handouts {
        to.bytes(&share.0)?;
    }
    to.bool(exam.hand_in).map(drop)
}

fn optional(number: Option<u64>, to: &mut Encoder<Vec<u8>>) -> Written {
    match number {
        Some(number) => to.u64(number).map(drop),
        None => to.null().map(drop),
    }
}

fn decode_policy(from: &mut Decoder<'_>) -> Result<Policy, PolicyError> {
    fields(from, 11)?;
    let form = match from.u8().map_err(malformed)? {
        form @ (FORM | FORM_OF_EXAMS) => form,
        form => return Err(PolicyError::Form(form)),
    };
    let version = from.u64().map_err(malformed)?;
    let issued_s = from.i64().map_err(malformed)?;
    let managed_by = from.str().map_err(malformed)?.to_owned();
    let guests = from.u8().map_err(malformed)?;
    let guests = *GUESTS.get(usize::from(guests)).ok_or(PolicyError::Malformed("its rule for guests is not known"))?;
    let students = decode_students(from)?;
    let second_factor_from = match read_optional(from)? {
        None => None,
        Some(number) => {
            let role = usize::try_from(number).ok().and_then(|number| Role::ALL.get(number).copied());
            Some(role.ok_or(PolicyError::Malformed("a role is not known"))?)
        }
    };
    fields(from, 2)?;
    let links = LinkRules { days_max: read_small(from)?, password_needed: from.bool().map_err(malformed)? };
    let retention_days = read_small(from)?;
    let blocked = decode_blocked(from)?;
    let exams = decode_exams(from, form)?;
    Ok(Policy {
        version,
        issued_s,
        managed_by,
        guests,
        students,
        second_factor_from,
        links,
        retention_days,
        blocked,
        exams,
    })
}

fn decode_students(from: &mut Decoder<'_>) -> Result<StudentRules, PolicyError> {
    fields(from, 9)?;
    let mut flag = || from.bool().map_err(malformed);
    let (upload, share_with_room, make_links) = (flag()?, flag()?, flag()?);
    let (file_bytes_max, quota_bytes, quota_files) = (read_optional(from)?, read_optional(from)?, read_small(from)?);
    let (upload_bytes_per_s, download_bytes_per_s) = (read_optional(from)?, read_optional(from)?);
    let count = length(from, TYPES_MAX)?;
    let mut refused_types = BTreeSet::new();
    for _ in 0..count {
        refused_types.insert(from.str().map_err(malformed)?.to_owned());
    }
    Ok(StudentRules {
        upload,
        share_with_room,
        make_links,
        file_bytes_max,
        quota_bytes,
        quota_files,
        upload_bytes_per_s,
        download_bytes_per_s,
        refused_types,
    })
}

fn decode_blocked(from: &mut Decoder<'_>) -> Result<BTreeMap<Root, String>, PolicyError> {
    let count = length(from, BLOCKED_MAX)?;
    let mut blocked = BTreeMap::new();
    for _ in 0..count {
        fields(from, 2)?;
        let root = Root(decode_32(from)?);
        blocked.insert(root, from.str().map_err(malformed)?.to_owned());
    }
    Ok(blocked)
}

fn decode_exams(from: &mut Decoder<'_>, form: u8) -> Result<BTreeSet<Exam>, PolicyError> {
    if form == FORM_OF_EXAMS {
        let count = length(from, EXAMS_MAX)?;
        return (0..count).map(|_| decode_exam(from)).collect();
    }
    match from.datatype().map_err(malformed)? {
        Type::Null => from.null().map(|()| BTreeSet::new()).map_err(malformed),
        _ => Ok([decode_exam(from)?].into()),
    }
}

fn decode_exam(from: &mut Decoder<'_>) -> Result<Exam, PolicyError> {
    fields(from, 4)?;
    let until_s = from.i64().map_err(malformed)?;
    let count = length(from, HANDOUTS_MAX)?;
    let groups = (0..count).map(|_| from.i64().map(GroupId).map_err(malformed)).collect::<Result<_, _>>()?;
    let count = length(from, HANDOUTS_MAX)?;
    let handouts = (0..count).map(|_| decode_32(from).map(ShareId)).collect::<Result<_, _>>()?;
    let hand_in = from.bool().map_err(malformed)?;
    Ok(Exam { until_s, groups, handouts, hand_in })
}

fn read_optional(from: &mut Decoder<'_>) -> Result<Option<u64>, PolicyError> {
    match from.datatype().map_err(malformed)? {
        Type::Null => from.null().map(|()| None).map_err(malformed),
        _ => from.u64().map(Some).map_err(malformed),
    }
}

fn read_small(from: &mut Decoder<'_>) -> Result<Option<u32>, PolicyError> {
    let number = read_optional(from)?;
    number.map(u32::try_from).transpose().map_err(|_| PolicyError::Malformed("a number is too large"))
}

fn decode_32(from: &mut Decoder<'_>) -> Result<[u8; 32], PolicyError> {
    let bytes = from.bytes().map_err(malformed)?;
    bytes.try_into().map_err(|_| PolicyError::Malformed("a hash does not have 32 bytes"))
}

fn fields(from: &mut Decoder<'_>, count: u64) -> Result<(), PolicyError> {
    match from.array().map_err(malformed)? {
        Some(found) if found == count => Ok(()),
        _ => Err(PolicyError::Malformed("a field is missing or too many")),
    }
}

fn length(from: &mut Decoder<'_>, max: usize) -> Result<u64, PolicyError> {
    match from.array().map_err(malformed)? {
        Some(count) if count <= max as u64 => Ok(count),
        _ => Err(PolicyError::Malformed("a list is too long")),
    }
}

fn malformed(error: decode::Error) -> PolicyError {
    PolicyError::Malformed(if error.is_end_of_input() { "it is cut short" } else { "a field has another type" })
}
