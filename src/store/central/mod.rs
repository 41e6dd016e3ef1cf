//! The database of a central server: people, sessions, devices, policy, the audit log, what is here and can be found.
//!
//! SQLite in the home folder until `database.url` names a PostgreSQL; then several processes are one server. The tables
//! are the same on both (`migrations/server_*`), and so are the statements (`sql.rs`).
//!
//! Invariants:
//! - What a person does to these tables goes through [`Central::change`], which wants a [`Permit`] and writes the audit
//!   entry in the same transaction: there is no change without its entry, and no entry of a change that did not happen.
//! - A database that is damaged or newer is never set aside by itself: accounts would be gone, and the next stranger would
//!   be made its owner. The server does not start, and says what to do.
//!
//! Deliberately not here: what may be done (`access`), and the shares' bytes (the rest of `store`).

mod audit;
mod devices;
mod dump;
mod facts;
mod finding;
mod keys;
mod links;
mod network_disk;
mod people;
mod policies;
mod pools;
mod remembered;
mod sessions;
mod shares;
mod sql;
mod storage;
mod throttles;
mod timing;
mod uploads;
mod usage;
mod version;
mod words;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use sqlx::{
    ConnectOptions as _,
    migrate::{MigrateError, Migrator},
    postgres::{PgConnectOptions, PgPoolOptions},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};
use tokio::sync::Notify;

pub use crate::share::words::words_of;
pub use audit::{AuditEntry, AuditFault, AuditFilter, AuditHead, AuditReport, HEAD_DOMAIN, Note};
pub use devices::{DeviceRow, EnrolmentRow, NewDevice};
pub use dump::{DumpError, DumpedTable};
pub use finding::{Found, FoundFile, FoundShare, Sees};
pub use keys::{ApiKeyRow, KeyOwner};
pub use links::{LinkRow, NewLink};
pub use people::{GroupRow, NewPerson, PersonChange, PersonRow};
pub use remembered::FROM_ABOVE;
pub use sessions::{NewSession, SessionRow};
pub use shares::{Added, NewShare, ShareRow, Usage};
pub use storage::{ShareChanges, UploadPart};
pub use throttles::Failures;
pub use timing::statements;
pub use uploads::{Batch, BatchState, NewBatch, NewUpload, UploadRow};
pub use usage::OwnerUsage;
pub use version::Version;

use self::{
    pools::{Changes, Pools},
    sql::sql,
};
use crate::access::{Permit, Scope};

/// The database of a central server. Cheap to clone.
#[derive(Clone)]
pub struct Central {
    pools: Pools,
    /// Tells that something was done that the log should be signed behind at once.
    grave: Arc<Notify>,
}

/// Where the tables are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A file of our own.
    Sqlite(PathBuf),
    /// `postgres://…`
    Postgres(String),
}

