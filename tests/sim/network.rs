//! A room of computers around one share. Every node runs the real `Swarm` and serves by the real `UploadSlots` and
//! `FirstCopies`; lines have speed and delay, and bytes go in chunks, fairly between all uploads of a node.
//!
//! After every event the rules that must always hold are checked on the node it happened to.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::{Duration, Instant},
};

use handout::{
    share::{Bitmap, PieceIndex, PieceLen, Pieces},
    swarm::{
        Effect, Input, Limits, Link, Swarm,
        first_copies::FirstCopies,
        upload_slots::{SlotNumber, UploadLimits, UploadSlots},
    },
};

use super::{
    node::{Kind, Line, Node, number_of, peer_id},
    traffic::WORKER_PATIENCE,
    world::{Dice, World},
};

const BREAK_NOTICED: Duration = Duration::from_millis(200);

pub enum Event {
    Come {
        node: usize,
    },
    Leave {
        node: usize,
    },
    Pause {
        node: usize,
    },
    Resume {
        node: usize,
    },
    Spoil {
        node: usize,
        piece: u32,
    },
    Wakeup {
        node: usize,
        at: Instant,
    },
    /// A fact reaches a node.
    Tell {
        node: usize,
        input: Input,
    },
    /// A node learns that another left.
    Lost {
        by: usize,
        of: usize,
    },
    HaveAsked {
        by: usize,
        of: usize,
    },
    HaveAnswered {
        by: usize,
        of: usize,
        have: Box<Bitmap>,
    },
    /// What a node got goes to all who listen.
    News {
        of: usize,
    },
    /// What a node was told reaches it.
    Heard {
        by: usize,
    },
    Asked {
        by: usize,
        of: usize,
        piece: PieceIndex,
        request: u64,
    },
    Cancelled {
        by: usize,
        of: usize,
        request: u64,
    },
    /// Somebody waited long enough in line.
    /// A slow upload was ended for another.
    Dropped {
        of: usize,
        slot: SlotNumber,
    },
    LineOver {
        by: usize,
        of: usize,
        request: u64,
    },
    /// Bytes have left the sender.
    Sent {
        by: usize,
        to: usize,
        request: u64,
        bytes: u64,
    },
    /// Bytes went through the receiver's line.
    Taken {
        by: usize,
        request: u64,
        bytes: u64,
    },
    Answered {
        node: usize,
        of: usize,
        piece: PieceIndex,
        request: u64,
        answer: Answer,
    },
}

#[derive(Clone, Copy)]
pub enum Answer {
    Refused { retry_after: Duration },
    Deferred { retry_after: Duration },
    Missing,
    Failed,
}

pub struct Network {
    pub world: World<Event>,
    pub nodes: Vec<Node>,
    pub pieces: Pieces,
    pub dice: Dice,
    /// Of a hundred requests so many get lost on the way.
    pub lost_percent: u64,
    pub limits: Limits,
    pub upload_limits: UploadLimits,
    /// Bytes that go out at once.
    pub chunk: u64,
    /// A node looks at what it was told within this time together.
    pub news_every: Duration,
    /// Whom a node hears of when it comes, at most.
    pub introductions: usize,
    /// Whether everything is looked at after every event, and not only what it touched.
    pub thorough: bool,
    /// A node that leaves as soon as each piece has reached another honest one.
    pub leaves_when_out: Option<usize>,
    pub out: Bitmap,
    requests: u64,
    pub events: u64,
    next_sweep: Duration,
    /// The longest time that a node got nothing though somebody could have given it something.
    pub longest_hunger: Duration,
}

impl Network {
    pub fn new(seed: u64, size: u64, piece_len: PieceLen) -> Network {
        let pieces = Pieces::of_one_file(size, piece_len);
        Network {
            world: World::new(),
            nodes: vec![],
            leaves_when_out: None,
            out: Bitmap::empty(&pieces),
            pieces,
            dice: Dice::new(seed),
            lost_percent: 0,
            limits: Limits::default(),
            upload_limits: UploadLimits::default(),
            chunk: 64 << 10,
            news_every: Duration::ZERO,
            introductions: usize::MAX,
            thorough: true,
            requests: 0,
            events: 0,
            next_sweep: Duration::ZERO,
            longest_hunger: Duration::ZERO,
        }
    }

