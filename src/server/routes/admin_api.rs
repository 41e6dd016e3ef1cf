//! The JSON API for those who run the server: computers, groups, quarantine, storage, settings.

use axum::{
    Extension, Json,
    extract::{Query, State},
    response::IntoResponse as _,
};
use serde_json::{Value, json};

use super::{Answer, Caller, OurServer, home, storage as figures};
use crate::{
    access::{About, Action},
    server::{now_s, settings::Chosen},
};

/// The computers that are enrolled, and the tokens with which more can be.
pub(in crate::server) async fn devices(State(server): OurServer, Extension(visit): Caller) -> Answer {
    drop(server.allow(&visit, Action::SeeDevices, About::Nothing, "").await?);
    let devices = server.central.devices().await?.into_iter().map(|device| {
        json!({
            "id": device.peer.to_string(),
            "name": device.name,
            "role": device.role.name(),
            "group": device.group.map(|group| group.0),
            "enrolled_s": device.enrolled_s,
            "seen_s": device.seen_s,
            "seen_at": device.seen_at,
        })
    });
    let tokens = server.central.enrolments(now_s()).await?.into_iter().map(|token| {
        json!({
            "id": token.id,
            "note": token.note,
            "role": token.role.name(),
            "group": token.group.map(|group| group.0),
            "uses_left": token.uses_left,
            "expires_s": token.expires_s,
        })
    });
    let (devices, tokens): (Vec<Value>, Vec<Value>) = (devices.collect(), tokens.collect());
    Ok(Json(json!({ "devices": devices, "tokens": tokens })).into_response())
}

pub(in crate::server) async fn groups(State(server): OurServer, Extension(visit): Caller) -> Answer {
    drop(server.allow(&visit, Action::SeePeople, About::Nothing, "groups").await?);
    let groups = server.central.groups().await?.into_iter();
    let groups = groups.map(|group| json!({ "id": group.id.0, "name": group.name, "members": group.members }));
    Ok(Json(json!({ "groups": groups.collect::<Vec<_>>() })).into_response())
}

/// What is hidden from everybody but those who judge it.
pub(in crate::server) async fn quarantine(State(server): OurServer, Extension(visit): Caller) -> Answer {
    drop(server.allow(&visit, Action::Quarantine, About::Nothing, "").await?);
    let shares = server.central.quarantined().await?.into_iter();
    let shares = shares.filter(|row| server.would_allow(&visit, Action::SeeShare, About::Share(&row.facts())));
    let shares = shares.map(|row| {
        json!({ "id": row.id.to_string(), "title": row.title, "owner": row.owner_name, "size": row.size, "note": row.note })
    });
    Ok(Json(json!({ "shares": shares.collect::<Vec<_>>() })).into_response())
}

/// What is kept, what is free, and who has how much.
pub(in crate::server) async fn storage(
    State(server): OurServer,
    Extension(visit): Caller,
    Query(_): Query<home::Asked>,
) -> Answer {
    drop(server.allow(&visit, Action::SeeStorage, About::Nothing, "").await?);
    let usage = server.central.total_usage().await?;
    let owners = server.central.usage_by_owner(figures::OWNERS_MAX).await?.into_iter();
    let owners = owners.map(|owner| {
        json!({ "owner": owner.name, "bytes": owner.usage.bytes, "files": owner.usage.files, "shares": owner.usage.shares })
    });
    Ok(Json(json!({
        "bytes": usage.bytes,
        "files": usage.files,
        "shares": usage.shares,
        "free_bytes": server.free_bytes(),
        "reserve_bytes": server.settings().reserve_bytes,
        "owners": owners.collect::<Vec<_>>(),
    }))
    .into_response())
}

/// Every setting with where it comes from.
pub(in crate::server) async fn settings(State(server): OurServer, Extension(visit): Caller) -> Answer {
    drop(server.allow(&visit, Action::SeeSettings, About::Nothing, "").await?);
    let chosen = Chosen::load(&server.central).await?;
    Ok(Json(json!({ "settings": server.settings().shown(&server.config, &chosen) })).into_response())
}
