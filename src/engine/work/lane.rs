//! One connection for pieces: made here, then run on a thread of its own.

use std::{net::SocketAddr, sync::Arc};

use tokio_util::sync::CancellationToken;

use super::{errors, lane_sink::Sink, on_own_thread};
use crate::{
    engine::{
        event::{Event, Fact},
        fault::PeerFault,
        gauge::Gauge,
        shell::Shell,
    },
    net::{
        call::{CallError, Timeouts},
        piece_stream::{Lane, LaneEnd, LaneHandle, LaneLimits, PROTOCOL},
        tls::Expect,
    },
    share::{PeerId, Share},
    store::Partial,
    traffic::Rate,
    wire::paths,
};

/// What a lane belongs to.
pub struct Connection {
    pub shell: Shell,
    pub share: Arc<Share>,
    pub staging: Arc<Partial>,
    pub run: u64,
    pub peer: PeerId,
    pub lane: u64,
    pub gauge: Arc<Gauge>,
    /// It gives way to whatever else is done on this computer.
    pub background: bool,
}

/// Above this, what the system takes ahead from the wire does not count beside the limit.
const SMALL_LIMIT: u64 = 8 << 20;
/// The system takes so much ahead at least; with less, no whole packet of a fast interface fits.
const RECEIVE_BUFFER_MIN: u64 = 16 << 10;

impl Connection {
    pub async fn run(self, addresses: Vec<SocketAddr>, cancel: CancellationToken) -> Fact {
        let (peer, lane) = (self.peer, self.lane);
        let opened = tokio::select! {
            opened = self.open(&addresses) => opened,
            () = cancel.cancelled() => return Fact::LaneEnded { peer, lane, fault: None },
        };
        let fault = match opened {
            Ok((handle, open)) => self.work(handle, open, cancel).await,
            Err(fault) => Some(fault),
        };
        Fact::LaneEnded { peer, lane, fault }
    }

    async fn open(&self, addresses: &[SocketAddr]) -> Result<(LaneHandle, Lane), PeerFault> {
        let connection = self.shell.client.connect(addresses, Expect::Peer(self.peer), Timeouts::default()).await?;
        let pipe = connection.upgrade(&paths::stream(self.share.id()), PROTOCOL).await?;
        let sink = Sink::new(self);
        // The swarm bounds what is asked of one peer; the lane takes all of it.
        let receive_buffer = self.receive_buffer();
        let limits = LaneLimits { queue: 256, in_flight: 32, receive_buffer, ..LaneLimits::default() };
        let lane = Lane::new(pipe, Box::new(sink), limits);
        Ok(lane.map_err(|error| CallError::Malformed(error.to_string()))?)
    }

    /// Under a small limit, about an eighth of a second's worth: what is not read yet is not taken from the wire either.
    fn receive_buffer(&self) -> Option<usize> {
        let plan = self.shell.served.plan();
        let own = plan.each.get(&self.share.id()).map(|(limits, _)| *limits).unwrap_or_default();
        let limit = plan.total.and(own).down.map(Rate::get).filter(|limit| *limit < SMALL_LIMIT)?;
        usize::try_from((limit / 8).max(RECEIVE_BUFFER_MIN)).ok()
    }

    async fn work(&self, handle: LaneHandle, open: Lane, cancel: CancellationToken) -> Option<PeerFault> {
        let (peer, lane) = (self.peer, self.lane);
        tracing::trace!(peer = %peer.short(), lane, "a connection for pieces is there");
        let fact = Fact::LaneOpened { peer, lane, handle: handle.clone() };
        self.shell.tell(Event::Transfer { share: self.share.id(), run: self.run, fact }).await;
        let closing = self.shell.cancel.clone();
        let mut thread = std::pin::pin!(on_own_thread(self.background, move || open.run()));
        let end = tokio::select! {
            end = &mut thread => end,
            () = cancelled(cancel, closing) => {
                handle.close();
                thread.await
            }
        };
        match end {
            Some(LaneEnd::Failed(error)) => Some(error.into()),
            Some(LaneEnd::Idle | LaneEnd::Closed) => None,
            None => Some(errors::crashed()),
        }
    }
}

async fn cancelled(one: CancellationToken, other: CancellationToken) {
    tokio::select! { () = one.cancelled() => {}, () = other.cancelled() => {} }
}
