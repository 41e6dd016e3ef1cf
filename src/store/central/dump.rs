//! All rows of all tables, in a form that both engines write and read: for moving a server, and for backups.
//!
//! The tables and their columns are asked of the engine, so that none can be forgotten. A table is a file of lines, each a
//! JSON array of one row's values in the order of its primary key; bytes are written as hexadecimal digits. Equal servers
//! give equal files, whichever engine they are on. What belongs to one running server alone (locks, runs of uploads in its
//! object store) and what can be made from the rest (the index of words) is left out.

use std::{
    io::{BufRead, Write},
    str::FromStr as _,
};

use futures_util::TryStreamExt as _;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use sqlx::{AssertSqlSafe, Row as _};

use super::{
    Central, CentralError, UploadPart,
    pools::{Changes, Pools},
    words::{WordLine, found_by, insert_words},
};

/// A table as it stands in a dump.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DumpedTable {
    pub name: String,
    pub columns: Vec<DumpedColumn>,
    pub rows: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DumpedColumn {
    pub name: String,
    pub kind: Kind,
    /// Its place in the primary key, from 1 on; 0: none.
    pub key: u32,
}

/// The three kinds of values that the tables use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Int,
    Text,
    Bytes,
}

/// Why tables could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum DumpError {
    #[error("{0}")]
    Central(#[from] CentralError),
    #[error("the table {table} could not be written or read: {reason}")]
    File { table: String, reason: String },
    #[error("this database has no table {0}; the copy was made by a newer Handout")]
    Newer(String),
    #[error("line {line} of the table {table} is damaged")]
    Damaged { table: String, line: u64 },
    #[error("the database holds a server already; bring the copy into an empty one")]
    NotEmpty,
}

/// What is not part of a server's rows.
const LEFT_OUT: [&str; 5] = ["_sqlx_migrations", "locks", "upload_parts", "files_words", "words_form"];
/// Facts of one place alone.
const FACTS_LEFT_OUT: [&str; 3] = ["sealed_keys", "storage_swept_s", super::WRITTEN];
const ROWS_AT_ONCE: usize = 1_000;

impl From<sqlx::Error> for DumpError {
    fn from(error: sqlx::Error) -> DumpError {
        DumpError::Central(CentralError::Query(error))
    }
}

impl Central {
    /// Writes all tables as they are at one moment, each to what `open` gives for its name.
    pub async fn dump<W: Write>(
        &self,
        mut open: impl FnMut(&str) -> std::io::Result<W>,
    ) -> Result<Vec<DumpedTable>, DumpError> {
        let tables = self.tables().await?;
        let mut dumped = vec![];
        let mut moment = Moment::begin(&self.pools).await?;
        for (name, columns) in tables {
            let failed = |error: std::io::Error| DumpError::File { table: name.clone(), reason: error.to_string() };
            let mut to = open(&name).map_err(failed)?;
            let rows = moment.write(&name, &columns, &mut to).await?;
            to.flush().map_err(failed)?;
            dumped.push(DumpedTable { name, columns, rows });
        }
        moment.end().await?;
        Ok(dumped)
    }

    /// Whether nobody and nothing is in it yet.
    pub async fn is_empty(&self) -> Result<bool, CentralError> {
        let any = super::sql::sql("SELECT (SELECT COUNT(*) FROM people) + (SELECT COUNT(*) FROM shares) AS rows");
        let row = self.pools.row(any).await?;
        Ok(row.map_or(Ok(0), |row| row.get::<i64>("rows"))? == 0)
    }

