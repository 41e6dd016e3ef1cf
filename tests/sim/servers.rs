//! Servers above servers, in virtual time: the real cores of questions and transfers over a played network, with the rules
//! that must hold after every event.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::{Duration, Instant},
};

use handout::{
    lookup::{
        Answer, Ask, Asker, Effect, Find, HOPS_DEFAULT, Input, Limits, Lookup, Mode, Query, QueryId, Reason, Step,
        Ticket,
        transfers::{self, Transfers},
    },
    net::identity::Identity,
    share::{
        Audience, Entry, EntryKind, Manifest, Modified, PeerId, PieceLen, Root, ShareId, SharePath, SignedManifest,
    },
};

use super::world::{Dice, World};

/// Every share has so many pieces.
pub const PIECES: u32 = 20;
const PIECE_TIME: Duration = Duration::from_millis(10);
const LATENCY: Duration = Duration::from_millis(2);

pub struct Chain {
    pub world: World<Event>,
    pub dice: Dice,
    pub servers: Vec<Server>,
    pub clients: Vec<Client>,
    pub shares: Vec<Arc<SignedManifest>>,
    /// Which server asked which with which id.
    asked: BTreeSet<(usize, usize, QueryId)>,
    /// What went over the line from an upper server to a lower one.
    pub links: BTreeMap<(usize, usize), Link>,
    /// Whether all servers say what is so, and keep what they have.
    pub truthful: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Link {
    pub questions: u32,
    pub transfers: u32,
    pub pieces: u32,
}

pub struct Server {
    pub id: PeerId,
    pub kind: Kind,
    pub lookup: Lookup,
    pub transfers: Transfers,
    /// The servers above: by which key they are known, and which they are.
    pub above: Vec<(PeerId, usize)>,
    /// How many pieces of which share; a share whose manifest is here is in it.
    pub has: BTreeMap<ShareId, u32>,
    /// How long it takes before it does anything.
    pub slowness: Duration,
    /// Its clock is ahead by this much.
    skew: Duration,
    tickets: BTreeMap<Ticket, Waiter>,
    tickets_given: u64,
    source: BTreeMap<ShareId, usize>,
    pub blamed: Vec<(PeerId, Reason)>,
    pub probes: u32,
    /// Whether nobody reaches it any more.
    pub cut_off: bool,
    planned_wake: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Honest,
    /// It takes everything in and says nothing.
    Silent,
    /// It makes finds up.
    Liar,
    /// It finds what there is, and gives wrong bytes.
    Forger,
    Denying,
}

/// Somebody at a browser.
#[derive(Debug)]
pub struct Client {
    pub at: usize,
    pub ask: Ask,
    pub budget: Duration,
    pub hops: u8,
    pub wants_bytes: bool,
    asked_at: Option<Instant>,
    ticket: Option<Ticket>,
    pub answer: Option<(Answer, Duration)>,
    pub bytes: Bytes,
    pub left: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bytes {
    No,
    Waiting,
    Streaming,
    All,
    Refused(Reason),
}

/// For whom a ticket is.
#[derive(Clone, Debug)]
enum Waiter {
    Client(usize),
    Server {
        node: usize,
        flight: u64,
    },
    /// Another server wants it in hand.
    InHand {
        node: usize,
        share: ShareId,
        passed: Vec<PeerId>,
    },
}

#[derive(Debug)]
pub enum Event {
    Wake {
        server: usize,
    },
    Searched {
        server: usize,
        ticket: Ticket,
        asker: Asker,
        ask: Ask,
    },
    Arrives {
        from: usize,
        to: usize,
        message: Message,
    },
    /// The caller's own limit of time.
    CallOver {
        server: usize,
        flight: u64,
        upstream: PeerId,
    },
    Pull {
        server: usize,
        share: ShareId,
        from: usize,
    },
    Asks {
        client: usize,
    },
    Leaves {
        client: usize,
    },
    CutOff {
        server: usize,
    },
    ComesBack {
        server: usize,
    },
}

#[derive(Debug)]
pub enum Message {
    Question { flight: u64, query: Query },
    Reply { flight: u64, known_as: PeerId, answer: Answer },
    Prepare { share: ShareId, passed: Vec<PeerId> },
    Prepared { share: ShareId, known_as: PeerId, result: Result<(), Reason> },
    Probe,
    Alive { known_as: PeerId },
    Refused { about: Box<Message>, known_as: PeerId },
}

impl Chain {
    /// `servers` honest ones; who is above whom is to be said.
    pub fn new(seed: u64, servers: usize) -> Chain {
        let mut dice = Dice::new(seed);
        let publisher = Identity::ephemeral().expect("a key can be made");
        let shares = (0..3).map(|number| Arc::new(made_up(number, &publisher))).collect();
        let mut chain = Chain {
            world: World::new(),
            servers: vec![],
            clients: vec![],
            shares,
            asked: BTreeSet::new(),
            links: BTreeMap::new(),
            truthful: true,
            dice: Dice::new(dice.roll()),
        };
        (0..servers).for_each(|_| chain.add_server());
        chain
    }

