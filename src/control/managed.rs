//! The server that manages this computer: becoming known there, and where one stands.

use std::time::Duration;

use tokio::time::Instant;

use super::{
    Service,
    failure::stopped,
    named::{Waited, until},
    rows::rfc3339,
    service::{Sink, token},
};
use crate::{
    engine::{
        command::{Command, Token},
        managed::Ticket,
        snapshot::{ManagedPicture, Role, Snapshot},
    },
    wire::{
        control::{Answer, Failure, FailureKind},
        managed::{Managed, ServerWish},
    },
};

/// A server that is named and not known yet may take so long to turn up.
const FIND_WAIT: Duration = Duration::from_secs(5);
/// Reaching a server, proving a key and fetching its policy take at most so long.
const ENROL_WAIT: Duration = Duration::from_secs(60);

/// Does what is wished, and answers with where this computer stands then.
pub(super) async fn server(service: &Service, wish: ServerWish, answers: &Sink) -> Result<(), Failure> {
    let token = token();
    let command = match wish {
        ServerWish::Enrol { address, token: shown } => {
            let address = address_of(service, address).await?;
            Command::Enrol { token, ticket: Ticket::new(&address, &shown) }
        }
        ServerWish::Leave => Command::LeaveServer { token },
    };
    service.handle().send(command)?;
    ended(service, token).await?;
    let snapshot = service.handle().snapshot();
    let managed = snapshot.managed.as_deref().map(row).unwrap_or_default();
    let _ = answers.send(Answer::Managed(Box::new(managed))).await;
    Ok(())
}

async fn ended(service: &Service, token: Token) -> Result<(), Failure> {
    let find = |snapshot: &Snapshot| snapshot.outcomes.iter().find(|outcome| outcome.token == token).cloned();
    match until(&mut service.handle().watch(), Instant::now() + ENROL_WAIT, find).await {
        Waited::Found(outcome) => outcome.result.clone().map(drop).map_err(|trouble| Failure::from(trouble.as_ref())),
        Waited::TimedOut => {
            let hint = "`handout status` shows how it stands.";
            Err(Failure::new(FailureKind::Failed, "The server did not answer in time", "", hint))
        }
        Waited::Stopped => Err(stopped()),
    }
}

/// Where a server answers: as it was typed, or of one that is around.
async fn address_of(service: &Service, text: String) -> Result<String, Failure> {
    if text.contains(':') {
        return Ok(text);
    }
    let mut snapshots = service.handle().watch();
    let find = |snapshot: &Snapshot| {
        let servers = snapshot.peers.iter().filter(|row| row.role == Role::Server);
        let meant = servers.filter(|row| row.name == text || text.len() >= 4 && row.id.to_string().starts_with(&text));
        meant.flat_map(|row| row.addresses.iter()).map(ToString::to_string).next()
    };
    match until(&mut snapshots, Instant::now() + FIND_WAIT, find).await {
        Waited::Found(address) => Ok(address),
        // A host without a port is meant with the usual one.
        Waited::TimedOut => Ok(format!("{text}:{}", crate::net::listen::DEFAULT_PORT)),
        Waited::Stopped => Err(stopped()),
    }
}

/// Where this computer stands.
pub(super) fn row(picture: &ManagedPicture) -> Managed {
    Managed {
        server: picture.server.map(|server| server.to_string()),
        name: picture.name.clone(),
        managed_by: picture.by.clone(),
        role: picture.role.map(|role| role.name().to_owned()),
        groups: picture.groups.iter().map(|(_, name)| name.clone()).collect(),
        reachable: picture.reachable,
        unreachable: picture.lost.as_ref().map(|(why, _)| why.clone()),
        unreachable_since: picture.lost.as_ref().map(|(_, since)| rfc3339(*since)),
        policy_version: picture.version,
        exam_until: picture.exam_until.map(rfc3339),
        missing: picture.missing.clone(),
        removed: picture.removed.clone(),
        audit_heads: picture.heads,
        audit_broken: picture.heads_broken.clone(),
        by_machine: picture.by_machine,
    }
}
