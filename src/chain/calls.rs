//! Calls to servers above: each is pinned to the server's key, and over when its time is.

use std::time::Duration;

use super::{Upstream, forms, resolve};
use crate::{
    lookup::{Answer, Query, Reason},
    net::{
        call::{CallError, Client, Connection, Timeouts},
        tls::Expect,
    },
    share::{PeerId, ShareId},
    wire::{paths, peer, server},
};

/// A server that does not take a connection in this time is not there.
const CONNECT: Duration = Duration::from_secs(3);
const PROBE: Duration = Duration::from_secs(5);

/// Asks, and reads the answer; `Err` where there is none that makes sense.
pub async fn ask(client: &Client, upstream: &Upstream, query: Query) -> Result<Answer, Reason> {
    let budget = query.budget;
    let asked = async {
        let mut connection = connect(client, upstream, budget).await?;
        let question = server::to_bytes(&forms::question(&query));
        let reply =
            connection.post(paths::LOOKUP, question, budget, server::REPLY_BYTES_MAX).await.map_err(reason_of)?;
        // Reading a long answer checks signatures, which must not hold up others.
        let read = tokio::task::spawn_blocking(move || forms::read_reply(&reply));
        read.await.map_err(|_| Reason::Corrupt)?.map_err(|error| {
            tracing::warn!(server = %upstream.id, %error, "a server above answered nonsense");
            Reason::Corrupt
        })
    };
    tokio::time::timeout(budget, asked).await.unwrap_or(Err(Reason::Timeout))
}

/// Wishes that a server above has a share in hand.
pub async fn bring(
    client: &Client,
    upstream: &Upstream,
    share: ShareId,
    passed: Vec<PeerId>,
    budget: Duration,
) -> Result<(), Reason> {
    let asked = async {
        let mut connection = connect(client, upstream, budget).await?;
        let bring = server::to_bytes(&forms::bring(share, &passed, budget));
        let brought =
            connection.post(paths::BRING, bring, budget, server::QUESTION_BYTES_MAX).await.map_err(reason_of)?;
        match server::Brought::parse(&brought) {
            Ok(server::Brought::Ready) => Ok(()),
            Ok(server::Brought::Refused(missing)) => Err(forms::reason(missing.reason)),
            Err(_) => Err(Reason::Corrupt),
        }
    };
    tokio::time::timeout(budget, asked).await.unwrap_or(Err(Reason::Timeout))
}

/// Who was met at an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Met {
    /// The server that is meant.
    Itself,
    /// A server with another key.
    Another(PeerId),
    /// None that makes sense.
    Nobody,
}

/// Whether a server is there and is the one that is meant.
pub async fn probe(client: &Client, upstream: &Upstream) -> Met {
    let asked = async {
        let mut connection = dial(client, upstream, PROBE).await?;
        connection.get(paths::DEVICE, peer::ANSWER_BYTES_MAX).await
    };
    match tokio::time::timeout(PROBE, asked).await {
        Ok(Ok(_)) => Met::Itself,
        Ok(Err(CallError::WrongPeer(wrong))) => Met::Another(wrong.found),
        Ok(Err(_)) | Err(_) => Met::Nobody,
    }
}

pub(super) async fn connect(client: &Client, upstream: &Upstream, budget: Duration) -> Result<Connection, Reason> {
    dial(client, upstream, budget).await.map_err(|error| {
        tracing::debug!(server = %upstream.id, %error, "a server above can't be reached");
        reason_of(error)
    })
}

async fn dial(client: &Client, upstream: &Upstream, budget: Duration) -> Result<Connection, CallError> {
    let addresses = resolve::addresses(&upstream.address).await;
    let timeouts = Timeouts { connect: budget.min(CONNECT), answer: budget, ..Timeouts::default() };
    client.connect(&addresses, Expect::Peer(upstream.id), timeouts).await
}

pub(super) fn reason_of(error: CallError) -> Reason {
    match error {
        CallError::Unreachable { .. } | CallError::WrongPeer(_) | CallError::Closed => Reason::Unreachable,
        CallError::Refused { status: 503 | 429, .. } => Reason::Overloaded,
        CallError::Refused { status: 401 | 403, .. } => Reason::Denied,
        // One that knows no such path is no server.
        CallError::Refused { .. } => Reason::Unreachable,
        CallError::TooSlow => Reason::Timeout,
        CallError::TooLarge { .. } | CallError::Malformed(_) => Reason::Corrupt,
    }
}
