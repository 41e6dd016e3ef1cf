//! Requests and pieces on their way. A node answers what one other asked of it in order, one piece at a time, and waits in
//! line for a slot before each. An upload goes out in chunks, by turns with the other uploads of its node, and waits for its
//! receiver as TCP does; every request ends in one answer.

use std::{net::Ipv4Addr, time::Duration};

use handout::{
    share::{PeerId, PieceIndex, Whence},
    swarm::{
        Input,
        upload_slots::{Admit, Asker, NORMAL, Patience, SlotNumber, Wish},
    },
};

use super::{
    network::{Answer, Event, Network},
    node::{Kind, Lane, Request, Upload},
};

/// Chunks on their way to a receiver before the sender waits for it.
const WINDOW: u64 = 4;
/// A worker gives a request up after this long without a byte.
pub const WORKER_PATIENCE: Duration = Duration::from_secs(15);

impl Network {
    pub(super) fn asked(&mut self, by: usize, of: usize, piece: PieceIndex, number: u64) -> usize {
        let server = &mut self.nodes[of];
        if !server.here || server.kind == Kind::Silent {
            self.answer_in(WORKER_PATIENCE, by, of, piece, number, Answer::Failed);
            return of;
        }
        // When it was asked, as its asker counts.
        let asked_at = self.world.now() - self.nodes[by].line.delay;
        let lane = self.nodes[of].lanes.entry(by).or_default();
        lane.queue.push_back(Request { number, piece, asked_at });
        if !lane.waits && !lane.sends {
            self.serve(of, by);
        }
        of
    }

    /// Answers the oldest request of a lane, and the next ones as long as that sends no bytes. Tells whether a piece goes out.
    fn serve(&mut self, of: usize, by: usize) -> bool {
        let (now, delay) = (self.world.now(), self.nodes[of].line.delay);
        loop {
            let peer = self.nodes[by].id;
            let server = &mut self.nodes[of];
            let Some(lane) = server.lanes.get_mut(&by) else { return false };
            let Some(request) = lane.queue.front().copied() else {
                server.lanes.remove(&by);
                return false;
            };
            let Request { number, piece, .. } = request;
            let refusal = if server.kind == Kind::Liar {
                None
            } else if !server.swarm.have().contains(piece) {
                Some(Answer::Missing)
            } else {
                let turn = server.slots.turn();
                let deferred = server.first.as_mut().and_then(|first| first.may_give(now, piece, peer, turn).err());
                deferred.map(|retry_after| Answer::Deferred { retry_after })
            };
            if let Some(refusal) = refusal {
                lane.queue.pop_front();
                if std::mem::take(&mut lane.waits) {
                    server.line_up.retain(|waiting| *waiting != by);
                    server.slots.leave(peer);
                }
                self.answer_in(delay, by, of, piece, number, refusal);
                continue;
            }
            let bytes = self.pieces.len(piece);
            let wish = Wish { patience: Patience::Here, priority: NORMAL, bytes };
            match server.slots.admit(now, asker(by, peer), wish) {
                Admit::Granted { slot, dropped } => {
                    if let Some(dropped) = dropped {
                        self.world.plan_in(Duration::ZERO, Event::Dropped { of, slot: dropped });
                    }
                    lane.queue.pop_front();
                    (lane.waits, lane.sends) = (false, true);
                    server.line_up.retain(|waiting| *waiting != by);
                    let turn = server.slots.turn();
                    if let Some(first) = &mut server.first {
                        first.gave(now, piece, peer, turn);
                    }
                    let left = u64::from(self.pieces.len(piece));
                    server.uploads.push_back(Upload { to: by, request, left, unconfirmed: 0, slot });
                    self.send_on(of);
                    return true;
                }
                Admit::Refused { .. } => {
                    if !lane.waits {
                        lane.waits = true;
                        server.line_up.push_back(by);
                        let over = self.upload_limits.wait_max;
                        self.world.plan_in(over, Event::LineOver { by, of, request: number });
                    }
                    return false;
                }
            }
        }
    }

