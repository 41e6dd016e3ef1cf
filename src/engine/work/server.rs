//! What is asked of the server that manages this computer: becoming known there, where we stand, its policy.

use std::{net::SocketAddr, path::Path, time::Duration};

use crate::{
    access::{GroupId, Head, SignedPolicy, compare_heads},
    engine::{
        event::Event,
        managed::{HeadsKept, ServerFault, ServerFaultKind, StandingAnswer, Ticket, Welcome},
        shell::Shell,
        task::{Candidate, ServerQuestion},
    },
    net::{
        call::{CallError, Connection, Fetched, Timeouts},
        tls::Expect,
    },
    platform::scope::with_numbers,
    share::{PeerId, PublicKey, ShareId},
    store,
    wire::{
        enrolled::{ANSWER_BYTES_MAX, EnrolRequest, Heads, POLICY_BYTES_MAX, Publication, Publish, Standing, Stands},
        paths,
    },
};

/// The server reads the list of files before it answers.
const PUBLISH_WAIT: Duration = Duration::from_secs(30);
/// The server answers after this at the latest when nothing changes.
const WAIT: Duration = Duration::from_secs(50);
const RESOLVE: Duration = Duration::from_secs(5);
/// A name leads to at most this many addresses.
const RESOLVED_MAX: usize = 8;

/// Shows a token at a server.
pub async fn enrol(shell: Shell, token: Option<u64>, ticket: Ticket) -> Event {
    let result = tokio::select! {
        result = welcome(&shell, &ticket) => result,
        () = shell.cancel.cancelled() => Err(unreachable("Handout is closing")),
    };
    Event::Enrolled { token, result: result.map(Box::new) }
}

async fn welcome(shell: &Shell, ticket: &Ticket) -> Result<Welcome, ServerFault> {
    let addresses = resolve(&ticket.address).await;
    if addresses.is_empty() {
        return Err(unreachable(&format!("{} is no name or address that this network knows", ticket.address)));
    }
    let mut connection = shell.client.connect(&addresses, Expect::Anyone, Timeouts::default()).await?;
    let (server, at) = (connection.peer(), connection.address());
    if !ticket.is_for(server) {
        let what = format!("another server answers there ({}) than the one that gave the token", server.short());
        return Err(ServerFault { kind: ServerFaultKind::Refused, what });
    }
    let me = shell.snapshots.borrow().me.clone();
    let request = EnrolRequest { token: ticket.token.clone(), name: me.name.clone() };
    let json = serde_json::to_vec(&request).unwrap_or_default();
    let answer = connection.post(paths::ENROL, json, Duration::ZERO, ANSWER_BYTES_MAX).await;
    let answer = answer.map_err(|error| match error {
        CallError::Refused { status: 404 | 405, .. } => {
            let what = "what answers there is no central server".to_owned();
            ServerFault { kind: ServerFaultKind::Refused, what }
        }
        error => error.into(),
    })?;
    let stands = stands(&answer, server, me.id)?;
    let policy = policy(&mut connection, server).await?;
    Ok(Welcome { server, at, stands, policy })
}

/// Asks where this computer stands; the server lets the answer wait until something changes.
pub async fn standing(shell: Shell, question: ServerQuestion) -> Event {
    let cancel = question.cancel.clone();
    let result = tokio::select! {
        result = ask(&shell, question) => result,
        () = cancel.cancelled() => Err(unreachable("it was not waited for")),
        () = shell.cancel.cancelled() => Err(unreachable("Handout is closing")),
    };
    Event::Stands { result }
}

async fn ask(shell: &Shell, question: ServerQuestion) -> Result<StandingAnswer, ServerFault> {
    let mut connection = connect(shell, question.server, question.addresses, &question.address).await?;
    let at = connection.address();
    let known = question.known.as_deref();
    let wait = if known.is_some() { WAIT } else { Duration::ZERO };
    let fetched = connection.get_if_changed(paths::STANDING, known, wait, ANSWER_BYTES_MAX).await?;
    shell.tell_time(&connection).await;
    match fetched {
        Fetched::Unchanged => Ok(StandingAnswer::Unchanged),
        Fetched::Body { bytes, etag } => {
            let me = shell.snapshots.borrow().me.id;
            let stands = Box::new(stands(&bytes, question.server, me)?);
            let newer = stands.policy_version > question.policy;
            let policy = if newer { Some(Box::new(policy(&mut connection, question.server).await?)) } else { None };
            Ok(StandingAnswer::New { etag, at, stands, policy })
        }
    }
}

