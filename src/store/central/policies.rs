//! Every version of the policy, as the signed document that travels.

use super::{Central, CentralError, Change, sql::sql, taken};

impl Central {
    /// The newest document.
    pub async fn policy_document(&self) -> Result<Option<Vec<u8>>, CentralError> {
        let row = self.pools.row(sql("SELECT document FROM policies ORDER BY version DESC LIMIT 1")).await?;
        Ok(row.map(|row| row.get("document")).transpose()?)
    }

    /// The number of the newest version; 0 where there is none.
    pub async fn policy_version(&self) -> Result<u64, CentralError> {
        let row = self.pools.row(sql("SELECT COALESCE(MAX(version), 0) AS version FROM policies")).await?;
        Ok(row.map_or(Ok(0), |row| row.count("version"))?)
    }
}

impl Change {
    /// A version that is there already was made by somebody else meanwhile.
    pub async fn add_policy(&mut self, version: u64, document: &[u8], issued_s: i64) -> Result<(), CentralError> {
        let statement = sql("INSERT INTO policies (version, document, issued_s) VALUES ($1, $2, $3)");
        let done = self.changes.run(statement.bind(version).bind(document).bind(issued_s)).await;
        done.map_err(taken("a policy of this version"))?;
        Ok(())
    }
}