    /// A slot may be free: those in line have their turn.
    fn next_turn(&mut self, of: usize) {
        for by in self.nodes[of].line_up.clone() {
            if self.nodes[of].slots.free(self.world.now()) == 0 {
                return;
            }
            self.serve(of, by);
        }
    }

    pub(super) fn line_over(&mut self, by: usize, of: usize, number: u64) -> usize {
        let server = &mut self.nodes[of];
        let Some(lane) = server.lanes.get_mut(&by) else { return of };
        if !lane.waits || lane.queue.front().is_none_or(|request| request.number != number) {
            return of;
        }
        self.leave_line(of, by);
        let Some(lane) = self.nodes[of].lanes.get_mut(&by) else { return of };
        if let Some(request) = lane.queue.pop_front() {
            let retry_after = Duration::from_millis(200);
            let delay = self.nodes[of].line.delay;
            self.answer_in(delay, by, of, request.piece, number, Answer::Refused { retry_after });
        }
        self.serve(of, by);
        self.next_turn(of);
        of
    }

    fn leave_line(&mut self, of: usize, by: usize) {
        let peer = self.nodes[by].id;
        let server = &mut self.nodes[of];
        server.slots.leave(peer);
        server.line_up.retain(|waiting| *waiting != by);
        if let Some(lane) = server.lanes.get_mut(&by) {
            lane.waits = false;
        }
    }

    /// The asker closed its connection.
    pub(super) fn cancelled(&mut self, by: usize, of: usize, number: u64) -> usize {
        let now = self.world.now();
        let node = &mut self.nodes[of];
        if let Some(lane) = node.lanes.get_mut(&by) {
            let first = lane.queue.front().is_some_and(|request| request.number == number);
            lane.queue.retain(|request| request.number != number);
            if first && lane.waits {
                self.leave_line(of, by);
                self.serve(of, by);
                self.next_turn(of);
            }
        }
        let node = &mut self.nodes[of];
        let place = node.uploads.iter().position(|upload| upload.to == by && upload.request.number == number);
        if let Some(upload) = place.and_then(|place| node.uploads.remove(place)) {
            let piece = upload.request.piece;
            node.slots.release(now, upload.slot);
            self.copy_ended(of, by, piece, false);
            self.upload_over(of, by);
        }
        of
    }

    /// A slow upload gives way to another.
    pub(super) fn dropped(&mut self, of: usize, slot: SlotNumber) -> usize {
        let now = self.world.now();
        let node = &mut self.nodes[of];
        let place = node.uploads.iter().position(|upload| upload.slot.number() == slot);
        let Some(upload) = place.and_then(|place| node.uploads.remove(place)) else { return of };
        node.slots.release(now, upload.slot);
        let Request { piece, number, .. } = upload.request;
        let delay = node.line.delay;
        self.copy_ended(of, upload.to, piece, false);
        self.answer_in(delay, upload.to, of, piece, number, Answer::Failed);
        self.upload_over(of, upload.to);
        of
    }

    fn copy_ended(&mut self, of: usize, by: usize, piece: PieceIndex, whole: bool) {
        let (now, peer) = (self.world.now(), self.nodes[by].id);
        let node = &mut self.nodes[of];
        let turn = node.slots.turn();
        if let Some(first) = &mut node.first {
            first.ended(now, piece, peer, whole, turn);
        }
    }

    fn upload_over(&mut self, of: usize, by: usize) {
        if let Some(lane) = self.nodes[of].lanes.get_mut(&by) {
            lane.sends = false;
            if lane.queue.is_empty() {
                self.nodes[of].lanes.remove(&by);
            }
        }
        // Who just got something goes behind those who wait.
        self.next_turn(of);
        let idle = |lane: &Lane| !lane.waits && !lane.sends;
        if self.nodes[of].lanes.get(&by).is_some_and(idle) {
            self.serve(of, by);
        }
        self.send_on(of);
    }

