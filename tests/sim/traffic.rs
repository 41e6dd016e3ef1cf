//! Requests and pieces on their way. An upload goes out in chunks, by turns with the other uploads of its node, and waits
//! for its receiver as TCP does; every request ends in one answer.

use std::time::Duration;

use handout::{
    share::PieceIndex,
    swarm::{Input, upload_slots::Admit},
};

use super::{
    network::{Answer, Event, Network},
    node::{Kind, Upload},
};

/// Bytes that go out at once.
const CHUNK: u64 = 128 << 10;
/// Chunks on their way to a receiver before the sender waits for it.
const WINDOW: u64 = 4;
/// A worker gives a request up after this long without a byte.
pub const WORKER_PATIENCE: Duration = Duration::from_secs(15);

impl Network {
    pub(super) fn asked(&mut self, by: usize, of: usize, piece: PieceIndex, request: u64) -> usize {
        let now = self.world.now();
        let delay = self.nodes[of].line.delay;
        let peer = self.nodes[by].id;
        let server = &mut self.nodes[of];
        if !server.here {
            self.answer_in(WORKER_PATIENCE, by, of, piece, request, Answer::Failed);
            return of;
        }
        match server.kind {
            Kind::Silent => self.answer_in(WORKER_PATIENCE, by, of, piece, request, Answer::Failed),
            Kind::Honest if !server.swarm.have().contains(piece) => {
                self.answer_in(delay, by, of, piece, request, Answer::Missing);
            }
            Kind::Honest | Kind::Liar => match server.slots.admit(now, peer) {
                Admit::Granted(slot) => {
                    let left = u64::from(self.pieces.len(piece));
                    server.uploads.push_back(Upload { to: by, piece, request, left, unconfirmed: 0, slot });
                    self.send_on(of);
                }
                Admit::Refused { retry_after } => {
                    self.answer_in(delay, by, of, piece, request, Answer::Refused { retry_after });
                }
            },
        }
        of
    }

    pub(super) fn cancelled(&mut self, by: usize, of: usize, request: u64) -> usize {
        let now = self.world.now();
        let node = &mut self.nodes[of];
        if let Some(place) = node.uploads.iter().position(|upload| upload.to == by && upload.request == request)
            && let Some(upload) = node.uploads.remove(place)
        {
            node.slots.release(now, upload.slot);
        }
        of
    }

    /// The next chunk of the next upload whose receiver keeps up.
    pub(super) fn send_on(&mut self, by: usize) {
        let node = &mut self.nodes[by];
        let ready = |upload: &Upload| upload.left > 0 && upload.unconfirmed < WINDOW * CHUNK;
        if node.sending || !node.here {
            return;
        }
        let Some(place) = node.uploads.iter().position(ready) else { return };
        let Some(mut upload) = node.uploads.remove(place) else { return };
        let bytes = upload.left.min(CHUNK);
        upload.left -= bytes;
        upload.unconfirmed += bytes;
        node.sent_bytes += bytes;
        node.sending = true;
        let took = seconds_for(bytes, node.line.up);
        let (to, piece, request) = (upload.to, upload.piece, upload.request);
        node.uploads.push_back(upload);
        self.world.plan_in(took, Event::Sent { by });
        self.world.plan_in(took + self.nodes[by].line.delay, Event::Arrived { by, to, piece, request, bytes });
    }

    pub(super) fn sent(&mut self, by: usize) -> usize {
        self.nodes[by].sending = false;
        self.send_on(by);
        by
    }

    pub(super) fn arrived(&mut self, by: usize, to: usize, piece: PieceIndex, request: u64, bytes: u64) -> usize {
        let now = self.world.now();
        let node = &mut self.nodes[to];
        let begins = node.down_free_at.max(now);
        node.down_free_at = begins + seconds_for(bytes, node.line.down);
        let at = node.down_free_at;
        self.world.plan_at(at, Event::Taken { by, to, piece, request, bytes });
        to
    }

    pub(super) fn taken(&mut self, by: usize, to: usize, piece: PieceIndex, request: u64, bytes: u64) -> usize {
        let delay = self.nodes[to].line.delay;
        self.world.plan_in(delay, Event::Confirmed { by, request, bytes });
        let Some((progress, asked_at)) = self.progress.get_mut(&request) else { return to };
        *progress += bytes;
        if *progress < u64::from(self.pieces.len(piece)) {
            return to;
        }
        let took = self.world.now() - *asked_at;
        self.progress.remove(&request);
        if self.nodes[to].open.get(&(by, piece)) == Some(&request) {
            self.nodes[to].open.remove(&(by, piece));
            self.piece_came(by, to, piece, took);
        }
        to
    }

    pub(super) fn piece_came(&mut self, by: usize, to: usize, piece: PieceIndex, took: Duration) {
        let peer = self.nodes[by].id;
        if self.nodes[by].kind == Kind::Liar {
            self.tell(to, Input::PieceCorrupt { peer, piece });
            return;
        }
        let new = !self.nodes[to].swarm.have().contains(piece);
        let bytes = self.pieces.len(piece);
        if self.nodes[to].here
            && self.out.insert(piece)
            && self.out.is_full()
            && let Some(node) = self.leaves_when_out
        {
            self.world.plan_in(Duration::ZERO, Event::Leave { node });
        }
        self.tell(to, Input::PieceVerified { peer, piece, bytes, took });
        if new && self.nodes[to].here {
            let delay = self.nodes[to].line.delay;
            for listener in self.nodes[to].listeners.clone() {
                self.world.plan_in(delay, Event::Gained { by: listener, of: to, piece });
            }
        }
    }

    pub(super) fn confirmed(&mut self, by: usize, request: u64, bytes: u64) -> usize {
        let now = self.world.now();
        let node = &mut self.nodes[by];
        let Some(place) = node.uploads.iter().position(|upload| upload.request == request) else { return by };
        let upload = &mut node.uploads[place];
        upload.unconfirmed -= bytes;
        if upload.left == 0
            && upload.unconfirmed == 0
            && let Some(upload) = node.uploads.remove(place)
        {
            node.slots.release(now, upload.slot);
        }
        self.send_on(by);
        by
    }

    pub(super) fn answer_in(
        &mut self,
        after: Duration,
        node: usize,
        of: usize,
        piece: PieceIndex,
        request: u64,
        answer: Answer,
    ) {
        self.world.plan_in(after, Event::Answered { node, of, piece, request, answer });
    }

    /// A request ends without a piece, unless it has ended otherwise.
    pub(super) fn answered(
        &mut self,
        node: usize,
        of: usize,
        piece: PieceIndex,
        request: u64,
        answer: Answer,
    ) -> usize {
        if self.nodes[node].open.get(&(of, piece)) != Some(&request) {
            return node;
        }
        self.nodes[node].open.remove(&(of, piece));
        self.progress.remove(&request);
        let peer = self.nodes[of].id;
        self.tell(
            node,
            match answer {
                Answer::Refused { retry_after } => Input::FetchRefused { peer, piece, retry_after },
                Answer::Missing => Input::PieceMissing { peer, piece },
                Answer::Failed => Input::FetchFailed { peer, piece },
            },
        )
    }
}

fn seconds_for(bytes: u64, bytes_per_s: u64) -> Duration {
    Duration::from_nanos(bytes * 1_000_000_000 / bytes_per_s.max(1))
}
