//! Refusals, as problem+json (RFC 9457).

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

use crate::wire::peer::Problem;

/// Why a request is refused.
#[derive(Debug)]
pub struct Refused {
    status: StatusCode,
    title: &'static str,
    detail: &'static str,
    retry_after_ms: Option<u64>,
}

impl Refused {
    fn new(status: StatusCode, title: &'static str, detail: &'static str) -> Refused {
        Refused { status, title, detail, retry_after_ms: None }
    }

    pub fn no_such_path() -> Refused {
        Refused::new(StatusCode::NOT_FOUND, "There is no such path", "The protocol's paths begin with /v1/.")
    }

    /// The same for a share that is not here and for one that the caller may not know of.
    pub fn no_such_share() -> Refused {
        Refused::new(StatusCode::NOT_FOUND, "There is no such share", "It is not here, or not for you.")
    }

    pub fn no_such_piece() -> Refused {
        Refused::new(StatusCode::NOT_FOUND, "There is no such piece", "The share does not have it, or not yet.")
    }

    pub fn no_such_file() -> Refused {
        Refused::new(StatusCode::NOT_FOUND, "There is no such file", "The share's list has no file there.")
    }

    pub fn busy(retry_after_ms: u64) -> Refused {
        let detail = "All places are taken; ask again later, or ask somebody else.";
        let retry_after_ms = Some(retry_after_ms);
        Refused { retry_after_ms, ..Refused::new(StatusCode::SERVICE_UNAVAILABLE, "Busy", detail) }
    }

    pub fn unreadable() -> Refused {
        let detail = "A file of it was changed or can't be read.";
        Refused::new(StatusCode::GONE, "The share is not given any more", detail)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let problem = Problem {
            status: self.status.as_u16(),
            title: self.title.to_owned(),
            detail: self.detail.to_owned(),
            retry_after_ms: self.retry_after_ms,
        };
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        let mut response = (self.status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(ms) = self.retry_after_ms {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(ms.div_ceil(1_000)));
        }
        response
    }
}
