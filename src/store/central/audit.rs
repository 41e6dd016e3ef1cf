//! The audit log: a chain in which each entry carries the hash of the one before it.
//!
//! A changed, removed or moved entry breaks the chain at that place. Entries cut off at the end leave the chain whole, so
//! its heads are signed and given to others; whoever holds a later head sees that something is missing. A head that lies
//! beside the log in the same database convicts only somebody who did not think of it.

use super::{
    Central, CentralError,
    pools::Changes,
    sql::{Row, sql},
};
use crate::share::{PublicKey, Signature};

const ENTRY_DOMAIN: &[u8] = b"handout audit entry v1\0";
/// What a head's signature covers before its number and hash.
pub const HEAD_DOMAIN: &[u8] = b"handout audit head v1\0";
const PAGE: i64 = 2_000;

/// What an entry says beside who did what.
#[derive(Clone, Copy, Debug, Default)]
pub struct Note<'a> {
    pub at_ms: i64,
    /// Where the request came from.
    pub address: &'a str,
    /// To what: `share:…`, `person:…`.
    pub about: &'a str,
    /// More, for people to read. Never a password, token or code.
    pub detail: &'a str,
    /// The request's id.
    pub request: &'a str,
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    pub seq: i64,
    pub at_ms: i64,
    pub actor: String,
    pub address: String,
    pub action: String,
    pub about: String,
    pub outcome: String,
    pub detail: String,
    pub request: String,
}

/// Which entries are wanted. Empty texts want all.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    pub actor: String,
    /// The beginning of the action's name.
    pub action: String,
    /// Part of what it was about, or of the detail.
    pub text: String,
    pub refused_only: bool,
    /// Only entries before this one.
    pub before: Option<i64>,
    pub limit: u32,
}

/// Where the log stood at some time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditHead {
    pub seq: i64,
    pub hash: [u8; 32],
    pub at_ms: i64,
    pub signature: Signature,
}

/// What a check of the whole log found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditReport {
    pub entries: i64,
    pub heads: usize,
    pub fault: Option<AuditFault>,
}

/// The first thing that is wrong with the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuditFault {
    #[error("entry {seq} is missing")]
    Missing { seq: i64 },
    #[error("entry {seq} was changed, or one before it")]
    Changed { seq: i64 },
    #[error("the log ends with entry {last}, but {witnessed} entries were written")]
    CutOff { last: i64, witnessed: i64 },
    #[error("the log was another when its head at entry {seq} was signed")]
    Rewritten { seq: i64 },
    #[error("the signature of the head at entry {seq} is not the server's")]
    Signature { seq: i64 },
}

impl AuditHead {
    /// What is signed.
    pub fn message(seq: i64, hash: &[u8; 32], at_ms: i64) -> Vec<u8> {
        [HEAD_DOMAIN, &seq.to_be_bytes(), hash, &at_ms.to_be_bytes()].concat()
    }
}

impl Central {
    /// Writes down what was refused, or what happened without changing anything here.
    pub async fn log(&self, actor: &str, action: &str, outcome: &str, note: &Note<'_>) -> Result<(), CentralError> {
        let mut changes = self.pools.begin().await?;
        append(&mut changes, actor, action, outcome, note).await?;
        Ok(changes.commit().await?)
    }

    /// Entries, newest first.
    pub async fn audit(&self, filter: &AuditFilter) -> Result<Vec<AuditEntry>, CentralError> {
        let statement = sql("SELECT * FROM audit WHERE seq < $1 AND ($2 = '' OR actor = $2) \
             AND ($3 = '' OR substr(action, 1, length($3)) = $3) \
             AND ($4 = '' OR lower(about) LIKE $5 ESCAPE '\\' OR lower(detail) LIKE $5 ESCAPE '\\') \
             AND ($6 = 0 OR outcome <> 'done') ORDER BY seq DESC LIMIT $7")
        .bind(filter.before.unwrap_or(i64::MAX))
        .bind(filter.actor.as_str())
        .bind(filter.action.as_str())
        .bind(filter.text.as_str())
        .bind(like(&filter.text))
        .bind(filter.refused_only)
        .bind(i64::from(filter.limit));
        let rows = self.pools.rows(statement).await?;
        rows.iter().map(|row| Ok(entry_of(row)?)).collect()
    }

