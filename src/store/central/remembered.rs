//! Shares that a server above has and somebody here looked at: they are found like those that are here, also while the
//! server above can't be asked. Their bytes come when somebody wants them.

use super::{
    Central, CentralError, NewShare,
    shares::{ShareRow, remove_rows, share_of},
    sql::{Row, share_columns, sql},
};
use crate::share::ShareId;

/// How a share came that a server above has, as it stands in the column `origin`.
pub const FROM_ABOVE: &str = "chain";

impl Central {
    /// Writes a share of a server above down, and forgets the oldest such ones of which nothing is here when there are more
    /// than `most`.
    pub async fn remember(&self, new: &NewShare<'_>, most: u32) -> Result<bool, CentralError> {
        if !self.add_share(new).await? {
            return Ok(false);
        }
        let statement = sql("SELECT number FROM shares WHERE origin = $1 AND here = 0 ORDER BY number DESC \
             LIMIT 100 OFFSET $2");
        let surplus = self.pools.rows(statement.bind(FROM_ABOVE).bind(i64::from(most))).await?;
        self.remove_all(&surplus).await?;
        Ok(true)
    }

    /// Forgets a share that no server above has any more, unless its bytes are here. It is no act of a person's, so it is
    /// not in the audit log.
    pub async fn forget(&self, id: ShareId) -> Result<(), CentralError> {
        let statement = sql("SELECT number FROM shares WHERE id = $1 AND origin = $2 AND here = 0");
        let known = self.pools.rows(statement.bind(&id.0).bind(FROM_ABOVE)).await?;
        self.remove_all(&known).await
    }

    /// Shares of others whose bytes are on this server's disk.
    pub async fn copies(&self) -> Result<Vec<ShareRow>, CentralError> {
        let statement =
            sql(concat!("SELECT ", share_columns!(), " FROM shares s WHERE origin = $1 AND here = 1 AND stored = 0"));
        let rows = self.pools.rows(statement.bind(FROM_ABOVE)).await?;
        Ok(rows.iter().map(share_of).collect::<Result<_, _>>()?)
    }

    async fn remove_all(&self, numbers: &[Row]) -> Result<(), CentralError> {
        if numbers.is_empty() {
            return Ok(());
        }
        let mut changes = self.pools.begin().await?;
        for row in numbers {
            remove_rows(&mut changes, row.get("number")?).await?;
        }
        Ok(changes.commit().await?)
    }
}