    /// Fills an empty database with what was dumped, all or nothing. `open`: a table's lines. `stored`: the bytes lie in
    /// an object store from now on, with these runs of unfinished uploads.
    pub async fn fill<R: BufRead>(
        &self,
        tables: &[DumpedTable],
        mut open: impl FnMut(&str) -> std::io::Result<R>,
        stored: Option<&[(String, UploadPart)]>,
    ) -> Result<(), DumpError> {
        if !self.is_empty().await? {
            return Err(DumpError::NotEmpty);
        }
        let known = self.tables().await?;
        for table in tables {
            let fits = known.iter().any(|(name, columns)| {
                *name == table.name
                    && table
                        .columns
                        .iter()
                        .all(|column| columns.iter().any(|own| own.name == column.name && own.kind == column.kind))
            });
            if !fits {
                return Err(DumpError::Newer(table.name.clone()));
            }
        }
        let mut changes = self.pools.begin().await?;
        if matches!(changes, Changes::Sqlite(_)) {
            execute(&mut changes, "PRAGMA defer_foreign_keys = ON".to_owned(), None).await?;
        }
        for table in tables.iter().rev() {
            execute(&mut changes, format!("DELETE FROM {}", quoted(&table.name)), None).await?;
        }
        let mut words = Words::default();
        for table in tables {
            let lines = open(&table.name)
                .map_err(|error| DumpError::File { table: table.name.clone(), reason: error.to_string() })?;
            fill_table(&mut changes, table, lines, &mut words).await?;
        }
        execute(&mut changes, format!("UPDATE shares SET stored = {}", i32::from(stored.is_some())), None).await?;
        for (upload, part) in stored.unwrap_or_default() {
            let statement =
                super::sql::sql("INSERT INTO upload_parts (upload, start, size, object) VALUES ($1, $2, $3, $4)");
            let statement = statement.bind(upload.as_str()).bind(part.start).bind(part.size).bind(part.object.as_str());
            changes.run(statement).await?;
        }
        Ok(changes.commit().await?)
    }

    /// All tables that are dumped, those that others point to first, with their columns.
    async fn tables(&self) -> Result<Vec<(String, Vec<DumpedColumn>)>, CentralError> {
        let mut tables = vec![];
        for name in self.table_names().await? {
            // SQLite keeps the index of words in tables of its own.
            if !LEFT_OUT.contains(&name.as_str()) && !name.starts_with("files_words_") && !name.starts_with("sqlite_") {
                let columns = self.columns(&name).await?;
                tables.push((name, columns));
            }
        }
        Ok(tables)
    }

    async fn table_names(&self) -> Result<Vec<String>, CentralError> {
        // In the order in which they were made: a table can point only to those that were there.
        Ok(match &self.pools {
            Pools::Sqlite { readers, .. } => {
                sqlx::query_scalar("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY rowid")
                    .fetch_all(readers)
                    .await?
            }
            Pools::Postgres(pool) => {
                let statement = "SELECT relname::text FROM pg_class WHERE relkind = 'r' \
                                 AND relnamespace = current_schema()::regnamespace ORDER BY oid";
                sqlx::query_scalar(statement).fetch_all(pool).await?
            }
        })
    }

    async fn columns(&self, table: &str) -> Result<Vec<DumpedColumn>, CentralError> {
        let rows: Vec<(String, String, i64)> = match &self.pools {
            Pools::Sqlite { readers, .. } => {
                let statement = "SELECT name, lower(type), CAST(pk AS INTEGER) FROM pragma_table_info(?) ORDER BY name";
                sqlx::query_as(statement).bind(table).fetch_all(readers).await?
            }
            Pools::Postgres(pool) => {
                let statement = "SELECT a.attname::text, format_type(a.atttypid, a.atttypmod), \
                     COALESCE(array_position(i.indkey::smallint[], a.attnum) + 1, 0)::bigint \
                     FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid \
                     LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary \
                     WHERE c.relname = $1 AND c.relnamespace = current_schema()::regnamespace AND a.attnum > 0 \
                     AND NOT a.attisdropped ORDER BY a.attname COLLATE \"C\"";
                sqlx::query_as(statement).bind(table).fetch_all(pool).await?
            }
        };
        let column = |(name, kind, key): (String, String, i64)| {
            Ok(DumpedColumn { name, kind: Kind::from_str(&kind)?, key: u32::try_from(key).unwrap_or(0) })
        };
        rows.into_iter().map(column).collect()
    }
}

impl std::str::FromStr for Kind {
    type Err = CentralError;

