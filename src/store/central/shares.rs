//! What is on the server: shares, whose they are and for whom, and their files.

use std::collections::BTreeMap;

use super::{
    Central, CentralError, Change, FROM_ABOVE, found,
    pools::Changes,
    sql::{Row, share_columns, sql, sql_of},
    storage::next_version,
    words::{self, WordLine, found_by, insert_words},
};
use crate::{
    access::{Audience, GroupId, PersonId, Role, ShareFacts},
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

/// What else is true as soon as a share is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Added<'a> {
    /// Its bytes are in the object store.
    pub stored: bool,
    /// The batch of uploads that it was made of, which is done then.
    pub batch: Option<&'a str>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShareRow {
    pub number: i64,
    pub id: ShareId,
    pub title: String,
    pub owner: Option<PersonId>,
    pub owner_role: Option<Role>,
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
    /// Whether its bytes are in the object store.
    pub stored: bool,
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
            owner_role: self.owner_role,
            audience: self.audience.clone(),
            quarantined: self.quarantined,
            content: None,
            by_link: false,
        }
    }
}

impl Central {
    pub async fn share(&self, id: ShareId) -> Result<Option<ShareRow>, CentralError> {
        let row = self
            .pools
            .row(sql(concat!("SELECT ", share_columns!(), " FROM shares s WHERE id = $1")).bind(&id.0))
            .await?;
        Ok(row.as_ref().map(share_of).transpose()?)
    }

    /// Shares that came before `before` (their number), newest first. What of them somebody may see, the caller decides.
    pub async fn shares_before(&self, before: i64, limit: u32) -> Result<Vec<ShareRow>, CentralError> {
        let statement =
            sql(concat!("SELECT ", share_columns!(), " FROM shares s WHERE number < $1 ORDER BY number DESC LIMIT $2"));
        let rows = self.pools.rows(statement.bind(before).bind(i64::from(limit))).await?;
        rows.iter().map(|row| Ok(share_of(row)?)).collect()
    }

    /// A person's newest shares, those that came after a time.
    pub async fn shares_of(&self, person: PersonId, after_s: i64, limit: u32) -> Result<Vec<ShareRow>, CentralError> {
        let statement = sql(concat!(
            "SELECT ",
            share_columns!(),
            " FROM shares s WHERE owner = $1 AND added_s > $2 ORDER BY number DESC LIMIT $3"
        ));
        let statement = statement.bind(person.0).bind(after_s).bind(i64::from(limit));
        self.pools.rows(statement).await?.iter().map(|row| Ok(share_of(row)?)).collect()
    }

    /// The first files of a share, with their sizes.
    pub async fn files_of_share(&self, number: i64, limit: u32) -> Result<Vec<(String, u64)>, CentralError> {
        let statement = sql("SELECT path, size FROM files WHERE share = $1 AND entry >= 0 ORDER BY entry LIMIT $2");
        let rows = self.pools.rows(statement.bind(number).bind(i64::from(limit))).await?;
        rows.iter().map(|row| Ok((row.get("path")?, row.count("size")?))).collect()
    }

    pub async fn quarantined(&self) -> Result<Vec<ShareRow>, CentralError> {
        let statement = sql(concat!(
            "SELECT ",
            share_columns!(),
            " FROM shares s WHERE quarantined = 1 ORDER BY number DESC LIMIT 1000"
        ));
        self.pools.rows(statement).await?.iter().map(|row| Ok(share_of(row)?)).collect()
    }

    /// Students' shares that are older than `before_s`.
    pub async fn outdated_shares(&self, before_s: i64) -> Result<Vec<ShareRow>, CentralError> {
        let statement = sql(concat!(
            "SELECT ",
            share_columns!(),
            " FROM shares s JOIN people o ON o.id = s.owner \
             WHERE o.role = 'student' AND s.added_s < $1 LIMIT 1000"
        ));
        self.pools.rows(statement.bind(before_s)).await?.iter().map(|row| Ok(share_of(row)?)).collect()
    }

