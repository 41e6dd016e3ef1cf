//! Following what a peer has of a share: first whom else it knows who has some, then all it has, then each piece it gains.

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
        peer::{ANSWER_BYTES_MAX, AROUND_MAX, Around},
    },
};

/// A peer says that it is still there every 10 s.
const SILENCE_MAX: Duration = Duration::from_secs(25);

/// One stream.
pub struct Stream {
    pub shell: Shell,
    pub share: Arc<Share>,
    pub run: u64,
    pub peer: PeerId,
}

impl Stream {
    pub async fn follow(self, addresses: Vec<SocketAddr>, cancel: CancellationToken) -> Fact {
        let fault = tokio::select! {
            result = self.read(&addresses) => result.err(),
            () = cancel.cancelled() => None,
            () = self.shell.cancel.cancelled() => None,
        };
        Fact::HaveEnded { peer: self.peer, fault }
    }

    async fn read(&self, addresses: &[SocketAddr]) -> Result<(), PeerFault> {
        let mut connection = self.shell.client.connect(addresses, Expect::Peer(self.peer), Timeouts::default()).await?;
        let around = connection.get(&paths::share_peers(self.share.id()), ANSWER_BYTES_MAX).await?;
        let around: Around = serde_json::from_slice(&around).map_err(|error| misbehaved(error.to_string()))?;
        let neighbours = around.peers.into_iter().take(AROUND_MAX).collect();
        self.tell(Fact::Introduced { neighbours }).await;
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