    fn add_server(&mut self) {
        let number = self.servers.len();
        let id = id_of(number);
        let step = Step { server: id, name: format!("server {number}") };
        self.servers.push(Server {
            id,
            kind: Kind::Honest,
            lookup: Lookup::new(Limits::default(), step),
            transfers: Transfers::new(transfers::Limits::default(), id),
            above: vec![],
            has: BTreeMap::new(),
            slowness: Duration::ZERO,
            skew: Duration::from_secs(self.dice.below(2 * 86_400)),
            tickets: BTreeMap::new(),
            tickets_given: 0,
            source: BTreeMap::new(),
            blamed: vec![],
            probes: 0,
            cut_off: false,
            planned_wake: None,
        });
    }

    /// Each server's one upstream is the next.
    pub fn in_a_row(mut self) -> Chain {
        for number in 1..self.servers.len() {
            self.put_above(number - 1, &[number]);
        }
        self
    }

    pub fn put_above(&mut self, server: usize, above: &[usize]) {
        let above = above.iter().map(|number| (self.servers[*number].id, *number)).collect();
        self.put_above_as(server, above);
    }

    /// With keys that may be wrong.
    pub fn put_above_as(&mut self, server: usize, above: Vec<(PeerId, usize)>) {
        let upstreams = above.iter().map(|(id, _)| *id).collect();
        self.servers[server].above = above;
        self.tell(server, Input::UpstreamsSet { upstreams });
    }

    pub fn give(&mut self, server: usize, share: usize) -> ShareId {
        let id = self.shares[share].id();
        self.servers[server].has.insert(id, PIECES);
        id
    }

    pub fn client(&mut self, at: usize, ask: Ask, after: Duration) -> usize {
        let client = self.clients.len();
        self.clients.push(Client {
            at,
            ask,
            budget: Duration::from_secs(3),
            hops: HOPS_DEFAULT,
            wants_bytes: false,
            asked_at: None,
            ticket: None,
            answer: None,
            bytes: Bytes::No,
            left: false,
        });
        self.world.plan_in(after, Event::Asks { client });
        client
    }

    /// Until nothing happens any more; probes of the dead go on, so there is an end by the clock too.
    pub fn play(&mut self) {
        self.play_for(Duration::from_secs(200));
        for (number, client) in self.clients.iter().enumerate().filter(|(_, client)| !client.left) {
            assert!(
                client.asked_at.is_none() || client.answer.is_some(),
                "client {number} was left waiting: {client:?}"
            );
            let open = matches!(client.bytes, Bytes::Waiting | Bytes::Streaming);
            assert!(!open, "client {number} waits for bytes without end: {client:?}");
        }
        for server in &self.servers {
            assert_eq!(server.lookup.open(), 0, "{:?} has questions without an end", server.id);
            assert_eq!(server.transfers.iter().count(), 0, "{:?} has transfers without an end", server.id);
        }
    }

    pub fn play_for(&mut self, time: Duration) {
        let end = self.world.elapsed() + time;
        while self.world.elapsed() < end
            && let Some(event) = self.world.next()
        {
            self.happen(event);
        }
    }

    pub fn answer(&self, client: usize) -> &Answer {
        &self.clients[client].answer.as_ref().expect("it was answered").0
    }

