//! The overview, and what is hidden.

use axum::{Extension, extract::State, response::IntoResponse as _};

use super::{Answer, Caller, OurServer};
use crate::{
    access::{About, Action},
    server::{
        Server, now_s,
        pages::{self, Frame, Overview},
    },
};

pub(in crate::server) async fn overview(State(server): OurServer, Extension(visit): Caller) -> Answer {
    drop(server.allow(&visit, Action::SeeStorage, About::Nothing, "").await?);
    let page = Overview {
        usage: server.central.total_usage().await?,
        people: server.central.people().await?.len(),
        devices: server.central.devices().await?.len(),
        free_bytes: server.free_bytes(),
        total_bytes: fs4::total_space(&server.config.home).ok(),
        reserve_bytes: server.config.reserve_bytes,
        database: server.config.database.shown(),
        addresses: server.authority.addresses(),
        fingerprint: server.authority.fingerprint(),
        started_s: server.started_s,
        policy_version: server.policy().version,
    };
    Ok(pages::overview(&Frame::of(&server, &visit), &page).into_response())
}

pub(in crate::server) async fn quarantine(State(server): OurServer, Extension(visit): Caller) -> Answer {
    drop(server.allow(&visit, Action::Quarantine, About::Nothing, "").await?);
    let shares = server.central.quarantined().await?;
    Ok(pages::quarantine(&Frame::of(&server, &visit), &shares, now_s()).into_response())
}

impl Server {
    /// What is free on the disk of the home folder; `None` where the system does not tell.
    pub(in crate::server) fn free_bytes(&self) -> Option<u64> {
        fs4::available_space(&self.config.home).ok()
    }

    /// The name that people see.
    pub(in crate::server) fn name(&self) -> String {
        self.config.name.clone().unwrap_or_else(|| self.engine.snapshot().me.name.clone())
    }
}
