//! The steps around every route.

use std::{sync::Arc, time::Instant};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderValue, Method, header},
    middleware::Next,
    response::{IntoResponse as _, Redirect, Response},
};

use tracing::Instrument as _;

use super::{
    super::{
        Server,
        caller::{Visit, bearer},
        pages,
        problem::{FormAgain, Problem},
        tokens,
    },
    answers,
};
use crate::wire::trace::{REQUEST_ID, TRACEPARENT, TraceId};

/// Scripts, styles and pictures of our own, nothing from elsewhere, nothing inline (CSP level 3).
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; \
    media-src 'self'; connect-src 'self'; font-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// Only names of ours are answered: a page elsewhere can't point its own name at this address and read what is here.
pub(in crate::server) async fn known_host(
    State(server): State<Arc<Server>>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("");
    if server.authority.knows_host(host) {
        return Ok(next.run(request).await);
    }
    let detail =
        "This server does not know itself by that name. Whoever runs it can add the name to `names` in server.toml.";
    Err(Problem::new(axum::http::StatusCode::MISDIRECTED_REQUEST, "host", detail))
}

/// A change that a browser sends must come from our own pages (Fetch Metadata, with Origin where that is not told). A program
/// that shows a key has no cookie that could be abused.
pub(in crate::server) async fn from_our_pages(
    State(_): State<Arc<Server>>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if safe || bearer(request.headers()).is_some() || is_ours(request.headers()) {
        return Ok(next.run(request).await);
    }
    let detail = "This was sent from another page. Open the server's own page and do it there.";
    Err(Problem::new(axum::http::StatusCode::FORBIDDEN, "cross-site", detail))
}

fn is_ours(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    match (text("sec-fetch-site"), text("origin")) {
        (Some(site), _) => site == "same-origin" || site == "none",
        (None, Some(origin)) => {
            let host = text("host").unwrap_or("");
            !host.is_empty() && origin.strip_prefix("https://").is_some_and(|ours| ours == host)
        }
        // Neither a browser of these years nor a form: without a cookie there is nothing to abuse.
        (None, None) => !headers.contains_key(header::COOKIE),
    }
}

/// The outermost step of pages: headers that every answer has, a page where a person would get JSON, one line in the log.
pub(in crate::server) async fn finish(State(server): State<Arc<Server>>, request: Request, next: Next) -> Response {
    let accepts = request.headers().get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or("");
    let path = request.uri().path();
    let for_person = accepts.contains("text/html") && !path.starts_with("/api/") && !path.starts_with("/tus");
    let of_api = path.starts_with("/api/");
    // Health is told in plain text, good or bad.
    let of_health = path == "/readyz";
    let (method, target) = (request.method().clone(), request.uri().path_and_query().map(ToString::to_string));
    let asked = request.headers().clone();
    let shown = server.clone();
    traced(State(server), request, async |request| {
        let mut response = next.run(request).await;
        if !of_health {
            response = answers::as_problem(response).await;
        }
        if of_api {
            response = answers::tagged(&method, &asked, response).await;
        }
        if for_person && let Some(problem) = response.extensions_mut().remove::<Problem>() {
            let visit = response.extensions_mut().remove::<Arc<Visit>>();
            let form = response.extensions_mut().remove::<FormAgain>();
            if let Some(FormAgain(page)) = form {
                response = (problem.status, page).into_response();
                fence(&mut response);
                return response;
            }
            response = page_of(&shown, visit.as_deref(), problem, &method, target.as_deref().unwrap_or("/"));
        }
        fence(&mut response);
        response
    })
    .await
}

/// The outermost step of what peers ask: they have proved their key, and come by no browser.
pub(in crate::server) async fn finish_peer(server: State<Arc<Server>>, request: Request, next: Next) -> Response {
    let (method, asked) = (request.method().clone(), request.headers().clone());
    traced(server, request, async |request| {
        let response = answers::as_problem(next.run(request).await).await;
        answers::tagged(&method, &asked, response).await
    })
    .await
}

/// Headers that every answer to a browser has.
fn fence(response: &mut Response) {
    let mut set = |name: header::HeaderName, value: &'static str| {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    };
    set(header::CONTENT_SECURITY_POLICY, PAGE_POLICY);
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::REFERRER_POLICY, "same-origin");
    set(header::HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    set(header::HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    set(header::CACHE_CONTROL, "no-store");
}

/// Gives a request its id, or takes the one that it came with; all that is logged on its way names it, and so does the
/// answer. Counts it.
async fn traced(
    State(server): State<Arc<Server>>,
    mut request: Request,
    answer: impl AsyncFnOnce(Request) -> Response,
) -> Response {
    let begun = Instant::now();
    let came_with = request.headers().get(TRACEPARENT).and_then(|header| header.to_str().ok()).and_then(TraceId::parse);
    let id = came_with.unwrap_or_else(|| TraceId::new(tokens::random()));
    request.extensions_mut().insert(id);
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let method = request.method().clone();
    // The word of a link is a secret: whoever knows it has the share.
    let path = if route.contains("{token}") { route.clone() } else { request.uri().path().to_owned() };
    let span = tracing::info_span!(target: "handout::requests", "request", request = %id);
    let mut response = answer(request).instrument(span.clone()).await;
    if let Ok(told) = HeaderValue::from_str(&id.to_string()) {
        response.headers_mut().insert(REQUEST_ID, told);
    }
    let (status, took) = (response.status().as_u16(), begun.elapsed());
    server.metrics.answered(&route, &method, status, took);
    let ms = took.as_millis() as u64;
    span.in_scope(|| tracing::info!(target: "handout::requests", %method, path, route, status, ms, "answered"));
    response
}

fn page_of(server: &Server, visit: Option<&Visit>, problem: Problem, method: &Method, target: &str) -> Response {
    let sign_in = problem.status == axum::http::StatusCode::UNAUTHORIZED;
    if sign_in && *method == Method::GET {
        let to = data_encoding::BASE64URL_NOPAD.encode(target.as_bytes());
        return Redirect::to(&format!("/sign-in?to={to}")).into_response();
    }
    let status = problem.status;
    let retry = problem.retry_after_s;
    let mut response = (status, pages::problem(server, visit, &problem)).into_response();
    if let Some(seconds) = retry {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_comes_from_our_own_pages_or_from_nobodys_browser() {
        let check = |pairs: &[(&'static str, &'static str)]| {
            let headers = pairs
                .iter()
                .map(|(name, value)| (header::HeaderName::from_static(name), HeaderValue::from_static(value)));
            is_ours(&headers.collect())
        };
        assert!(check(&[("sec-fetch-site", "same-origin"), ("cookie", "a=b")]));
        assert!(check(&[("sec-fetch-site", "none")]));
        assert!(!check(&[("sec-fetch-site", "cross-site")]));
        assert!(!check(&[("sec-fetch-site", "same-site"), ("origin", "https://lab:1"), ("host", "lab:1")]));
        assert!(check(&[("origin", "https://lab:1"), ("host", "lab:1"), ("cookie", "a=b")]));
        assert!(!check(&[("origin", "https://lab:2"), ("host", "lab:1")]));
        assert!(!check(&[("origin", "null"), ("host", "lab:1")]));
        assert!(!check(&[("origin", "http://lab:1"), ("host", "lab:1")]));
        assert!(!check(&[("cookie", "a=b")]));
        assert!(check(&[]));
    }
}
