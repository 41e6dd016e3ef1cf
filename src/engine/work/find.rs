//! Asking those who may have a share for its manifest and piece hashes, one after the other, until one has them.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use crate::{
    access::{GROUPS_MAX, GroupId},
    engine::{
        command::ForGroups,
        event::{Fact, Found, NotFound},
        fault::{PeerFault, PeerFaultKind},
        shell::Shell,
        task::Candidate,
    },
    net::{
        call::{Connection, Timeouts},
        tls::Expect,
    },
    share::{self, PeerId, PieceHashes, Share, ShareId, SignedManifest},
    wire::{enrolled::ANSWER_BYTES_MAX, paths},
};

/// A server that brings a share from above answers when its list of files is there.
const BRING_WAIT: Duration = Duration::from_secs(15);

pub async fn find(
    shell: Shell,
    id: ShareId,
    candidates: Vec<Candidate>,
    servers: Vec<Candidate>,
    cancel: CancellationToken,
) -> Fact {
    let result = tokio::select! {
        result = ask_all(&shell, id, candidates, servers) => result,
        () = cancel.cancelled() => Err(NotFound { asked: vec![], fault: None }),
        () = shell.cancel.cancelled() => Err(NotFound { asked: vec![], fault: None }),
    };
    Fact::Found { result }
}

/// Those who may have it first; then a server, which asks further.
async fn ask_all(
    shell: &Shell,
    id: ShareId,
    candidates: Vec<Candidate>,
    servers: Vec<Candidate>,
) -> Result<Found, NotFound> {
    match ask_each(shell, id, candidates).await {
        Err(missed) => bring(shell, id, servers).await.ok_or(missed),
        found => found,
    }
}

async fn ask_each(shell: &Shell, id: ShareId, candidates: Vec<Candidate>) -> Result<Found, NotFound> {
    let mut missed = NotFound { asked: vec![], fault: None };
    for candidate in candidates {
        match ask(shell, id, &candidate).await {
            Ok(found) => {
                tracing::trace!(share = %id.short(), from = %found.from.short(), "the manifest is here");
                return Ok(found);
            }
            Err(fault) => {
                tracing::debug!(share = %id.short(), asked = %candidate.name, why = %fault.what, "does not give a share");
                if fault.kind != PeerFaultKind::NotThere {
                    missed.fault = Some(PeerFault { what: format!("{}: {}", candidate.name, fault.what), ..fault });
                }
                missed.asked.push(candidate.name);
            }
        }
    }
    Err(missed)
}

async fn ask(shell: &Shell, id: ShareId, candidate: &Candidate) -> Result<Found, PeerFault> {
    let expect = candidate.peer.map_or(Expect::Anyone, Expect::Peer);
    let mut connection = shell.client.connect(&candidate.addresses, expect, Timeouts::default()).await?;
    if !candidate.lists_it {
        probe(shell, id, &mut connection).await?;
    }
    let (wire, groups) =
        connection.get_with(&paths::manifest(id), paths::GROUPS_HEADER, SignedManifest::BYTES_MAX).await?;
    let groups = groups.as_deref().and_then(for_groups);
    let signed = SignedManifest::parse_expected(&wire, id).map_err(|error| misbehaved(&error))?;
    let expected: u64 =
        signed.manifest().large_files().map(|(_, size, _)| size >> signed.manifest().piece_len.log2()).sum();
    let large = signed.manifest().large_files().count() as u64;
    let limit = usize::try_from((expected + large) * 32).unwrap_or(usize::MAX);
    let hashes = if large == 0 {
        PieceHashes::default()
    } else {
        let bytes = connection.get(&paths::hashes(id), limit).await?;
        PieceHashes::parse(signed.manifest(), &bytes).map_err(|error| misbehaved(&error))?
    };
    let share = Share::new(signed, hashes).map_err(|error| misbehaved(&error))?;
    let from = connection.peer();
    // One that was given by its address says its name with its catalogue; nobody waits for that here.
    let name = candidate.peer.map_or_else(|| from.short(), |_| candidate.name.clone());
    let at = connection.address();
    shell.client.keep(connection);
    make_ready(shell, from, at);
    Ok(Found { share: Arc::new(share), groups, from, name, at })
}

/// Asks whether it has the share, without telling the id to one who does not know it.
async fn probe(shell: &Shell, id: ShareId, connection: &mut Connection) -> Result<(), PeerFault> {
    let question = share::probe::question(id, connection.peer());
    let answer = connection.get(&paths::known(question), share::probe::ANSWER_BYTES).await?;
    match *answer == share::probe::answer(id, shell.identity.id()) {
        true => Ok(()),
        false => Err(PeerFault {
            kind: PeerFaultKind::Misbehaved,
            what: "says that it has the share, and does not know it".to_owned(),
        }),
    }
}

/// Reads for which groups a share is. What can't be read is for nobody else.
fn for_groups(text: &str) -> Option<ForGroups> {
    let mut words = text.split(' ');
    let server = words.next()?.parse().ok()?;
    let groups = words.take(GROUPS_MAX).map(|group| group.parse().map(GroupId)).collect::<Result<_, _>>().ok()?;
    Some(ForGroups { server, groups, keep: false })
}

/// Servers are asked to have it brought from the server above them.
async fn bring(shell: &Shell, id: ShareId, servers: Vec<Candidate>) -> Option<Found> {
    for server in servers {
        let Some(peer) = server.peer else { continue };
        let connected = shell.client.connect(&server.addresses, Expect::Peer(peer), Timeouts::default()).await;
        let Ok(mut connection) = connected else { continue };
        let brought = connection.post(&paths::bring(id), b"{}".to_vec(), BRING_WAIT, ANSWER_BYTES_MAX).await;
        if let Err(error) = brought {
            tracing::debug!(share = %id.short(), server = %server.name, %error, "does not bring a share");
            continue;
        }
        match ask(shell, id, &server).await {
            Ok(found) => return Some(found),
            Err(fault) => {
                tracing::debug!(share = %id.short(), server = %server.name, why = %fault.what, "brought in vain");
            }
        }
    }
    None
}

/// What it has and its pieces are asked for next, each over a connection of its own: one was kept, and the other is made
/// while the place on disk is.
fn make_ready(shell: &Shell, peer: PeerId, at: SocketAddr) {
    let (client, cancel, addresses) = (shell.client.clone(), shell.cancel.clone(), [at]);
    shell.tracker.spawn(async move {
        let connecting = client.connect_anew(&addresses, Expect::Peer(peer), Timeouts::default());
        tokio::select! {
            connected = connecting => if let Ok(connection) = connected { client.keep(connection) },
            () = cancel.cancelled() => {}
        }
    });
}

fn misbehaved(error: &dyn std::error::Error) -> PeerFault {
    PeerFault { kind: PeerFaultKind::Misbehaved, what: error.to_string() }
}
