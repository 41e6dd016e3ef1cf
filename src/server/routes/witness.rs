//! Servers below hand in the signed heads of their audit logs here, and ask for them again.

use axum::{Extension, Json, extract::State, http::StatusCode, response::IntoResponse as _};

use super::{Answer, OurServer};
use crate::{
    net::listen::Caller,
    server::{
        Server,
        problem::Problem,
        witness::{self, BadHeads, HANDED_MAX, Heads},
    },
};

pub(in crate::server) async fn kept(State(server): OurServer, Extension(caller): Extension<Caller>) -> Answer {
    is_below(&server, caller)?;
    Ok(Json(witness::kept_of(&server.central, caller.peer).await?).into_response())
}

pub(in crate::server) async fn keep(
    State(server): OurServer,
    Extension(caller): Extension<Caller>,
    Json(heads): Json<Heads>,
) -> Answer {
    is_below(&server, caller)?;
    if heads.heads.len() > HANDED_MAX {
        return Err(Problem::invalid("At most 256 heads are taken at once."));
    }
    match witness::keep(&server, caller.peer, &heads).await? {
        Ok(()) => Ok(Json(serde_json::json!({ "kept": heads.heads.len() })).into_response()),
        Err(bad @ BadHeads::Conflict { .. }) => Err(Problem::conflict(format!("{bad}."))),
        Err(bad) => Err(Problem::invalid(format!("{bad}."))),
    }
}

fn is_below(server: &Server, caller: Caller) -> Result<(), Problem> {
    if server.config.downstreams.contains(&caller.peer) {
        return Ok(());
    }
    let detail = "This server keeps heads for the servers below it; this one is not among them.";
    Err(Problem::new(StatusCode::FORBIDDEN, "downstream", detail))
}
