//! What servers above have: a share's page before it is here.

use axum::{
    Extension, Json,
    extract::{Path, State},
    response::IntoResponse as _,
};
use serde_json::{Value, json};

use super::{Answer, Caller, OurServer, see, share::named};
use crate::{
    access::{About, Action},
    chain::{Find, Health, Step, UpstreamStatus},
    server::{
        Server,
        caller::Visit,
        chain::{reason_words, route_words},
        pages::{self, ElsewherePage, Frame},
        problem::Problem,
    },
    share::ShareId,
    store::central::ShareRow,
};

/// The page of a share that is not here; `missing`: what is said where nobody above has it either.
pub(super) async fn page(server: &Server, visit: &Visit, share: &str, missing: Problem) -> Answer {
    let Ok(id) = share.parse::<ShareId>() else { return Err(missing) };
    let find = server.find_above(visit, id).await?;
    let frame = Frame::of(server, visit);
    Ok(pages::elsewhere(&frame, &ElsewherePage { route: route_words(&find.route), find }).into_response())
}

/// The page of a share that is known, and whose bytes only a server above has.
pub(super) async fn known_page(server: &Server, visit: &Visit, row: &ShareRow) -> Answer {
    drop(server.allow(visit, Action::SeeShare, About::Share(&row.facts()), &named(row)).await?);
    let frame = Frame::of(server, visit);
    match server.find_above(visit, row.id).await {
        Ok(find) => {
            Ok(pages::elsewhere(&frame, &ElsewherePage { route: route_words(&find.route), find }).into_response())
        }
        // It was withdrawn, or the caller may not ask.
        Err(problem) if !problem.is_of_upstream() => Err(problem),
        Err(problem) => Ok(pages::out_of_reach(&frame, row, &problem.detail).into_response()),
    }
}

/// Brings a share here, and shows its page.
pub(in crate::server) async fn bring(
    State(server): OurServer,
    Extension(visit): Caller,
    Path(share): Path<String>,
) -> Answer {
    let row = server.present(&visit, &share).await?;
    Ok(see(&format!("/s/{}", row.id)))
}

/// The same for programs: returns as soon as its list of files is here.
pub(in crate::server) async fn bring_by_program(
    State(server): OurServer,
    Extension(visit): Caller,
    Path(share): Path<String>,
) -> Answer {
    let row = server.present(&visit, &share).await?;
    Ok(Json(json!({ "id": row.id.to_string(), "title": row.title, "size": row.size })).into_response())
}

/// A server's health as programs read it, with the reason where it is bad.
pub(in crate::server) fn health_words(upstream: &UpstreamStatus) -> (&'static str, Option<&'static str>) {
    match upstream.health {
        Health::Up if upstream.met => ("up", None),
        Health::Up => ("probing", Some("is being asked who it is")),
        Health::Down { reason, .. } => ("down", Some(reason_words(reason))),
        Health::Probing { reason, .. } => ("probing", Some(reason_words(reason))),
    }
}

/// A find as programs get it.
pub(super) fn find_json(find: &Find) -> Value {
    json!({
        "id": find.share.to_string(),
        "title": find.title,
        "size": find.size,
        "files": find.files,
        "created_s": find.created_s,
        "here": false,
        "route": names(&find.route),
    })
}

pub(super) fn names(route: &[Step]) -> Vec<&str> {
    std::iter::once("you").chain(route.iter().map(|step| step.name.as_str())).collect()
}
