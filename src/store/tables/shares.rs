//! The shares that are here or on their way, who may have them, and where their files are.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use sqlx::Row as _;

use crate::{
    access::GroupId,
    share::{PeerId, ShareId},
    store::{
        database::{Database, DatabaseError},
        sources::{Sources, path_bytes, path_of},
    },
};

/// What is kept of a share besides its manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShareRecord {
    pub id: ShareId,
    /// Whether this computer made it.
    pub mine: bool,
    pub state: ShareState,
    pub recipients: Recipients,
    /// The folder it goes into; `None` for shares of mine.
    pub into: Option<PathBuf>,
    /// To the second.
    pub added: SystemTime,
    /// Where the files are; `None` until they all are.
    pub sources: Option<Sources>,
}

/// How far a share is on this computer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ShareState {
    /// All of it is here.
    Complete,
    /// It is on its way.
    Partial,
    /// It was on its way, and a person stopped it.
    Paused,
    /// It can't go on by itself.
    Failed,
}

/// Who may have a share.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Recipients {
    #[default]
    Everyone,
    Peers(BTreeSet<PeerId>),
    Link,
    /// Computers that a server says are in one of these groups; with `keep`, the server keeps it.
    Groups {
        server: PeerId,
        groups: BTreeSet<GroupId>,
        keep: bool,
    },
}

impl ShareState {
    const ALL: [(ShareState, &'static str); 4] = [
        (ShareState::Complete, "complete"),
        (ShareState::Partial, "partial"),
        (ShareState::Paused, "paused"),
        (ShareState::Failed, "failed"),
    ];

    fn text(self) -> &'static str {
        Self::ALL.iter().find(|(state, _)| *state == self).map_or("failed", |(_, text)| text)
    }

    /// What nobody knows any more (from a later version, say) does not go on by itself.
    fn of(text: &str) -> ShareState {
        Self::ALL.iter().find(|(_, known)| *known == text).map_or(ShareState::Failed, |(state, _)| *state)
    }
}

impl Database {
    /// Writes a share down, or replaces what was known of it.
    pub(in crate::store) async fn insert_share(&self, share: &ShareRecord) -> Result<(), DatabaseError> {
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        let statement = "INSERT INTO shares (id, mine, state, recipients, into_folder, added_s) VALUES (?, ?, ?, ?, ?, ?) \
            ON CONFLICT (id) DO UPDATE SET mine = excluded.mine, state = excluded.state, \
            recipients = excluded.recipients, into_folder = excluded.into_folder, added_s = excluded.added_s";
        sqlx::query(statement)
            .bind(&share.id.0[..])
            .bind(share.mine)
            .bind(share.state.text())
            .bind(share.recipients.kind())
            .bind(share.into.as_deref().map(path_bytes))
            .bind(seconds(share.added))
            .execute(&mut *transaction)
            .await?;
        replace_peers(&mut transaction, share.id, &share.recipients).await?;
        if let Some(sources) = &share.sources {
            put_sources(&mut transaction, share.id, sources).await?;
        }
        Ok(transaction.commit().await?)
    }

    /// How far a share is. Tells whether it is known.
    pub async fn set_state(&self, share: ShareId, state: ShareState) -> Result<bool, DatabaseError> {
        let statement = "UPDATE shares SET state = ? WHERE id = ?";
        let done = sqlx::query(statement).bind(state.text()).bind(&share.0[..]).execute(&self.writer).await?;
        Ok(done.rows_affected() > 0)
    }

    /// Who may have a share. Tells whether it is known.
    pub async fn set_recipients(&self, share: ShareId, recipients: &Recipients) -> Result<bool, DatabaseError> {
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        let done = sqlx::query("UPDATE shares SET recipients = ? WHERE id = ?")
            .bind(recipients.kind())
            .bind(&share.0[..])
            .execute(&mut *transaction)
            .await?;
        if done.rows_affected() > 0 {
            replace_peers(&mut transaction, share, recipients).await?;
        }
        transaction.commit().await?;
        Ok(done.rows_affected() > 0)
    }

    /// Where a share's files are: all of it is here from then on. Tells whether it is known.
    pub async fn set_sources(&self, share: ShareId, sources: &Sources) -> Result<bool, DatabaseError> {
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        let done = sqlx::query("UPDATE shares SET state = ? WHERE id = ?")
            .bind(ShareState::Complete.text())
            .bind(&share.0[..])
            .execute(&mut *transaction)
            .await?;
        if done.rows_affected() > 0 {
            put_sources(&mut transaction, share, sources).await?;
        }
        transaction.commit().await?;
        Ok(done.rows_affected() > 0)
    }

    /// A share that was complete is on its way again. Tells whether it is known.
    pub async fn reopen(&self, share: ShareId) -> Result<bool, DatabaseError> {
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::query("DELETE FROM sources WHERE share = ?").bind(&share.0[..]).execute(&mut *transaction).await?;
        let done = sqlx::query("UPDATE shares SET state = ? WHERE id = ?")
            .bind(ShareState::Partial.text())
            .bind(&share.0[..])
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(done.rows_affected() > 0)
    }