    /// A node that has everything.
    pub fn seed(&mut self, line: Line) -> usize {
        self.node(Kind::Honest, line, Bitmap::full(&self.pieces))
    }

    /// A node that has nothing.
    pub fn leech(&mut self, line: Line) -> usize {
        self.node(Kind::Honest, line, Bitmap::empty(&self.pieces))
    }

    pub fn node(&mut self, kind: Kind, line: Line, have: Bitmap) -> usize {
        let number = self.nodes.len();
        let swarm = Swarm::new(self.limits.clone(), &self.pieces, have, None, self.dice.roll());
        self.nodes.push(Node {
            id: peer_id(number),
            kind,
            line,
            swarm,
            here: false,
            done_at: None,
            sent_bytes: 0,
            fed_at: self.world.now(),
            dropped: BTreeSet::new(),
            slots: UploadSlots::new(self.upload_limits.clone()),
            first: None,
            lanes: BTreeMap::new(),
            line_up: VecDeque::new(),
            uploads: VecDeque::new(),
            sending: false,
            down_free_at: self.world.now(),
            told: BTreeMap::new(),
            open: BTreeMap::new(),
            listeners: BTreeSet::new(),
            news: vec![],
            news_due: self.world.now(),
            inbox: vec![],
            wakeup: None,
        });
        number
    }

    pub fn all_come(&mut self) {
        for node in 0..self.nodes.len() {
            self.world.plan_in(Duration::ZERO, Event::Come { node });
        }
    }

    /// Plays until nothing is planned any more: then every honest node that is here has everything.
    pub fn play(&mut self) {
        let patience = Duration::from_secs(3600);
        while let Some(event) = self.world.next() {
            let node = self.happens(event);
            self.check(node);
            if self.world.elapsed() >= self.next_sweep {
                self.next_sweep = self.world.elapsed() + Duration::from_secs(2);
                self.check_hunger();
                assert!(self.world.elapsed() < patience, "not done after {patience:?}: {}", self.describe());
            }
        }
        for node in 0..self.nodes.len() {
            self.check_thoroughly(node);
        }
        let unfinished = |node: &&Node| node.here && node.kind == Kind::Honest && !node.swarm.is_complete();
        assert_eq!(self.nodes.iter().filter(unfinished).count(), 0, "some never end: {}", self.describe());
        assert!(self.nodes.iter().all(|node| node.open.is_empty()), "requests without an answer");
        assert!(self.nodes.iter().all(|node| node.slots.held() == 0), "slots that were never given back");
        assert!(self.nodes.iter().all(|node| node.lanes.is_empty()), "requests that nobody looked at");
    }

    /// How many honest nodes are here and have everything.
    pub fn complete(&self) -> usize {
        self.nodes.iter().filter(|node| node.here && node.kind == Kind::Honest && node.swarm.is_complete()).count()
    }

    /// Bytes of all pieces that a node sent, in copies of the share.
    pub fn copies_sent(&self, node: usize) -> f64 {
        self.nodes[node].sent_bytes as f64 / self.size() as f64
    }

    /// Virtual time at which the last honest node that is here was complete.
    pub fn last_done(&self) -> Duration {
        self.nodes.iter().filter(|node| node.here).filter_map(|node| node.done_at).max().unwrap_or_default()
    }

    /// Until the last one was complete, in parts of the time in which the first seed can send everything once.
    pub fn times_ideal(&self) -> f64 {
        self.last_done().as_secs_f64() * self.nodes[0].line.up as f64 / self.size() as f64
    }

    pub fn size(&self) -> u64 {
        self.pieces.iter().map(|piece| u64::from(self.pieces.len(piece))).sum()
    }

