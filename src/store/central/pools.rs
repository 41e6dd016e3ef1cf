//! Connections to the tables, and what becomes of one that failed.
//!
//! A connection on which something went wrong that is not the statement's own fault is closed, and the next statement gets
//! another one: a disk that was full, gone or read-only, and a database server that was restarted or has become another's
//! copy, leave states in a connection that nobody can see from outside. So nothing needs a restart when the cause is gone.
//!
//! Every wait has an end: for a connection [`ACQUIRE`], for an answer of a PostgreSQL that is silent [`ANSWER`].

use std::{future::Future, time::Duration};

use sqlx::{Database, Error, PgPool, Postgres, Sqlite, SqlitePool, error::ErrorKind, pool::PoolConnection};

use super::{
    sql::{Row, Statement},
    timing::timed,
};

/// Whoever waits for a connection to PostgreSQL waits so long.
pub(super) const ACQUIRE: Duration = Duration::from_secs(15);
/// A statement that PostgreSQL says nothing to for so long was lost on the way. The longest that are known take seconds.
const ANSWER: Duration = Duration::from_secs(60);

/// Where the tables are. Cheap to clone.
#[derive(Clone)]
pub(in crate::store) enum Pools {
    Sqlite { writer: SqlitePool, readers: SqlitePool },
    Postgres(PgPool),
}

/// Changes that come to pass together or not at all.
pub(super) enum Changes {
    Sqlite(Lent<Sqlite>),
    Postgres(Lent<Postgres>),
}

/// A connection that is at work. It goes back to the others when its work came to a good end, and is closed otherwise,
/// which undoes what was begun on it.
pub(super) struct Lent<DB: Database> {
    connection: Option<PoolConnection<DB>>,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing is begun.
    Idle,
    /// Changes were begun, and no statement is on its way.
    Begun,
    /// A statement is on its way, or failed.
    Unknown,
}

impl<DB: Database> Lent<DB> {
    fn of(connection: PoolConnection<DB>) -> Lent<DB> {
        Lent { connection: Some(connection), state: State::Idle }
    }

    /// What the engine's own statements are run on. Whoever drops the future of one leaves the state unknown.
    pub fn connection(&mut self) -> Result<&mut DB::Connection, Error> {
        self.state = State::Unknown;
        self.connection.as_deref_mut().ok_or(Error::PoolClosed)
    }

    /// Looks at how a statement ended, after which `then` is the state.
    pub fn ended<T>(&mut self, result: Result<T, Error>, then: bool) -> Result<T, Error> {
        if result.as_ref().err().is_none_or(is_of_the_statement) {
            self.state = if then { State::Begun } else { State::Idle };
        }
        result
    }
}

impl<DB: Database> Drop for Lent<DB> {
    fn drop(&mut self) {
        if self.state != State::Idle
            && let Some(mut connection) = self.connection.take()
        {
            connection.close_on_drop();
        }
    }
}

/// Whether a statement failed by its own content, so that the connection is as good as before.
fn is_of_the_statement(error: &Error) -> bool {
    match error {
        Error::Database(fault) => fault.kind() != ErrorKind::Other,
        Error::RowNotFound
        | Error::ColumnNotFound(_)
        | Error::ColumnIndexOutOfBounds { .. }
        | Error::ColumnDecode { .. }
        | Error::Decode(_) => true,
        _ => false,
    }
}

/// Whether another connection may do better at once. It does not where all are at work, or another program writes.
fn may_be_stale(error: &Error) -> bool {
    const SQLITE_BUSY: &str = "5";
    let busy = error.as_database_error().is_some_and(|fault| fault.code().as_deref() == Some(SQLITE_BUSY));
    !busy && !is_of_the_statement(error) && !matches!(error, Error::PoolTimedOut | Error::PoolClosed)
}

/// Waits for PostgreSQL, but not for ever.
async fn answered<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    tokio::time::timeout(ANSWER, work).await.unwrap_or_else(|_| {
        Err(Error::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, "PostgreSQL did not answer in time")))
    })
}

macro_rules! on {
    (sqlite $lent:expr, $statement:expr, $does:ident, $then:expr) => {{
        let lent = $lent;
        let result = match lent.connection() {
            Ok(connection) => $statement.for_sqlite().$does(connection).await,
            Err(error) => Err(error),
        };
        lent.ended(result, $then)
    }};
    (postgres $lent:expr, $statement:expr, $does:ident, $then:expr) => {{
        let lent = $lent;
        let result = match lent.connection() {
            Ok(connection) => answered($statement.for_postgres().$does(connection)).await,
            Err(error) => Err(error),
        };
        lent.ended(result, $then)
    }};
}

