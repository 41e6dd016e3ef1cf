//! The facts that must last, in one SQLite file: one connection writes, a few read, and nothing wakes up while nothing is
//! asked.
//!
//! The database is small on purpose (see `share_files` for what is beside it), so that it can be checked at every start. A
//! damaged one is set aside and a new one begun: shares can be added again, but a program that does not start can't say so.
//! The statements are in `tables`.

use std::{
    io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use sqlx::{
    ConnectOptions as _, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

/// The database. Cheap to clone.
#[derive(Clone)]
pub struct Database {
    pub(super) writer: SqlitePool,
    pub(super) readers: SqlitePool,
}

/// Why the database does not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    #[error("The database {} can't be opened: {reason}", path.display())]
    Open { path: PathBuf, reason: String },
    #[error("The database {} was made by a newer Handout", path.display())]
    Newer { path: PathBuf },
    #[error("The damaged database {} can't be set aside: {reason}", path.display())]
    SetAside { path: PathBuf, reason: String },
    #[error("The database could not be read or written: {0}")]
    Query(#[from] sqlx::Error),
    #[error(transparent)]
    Disk(#[from] super::DiskError),
}

impl DatabaseError {
    /// Whether nothing is wrong but that the program is ending.
    pub fn is_closing(&self) -> bool {
        matches!(self, DatabaseError::Query(sqlx::Error::PoolClosed))
    }

    /// Whether the same may go well later with nothing done in Handout: room is made, another process ends.
    pub fn may_heal(&self) -> bool {
        // SQLite's result codes (sqlite.org/rescode.html): busy, locked, no memory, read-only, I/O, full, can't open.
        const PASSING: [u32; 7] = [5, 6, 7, 8, 10, 13, 14];
        match self {
            DatabaseError::Query(sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut) => true,
            DatabaseError::Query(error) => {
                let code = error.as_database_error().and_then(|error| error.code()?.parse::<u32>().ok());
                code.is_some_and(|code| PASSING.contains(&(code & 0xff)))
            }
            DatabaseError::Disk(error) => error.may_heal(),
            DatabaseError::Open { .. } | DatabaseError::Newer { .. } | DatabaseError::SetAside { .. } => false,
        }
    }

    /// What a person can do about it.
    pub fn hint(&self) -> &'static str {
        match self {
            DatabaseError::Open { .. } | DatabaseError::SetAside { .. } => {
                "Check that the folder is there and that you may write to it."
            }
            DatabaseError::Newer { .. } => "Start the newer Handout, or give this one another home folder.",
            DatabaseError::Query(_) => "Check that the disk has room; if it stays, start Handout again.",
            DatabaseError::Disk(error) => error.hint(),
        }
    }
}

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("src/store/migrations");

const READERS: u32 = 3;
/// How long a statement waits for another process that writes.
const BUSY: Duration = Duration::from_secs(5);
/// How long a statement waits for a connection.
const ACQUIRE: Duration = Duration::from_secs(30);

impl Database {
    /// Opens the database file, makes it if it is not there, and brings it up to date. If it was damaged, the second
    /// value tells where it is now.
    pub async fn open(path: &Path) -> Result<(Database, Option<PathBuf>), DatabaseError> {
        match Self::open_checked(path).await {
            Ok(database) => Ok((database, None)),
            Err(Fault::Damaged) => {
                let aside = set_aside(path)
                    .map_err(|error| DatabaseError::SetAside { path: path.to_owned(), reason: error.to_string() })?;
                match Self::open_checked(path).await {
                    Ok(database) => Ok((database, Some(aside))),
                    Err(Fault::Damaged) => {
                        let reason = "a new one is damaged at once".to_owned();
                        Err(DatabaseError::Open { path: path.to_owned(), reason })
                    }
                    Err(Fault::Other(error)) => Err(error),
                }
            }
            Err(Fault::Other(error)) => Err(error),
        }
    }

    async fn open_checked(path: &Path) -> Result<Database, Fault> {
        let fault = |error: sqlx::Error| {
            if is_damage(&error) {
                return Fault::Damaged;
            }
            Fault::Other(DatabaseError::Open { path: path.to_owned(), reason: error.to_string() })
        };
        let options = options(path);
        let writer = pool(1).connect_with(options.clone()).await.map_err(fault)?;
        let sound: String = sqlx::query_scalar("PRAGMA quick_check(1)").fetch_one(&writer).await.map_err(fault)?;
        if sound != "ok" {
            writer.close().await;
            return Err(Fault::Damaged);
        }
        match MIGRATIONS.run(&writer).await {
            Ok(()) => {}
            Err(sqlx::migrate::MigrateError::VersionMissing(_)) => {
                writer.close().await;
                return Err(Fault::Other(DatabaseError::Newer { path: path.to_owned() }));
            }
            Err(sqlx::migrate::MigrateError::Execute(error)) => return Err(fault(error)),
            Err(error) => {
                writer.close().await;
                let reason = error.to_string();
                return Err(Fault::Other(DatabaseError::Open { path: path.to_owned(), reason }));
            }
        }
        let readers = pool(READERS).connect_lazy_with(options.read_only(true).create_if_missing(false));
        Ok(Database { writer, readers })
    }

    /// Lets statements end and closes the file.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}

enum Fault {
    Damaged,
    Other(DatabaseError),
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // With the write-ahead log, a power cut can lose the last changes, never the database (sqlite.org/wal.html).
        .synchronous(SqliteSynchronous::Normal)
        .foreign_keys(true)
        .busy_timeout(BUSY)
        .disable_statement_logging()
}

/// Connections stay until the end: no timer looks for idle ones, so an idle program sleeps.
fn pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
}

/// SQLITE_CORRUPT and SQLITE_NOTADB, with their extended forms (sqlite.org/rescode.html).
fn is_damage(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    code.and_then(|code| code.parse::<i32>().ok()).is_some_and(|code| matches!(code & 0xff, 11 | 26))
}

/// Gives a damaged database, with its journal, a name that tells when.
fn set_aside(path: &Path) -> io::Result<PathBuf> {
    let stamp = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let aside_of = |path: &Path| {
        let mut name = path.as_os_str().to_owned();
        name.push(format!(".damaged-{stamp}"));
        PathBuf::from(name)
    };
    for tail in ["-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(tail);
        let journal = PathBuf::from(name);
        if journal.exists() {
            std::fs::rename(&journal, aside_of(&journal))?;
        }
    }
    let aside = aside_of(path);
    std::fs::rename(path, &aside)?;
    Ok(aside)
}