    fn happens(&mut self, event: Event) -> usize {
        self.events += 1;
        match event {
            Event::Come { node } => self.come(node),
            Event::Leave { node } => self.leave(node),
            Event::Pause { node } => self.pause(node),
            Event::Resume { node } => self.tell(node, Input::Resumed),
            Event::Spoil { node, piece } => self.spoil(node, piece),
            Event::Wakeup { node, at } => self.wakeup(node, at),
            Event::Tell { node, input } => self.tell(node, input),
            Event::Lost { by, of } => self.lost(by, of),
            Event::HaveAsked { by, of } => self.have_asked(by, of),
            Event::HaveAnswered { by, of, have } => self.have_answered(by, of, *have),
            Event::News { of } => self.news(of),
            Event::Heard { by } => self.heard(by),
            Event::Asked { by, of, piece, request } => self.asked(by, of, piece, request),
            Event::Cancelled { by, of, request } => self.cancelled(by, of, request),
            Event::Dropped { of, slot } => self.dropped(of, slot),
            Event::LineOver { by, of, request } => self.line_over(by, of, request),
            Event::Sent { by, to, request, bytes } => self.sent(by, to, request, bytes),
            Event::Taken { by, request, bytes } => self.taken(by, request, bytes),
            Event::Answered { node, of, piece, request, answer } => self.answered(node, of, piece, request, answer),
        }
    }

    // Who is here.

    fn come(&mut self, node: usize) -> usize {
        self.begin(node);
        let mut others: Vec<usize> = (0..self.nodes.len()).filter(|other| *other != node).collect();
        others.retain(|other| self.nodes[*other].here);
        while others.len() > self.introductions {
            let place = self.dice.below(others.len() as u64) as usize;
            others.swap_remove(place);
        }
        for other in others {
            let (id, other_id) = (self.nodes[node].id, self.nodes[other].id);
            let delay = Duration::from_micros(self.dice.below(20_000));
            let found = |peer| Input::PeerFound { peer, link: Link::Wired };
            self.world.plan_in(delay, Event::Tell { node, input: found(other_id) });
            self.world.plan_in(delay, Event::Tell { node: other, input: found(id) });
        }
        node
    }

    /// The program starts, with what is on its disk.
    fn begin(&mut self, number: usize) {
        let (chance, now) = (self.dice.roll(), self.world.now());
        let node = &mut self.nodes[number];
        node.swarm = Swarm::new(self.limits.clone(), &self.pieces, node.swarm.have().clone(), None, chance);
        node.slots = UploadSlots::new(self.upload_limits.clone());
        node.first = node.swarm.have().is_full().then(|| FirstCopies::new(Bitmap::empty(&self.pieces)));
        (node.here, node.wakeup, node.fed_at) = (true, None, now);
        node.dropped.clear();
        node.told.clear();
        node.listeners.clear();
        node.inbox.clear();
    }

    fn leave(&mut self, node: usize) -> usize {
        self.nodes[node].here = false;
        let uploads = std::mem::take(&mut self.nodes[node].uploads);
        let now = self.world.now();
        for upload in uploads {
            self.nodes[node].slots.release(now, upload.slot);
        }
        self.nodes[node].lanes.clear();
        self.nodes[node].line_up.clear();
        self.nodes[node].news.clear();
        for other in 0..self.nodes.len() {
            let broken: Vec<_> = self.nodes[other].open.iter().filter(|((of, _), _)| *of == node).collect();
            let broken: Vec<_> = broken.into_iter().map(|((_, piece), request)| (*piece, *request)).collect();
            for (piece, request) in broken {
                self.answer_in(BREAK_NOTICED, other, node, piece, request, Answer::Failed);
            }
            self.nodes[other].listeners.remove(&node);
            let delay = Duration::from_micros(self.dice.below(400_000));
            self.world.plan_in(delay, Event::Lost { by: other, of: node });
        }
        let open = std::mem::take(&mut self.nodes[node].open);
        for ((of, _), request) in open {
            self.world.plan_in(BREAK_NOTICED, Event::Cancelled { by: node, of, request });
        }
        node
    }