/// Why the database does not do what it should. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum CentralError {
    #[error("The server's database {place} can't be opened: {reason}")]
    Open { place: String, reason: String },
    #[error("The server's database {place} was made by a newer Handout; start that one")]
    Newer { place: String },
    #[error(
        "{} is on a network share ({kind}), where SQLite loses data; keep the home folder on a local disk, or give the \
         server a PostgreSQL with database.url", path.display()
    )]
    NetworkDisk { path: PathBuf, kind: &'static str },
    #[error("The server's database is damaged: {reason}. Bring back a backup, or move {place} away to begin anew")]
    Damaged { place: String, reason: String },
    /// Something that must be unique is there already.
    #[error("{what} is there already")]
    Taken { what: &'static str },
    /// A form shows what stood there before.
    #[error("somebody else changed this {what} meanwhile")]
    Changed { what: &'static str },
    #[error("there is no such {what}")]
    Missing { what: &'static str },
    #[error(
        "The server's database {place} keeps text as {encoding}, in which not every name can be written. Make it anew \
         with: createdb --encoding=UTF8 --template=template0 NAME"
    )]
    Encoding { place: String, encoding: String },
    #[error("the last owner must stay: make somebody else an owner first")]
    LastOwner,
    #[error("The server's database could not be read or written: {0}")]
    Query(#[from] sqlx::Error),
}

/// Changes under one permit, with their entry in the audit log. Nothing happened until [`Change::commit`].
pub struct Change {
    changes: Changes,
    /// Who is told when it came to pass.
    tells: Option<Arc<Notify>>,
}

static SQLITE: Migrator = sqlx::migrate!("src/store/migrations/server_sqlite");
static POSTGRES: Migrator = sqlx::migrate!("src/store/migrations/server_postgres");

/// The fact that is written to see whether writing works.
const WRITTEN: &str = "written_ms";
const READERS: u32 = 4;
const CONNECTIONS: u32 = 8;
/// The console writes beside a running server, which may be writing down a share of 100,000 files.
const BUSY: Duration = Duration::from_secs(30);
const ACQUIRE: Duration = Duration::from_secs(40);

impl Place {
    /// What people are shown of it: never a password.
    pub fn shown(&self) -> String {
        match self {
            Place::Sqlite(path) => path.display().to_string(),
            Place::Postgres(url) => match url.split_once('@') {
                Some((_, rest)) => format!("postgres://…@{}", rest.split('?').next().unwrap_or(rest)),
                None => url.split('?').next().unwrap_or(url).to_owned(),
            },
        }
    }
}

impl Central {
    /// Opens the tables, makes them where there are none, and brings them up to date.
    pub async fn open(place: &Place) -> Result<Central, CentralError> {
        match place {
            Place::Sqlite(path) => open_sqlite(path, place).await,
            Place::Postgres(url) => open_postgres(url, place).await,
        }
    }

    pub fn is_postgres(&self) -> bool {
        matches!(self.pools, Pools::Postgres(_))
    }

    /// Begins changes that a person makes, with what the log says of it.
    pub async fn change(&self, permit: Permit, note: &Note<'_>) -> Result<Change, CentralError> {
        let mut changes = self.pools.begin().await?;
        audit::append(&mut changes, &permit.who().to_string(), permit.action().name(), "done", note).await?;
        let grave = permit.action().scope() == Scope::Admin;
        Ok(Change { changes, tells: grave.then(|| self.grave.clone()) })
    }

    /// Waits until something was done that only those do who run the server.
    pub async fn grave(&self) {
        self.grave.notified().await;
    }

    /// Whether what is written is kept. A database that can only be read is of no use to a server: each sign-in and each
    /// download writes. `now_ms`: something that was not written before, or SQLite would leave the disk alone.
    pub async fn try_write(&self, now_ms: i64) -> Result<(), CentralError> {
        self.set_fact(WRITTEN, &now_ms.to_string()).await
    }

    /// A fact by its name.
    pub async fn fact(&self, name: &str) -> Result<Option<String>, CentralError> {
        let row = self.pools.row(sql("SELECT value FROM facts WHERE name = $1").bind(name)).await?;
        Ok(row.map(|row| row.get("value")).transpose()?)
    }

    pub async fn set_fact(&self, name: &str, value: &str) -> Result<(), CentralError> {
        let statement = sql("INSERT INTO facts (name, value) VALUES ($1, $2) \
             ON CONFLICT (name) DO UPDATE SET value = excluded.value");
        self.pools.run(statement.bind(name).bind(value)).await?;
        Ok(())
    }

    pub async fn forget_fact(&self, name: &str) -> Result<bool, CentralError> {
        Ok(self.pools.run(sql("DELETE FROM facts WHERE name = $1").bind(name)).await? > 0)
    }

    /// Takes the named work for `holder` until `until_s`, unless another process has it.
    pub async fn take_lock(&self, name: &str, holder: &str, now_s: i64, until_s: i64) -> Result<bool, CentralError> {
        let statement = sql("INSERT INTO locks (name, holder, until_s) VALUES ($1, $2, $3) \
             ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until_s = excluded.until_s \
             WHERE locks.holder = excluded.holder OR locks.until_s <= $4");
        Ok(self.pools.run(statement.bind(name).bind(holder).bind(until_s).bind(now_s)).await? > 0)
    }

    /// Gives the named work back, so that another process need not wait for its time to be over.
    pub async fn release_lock(&self, name: &str, holder: &str) -> Result<(), CentralError> {
        let statement = sql("DELETE FROM locks WHERE name = $1 AND holder = $2");
        self.pools.run(statement.bind(name).bind(holder)).await?;
        Ok(())
    }

    /// Writes a consistent copy of a SQLite database to a file that is not there yet.
    pub async fn copy_to(&self, path: &Path) -> Result<(), CentralError> {
        let Pools::Sqlite { .. } = &self.pools else {
            let place = "PostgreSQL".to_owned();
            return Err(CentralError::Open { place, reason: "it is copied with pg_dump".to_owned() });
        };
        let Some(path) = path.to_str() else { return Err(CentralError::Missing { what: "file name in UTF-8" }) };
        self.pools.run(sql("VACUUM INTO $1").bind(path)).await?;
        Ok(())
    }

    /// Lets statements end.
    pub async fn close(&self) {
        self.pools.close().await;
    }
}

impl Change {
    /// Makes it true, with its entry in the log.
    pub async fn commit(self) -> Result<(), CentralError> {
        self.changes.commit().await?;
        if let Some(tells) = self.tells {
            tells.notify_one();
        }
        Ok(())
    }
}

async fn open_sqlite(path: &Path, place: &Place) -> Result<Central, CentralError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    if let Some(kind) = network_disk::kind_of(folder) {
        return Err(CentralError::NetworkDisk { path: folder.to_owned(), kind });
    }
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // An account or an audit entry that was confirmed must outlast a power cut.
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY)
        .disable_statement_logging();
    let pool = |connections| {
        SqlitePoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(ACQUIRE)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
    };
    let writer = pool(1).connect_with(options.clone()).await.map_err(|error| cannot_open(place, &error))?;
    let sound: Result<String, _> = sqlx::query_scalar("PRAGMA quick_check(1)").fetch_one(&writer).await;
    match sound {
        Ok(sound) if sound == "ok" => {}
        Ok(reason) => return Err(CentralError::Damaged { place: place.shown(), reason }),
        Err(error) => return Err(CentralError::Damaged { place: place.shown(), reason: error.to_string() }),
    }
    SQLITE.run(&writer).await.map_err(|error| migration_fault(place, error))?;
    let readers = pool(READERS).connect_lazy_with(options.read_only(true).create_if_missing(false));
    let pools = Pools::Sqlite { writer, readers };
    words::bring_up_to_date(&pools).await?;
    Ok(Central { pools, grave: Arc::default() })
}

