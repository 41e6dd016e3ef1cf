//! The servers above: their health, and who is one.

use axum::{
    Extension, Form, Json,
    extract::{Path, Query, State},
    response::IntoResponse as _,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Answer, Caller, OurServer,
    elsewhere::{health_words, names},
    home, see_done,
};
use crate::{
    access::{About, Action},
    chain::reach::{self, Met},
    net::call::Client,
    server::{
        pages::{self, Frame, UpstreamsPage},
        problem::Problem,
        settings::{Above, Chosen},
    },
    share::PeerId,
};

pub(in crate::server) async fn page(
    State(server): OurServer,
    Extension(visit): Caller,
    Query(asked): Query<home::Asked>,
) -> Answer {
    drop(server.allow(&visit, Action::SeeUpstreams, About::Nothing, "").await?);
    let page = UpstreamsPage {
        id: server.identity.id().to_string(),
        upstreams: server.chain.upstreams().await,
        bringing: server.chain.bringing().await,
        fixed: server.config.upstreams.iter().map(|upstream| upstream.id).collect(),
        may_change: server.would_allow(&visit, Action::ChangeUpstreams, About::Nothing),
    };
    let frame = Frame::of(&server, &visit).done(asked.done.as_deref());
    Ok(pages::upstreams(&frame, &page).into_response())
}

/// The servers above with their health, and what is on its way from them.
pub(in crate::server) async fn list(State(server): OurServer, Extension(visit): Caller) -> Answer {
    drop(server.allow(&visit, Action::SeeUpstreams, About::Nothing, "").await?);
    let upstreams = server.chain.upstreams().await.into_iter().map(|upstream| {
        let (health, reason) = health_words(&upstream);
        json!({
            "id": upstream.id.to_string(),
            "name": upstream.name,
            "address": upstream.address,
            "health": health,
            "reason": reason,
            "open": upstream.open,
            "answered": upstream.answered,
            "failed": upstream.failed,
            "lies": upstream.lies,
            "last_trouble": upstream.last_trouble,
        })
    });
    let bringing = server.chain.bringing().await.into_iter().map(|bringing| {
        json!({ "share": bringing.share.to_string(), "route": names(&bringing.route), "ready": bringing.ready })
    });
    let (upstreams, bringing): (Vec<Value>, Vec<Value>) = (upstreams.collect(), bringing.collect());
    Ok(Json(json!({ "id": server.identity.id().to_string(), "upstreams": upstreams, "bringing": bringing }))
        .into_response())
}

#[derive(Debug, Deserialize)]
pub(in crate::server) struct Added {
    address: String,
    id: String,
    #[serde(default)]
    name: String,
}

/// One more server to ask, from now on.
pub(in crate::server) async fn add(
    State(server): OurServer,
    Extension(visit): Caller,
    Form(form): Form<Added>,
) -> Answer {
    let about = format!("server:{}", form.id.trim());
    let permit = server.allow(&visit, Action::ChangeUpstreams, About::Nothing, &about).await?;
    let above = Above {
        address: form.address.trim().to_owned(),
        id: form.id.trim().to_lowercase(),
        name: Some(form.name).filter(|name| !name.trim().is_empty()),
    };
    if above.id == server.identity.id().to_string() {
        return Err(Problem::invalid("That is this server itself."));
    }
    let mut chosen = Chosen::load(&server.central).await?;
    let made_from = chosen.version();
    let upstream = chosen.add_upstream(&server.config, above).map_err(Problem::invalid)?;
    let met = reach::who_answers(&Client::new((*server.identity).clone()), &upstream).await;
    if let Met::Another(found) = met {
        return Err(Problem::conflict(another_answers(&upstream.address, found)));
    }
    let (address, detail) = (visit.address.to_string(), format!("added at {}", upstream.address));
    server.choose(permit, &visit.note(&address, &about, &detail), &chosen, &made_from).await?;
    Ok(see_done("/admin/upstreams", if met == Met::Itself { "added" } else { "added-away" }))
}

/// The address leads to another server than the one that was written.
pub(in crate::server) fn another_answers(address: &str, found: PeerId) -> String {
    format!("Another server answers at {address}: its id is {found}. Compare it with the id that the server shows.")
}

/// Asks a server no more.
pub(in crate::server) async fn remove(
    State(server): OurServer,
    Extension(visit): Caller,
    Path(id): Path<String>,
) -> Answer {
    let about = format!("server:{id}");
    let permit = server.allow(&visit, Action::ChangeUpstreams, About::Nothing, &about).await?;
    let mut chosen = Chosen::load(&server.central).await?;
    let made_from = chosen.version();
    chosen.remove_upstream(&server.config, &id).map_err(Problem::conflict)?;
    let address = visit.address.to_string();
    server.choose(permit, &visit.note(&address, &about, "removed"), &chosen, &made_from).await?;
    Ok(see_done("/admin/upstreams", "removed"))
}
