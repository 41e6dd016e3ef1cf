//! The audit log: looked through, checked, exported. It is never changed here, and there is no button that clears it.

use std::collections::BTreeMap;

use axum::{
    Extension,
    body::Body,
    extract::{Query, State},
    http::header,
    response::IntoResponse as _,
};
use futures_util::stream;
use serde::Deserialize;

use super::{Answer, Caller, OurServer, files::escaped};
use crate::{
    access::{About, Action},
    server::{
        pages::{self, AuditPage, Frame},
        problem::Problem,
    },
    store::central::{AuditEntry, AuditFilter},
};

const PAGE: u32 = 100;
const EXPORT_PAGE: u32 = 1_000;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(in crate::server) struct Asked {
    actor: String,
    action: String,
    text: String,
    refused: Option<String>,
    before: Option<i64>,
    verify: Option<String>,
}

impl Asked {
    fn filter(&self, limit: u32) -> AuditFilter {
        AuditFilter {
            actor: self.actor.trim().to_owned(),
            action: self.action.trim().to_owned(),
            text: self.text.trim().to_owned(),
            refused_only: self.refused.is_some(),
            before: self.before,
            limit,
        }
    }
}

pub(in crate::server) async fn page(
    State(server): OurServer,
    Extension(visit): Caller,
    Query(asked): Query<Asked>,
) -> Answer {
    let permit = server.allow(&visit, Action::SeeAudit, About::Nothing, "").await?;
    let report = match asked.verify {
        Some(_) => {
            let report = server.central.verify_audit(server.identity.public_key(), &[]).await?;
            let found = report.fault.as_ref().map_or_else(|| "whole".to_owned(), ToString::to_string);
            server.done(&visit, &permit, "audit", &format!("verified: {found}")).await?;
            Some(report)
        }
        None => None,
    };
    let filter = asked.filter(PAGE);
    let entries = server.central.audit(&filter).await?;
    let more = entries.last().filter(|_| entries.len() == PAGE as usize).map(|entry| entry.seq);
    let people = server.central.people().await?;
    let people = people.into_iter().map(|person| (format!("person:{}", person.id), person.shown));
    let computers = server.central.devices().await?.into_iter();
    let computers = computers.map(|device| (format!("device:{}", device.peer), device.name));
    let names: BTreeMap<_, _> = people.chain(computers).collect();
    let refused = if filter.refused_only { "&refused=yes" } else { "" };
    let address = format!(
        "&actor={}&action={}&text={}{refused}",
        escaped(&filter.actor),
        escaped(&filter.action),
        escaped(&filter.text)
    );
    let page = AuditPage { entries, filter, address, more, report, names };
    Ok(pages::audit(&Frame::of(&server, &visit), &page).into_response())
}

/// All entries of a filter as CSV (RFC 4180), page by page while they are sent.
pub(in crate::server) async fn export(
    State(server): OurServer,
    Extension(visit): Caller,
    Query(asked): Query<Asked>,
) -> Answer {
    let permit = server.allow(&visit, Action::SeeAudit, About::Nothing, "").await?;
    server.done(&visit, &permit, "audit", "exported").await?;
    let filter = asked.filter(EXPORT_PAGE);
    let pages = stream::unfold(Some((server, filter, true)), async |state| {
        let (server, mut filter, first) = state?;
        let entries = match server.central.audit(&filter).await {
            Ok(entries) => entries,
            Err(error) => return Some((Err(std::io::Error::other(error)), None)),
        };
        filter.before = entries.last().map(|entry| entry.seq);
        let more = entries.len() == EXPORT_PAGE as usize;
        Some((csv_of(&entries, first), more.then_some((server, filter, false))))
    });
    let headers = [
        (header::CONTENT_TYPE, "text/csv; charset=utf-8"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"audit.csv\""),
    ];
    Ok((headers, Body::from_stream(pages)).into_response())
}

pub(in crate::server) fn csv_of(entries: &[AuditEntry], titles: bool) -> std::io::Result<Vec<u8>> {
    let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(vec![]);
    if titles {
        writer
            .write_record(["seq", "time_ms", "actor", "address", "action", "about", "outcome", "detail", "request"])?;
    }
    for entry in entries {
        let (seq, at) = (entry.seq.to_string(), entry.at_ms.to_string());
        let texts =
            [&entry.actor, &entry.address, &entry.action, &entry.about, &entry.outcome, &entry.detail, &entry.request];
        let texts = texts.map(|text| harmless(text));
        writer.write_record([&seq, &at].into_iter().chain(&texts))?;
    }
    writer.into_inner().map_err(|error| std::io::Error::other(error.to_string()))
}

/// A text that a spreadsheet would take for a formula gets an apostrophe before it.
fn harmless(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() }
}

impl From<std::io::Error> for Problem {
    fn from(error: std::io::Error) -> Problem {
        Problem::internal(&error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spreadsheet_runs_nothing_that_stands_in_the_log() {
        assert_eq!(harmless("=HYPERLINK(\"http://evil\")"), "'=HYPERLINK(\"http://evil\")");
        assert_eq!(harmless("share:abc"), "share:abc");
    }
}
