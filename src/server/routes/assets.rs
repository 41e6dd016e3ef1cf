//! Style, script and picture of the pages; they are part of the program.

use axum::{
    extract::{Path, State},
    http::header,
    response::{IntoResponse as _, Response},
};

use super::{Answer, OurServer};
use crate::server::problem::Problem;

/// In the addresses of style and script, so that a browser never shows a new page with an old style.
pub(in crate::server) const VERSION: &str = env!("CARGO_PKG_VERSION");

const ASSETS: [(&str, &str, &[u8]); 3] = [
    ("style.css", "text/css; charset=utf-8", include_bytes!("../web/style.css")),
    ("app.js", "text/javascript; charset=utf-8", include_bytes!("../web/app.js")),
    ("handout.svg", "image/svg+xml", include_bytes!("../../../icons/handout.svg")),
];

pub(in crate::server) async fn asset(Path(file): Path<String>) -> Answer {
    let (_, kind, bytes) = ASSETS.iter().find(|(name, _, _)| *name == file).ok_or_else(|| Problem::no_such("file"))?;
    Ok(([(header::CONTENT_TYPE, *kind), (header::CACHE_CONTROL, "public, max-age=3600")], *bytes).into_response())
}

/// The certificate of the server's own authority.
pub(in crate::server) async fn authority(State(server): OurServer) -> Result<Response, Problem> {
    let pem = server.authority.certificate().ok_or_else(|| Problem::no_such("authority"))?;
    let kind = (header::CONTENT_TYPE, "application/x-pem-file");
    let name = (header::CONTENT_DISPOSITION, "attachment; filename=\"handout-authority.pem\"");
    Ok(([kind, name], pem).into_response())
}
