//! Computers that were met, so that they can be asked again on networks where nobody can announce themselves.

use std::{net::SocketAddr, time::SystemTime};

use sqlx::Row as _;

use super::shares::{seconds, time};
use crate::{
    share::PeerId,
    store::database::{Database, DatabaseError},
};

/// A computer that was met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RememberedPeer {
    pub id: PeerId,
    /// What it called itself.
    pub name: String,
    /// The best first; at most [`ADDRESSES_MAX`] are kept.
    pub addresses: Vec<SocketAddr>,
    /// To the second.
    pub last_seen: SystemTime,
}

/// As many as a peer may announce.
pub const ADDRESSES_MAX: usize = 16;
/// Beyond so many, those not seen for longest are forgotten.
pub const PEERS_MAX: i64 = 4_096;
/// A name that came from the network is cut to this many bytes.
const NAME_BYTES_MAX: usize = 255;

impl Database {
    /// Writes a peer down, or what is known of it by now.
    pub async fn remember_peer(&self, peer: &RememberedPeer) -> Result<(), DatabaseError> {
        let mut transaction = self.writer.begin_with("BEGIN IMMEDIATE").await?;
        let addresses = peer.addresses.iter().take(ADDRESSES_MAX).map(SocketAddr::to_string);
        let addresses = addresses.collect::<Vec<_>>().join("\n");
        let statement = "INSERT INTO peers (id, name, addresses, last_seen_s) VALUES (?, ?, ?, ?) \
            ON CONFLICT (id) DO UPDATE SET name = excluded.name, addresses = excluded.addresses, \
            last_seen_s = excluded.last_seen_s";
        sqlx::query(statement)
            .bind(&peer.id.0[..])
            .bind(crate::store::names::cut(&peer.name, NAME_BYTES_MAX))
            .bind(addresses)
            .bind(seconds(peer.last_seen))
            .execute(&mut *transaction)
            .await?;
        let forget = "DELETE FROM peers WHERE id IN \
            (SELECT id FROM peers ORDER BY last_seen_s DESC, id LIMIT -1 OFFSET ?)";
        sqlx::query(forget).bind(PEERS_MAX).execute(&mut *transaction).await?;
        Ok(transaction.commit().await?)
    }

    /// All peers that are remembered, the one seen last first.
    pub async fn peers(&self) -> Result<Vec<RememberedPeer>, DatabaseError> {
        let statement = "SELECT id, name, addresses, last_seen_s FROM peers ORDER BY last_seen_s DESC, id";
        let mut peers = vec![];
        for row in sqlx::query(statement).fetch_all(&self.readers).await? {
            let id: Vec<u8> = row.try_get("id")?;
            let Ok(id) = id.try_into() else { continue };
            let addresses: &str = row.try_get("addresses")?;
            peers.push(RememberedPeer {
                id: PeerId(id),
                name: row.try_get("name")?,
                addresses: addresses.lines().filter_map(|address| address.parse().ok()).collect(),
                last_seen: time(row.try_get("last_seen_s")?),
            });
        }
        Ok(peers)
    }
}
