//! One connection out of several addresses, without waiting for the dead ones (after RFC 8305, "happy eyeballs").

use futures_util::{StreamExt, stream::FuturesUnordered};
use rustls::ClientConfig;
use std::io;
use tokio_rustls::TlsConnector;

use super::*;
use crate::net::socket;

/// How many addresses of one peer are tried.
const MOST_ADDRESSES: usize = 16;

/// How long an address may take before the next one is tried beside it (RFC 8305 §5).
const HEAD_START: Duration = Duration::from_millis(250);

/// The first address at which the handshake succeeds. All together may take as long as `limit`.
pub(super) async fn first(
    addresses: &[SocketAddr],
    config: Arc<ClientConfig>,
    limit: Duration,
) -> Result<(TlsStream<TcpStream>, SocketAddr), CallError> {
    let addresses = &addresses[..addresses.len().min(MOST_ADDRESSES)];
    let unreachable = |reason: String| CallError::Unreachable { tried: list(addresses), reason };
    if addresses.is_empty() {
        return Err(CallError::Unreachable { tried: "any address".to_owned(), reason: "none is known".to_owned() });
    }
    match timeout(limit, race(addresses, config)).await {
        Ok(Ok(won)) => Ok(won),
        Ok(Err(error)) => match error.get_ref().and_then(|cause| cause.downcast_ref()).and_then(tls::wrong_peer) {
            Some(wrong) => Err(CallError::WrongPeer(wrong)),
            None => Err(unreachable(error.to_string())),
        },
        Err(_) => Err(unreachable(format!("no answer within {} s", limit.as_secs_f32()))),
    }
}

async fn race(
    addresses: &[SocketAddr],
    config: Arc<ClientConfig>,
) -> Result<(TlsStream<TcpStream>, SocketAddr), io::Error> {
    let mut waiting = addresses.iter().copied();
    let mut trying = FuturesUnordered::new();
    let mut worst: Option<io::Error> = None;
    loop {
        if let Some(address) = waiting.next() {
            trying.push(handshake(address, config.clone()));
        }
        let result = tokio::select! {
            Some(result) = trying.next() => result,
            () = sleep(HEAD_START), if waiting.len() > 0 => continue,
            else => return Err(worst.unwrap_or_else(|| io::ErrorKind::NotFound.into())),
        };
        match result {
            Ok(won) => return Ok(won),
            // Another key tells more than a dead address, so that is what is told in the end.
            Err(error) if worst.is_none() || error.kind() == io::ErrorKind::InvalidData => worst = Some(error),
            Err(_) => {}
        }
    }
}

async fn handshake(
    address: SocketAddr,
    config: Arc<ClientConfig>,
) -> Result<(TlsStream<TcpStream>, SocketAddr), io::Error> {
    let socket = TcpStream::connect(address).await?;
    socket::tune(&socket)?;
    let stream = TlsConnector::from(config).connect(tls::any_name(), socket).await?;
    Ok((stream, address))
}

fn list(addresses: &[SocketAddr]) -> String {
    let shown: Vec<_> = addresses.iter().take(3).map(SocketAddr::to_string).collect();
    let more = addresses.len() - shown.len();
    if more == 0 { shown.join(", ") } else { format!("{} and {more} more", shown.join(", ")) }
}
