//! Tells the engine to which computers this server gives: the policy, the list of enrolled computers and the servers below.
//! It is told at once of what is changed here, and within seconds of what the console or another process changed.

use std::{collections::BTreeMap, sync::Arc};

use super::{Server, follow::EVERY, now_s};
use crate::{access::Admission, store::central::CentralError};

impl Server {
    /// Reads who is enrolled, and lets that and the policy hold.
    pub(super) async fn admit(&self) -> Result<(), CentralError> {
        let _turn = self.admitting.lock().await;
        let rows = self.central.devices().await?.into_iter();
        let computers: BTreeMap<_, _> = rows.map(|row| (row.peer, row.actor())).collect();
        let servers = self.config.downstreams.clone();
        self.shelf.admit(Admission::new(self.policy(), computers, servers, now_s())).await;
        Ok(())
    }
}

/// Goes on until the server ends.
pub(super) async fn follow(server: Arc<Server>) {
    let mut policy = server.policy.subscribe();
    // Whoever changes the list of computers writes it into the log.
    let mut logged = None;
    loop {
        tokio::select! {
            () = tokio::time::sleep(EVERY) => {}
            Ok(()) = policy.changed() => {}
            () = server.cancel.cancelled() => return,
        }
        let rules = server.shelf.admission();
        let now = server.central.audit_seq().await.ok();
        let same = now.is_some() && now == logged;
        if same && rules.is_some_and(|rules| rules.still_holds(&server.policy(), now_s())) {
            continue;
        }
        match server.admit().await {
            Ok(()) => logged = now,
            Err(error) => tracing::warn!(%error, "which computers are enrolled could not be read"),
        }
    }
}
