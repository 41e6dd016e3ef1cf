//! The network room against real sockets on this computer, with real TLS.

mod calls;
mod curl;
mod discovery;
mod hostile;
mod limits;
mod pieces;
mod strangers;

use std::{future::Future, net::SocketAddr, time::Duration};

use axum::Router;
use handout::net::{
    call::{Client, Connection, Timeouts},
    identity::Identity,
    listen::{self, Limits, Listener},
    tls::{self, Expect},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// A listener with a router, until it is dropped.
pub struct Server {
    pub identity: Identity,
    pub address: SocketAddr,
    pub cancel: CancellationToken,
    pub tracker: TaskTracker,
}

impl Server {
    pub fn start(router: Router, limits: Limits) -> Server {
        Server::start_with(router, limits, CancellationToken::new(), TaskTracker::new())
    }

    pub fn start_with(router: Router, limits: Limits, cancel: CancellationToken, tracker: TaskTracker) -> Server {
        let identity = Identity::ephemeral().unwrap();
        let listener = Listener::bind(Some("127.0.0.1:0".parse().unwrap())).unwrap();
        let address = listener.address();
        let config = tls::server_config(&identity).unwrap();
        tracker.spawn(listen::serve(listener, config, router, limits, cancel.clone(), tracker.clone()));
        Server { identity, address, cancel, tracker }
    }

    /// A connection of somebody to this server.
    pub async fn call(&self) -> Connection {
        self.call_as(&Client::new(Identity::ephemeral().unwrap())).await
    }

    pub async fn call_as(&self, client: &Client) -> Connection {
        client.connect(&[self.address], Expect::Peer(self.identity.id()), Timeouts::default()).await.unwrap()
    }

    /// Ends, and waits until nothing of it is left.
    pub async fn stop(&self) {
        self.cancel.cancel();
        self.tracker.close();
        soon(self.tracker.wait()).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

/// Nothing in these tests takes this long, on any computer.
pub const SOON: Duration = Duration::from_secs(20);

pub async fn soon<F: Future>(future: F) -> F::Output {
    tokio::time::timeout(SOON, future).await.expect("it should have ended by now")
}
