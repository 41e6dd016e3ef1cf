//! The JSON API for programs: looking and finding, oneself, the policy, people and the audit log. Uploads are in
//! `uploads.rs` and `tus.rs`, bytes in `files.rs`.

use axum::{
    Extension, Json,
    extract::{Path, Query, State},
    http::header,
    response::IntoResponse as _,
};
use serde::Serialize;
use serde_json::{Value, json};

use super::{Answer, Caller, OurServer, elsewhere::find_json, home, row_of, share::named};
use crate::{
    access::{About, Action, Audience, Who},
    server::{
        chain::{Elsewhere, reason_words},
        now_s,
        pages::Hit,
        problem::Problem,
        remembered::without_those_above,
        sign_policy, witness,
    },
    share::EntryKind,
    store::central::{AuditFilter, ShareRow},
};

const PAGE: u32 = 50;
const PAGE_MAX: u32 = 500;
/// More files of a share are not told at once.
const FILES_MAX: usize = 20_000;

#[derive(Debug, Serialize)]
struct Share<'a> {
    id: String,
    title: &'a str,
    owner: &'a str,
    audience: &'static str,
    size: u64,
    files: u64,
    created_s: i64,
    added_s: i64,
    here: bool,
}

impl<'a> Share<'a> {
    fn of(row: &'a ShareRow) -> Share<'a> {
        let audience = match row.audience {
            Audience::Room => "room",
            Audience::Groups(_) => "groups",
            Audience::Owner => "owner",
        };
        Share {
            id: row.id.to_string(),
            title: &row.title,
            owner: &row.owner_name,
            audience,
            size: row.size,
            files: row.files,
            created_s: row.created_s,
            added_s: row.added_s,
            here: row.here,
        }
    }
}

/// The OpenAPI 3.1 document of this API.
pub(in crate::server) async fn document() -> impl axum::response::IntoResponse {
    ([(header::CONTENT_TYPE, "application/json")], include_str!("../web/openapi.json"))
}

/// Who the caller is, and what may be done.
pub(in crate::server) async fn me(State(server): OurServer, Extension(visit): Caller) -> Answer {
    let may: Vec<&str> = Action::ALL
        .iter()
        .filter(|action| server.would_allow(&visit, **action, About::Nothing))
        .map(|action| action.name())
        .collect();
    let me = json!({
        "who": visit.actor.who.to_string(),
        "name": visit.shown(),
        "role": visit.actor.role.name(),
        "groups": visit.actor.groups.iter().map(|group| group.0).collect::<Vec<_>>(),
        "may": may,
        "server": server.name(),
    });
    Ok(Json(me).into_response())
}

/// Files and shares that have all of the words `q`.
pub(in crate::server) async fn search(
    State(server): OurServer,
    Extension(visit): Caller,
    Query(asked): Query<home::Asked>,
) -> Answer {
    drop(server.allow(&visit, Action::Search, About::Nothing, "").await?);
    if asked.q.trim().is_empty() {
        return Err(Problem::invalid("q must have the words to search for."));
    }
    list(&server, &visit, &asked.q, &asked).await
}

/// All shares, newest first.
pub(in crate::server) async fn shares(
    State(server): OurServer,
    Extension(visit): Caller,
    Query(asked): Query<home::Asked>,
) -> Answer {
    drop(server.allow(&visit, Action::Search, About::Nothing, "").await?);
    list(&server, &visit, "", &asked).await
}

async fn list(
    server: &crate::server::Server,
    visit: &crate::server::caller::Visit,
    query: &str,
    asked: &home::Asked,
) -> Answer {
    let wanted = asked.limit.unwrap_or(PAGE).clamp(1, PAGE_MAX) as usize;
    let (mut hits, next) = home::look(server, visit, query, asked.before, wanted).await?;
    let elsewhere = match asked.before {
        None => server.elsewhere(visit, query, !hits.is_empty()).await?,
        Some(_) => Elsewhere::default(),
    };
    without_those_above(&mut hits, &elsewhere.finds);
    let hits: Vec<Value> = hits.iter().map(hit).collect();
    let above: Vec<Value> = elsewhere.finds.iter().map(find_json).collect();
    let missing =
        elsewhere.missing.iter().map(|(name, reason)| json!({ "server": name, "why": reason_words(*reason) }));
    let missing: Vec<Value> = missing.collect();
    Ok(Json(json!({ "hits": hits, "next": next, "elsewhere": above, "missing": missing })).into_response())
}

fn hit(hit: &Hit) -> Value {
    let file = hit.file.as_ref().map(|(entry, path, size)| json!({ "entry": entry, "path": path, "size": size }));
    json!({ "share": Share::of(&hit.share), "file": file })
}

/// One share with its files.
pub(in crate::server) async fn share(
    State(server): OurServer,
    Extension(visit): Caller,
    Path(id): Path<String>,
) -> Answer {
    let row = match row_of(&server, &id).await {
        // What nothing is here of is told with the way to it, where the server above can be asked.
        Ok(row) if server.is_only_above(&row) => {
            drop(server.allow(&visit, Action::SeeShare, About::Share(&row.facts()), &named(&row)).await?);
            match server.find_above(&visit, row.id).await {
                Ok(find) => return Ok(Json(find_json(&find)).into_response()),
                Err(problem) if problem.is_of_upstream() => row,
                Err(problem) => return Err(problem),
            }
        }
        Ok(row) => row,
        Err(missing) => {
            let Ok(share) = id.parse() else { return Err(missing) };
            return Ok(Json(find_json(&server.find_above(&visit, share).await?)).into_response());
        }
    };
    drop(server.allow(&visit, Action::SeeShare, About::Share(&row.facts()), &named(&row)).await?);
    let on_shelf = server.shelf.get(row.id);
    let entries = on_shelf.as_ref().map_or(&[][..], |share| &share.share().manifest().entries);
    let files: Vec<Value> = entries
        .iter()
        .enumerate()
        .filter_map(|(entry, listed)| match listed.kind {
            EntryKind::File { size, root, .. } => {
                let path = listed.path.to_string();
                Some(json!({ "entry": entry, "path": path, "size": size, "blake3": root.to_string() }))
            }
            EntryKind::Folder => None,
        })
        .take(FILES_MAX)
        .collect();
    let mut body = serde_json::to_value(Share::of(&row)).map_err(|error| Problem::internal(&error))?;
    if let Some(body) = body.as_object_mut() {
        body.insert("list".to_owned(), Value::Array(files));
    }
    Ok(Json(body).into_response())
}

/// What of the policy concerns everybody.
pub(in crate::server) async fn policy(State(server): OurServer, Extension(visit): Caller) -> Answer {
    drop(server.allow(&visit, Action::SeePolicy, About::Nothing, "").await?);
    let policy = server.policy();
    let students = &policy.students;
    let exam = visit.actor.exam(&policy, crate::server::now_s());
    Ok(Json(json!({
        "version": policy.version,
        "issued_s": policy.issued_s,
        "managed_by": policy.managed_by,
        "students": {
            "upload": students.upload,
            "share_with_room": students.share_with_room,
            "make_links": students.make_links,
            "file_bytes_max": students.file_bytes_max,
            "quota_bytes": students.quota_bytes,
            "quota_files": students.quota_files,
            "upload_bytes_per_s": students.upload_bytes_per_s,
            "download_bytes_per_s": students.download_bytes_per_s,
            "refused_types": students.refused_types,
        },
        "exam_until_s": exam.map(|exam| exam.until_s),
    }))
    .into_response())
}

/// The policy as the server signed it, which apps check and follow.
pub(in crate::server) async fn policy_document(State(server): OurServer, Extension(visit): Caller) -> Answer {
    drop(server.allow(&visit, Action::SeePolicy, About::Nothing, "").await?);
    let signed = sign_policy(&server.policy(), &server.identity).map_err(|error| Problem::internal(&error))?;
    Ok(([(header::CONTENT_TYPE, "application/cbor")], signed.to_wire().to_vec()).into_response())
}

pub(in crate::server) async fn people(State(server): OurServer, Extension(visit): Caller) -> Answer {
    drop(server.allow(&visit, Action::SeePeople, About::Nothing, "").await?);
    let groups = server.central.groups().await?;
    let memberships = server.central.memberships().await?;
    let people = server.central.people().await?.into_iter().map(|person| {
        let ids = memberships.get(&person.id).cloned().unwrap_or_default();
        let groups: Vec<_> = groups.iter().filter(|group| ids.contains(&group.id)).map(|group| &group.name).collect();
        json!({
            "id": person.id.0,
            "name": person.name,
            "shown": person.shown,
            "role": person.role.name(),
            "groups": groups,
            "active": person.active,
        })
    });
    Ok(Json(json!({ "people": people.collect::<Vec<_>>() })).into_response())
}

pub(in crate::server) async fn audit(
    State(server): OurServer,
    Extension(visit): Caller,
    Query(asked): Query<home::Asked>,
) -> Answer {
    drop(server.allow(&visit, Action::SeeAudit, About::Nothing, "").await?);
    let limit = asked.limit.unwrap_or(PAGE).clamp(1, PAGE_MAX);
    let filter = AuditFilter { text: asked.q, before: asked.before, limit, ..AuditFilter::default() };
    let entries = server.central.audit(&filter).await?;
    let next = entries.last().filter(|_| entries.len() == limit as usize).map(|entry| entry.seq);
    let entries = entries.into_iter().map(|entry| {
        json!({
            "seq": entry.seq,
            "at_ms": entry.at_ms,
            "actor": entry.actor,
            "address": entry.address,
            "action": entry.action,
            "about": entry.about,
            "outcome": entry.outcome,
            "detail": entry.detail,
            "request": entry.request,
        })
    });
    Ok(Json(json!({ "entries": entries.collect::<Vec<_>>(), "next": next })).into_response())
}

/// The signed heads of the audit log: whoever keeps one sees later whether the log was cut or rewritten.
pub(in crate::server) async fn audit_heads(State(server): OurServer, Extension(visit): Caller) -> Answer {
    // They tell nothing but how much happened, and the more computers keep them the better.
    match visit.actor.who {
        Who::Device(_) => witness::was_kept(&server.central, now_s()).await?,
        _ => drop(server.allow(&visit, Action::SeePeople, About::Nothing, "audit heads").await?),
    }
    let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
    let heads = server.central.audit_heads().await?.into_iter().rev().take(1_000).map(|head| {
        json!({ "seq": head.seq, "hash": hex(&head.hash), "at_ms": head.at_ms, "signature": hex(&head.signature.0) })
    });
    let signer = hex(&server.identity.public_key().0);
    Ok(Json(json!({ "signer": signer, "heads": heads.collect::<Vec<_>>() })).into_response())
}