    /// Who is back already is found again.
    fn lost(&mut self, by: usize, of: usize) -> usize {
        let peer = self.nodes[of].id;
        self.tell(by, Input::PeerLost { peer });
        if self.nodes[of].here {
            self.tell(by, Input::PeerFound { peer, link: Link::Wired });
        }
        by
    }

    /// Its connections are closed, so that everything on its way ends.
    fn pause(&mut self, node: usize) -> usize {
        self.tell(node, Input::Paused);
        for ((of, piece), request) in self.nodes[node].open.clone() {
            self.world.plan_in(self.nodes[node].line.delay, Event::Cancelled { by: node, of, request });
            self.answer_in(Duration::from_millis(1), node, of, piece, request, Answer::Failed);
        }
        node
    }

    fn spoil(&mut self, node: usize, piece: u32) -> usize {
        let Some(piece) = self.pieces.index(piece) else { return node };
        if self.nodes[node].swarm.have().contains(piece) {
            self.nodes[node].done_at = None;
        }
        self.tell(node, Input::PieceSpoiled { piece })
    }

    // What a node knows and wants.

    pub fn tell(&mut self, number: usize, input: Input) -> usize {
        let now = self.world.now();
        let node = &mut self.nodes[number];
        if !node.here || node.kind != Kind::Honest {
            return number;
        }
        if let Input::PeerLost { peer } = &input {
            let lost = number_of(peer);
            node.told.remove(&lost);
        }
        node.swarm.handle(now, input);
        self.carry_out_all(number);
        number
    }

    fn carry_out_all(&mut self, number: usize) {
        while let Some(effect) = self.nodes[number].swarm.poll_effect() {
            self.carry_out(number, effect);
        }
        self.plan_wakeup(number);
    }

    fn carry_out(&mut self, node: usize, effect: Effect) {
        let delay = self.nodes[node].line.delay;
        match effect {
            Effect::AskHave { peer } => {
                self.world.plan_in(delay, Event::HaveAsked { by: node, of: number_of(&peer) });
            }
            Effect::Unfollow { peer } => {
                self.nodes[number_of(&peer)].listeners.remove(&node);
                self.nodes[node].told.remove(&number_of(&peer));
            }
            Effect::Fetch { peer, piece } => self.fetch(node, number_of(&peer), piece),
            Effect::Cancel { peer, piece } => self.cancel(node, number_of(&peer), piece),
            Effect::Drop { peer } => {
                let liar = number_of(&peer);
                assert_eq!(self.nodes[liar].kind, Kind::Liar, "an honest node was dropped");
                assert!(self.nodes[node].dropped.insert(liar), "node {liar} was dropped twice");
            }
            Effect::Complete => {
                assert!(self.nodes[node].swarm.is_complete());
                assert!(self.nodes[node].done_at.is_none(), "complete was said twice");
                self.nodes[node].done_at = Some(self.world.elapsed());
            }
        }
    }

    fn fetch(&mut self, node: usize, of: usize, piece: PieceIndex) {
        let told = match self.thorough {
            true => self.nodes[node].told.get(&of).is_some_and(|have| have.contains(piece)),
            false => self.nodes[of].swarm.have().contains(piece),
        };
        assert!(told, "node {node} asks {of} for {piece:?}, which it never said it has");
        assert!(!self.nodes[node].dropped.contains(&of), "node {node} asks {of}, which sent wrong bytes");
        assert!(!self.nodes[node].swarm.paused(), "node {node} is paused and asks");
        self.requests += 1;
        let request = self.requests;
        assert_eq!(self.nodes[node].open.insert((of, piece), request), None, "asked before the last answer came");
        let delay = self.nodes[node].line.delay;
        if self.dice.percent(self.lost_percent) || !self.nodes[of].here {
            self.answer_in(WORKER_PATIENCE, node, of, piece, request, Answer::Failed);
        } else {
            self.world.plan_in(delay, Event::Asked { by: node, of, piece, request });
        }
    }