async fn open_postgres(url: &str, place: &Place) -> Result<Central, CentralError> {
    let options: PgConnectOptions = url.parse().map_err(|error: sqlx::Error| cannot_open(place, &error))?;
    let pool = PgPoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(pools::ACQUIRE)
        .connect_with(options.application_name("handout").disable_statement_logging())
        .await
        .map_err(|error| cannot_open(place, &error))?;
    let encoding: String = sqlx::query_scalar("SHOW server_encoding")
        .fetch_one(&pool)
        .await
        .map_err(|error| cannot_open(place, &error))?;
    if encoding != "UTF8" {
        return Err(CentralError::Encoding { place: place.shown(), encoding });
    }
    POSTGRES.run(&pool).await.map_err(|error| migration_fault(place, error))?;
    let pools = Pools::Postgres(pool);
    words::bring_up_to_date(&pools).await?;
    Ok(Central { pools, grave: Arc::default() })
}

fn cannot_open(place: &Place, error: &sqlx::Error) -> CentralError {
    CentralError::Open { place: place.shown(), reason: error.to_string() }
}

fn migration_fault(place: &Place, error: MigrateError) -> CentralError {
    match error {
        MigrateError::VersionMissing(_) => CentralError::Newer { place: place.shown() },
        error => CentralError::Open { place: place.shown(), reason: error.to_string() },
    }
}

/// A unique key that is taken becomes its own error.
fn taken(what: &'static str) -> impl Fn(sqlx::Error) -> CentralError {
    move |error| match error.as_database_error() {
        Some(fault) if fault.is_unique_violation() => CentralError::Taken { what },
        _ => CentralError::Query(error),
    }
}

/// At least one row was changed, or it was not there.
fn found(what: &'static str, rows: u64) -> Result<(), CentralError> {
    if rows > 0 { Ok(()) } else { Err(CentralError::Missing { what }) }
}

/// An id that nobody has: drawn by chance below 2^53.
fn random_id() -> i64 {
    let mut bytes = [0; 8];
    assert!(aws_lc_rs::rand::fill(&mut bytes).is_ok(), "the system gives no chance");
    (i64::from_le_bytes(bytes) & ((1 << 53) - 1)).max(1)
}