    /// The numbers of the servers on the way that the client was told.
    pub fn route(&self, client: usize) -> Vec<usize> {
        match self.answer(client) {
            Answer::Found { finds, .. } => finds[0].route.iter().map(|step| self.number(step.server)).collect(),
            other => panic!("client {client} was told {other:?}"),
        }
    }

    pub fn link(&self, above: usize, below: usize) -> Link {
        self.links.get(&(above, below)).copied().unwrap_or_default()
    }

    fn number(&self, id: PeerId) -> usize {
        self.servers.iter().position(|server| server.id == id).unwrap_or(usize::MAX)
    }

    fn now_at(&self, server: usize) -> Instant {
        self.world.now() + self.servers[server].skew
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Wake { server } => {
                self.servers[server].planned_wake = None;
                self.tell(server, Input::Tick);
                self.tell_transfers(server, transfers::Input::Tick);
            }
            Event::Searched { server, ticket, asker, ask } => {
                let finds = self.search(server, asker, &ask);
                self.tell(server, Input::SearchedHere { ticket, finds });
            }
            Event::Arrives { from, to, message } => self.arrives(from, to, message),
            Event::CallOver { server, flight, upstream } => {
                self.tell(server, Input::AskFailed { flight, upstream, reason: Reason::Timeout });
            }
            Event::Pull { server, share, from } => self.pull(server, share, from),
            Event::Asks { client } => self.client_asks(client),
            Event::Leaves { client } => self.client_leaves(client),
            Event::CutOff { server } => self.servers[server].cut_off = true,
            Event::ComesBack { server } => self.servers[server].cut_off = false,
        }
    }

    fn search(&mut self, server: usize, asker: Asker, ask: &Ask) -> Vec<Find> {
        let node = &self.servers[server];
        let has = |signed: &&Arc<SignedManifest>| node.has.get(&signed.id()) == Some(&PIECES);
        let may_see = |find: &Find| match find.audience {
            Audience::Everyone => true,
            Audience::Link => matches!(ask, Ask::Share(_)),
            Audience::Peers => matches!(asker, Asker::Person(_)),
        };
        let fits = |find: &Find| match ask {
            Ask::Share(share) => find.share == *share,
            Ask::Hash(root) => *root == root_of_title(&find.title),
            Ask::Words(words) => words.iter().all(|word| find.title.to_lowercase().contains(word)),
        };
        let finds = self.shares.iter().filter(has).map(|signed| Find::of(signed.clone()));
        finds.filter(|find| fits(find) && may_see(find)).collect()
    }

    fn client_asks(&mut self, client: usize) {
        let id = self.query_id();
        let asking = &mut self.clients[client];
        asking.asked_at = Some(self.world.now());
        let (at, ask, budget, hops_left) = (asking.at, asking.ask.clone(), asking.budget, asking.hops);
        let ticket = self.ticket(at, Waiter::Client(client));
        self.clients[client].ticket = Some(ticket);
        let query = Query { id, ask, hops_left, passed: vec![], budget, mode: Mode::Parents, fresh: false };
        self.tell(at, Input::Asked { ticket, asker: Asker::Person(client as u64), query });
    }

    fn client_leaves(&mut self, client: usize) {
        let gone = &mut self.clients[client];
        gone.left = true;
        if let Some(ticket) = gone.ticket.take() {
            let at = gone.at;
            self.servers[at].tickets.remove(&ticket);
            self.tell(at, Input::Left { ticket });
            self.tell_transfers(at, transfers::Input::Left { ticket });
        }
    }

    pub fn query_id(&mut self) -> QueryId {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&self.dice.roll().to_be_bytes());
        QueryId(id)
    }

    fn ticket(&mut self, server: usize, waiter: Waiter) -> Ticket {
        let node = &mut self.servers[server];
        node.tickets_given += 1;
        let ticket = Ticket(node.tickets_given);
        node.tickets.insert(ticket, waiter);
        ticket
    }

    fn tell(&mut self, server: usize, input: Input) {
        let now = self.now_at(server);
        self.servers[server].lookup.handle(now, input);
        while let Some(effect) = self.servers[server].lookup.poll_effect() {
            self.does(server, effect);
        }
        self.plan_wake(server);
    }

