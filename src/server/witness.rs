//! Signed heads of audit logs, kept by another server.
//!
//! Where a log stands is signed every minute; whoever keeps such a head sees later whether the log was cut or written anew.
//! A server hands its heads to the servers above it, and keeps those of the servers below: all of the newest, and ever fewer
//! of older ones, so that what it keeps has an end.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{Server, now_ms, now_s};
use crate::{
    chain::{Reason, Upstream, reach},
    net::call::Client,
    share::{PeerId, PublicKey, Signature},
    store::central::{AuditHead, Central, CentralError, Note},
};

/// Where a server below hands its heads in, and asks for them again; peers only.
pub(super) const PATH: &str = "/v1/audit/heads";
/// At most so many are handed in at once.
pub(super) const HANDED_MAX: usize = 256;
/// So many of the newest are all kept.
const NEWEST: usize = 128;
/// Of older ones, so many of every doubling of age: with `KEPT_MAX` a year of heads at one a minute.
const STRETCHES: i64 = 32;
const KEPT_MAX: usize = 512;
const REPLY_BYTES_MAX: usize = 512 << 10;

/// Heads as they travel and as they are kept. Numbers in hexadecimal are as long as their kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Heads {
    /// The Ed25519 key that signed them.
    pub signer: String,
    pub heads: Vec<Head>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Head {
    pub seq: i64,
    pub hash: String,
    pub at_ms: i64,
    pub signature: String,
}

/// Why heads are not kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadHeads {
    #[error("the heads can't be read")]
    Malformed,
    #[error("the heads were not signed by the key of this connection")]
    Stranger,
    #[error("the signature of the head at entry {seq} is wrong")]
    Signature { seq: i64 },
    /// The log was written anew: the same place had another content before.
    #[error("the head at entry {seq} is another than the one that was handed in before")]
    Conflict { seq: i64 },
}

impl Heads {
    pub fn of(signer: PublicKey, heads: &[AuditHead]) -> Heads {
        let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
        let head = |head: &AuditHead| Head {
            seq: head.seq,
            hash: hex(&head.hash),
            at_ms: head.at_ms,
            signature: hex(&head.signature.0),
        };
        Heads { signer: hex(&signer.0), heads: heads.iter().map(head).collect() }
    }

    /// The heads, all of them signed by the key that they name.
    pub fn checked(&self) -> Result<(PublicKey, Vec<AuditHead>), BadHeads> {
        let signer = PublicKey(bytes(&self.signer)?);
        let mut checked = vec![];
        for head in &self.heads {
            let (hash, signature) = (bytes(&head.hash)?, Signature(bytes(&head.signature)?));
            if !signer.verifies(&AuditHead::message(head.seq, &hash, head.at_ms), &signature) {
                return Err(BadHeads::Signature { seq: head.seq });
            }
            checked.push(AuditHead { seq: head.seq, hash, at_ms: head.at_ms, signature });
        }
        Ok((signer, checked))
    }
}

fn bytes<const N: usize>(hex: &str) -> Result<[u8; N], BadHeads> {
    let bytes = data_encoding::HEXLOWER.decode(hex.as_bytes()).map_err(|_| BadHeads::Malformed)?;
    bytes.try_into().map_err(|_| BadHeads::Malformed)
}

/// What is kept after more was handed in. Of two heads at one place the first stays, and the second is told as a conflict.
fn kept_with(before: Vec<AuditHead>, new: Vec<AuditHead>) -> Result<Vec<AuditHead>, BadHeads> {
    let mut kept: BTreeMap<i64, AuditHead> = before.into_iter().map(|head| (head.seq, head)).collect();
    for head in new {
        match kept.get(&head.seq) {
            Some(known) if known.hash != head.hash => return Err(BadHeads::Conflict { seq: head.seq }),
            Some(_) => {}
            None => drop(kept.insert(head.seq, head)),
        }
    }
    Ok(thinned(kept.into_values().collect()))
}

