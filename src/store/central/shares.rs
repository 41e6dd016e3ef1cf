//! What is on the server: shares, whose they are and for whom, and their files.

use std::collections::BTreeMap;

use super::{
    Central, CentralError, Change, found,
    sql::{Changes, Row, sql, sql_of},
    words::words_of,
};
use crate::{
    access::{Audience, GroupId, PersonId, ShareFacts},
    share::{EntryKind, Manifest, ShareId},
};

/// A share that came to the server.
pub struct NewShare<'a> {
    pub id: ShareId,
    pub manifest: &'a Manifest,
    pub owner: Option<PersonId>,
    pub owner_name: &'a str,
    pub audience: Audience,
    pub added_s: i64,
    /// `upload` (in a browser), `app`, or [`FROM_ABOVE`](super::FROM_ABOVE).
    pub origin: &'a str,
    /// Whether its bytes are here.
    pub here: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShareRow {
    pub number: i64,
    pub id: ShareId,
    pub title: String,
    pub owner: Option<PersonId>,
    pub owner_name: String,
    pub audience: Audience,
    pub size: u64,
    pub files: u64,
    pub created_s: i64,
    pub added_s: i64,
    pub origin: String,
    pub quarantined: bool,
    pub note: String,
    pub here: bool,
}

/// What somebody has on the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    pub bytes: u64,
    pub files: u64,
    pub shares: u64,
}

impl ShareRow {
    /// What the decision looks at.
    pub fn facts(&self) -> ShareFacts {
        ShareFacts {
            id: self.id,
            owner: self.owner,
            audience: self.audience.clone(),
            quarantined: self.quarantined,
            content: None,
            by_link: false,
        }
    }
}

impl Central {
    pub async fn share(&self, id: ShareId) -> Result<Option<ShareRow>, CentralError> {
        let row = self.pools.row(sql("SELECT * FROM shares WHERE id = $1").bind(&id.0)).await?;
        Ok(row.as_ref().map(share_of).transpose()?)
    }

    /// Shares that came before `before` (their number), newest first. What of them somebody may see, the caller decides.
    pub async fn shares_before(&self, before: i64, limit: u32) -> Result<Vec<ShareRow>, CentralError> {
        let statement = sql("SELECT * FROM shares WHERE number < $1 ORDER BY number DESC LIMIT $2");
        let rows = self.pools.rows(statement.bind(before).bind(i64::from(limit))).await?;
        rows.iter().map(|row| Ok(share_of(row)?)).collect()
    }

    pub async fn quarantined(&self) -> Result<Vec<ShareRow>, CentralError> {
        let statement = sql("SELECT * FROM shares WHERE quarantined = 1 ORDER BY number DESC LIMIT 1000");
        self.pools.rows(statement).await?.iter().map(|row| Ok(share_of(row)?)).collect()
    }

    /// Students' shares that are older than `before_s`.
    pub async fn outdated_shares(&self, before_s: i64) -> Result<Vec<ShareRow>, CentralError> {
        let statement = sql("SELECT s.* FROM shares s JOIN people p ON p.id = s.owner \
             WHERE p.role = 'student' AND s.added_s < $1 LIMIT 1000");
        self.pools.rows(statement.bind(before_s)).await?.iter().map(|row| Ok(share_of(row)?)).collect()
    }

    /// Shares that computers of the room handed over before a time, with the origin of each.
    pub async fn outdated_of_devices(&self, before_s: i64) -> Result<Vec<ShareRow>, CentralError> {
        let statement = sql("SELECT * FROM shares WHERE origin LIKE 'device:%' AND added_s < $1 LIMIT 1000");
        self.pools.rows(statement.bind(before_s)).await?.iter().map(|row| Ok(share_of(row)?)).collect()
    }

    /// All shares that are known, and whether their bytes are said to be here.
    pub async fn shares_here(&self) -> Result<BTreeMap<ShareId, bool>, CentralError> {
        let rows = self.pools.rows(sql("SELECT id, here FROM shares")).await?;
        rows.iter().map(|row| Ok((ShareId(row.hash("id")?), row.flag("here")?))).collect()
    }

    /// What the shares take that came from somewhere (`device:ID`).
    pub async fn usage_from(&self, origin: &str) -> Result<Usage, CentralError> {
        let statement = sql("SELECT CAST(COALESCE(SUM(size), 0) AS BIGINT) AS bytes, \
             CAST(COALESCE(SUM(files), 0) AS BIGINT) AS files, COUNT(*) AS shares FROM shares WHERE origin = $1");
        let row = self.pools.row(statement.bind(origin)).await?;
        let Some(row) = row else { return Ok(Usage::default()) };
        Ok(Usage { bytes: row.count("bytes")?, files: row.count("files")?, shares: row.count("shares")? })
    }

