//! The tables of a central server, on SQLite and on a real PostgreSQL.

mod audit;
mod finding;
mod tables;

use std::{future::Future, path::Path};

use handout::{
    access::{About, Action, Actor, Decision, Permit, Policy, Role, decide},
    store::central::{Central, Note, Place},
};

/// An open database, and the way to it for somebody who gets at it otherwise.
pub struct Engine {
    pub central: Central,
    pub place: Place,
    _folder: tempfile::TempDir,
}

impl Engine {
    /// Runs a statement behind the server's back.
    pub async fn tamper(&self, statement: &str) {
        match &self.place {
            Place::Postgres(url) => crate::postgres::run_sql(url, statement),
            Place::Sqlite(path) => {
                let pool = sqlx::SqlitePool::connect(&format!("sqlite://{}", path.display())).await.unwrap();
                sqlx::raw_sql(sqlx::AssertSqlSafe(statement.to_owned())).execute(&pool).await.unwrap();
                pool.close().await;
            }
        }
    }
}

/// Runs a test on both engines.
pub fn on_both<F: Future<Output = ()>>(test: impl Fn(Engine) -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::Sqlite(sqlite_at(folder.path()));
        test(Engine { central: Central::open(&place).await.unwrap(), place, _folder: folder }).await;

        let folder = tempfile::tempdir().unwrap();
        let place = Place::Postgres(crate::postgres::new_database());
        test(Engine { central: Central::open(&place).await.unwrap(), place, _folder: folder }).await;
    });
}

pub fn sqlite_at(folder: &Path) -> std::path::PathBuf {
    folder.join("server.db")
}

/// A permit as the console has it.
pub fn permit(action: Action) -> Permit {
    match decide(&Policy::default(), &Actor::console(), action, About::Nothing, 0) {
        Decision::Allow(permit) => permit,
        Decision::Deny(reason) => panic!("{reason}"),
    }
}

pub fn note(about: &str) -> Note<'_> {
    Note { at_ms: 1_000, address: "192.0.2.1", about, detail: "", request: "r1" }
}

/// An account with that name and role.
pub async fn person(central: &Central, name: &str, role: Role) -> handout::access::PersonId {
    use handout::store::central::NewPerson;
    let mut change = central.change(permit(Action::AddPerson), &note(name)).await.unwrap();
    let new = NewPerson { name, shown: name, role, password: Some("hash"), must_change: false, created_s: 5 };
    let id = change.add_person(&new).await.unwrap();
    change.commit().await.unwrap();
    id
}
