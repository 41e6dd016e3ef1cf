//! A computer enrols itself: it has proved its key in the handshake, and shows a token.

use axum::{Extension, Json, extract::State, response::IntoResponse as _};
use serde::{Deserialize, Serialize};

use super::{Answer, Caller, OurServer};
use crate::{
    net::listen,
    server::{
        now_ms, now_s,
        problem::Problem,
        throttle::{self, Kind},
        tokens,
    },
    store::central::NewDevice,
};

#[derive(Debug, Deserialize)]
pub(in crate::server) struct Asked {
    token: String,
    name: String,
}

#[derive(Debug, Serialize)]
struct Enrolled {
    role: &'static str,
    server: String,
}

pub(in crate::server) async fn enrol(
    State(server): OurServer,
    Extension(visit): Caller,
    Extension(caller): Extension<listen::Caller>,
    Json(asked): Json<Asked>,
) -> Answer {
    let who = format!("device:{}", visit.address);
    let failures = server.central.failures(&who).await?;
    if let Some(seconds) = throttle::left_s(failures, now_ms()) {
        return Err(Problem::wait(seconds));
    }
    let name =
        crate::wire::peer::presentable(&asked.name).ok_or_else(|| Problem::invalid("The computer needs a name."))?;
    let address = visit.address.to_string();
    let new = NewDevice {
        peer: caller.peer,
        name: &name,
        token: &tokens::hash_of(&asked.token),
        now_s: now_s(),
        address: &address,
    };
    let about = format!("device:{}", caller.peer);
    let enrolled = server.central.enrol(&new, &visit.note(&address, &about, &name)).await?;
    let Some(role) = enrolled else {
        server.central.set_failures(&who, throttle::after_failure(Kind::Account, failures, now_ms())).await?;
        let outcome = "refused: token";
        server.central.log(&about, "devices.enrol", outcome, &visit.note(&address, &about, "")).await?;
        let detail = "This token is not good: it was used up, taken back, is over, or was mistyped. Ask for a new one.";
        return Err(Problem::new(axum::http::StatusCode::FORBIDDEN, "token", detail));
    };
    server.central.forgive(&who).await?;
    Ok(Json(Enrolled { role: role.name(), server: server.name() }).into_response())
}
