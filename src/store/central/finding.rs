//! Finding shares and files by words, newest first: SQLite's FTS5 and PostgreSQL's tsvector over the same words.
//!
//! The order is that of coming, and not a rank, because it needs no look at every hit: as many are read as are shown.

use super::{
    Central, CentralError,
    shares::{ShareRow, share_of},
    sql::{Row, sql, sql_of},
    words::words_of,
};
use crate::share::{Root, ShareId};

/// A file, with the share that it is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundFile {
    pub share: ShareRow,
    /// Its index in the manifest; `None` where the share itself was found by its title.
    pub entry: Option<u32>,
    pub path: String,
    pub size: u64,
    /// For going on behind it.
    pub number: i64,
}

/// A share that has a content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundShare {
    pub share: ShareRow,
    pub entry: u32,
}

/// More words do not find better.
const WORDS_MAX: usize = 8;

impl Central {
    /// Files and shares that have all the words, or words that begin like them; those before `before`, newest first. What
    /// of them somebody may see, the caller decides. No words find nothing.
    pub async fn find(&self, words: &str, before: i64, limit: u32) -> Result<Vec<FoundFile>, CentralError> {
        let mut words = words_of(words);
        words.truncate(WORDS_MAX);
        if words.is_empty() {
            return Ok(vec![]);
        }
        let statement = sql_of(
            "SELECT f.number AS file_number, f.entry, f.path, f.size AS file_size, s.* FROM files_words w \
             JOIN files f ON f.number = w.rowid JOIN shares s ON s.number = f.share \
             WHERE files_words MATCH $1 AND w.rowid < $2 ORDER BY w.rowid DESC LIMIT $3",
            "SELECT f.number AS file_number, f.entry, f.path, f.size AS file_size, s.* FROM files_words w \
             JOIN files f ON f.number = w.number JOIN shares s ON s.number = f.share \
             WHERE w.words @@ CAST($1 AS tsquery) AND w.number < $2 ORDER BY w.number DESC LIMIT $3",
        );
        let question = if self.is_postgres() { tsquery(&words) } else { match_of(&words) };
        let rows = self.pools.rows(statement.bind(question).bind(before).bind(i64::from(limit))).await?;
        rows.iter().map(|row| Ok(found_of(row)?)).collect()
    }

    /// The shares that hold a content.
    pub async fn shares_with(&self, content: Root) -> Result<Vec<FoundShare>, CentralError> {
        let statement = sql("SELECT f.entry, s.* FROM files f JOIN shares s ON s.number = f.share \
             WHERE f.root = $1 ORDER BY s.number LIMIT 100");
        let found = |row: &Row| {
            let entry: i64 = row.get("entry")?;
            Ok(FoundShare { share: share_of(row)?, entry: u32::try_from(entry).unwrap_or(0) })
        };
        self.pools.rows(statement.bind(&content.0)).await?.iter().map(found).collect()
    }

    /// Whether a share has a file of a content that is forbidden.
    pub async fn shares_holding(&self, contents: &[Root]) -> Result<Vec<ShareId>, CentralError> {
        let mut holding = vec![];
        for content in contents {
            holding.extend(self.shares_with(*content).await?.into_iter().map(|found| found.share.id));
        }
        Ok(holding)
    }
}

/// The words have letters and digits only, so quotes keep them whole.
fn match_of(words: &[String]) -> String {
    words.iter().map(|word| format!("\"{word}\"*")).collect::<Vec<_>>().join(" AND ")
}

fn tsquery(words: &[String]) -> String {
    words.iter().map(|word| format!("'{word}':*")).collect::<Vec<_>>().join(" & ")
}

fn found_of(row: &Row) -> Result<FoundFile, sqlx::Error> {
    let entry: i64 = row.get("entry")?;
    Ok(FoundFile {
        share: share_of(row)?,
        entry: u32::try_from(entry).ok(),
        path: row.get("path")?,
        size: row.count("file_size")?,
        number: row.get("file_number")?,
    })
}
