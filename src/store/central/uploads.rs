//! What is being uploaded: batches, each of which becomes one share, and their files.
//!
//! How far a file is, is the length of its file on disk, which is right also after a power cut, or the end of its runs in
//! the object store (`storage.rs`).

use super::{
    Central, CentralError, Change,
    shares::{audience_of, audience_parts},
    sql::{Row, sql},
    taken,
};
use crate::{
    access::{Audience, PersonId},
    share::ShareId,
};

/// How far a batch is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchState {
    /// Files come.
    Open,
    /// All are here, and being read to become a share.
    Sealing,
    Done,
    Failed,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    pub id: String,
    pub person: PersonId,
    pub title: String,
    pub audience: Audience,
    pub state: BatchState,
    /// Why it failed.
    pub problem: String,
    pub share: Option<ShareId>,
    pub created_s: i64,
    pub touched_s: i64,
    /// It was made for one file that came without a batch, and is finished with it.
    pub alone: bool,
}

#[derive(Clone, Debug)]
pub struct NewBatch<'a> {
    pub id: &'a str,
    pub person: PersonId,
    pub title: &'a str,
    pub audience: &'a Audience,
    pub alone: bool,
    pub now_s: i64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadRow {
    pub id: String,
    pub batch: String,
    pub path: String,
    pub size: u64,
    pub modified_s: Option<i64>,
    /// Bytes from the beginning on that lie in the object store; 0 where uploads lie on this disk.
    pub stored: u64,
}

#[derive(Clone, Debug)]
pub struct NewUpload<'a> {
    pub id: &'a str,
    pub batch: &'a str,
    pub path: &'a str,
    pub size: u64,
    pub modified_s: Option<i64>,
}

const STATES: [(BatchState, &str); 4] = [
    (BatchState::Open, "open"),
    (BatchState::Sealing, "sealing"),
    (BatchState::Done, "done"),
    (BatchState::Failed, "failed"),
];

const ONE_UPLOAD: &str = "SELECT u.*, (SELECT CAST(COALESCE(MAX(p.start + p.size), 0) AS BIGINT) FROM upload_parts p \
    WHERE p.upload = u.id) AS stored FROM uploads u WHERE u.id = $1";
const SAME_UPLOAD: &str = "SELECT u.*, (SELECT CAST(COALESCE(MAX(p.start + p.size), 0) AS BIGINT) FROM upload_parts p \
    WHERE p.upload = u.id) AS stored FROM uploads u WHERE u.batch = $1 AND u.path = $2";
const UPLOADS_OF: &str = "SELECT u.*, (SELECT CAST(COALESCE(MAX(p.start + p.size), 0) AS BIGINT) FROM upload_parts p \
    WHERE p.upload = u.id) AS stored FROM uploads u WHERE u.batch = $1 ORDER BY u.path";

impl BatchState {
    pub fn name(self) -> &'static str {
        STATES.iter().find(|(state, _)| *state == self).map_or("failed", |(_, name)| name)
    }
}

impl Central {
    pub async fn batch(&self, id: &str) -> Result<Option<Batch>, CentralError> {
        let row = self.pools.row(sql("SELECT * FROM batches WHERE id = $1").bind(id)).await?;
        Ok(row.as_ref().map(batch_of).transpose()?)
    }

    /// A person's batches that are not done, newest first.
    pub async fn open_batches(&self, person: PersonId) -> Result<Vec<Batch>, CentralError> {
        let statement = sql("SELECT * FROM batches WHERE person = $1 AND state <> 'done' ORDER BY created_s DESC, id");
        self.pools.rows(statement.bind(person.0)).await?.iter().map(|row| Ok(batch_of(row)?)).collect()
    }

    /// Batches in a state, whoever's.
    pub async fn batches_in(&self, state: BatchState) -> Result<Vec<Batch>, CentralError> {
        let rows = self.pools.rows(sql("SELECT * FROM batches WHERE state = $1").bind(state.name())).await?;
        rows.iter().map(|row| Ok(batch_of(row)?)).collect()
    }

    /// Batches that nobody touched since `before_s` and that are not being read.
    pub async fn stale_batches(&self, before_s: i64) -> Result<Vec<Batch>, CentralError> {
        let statement = sql("SELECT * FROM batches WHERE touched_s < $1 AND state <> 'sealing' LIMIT 1000");
        self.pools.rows(statement.bind(before_s)).await?.iter().map(|row| Ok(batch_of(row)?)).collect()
    }

    pub async fn upload(&self, id: &str) -> Result<Option<UploadRow>, CentralError> {
        let row = self.pools.row(sql(ONE_UPLOAD).bind(id)).await?;
        Ok(row.as_ref().map(upload_of).transpose()?)
    }

    pub async fn uploads_of(&self, batch: &str) -> Result<Vec<UploadRow>, CentralError> {
        let rows = self.pools.rows(sql(UPLOADS_OF).bind(batch)).await?;
        rows.iter().map(|row| Ok(upload_of(row)?)).collect()
    }