/// All of the newest, and of older ones the first of each stretch of log entries; stretches are twice as long at twice the
/// age. They begin at multiples of their length, so what is first in a long one was first in a short one, and stays.
fn thinned(heads: Vec<AuditHead>) -> Vec<AuditHead> {
    if heads.len() <= KEPT_MAX {
        return heads;
    }
    let newest = heads.last().map_or(0, |head| head.seq);
    let older = heads.len() - NEWEST;
    let mut taken = BTreeSet::new();
    let mut kept: Vec<AuditHead> = heads
        .into_iter()
        .enumerate()
        .filter(|(place, head)| *place >= older || taken.insert(stretch_of(head.seq, newest)))
        .map(|(_, head)| head)
        .collect();
    let surplus = kept.len().saturating_sub(KEPT_MAX);
    kept.drain(..surplus);
    kept
}

/// The stretch that an entry lies in: its length in entries, and its place among those of that length.
fn stretch_of(seq: i64, newest: i64) -> (i64, i64) {
    let age = newest.saturating_sub(seq) / STRETCHES;
    let length = age.checked_ilog2().map_or(1, |octave| 1 << octave);
    (length, seq.div_euclid(length))
}

fn fact_of(below: PeerId) -> String {
    format!("heads of {below}")
}

/// The heads of a server below that are kept here.
pub(super) async fn kept_of(central: &Central, below: PeerId) -> Result<Heads, CentralError> {
    let text = central.fact(&fact_of(below)).await?.unwrap_or_default();
    Ok(serde_json::from_str(&text).unwrap_or_default())
}

/// Keeps the heads of a server below.
pub(super) async fn keep(server: &Server, below: PeerId, handed: &Heads) -> Result<Result<(), BadHeads>, CentralError> {
    let (signer, new) = match handed.checked() {
        Ok(checked) => checked,
        Err(bad) => return Ok(Err(bad)),
    };
    if signer.peer_id() != below {
        return Ok(Err(BadHeads::Stranger));
    }
    // What is kept was checked when it came; what was spoiled since is dropped.
    let before = kept_of(&server.central, below).await?.checked().map(|(_, heads)| heads).unwrap_or_default();
    let kept = match kept_with(before, new) {
        Ok(kept) => kept,
        Err(bad) => {
            tracing::error!(server = %below, error = %bad, "the audit log of a server below was written anew");
            let (about, detail) = (format!("server:{below}"), bad.to_string());
            let note = Note { at_ms: now_ms(), address: "", about: &about, detail: &detail, request: "" };
            server.central.log(&about, "audit.heads", "refused: conflict", &note).await?;
            return Ok(Err(bad));
        }
    };
    let text = serde_json::to_string(&Heads::of(signer, &kept)).unwrap_or_default();
    server.central.set_fact(&fact_of(below), &text).await?;
    Ok(Ok(()))
}

/// Hands the heads that are new to each server above. `handed`: up to which entry each has them.
pub(super) async fn hand_up(server: &Server, handed: &mut BTreeMap<PeerId, i64>) -> Result<(), CentralError> {
    let upstreams = server.settings().upstreams.clone();
    if upstreams.is_empty() {
        return Ok(());
    }
    let heads = server.central.audit_heads().await?;
    let client = Client::new((*server.identity).clone());
    for upstream in &upstreams {
        let last = handed.get(&upstream.id).copied().unwrap_or(0);
        let new = heads.iter().rev().take_while(|head| head.seq > last).take(HANDED_MAX).cloned().collect::<Vec<_>>();
        let Some(newest) = new.first().map(|head| head.seq) else { continue };
        let body = serde_json::to_vec(&Heads::of(server.identity.public_key(), &new)).unwrap_or_default();
        match reach::post(&client, upstream, PATH, body, REPLY_BYTES_MAX).await {
            Ok(_) => {
                handed.insert(upstream.id, newest);
                was_kept(&server.central, now_s()).await?;
            }
            Err(reason) => tracing::debug!(server = %upstream.id, ?reason, "heads of the audit log were not handed up"),
        }
    }
    Ok(())
}

