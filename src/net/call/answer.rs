//! The bodies of answers: whole, as a stream, or a refusal's reason.

use bytes::BytesMut;
use std::io;

use super::*;
use crate::wire::peer::{Problem, presentable};

/// How much of a refusal is read.
const PROBLEM_LIMIT: usize = 16 * 1024;

/// The longest wait that a refusal may ask for.
const RETRY_LIMIT_MS: u64 = 60_000;

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
    let problem: Option<Problem> = serde_json::from_slice(&body).ok();
    let in_ms = problem.as_ref().and_then(|problem| problem.retry_after_ms);
    let retry_after_ms = in_ms.or(in_seconds.map(|seconds| seconds.saturating_mul(1000)));
    let detail = problem.and_then(|problem| presentable(&problem.detail).or_else(|| presentable(&problem.title)));
    CallError::Refused {
        status: status.as_u16(),
        retry_after_ms: retry_after_ms.map(|ms| ms.min(RETRY_LIMIT_MS)),
        detail: detail.unwrap_or_else(|| status.canonical_reason().unwrap_or("no reason given").to_owned()),
    }
}

fn body_error(error: &io::Error) -> CallError {
    match error.kind() {
        io::ErrorKind::TimedOut => CallError::TooSlow,
        _ => CallError::Closed,
    }
}

/// The seconds since 1970 of a date as HTTP has it (RFC 9110 §5.6.7).
pub(super) fn seconds_of(date: &str) -> Option<i64> {
    let form = time::macros::format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    Some(time::PrimitiveDateTime::parse(date, form).ok()?.assume_utc().unix_timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_of_http_is_read_and_nothing_else() {
        assert_eq!(seconds_of("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        for other in ["", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 +0200", "yesterday"] {
            assert_eq!(seconds_of(other), None, "{other}");
        }
    }
}
