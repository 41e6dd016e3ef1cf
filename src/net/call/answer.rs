//! The bodies of answers: whole, as a stream, or a refusal's reason.

use bytes::BytesMut;
use std::io;

use super::*;

/// How much of a refusal is read.
const PROBLEM_LIMIT: usize = 16 * 1024;

/// How many characters of a refusal's reason are shown.
const DETAIL_LIMIT: usize = 300;

/// The longest wait that a refusal may ask for.
const RETRY_LIMIT_MS: u64 = 60_000;

/// What `application/problem+json` (RFC 9457) says; `retry_after_ms` is ours.
#[derive(Default, serde::Deserialize)]
#[serde(default)]
struct Problem {
    title: Option<String>,
    detail: Option<String>,
    retry_after_ms: Option<u64>,
}

/// A body that comes for as long as its connection lives.
pub struct BodyStream {
    body: SteadyBody<Incoming>,
    connection: Connection,
}

impl BodyStream {
    pub(super) fn new(body: SteadyBody<Incoming>, connection: Connection) -> BodyStream {
        BodyStream { body, connection }
    }

    /// Who sends it.
    pub fn peer(&self) -> PeerId {
        self.connection.peer
    }

    /// The next bytes; `None` at the end.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, CallError> {
        self.body.chunk().await.map_err(|error| body_error(&error))
    }
}

/// The whole of a body.
pub(super) async fn whole(body: Incoming, limit: usize, least_speed: LeastSpeed) -> Result<Bytes, CallError> {
    use hyper::body::Body;
    if body.size_hint().lower() > limit as u64 {
        return Err(CallError::TooLarge { limit });
    }
    let mut body = SteadyBody::new(body, least_speed);
    let mut bytes = BytesMut::new();
    while let Some(chunk) = body.chunk().await.map_err(|error| body_error(&error))? {
        if chunk.len() > limit - bytes.len() {
            return Err(CallError::TooLarge { limit });
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.freeze())
}

/// The error that an answer with any other status stands for.
pub(super) async fn refusal(response: Response<Incoming>, least_speed: LeastSpeed) -> CallError {
    let status = response.status();
    let in_seconds = text_header(response.headers(), header::RETRY_AFTER).and_then(|text| text.parse::<u64>().ok());
    let body = whole(response.into_body(), PROBLEM_LIMIT, least_speed).await.unwrap_or_default();
    let problem: Problem = serde_json::from_slice(&body).unwrap_or_default();
    let retry_after_ms = problem.retry_after_ms.or(in_seconds.map(|seconds| seconds.saturating_mul(1000)));
    let detail = problem.detail.or(problem.title).as_deref().map(fit_to_show).filter(|text| !text.is_empty());
    CallError::Refused {
        status: status.as_u16(),
        retry_after_ms: retry_after_ms.map(|ms| ms.min(RETRY_LIMIT_MS)),
        detail: detail.unwrap_or_else(|| status.canonical_reason().unwrap_or("no reason given").to_owned()),
    }
}

/// A stranger's words: no characters that move or hide what stands around them, and not too many.
fn fit_to_show(text: &str) -> String {
    let hides = |c: char| c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
    text.trim().chars().map(|c| if hides(c) { ' ' } else { c }).take(DETAIL_LIMIT).collect()
}

fn body_error(error: &io::Error) -> CallError {
    match error.kind() {
        io::ErrorKind::TimedOut => CallError::TooSlow,
        _ => CallError::Closed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_strangers_words_are_shown_without_tricks() {
        assert_eq!(fit_to_show(" all\u{202e}slots\nare taken "), "all slots are taken");
        assert_eq!(fit_to_show(&"x".repeat(1000)).len(), DETAIL_LIMIT);
    }
}