    /// The next chunk of the next upload whose receiver keeps up.
    pub(super) fn send_on(&mut self, by: usize) {
        let node = &mut self.nodes[by];
        let chunk = self.chunk;
        let ready = |upload: &Upload| upload.left > 0 && upload.unconfirmed < WINDOW * chunk;
        if node.sending || !node.here {
            return;
        }
        let Some(place) = node.uploads.iter().position(ready) else { return };
        let Some(mut upload) = node.uploads.remove(place) else { return };
        let bytes = upload.left.min(chunk);
        upload.left -= bytes;
        upload.unconfirmed += bytes;
        node.sent_bytes += bytes;
        node.sending = true;
        let took = seconds_for(bytes, node.line.up);
        let (to, request) = (upload.to, upload.request.number);
        node.uploads.push_back(upload);
        self.world.plan_in(took, Event::Sent { by, to, request, bytes });
    }

    pub(super) fn sent(&mut self, by: usize, to: usize, request: u64, bytes: u64) -> usize {
        let arrives = self.world.now() + self.nodes[by].line.delay;
        self.nodes[by].sending = false;
        let receiver = &mut self.nodes[to];
        receiver.down_free_at = receiver.down_free_at.max(arrives) + seconds_for(bytes, receiver.line.down);
        let at = receiver.down_free_at;
        self.world.plan_at(at, Event::Taken { by, request, bytes });
        self.send_on(by);
        by
    }

    pub(super) fn taken(&mut self, by: usize, number: u64, bytes: u64) -> usize {
        let now = self.world.now();
        let node = &mut self.nodes[by];
        let Some(place) = node.uploads.iter().position(|upload| upload.request.number == number) else { return by };
        let upload = &mut node.uploads[place];
        upload.slot.moved(bytes);
        upload.unconfirmed -= bytes;
        let to = upload.to;
        if upload.left > 0 || upload.unconfirmed > 0 {
            self.send_on(by);
            return to;
        }
        let Some(upload) = node.uploads.remove(place) else { return to };
        node.slots.release(now, upload.slot);
        let Request { piece, asked_at, .. } = upload.request;
        self.copy_ended(by, to, piece, true);
        self.upload_over(by, to);
        if self.nodes[to].open.get(&(by, piece)) == Some(&number) {
            self.nodes[to].open.remove(&(by, piece));
            self.piece_came(by, to, piece, now - asked_at);
        }
        to
    }

    fn piece_came(&mut self, by: usize, to: usize, piece: PieceIndex, took: Duration) {
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
        self.nodes[to].fed_at = self.world.now();
        if !new {
            // What came twice is thrown away.
            self.tell(to, Input::FetchFailed { peer, piece });
            return;
        }
        self.tell(to, Input::PieceVerified { peer, piece, bytes, took });
        if self.nodes[to].here {
            if self.nodes[to].news.is_empty() {
                let delay = self.nodes[to].line.delay;
                self.nodes[to].news_due = self.world.now() + delay;
                self.world.plan_in(delay, Event::News { of: to });
            }
            self.nodes[to].news.push(piece);
        }
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
        let peer = self.nodes[of].id;
        self.tell(
            node,
            match answer {
                Answer::Refused { retry_after } => Input::FetchRefused { peer, piece, retry_after },
                Answer::Deferred { retry_after } => Input::FetchDeferred { peer, piece, retry_after },
                Answer::Missing => Input::PieceMissing { peer, piece },
                Answer::Failed => Input::FetchFailed { peer, piece },
            },
        )
    }
}

/// Every node has an address of its own.
fn asker(node: usize, peer: PeerId) -> Asker {
    let address = Ipv4Addr::from_bits(0x0a00_0000 + u32::try_from(node).unwrap_or(0));
    Asker { peer, whence: Whence::of(address.into()) }
}

fn seconds_for(bytes: u64, bytes_per_s: u64) -> Duration {
    Duration::from_nanos(bytes * 1_000_000_000 / bytes_per_s.max(1))
}
