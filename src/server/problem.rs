//! What went wrong, as a status and a sentence (RFC 9457). Causes of our own are logged and not sent.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use maud::Markup;
use serde::Serialize;

use crate::{access::Reason, store::central::CentralError};

const UPSTREAM: &str = "upstream";

/// An error as the caller meets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    pub status: StatusCode,
    /// A short name for programs.
    pub code: &'static str,
    /// What happened and what now, in one or two sentences.
    pub detail: String,
    pub retry_after_s: Option<u64>,
    /// The field of a form that it is about, if it is about one.
    pub field: Option<&'static str>,
}

#[derive(Serialize)]
struct Body<'a> {
    r#type: &'a str,
    title: &'a str,
    status: u16,
    code: &'a str,
    detail: &'a str,
}

impl Problem {
    pub fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Problem {
        Problem { status, code, detail: detail.into(), retry_after_s: None, field: None }
    }

    /// With the field of the form that it is about.
    pub fn at(self, field: &'static str) -> Problem {
        Problem { field: Some(field), ..self }
    }

    /// What the decision refused. What is hidden from somebody is, for them, not there.
    pub fn refused(reason: &Reason) -> Problem {
        match reason {
            Reason::SignIn => Problem::new(StatusCode::UNAUTHORIZED, reason.code(), reason.to_string()),
            Reason::Guests => Problem::new(StatusCode::UNAUTHORIZED, reason.code(), reason.to_string()),
            reason if reason.hides() => Problem::no_such("share"),
            Reason::TooLarge { .. } | Reason::QuotaBytes { .. } | Reason::QuotaFiles { .. } => {
                Problem::new(StatusCode::PAYLOAD_TOO_LARGE, reason.code(), reason.to_string())
            }
            reason => Problem::new(StatusCode::FORBIDDEN, reason.code(), reason.to_string()),
        }
    }

    /// A server above failed with it. `reason`: its name, what it did, and what now.
    pub fn of_upstream(status: StatusCode, reason: String) -> Problem {
        Problem::new(status, UPSTREAM, reason)
    }

    /// Whether it is the fault of a server above, so that what is known of old still holds.
    pub fn is_of_upstream(&self) -> bool {
        self.code == UPSTREAM
    }

    pub fn invalid(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail)
    }

    pub fn no_such(what: &str) -> Problem {
        let detail = format!("There is no such {what} here. It may have been removed, or it is not for you.");
        Problem::new(StatusCode::NOT_FOUND, "not-found", detail)
    }

    pub fn conflict(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::CONFLICT, "conflict", detail)
    }

    pub fn busy(retry_after_s: u64) -> Problem {
        let detail = "The server has too much to do at this moment. Try again in a few seconds.";
        let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "busy", detail);
        Problem { retry_after_s: Some(retry_after_s), ..problem }
    }

    pub fn wait(seconds: u64) -> Problem {
        let unit = if seconds == 1 { "second" } else { "seconds" };
        let detail = format!("Too many attempts. Try again in {seconds} {unit}.");
        let problem = Problem::new(StatusCode::TOO_MANY_REQUESTS, "wait", detail);
        Problem { retry_after_s: Some(seconds), ..problem }
    }

    pub fn disk_full() -> Problem {
        let detail = "The server's disk has no room for this. Tell whoever runs it; what came so far stays.";
        Problem::new(StatusCode::INSUFFICIENT_STORAGE, "disk-full", detail)
    }

    pub fn internal(error: &dyn std::error::Error) -> Problem {
        tracing::error!(%error, "a request failed");
        let detail = "Something went wrong in the server; its log tells more. Try again, or tell whoever runs it.";
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
    }
}

/// The page with the form that was refused, as it was filled in: it is shown instead of a page that says no more than why.
#[derive(Clone)]
pub(crate) struct FormAgain(pub Markup);

impl Problem {
    /// Shows the form again to a person; a program gets the same answer as without it.
    pub fn with_form(self, page: Markup) -> Response {
        let mut response = self.into_response();
        response.extensions_mut().insert(FormAgain(page));
        response
    }

    /// Whether what was typed is why, or how often, so that the form is worth showing again.
    pub fn is_of_form(&self) -> bool {
        matches!(self.status, StatusCode::UNPROCESSABLE_ENTITY | StatusCode::CONFLICT | StatusCode::TOO_MANY_REQUESTS)
    }
}

impl From<CentralError> for Problem {
    fn from(error: CentralError) -> Problem {
        match error {
            CentralError::Taken { what } => Problem::conflict(format!("There is {what} already.")),
            CentralError::Missing { what } => Problem::no_such(what),
            CentralError::Changed { what } => Problem::new(
                StatusCode::CONFLICT,
                "changed",
                format!(
                    "Somebody else changed this {what} after you opened the page, so nothing was saved. Check it as it \
                     stands here, and change it again."
                ),
            ),
            CentralError::LastOwner => {
                Problem::conflict("The last owner must stay. Make somebody else an owner first.")
            }
            error => Problem::internal(&error),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let title = self.status.canonical_reason().unwrap_or("Error");
        let body =
            Body { r#type: "about:blank", title, status: self.status.as_u16(), code: self.code, detail: &self.detail };
        let mut response = (self.status, Json(body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after_s {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        // The outermost step makes a page of it, where a person asked.
        response.extensions_mut().insert(self);
        response
    }
}
