//! The steps around every route.

use std::{sync::Arc, time::Instant};

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, header},
    middleware::Next,
    response::{IntoResponse as _, Redirect, Response},
};

use super::super::{Server, caller::Visit, pages, problem::Problem};

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
    if safe || request.headers().contains_key(header::AUTHORIZATION) || is_ours(request.headers()) {
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

/// Peers have proved their key; they come by no browser.
pub(in crate::server) async fn identified(request: Request, next: Next) -> Response {
    next.run(request).await
}

/// The outermost step: headers that every answer has, a page where a person would get JSON, one line in the log.
pub(in crate::server) async fn finish(State(server): State<Arc<Server>>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let accepts = request.headers().get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or("");
    let for_person = accepts.contains("text/html") && !path.starts_with("/api/") && !path.starts_with("/tus");
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str()).to_owned();
    let mut response = next.run(request).await;
    if for_person && let Some(problem) = response.extensions_mut().remove::<Problem>() {
        response = page_of(&server, problem, &method, &target);
    }
    let status = response.status().as_u16();
    let headers = response.headers_mut();
    let mut set = |name: header::HeaderName, value: &'static str| {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    };
    set(header::CONTENT_SECURITY_POLICY, PAGE_POLICY);
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::REFERRER_POLICY, "same-origin");
    set(header::HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    set(header::HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    set(header::CACHE_CONTROL, "no-store");
    let ms = begun.elapsed().as_millis() as u64;
    let request = headers.get("x-request-id").and_then(|id| id.to_str().ok()).unwrap_or("").to_owned();
    tracing::info!(target: "handout::requests", %method, path, status, ms, request, "answered");
    response
}

fn page_of(server: &Server, problem: Problem, method: &Method, target: &str) -> Response {
    let sign_in = problem.status == axum::http::StatusCode::UNAUTHORIZED;
    if sign_in && *method == Method::GET {
        let to = data_encoding::BASE64URL_NOPAD.encode(target.as_bytes());
        return Redirect::to(&format!("/sign-in?to={to}")).into_response();
    }
    let status = problem.status;
    let retry = problem.retry_after_s;
    let mut response = (status, pages::problem(server, &problem)).into_response();
    if let Some(seconds) = retry {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// The id of a request goes back with its answer.
pub(in crate::server) fn with_request_id(mut response: Response, visit: &Visit) -> Response {
    if let Ok(id) = HeaderValue::from_str(&visit.request) {
        response.headers_mut().insert("x-request-id", id);
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
