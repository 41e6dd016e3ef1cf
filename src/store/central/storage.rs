//! What several processes of one server tell each other through the database about shares and uploads whose bytes lie in an
//! object store.

use super::{
    Central, CentralError,
    pools::Changes,
    shares::{ShareRow, share_of},
    sql::{Row, share_columns, sql},
};
use crate::{
    share::{Root, ShareId},
    store::objects::Garbage,
};

/// What changed about shares since a version.
#[derive(Debug, Default)]
pub struct ShareChanges {
    /// The version up to which this is all.
    pub version: i64,
    /// New ones and changed ones.
    pub shares: Vec<ShareRow>,
    pub removed: Vec<ShareId>,
}

/// A run of an upload's bytes in the object store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadPart {
    pub start: u64,
    pub size: u64,
    pub object: String,
}

const CHANGES_MAX: i64 = 500;

impl Central {
    /// What changed since a version, oldest first, and not more than is good at once.
    pub async fn share_changes(&self, since: i64) -> Result<ShareChanges, CentralError> {
        let statement =
            sql(concat!("SELECT ", share_columns!(), " FROM shares s WHERE version > $1 ORDER BY version LIMIT $2"));
        let rows = self.pools.rows(statement.bind(since).bind(CHANGES_MAX)).await?;
        let version = |row: &Row| row.get::<i64>("version");
        let mut changes = ShareChanges { version: since, ..ShareChanges::default() };
        if let Some(last) = rows.last() {
            changes.version = version(last)?;
        }
        let all = i64::try_from(rows.len()).unwrap_or(CHANGES_MAX) < CHANGES_MAX;
        let statement = sql("SELECT version, id FROM removed_shares WHERE version > $1 ORDER BY version");
        for row in self.pools.rows(statement.bind(since)).await? {
            if all || version(&row)? <= changes.version {
                changes.version = changes.version.max(version(&row)?);
                changes.removed.push(ShareId(row.hash("id")?));
            }
        }
        changes.shares = rows.iter().map(share_of).collect::<Result<_, _>>()?;
        Ok(changes)
    }

    /// The version of the last change about shares.
    pub async fn share_version(&self) -> Result<i64, CentralError> {
        let row = self.pools.row(sql("SELECT version FROM share_tip")).await?;
        Ok(row.map_or(Ok(0), |row| row.get("version"))?)
    }

    /// A share's bytes are in the object store from now on.
    pub async fn set_stored(&self, id: ShareId) -> Result<(), CentralError> {
        let mut changes = self.pools.begin().await?;
        let version = next_version(&mut changes).await?;
        let statement = sql("UPDATE shares SET stored = 1, here = 1, version = $1 WHERE id = $2");
        changes.run(statement.bind(version).bind(&id.0)).await?;
        Ok(changes.commit().await?)
    }

    /// Shares whose bytes only one process has.
    pub async fn unstored_shares(&self) -> Result<Vec<ShareRow>, CentralError> {
        let statement =
            sql(concat!("SELECT ", share_columns!(), " FROM shares s WHERE stored = 0 ORDER BY number LIMIT 1000"));
        self.pools.rows(statement).await?.iter().map(|row| Ok(share_of(row)?)).collect()
    }

    /// Whether a share was removed lately and has not come back.
    pub async fn was_removed(&self, id: ShareId) -> Result<bool, CentralError> {
        let statement = sql("SELECT 1 AS one FROM removed_shares WHERE id = $1 \
             AND NOT EXISTS (SELECT 1 FROM shares WHERE id = $1) LIMIT 1");
        Ok(self.pools.row(statement.bind(&id.0)).await?.is_some())
    }

    /// Forgets which shares were removed before `before_s`.
    pub async fn sweep_removed(&self, before_s: i64) -> Result<u64, CentralError> {
        Ok(self.pools.run(sql("DELETE FROM removed_shares WHERE removed_s < $1").bind(before_s)).await?)
    }

