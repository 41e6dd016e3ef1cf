//! `handout admin audit`.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{failed, list, time_of};
use crate::{
    cli::{
        Column, Exit, Output, Shown,
        admin_args::{AuditCommand, AuditWanted},
    },
    server::Admin,
    share::Signature,
    store::central::{AuditEntry, AuditFilter, AuditHead},
    wire::control::{Failure, FailureKind},
};

const LISTED: u32 = 50;
const PAGE: u32 = 1_000;

#[derive(Serialize)]
struct EntryLine {
    seq: i64,
    at: String,
    actor: String,
    address: String,
    action: String,
    about: String,
    outcome: String,
    detail: String,
    request: String,
}

#[derive(Serialize)]
struct Verified {
    entries: i64,
    heads: usize,
    /// Of those, heads that were kept elsewhere.
    kept_elsewhere: usize,
    whole: bool,
    fault: Option<String>,
}

/// Heads as `/api/v1/audit/heads` has them.
#[derive(Debug, Serialize, Deserialize)]
struct Heads {
    signer: String,
    heads: Vec<HeadLine>,
}

#[derive(Debug, Serialize, Deserialize)]
struct HeadLine {
    seq: i64,
    hash: String,
    at_ms: i64,
    signature: String,
}

pub(super) async fn act(admin: &Admin, command: AuditCommand, output: &Output) -> Result<(), Exit> {
    match command {
        AuditCommand::List(wanted) => entries(admin, &wanted, output).await,
        AuditCommand::Export(wanted) => export(admin, &wanted, output).await,
        AuditCommand::Verify { heads, upstreams } => {
            let mut kept = vec![];
            for file in &heads {
                kept.extend(read_heads(file)?);
            }
            if upstreams {
                kept.extend(ask_upstreams(admin, output).await?);
            }
            verify(admin, &kept, output).await
        }
        AuditCommand::Heads => {
            let heads = admin.audit_heads().await.map_err(failed)?;
            let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
            let line = |head: &AuditHead| HeadLine {
                seq: head.seq,
                hash: hex(&head.hash),
                at_ms: head.at_ms,
                signature: hex(&head.signature.0),
            };
            output.json(&Heads { signer: hex(&admin.signer().0), heads: heads.iter().map(line).collect() })
        }
    }
}

fn line_of(entry: AuditEntry) -> EntryLine {
    EntryLine {
        seq: entry.seq,
        at: time_of(entry.at_ms.div_euclid(1_000)),
        actor: entry.actor,
        address: entry.address,
        action: entry.action,
        about: entry.about,
        outcome: entry.outcome,
        detail: entry.detail,
        request: entry.request,
    }
}

fn filter_of(wanted: &AuditWanted, limit: u32) -> AuditFilter {
    AuditFilter {
        actor: wanted.actor.clone(),
        action: wanted.action.clone(),
        text: wanted.text.clone(),
        refused_only: wanted.refused,
        before: None,
        limit,
    }
}

async fn entries(admin: &Admin, wanted: &AuditWanted, output: &Output) -> Result<(), Exit> {
    let filter = filter_of(wanted, wanted.limit.unwrap_or(LISTED));
    let lines: Vec<_> = admin.audit(&filter).await.map_err(failed)?.into_iter().map(line_of).collect();
    let columns = [
        Column::right("NO."),
        Column::left("WHEN"),
        Column::flexible("WHO"),
        Column::left("WHAT"),
        Column::flexible("ABOUT"),
        Column::flexible("OUTCOME"),
        Column::flexible("DETAIL"),
    ];
    list(output, &lines, &columns, |line| {
        let (about, outcome, detail) = (line.about.clone(), line.outcome.clone(), line.detail.clone());
        [line.seq.to_string(), line.at.clone(), line.actor.clone(), line.action.clone(), about, outcome, detail]
    })
}

/// Page by page: a log of years does not fit into memory.
async fn export(admin: &Admin, wanted: &AuditWanted, output: &Output) -> Result<(), Exit> {
    let mut filter = filter_of(wanted, PAGE);
    let mut left = wanted.limit.unwrap_or(u32::MAX);
    let mut titles = output.shown != Shown::Json;
    while left > 0 {
        filter.limit = PAGE.min(left);
        let entries = admin.audit(&filter).await.map_err(failed)?;
        let Some(last) = entries.last() else { break };
        (filter.before, left) = (Some(last.seq), left.saturating_sub(filter.limit));
        if output.shown == Shown::Json {
            for entry in entries {
                output.json(&line_of(entry))?;
            }
        } else {
            let csv = crate::server::audit_csv(&entries, std::mem::take(&mut titles))?;
            output.result(&String::from_utf8_lossy(&csv))?;
        }
    }
    Ok(())
}

fn read_heads(file: &Path) -> Result<Vec<AuditHead>, Exit> {
    let unread = |why: String| Exit::failed("The heads can't be read", format!("{}: {why}", file.display()), "");
    let text = std::fs::read_to_string(file).map_err(|error| unread(error.to_string()))?;
    let heads: Heads = serde_json::from_str(&text).map_err(|error| unread(error.to_string()))?;
    let head = |line: &HeadLine| {
        let bytes = |hex: &str| data_encoding::HEXLOWER_PERMISSIVE.decode(hex.as_bytes()).ok();
        let hash = bytes(&line.hash)?.try_into().ok()?;
        let signature = Signature(bytes(&line.signature)?.try_into().ok()?);
        Some(AuditHead { seq: line.seq, hash, at_ms: line.at_ms, signature })
    };
    let read: Option<Vec<_>> = heads.heads.iter().map(head).collect();
    read.ok_or_else(|| unread("a hash or signature is not what it should be".to_owned()))
}

/// A server above that does not tell keeps the others from nothing, but is named.
async fn ask_upstreams(admin: &Admin, output: &Output) -> Result<Vec<AuditHead>, Exit> {
    let mut kept = vec![];
    for (name, heads) in admin.kept_heads().await.map_err(failed)? {
        match heads {
            Ok(heads) => {
                output.remark(&format!("{name} kept {} heads.", heads.len()));
                kept.extend(heads);
            }
            Err(why) => output.remark(&format!("{name} {why}: what it kept was not compared.")),
        }
    }
    Ok(kept)
}

async fn verify(admin: &Admin, kept: &[AuditHead], output: &Output) -> Result<(), Exit> {
    let report = admin.verify_audit(kept).await.map_err(failed)?;
    let fault = report.fault.as_ref().map(ToString::to_string);
    if output.shown == Shown::Json {
        let (whole, kept_elsewhere) = (fault.is_none(), kept.len());
        let (entries, heads) = (report.entries, report.heads);
        output.json(&Verified { entries, heads, kept_elsewhere, whole, fault: fault.clone() })?;
    }
    match fault {
        None => {
            output.remark(&format!("The log is whole: {} entries, {} signed heads.", report.entries, report.heads));
            Ok(())
        }
        Some(fault) => {
            let hint = "Compare with a backup, and with the heads that others kept.";
            Err(Failure::new(FailureKind::WrongContent, "The audit log was tampered with", fault, hint).into())
        }
    }
}
