//! The overview, storage, and what is hidden.

use std::{io, path::Path as FilePath};

use axum::{
    Extension,
    extract::{Path, Query, State},
    response::IntoResponse as _,
};

use super::{Answer, Caller, OurServer, home, see_done, uploads};
use crate::{
    access::{About, Action},
    server::{
        Server, now_s,
        pages::{self, Frame, Overview, StoragePage},
        problem::Problem,
        witness,
    },
    store::central::BatchState,
};

/// So many are listed of those who have most, and of what is unfinished.
pub(super) const OWNERS_MAX: u32 = 100;
const UNFINISHED_MAX: u32 = 100;
/// So many copies of the database are kept; the oldest goes.
const BACKUPS_MAX: usize = 10;
const BACKUPS: &str = "backups";

pub(in crate::server) async fn overview(State(server): OurServer, Extension(visit): Caller) -> Answer {
    drop(server.allow(&visit, Action::SeeStorage, About::Nothing, "").await?);
    let page = Overview {
        usage: server.central.total_usage().await?,
        people: server.central.people().await?.len(),
        devices: server.central.devices().await?.len(),
        free_bytes: server.free_bytes(),
        total_bytes: fs4::total_space(&server.config.home).ok(),
        reserve_bytes: server.settings().reserve_bytes,
        database: server.config.database.shown(),
        addresses: server.authority.addresses(),
        fingerprint: server.authority.fingerprint(),
        ends: server.authority.ends(),
        left_out: server.authority.left_out(),
        witnessed: witness::is_kept(&server.central, now_s()).await?,
        now_s: now_s(),
        started_s: server.started_s,
        policy_version: server.policy().version,
    };
    Ok(pages::overview(&Frame::of(&server, &visit), &page).into_response())
}

pub(in crate::server) async fn quarantine(State(server): OurServer, Extension(visit): Caller) -> Answer {
    drop(server.allow(&visit, Action::Quarantine, About::Nothing, "").await?);
    let mut shares = server.central.quarantined().await?;
    shares.retain(|row| server.would_allow(&visit, Action::SeeShare, About::Share(&row.facts())));
    Ok(pages::quarantine(&Frame::of(&server, &visit), &shares, now_s()).into_response())
}

pub(in crate::server) async fn page(
    State(server): OurServer,
    Extension(visit): Caller,
    Query(asked): Query<home::Asked>,
) -> Answer {
    drop(server.allow(&visit, Action::SeeStorage, About::Nothing, "storage").await?);
    let mut unfinished = vec![];
    for (mut batch, whose, role) in server.central.unfinished(UNFINISHED_MAX).await? {
        if !visit.actor.judges(role) && visit.actor.person() != Some(batch.person) {
            batch.title = "An upload".to_owned();
            batch.problem = String::new();
        }
        let files = server.central.uploads_of(&batch.id).await?;
        let here = files.iter().map(|file| uploads::received(&server, file)).sum();
        unfinished.push((batch, whose, here, files.iter().map(|file| file.size).sum()));
    }
    let folder = server.config.home.join(BACKUPS);
    let backups = tokio::task::spawn_blocking(move || copies(&folder)).await.unwrap_or(Ok(vec![]));
    let page = StoragePage {
        usage: server.central.total_usage().await?,
        copies_bytes: server.central.copies().await?.iter().map(|row| row.size).sum(),
        owners: server.central.usage_by_owner(OWNERS_MAX).await?,
        unfinished,
        free_bytes: server.free_bytes(),
        total_bytes: fs4::total_space(&server.config.home).ok(),
        reserve_bytes: server.settings().reserve_bytes,
        backups: backups.unwrap_or_default(),
        may_change: server.would_allow(&visit, Action::ChangeStorage, About::Nothing),
        may_back_up: server.would_allow(&visit, Action::Backup, About::Nothing) && !server.central.is_postgres(),
        now_s: now_s(),
    };
    Ok(pages::storage(&Frame::of(&server, &visit).done(asked.done.as_deref()), &page).into_response())
}

/// Deletes what came of somebody's upload that does not go on.
pub(in crate::server) async fn give_up(
    State(server): OurServer,
    Extension(visit): Caller,
    Path(id): Path<String>,
) -> Answer {
    let about = format!("upload:{id}");
    let permit = server.allow(&visit, Action::ChangeStorage, About::Nothing, &about).await?;
    let batch = server.central.batch(&id).await?.filter(|batch| batch.state != BatchState::Done);
    let batch = batch.ok_or_else(|| Problem::no_such("upload"))?;
    if batch.state == BatchState::Sealing {
        return Err(Problem::conflict("The files are being read. Remove the share when it is there."));
    }
    let address = visit.address.to_string();
    server.central.change(permit, &visit.note(&address, &about, &batch.title)).await?.commit().await?;
    uploads::forget(&server, &batch).await?;
    Ok(see_done("/admin/storage", "removed"))
}

/// Copies the database, as it is at this moment, into the home folder.
pub(in crate::server) async fn backup(State(server): OurServer, Extension(visit): Caller) -> Answer {
    let permit = server.allow(&visit, Action::Backup, About::Nothing, "database").await?;
    if server.central.is_postgres() {
        return Err(Problem::conflict("PostgreSQL is copied with pg_dump, on its own computer."));
    }
    let folder = server.config.home.join(BACKUPS);
    crate::server::make_private(&folder)?;
    let kept = folder.clone();
    tokio::task::spawn_blocking(move || forget_oldest(&kept)).await.map_err(|error| Problem::internal(&error))??;
    let name = format!("server-{}-{}.db", now_s(), &crate::server::tokens::short_token()[..4]);
    server.central.copy_to(&folder.join(&name)).await?;
    server.done(&visit, &permit, "database", &name).await?;
    Ok(see_done("/admin/storage", "backup"))
}

/// The copies, newest first, with their sizes.
fn copies(folder: &FilePath) -> io::Result<Vec<(String, u64)>> {
    let mut copies = vec![];
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with("server-") && name.ends_with(".db") {
            copies.push((name, entry.metadata()?.len()));
        }
    }
    copies.sort_by(|a, b| b.cmp(a));
    Ok(copies)
}

fn forget_oldest(folder: &FilePath) -> io::Result<()> {
    for (name, _) in copies(folder)?.into_iter().skip(BACKUPS_MAX - 1) {
        std::fs::remove_file(folder.join(name))?;
    }
    Ok(())
}

impl Server {
    /// What is free on the disk of the home folder; `None` where the system does not tell.
    pub(in crate::server) fn free_bytes(&self) -> Option<u64> {
        self.keeping.free_bytes()
    }

    /// The name that people see.
    pub(in crate::server) fn name(&self) -> String {
        self.settings().name.clone().unwrap_or_else(|| self.engine.snapshot().me.name.clone())
    }
}