    fn tell_transfers(&mut self, server: usize, input: transfers::Input) {
        let now = self.now_at(server);
        self.servers[server].transfers.handle(now, input);
        while let Some(effect) = self.servers[server].transfers.poll_effect() {
            self.does_for_transfers(server, effect);
        }
        self.plan_wake(server);
    }

    fn plan_wake(&mut self, server: usize) {
        let node = &self.servers[server];
        let due = node.lookup.next_wakeup().into_iter().chain(node.transfers.next_wakeup()).map(|(at, _)| at).min();
        let Some(at) = due.map(|at| (at - node.skew).max(self.world.now())) else { return };
        if node.planned_wake.is_none_or(|planned| at < planned) {
            self.servers[server].planned_wake = Some(at);
            self.world.plan_at(at, Event::Wake { server });
        }
    }

    fn does(&mut self, server: usize, effect: Effect) {
        match effect {
            Effect::SearchHere { ticket, asker, ask } => {
                let after = Duration::from_micros(500 + self.dice.below(2_000)) + self.servers[server].slowness;
                self.world.plan_in(after, Event::Searched { server, ticket, asker, ask });
            }
            Effect::Ask { flight, upstream, query } => self.ask(server, flight, upstream, query),
            Effect::Cancel { .. } | Effect::Remember { .. } => {}
            Effect::Answer { ticket, answer } => self.answers(server, ticket, answer),
            Effect::Probe { upstream } => {
                self.servers[server].probes += 1;
                self.send_up(server, upstream, Message::Probe);
            }
        }
    }

    fn ask(&mut self, server: usize, flight: u64, upstream: PeerId, query: Query) {
        let Some(to) = self.above(server, upstream) else { panic!("{upstream:?} is not above server {server}") };
        assert!(self.asked.insert((server, to, query.id)), "server {server} asks {to} twice with {:?}", query.id);
        assert!(!query.passed[..query.passed.len() - 1].contains(&upstream), "it passed {upstream:?} before");
        self.links.entry((to, server)).or_default().questions += 1;
        self.world.plan_in(query.budget, Event::CallOver { server, flight, upstream });
        self.send_up(server, upstream, Message::Question { flight, query });
    }

    fn above(&self, server: usize, id: PeerId) -> Option<usize> {
        self.servers[server].above.iter().find(|(known, _)| *known == id).map(|(_, number)| *number)
    }

    fn send_up(&mut self, server: usize, upstream: PeerId, message: Message) {
        let Some(to) = self.above(server, upstream) else { return };
        if self.servers[to].cut_off {
            let refused = Message::Refused { about: Box::new(message), known_as: upstream };
            self.world.plan_in(LATENCY, Event::Arrives { from: to, to: server, message: refused });
        } else {
            self.send(server, to, message);
        }
    }

    fn send(&mut self, from: usize, to: usize, message: Message) {
        let jitter = Duration::from_micros(self.dice.below(1_000));
        self.world.plan_in(LATENCY + jitter, Event::Arrives { from, to, message });
    }

    /// How `from` is known to `to`, which asked it.
    fn known_as(&self, from: usize, to: usize) -> PeerId {
        let known = self.servers[to].above.iter().find(|(_, number)| *number == from);
        known.map_or(self.servers[from].id, |(id, _)| *id)
    }

    fn arrives(&mut self, from: usize, to: usize, message: Message) {
        let kind = self.servers[to].kind;
        match message {
            _ if kind == Kind::Silent => {}
            Message::Question { flight, query } => match kind {
                Kind::Liar => self.lie(to, from, flight, &query),
                Kind::Denying => {
                    let answer = Answer::unknown(Reason::Denied, self.servers[to].id);
                    self.reply(to, from, flight, answer);
                }
                _ => {
                    let ticket = self.ticket(to, Waiter::Server { node: from, flight });
                    let asker = Asker::Server(self.servers[from].id);
                    self.tell(to, Input::Asked { ticket, asker, query });
                }
            },
            Message::Reply { flight, known_as, answer } => {
                self.tell(to, Input::Answered { flight, upstream: known_as, answer });
            }
            Message::Prepare { share, passed } => self.wanted_in_hand(to, from, share, passed),
            Message::Prepared { share, known_as, result } => {
                self.tell_transfers(to, transfers::Input::Prepared { share, upstream: known_as, result });
            }
            Message::Probe => {
                let known_as = self.known_as(to, from);
                self.send(to, from, Message::Alive { known_as });
            }
            Message::Alive { known_as } => self.tell(to, Input::Probed { upstream: known_as, alive: true }),
            Message::Refused { about, known_as } => self.refused(to, *about, known_as),
        }
    }

