//! Whether the program lives, and whether it can work: for whoever watches over servers.

use axum::{
    extract::State,
    http::StatusCode,
    response::{IntoResponse as _, Response},
};

use super::OurServer;

pub(in crate::server) async fn alive() -> &'static str {
    "alive\n"
}

/// Whether the database and the storage answer, and the disk has room.
pub(in crate::server) async fn ready(State(server): OurServer) -> Response {
    if let Err(error) = server.central.ping().await {
        tracing::warn!(%error, "the database does not answer");
        return (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n").into_response();
    }
    if let Some(fault) = server.shared.as_ref().and_then(crate::server::shared::Shared::fault) {
        tracing::warn!(error = %fault, "the storage does not answer");
        return (StatusCode::SERVICE_UNAVAILABLE, "the storage does not answer\n").into_response();
    }
    match server.free_bytes() {
        Some(free) if free < server.settings().reserve_bytes => {
            (StatusCode::SERVICE_UNAVAILABLE, "the disk is full\n").into_response()
        }
        _ => "ready\n".into_response(),
    }
}
