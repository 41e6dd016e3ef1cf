//! One way to say a statement to SQLite and to PostgreSQL.
//!
//! Both know `$1`, `ON CONFLICT`, `RETURNING` and the three kinds of values that the tables use: 64-bit numbers (also for
//! yes and no), text and bytes. So a statement is written once; the few that differ are written twice, side by side. Sums
//! are cast to BIGINT, because PostgreSQL's are NUMERIC.

use sqlx::{
    Decode, PgPool, Postgres, Row as _, Sqlite, SqlitePool, Transaction, Type, postgres::PgRow, sqlite::SqliteRow,
};

use super::timing::timed;

/// Where the tables are. Cheap to clone.
#[derive(Clone)]
pub(in crate::store) enum Pools {
    Sqlite { writer: SqlitePool, readers: SqlitePool },
    Postgres(PgPool),
}

/// What can be bound.
pub(super) enum Value {
    Int(Option<i64>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
}

/// A statement with its values.
pub(super) struct Statement {
    sqlite: &'static str,
    postgres: &'static str,
    values: Vec<Value>,
}

/// A row that was read.
pub(super) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

/// Changes that come to pass together or not at all.
pub(super) enum Changes {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

/// What columns can be read as.
pub(super) trait Column:
    for<'r> Decode<'r, Sqlite> + Type<Sqlite> + for<'r> Decode<'r, Postgres> + Type<Postgres>
{
}

impl<T> Column for T where T: for<'r> Decode<'r, Sqlite> + Type<Sqlite> + for<'r> Decode<'r, Postgres> + Type<Postgres> {}

/// The columns of a share `s`, for `share_of`: its own, and what its owner is.
macro_rules! share_columns {
    () => {
        "s.*, (SELECT p.role FROM people p WHERE p.id = s.owner) AS owner_role"
    };
}

/// What the owner of a share `s` counts as where somebody judges: `|student|`, also where it has none with an account.
macro_rules! owner_rank {
    () => {
        "'|' || COALESCE((SELECT p.role FROM people p WHERE p.id = s.owner), 'student') || '|'"
    };
}

pub(super) use owner_rank;
pub(super) use share_columns;

/// A statement that both engines read alike.
pub(super) fn sql(text: &'static str) -> Statement {
    Statement { sqlite: text, postgres: text, values: vec![] }
}

/// A statement that is said in two ways, with the same values.
pub(super) fn sql_of(sqlite: &'static str, postgres: &'static str) -> Statement {
    Statement { sqlite, postgres, values: vec![] }
}

impl Statement {
    pub fn bind(mut self, value: impl Into<Value>) -> Statement {
        self.values.push(value.into());
        self
    }
}

impl Row {
    pub fn get<T: Column>(&self, column: &str) -> Result<T, sqlx::Error> {
        match self {
            Row::Sqlite(row) => row.try_get(column),
            Row::Postgres(row) => row.try_get(column),
        }
    }

    /// A yes or no.
    pub fn flag(&self, column: &str) -> Result<bool, sqlx::Error> {
        Ok(self.get::<i64>(column)? != 0)
    }

    /// A number that is never negative.
    pub fn count(&self, column: &str) -> Result<u64, sqlx::Error> {
        Ok(u64::try_from(self.get::<i64>(column)?).unwrap_or(0))
    }

    /// 32 bytes: a hash or an id.
    pub fn hash(&self, column: &str) -> Result<[u8; 32], sqlx::Error> {
        let bytes: Vec<u8> = self.get(column)?;
        bytes.try_into().map_err(|_| sqlx::Error::Decode("a hash in the database does not have 32 bytes".into()))
    }
}

macro_rules! bound {
    ($statement:expr, $text:expr) => {{
        let mut query = sqlx::query($text);
        for value in $statement.values {
            query = match value {
                Value::Int(value) => query.bind(value),
                Value::Text(value) => query.bind(value),
                Value::Bytes(value) => query.bind(value),
            };
        }
        query
    }};
}

impl Pools {
    /// All rows of a question.
    pub async fn rows(&self, statement: Statement) -> Result<Vec<Row>, sqlx::Error> {
        let _timed = timed();
        match self {
            Pools::Sqlite { readers, .. } => {
                let rows = bound!(statement, statement.sqlite).fetch_all(readers).await?;
                Ok(rows.into_iter().map(Row::Sqlite).collect())
            }
            Pools::Postgres(pool) => {
                let rows = bound!(statement, statement.postgres).fetch_all(pool).await?;
                Ok(rows.into_iter().map(Row::Postgres).collect())
            }
        }
    }