/// Tells the server of a share that it shall keep, or asks how far it is.
pub async fn publish(
    shell: Shell,
    share: ShareId,
    groups: Vec<GroupId>,
    (server, address): (Candidate, String),
    begin: bool,
) -> Event {
    let asked = async {
        let peer = server.peer.ok_or_else(|| unreachable("nobody knows which server"))?;
        let mut connection = connect(&shell, peer, server.addresses, &address).await?;
        let bytes = if begin {
            let wish = Publish { share: share.to_string(), groups: groups.iter().map(|group| group.0).collect() };
            let json = serde_json::to_vec(&wish).unwrap_or_default();
            connection.post(paths::PUBLICATIONS, json, PUBLISH_WAIT, ANSWER_BYTES_MAX).await?
        } else {
            connection.get(&paths::publication(share), ANSWER_BYTES_MAX).await?
        };
        serde_json::from_slice::<Publication>(&bytes).map_err(|error| misbehaved(&error.to_string()))
    };
    let result = tokio::select! {
        result = asked => result,
        () = shell.cancel.cancelled() => Err(unreachable("Handout is closing")),
    };
    Event::Published { share, result }
}

/// Fetches where the server's audit log stands, compares it with what was kept, and keeps what is new.
pub async fn heads(shell: Shell, server: PeerId, addresses: Vec<SocketAddr>, address: String) -> Event {
    let asked = async {
        let mut connection = connect(&shell, server, addresses, &address).await?;
        let bytes = connection.get(paths::AUDIT_HEADS, ANSWER_BYTES_MAX).await?;
        let heads: Heads = serde_json::from_slice(&bytes).map_err(|error| misbehaved(&error.to_string()))?;
        let (signer, told) = heads.checked(server).ok_or_else(|| misbehaved("heads of an audit log that are none"))?;
        let home = shell.snapshots.borrow().me.home.clone();
        let kept = super::blocking(move || keep_heads(&home, server, signer, &told)).await;
        kept.unwrap_or_else(|| Err(unreachable("what was kept could not be read")))
    };
    let result = tokio::select! {
        result = asked => result,
        () = shell.cancel.cancelled() => Err(unreachable("Handout is closing")),
    };
    Event::Heads { result }
}

fn keep_heads(home: &Path, server: PeerId, signer: PublicKey, told: &[Head]) -> Result<HeadsKept, ServerFault> {
    let failed = |error: &dyn std::fmt::Display| unreachable(&error.to_string());
    let kept = store::read_heads(home, server).map_err(|error| failed(&error))?;
    match compare_heads(&kept, told, signer) {
        Ok(new) if new.is_empty() => Ok(HeadsKept { kept: kept.len(), broken: None }),
        Ok(new) => {
            store::append_heads(home, server, &kept, &new).map_err(|error| failed(&error))?;
            Ok(HeadsKept { kept: kept.len() + new.len(), broken: None })
        }
        // What was kept stays as it is: it is the proof.
        Err(broken) => Ok(HeadsKept { kept: kept.len(), broken: Some(broken) }),
    }
}

/// A connection to the server and nobody else, wherever it is.
pub async fn connect(
    shell: &Shell,
    server: PeerId,
    mut addresses: Vec<SocketAddr>,
    address: &str,
) -> Result<Connection, ServerFault> {
    // Where it announces itself it needs no name.
    if addresses.is_empty() {
        addresses = resolve(address).await;
    }
    Ok(shell.client.connect(&addresses, Expect::Peer(server), Timeouts::default()).await?)
}

async fn policy(connection: &mut Connection, server: PeerId) -> Result<SignedPolicy, ServerFault> {
    let wire = connection.get(paths::POLICY, POLICY_BYTES_MAX).await?;
    SignedPolicy::parse_of(&wire, server).map_err(|error| misbehaved(&error.to_string()))
}

fn stands(bytes: &[u8], server: PeerId, me: PeerId) -> Result<Stands, ServerFault> {
    let standing: Standing = serde_json::from_slice(bytes).map_err(|error| misbehaved(&error.to_string()))?;
    standing.checked(server, me).map_err(|what| misbehaved(&format!("{what} that can't be used")))
}

async fn resolve(address: &str) -> Vec<SocketAddr> {
    match tokio::time::timeout(RESOLVE, tokio::net::lookup_host(with_numbers(address))).await {
        Ok(Ok(addresses)) => addresses.take(RESOLVED_MAX).collect(),
        _ => vec![],
    }
}

impl From<CallError> for ServerFault {
    fn from(error: CallError) -> ServerFault {
        match error {
            CallError::Refused { status: 400..=428 | 430..=499, detail, .. } => {
                ServerFault { kind: ServerFaultKind::Refused, what: detail }
            }
            // 429 and what is wrong with the server itself pass.
            CallError::Refused { detail, .. } => unreachable(&detail),
            CallError::TooLarge { .. } | CallError::Malformed(_) | CallError::WrongPeer(_) => {
                misbehaved(&error.to_string())
            }
            CallError::Unreachable { .. } | CallError::TooSlow | CallError::Closed => unreachable(&error.to_string()),
        }
    }
}

fn unreachable(what: &str) -> ServerFault {
    ServerFault { kind: ServerFaultKind::Unreachable, what: what.to_owned() }
}

fn misbehaved(what: &str) -> ServerFault {
    ServerFault { kind: ServerFaultKind::Misbehaved, what: what.to_owned() }
}