    fn from_str(text: &str) -> Result<Kind, CentralError> {
        match text {
            "integer" | "bigint" => Ok(Kind::Int),
            "text" => Ok(Kind::Text),
            "blob" | "bytea" => Ok(Kind::Bytes),
            _ => Err(CentralError::Missing { what: "kind of column that a copy can hold" }),
        }
    }
}

/// All tables as they are at one moment.
enum Moment {
    Sqlite(sqlx::Transaction<'static, sqlx::Sqlite>),
    Postgres(sqlx::Transaction<'static, sqlx::Postgres>),
}

impl Moment {
    async fn begin(pools: &Pools) -> Result<Moment, sqlx::Error> {
        Ok(match pools {
            Pools::Sqlite { readers, .. } => Moment::Sqlite(readers.begin().await?),
            Pools::Postgres(pool) => {
                Moment::Postgres(pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?)
            }
        })
    }

    async fn write(&mut self, table: &str, columns: &[DumpedColumn], to: &mut impl Write) -> Result<u64, DumpError> {
        let statement = AssertSqlSafe(select(table, columns, matches!(self, Moment::Postgres(_))));
        let mut count = 0;
        macro_rules! each {
            ($rows:expr) => {
                while let Some(row) = $rows.try_next().await? {
                    let mut values = vec![];
                    for (index, column) in columns.iter().enumerate() {
                        values.push(match column.kind {
                            Kind::Int => row.try_get::<Option<i64>, _>(index)?.map_or(Json::Null, Json::from),
                            Kind::Text => row.try_get::<Option<String>, _>(index)?.map_or(Json::Null, Json::from),
                            Kind::Bytes => {
                                let bytes = row.try_get::<Option<Vec<u8>>, _>(index)?;
                                bytes.map_or(Json::Null, |bytes| data_encoding::HEXLOWER.encode(&bytes).into())
                            }
                        });
                    }
                    let written = writeln!(to, "{}", Json::Array(values));
                    written.map_err(|error| DumpError::File { table: table.to_owned(), reason: error.to_string() })?;
                    count += 1;
                }
            };
        }
        match self {
            Moment::Sqlite(moment) => {
                let mut rows = sqlx::query(statement).fetch(&mut **moment);
                each!(rows);
            }
            Moment::Postgres(moment) => {
                let mut rows = sqlx::query(statement).fetch(&mut **moment);
                each!(rows);
            }
        }
        Ok(count)
    }

    async fn end(self) -> Result<(), sqlx::Error> {
        match self {
            Moment::Sqlite(moment) => moment.rollback().await,
            Moment::Postgres(moment) => moment.rollback().await,
        }
    }
}

/// Names come from the engine's own list of tables.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn select(table: &str, columns: &[DumpedColumn], postgres: bool) -> String {
    let value = |column: &DumpedColumn| match (table, column.name.as_str()) {
        // Whether the bytes lie in an object store is a matter of the place, and not of the server.
        ("shares", "stored") => "CAST(0 AS BIGINT)".to_owned(),
        _ => quoted(&column.name),
    };
    let list: Vec<String> = columns.iter().map(value).collect();
    let mut keys: Vec<&DumpedColumn> = columns.iter().filter(|column| column.key > 0).collect();
    keys.sort_by_key(|column| column.key);
    let order = |column: &&DumpedColumn| match column.kind {
        Kind::Text if postgres => format!("{} COLLATE \"C\"", quoted(&column.name)),
        _ => quoted(&column.name),
    };
    let order: Vec<String> = keys.iter().map(order).collect();
    let facts: Vec<String> = FACTS_LEFT_OUT.iter().map(|fact| format!("'{fact}'")).collect();
    let only = if table == "facts" { format!("WHERE name NOT IN ({})", facts.join(", ")) } else { String::new() };
    format!("SELECT {} FROM {} {only} ORDER BY {}", list.join(", "), quoted(table), order.join(", "))
}

/// The words of files, made anew while their rows come in.
#[derive(Default)]
struct Words {
    /// Title and giver of each share, by its number.
    titles: std::collections::BTreeMap<i64, String>,
    lines: Vec<WordLine>,
}

async fn fill_table(
    changes: &mut Changes,
    table: &DumpedTable,
    lines: impl BufRead,
    words: &mut Words,
) -> Result<(), DumpError> {
    let damaged = |line: u64| DumpError::Damaged { table: table.name.clone(), line };
    let statement = insert(table, matches!(changes, Changes::Postgres(_)));
    let (mut batch, mut count) = (String::from("["), 0u64);
    for line in lines.lines() {
        let line = line.map_err(|error| DumpError::File { table: table.name.clone(), reason: error.to_string() })?;
        count += 1;
        let values: Vec<Json> = serde_json::from_str(&line).map_err(|_| damaged(count))?;
        if values.len() != table.columns.len() {
            return Err(damaged(count));
        }
        words.see(table, &values);
        if batch.len() > 1 {
            batch.push(',');
        }
        batch.push_str(&line);
        if count.is_multiple_of(ROWS_AT_ONCE as u64) {
            batch.push(']');
            execute(changes, statement.clone(), Some(std::mem::replace(&mut batch, "[".to_owned()))).await?;
            insert_words(changes, &std::mem::take(&mut words.lines)).await?;
        }
    }
    if count != table.rows {
        return Err(damaged(count));
    }
    if batch.len() > 1 {
        batch.push(']');
        execute(changes, statement, Some(batch)).await?;
        insert_words(changes, &std::mem::take(&mut words.lines)).await?;
    }
    Ok(())
}

impl Words {
    fn see(&mut self, table: &DumpedTable, values: &[Json]) {
        let value = |name: &str| {
            let at = table.columns.iter().position(|column| column.name == name)?;
            values.get(at)
        };
        let int = |name: &str| value(name).and_then(Json::as_i64).unwrap_or_default();
        let text = |name: &str| value(name).and_then(Json::as_str).unwrap_or_default();
        match table.name.as_str() {
            "shares" => {
                self.titles.insert(int("number"), format!("{} {}", text("title"), text("owner_name")));
            }
            "files" if int("entry") < 0 => {
                let title = self.titles.get(&int("share")).map_or("", String::as_str);
                self.lines.push(WordLine { number: int("number"), words: found_by(title) });
            }
            "files" => self.lines.push(WordLine { number: int("number"), words: found_by(text("path")) }),
            _ => {}
        }
    }
}

/// A statement that takes many rows as one JSON text.
fn insert(table: &DumpedTable, postgres: bool) -> String {
    let names: Vec<String> = table.columns.iter().map(|column| quoted(&column.name)).collect();
    let value = |(index, column): (usize, &DumpedColumn)| match (postgres, column.kind) {
        (false, Kind::Bytes) => format!("unhex(value ->> {index})"),
        (false, _) => format!("value ->> {index}"),
        (true, Kind::Int) => format!("CAST(line ->> {index} AS BIGINT)"),
        (true, Kind::Text) => format!("line ->> {index}"),
        (true, Kind::Bytes) => format!("decode(line ->> {index}, 'hex')"),
    };
    let values: Vec<String> = table.columns.iter().enumerate().map(value).collect();
    let from = if postgres { "json_array_elements(CAST($1 AS json)) line" } else { "json_each($1)" };
    format!("INSERT INTO {} ({}) SELECT {} FROM {from}", quoted(&table.name), names.join(", "), values.join(", "))
}

async fn execute(changes: &mut Changes, statement: String, json: Option<String>) -> Result<(), sqlx::Error> {
    let statement = AssertSqlSafe(statement);
    match changes {
        Changes::Sqlite(lent) => {
            let query = sqlx::query(statement);
            let query = if json.is_some() { query.bind(json) } else { query };
            let done = query.execute(lent.connection()?).await;
            lent.ended(done, true)?;
        }
        Changes::Postgres(lent) => {
            let query = sqlx::query(statement);
            let query = if json.is_some() { query.bind(json) } else { query };
            let done = query.execute(lent.connection()?).await;
            lent.ended(done, true)?;
        }
    }
    Ok(())
}
