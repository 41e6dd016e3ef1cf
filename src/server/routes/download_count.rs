//! The beginning of a download: it is counted for its link and told in the log, once for all requests that belong to it.

use std::{pin::Pin, sync::Arc};

use axum::{
    body::Body,
    http::{HeaderValue, Method, StatusCode, header},
    response::Response,
};
use futures_util::{StreamExt as _, stream};

use super::{files::Wish, share::named};
use crate::{
    access::{About, Action, Permit, Role, ShareFacts},
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
    pub facts: &'a ShareFacts,
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
    /// Ends when the caller may not have it any more.
    ends: Option<Ends>,
    /// The cookie for a visitor who has none: with it a download that broke can go on.
    cookie: Option<String>,
}

/// Counts a request for bytes. Refuses where a link was used as often as it may be.
pub(super) async fn begin(
    server: &Arc<Server>,
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
        return Ok(Begun { giving: None, ends: None, cookie: None });
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
    let ends = (visit.actor.role <= Role::Student).then(|| ends(server, visit, told.facts));
    Ok(Begun { giving: Some(giving), ends, cookie })
}

impl Begun {
    /// The answer with these bytes.
    pub fn response(self, body: Body) -> Response {
        let body = match self.giving {
            Some(giving) => giving.counting(body),
            None => Body::empty(),
        };
        let mut response = Response::new(match self.ends {
            Some(ends) => while_allowed(body, ends),
            None => body,
        });
        if let Some(cookie) = self.cookie.and_then(|cookie| HeaderValue::from_str(&cookie).ok()) {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
        response
    }
}

/// Done when what is given has to stop.
type Ends = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Waits until another policy refuses what goes on: an exam began, say.
fn ends(server: &Arc<Server>, visit: &Visit, facts: &ShareFacts) -> Ends {
    let (server, mut visit, facts) = (server.clone(), visit.clone(), facts.clone());
    let mut policy = server.policy.subscribe();
    Box::pin(async move {
        while policy.changed().await.is_ok() {
            // Where it began, no exam may have been on, so nobody asked who comes from there. What can't be found out is not
            // given: the caller can ask again.
            let held = server.hold_to_place(&mut visit).await;
            if held.is_err() || !server.would_allow(&visit, Action::Download, About::Share(&facts)) {
                return;
            }
        }
        std::future::pending::<()>().await;
    })
}

/// A body that breaks off where it has to stop: its reader sees that something is missing.
fn while_allowed(body: Body, ends: Ends) -> Body {
    Body::from_stream(stream::unfold((body.into_data_stream(), Some(ends)), async |(mut body, ends)| {
        let mut ends = ends?;
        tokio::select! {
            biased;
            () = &mut ends => Some((Err(axum::Error::new(Stopped)), (body, None))),
            part = body.next() => part.map(|part| (part, (body, Some(ends)))),
        }
    }))
}

#[derive(Debug, thiserror::Error)]
#[error("the caller may not have this any more")]
struct Stopped;

fn used_up() -> Problem {
    let detail = "This link has been used as often as it allows. Ask for a new link.";
    Problem::new(StatusCode::GONE, "used-up", detail)
}