    /// What a person's shares take, and what they are uploading.
    pub async fn usage(&self, person: PersonId) -> Result<Usage, CentralError> {
        let statement = sql("SELECT CAST(COALESCE(SUM(size), 0) AS BIGINT) AS bytes, \
             CAST(COALESCE(SUM(files), 0) AS BIGINT) AS files, COUNT(*) AS shares FROM shares WHERE owner = $1");
        let kept = self.pools.row(statement.bind(person.0)).await?;
        let statement = sql("SELECT CAST(COALESCE(SUM(u.size), 0) AS BIGINT) AS bytes, COUNT(*) AS files \
             FROM uploads u JOIN batches b ON b.id = u.batch WHERE b.person = $1 AND b.state IN ('open', 'sealing')");
        let coming = self.pools.row(statement.bind(person.0)).await?;
        let mut usage = Usage::default();
        for row in kept.iter().chain(&coming) {
            usage.bytes += row.count("bytes")?;
            usage.files += row.count("files")?;
        }
        usage.shares = kept.map_or(Ok(0), |row| row.count("shares"))?;
        Ok(usage)
    }

    /// What all shares take together.
    pub async fn total_usage(&self) -> Result<Usage, CentralError> {
        let statement = sql("SELECT CAST(COALESCE(SUM(size), 0) AS BIGINT) AS bytes, \
             CAST(COALESCE(SUM(files), 0) AS BIGINT) AS files, COUNT(*) AS shares FROM shares");
        let Some(row) = self.pools.row(statement).await? else { return Ok(Usage::default()) };
        Ok(Usage { bytes: row.count("bytes")?, files: row.count("files")?, shares: row.count("shares")? })
    }

    /// Writes a share and its files down so that they are found. One that is known stays as it is.
    pub async fn add_share(&self, new: &NewShare<'_>) -> Result<bool, CentralError> {
        let mut changes = self.pools.begin().await?;
        // Numbers are given one after the other; the log's tip is the lock that all writers know.
        changes.run(sql("UPDATE audit_tip SET seq = seq")).await?;
        if changes.row(sql("SELECT number FROM shares WHERE id = $1").bind(&new.id.0)).await?.is_some() {
            return Ok(false);
        }
        let number = next_number(&mut changes, "SELECT COALESCE(MAX(number), 0) AS last FROM shares").await?;
        insert_share(&mut changes, number, new).await?;
        let mut file = next_number(&mut changes, "SELECT COALESCE(MAX(number), 0) AS last FROM files").await?;
        let title = format!("{} {}", new.manifest.title, new.owner_name);
        insert_file(&mut changes, file, number, -1, &title, 0, None).await?;
        for (entry, listed) in (0i64..).zip(&new.manifest.entries) {
            if let EntryKind::File { size, root, .. } = listed.kind {
                file += 1;
                insert_file(&mut changes, file, number, entry, &listed.path.to_string(), size, Some(&root.0)).await?;
            }
        }
        changes.commit().await?;
        Ok(true)
    }

    /// Whether a share's bytes are here.
    pub async fn set_here(&self, id: ShareId, here: bool) -> Result<(), CentralError> {
        self.pools.run(sql("UPDATE shares SET here = $1 WHERE id = $2").bind(here).bind(&id.0)).await?;
        Ok(())
    }
}

impl Change {
    pub async fn remove_share(&mut self, number: i64) -> Result<(), CentralError> {
        found("share", remove_rows(&mut self.changes, number).await?)
    }

    pub async fn set_audience(&mut self, number: i64, audience: &Audience) -> Result<(), CentralError> {
        let (kind, groups) = audience_text(audience);
        let statement = sql("UPDATE shares SET audience = $1, groups = $2 WHERE number = $3");
        found("share", self.changes.run(statement.bind(kind).bind(groups).bind(number)).await?)
    }

    pub async fn set_title(&mut self, number: i64, title: &str) -> Result<(), CentralError> {
        let statement = sql("UPDATE shares SET title = $1 WHERE number = $2").bind(title).bind(number);
        found("share", self.changes.run(statement).await?)
    }

    pub async fn set_quarantined(&mut self, number: i64, hidden: bool, note: &str) -> Result<(), CentralError> {
        let statement = sql("UPDATE shares SET quarantined = $1, note = $2 WHERE number = $3");
        found("share", self.changes.run(statement.bind(hidden).bind(note).bind(number)).await?)
    }
}

