//! Following what a peer has of a share: first all of it, then each piece it gains; and meanwhile, whom else it knows who
//! has some.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use crate::{
    engine::{
        event::{Event, Fact},
        fault::{PeerFault, PeerFaultKind},
        shell::Shell,
    },
    net::{
        call::{BodyStream, Timeouts},
        tls::Expect,
    },
    share::{Bitmap, PeerId, Share},
    wire::{
        paths::{self, HAVE_ALIVE},
        peer::{ANSWER_BYTES_MAX, AROUND_MAX, Around, Neighbour},
    },
};

/// A peer says that it is still there every 10 s.
const SILENCE_MAX: Duration = Duration::from_secs(25);
/// When a peer is asked whom it knows: at once, often while a room of people begins, and then now and then.
const INTRODUCTIONS_AFTER: [Duration; 5] = [
    Duration::ZERO,
    Duration::from_millis(500),
    Duration::from_secs(2),
    Duration::from_secs(10),
    Duration::from_secs(60),
];

/// One stream.
pub struct Stream {
    pub shell: Shell,
    pub share: Arc<Share>,
    pub run: u64,
    pub peer: PeerId,
}

impl Stream {
    pub async fn follow(self, addresses: Vec<SocketAddr>, cancel: CancellationToken) -> Fact {
        let read = async {
            let result = self.read(&addresses).await;
            if result.is_ok() {
                // Who has everything has no more pieces to tell of, and still meets others.
                std::future::pending::<()>().await;
            }
            result
        };
        let fault = tokio::select! {
            result = read => result.err(),
            () = self.meet_others(&addresses) => None,
            () = cancel.cancelled() => None,
            () = self.shell.cancel.cancelled() => None,
        };
        Fact::HaveEnded { peer: self.peer, fault }
    }

    async fn read(&self, addresses: &[SocketAddr]) -> Result<(), PeerFault> {
        let connection = self.shell.client.connect(addresses, Expect::Peer(self.peer), Timeouts::default()).await?;
        let mut body = connection.get_stream(&paths::have(self.share.id()), SILENCE_MAX).await?;
        let pieces = self.share.pieces();
        let bytes = pieces.count().div_ceil(8) as usize;
        let mut buffer = vec![];
        fill(&mut body, &mut buffer, bytes).await?;
        let have = Bitmap::from_bytes(pieces, &buffer[..bytes]).map_err(|error| misbehaved(error.to_string()))?;
        buffer.drain(..bytes);
        let complete = have.is_full();
        tracing::trace!(peer = %self.peer.short(), pieces = have.count(), "what it has is known");
        self.tell(Fact::HaveLearned { peer: self.peer, have }).await;
        // Who has everything has no more to tell.
        if complete {
            return Ok(());
        }
        loop {
            fill(&mut body, &mut buffer, 4).await?;
            let (numbers, rest) = buffer.as_chunks::<4>();
            let numbers: Vec<u32> = numbers.iter().map(|number| u32::from_be_bytes(*number)).collect();
            buffer = rest.to_vec();
            for number in numbers.into_iter().filter(|number| *number != HAVE_ALIVE) {
                let piece = pieces.index(number);
                let piece =
                    piece.ok_or_else(|| misbehaved(format!("it told of a piece {number}, which there is not")))?;
                self.tell(Fact::PieceGained { peer: self.peer, piece }).await;
            }
        }
    }

    /// Never ends. An answer that does not come is asked for again when the next is due.
    async fn meet_others(&self, addresses: &[SocketAddr]) {
        let last = INTRODUCTIONS_AFTER.last().copied().unwrap_or(SILENCE_MAX);
        for after in INTRODUCTIONS_AFTER.into_iter().chain(std::iter::repeat(last)) {
            tokio::time::sleep(after).await;
            match self.ask_for_others(addresses).await {
                Ok(neighbours) => self.tell(Fact::Introduced { peer: self.peer, neighbours }).await,
                Err(fault) => tracing::debug!(peer = %self.peer.short(), why = fault.what, "tells of nobody"),
            }
        }
    }

    async fn ask_for_others(&self, addresses: &[SocketAddr]) -> Result<Vec<Neighbour>, PeerFault> {
        let mut connection = self.shell.client.connect(addresses, Expect::Peer(self.peer), Timeouts::default()).await?;
        let around = connection.get(&paths::share_peers(self.share.id()), ANSWER_BYTES_MAX).await?;
        self.shell.client.keep(connection);
        let around: Around = serde_json::from_slice(&around).map_err(|error| misbehaved(error.to_string()))?;
        Ok(around.peers.into_iter().take(AROUND_MAX).collect())
    }

    async fn tell(&self, fact: Fact) {
        self.shell.tell(Event::Transfer { share: self.share.id(), run: self.run, fact }).await;
    }
}

/// Reads until `buffer` has at least `bytes`.
async fn fill(body: &mut BodyStream, buffer: &mut Vec<u8>, bytes: usize) -> Result<(), PeerFault> {
    while buffer.len() < bytes {
        match body.chunk().await? {
            Some(chunk) => buffer.extend_from_slice(&chunk),
            None => return Err(super::unreachable("it stopped telling what it has".to_owned())),
        }
    }
    Ok(())
}

fn misbehaved(what: String) -> PeerFault {
    PeerFault { kind: PeerFaultKind::Misbehaved, what }
}
