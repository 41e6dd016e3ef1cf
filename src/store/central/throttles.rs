//! How often somebody failed to sign in, by account, address and device.

use super::{Central, CentralError, sql::sql};

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
        let Some(row) = row else { return Ok(Failures::default()) };
        let count = u32::try_from(row.count("failures")?).unwrap_or(u32::MAX);
        Ok(Failures { count, until_ms: row.get("until_ms")?, at_ms: row.get("at_ms")? })
    }

    pub async fn set_failures(&self, who: &str, failures: Failures) -> Result<(), CentralError> {
        let statement = sql("INSERT INTO throttles (who, failures, until_ms, at_ms) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (who) DO UPDATE SET failures = excluded.failures, until_ms = excluded.until_ms, \
             at_ms = excluded.at_ms")
        .bind(who)
        .bind(u64::from(failures.count))
        .bind(failures.until_ms)
        .bind(failures.at_ms);
        self.pools.run(statement).await?;
        Ok(())
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