    /// The first row, if there is one.
    pub async fn row(&self, statement: Statement) -> Result<Option<Row>, sqlx::Error> {
        Ok(self.rows(statement).await?.into_iter().next())
    }

    /// Begins changes. On SQLite the lock for writing is taken at once, so that two that read before they write never
    /// have to be undone.
    pub async fn begin(&self) -> Result<Changes, sqlx::Error> {
        let _timed = timed();
        match self {
            Pools::Sqlite { writer, .. } => Ok(Changes::Sqlite(writer.begin_with("BEGIN IMMEDIATE").await?)),
            Pools::Postgres(pool) => Ok(Changes::Postgres(pool.begin().await?)),
        }
    }

    /// One change alone. Tells how many rows it concerned.
    pub async fn run(&self, statement: Statement) -> Result<u64, sqlx::Error> {
        let _timed = timed();
        match self {
            Pools::Sqlite { writer, .. } => {
                Ok(bound!(statement, statement.sqlite).execute(writer).await?.rows_affected())
            }
            Pools::Postgres(pool) => Ok(bound!(statement, statement.postgres).execute(pool).await?.rows_affected()),
        }
    }

    pub async fn close(&self) {
        match self {
            Pools::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
            Pools::Postgres(pool) => pool.close().await,
        }
    }
}

impl Changes {
    /// Tells how many rows it concerned.
    pub async fn run(&mut self, statement: Statement) -> Result<u64, sqlx::Error> {
        let _timed = timed();
        match self {
            Changes::Sqlite(changes) => {
                Ok(bound!(statement, statement.sqlite).execute(&mut **changes).await?.rows_affected())
            }
            Changes::Postgres(changes) => {
                Ok(bound!(statement, statement.postgres).execute(&mut **changes).await?.rows_affected())
            }
        }
    }

    pub async fn rows(&mut self, statement: Statement) -> Result<Vec<Row>, sqlx::Error> {
        let _timed = timed();
        match self {
            Changes::Sqlite(changes) => {
                let rows = bound!(statement, statement.sqlite).fetch_all(&mut **changes).await?;
                Ok(rows.into_iter().map(Row::Sqlite).collect())
            }
            Changes::Postgres(changes) => {
                let rows = bound!(statement, statement.postgres).fetch_all(&mut **changes).await?;
                Ok(rows.into_iter().map(Row::Postgres).collect())
            }
        }
    }

    pub async fn row(&mut self, statement: Statement) -> Result<Option<Row>, sqlx::Error> {
        Ok(self.rows(statement).await?.into_iter().next())
    }

    pub async fn commit(self) -> Result<(), sqlx::Error> {
        let _timed = timed();
        match self {
            Changes::Sqlite(changes) => changes.commit().await,
            Changes::Postgres(changes) => changes.commit().await,
        }
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Value {
        Value::Int(Some(value))
    }
}

impl From<Option<i64>> for Value {
    fn from(value: Option<i64>) -> Value {
        Value::Int(value)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Value {
        Value::Int(Some(value.into()))
    }
}

impl From<u64> for Value {
    /// Nothing that is counted here comes near the end.
    fn from(value: u64) -> Value {
        Value::Int(Some(i64::try_from(value).unwrap_or(i64::MAX)))
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Value {
        Value::Text(Some(value.to_owned()))
    }
}

impl From<String> for Value {
    fn from(value: String) -> Value {
        Value::Text(Some(value))
    }
}

impl From<Option<&str>> for Value {
    fn from(value: Option<&str>) -> Value {
        Value::Text(value.map(str::to_owned))
    }
}

impl From<&[u8]> for Value {
    fn from(value: &[u8]) -> Value {
        Value::Bytes(Some(value.to_vec()))
    }
}

impl From<&[u8; 32]> for Value {
    fn from(value: &[u8; 32]) -> Value {
        Value::Bytes(Some(value.to_vec()))
    }
}

impl From<Option<&[u8]>> for Value {
    fn from(value: Option<&[u8]>) -> Value {
        Value::Bytes(value.map(<[u8]>::to_vec))
    }
}
