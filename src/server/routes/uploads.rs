//! Batches of uploads: begun, looked at, finished, given up. Their bytes come by `tus.rs`.

use std::sync::Arc;

use axum::{
    Extension, Json,
    extract::{Path, State},
    http::StatusCode,
    response::IntoResponse as _,
};
use serde::{Deserialize, Serialize};

use super::{Answer, Caller, OurServer, share::own_groups_only};
use crate::{
    access::{About, Action, Audience, Permit, PersonId, UploadFacts},
    server::{
        Server,
        caller::Visit,
        now_s,
        pages::{self, Frame, UploadPage},
        problem::Problem,
        sealing, shared, tokens,
    },
    store::central::{Batch, BatchState, NewBatch, UploadRow, Usage},
};

/// A person has at most so many unfinished batches.
const OPEN_MAX: u64 = 50;
/// A batch without files is kept so long: its sender is about to announce some.
const EMPTY_KEPT_S: i64 = 60;
/// A batch has at most so many files.
pub(super) const FILES_MAX: usize = 100_000;

pub(in crate::server) async fn page(State(server): OurServer, Extension(visit): Caller) -> Answer {
    let person = uploader(&server, &visit).await?;
    let mut unfinished = vec![];
    for batch in server.central.open_batches(person).await? {
        let files = server.central.uploads_of(&batch.id).await?.len();
        unfinished.push((batch, files));
    }
    let policy = server.policy();
    let student = visit.actor.role <= crate::access::Role::Student;
    let mut groups = server.central.groups().await?;
    if student {
        groups.retain(|group| visit.actor.groups.contains(&group.id));
    }
    let page = UploadPage {
        groups,
        room: server.would_allow(&visit, Action::ShareWithRoom, About::Nothing),
        usage: server.central.usage(person).await?,
        quota_bytes: policy.students.quota_bytes.filter(|_| student),
        file_bytes_max: policy.students.file_bytes_max.filter(|_| student),
        unfinished,
        now_s: now_s(),
    };
    Ok(pages::upload(&Frame::of(&server, &visit), &page).into_response())
}

/// Who uploads. Whoever may not is told so before, and so is a computer: quotas are people's.
async fn uploader(server: &Server, visit: &Visit) -> Result<PersonId, Problem> {
    drop(server.allow(visit, Action::Upload, About::Nothing, "upload").await?);
    if let Some(person) = visit.actor.person() {
        return Ok(person);
    }
    server.log_refusal(visit, Action::Upload, "person", "upload").await?;
    let detail = "Files are uploaded by people: sign in, or use a key of somebody's.";
    Err(Problem::new(StatusCode::FORBIDDEN, "person", detail))
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::server) struct Begun {
    title: String,
    audience: String,
    groups: Vec<String>,
}

/// A batch as programs see it.
#[derive(Debug, Serialize)]
struct Shown {
    id: String,
    title: String,
    /// `room`, `groups` or `owner`, as it was begun for, and which groups.
    audience: &'static str,
    groups: Vec<String>,
    state: &'static str,
    problem: String,
    share: Option<String>,
    files: Vec<File>,
}

#[derive(Debug, Serialize)]
struct File {
    id: String,
    path: String,
    size: u64,
    /// When the file was changed, in seconds since 1970, if its sender told.
    modified_s: Option<i64>,
    offset: u64,
}

pub(in crate::server) async fn begin(
    State(server): OurServer,
    Extension(visit): Caller,
    Json(asked): Json<Begun>,
) -> Answer {
    let title = super::title_of(&asked.title)?;
    let audience =
        super::audience_of(if asked.audience.is_empty() { "owner" } else { &asked.audience }, &asked.groups)?;
    let batch = begin_batch(&server, &visit, &title, audience, false).await?;
    let shown = shown(&server, batch).await?;
    Ok((StatusCode::CREATED, Json(shown)).into_response())
}

