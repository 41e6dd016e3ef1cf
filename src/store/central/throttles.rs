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

impl Central {
    pub async fn failures(&self, who: &str) -> Result<Failures, CentralError> {
        let row = self.pools.row(sql("SELECT * FROM throttles WHERE who = $1").bind(who)).await?;
        Ok(row.map(|row| failures_of(&row)).transpose()?.unwrap_or_default())
    }

    /// Counts one more failure. `after`: what is written down after what was. Of many at once, at whichever process, each
    /// counts.
    pub async fn add_failure(&self, who: &str, after: impl Fn(Failures) -> Failures) -> Result<(), CentralError> {
        let mut changes = self.pools.begin().await?;
        // Its own row is the lock.
        let statement = sql("INSERT INTO throttles (who, failures, until_ms, at_ms) VALUES ($1, 0, 0, 0) \
             ON CONFLICT (who) DO UPDATE SET who = excluded.who RETURNING *");
        let before = changes.row(statement.bind(who)).await?.map(|row| failures_of(&row)).transpose()?;
        let failures = after(before.unwrap_or_default());
        let statement = sql("UPDATE throttles SET failures = $1, until_ms = $2, at_ms = $3 WHERE who = $4");
        let statement = statement.bind(u64::from(failures.count)).bind(failures.until_ms).bind(failures.at_ms);
        changes.run(statement.bind(who)).await?;
        Ok(changes.commit().await?)
    }

    pub async fn forgive(&self, who: &str) -> Result<(), CentralError> {
        self.pools.run(sql("DELETE FROM throttles WHERE who = $1").bind(who)).await?;
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