/// The fact that says when somebody else was last given where the log stands.
const WITNESSED: &str = "witnessed_s";
const DAY_S: i64 = 86_400;
/// Whoever was silent for so long may keep nothing any more.
const WITNESS_DAYS: i64 = 30;

/// Notes that somebody else keeps where the log stands.
pub(super) async fn was_kept(central: &Central, now_s: i64) -> Result<(), CentralError> {
    match last_kept(central).await? {
        Some(at) if (0..DAY_S).contains(&(now_s - at)) => Ok(()),
        _ => central.set_fact(WITNESSED, &now_s.to_string()).await,
    }
}

/// Whether somebody else keeps it.
pub(super) async fn is_kept(central: &Central, now_s: i64) -> Result<bool, CentralError> {
    Ok(last_kept(central).await?.is_some_and(|at| now_s - at < WITNESS_DAYS * DAY_S))
}

async fn last_kept(central: &Central) -> Result<Option<i64>, CentralError> {
    Ok(central.fact(WITNESSED).await?.and_then(|at| at.parse().ok()))
}

/// What a server above kept of this one's heads.
pub(super) async fn ask_kept(client: &Client, upstream: &Upstream) -> Result<Vec<AuditHead>, Reason> {
    let reply = reach::get(client, upstream, PATH, REPLY_BYTES_MAX).await?;
    let heads: Heads = serde_json::from_slice(&reply).map_err(|_| Reason::Corrupt)?;
    if heads.heads.is_empty() {
        return Ok(vec![]);
    }
    heads.checked().map(|(_, heads)| heads).map_err(|_| Reason::Corrupt)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::identity::Identity;

    fn head(identity: &Identity, seq: i64, content: u8) -> AuditHead {
        let hash = [content; 32];
        AuditHead { seq, hash, at_ms: seq, signature: identity.sign(&AuditHead::message(seq, &hash, seq)) }
    }

    #[test]
    fn heads_travel_and_none_is_believed_that_another_signed() {
        let (ours, other) = (Identity::ephemeral().unwrap(), Identity::ephemeral().unwrap());
        let heads = Heads::of(ours.public_key(), &[head(&ours, 1, 1), head(&ours, 2, 2)]);
        assert_eq!(heads.checked().unwrap().1.len(), 2);
        let forged = Heads::of(ours.public_key(), &[head(&other, 3, 3)]);
        assert_eq!(forged.checked(), Err(BadHeads::Signature { seq: 3 }));
        let mut broken = heads.clone();
        broken.signer.pop();
        assert_eq!(broken.checked(), Err(BadHeads::Malformed));
    }

    #[test]
    fn a_log_that_was_written_anew_is_noticed() {
        let ours = Identity::ephemeral().unwrap();
        let kept = kept_with(vec![], vec![head(&ours, 5, 5), head(&ours, 9, 9)]).unwrap();
        assert_eq!(kept_with(kept.clone(), vec![head(&ours, 9, 9)]).unwrap(), kept);
        assert_eq!(kept_with(kept, vec![head(&ours, 5, 6)]), Err(BadHeads::Conflict { seq: 5 }));
    }

    #[test]
    fn what_is_kept_has_an_end_and_reaches_far_back() {
        let ours = Identity::ephemeral().unwrap();
        let signed = head(&ours, 1, 1);
        let mut kept = vec![];
        for seq in 1..=20_000 {
            kept = kept_with(kept, vec![AuditHead { seq, ..signed.clone() }]).unwrap();
            assert!(kept.len() <= KEPT_MAX + 1);
        }
        assert!(kept.iter().rev().take(NEWEST).map(|head| head.seq).eq((19_873..=20_000).rev()));
        // Every age is covered: no head is further from the next than a sixteenth of its age.
        let gap = |pair: &[AuditHead]| (pair[1].seq - pair[0].seq, 20_000 - pair[0].seq);
        assert!(kept.windows(2).map(gap).all(|(gap, age)| gap <= 1 + age / 16), "{kept:?}");
        assert!(kept[0].seq < 1_024, "{}", kept[0].seq);
    }
}