    /// Shares that computers of the room handed over before a time, with the origin of each.
    pub async fn outdated_of_devices(&self, before_s: i64) -> Result<Vec<ShareRow>, CentralError> {
        let statement = sql(concat!(
            "SELECT ",
            share_columns!(),
            " FROM shares s WHERE origin LIKE 'device:%' AND added_s < $1 LIMIT 1000"
        ));
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

    /// What all shares take together of which there is more than their names.
    pub async fn total_usage(&self) -> Result<Usage, CentralError> {
        let statement = sql("SELECT CAST(COALESCE(SUM(size), 0) AS BIGINT) AS bytes, \
             CAST(COALESCE(SUM(files), 0) AS BIGINT) AS files, COUNT(*) AS shares FROM shares \
             WHERE origin <> $1 OR here = 1 OR stored = 1");
        let statement = statement.bind(FROM_ABOVE);
        let Some(row) = self.pools.row(statement).await? else { return Ok(Usage::default()) };
        Ok(Usage { bytes: row.count("bytes")?, files: row.count("files")?, shares: row.count("shares")? })
    }

    /// Writes a share and its files down so that they are found. One that is known stays as it is.
    pub async fn add_share(&self, new: &NewShare<'_>) -> Result<bool, CentralError> {
        self.add_share_with(new, Added::default()).await
    }

    /// [`Central::add_share`], with what comes true with it.
    pub async fn add_share_with(&self, new: &NewShare<'_>, added: Added<'_>) -> Result<bool, CentralError> {
        let mut changes = self.pools.begin().await?;
        // Numbers are given one after the other; the log's tip is the lock that all writers know.
        changes.run(sql("UPDATE audit_tip SET seq = seq")).await?;
        if changes.row(sql("SELECT number FROM shares WHERE id = $1").bind(&new.id.0)).await?.is_some() {
            return Ok(false);
        }
        if let Some(batch) = added.batch {
            let statement = sql("UPDATE batches SET state = 'done', share = $1, problem = '', touched_s = $2 \
                 WHERE id = $3 AND state = 'sealing'");
            let statement = statement.bind(&new.id.0).bind(new.added_s).bind(batch);
            // Another process was faster, or it was given up.
            if changes.run(statement).await? == 0 {
                return Ok(false);
            }
        }
        let number = next_number(&mut changes, "SELECT COALESCE(MAX(number), 0) AS last FROM shares").await?;
        insert_share(&mut changes, number, new, added.stored).await?;
        let file = next_number(&mut changes, "SELECT COALESCE(MAX(number), 0) AS last FROM files").await?;
        insert_files(&mut changes, file, number, new).await?;
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
    /// Whether a share has the title and audience that somebody saw. Changes come one after the other, so it stays so until
    /// this one is over.
    pub async fn share_is_still(&mut self, seen: &ShareRow) -> Result<bool, CentralError> {
        let (kind, groups) = audience_text(&seen.audience);
        let statement =
            sql("SELECT number FROM shares WHERE number = $1 AND title = $2 AND audience = $3 AND groups = $4");
        let statement = statement.bind(seen.number).bind(seen.title.as_str()).bind(kind).bind(groups);
        Ok(self.changes.row(statement).await?.is_some())
    }

    /// Other processes learn of it for a while.
    pub async fn remove_share(&mut self, number: i64) -> Result<(), CentralError> {
        found("share", remove_rows(&mut self.changes, number).await?)
    }

    pub async fn set_audience(&mut self, number: i64, audience: &Audience) -> Result<(), CentralError> {
        let (kind, groups) = audience_text(audience);
        let version = next_version(&mut self.changes).await?;
        let statement = sql("UPDATE shares SET audience = $1, groups = $2, version = $3 WHERE number = $4");
        found("share", self.changes.run(statement.bind(kind).bind(groups).bind(version).bind(number)).await?)
    }

    /// It is found by its new title from then on.
    pub async fn set_title(&mut self, number: i64, title: &str) -> Result<(), CentralError> {
        let version = next_version(&mut self.changes).await?;
        let statement = sql("UPDATE shares SET title = $1, version = $2 WHERE number = $3");
        let statement = statement.bind(title).bind(version).bind(number);
        found("share", self.changes.run(statement).await?)?;
        words::title_changed(&mut self.changes, number).await
    }

    pub async fn set_quarantined(&mut self, number: i64, hidden: bool, note: &str) -> Result<(), CentralError> {
        let version = next_version(&mut self.changes).await?;
        let statement = sql("UPDATE shares SET quarantined = $1, note = $2, version = $3 WHERE number = $4");
        found("share", self.changes.run(statement.bind(hidden).bind(note).bind(version).bind(number)).await?)
    }
}

/// Removes a share with its files; tells how many shares that were.
pub(super) async fn remove_rows(changes: &mut Changes, number: i64) -> Result<u64, CentralError> {
    let version = next_version(changes).await?;
    let statement = sql_of(
        "INSERT INTO removed_shares (version, id, removed_s) \
         SELECT $1, id, CAST(strftime('%s', 'now') AS INTEGER) FROM shares WHERE number = $2",
        "INSERT INTO removed_shares (version, id, removed_s) \
         SELECT $1, id, CAST(extract(epoch FROM now()) AS BIGINT) FROM shares WHERE number = $2",
    );
    changes.run(statement.bind(version).bind(number)).await?;
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

async fn insert_share(
    changes: &mut Changes,
    number: i64,
    new: &NewShare<'_>,
    stored: bool,
) -> Result<(), CentralError> {
    let (audience, groups) = audience_text(&new.audience);
    let version = next_version(changes).await?;
    let statement = sql("INSERT INTO shares (number, id, title, owner, owner_name, audience, groups, size, files, \
         created_s, added_s, origin, quarantined, note, here, version, stored) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 0, '', $13, $14, $15)")
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
    .bind(new.here)
    .bind(version)
    .bind(stored);
    changes.run(statement).await?;
    Ok(())
}

/// A file as it goes into the tables.
#[derive(serde::Serialize)]
struct FileLine {
    number: i64,
    entry: i64,
    path: String,
    size: u64,
    root: Option<String>,
    #[serde(skip)]
    found_by: String,
}

/// So many files go to the database at once.
const FILES_AT_ONCE: usize = 2_000;

/// All files of a share, from the number `first` on, and a line for its title.
async fn insert_files(changes: &mut Changes, first: i64, share: i64, new: &NewShare<'_>) -> Result<(), CentralError> {
    let title = format!("{} {}", new.manifest.title, new.owner_name);
    let title = FileLine { number: first, entry: -1, path: String::new(), size: 0, root: None, found_by: title };
    let listed = (0i64..).zip(&new.manifest.entries).filter_map(|(entry, listed)| match listed.kind {
        EntryKind::File { size, root, .. } => Some((entry, listed.path.to_string(), size, root.to_string())),
        EntryKind::Folder => None,
    });
    let files = (first + 1..).zip(listed).map(|(number, (entry, path, size, root))| {
        let found_by = path.clone();
        FileLine { number, entry, path, size, root: Some(root), found_by }
    });
    let mut lines = Vec::with_capacity(FILES_AT_ONCE);
    for line in std::iter::once(title).chain(files) {
        lines.push(line);
        if lines.len() == FILES_AT_ONCE {
            insert_lines(changes, share, &lines).await?;
            lines.clear();
        }
    }
    insert_lines(changes, share, &lines).await
}

/// One statement a table for many rows: they travel as one JSON text, which both engines take apart. A statement a row
/// costs PostgreSQL a round trip each.
async fn insert_lines(changes: &mut Changes, share: i64, lines: &[FileLine]) -> Result<(), CentralError> {
    if lines.is_empty() {
        return Ok(());
    }
    let json = serde_json::to_string(lines).map_err(|error| sqlx::Error::Encode(error.into()))?;
    let files = sql_of(
        "INSERT INTO files (number, share, entry, path, size, root) SELECT value ->> 'number', $1, value ->> 'entry', \
         value ->> 'path', value ->> 'size', unhex(value ->> 'root') FROM json_each($2)",
        "INSERT INTO files (number, share, entry, path, size, root) SELECT number, $1, entry, path, size, \
         decode(root, 'hex') FROM json_to_recordset(CAST($2 AS json)) \
         AS line (number BIGINT, entry BIGINT, path TEXT, size BIGINT, root TEXT)",
    );
    changes.run(files.bind(share).bind(json)).await?;
    let words: Vec<WordLine> =
        lines.iter().map(|line| WordLine { number: line.number, words: found_by(&line.found_by) }).collect();
    Ok(insert_words(changes, &words).await?)
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
    let role: Option<String> = row.get("owner_role")?;
    Ok(ShareRow {
        number: row.get("number")?,
        id: ShareId(row.hash("id")?),
        title: row.get("title")?,
        owner: owner.map(PersonId),
        owner_role: role.and_then(|role| role.parse().ok()),
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
        stored: row.flag("stored")?,
    })
}
