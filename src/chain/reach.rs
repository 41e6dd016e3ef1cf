//! Plain questions to a server above, beside those of the chain: whether it answers, and what it keeps for this one.

use std::time::Duration;

use super::{Reason, Upstream, calls};
use crate::net::call::Client;

/// A server above has so long to answer.
const PATIENCE: Duration = Duration::from_secs(5);

pub use super::calls::Met;

/// Who answers at its address.
pub async fn who_answers(client: &Client, upstream: &Upstream) -> Met {
    calls::probe(client, upstream).await
}

/// Sends JSON, and reads at most `limit` bytes of answer.
pub async fn post(
    client: &Client,
    upstream: &Upstream,
    path: &str,
    json: Vec<u8>,
    limit: usize,
) -> Result<Vec<u8>, Reason> {
    let asked = async {
        let mut connection = calls::connect(client, upstream, PATIENCE).await?;
        let answer = connection.post(path, json, PATIENCE, limit).await.map_err(calls::reason_of)?;
        Ok(answer.to_vec())
    };
    tokio::time::timeout(PATIENCE, asked).await.unwrap_or(Err(Reason::Timeout))
}

/// Asks for something of at most `limit` bytes.
pub async fn get(client: &Client, upstream: &Upstream, path: &str, limit: usize) -> Result<Vec<u8>, Reason> {
    let asked = async {
        let mut connection = calls::connect(client, upstream, PATIENCE).await?;
        Ok(connection.get(path, limit).await.map_err(calls::reason_of)?.to_vec())
    };
    tokio::time::timeout(PATIENCE, asked).await.unwrap_or(Err(Reason::Timeout))
}