/// Removes a share with its files; tells how many shares that were.
pub(super) async fn remove_rows(changes: &mut Changes, number: i64) -> Result<u64, CentralError> {
    // Rows that are only in the index of words have nobody who removes them with the share.
    let words = sql_of(
        "DELETE FROM files_words WHERE rowid IN (SELECT number FROM files WHERE share = $1)",
        "DELETE FROM files_words WHERE number IN (SELECT number FROM files WHERE share = $1)",
    );
    changes.run(words.bind(number)).await?;
    Ok(changes.run(sql("DELETE FROM shares WHERE number = $1").bind(number)).await?)
}

async fn next_number(changes: &mut Changes, last: &'static str) -> Result<i64, CentralError> {
    let row = changes.row(sql(last)).await?;
    Ok(row.map_or(Ok(0), |row| row.get::<i64>("last"))? + 1)
}

async fn insert_share(changes: &mut Changes, number: i64, new: &NewShare<'_>) -> Result<(), CentralError> {
    let (audience, groups) = audience_text(&new.audience);
    let statement = sql("INSERT INTO shares (number, id, title, owner, owner_name, audience, groups, size, files, \
         created_s, added_s, origin, quarantined, note, here) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 0, '', $13)")
    .bind(number)
    .bind(&new.id.0)
    .bind(new.manifest.title.as_str())
    .bind(new.owner.map(|owner| owner.0))
    .bind(new.owner_name)
    .bind(audience)
    .bind(groups)
    .bind(new.manifest.size())
    .bind(u64::from(new.manifest.files()))
    .bind(new.manifest.created_s)
    .bind(new.added_s)
    .bind(new.origin)
    .bind(new.here);
    changes.run(statement).await?;
    Ok(())
}

async fn insert_file(
    changes: &mut Changes,
    number: i64,
    share: i64,
    entry: i64,
    path: &str,
    size: u64,
    root: Option<&[u8]>,
) -> Result<(), CentralError> {
    let statement = sql("INSERT INTO files (number, share, entry, path, size, root) VALUES ($1, $2, $3, $4, $5, $6)");
    let shown = if entry < 0 { "" } else { path };
    changes.run(statement.bind(number).bind(share).bind(entry).bind(shown).bind(size).bind(root)).await?;
    let words = sql_of(
        "INSERT INTO files_words (rowid, words) VALUES ($1, $2)",
        "INSERT INTO files_words (number, words) VALUES ($1, array_to_tsvector(string_to_array($2, ' ')))",
    );
    // PostgreSQL takes no empty word.
    let mut found_by = words_of(path);
    if found_by.is_empty() {
        found_by.push("_".to_owned());
    }
    changes.run(words.bind(number).bind(found_by.join(" "))).await?;
    Ok(())
}

fn audience_text(audience: &Audience) -> (&'static str, String) {
    match audience {
        Audience::Room => ("room", String::new()),
        Audience::Owner => ("owner", String::new()),
        Audience::Groups(groups) => {
            let mut text = String::from("|");
            for group in groups {
                text.push_str(&format!("{group}|"));
            }
            ("groups", text)
        }
    }
}

pub(super) fn audience_of(kind: &str, groups: &str) -> Audience {
    match kind {
        "room" => Audience::Room,
        "groups" => Audience::Groups(groups.split('|').filter_map(|id| id.parse().ok()).map(GroupId).collect()),
        // What nobody knows any more is for nobody else.
        _ => Audience::Owner,
    }
}

pub(super) fn audience_parts(audience: &Audience) -> (&'static str, String) {
    audience_text(audience)
}

pub(super) fn share_of(row: &Row) -> Result<ShareRow, sqlx::Error> {
    let (audience, groups): (String, String) = (row.get("audience")?, row.get("groups")?);
    let owner: Option<i64> = row.get("owner")?;
    Ok(ShareRow {
        number: row.get("number")?,
        id: ShareId(row.hash("id")?),
        title: row.get("title")?,
        owner: owner.map(PersonId),
        owner_name: row.get("owner_name")?,
        audience: audience_of(&audience, &groups),
        size: row.count("size")?,
        files: row.count("files")?,
        created_s: row.get("created_s")?,
        added_s: row.get("added_s")?,
        origin: row.get("origin")?,
        quarantined: row.flag("quarantined")?,
        note: row.get("note")?,
        here: row.flag("here")?,
    })
}
