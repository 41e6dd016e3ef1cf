//! What was given to whom, over all times that the program ran.

use std::time::SystemTime;

use sqlx::Row as _;

use super::shares::{seconds, time};
use crate::{
    share::{PeerId, ShareId},
    store::database::{Database, DatabaseError},
};

/// What one computer got of one share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenRecord {
    pub share: ShareId,
    pub peer: PeerId,
    /// What the share was called.
    pub title: String,
    /// In all.
    pub bytes: u64,
    /// When the last byte went, to the second.
    pub last: SystemTime,
}

/// Beyond so many, those to whom nothing went for longest are forgotten.
pub const GIVEN_MAX: u32 = 10_000;
/// A title is cut to this many bytes.
const TITLE_BYTES_MAX: usize = 255;

impl Database {
    /// Writes these down, in place of what was known of them.
    pub async fn set_given(&self, given: &[GivenRecord]) -> Result<(), DatabaseError> {
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        let statement = "INSERT INTO given (share, peer, title, bytes, last_s) VALUES (?, ?, ?, ?, ?) \
            ON CONFLICT (share, peer) DO UPDATE SET title = excluded.title, bytes = excluded.bytes, \
            last_s = excluded.last_s";
        for record in given {
            sqlx::query(statement)
                .bind(&record.share.0[..])
                .bind(&record.peer.0[..])
                .bind(crate::store::names::cut(&record.title, TITLE_BYTES_MAX))
                .bind(i64::try_from(record.bytes).unwrap_or(i64::MAX))
                .bind(seconds(record.last))
                .execute(&mut *transaction)
                .await?;
        }
        let forget = "DELETE FROM given WHERE (share, peer) IN \
            (SELECT share, peer FROM given ORDER BY last_s DESC, share, peer LIMIT -1 OFFSET ?)";
        sqlx::query(forget).bind(GIVEN_MAX).execute(&mut *transaction).await?;
        Ok(transaction.commit().await?)
    }

    /// Everything that is remembered, the most recent first.
    pub async fn given(&self) -> Result<Vec<GivenRecord>, DatabaseError> {
        let statement = "SELECT share, peer, title, bytes, last_s FROM given ORDER BY last_s DESC, share, peer";
        let mut given = vec![];
        for row in sqlx::query(statement).fetch_all(&self.readers).await? {
            let (share, peer): (Vec<u8>, Vec<u8>) = (row.try_get("share")?, row.try_get("peer")?);
            let (Ok(share), Ok(peer)) = (share.try_into(), peer.try_into()) else { continue };
            let bytes: i64 = row.try_get("bytes")?;
            given.push(GivenRecord {
                share: ShareId(share),
                peer: PeerId(peer),
                title: row.try_get("title")?,
                bytes: u64::try_from(bytes).unwrap_or(0),
                last: time(row.try_get("last_s")?),
            });
        }
        Ok(given)
    }
}