    /// Signs where the log stands, if it grew since the last head.
    pub async fn sign_head(
        &self,
        at_ms: i64,
        sign: impl FnOnce(&[u8]) -> Signature,
    ) -> Result<Option<AuditHead>, CentralError> {
        let mut changes = self.pools.begin().await?;
        let (seq, hash) = tip(&mut changes).await?;
        let last = changes.row(sql("SELECT MAX(seq) AS seq FROM audit_heads")).await?;
        let last: Option<i64> = last.map(|row| row.get("seq")).transpose()?.flatten();
        if seq == 0 || last == Some(seq) {
            changes.undo().await?;
            return Ok(None);
        }
        let signature = sign(&AuditHead::message(seq, &hash, at_ms));
        let statement = sql("INSERT INTO audit_heads (seq, hash, at_ms, signature) VALUES ($1, $2, $3, $4)");
        changes.run(statement.bind(seq).bind(&hash).bind(at_ms).bind(&signature.0[..])).await?;
        changes.commit().await?;
        Ok(Some(AuditHead { seq, hash, at_ms, signature }))
    }

    /// All heads that were signed, oldest first.
    pub async fn audit_heads(&self) -> Result<Vec<AuditHead>, CentralError> {
        let rows = self.pools.rows(sql("SELECT * FROM audit_heads ORDER BY seq")).await?;
        let head = |row: &Row| {
            let signature: Vec<u8> = row.get("signature")?;
            let mut bytes = [0; 64];
            // A signature of another length is wrong, and zeros are too.
            if signature.len() == 64 {
                bytes.copy_from_slice(&signature);
            }
            let (hash, signature) = (row.hash("hash").unwrap_or([0; 32]), Signature(bytes));
            Ok(AuditHead { seq: row.get("seq")?, hash, at_ms: row.get("at_ms")?, signature })
        };
        rows.iter().map(head).collect()
    }

    /// Reads the whole log and checks it against itself, against its own signed heads, and against `witnessed`: heads that
    /// somebody else kept.
    pub async fn verify_audit(&self, signer: PublicKey, witnessed: &[AuditHead]) -> Result<AuditReport, CentralError> {
        let mut heads = self.audit_heads().await?;
        heads.extend_from_slice(witnessed);
        heads.sort_by_key(|head| head.seq);
        let wrong = heads
            .iter()
            .find(|head| !signer.verifies(&AuditHead::message(head.seq, &head.hash, head.at_ms), &head.signature));
        let mut report = AuditReport { entries: 0, heads: heads.len(), fault: None };
        report.fault = wrong.map(|head| AuditFault::Signature { seq: head.seq });
        let mut hash = [0; 32];
        while report.fault.is_none() {
            let statement = sql("SELECT * FROM audit WHERE seq > $1 ORDER BY seq LIMIT $2");
            let rows = self.pools.rows(statement.bind(report.entries).bind(PAGE)).await?;
            if rows.is_empty() {
                break;
            }
            for row in &rows {
                report.fault = check_entry(row, report.entries + 1, &mut hash, &heads)?;
                if report.fault.is_some() {
                    break;
                }
                report.entries += 1;
            }
        }
        if report.fault.is_none() {
            report.fault = self.check_end(report.entries, &hash, &heads).await?;
        }
        Ok(report)
    }

    /// The number of the last entry. It grows with each change that somebody makes.
    pub async fn audit_seq(&self) -> Result<i64, CentralError> {
        let row = self.pools.row(sql("SELECT seq FROM audit_tip")).await?;
        Ok(row.map(|row| row.get("seq")).transpose()?.unwrap_or(0))
    }

    /// Whether the log ends where it should.
    async fn check_end(
        &self,
        last: i64,
        hash: &[u8; 32],
        heads: &[AuditHead],
    ) -> Result<Option<AuditFault>, CentralError> {
        let tip = self.pools.row(sql("SELECT seq, hash FROM audit_tip")).await?;
        let (tip, tip_hash) = match tip {
            Some(row) => (row.get("seq")?, row.hash("hash")?),
            None => (0, [0; 32]),
        };
        let witnessed = heads.last().map_or(0, |head| head.seq).max(tip);
        if witnessed > last {
            return Ok(Some(AuditFault::CutOff { last, witnessed }));
        }
        Ok((tip != last || tip_hash != *hash).then_some(AuditFault::Changed { seq: last }))
    }
}