    fn refused(&mut self, server: usize, about: Message, upstream: PeerId) {
        match about {
            Message::Question { flight, .. } => {
                self.tell(server, Input::AskFailed { flight, upstream, reason: Reason::Unreachable });
            }
            Message::Prepare { share, .. } => {
                let result = Err(Reason::Unreachable);
                self.tell_transfers(server, transfers::Input::Prepared { share, upstream, result });
            }
            Message::Probe => self.tell(server, Input::Probed { upstream, alive: false }),
            _ => {}
        }
    }

    /// Something that is not so.
    fn lie(&mut self, liar: usize, to: usize, flight: u64, query: &Query) {
        let mut find = Find::of(self.shares[2].clone());
        find.route = vec![Step { server: self.servers[liar].id, name: "liar".to_owned() }];
        match (self.dice.below(5), &query.ask) {
            // A share that is not the one asked for, with a proof that is not its.
            (0, _) => find.share = ShareId([0xee; 32]),
            (1, _) => find.route = vec![Step { server: id_of(99), name: "nobody".to_owned() }],
            (2, _) => find.route.extend((0..9).map(|n| Step { server: id_of(200 + n), name: String::new() })),
            // What can't be told from the truth before it is fetched.
            (_, Ask::Share(share)) => find = Find { share: *share, manifest: None, ..find },
            _ => find = Find { share: ShareId([0xdd; 32]), manifest: None, ..find },
        }
        self.reply(liar, to, flight, Answer::Found { finds: vec![find], missing: vec![] });
    }

    fn reply(&mut self, from: usize, to: usize, flight: u64, answer: Answer) {
        let known_as = self.known_as(from, to);
        self.send(from, to, Message::Reply { flight, known_as, answer });
    }

    fn answers(&mut self, server: usize, ticket: Ticket, answer: Answer) {
        let waiter = self.servers[server].tickets.remove(&ticket);
        let Some(waiter) = waiter else { panic!("server {server} answers {ticket:?} twice, or after it left") };
        match waiter {
            Waiter::Client(client) => self.client_answered(server, client, answer),
            Waiter::Server { node, flight } => {
                self.check_secrets(&answer);
                self.reply(server, node, flight, answer);
            }
            Waiter::InHand { node, share, passed } => match answer {
                Answer::Found { finds, .. } => {
                    let routes = finds[0].routes().cloned().collect();
                    let ticket = self.ticket(server, Waiter::InHand { node, share, passed: passed.clone() });
                    let patience = Duration::from_secs(12);
                    self.tell_transfers(server, transfers::Input::Wanted { ticket, share, routes, passed, patience });
                }
                Answer::NotFound { .. } => self.in_hand(server, node, share, Err(Reason::Corrupt)),
                Answer::Unknown { reason, .. } => self.in_hand(server, node, share, Err(reason)),
            },
        }
    }

    /// What is for chosen people never goes to another server.
    fn check_secrets(&self, answer: &Answer) {
        if let Answer::Found { finds, .. } = answer {
            assert!(finds.iter().all(|find| find.audience != Audience::Peers), "told on: {finds:?}");
        }
    }

    fn client_answered(&mut self, server: usize, number: usize, answer: Answer) {
        let now = self.world.now();
        let client = &mut self.clients[number];
        assert!(client.answer.is_none(), "client {number} is answered twice");
        let took = now - client.asked_at.expect("it has asked");
        assert!(took <= client.budget, "client {number} is answered after {took:?} of {:?}", client.budget);
        client.ticket = None;
        client.answer = Some((answer.clone(), took));
        let (ask, hops, wants) = (client.ask.clone(), client.hops, client.wants_bytes);
        self.check_truth(server, &ask, hops, &answer);
        if let Answer::Found { finds, .. } = answer
            && wants
        {
            self.client_wants(server, number, &finds[0]);
        }
    }

