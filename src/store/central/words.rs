//! The index of words, by which shares and files are found: the same words for both engines, and for the question.

use super::{
    CentralError,
    pools::{Changes, Pools},
    sql::{Row, sql, sql_of},
};
use crate::share::words::indexed;

/// How words are made of names; another number has the index made anew.
const FORM: i64 = 1;
/// So many files are read at once when it is made anew.
const AT_ONCE: usize = 2_000;

/// The words of a file, by its number.
#[derive(serde::Serialize)]
pub(super) struct WordLine {
    pub number: i64,
    pub words: String,
}

pub(super) async fn insert_words(changes: &mut Changes, lines: &[WordLine]) -> Result<(), sqlx::Error> {
    if lines.is_empty() {
        return Ok(());
    }
    let json = serde_json::to_string(lines).map_err(|error| sqlx::Error::Encode(error.into()))?;
    let words = sql_of(
        "INSERT INTO files_words (rowid, words) SELECT value ->> 'number', value ->> 'words' FROM json_each($1)",
        "INSERT INTO files_words (number, words) SELECT number, array_to_tsvector(string_to_array(words, ' ')) \
         FROM json_to_recordset(CAST($1 AS json)) AS line (number BIGINT, words TEXT)",
    );
    changes.run(words.bind(json)).await?;
    Ok(())
}

/// The words that a text is found by, with blanks between them.
pub(super) fn found_by(text: &str) -> String {
    let words = indexed(text);
    // PostgreSQL takes no empty word.
    if words.is_empty() { "_".to_owned() } else { words.join(" ") }
}

/// Finds a share by the title that it has.
pub(super) async fn title_changed(changes: &mut Changes, share: i64) -> Result<(), CentralError> {
    let statement = sql("SELECT f.number, f.entry, f.path, s.title, s.owner_name FROM files f \
         JOIN shares s ON s.number = f.share WHERE f.share = $1 AND f.entry < 0");
    let lines: Vec<WordLine> =
        changes.rows(statement.bind(share)).await?.iter().map(line_of).collect::<Result<_, _>>()?;
    for line in &lines {
        let words = sql_of("DELETE FROM files_words WHERE rowid = $1", "DELETE FROM files_words WHERE number = $1");
        changes.run(words.bind(line.number)).await?;
    }
    Ok(insert_words(changes, &lines).await?)
}

/// Makes the index anew where an older program made it, which took words apart otherwise.
pub(super) async fn bring_up_to_date(pools: &Pools) -> Result<(), CentralError> {
    let form = || sql("SELECT form FROM words_form WHERE form = $1").bind(FORM);
    if pools.row(form()).await?.is_some() {
        return Ok(());
    }
    let mut changes = pools.begin().await?;
    // The lock that all writers know.
    changes.run(sql("UPDATE audit_tip SET seq = seq")).await?;
    if changes.row(form()).await?.is_some() {
        return Ok(changes.undo().await?);
    }
    let empty = sql_of("INSERT INTO files_words (files_words) VALUES ('delete-all')", "DELETE FROM files_words");
    changes.run(empty).await?;
    let mut last = 0;
    loop {
        let statement = sql("SELECT f.number, f.entry, f.path, s.title, s.owner_name FROM files f \
             JOIN shares s ON s.number = f.share WHERE f.number > $1 ORDER BY f.number LIMIT $2");
        let rows = changes.rows(statement.bind(last).bind(AT_ONCE as u64)).await?;
        let lines: Vec<WordLine> = rows.iter().map(line_of).collect::<Result<_, _>>()?;
        let Some(line) = lines.last() else { break };
        last = line.number;
        insert_words(&mut changes, &lines).await?;
    }
    changes.run(sql("UPDATE words_form SET form = $1").bind(FORM)).await?;
    Ok(changes.commit().await?)
}

/// A share is found by its title and who gave it, a file by its path.
fn line_of(row: &Row) -> Result<WordLine, sqlx::Error> {
    let (title, owner): (String, String) = (row.get("title")?, row.get("owner_name")?);
    let (entry, path): (i64, String) = (row.get("entry")?, row.get("path")?);
    let words = if entry < 0 { found_by(&format!("{title} {owner}")) } else { found_by(&path) };
    Ok(WordLine { number: row.get("number")?, words })
}
