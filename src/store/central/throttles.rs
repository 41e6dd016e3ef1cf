//! How often somebody failed to sign in, by account, address and device.

use super::{
    Central, CentralError,
    sql::{Row, sql},
};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Failures {
    pub count: u32,
    /// No further try is looked at before this time.
    pub until_ms: i64,
    /// The last failure.
    pub at_ms: i64,
}

/// What stands in the table: a long one is named by its hash, as strangers choose what is counted.
fn key_of(who: &str) -> String {
    const LETTERS_MAX: usize = 120;
    match who.len() {
        0..=LETTERS_MAX => who.to_owned(),
        _ => format!("hash:{}", blake3::hash(who.as_bytes()).to_hex()),
    }
}

impl Central {
    /// Counts a try for each of these as a failure, if `judge` lets it be tried: it gets what stands there, and gives what
    /// stands there after it, or why not. Of many at once, at whichever process, each counts. `who` has an order that all
    /// callers keep.
    pub async fn count_attempt<E>(
        &self,
        who: &[&str],
        judge: impl FnOnce(&[Failures]) -> Result<Vec<Failures>, E>,
    ) -> Result<Result<Vec<Failures>, E>, CentralError> {
        let mut changes = self.pools.begin().await?;
        let mut before = vec![];
        for who in who {
            // Its own row is the lock.
            let statement = sql("INSERT INTO throttles (who, failures, until_ms, at_ms) VALUES ($1, 0, 0, 0) \
                 ON CONFLICT (who) DO UPDATE SET who = excluded.who RETURNING *");
            let row = changes.row(statement.bind(key_of(who))).await?;
            before.push(row.map(|row| failures_of(&row)).transpose()?.unwrap_or_default());
        }
        let after = match judge(&before) {
            Ok(after) => after,
            Err(refused) => {
                changes.undo().await?;
                return Ok(Err(refused));
            }
        };
        for (who, failures) in who.iter().zip(&after) {
            let statement = sql("UPDATE throttles SET failures = $1, until_ms = $2, at_ms = $3 WHERE who = $4");
            let statement = statement.bind(u64::from(failures.count)).bind(failures.until_ms).bind(failures.at_ms);
            changes.run(statement.bind(key_of(who))).await?;
        }
        changes.commit().await?;
        Ok(Ok(after))
    }

    /// One try was right, and so no failure; whoever comes next need not wait for it.
    pub async fn take_back_attempt(&self, who: &str) -> Result<(), CentralError> {
        let statement =
            sql("UPDATE throttles SET failures = failures - 1, until_ms = 0 WHERE who = $1 AND failures > 0");
        self.pools.run(statement.bind(key_of(who))).await?;
        Ok(())
    }

    pub async fn forgive(&self, who: &str) -> Result<(), CentralError> {
        self.pools.run(sql("DELETE FROM throttles WHERE who = $1").bind(key_of(who))).await?;
        Ok(())
    }

    /// Forgets failures that are older than `before_ms`.
    pub async fn sweep_failures(&self, before_ms: i64) -> Result<u64, CentralError> {
        Ok(self.pools.run(sql("DELETE FROM throttles WHERE at_ms < $1").bind(before_ms)).await?)
    }
}

fn failures_of(row: &Row) -> Result<Failures, sqlx::Error> {
    let count = u32::try_from(row.count("failures")?).unwrap_or(u32::MAX);
    Ok(Failures { count, until_ms: row.get("until_ms")?, at_ms: row.get("at_ms")? })
}
