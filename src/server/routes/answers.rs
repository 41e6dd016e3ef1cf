//! What every answer has in common: an error is a problem (RFC 9457), whoever found it, and JSON has an ETag (RFC 9110).

use axum::{
    body::{Body, to_bytes},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse as _, Response},
};

use super::super::problem::Problem;

/// What the router says of a request that it can't read is a line.
const SAID_MAX: usize = 4 << 10;
/// Longer JSON is sent without an ETag; nothing here is as long.
const TAGGED_MAX: usize = 16 << 20;

/// An error that the router found by itself (a number that is none, a method that is not known) in the form of all others.
/// A page that says what was wrong with a form is one already.
pub(super) async fn as_problem(response: Response) -> Response {
    let status = response.status();
    let is_error = status.is_client_error() || status.is_server_error();
    let is_page =
        response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    if !is_error || is_page || response.extensions().get::<Problem>().is_some() {
        return response;
    }
    let (parts, body) = response.into_parts();
    let said = to_bytes(body, SAID_MAX).await.unwrap_or_default();
    let said = String::from_utf8_lossy(&said);
    let (code, usual) = match status {
        StatusCode::METHOD_NOT_ALLOWED => ("method", "This can't be done here; Allow has what can."),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => ("media-type", "The body is of another type than is expected here."),
        StatusCode::PAYLOAD_TOO_LARGE => ("too-large", "The body is too long."),
        StatusCode::RANGE_NOT_SATISFIABLE => ("range", "There is no such part; Content-Range has the size."),
        status if status.is_server_error() => ("internal", "Something went wrong in the server; its log tells more."),
        _ => ("malformed", "The request can't be read."),
    };
    let detail = if said.trim().is_empty() || status.is_server_error() { usual } else { said.trim() };
    let mut problem = Problem::new(status, code, detail).into_response();
    for (name, value) in &parts.headers {
        if name != header::CONTENT_TYPE && name != header::CONTENT_LENGTH {
            problem.headers_mut().insert(name, value.clone());
        }
    }
    problem
}

/// JSON that was read gets the hash of its bytes as ETag; whoever has it already is told so and gets nothing.
pub(super) async fn tagged(method: &Method, asked: &HeaderMap, response: Response) -> Response {
    let is_json = response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
    let read = matches!(*method, Method::GET | Method::HEAD) && response.status() == StatusCode::OK;
    if !is_json || !read || response.headers().contains_key(header::ETAG) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, TAGGED_MAX).await else {
        return Problem::internal(&std::io::Error::other("an answer was longer than any should be")).into_response();
    };
    let tag = format!("\"{}\"", &blake3::hash(&bytes).to_hex()[..32]);
    let has_it = asked.get_all(header::IF_NONE_MATCH).iter().any(|known| {
        known.to_str().is_ok_and(|known| known.split(',').any(|one| one.trim().trim_start_matches("W/") == tag))
    });
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        parts.headers.insert(header::ETAG, tag);
    }
    // It may be kept, and must be asked for again each time: what somebody may see can change at any moment.
    parts.headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    if has_it {
        parts.status = StatusCode::NOT_MODIFIED;
        parts.headers.remove(header::CONTENT_TYPE);
        parts.headers.remove(header::CONTENT_LENGTH);
        return Response::from_parts(parts, Body::empty());
    }
    Response::from_parts(parts, bytes.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn text(response: Response) -> String {
        String::from_utf8(to_bytes(response.into_body(), 1 << 20).await.unwrap().to_vec()).unwrap()
    }

    #[tokio::test]
    async fn what_the_router_says_becomes_a_problem_and_keeps_its_headers() {
        let said = (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "GET")], "").into_response();
        let problem = as_problem(said).await;
        assert_eq!((problem.status().as_u16(), problem.headers()[header::ALLOW].to_str().unwrap()), (405, "GET"));
        assert_eq!(problem.headers()[header::CONTENT_TYPE], "application/problem+json");
        assert!(text(problem).await.contains("\"code\":\"method\""));
        let said = (StatusCode::BAD_REQUEST, "limit: not a number").into_response();
        assert!(text(as_problem(said).await).await.contains("limit: not a number"));
        assert_eq!(text(as_problem("fine".into_response()).await).await, "fine");
    }

    #[tokio::test]
    async fn a_page_that_says_what_is_wrong_with_a_form_stays_a_page() {
        let page = (StatusCode::UNPROCESSABLE_ENTITY, axum::response::Html("<p>wrong</p>")).into_response();
        assert_eq!(text(as_problem(page).await).await, "<p>wrong</p>");
    }

    #[tokio::test]
    async fn json_that_somebody_has_is_not_sent_again() {
        let answer = || axum::Json(serde_json::json!({ "a": 1 })).into_response();
        let first = tagged(&Method::GET, &HeaderMap::new(), answer()).await;
        let tag = first.headers()[header::ETAG].clone();
        assert_eq!(text(first).await, "{\"a\":1}");
        for known in [tag.to_str().unwrap().to_owned(), format!("\"x\", W/{}", tag.to_str().unwrap())] {
            let asked = HeaderMap::from_iter([(header::IF_NONE_MATCH, known.parse().unwrap())]);
            let again = tagged(&Method::GET, &asked, answer()).await;
            assert_eq!(
                (again.status(), again.headers()[header::ETAG].clone()),
                (StatusCode::NOT_MODIFIED, tag.clone())
            );
            assert_eq!(text(again).await, "");
        }
        let asked = HeaderMap::from_iter([(header::IF_NONE_MATCH, "\"other\"".parse().unwrap())]);
        assert_eq!(tagged(&Method::GET, &asked, answer()).await.status(), StatusCode::OK);
        assert!(!tagged(&Method::POST, &HeaderMap::new(), answer()).await.headers().contains_key(header::ETAG));
    }
}
