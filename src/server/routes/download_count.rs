//! The beginning of a download: it is counted for its link and told in the log, once for all requests that belong to it.

use axum::{
    body::Body,
    http::{HeaderValue, Method, StatusCode, header},
    response::Response,
};

use super::{files::Wish, share::named};
use crate::{
    access::Permit,
    server::{
        Server,
        caller::{Visit, cookie},
        downloads::{Giving, What},
        now_s,
        problem::Problem,
    },
    store::central::ShareRow,
};

/// What is given.
pub(super) struct Told<'a> {
    /// The entry, or which zip it is: requests for the same belong together.
    pub file: &'a str,
    /// For the log.
    pub detail: &'a str,
    /// It is looked at in a page.
    pub preview: bool,
    /// Bytes that this request wants, and of all of it.
    pub len: u64,
    pub size: u64,
}

/// What an answer with bytes goes out with.
pub(super) struct Begun {
    /// `None`: only the head was asked for.
    giving: Option<Giving>,
    /// The cookie for a visitor who has none: with it a download that broke can go on.
    cookie: Option<String>,
}

/// Counts a request for bytes. Refuses where a link was used as often as it may be.
pub(super) async fn begin(
    server: &Server,
    visit: &Visit,
    permit: Permit,
    row: &ShareRow,
    wish: &Wish<'_>,
    told: &Told<'_>,
) -> Result<Begun, Problem> {
    let shown = cookie(wish.headers, &server.cookies.visitor);
    let visitor = match wish.link {
        Some(_) => {
            let program = wish.headers.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or("");
            server
                .downloads
                .visitor(shown, format!("{} {}", visit.address, program.chars().take(200).collect::<String>()))
        }
        None => visit.address.to_string(),
    };
    let by = wish.link.map_or_else(|| permit.who().to_string(), |link| format!("link {}", link.token));
    let preview = if told.preview { "preview " } else { "" };
    let what = What { by, file: format!("{preview}{} {}", row.id, told.file), visitor: visitor.clone() };
    let (giving, begins) = server.downloads.ask(what, told.len, told.size, now_s());
    if *wish.method == Method::HEAD {
        if begins && wish.link.is_some_and(|link| link.downloads_left == Some(0)) {
            return Err(used_up());
        }
        drop(permit);
        return Ok(Begun { giving: None, cookie: None });
    }
    if begins {
        if let Some(link) = wish.link
            && !server.central.count_download(&link.token).await?
        {
            return Err(used_up());
        }
        match told.preview {
            true => server.previewed(visit, permit, &named(row), told.detail).await?,
            false => server.done(visit, &permit, &named(row), told.detail).await?,
        }
        giving.admit();
    }
    let cookie = (wish.link.is_some() && shown != Some(&visitor)).then(|| {
        let name = &server.cookies.visitor;
        format!("{name}={visitor}; Path=/; Max-Age=86400; Secure; HttpOnly; SameSite=Strict")
    });
    Ok(Begun { giving: Some(giving), cookie })
}

impl Begun {
    /// The answer with these bytes.
    pub fn response(self, body: Body) -> Response {
        let mut response = Response::new(match self.giving {
            Some(giving) => giving.counting(body),
            None => Body::empty(),
        });
        if let Some(cookie) = self.cookie.and_then(|cookie| HeaderValue::from_str(&cookie).ok()) {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
        response
    }
}

fn used_up() -> Problem {
    let detail = "This link has been used as often as it allows. Ask for a new link.";
    Problem::new(StatusCode::GONE, "used-up", detail)
}