/// One entry against the one before it and against heads at its place.
fn check_entry(
    row: &Row,
    expected: i64,
    hash: &mut [u8; 32],
    heads: &[AuditHead],
) -> Result<Option<AuditFault>, CentralError> {
    let entry = entry_of(row)?;
    if entry.seq != expected {
        return Ok(Some(AuditFault::Missing { seq: expected }));
    }
    let stored: Vec<u8> = row.get("hash")?;
    *hash = hash_of(&entry, hash);
    if stored != hash[..] {
        return Ok(Some(AuditFault::Changed { seq: entry.seq }));
    }
    let other = heads.iter().any(|head| head.seq == entry.seq && head.hash != *hash);
    Ok(other.then_some(AuditFault::Rewritten { seq: entry.seq }))
}

/// Adds an entry at the end. Taking the tip keeps others from adding one at the same time.
pub(super) async fn append(
    changes: &mut Changes,
    actor: &str,
    action: &str,
    outcome: &str,
    note: &Note<'_>,
) -> Result<(), CentralError> {
    let (last, before) = tip(changes).await?;
    let entry = AuditEntry {
        seq: last + 1,
        at_ms: note.at_ms,
        actor: one_line(actor),
        address: one_line(note.address),
        action: action.to_owned(),
        about: one_line(note.about),
        outcome: one_line(outcome),
        detail: one_line(note.detail),
        request: one_line(note.request),
    };
    let hash = hash_of(&entry, &before);
    let statement =
        sql("INSERT INTO audit (seq, at_ms, actor, address, action, about, outcome, detail, request, hash) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)")
        .bind(entry.seq)
        .bind(entry.at_ms)
        .bind(entry.actor)
        .bind(entry.address)
        .bind(entry.action)
        .bind(entry.about)
        .bind(entry.outcome)
        .bind(entry.detail)
        .bind(entry.request)
        .bind(&hash);
    changes.run(statement).await?;
    changes.run(sql("UPDATE audit_tip SET seq = $1, hash = $2").bind(entry.seq).bind(&hash)).await?;
    Ok(())
}

async fn tip(changes: &mut Changes) -> Result<(i64, [u8; 32]), CentralError> {
    // An update, so that the row is locked on PostgreSQL too.
    let tip = changes.row(sql("UPDATE audit_tip SET seq = seq RETURNING seq, hash")).await?;
    let tip = tip.ok_or(CentralError::Missing { what: "end of the audit log" })?;
    Ok((tip.get("seq")?, tip.hash("hash")?))
}

fn entry_of(row: &Row) -> Result<AuditEntry, sqlx::Error> {
    Ok(AuditEntry {
        seq: row.get("seq")?,
        at_ms: row.get("at_ms")?,
        actor: row.get("actor")?,
        address: row.get("address")?,
        action: row.get("action")?,
        about: row.get("about")?,
        outcome: row.get("outcome")?,
        detail: row.get("detail")?,
        request: row.get("request")?,
    })
}

/// Each field with its length before it, so that no text can pass into the next field.
fn hash_of(entry: &AuditEntry, before: &[u8; 32]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(ENTRY_DOMAIN).update(before);
    hasher.update(&entry.seq.to_be_bytes()).update(&entry.at_ms.to_be_bytes());
    let texts =
        [&entry.actor, &entry.address, &entry.action, &entry.about, &entry.outcome, &entry.detail, &entry.request];
    for text in texts {
        hasher.update(&(text.len() as u64).to_be_bytes()).update(text.as_bytes());
    }
    *hasher.finalize().as_bytes()
}

/// What came from outside can't look like another entry where the log is shown as lines; PostgreSQL takes no NUL.
fn one_line(text: &str) -> String {
    const LETTERS_MAX: usize = 500;
    text.chars().take(LETTERS_MAX).map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}

fn like(text: &str) -> String {
    let mut pattern = String::from("%");
    for letter in text.to_lowercase().chars() {
        if matches!(letter, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    pattern
}