/// Begins a batch; the decision about each file comes when it is announced.
pub(super) async fn begin_batch(
    server: &Server,
    visit: &Visit,
    title: &str,
    audience: Audience,
    alone: bool,
) -> Result<Batch, Problem> {
    let person = uploader(server, visit).await?;
    let id = tokens::short_token();
    let about = format!("upload:{id}");
    let permit = server.allow(visit, Action::Upload, About::Nothing, &about).await?;
    may_be_for(server, visit, &audience, &about).await?;
    let address = visit.address.to_string();
    let detail = format!("{title} for {audience}");
    let mut change = server.central.change(permit, &visit.note(&address, &about, &detail)).await?;
    if change.tidy_batches(person, now_s() - EMPTY_KEPT_S).await? >= OPEN_MAX {
        return Err(Problem::conflict("You have 50 unfinished uploads. Resume or discard some of them first."));
    }
    change.add_batch(&NewBatch { id: &id, person, title, audience: &audience, alone, now_s: now_s() }).await?;
    change.commit().await?;
    server.central.batch(&id).await?.ok_or_else(|| Problem::no_such("upload"))
}

/// Whether what somebody uploads may be for these people. While they sit an exam, it is for nobody but those who judge.
async fn may_be_for(server: &Server, visit: &Visit, audience: &Audience, about: &str) -> Result<(), Problem> {
    match audience {
        Audience::Room => drop(server.allow(visit, Action::ShareWithRoom, About::Nothing, about).await?),
        // What a person decides about a share of their own; no rule is for it alone, and an exam forbids it.
        Audience::Groups(_) => drop(server.allow(visit, Action::ChangeShare, About::Nothing, about).await?),
        Audience::Owner => {}
    }
    own_groups_only(visit, audience)
}

/// Whether a batch may still grow, and become a share: an exam may have begun since, or a right been taken away.
pub(super) async fn may_go_on(server: &Server, visit: &Visit, batch: &Batch) -> Result<(), Problem> {
    let about = format!("upload:{}", batch.id);
    drop(server.allow(visit, Action::Upload, About::Nothing, &about).await?);
    may_be_for(server, visit, &batch.audience, &about).await
}

/// Whether a file may come. `path`: with `/` between its folders.
pub(super) async fn may_come(server: &Server, visit: &Visit, path: &str, size: u64) -> Result<Permit, Problem> {
    let used = server.central.usage(uploader(server, visit).await?).await?;
    may_be(server, visit, path, size, used).await
}

/// Whether a file that is announced already is within the limits with all others.
pub(super) async fn may_stay(server: &Server, visit: &Visit, upload: &UploadRow) -> Result<Permit, Problem> {
    let all = server.central.usage(uploader(server, visit).await?).await?;
    let (bytes, files) = (all.bytes.saturating_sub(upload.size), all.files.saturating_sub(1));
    may_be(server, visit, &upload.path, upload.size, Usage { bytes, files, ..all }).await
}

async fn may_be(server: &Server, visit: &Visit, path: &str, size: u64, used: Usage) -> Result<Permit, Problem> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let names = [name];
    let facts = UploadFacts {
        names: &names,
        largest_bytes: size,
        size_bytes: size,
        files: 1,
        used_bytes: used.bytes,
        used_files: u32::try_from(used.files).unwrap_or(u32::MAX),
    };
    server.allow(visit, Action::Upload, About::Upload(&facts), name).await
}

/// A batch of the caller's.
pub(super) async fn mine(server: &Server, visit: &Visit, id: &str) -> Result<Batch, Problem> {
    let person = uploader(server, visit).await?;
    let batch = server.central.batch(id).await?;
    batch.filter(|batch| batch.person == person).ok_or_else(|| Problem::no_such("upload"))
}

pub(in crate::server) async fn list(State(server): OurServer, Extension(visit): Caller) -> Answer {
    let mut all = vec![];
    for batch in server.central.open_batches(uploader(&server, &visit).await?).await? {
        all.push(shown(&server, batch).await?);
    }
    Ok(Json(all).into_response())
}

pub(in crate::server) async fn one(
    State(server): OurServer,
    Extension(visit): Caller,
    Path(id): Path<String>,
) -> Answer {
    let batch = mine(&server, &visit, &id).await?;
    Ok(Json(shown(&server, batch).await?).into_response())
}

