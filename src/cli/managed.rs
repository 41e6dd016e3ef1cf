//! `enrol` and `leave`: the server that manages this computer.

use tokio_util::sync::CancellationToken;

use super::{
    Exit, Output, Shown,
    args::Enrol,
    figures::plain,
    run::{answers, next, unexpected},
};
use crate::{
    control::Connection,
    wire::{
        control::{Answer, Envelope, Request},
        managed::{Managed, ServerWish},
    },
};

/// Shows a token at a server.
pub(super) async fn enrol(
    args: Enrol,
    envelope: impl FnOnce(Request) -> Envelope,
    connection: &Connection,
    output: &Output,
    interrupt: &CancellationToken,
) -> Result<(), Exit> {
    let wish = ServerWish::Enrol { address: args.server, token: args.token };
    let managed = ask(envelope(Request::Server { wish }), connection, output, interrupt).await?;
    output.remark(&format!("This computer is managed by {} from now on.", plain(&managed.managed_by)));
    output.remark("`handout policy` shows its rules; `handout leave` ends it.");
    Ok(())
}

/// Lets no server manage this computer any more.
pub(super) async fn leave(
    envelope: impl FnOnce(Request) -> Envelope,
    connection: &Connection,
    output: &Output,
    interrupt: &CancellationToken,
) -> Result<(), Exit> {
    ask(envelope(Request::Server { wish: ServerWish::Leave }), connection, output, interrupt).await?;
    output.remark("No server manages this computer any more.");
    Ok(())
}

async fn ask(
    envelope: Envelope,
    connection: &Connection,
    output: &Output,
    interrupt: &CancellationToken,
) -> Result<Managed, Exit> {
    let mut answers = answers(connection, envelope, interrupt).await?;
    match next(&mut answers, interrupt).await? {
        Answer::Managed(managed) => {
            if output.shown == Shown::Json {
                output.json(&managed)?;
            }
            Ok(*managed)
        }
        other => Err(unexpected(&other)),
    }
}

/// What `status` says of it.
pub(super) fn lines(managed: &Managed) -> Vec<(&'static str, String)> {
    let mut lines = vec![];
    if !managed.managed_by.is_empty() {
        lines.push(("Managed by", managed.managed_by.clone()));
    }
    if managed.server.is_some() {
        let server = match (&managed.unreachable, managed.reachable) {
            (Some(why), _) => {
                let since = managed.unreachable_since.as_deref().unwrap_or_default();
                format!(
                    "{} can't be reached since {since} ({why}); its rules hold, and computers go on with each other",
                    managed.name
                )
            }
            (None, true) => format!("{} is reachable", managed.name),
            (None, false) => format!("{} has not been asked yet", managed.name),
        };
        lines.push(("Server", server));
        lines.push(("Policy", format!("version {}; `handout policy` shows it", managed.policy_version)));
    }
    match (&managed.audit_broken, managed.audit_heads) {
        (Some(broken), _) => lines.push(("Audit log", broken.clone())),
        (None, Some(kept)) => lines.push(("Audit log", format!("goes on from all {kept} heads kept here"))),
        (None, None) => {}
    }
    lines.extend(managed.exam_until.iter().map(|until| ("Exam", format!("until {until}"))));
    lines.extend(managed.missing.iter().map(|why| ("No rules", format!("nothing is given or fetched: {why}"))));
    lines.extend(managed.removed.iter().map(|removed| ("Not managed", removed.clone())));
    lines
}