    pub(in crate::store) async fn delete_share(&self, share: ShareId) -> Result<(), DatabaseError> {
        sqlx::query("DELETE FROM shares WHERE id = ?").bind(&share.0[..]).execute(&self.writer).await?;
        Ok(())
    }

    /// All shares in the order they were added. Damaged places of files count as none.
    pub(in crate::store) async fn share_records(&self) -> Result<Vec<ShareRecord>, DatabaseError> {
        let mut peers: BTreeMap<Vec<u8>, BTreeSet<PeerId>> = BTreeMap::new();
        for row in sqlx::query("SELECT share, peer FROM share_peers").fetch_all(&self.readers).await? {
            let peer: Vec<u8> = row.try_get("peer")?;
            if let Ok(peer) = peer.try_into() {
                peers.entry(row.try_get("share")?).or_default().insert(PeerId(peer));
            }
        }
        let statement = "SELECT id, mine, state, recipients, into_folder, added_s, files FROM shares \
            LEFT JOIN sources ON sources.share = shares.id ORDER BY added_s, shares.rowid";
        let mut shares = vec![];
        for row in sqlx::query(statement).fetch_all(&self.readers).await? {
            let id: Vec<u8> = row.try_get("id")?;
            let peers = peers.remove(&id).unwrap_or_default();
            let Ok(id) = id.try_into() else { continue };
            let files: Option<Vec<u8>> = row.try_get("files")?;
            let into: Option<Vec<u8>> = row.try_get("into_folder")?;
            shares.push(ShareRecord {
                id: ShareId(id),
                mine: row.try_get("mine")?,
                state: ShareState::of(row.try_get("state")?),
                recipients: Recipients::of(row.try_get("recipients")?, peers),
                into: into.and_then(path_of),
                added: time(row.try_get("added_s")?),
                sources: files.and_then(|files| Sources::parse(&files).ok()),
            });
        }
        Ok(shares)
    }
}

impl Recipients {
    /// As it stands in the table; groups are written after their server: `groups:SERVER:keep:1,2`.
    fn kind(&self) -> String {
        match self {
            Recipients::Everyone => "everyone".to_owned(),
            Recipients::Peers(_) => "peers".to_owned(),
            Recipients::Link => "link".to_owned(),
            Recipients::Groups { server, groups, keep } => {
                let keep = if *keep { "keep" } else { "" };
                let groups: Vec<String> = groups.iter().map(|group| group.0.to_string()).collect();
                format!("groups:{server}:{keep}:{}", groups.join(","))
            }
        }
    }

    /// What nobody knows any more is for nobody but those who were named.
    fn of(kind: &str, peers: BTreeSet<PeerId>) -> Recipients {
        match kind {
            "everyone" => Recipients::Everyone,
            "link" => Recipients::Link,
            kind => groups_of(kind).unwrap_or(Recipients::Peers(peers)),
        }
    }
}

fn groups_of(kind: &str) -> Option<Recipients> {
    let mut parts = kind.strip_prefix("groups:")?.split(':');
    let server = parts.next()?.parse().ok()?;
    let keep = parts.next()? == "keep";
    let groups = parts.next()?.split(',').map(|group| group.parse().map(GroupId)).collect::<Result<_, _>>().ok()?;
    Some(Recipients::Groups { server, groups, keep })
}

async fn replace_peers(
    transaction: &mut sqlx::SqliteConnection,
    share: ShareId,
    recipients: &Recipients,
) -> Result<(), DatabaseError> {
    sqlx::query("DELETE FROM share_peers WHERE share = ?").bind(&share.0[..]).execute(&mut *transaction).await?;
    if let Recipients::Peers(peers) = recipients {
        for peer in peers {
            sqlx::query("INSERT INTO share_peers (share, peer) VALUES (?, ?)")
                .bind(&share.0[..])
                .bind(&peer.0[..])
                .execute(&mut *transaction)
                .await?;
        }
    }
    Ok(())
}

async fn put_sources(
    transaction: &mut sqlx::SqliteConnection,
    share: ShareId,
    sources: &Sources,
) -> Result<(), DatabaseError> {
    let statement = "INSERT INTO sources (share, files) VALUES (?, ?) \
        ON CONFLICT (share) DO UPDATE SET files = excluded.files";
    sqlx::query(statement).bind(&share.0[..]).bind(sources.to_bytes()).execute(transaction).await?;
    Ok(())
}

/// Seconds since 1970, cut to what the database holds.
pub(super) fn seconds(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

pub(super) fn time(seconds: i64) -> SystemTime {
    let since = Duration::from_secs(u64::try_from(seconds).unwrap_or(0));
    UNIX_EPOCH.checked_add(since).unwrap_or(UNIX_EPOCH)
}
