//! From `HOST:PORT` to addresses.

use std::{net::SocketAddr, time::Duration};

const RESOLVE: Duration = Duration::from_secs(2);

/// The addresses of a host; none where it has none.
pub async fn addresses(address: &str) -> Vec<SocketAddr> {
    let known = known(address);
    if !known.is_empty() {
        return known;
    }
    match tokio::time::timeout(RESOLVE, tokio::net::lookup_host(address)).await {
        Ok(Ok(found)) => found.take(16).collect(),
        Ok(Err(error)) => {
            tracing::debug!(%address, %error, "a server's name has no address");
            vec![]
        }
        Err(_) => vec![],
    }
}

/// The address itself, where it is one.
pub fn known(address: &str) -> Vec<SocketAddr> {
    address.parse().into_iter().collect()
}
