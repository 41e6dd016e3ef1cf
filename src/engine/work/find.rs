//! Asking those who may have a share for its manifest and piece hashes, one after the other, until one has them.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::{
    engine::{
        event::{Fact, Found, NotFound},
        fault::{PeerFault, PeerFaultKind},
        shell::Shell,
        task::Candidate,
    },
    net::{call::Timeouts, tls::Expect},
    share::{MANIFEST_BYTES_MAX, PieceHashes, Share, ShareId, SignedManifest},
    wire::paths,
};

/// The signature before the manifest.
const SIGNATURE_BYTES: usize = 64;

pub async fn find(shell: Shell, id: ShareId, candidates: Vec<Candidate>, cancel: CancellationToken) -> Fact {
    let result = tokio::select! {
        result = ask_each(&shell, id, candidates) => result,
        () = cancel.cancelled() => Err(NotFound { asked: vec![], fault: None }),
        () = shell.cancel.cancelled() => Err(NotFound { asked: vec![], fault: None }),
    };
    Fact::Found { result }
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
    let wire = connection.get(&paths::manifest(id), MANIFEST_BYTES_MAX + SIGNATURE_BYTES).await?;
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
    Ok(Found { share: Arc::new(share), from, name, at: connection.address() })
}

fn misbehaved(error: &dyn std::error::Error) -> PeerFault {
    PeerFault { kind: PeerFaultKind::Misbehaved, what: error.to_string() }
}