async fn shown(server: &Server, batch: Batch) -> Result<Shown, Problem> {
    let uploads = match batch.state {
        BatchState::Done => vec![],
        _ => server.central.uploads_of(&batch.id).await?,
    };
    let (audience, groups) = match &batch.audience {
        Audience::Room => ("room", vec![]),
        Audience::Groups(groups) => ("groups", groups.iter().map(ToString::to_string).collect()),
        Audience::Owner => ("owner", vec![]),
    };
    let files = uploads.into_iter().map(|upload| File {
        modified_s: upload.modified_s,
        offset: received(server, &upload),
        id: upload.id,
        path: upload.path,
        size: upload.size,
    });
    Ok(Shown {
        files: files.collect(),
        audience,
        groups,
        state: batch.state.name(),
        share: batch.share.map(|share| share.to_string()),
        id: batch.id,
        title: batch.title,
        problem: batch.problem,
    })
}

/// How many bytes of an upload are here, from its beginning on.
pub(super) fn received(server: &Server, upload: &UploadRow) -> u64 {
    if server.shared.is_some() {
        return upload.stored;
    }
    std::fs::metadata(sealing::part_of(server, &upload.id)).map_or(0, |metadata| metadata.len())
}

/// All files are here: they become a share. Asked twice, it tells how far that is.
pub(in crate::server) async fn finish(
    State(server): OurServer,
    Extension(visit): Caller,
    Path(id): Path<String>,
) -> Answer {
    let batch = mine(&server, &visit, &id).await?;
    finish_batch(&server, &visit, batch).await?;
    let batch = mine(&server, &visit, &id).await?;
    Ok((StatusCode::ACCEPTED, Json(shown(&server, batch).await?)).into_response())
}

pub(super) async fn finish_batch(server: &Arc<Server>, visit: &Visit, batch: Batch) -> Result<(), Problem> {
    if matches!(batch.state, BatchState::Sealing | BatchState::Done) {
        return Ok(());
    }
    may_go_on(server, visit, &batch).await?;
    let uploads = server.central.uploads_of(&batch.id).await?;
    if uploads.is_empty() {
        return Err(Problem::conflict("There are no files in this upload yet."));
    }
    if let Some(missing) =
        uploads.iter().find(|upload| received(server, upload) != upload.size && batch.state == BatchState::Open)
    {
        return Err(Problem::conflict(format!("{} is not here in full yet.", missing.path)));
    }
    // What failed once can be tried again.
    if server.central.move_batch(&batch.id, batch.state, BatchState::Sealing, now_s()).await? {
        match server.shared {
            Some(_) => shared::make(server, batch).await,
            None => sealing::begin(server, batch),
        }
    }
    Ok(())
}

pub(in crate::server) async fn give_up(
    State(server): OurServer,
    Extension(visit): Caller,
    Path(id): Path<String>,
) -> Answer {
    let batch = mine(&server, &visit, &id).await?;
    if batch.state == BatchState::Sealing {
        return Err(Problem::conflict("The files are being read. Remove the share when it is there."));
    }
    forget(&server, &batch).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// Deletes what came of a batch.
pub(in crate::server) async fn forget(server: &Server, batch: &Batch) -> Result<(), Problem> {
    for upload in server.central.uploads_of(&batch.id).await? {
        let part = sealing::part_of(server, &upload.id);
        tokio::task::spawn_blocking(move || std::fs::remove_file(part).ok()).await.ok();
    }
    if let Some(shared) = &server.shared {
        for upload in server.central.uploads_of(&batch.id).await? {
            shared::forget_parts(&server.central, &shared.objects, &upload.id).await;
        }
        return Ok(server.central.forget_batch(&batch.id).await?);
    }
    if batch.share.is_none() {
        let folder = server.config.shared().join(&batch.id);
        tokio::task::spawn_blocking(move || std::fs::remove_dir_all(folder).ok()).await.ok();
    }
    Ok(server.central.forget_batch(&batch.id).await?)
}
