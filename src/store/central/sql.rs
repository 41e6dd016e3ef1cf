//! One way to say a statement to SQLite and to PostgreSQL.
//!
//! Both know `$1`, `ON CONFLICT`, `RETURNING` and the three kinds of values that the tables use: 64-bit numbers (also for
//! yes and no), text and bytes. So a statement is written once; the few that differ are written twice, side by side. Sums
//! are cast to BIGINT, because PostgreSQL's are NUMERIC.

use sqlx::{
    Decode, Postgres, Row as _, Sqlite, Type,
    postgres::{PgArguments, PgRow},
    query::Query,
    sqlite::{SqliteArguments, SqliteRow},
};

/// What can be bound.
#[derive(Clone)]
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

/// A query with its values; the two engines' queries have no type in common.
macro_rules! bound {
    ($text:expr, $values:expr) => {{
        let mut query = sqlx::query($text);
        for value in &$values {
            query = match value.clone() {
                Value::Int(value) => query.bind(value),
                Value::Text(value) => query.bind(value),
                Value::Bytes(value) => query.bind(value),
            };
        }
        query
    }};
}

impl Statement {
    pub fn bind(mut self, value: impl Into<Value>) -> Statement {
        self.values.push(value.into());
        self
    }

    pub fn for_sqlite(&self) -> Query<'static, Sqlite, SqliteArguments> {
        bound!(self.sqlite, self.values)
    }

    pub fn for_postgres(&self) -> Query<'static, Postgres, PgArguments> {
        bound!(self.postgres, self.values)
    }
}

/// PostgreSQL holds no NUL in a text, and some of SQLite's functions end at one. What came with one from outside is kept and
/// looked for with the sign for what is no letter, so it is equal to nothing that was given a name here.
fn text(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text }
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
        Value::Text(Some(text(value.to_owned())))
    }
}

impl From<String> for Value {
    fn from(value: String) -> Value {
        Value::Text(Some(text(value)))
    }
}

impl From<Option<&str>> for Value {
    fn from(value: Option<&str>) -> Value {
        Value::Text(value.map(|value| text(value.to_owned())))
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