    /// "Found" is where it is said to be; "not found" was looked for everywhere.
    fn check_truth(&self, server: usize, ask: &Ask, hops: u8, answer: &Answer) {
        if !self.truthful {
            return;
        }
        match answer {
            Answer::Found { finds, .. } => {
                for find in finds {
                    let last = find.route.last().expect("a way has an end").server;
                    assert!(self.servers[self.number(last)].has.contains_key(&find.share), "{find:?} is not there");
                    assert_eq!(find.route[0].server, self.servers[server].id);
                }
            }
            Answer::NotFound { scope, ttl } => {
                assert!(*ttl <= Duration::from_secs(60));
                for above in self.upwards(server, hops) {
                    assert!(scope.contains(&self.servers[above].id), "{ask:?}: {above} is not in {scope:?}");
                }
            }
            Answer::Unknown { .. } => {}
        }
    }

    /// All servers to which a question may climb.
    fn upwards(&self, server: usize, hops: u8) -> BTreeSet<usize> {
        let mut known = BTreeSet::from([server]);
        for _ in 0..hops {
            let next = known.iter().flat_map(|number| self.servers[*number].above.iter().map(|(_, above)| *above));
            known = next.chain(known.iter().copied()).collect();
        }
        known
    }

    fn client_wants(&mut self, server: usize, number: usize, find: &Find) {
        self.clients[number].bytes = Bytes::Waiting;
        if self.servers[server].has.get(&find.share) == Some(&PIECES) {
            self.clients[number].bytes = Bytes::All;
            return;
        }
        let ticket = self.ticket(server, Waiter::Client(number));
        self.clients[number].ticket = Some(ticket);
        let routes = find.routes().cloned().collect();
        let patience = Duration::from_secs(60);
        let input = transfers::Input::Wanted { ticket, share: find.share, routes, passed: vec![], patience };
        self.tell_transfers(server, input);
    }

    fn wanted_in_hand(&mut self, server: usize, from: usize, share: ShareId, passed: Vec<PeerId>) {
        match self.servers[server].kind {
            Kind::Liar if self.dice.percent(50) => return self.in_hand(server, from, share, Err(Reason::Unreachable)),
            Kind::Liar | Kind::Forger => return self.in_hand(server, from, share, Ok(())),
            Kind::Denying => return self.in_hand(server, from, share, Err(Reason::Denied)),
            _ => {}
        }
        if self.servers[server].has.get(&share) == Some(&PIECES) {
            return self.in_hand(server, from, share, Ok(()));
        }
        let id = self.query_id();
        let hops_left = (8 - passed.len().min(8)) as u8;
        let query = Query {
            id,
            ask: Ask::Share(share),
            hops_left,
            passed: passed.clone(),
            budget: Duration::from_secs(2),
            mode: Mode::Parents,
            fresh: false,
        };
        let ticket = self.ticket(server, Waiter::InHand { node: from, share, passed });
        let asker = Asker::Server(self.servers[from].id);
        self.tell(server, Input::Asked { ticket, asker, query });
    }

    fn in_hand(&mut self, server: usize, node: usize, share: ShareId, result: Result<(), Reason>) {
        let known_as = self.known_as(server, node);
        self.send(server, node, Message::Prepared { share, known_as, result });
    }

