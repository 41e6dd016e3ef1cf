//! Asking a peer what it gives, and a typed address who it is.

use std::{net::SocketAddr, time::Duration};

use serde::de::DeserializeOwned;
use tokio_util::sync::CancellationToken;

use super::unreachable;
use crate::{
    engine::{
        event::{CatalogueAnswer, Event, Greeting, Introduction},
        fault::{PeerFault, PeerFaultKind},
        shell::Shell,
    },
    net::{
        call::{CallError, Connection, Fetched, Timeouts},
        tls::Expect,
    },
    platform::scope::with_numbers,
    share::PeerId,
    wire::{
        paths,
        peer::{ANSWER_BYTES_MAX, AROUND_MAX, Around, CATALOGUE_BYTES_MAX, Catalogue, Device, Neighbour, presentable},
    },
};

/// A peer that does not announce changes is asked to answer when there is one, after this at the latest.
const WAIT: Duration = Duration::from_secs(50);
/// A typed name leads to at most this many addresses.
const RESOLVED_MAX: usize = 8;

/// One question for a catalogue.
pub async fn ask(
    shell: Shell,
    peer: PeerId,
    addresses: Vec<SocketAddr>,
    known: Option<u64>,
    wait: bool,
    cancel: CancellationToken,
) -> Event {
    let question = async {
        // Those who wait for a change hold no place, since they ask for nothing.
        let _place = if wait { None } else { shell.catalogues.acquire().await.ok() };
        answer(&shell, peer, &addresses, known, wait).await
    };
    let result = tokio::select! {
        result = question => result,
        () = cancel.cancelled() => Err(unreachable("it is gone".to_owned())),
        () = shell.cancel.cancelled() => Err(unreachable("Handout is closing".to_owned())),
    };
    Event::Catalogue { peer, result }
}

async fn answer(
    shell: &Shell,
    peer: PeerId,
    addresses: &[SocketAddr],
    known: Option<u64>,
    wait: bool,
) -> Result<(SocketAddr, CatalogueAnswer), PeerFault> {
    let mut connection = shell.client.connect(addresses, Expect::Peer(peer), Timeouts::default()).await?;
    let at = connection.address();
    let etag = known.map(|revision| format!("\"{revision}\""));
    let patience = if wait { WAIT } else { Duration::ZERO };
    let fetched = connection.get_if_changed(paths::SHARES, etag.as_deref(), patience, CATALOGUE_BYTES_MAX).await?;
    shell.tell_time(&connection).await;
    let Fetched::Body { bytes, .. } = fetched else {
        // Where nobody announces anything, others who came are learned of with each answer.
        let neighbours = if wait { neighbours(&mut connection).await? } else { vec![] };
        shell.client.keep(connection);
        return Ok((at, CatalogueAnswer::Unchanged { neighbours }));
    };
    let catalogue: Catalogue = parse(&bytes)?;
    tracing::trace!(peer = %peer.short(), revision = catalogue.revision, "its catalogue is here");
    let device = if known.is_none() { Some(introduction(&mut connection, peer).await?) } else { None };
    let neighbours = neighbours(&mut connection).await?;
    shell.client.keep(connection);
    let (revision, offers) = (catalogue.revision, catalogue.offers());
    Ok((at, CatalogueAnswer::New { revision, offers, neighbours, device }))
}

async fn neighbours(connection: &mut Connection) -> Result<Vec<Neighbour>, PeerFault> {
    let around: Around = ask_json(connection, paths::PEERS).await?;
    Ok(around.peers.into_iter().take(AROUND_MAX).collect())
}

async fn introduction(connection: &mut Connection, peer: PeerId) -> Result<Introduction, PeerFault> {
    let device: Device = ask_json(connection, paths::DEVICE).await?;
    let name = presentable(&device.name).unwrap_or_else(|| peer.short());
    Ok(Introduction { name, server: device.role == "server" })
}

async fn ask_json<T: DeserializeOwned>(connection: &mut Connection, path: &str) -> Result<T, PeerFault> {
    parse(&connection.get(path, ANSWER_BYTES_MAX).await?)
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, PeerFault> {
    let malformed = |error: serde_json::Error| CallError::Malformed(error.to_string());
    Ok(serde_json::from_slice(bytes).map_err(malformed)?)
}

/// Finds out who answers at an address that a person gave.
pub async fn greet(shell: Shell, address: String) -> Event {
    let result = tokio::select! {
        result = greeting(&shell, &address) => result,
        () = shell.cancel.cancelled() => Err(unreachable("Handout is closing".to_owned())),
    };
    Event::Greeted { address, result }
}

async fn greeting(shell: &Shell, address: &str) -> Result<Greeting, PeerFault> {
    let resolved = tokio::time::timeout(Duration::from_secs(5), tokio::net::lookup_host(with_numbers(address))).await;
    let unknown = || PeerFault {
        kind: PeerFaultKind::Unreachable,
        what: format!("{address} is not a name or address with a port that this network knows"),
    };
    let addresses: Vec<SocketAddr> =
        resolved.map_err(|_| unknown())?.map_err(|_| unknown())?.take(RESOLVED_MAX).collect();
    let mut connection = shell.client.connect(&addresses, Expect::Anyone, Timeouts::default()).await?;
    let (peer, at) = (connection.peer(), connection.address());
    let Introduction { name, server } = introduction(&mut connection, peer).await?;
    Ok(Greeting { peer, name, server, at })
}