    /// Writes down that a run of bytes came behind what was there. `replaces`: the last run, which is part of the new one.
    /// False: somebody else wrote meanwhile, and the run counts for nothing.
    pub async fn add_upload_part(
        &self,
        upload: &str,
        part: &UploadPart,
        replaces: Option<&UploadPart>,
    ) -> Result<bool, CentralError> {
        let mut changes = self.pools.begin().await?;
        // The upload's own row is the lock under which its runs are added.
        let there = changes.run(sql("UPDATE uploads SET path = path WHERE id = $1").bind(upload)).await?;
        if let Some(old) = replaces {
            let statement = sql("DELETE FROM upload_parts WHERE upload = $1 AND start = $2 AND object = $3");
            let gone = changes.run(statement.bind(upload).bind(old.start).bind(old.object.as_str())).await?;
            if gone == 0 {
                return Ok(false);
            }
        }
        let statement = sql("SELECT CAST(COALESCE(MAX(start + size), 0) AS BIGINT) AS received FROM upload_parts \
             WHERE upload = $1");
        let received = changes.row(statement.bind(upload)).await?.map_or(Ok(0), |row| row.count("received"))?;
        if there == 0 || received != part.start {
            return Ok(false);
        }
        let statement = sql("INSERT INTO upload_parts (upload, start, size, object) VALUES ($1, $2, $3, $4)");
        let statement = statement.bind(upload).bind(part.start).bind(part.size).bind(part.object.as_str());
        changes.run(statement).await?;
        changes.commit().await?;
        Ok(true)
    }

    /// The runs of an upload in their order.
    pub async fn upload_parts(&self, upload: &str) -> Result<Vec<UploadPart>, CentralError> {
        let rows =
            self.pools.rows(sql("SELECT * FROM upload_parts WHERE upload = $1 ORDER BY start").bind(upload)).await?;
        rows.iter().map(|row| Ok(part_of(row)?)).collect()
    }

    /// The last run of an upload.
    pub async fn last_upload_part(&self, upload: &str) -> Result<Option<UploadPart>, CentralError> {
        let statement = sql("SELECT * FROM upload_parts WHERE upload = $1 ORDER BY start DESC LIMIT 1");
        Ok(self.pools.row(statement.bind(upload)).await?.as_ref().map(part_of).transpose()?)
    }

    /// Takes what some row names out of a batch of old objects.
    pub async fn take_out_named(&self, garbage: &mut Garbage) -> Result<(), CentralError> {
        for root in garbage.contents.clone() {
            if self.pools.row(sql("SELECT number FROM files WHERE root = $1 LIMIT 1").bind(&root.0)).await?.is_some() {
                garbage.contents.remove(&Root(root.0));
            }
        }
        for share in garbage.shares.clone() {
            if self.pools.row(sql("SELECT number FROM shares WHERE id = $1").bind(&share.0)).await?.is_some() {
                garbage.shares.remove(&share);
            }
        }
        for upload in garbage.uploads.clone() {
            if self.upload(&upload).await?.is_some() {
                garbage.uploads.remove(&upload);
            }
        }
        Ok(())
    }

    /// Forgets works whose holders are long silent.
    pub async fn sweep_locks(&self, before_s: i64) -> Result<u64, CentralError> {
        Ok(self.pools.run(sql("DELETE FROM locks WHERE until_s < $1").bind(before_s)).await?)
    }

    /// Writes a fact down unless it is there. Returns what holds.
    pub async fn first_fact(&self, name: &str, value: &str) -> Result<String, CentralError> {
        let statement = sql("INSERT INTO facts (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING");
        self.pools.run(statement.bind(name).bind(value)).await?;
        self.fact(name).await?.ok_or(CentralError::Missing { what: "fact" })
    }
}

fn part_of(row: &Row) -> Result<UploadPart, sqlx::Error> {
    Ok(UploadPart { start: row.count("start")?, size: row.count("size")?, object: row.get("object")? })
}

/// The version of a change about shares; others who change shares wait until this change is done.
pub(super) async fn next_version(changes: &mut Changes) -> Result<i64, CentralError> {
    let row = changes.row(sql("UPDATE share_tip SET version = version + 1 RETURNING version")).await?;
    let row = row.ok_or(CentralError::Missing { what: "version of shares" })?;
    Ok(row.get("version")?)
}