    /// Adds a file to an open batch; one of the same path, size and time is the same upload, which goes on. Another with
    /// the same name is not: halves of two files would be glued together.
    pub async fn add_upload(&self, new: &NewUpload<'_>) -> Result<UploadRow, CentralError> {
        let mut changes = self.pools.begin().await?;
        let statement = sql(SAME_UPLOAD);
        if let Some(row) = changes.row(statement.bind(new.batch).bind(new.path)).await? {
            let known = upload_of(&row)?;
            let same = known.size == new.size && known.modified_s == new.modified_s;
            return if same { Ok(known) } else { Err(CentralError::Taken { what: "a file of this name" }) };
        }
        let statement = sql("INSERT INTO uploads (id, batch, path, size, modified_s) VALUES ($1, $2, $3, $4, $5)")
            .bind(new.id)
            .bind(new.batch)
            .bind(new.path)
            .bind(new.size)
            .bind(new.modified_s);
        changes.run(statement).await.map_err(taken("a file of this name"))?;
        changes.commit().await?;
        Ok(UploadRow {
            id: new.id.to_owned(),
            batch: new.batch.to_owned(),
            path: new.path.to_owned(),
            size: new.size,
            modified_s: new.modified_s,
            stored: 0,
        })
    }

    /// Moves a batch on, from one state only, so that of two who try one does it.
    pub async fn move_batch(
        &self,
        id: &str,
        from: BatchState,
        to: BatchState,
        now_s: i64,
    ) -> Result<bool, CentralError> {
        let statement = sql("UPDATE batches SET state = $1, touched_s = $2 WHERE id = $3 AND state = $4");
        Ok(self.pools.run(statement.bind(to.name()).bind(now_s).bind(id).bind(from.name())).await? > 0)
    }

    /// How reading a batch ended.
    pub async fn end_batch(&self, id: &str, result: Result<ShareId, &str>, now_s: i64) -> Result<(), CentralError> {
        let (state, share, problem) = match &result {
            Ok(share) => (BatchState::Done, Some(&share.0[..]), ""),
            Err(problem) => (BatchState::Failed, None, *problem),
        };
        let statement = sql("UPDATE batches SET state = $1, share = $2, problem = $3, touched_s = $4 WHERE id = $5");
        self.pools.run(statement.bind(state.name()).bind(share).bind(problem).bind(now_s).bind(id)).await?;
        Ok(())
    }

    pub async fn touch_batch(&self, id: &str, now_s: i64) -> Result<(), CentralError> {
        self.pools.run(sql("UPDATE batches SET touched_s = $1 WHERE id = $2").bind(now_s).bind(id)).await?;
        Ok(())
    }

    pub async fn forget_upload(&self, id: &str) -> Result<(), CentralError> {
        self.pools.run(sql("DELETE FROM uploads WHERE id = $1").bind(id)).await?;
        Ok(())
    }

    pub async fn forget_batch(&self, id: &str) -> Result<(), CentralError> {
        self.pools.run(sql("DELETE FROM batches WHERE id = $1").bind(id)).await?;
        Ok(())
    }
}

impl Change {
    /// Makes room for one more unfinished batch of a person's: those in which nothing is, and that nobody touched since
    /// `before_s`, go. Tells how many stay. Changes come one after the other, so that nobody gets more by racing.
    pub async fn tidy_batches(&mut self, person: PersonId, before_s: i64) -> Result<u64, CentralError> {
        let empty = sql("DELETE FROM batches WHERE person = $1 AND state = 'open' AND touched_s < $2 \
             AND NOT EXISTS (SELECT 1 FROM uploads u WHERE u.batch = batches.id)");
        self.changes.run(empty.bind(person.0).bind(before_s)).await?;
        let statement = sql("SELECT COUNT(*) AS open FROM batches WHERE person = $1 AND state <> 'done'");
        Ok(self.changes.row(statement.bind(person.0)).await?.map_or(Ok(0), |row| row.count("open"))?)
    }

    pub async fn add_batch(&mut self, new: &NewBatch<'_>) -> Result<(), CentralError> {
        let (audience, groups) = audience_parts(new.audience);
        let statement = sql("INSERT INTO batches (id, person, title, audience, groups, state, problem, created_s, \
             touched_s, alone) VALUES ($1, $2, $3, $4, $5, 'open', '', $6, $6, $7)")
        .bind(new.id)
        .bind(new.person.0)
        .bind(new.title)
        .bind(audience)
        .bind(groups)
        .bind(new.now_s)
        .bind(new.alone);
        self.changes.run(statement).await.map_err(taken("an upload with this id"))?;
        Ok(())
    }
}

pub(super) fn batch_of(row: &Row) -> Result<Batch, sqlx::Error> {
    let (audience, groups, state): (String, String, String) =
        (row.get("audience")?, row.get("groups")?, row.get("state")?);
    let share: Option<Vec<u8>> = row.get("share")?;
    Ok(Batch {
        id: row.get("id")?,
        person: PersonId(row.get("person")?),
        title: row.get("title")?,
        audience: audience_of(&audience, &groups),
        state: STATES.iter().find(|(_, name)| *name == state).map_or(BatchState::Failed, |(state, _)| *state),
        problem: row.get("problem")?,
        share: share.and_then(|share| share.try_into().ok()).map(ShareId),
        created_s: row.get("created_s")?,
        touched_s: row.get("touched_s")?,
        alone: row.flag("alone")?,
    })
}

fn upload_of(row: &Row) -> Result<UploadRow, sqlx::Error> {
    Ok(UploadRow {
        id: row.get("id")?,
        batch: row.get("batch")?,
        path: row.get("path")?,
        size: row.count("size")?,
        modified_s: row.get("modified_s")?,
        stored: row.count("stored")?,
    })
}