    /// What was asked for is answered all the same; nothing goes over the wire.
    fn cancel(&mut self, node: usize, of: usize, piece: PieceIndex) {
        let asked = self.nodes[node].open.contains_key(&(of, piece));
        assert!(asked, "node {node} cancels what it did not ask {of} for: {piece:?}");
        // A connection to one that lied or left is closed.
        if !self.nodes[of].here || self.nodes[of].kind != Kind::Honest {
            let request = self.nodes[node].open[&(of, piece)];
            self.world.plan_in(self.nodes[node].line.delay, Event::Cancelled { by: node, of, request });
            self.answer_in(Duration::from_millis(1), node, of, piece, request, Answer::Failed);
        }
    }

    fn plan_wakeup(&mut self, node: usize) {
        let Some((at, _)) = self.nodes[node].swarm.next_wakeup() else { return };
        if self.nodes[node].wakeup.is_none_or(|planned| planned > at || planned < self.world.now()) {
            self.nodes[node].wakeup = Some(at);
            self.world.plan_at(at, Event::Wakeup { node, at });
        }
    }

    fn wakeup(&mut self, node: usize, at: Instant) -> usize {
        if self.nodes[node].wakeup != Some(at) {
            return node;
        }
        self.nodes[node].wakeup = None;
        let at_before = self.nodes[node].swarm.next_wakeup();
        self.tell(node, Input::Tick);
        let due = self.nodes[node].swarm.next_wakeup();
        let idle = at_before == due && due.is_some_and(|(due, _)| due <= self.world.now());
        assert!(!idle || !self.nodes[node].here, "node {node} wants to be woken without end: {due:?}");
        node
    }

    // What others have.

    fn have_asked(&mut self, by: usize, of: usize) -> usize {
        if self.nodes[of].here {
            // What it gains from now on comes after what it has, and must not come with news that are on their way already.
            self.tell_news(of);
            self.nodes[of].listeners.insert(by);
            let have = match self.nodes[of].kind {
                Kind::Honest => self.nodes[of].swarm.have().clone(),
                Kind::Liar | Kind::Silent => Bitmap::full(&self.pieces),
            };
            self.world.plan_in(self.nodes[of].line.delay, Event::HaveAnswered { by, of, have: Box::new(have) });
        }
        by
    }

    fn have_answered(&mut self, by: usize, of: usize, have: Bitmap) -> usize {
        if self.nodes[of].here && self.nodes[of].listeners.contains(&by) {
            if self.thorough {
                self.nodes[by].told.insert(of, have.clone());
            }
            let peer = self.nodes[of].id;
            self.tell(by, Input::HaveLearned { peer, have });
        }
        by
    }

    /// What a node got is on its way to all who listen.
    fn news(&mut self, of: usize) -> usize {
        if self.nodes[of].news_due <= self.world.now() {
            self.tell_news(of);
        }
        of
    }

    fn tell_news(&mut self, of: usize) {
        let news = std::mem::take(&mut self.nodes[of].news);
        let listeners = std::mem::take(&mut self.nodes[of].listeners);
        for by in &listeners {
            let listener = &mut self.nodes[*by];
            if listener.inbox.is_empty() {
                self.world.plan_in(self.news_every, Event::Heard { by: *by });
            }
            listener.inbox.extend(news.iter().map(|piece| (of, *piece)));
        }
        self.nodes[of].listeners = listeners;
    }

    fn heard(&mut self, by: usize) -> usize {
        let now = self.world.now();
        let inbox = std::mem::take(&mut self.nodes[by].inbox);
        if !self.nodes[by].here {
            return by;
        }
        for (of, piece) in inbox {
            let (peer, thorough) = (self.nodes[of].id, self.thorough);
            let node = &mut self.nodes[by];
            match node.told.get_mut(&of) {
                Some(told) => _ = told.insert(piece),
                None if thorough => continue,
                None => {}
            }
            node.swarm.handle(now, Input::PieceGained { peer, piece });
        }
        self.carry_out_all(by);
        by
    }
}