impl Pools {
    /// All rows of a question. It is asked once more where it failed: of the connections that wait for work, any may be of
    /// before the disk was away.
    pub async fn rows(&self, statement: Statement) -> Result<Vec<Row>, Error> {
        let _timed = timed();
        match self.rows_once(&statement).await {
            Err(error) if may_be_stale(&error) => self.rows_once(&statement).await,
            answer => answer,
        }
    }

    async fn rows_once(&self, statement: &Statement) -> Result<Vec<Row>, Error> {
        match self {
            Pools::Sqlite { readers, .. } => {
                let mut lent = Lent::of(readers.acquire().await?);
                Ok(on!(sqlite &mut lent, statement, fetch_all, false)?.into_iter().map(Row::Sqlite).collect())
            }
            Pools::Postgres(pool) => {
                let mut lent = Lent::of(pool.acquire().await?);
                Ok(on!(postgres &mut lent, statement, fetch_all, false)?.into_iter().map(Row::Postgres).collect())
            }
        }
    }

    /// The first row, if there is one.
    pub async fn row(&self, statement: Statement) -> Result<Option<Row>, Error> {
        Ok(self.rows(statement).await?.into_iter().next())
    }

    /// Begins changes. On SQLite the lock for writing is taken at once, so that two that read before they write never
    /// have to be undone.
    pub async fn begin(&self) -> Result<Changes, Error> {
        let _timed = timed();
        match self.begin_once().await {
            Err(error) if may_be_stale(&error) => self.begin_once().await,
            begun => begun,
        }
    }

    async fn begin_once(&self) -> Result<Changes, Error> {
        match self {
            Pools::Sqlite { writer, .. } => {
                let mut lent = Lent::of(writer.acquire().await?);
                let begun = sqlx::query("BEGIN IMMEDIATE").execute(lent.connection()?).await;
                lent.ended(begun, true)?;
                Ok(Changes::Sqlite(lent))
            }
            Pools::Postgres(pool) => {
                let mut lent = Lent::of(pool.acquire().await?);
                let begun = answered(sqlx::query("BEGIN").execute(lent.connection()?)).await;
                lent.ended(begun, true)?;
                Ok(Changes::Postgres(lent))
            }
        }
    }

    /// One change alone. Tells how many rows it concerned.
    pub async fn run(&self, statement: Statement) -> Result<u64, Error> {
        let _timed = timed();
        match self {
            Pools::Sqlite { writer, .. } => {
                let mut lent = Lent::of(writer.acquire().await?);
                Ok(on!(sqlite &mut lent, statement, execute, false)?.rows_affected())
            }
            Pools::Postgres(pool) => {
                let mut lent = Lent::of(pool.acquire().await?);
                Ok(on!(postgres &mut lent, statement, execute, false)?.rows_affected())
            }
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
    pub async fn run(&mut self, statement: Statement) -> Result<u64, Error> {
        let _timed = timed();
        match self {
            Changes::Sqlite(lent) => Ok(on!(sqlite lent, statement, execute, true)?.rows_affected()),
            Changes::Postgres(lent) => Ok(on!(postgres lent, statement, execute, true)?.rows_affected()),
        }
    }

    pub async fn rows(&mut self, statement: Statement) -> Result<Vec<Row>, Error> {
        let _timed = timed();
        Ok(match self {
            Changes::Sqlite(lent) => {
                on!(sqlite lent, statement, fetch_all, true)?.into_iter().map(Row::Sqlite).collect()
            }
            Changes::Postgres(lent) => {
                on!(postgres lent, statement, fetch_all, true)?.into_iter().map(Row::Postgres).collect()
            }
        })
    }

    pub async fn row(&mut self, statement: Statement) -> Result<Option<Row>, Error> {
        Ok(self.rows(statement).await?.into_iter().next())
    }

    pub async fn commit(self) -> Result<(), Error> {
        self.end("COMMIT").await
    }

    /// Undoes all. Dropping does so too, but costs the connection.
    pub async fn undo(self) -> Result<(), Error> {
        self.end("ROLLBACK").await
    }

    async fn end(self, how: &'static str) -> Result<(), Error> {
        let _timed = timed();
        match self {
            Changes::Sqlite(mut lent) => {
                let ended = sqlx::query(how).execute(lent.connection()?).await.map(drop);
                // A commit that failed leaves the changes open, so it is never a fault of the statement's own.
                if ended.is_ok() { lent.ended(ended, false) } else { ended }
            }
            Changes::Postgres(mut lent) => {
                let ended = answered(sqlx::query(how).execute(lent.connection()?)).await.map(drop);
                if ended.is_ok() { lent.ended(ended, false) } else { ended }
            }
        }
    }
}