    fn does_for_transfers(&mut self, server: usize, effect: transfers::Effect) {
        match effect {
            transfers::Effect::Prepare { share, upstream, passed, .. } => {
                self.send_up(server, upstream, Message::Prepare { share, passed });
            }
            transfers::Effect::Fetch { share, upstream } => {
                let Some(from) = self.above(server, upstream) else { return };
                self.links.entry((from, server)).or_default().transfers += 1;
                self.servers[server].source.insert(share, from);
                self.world.plan_in(LATENCY, Event::Pull { server, share, from });
            }
            transfers::Effect::Ready { ticket } => match self.servers[server].tickets.remove(&ticket) {
                Some(Waiter::Client(client)) => self.clients[client].bytes = Bytes::Streaming,
                Some(Waiter::InHand { node, share, .. }) => self.in_hand(server, node, share, Ok(())),
                other => panic!("{ticket:?} of server {server} is ready for {other:?}"),
            },
            transfers::Effect::Refuse { ticket, reason, .. } => match self.servers[server].tickets.remove(&ticket) {
                Some(Waiter::Client(client)) => self.clients[client].bytes = Bytes::Refused(reason),
                Some(Waiter::InHand { node, share, .. }) => self.in_hand(server, node, share, Err(reason)),
                other => panic!("{ticket:?} of server {server} is refused for {other:?}"),
            },
            transfers::Effect::Blame { share, upstream, reason } => {
                self.servers[server].blamed.push((upstream, reason));
                self.tell(
                    server,
                    match reason {
                        Reason::Corrupt => Input::Disproved { share, upstream },
                        _ => Input::WayFailed { share, upstream },
                    },
                );
            }
            transfers::Effect::GaveUp { reason, .. } => {
                self.servers[server].source.clear();
                let streaming = self.clients.iter_mut().filter(|client| client.at == server);
                let streaming = streaming.filter(|client| client.bytes == Bytes::Streaming);
                streaming.for_each(|client| client.bytes = Bytes::Refused(reason));
            }
        }
    }

    /// One piece, if the source has one more.
    fn pull(&mut self, server: usize, share: ShareId, from: usize) {
        if self.servers[server].source.get(&share) != Some(&from) {
            return;
        }
        let (source, have) = (&self.servers[from], self.servers[server].has.get(&share).copied());
        let (cut_off, kind, there) = (source.cut_off, source.kind, source.has.get(&share).copied());
        if matches!(kind, Kind::Liar | Kind::Forger) && !cut_off {
            let upstream = self.known_as(from, server);
            self.servers[server].source.remove(&share);
            return self.tell_transfers(server, transfers::Input::Falsified { share, upstream });
        }
        if let (Some(there), false) = (there, cut_off || kind == Kind::Silent) {
            if have.is_none() {
                self.servers[server].has.insert(share, 0);
                self.tell_transfers(server, transfers::Input::Started { share });
            }
            let have = have.unwrap_or(0);
            if have < there {
                self.gain(server, from, share, have + 1);
            }
        }
        if self.servers[server].has.get(&share) != Some(&PIECES) {
            self.world.plan_in(PIECE_TIME, Event::Pull { server, share, from });
        }
    }

    fn gain(&mut self, server: usize, from: usize, share: ShareId, have: u32) {
        self.links.entry((from, server)).or_default().pieces += 1;
        self.servers[server].has.insert(share, have);
        self.tell_transfers(server, transfers::Input::Gained { share });
        if have == PIECES {
            self.servers[server].source.remove(&share);
            self.tell_transfers(server, transfers::Input::Complete { share });
            let streaming = self.clients.iter_mut().filter(|client| client.at == server);
            let streaming = streaming.filter(|client| client.bytes == Bytes::Streaming && !client.left);
            streaming.for_each(|client| client.bytes = Bytes::All);
        }
    }
}

pub fn id_of(number: usize) -> PeerId {
    PeerId(*blake3::hash(&number.to_be_bytes()).as_bytes())
}

pub fn root_of(share: usize) -> Root {
    root_of_title(&title_of(share))
}

fn root_of_title(title: &str) -> Root {
    Root(*blake3::hash(title.as_bytes()).as_bytes())
}

fn title_of(share: usize) -> String {
    format!("Biology lesson {share}")
}

/// Share 0 is for everyone, 1 for chosen people, 2 for everyone.
fn made_up(number: usize, publisher: &Identity) -> SignedManifest {
    let kind = EntryKind::File { size: 1_000, root: root_of(number), executable: false };
    let path = SharePath::new(vec!["lesson.pdf".to_owned()]).expect("a good name");
    let manifest = Manifest {
        title: title_of(number),
        publisher: publisher.public_key(),
        created_s: number as i64,
        audience: if number == 1 { Audience::Peers } else { Audience::Everyone },
        piece_len: PieceLen::MIN,
        entries: vec![Entry { path, modified: Modified { s: 0, ns: 0 }, kind }],
    };
    SignedManifest::sign(manifest, |bytes| publisher.sign(bytes)).expect("a good manifest")
}
