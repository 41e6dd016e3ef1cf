//! Who has how much on the server, and what is unfinished.

use super::{
    Batch, Central, CentralError, FROM_ABOVE, Usage,
    sql::{Row, sql},
};
use crate::access::Role;

/// What one person's shares take together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnerUsage {
    /// As others see it; shares of somebody who is gone still have it.
    pub name: String,
    pub usage: Usage,
}

impl Central {
    /// Those who have most first. What is only known of shares of others counts nowhere.
    pub async fn usage_by_owner(&self, limit: u32) -> Result<Vec<OwnerUsage>, CentralError> {
        let statement = sql("SELECT owner, owner_name, CAST(COALESCE(SUM(size), 0) AS BIGINT) AS bytes, \
             CAST(COALESCE(SUM(files), 0) AS BIGINT) AS files, COUNT(*) AS shares FROM shares \
             WHERE origin <> $1 OR here = 1 OR stored = 1 \
             GROUP BY owner, owner_name ORDER BY bytes DESC, owner_name LIMIT $2");
        let rows = self.pools.rows(statement.bind(FROM_ABOVE).bind(i64::from(limit))).await?;
        let usage = |row: &Row| {
            let usage = Usage { bytes: row.count("bytes")?, files: row.count("files")?, shares: row.count("shares")? };
            Ok(OwnerUsage { name: row.get("owner_name")?, usage })
        };
        rows.iter().map(usage).collect()
    }

    /// Uploads that are not done, whoever's, those that rest longest first; with their owners' names and roles.
    pub async fn unfinished(&self, limit: u32) -> Result<Vec<(Batch, String, Role)>, CentralError> {
        let statement = sql("SELECT b.*, p.shown, p.role FROM batches b JOIN people p ON p.id = b.person \
             WHERE b.state <> 'done' ORDER BY b.touched_s, b.id LIMIT $1");
        let rows = self.pools.rows(statement.bind(i64::from(limit))).await?;
        let whose = |row: &Row| {
            let role: String = row.get("role")?;
            // A role that nobody knows is judged by nobody.
            Ok((super::uploads::batch_of(row)?, row.get("shown")?, role.parse().unwrap_or(Role::Owner)))
        };
        rows.iter().map(whose).collect()
    }
}
