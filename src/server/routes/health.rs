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

/// Whether the database, the home folder and the storage keep what is written, and the disk has room.
pub(in crate::server) async fn ready(State(server): OurServer) -> Response {
    match server.ready().await {
        Ok(()) => "ready\n".into_response(),
        Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")).into_response(),
    }
}
