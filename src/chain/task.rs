//! The owner of the cores: takes what happens, lets them decide, and starts what they want done.

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::reach::Met;
use super::{Bringing, Refusal, Setup, Upstream, UpstreamStatus, calls, fetching, resolve};
use crate::{
    lookup::{
        self, Answer, Asker, Effect, Limits, Lookup, Query, Reason, Step, Ticket,
        transfers::{self, Transfers},
    },
    share::{PeerId, ShareId},
};

/// So many events are taken at once before anything is started.
const EVENTS_AT_ONCE: usize = 64;

/// Everything that can happen.
pub enum Event {
    Asked {
        asker: Asker,
        query: Query,
        answer: oneshot::Sender<Answer>,
    },
    Wanted {
        share: ShareId,
        routes: Vec<Vec<Step>>,
        passed: Vec<PeerId>,
        patience: Duration,
        ready: oneshot::Sender<Result<(), Refusal>>,
    },
    Lookup(lookup::Input),
    Transfers(transfers::Input),
    SetUpstreams {
        upstreams: Vec<Upstream>,
    },
    /// Who answered at the address of a server above.
    Met {
        upstream: PeerId,
        met: Met,
    },
    Upstreams {
        reply: oneshot::Sender<Vec<UpstreamStatus>>,
    },
    Bringing {
        reply: oneshot::Sender<Vec<Bringing>>,
    },
}

/// The task's state.
pub struct Task {
    setup: Setup,
    inbox: mpsc::Sender<Event>,
    lookup: Lookup,
    transfers: Transfers,
    tickets: u64,
    answers: BTreeMap<Ticket, oneshot::Sender<Answer>>,
    ready: BTreeMap<Ticket, oneshot::Sender<Result<(), Refusal>>>,
    /// Questions on their way, which may be cancelled.
    asking: BTreeMap<(u64, PeerId), CancellationToken>,
    /// Shares whose progress is watched.
    watched: BTreeMap<ShareId, CancellationToken>,
    troubles: BTreeMap<PeerId, String>,
}

impl Task {
    pub fn new(setup: Setup, inbox: mpsc::Sender<Event>) -> Task {
        let me = Step { server: setup.me, name: setup.name.clone() };
        Task {
            lookup: Lookup::new(Limits::default(), me),
            transfers: Transfers::new(transfers::Limits::default(), setup.me),
            setup,
            inbox,
            tickets: 0,
            answers: BTreeMap::new(),
            ready: BTreeMap::new(),
            asking: BTreeMap::new(),
            watched: BTreeMap::new(),
            troubles: BTreeMap::new(),
        }
    }

    /// Runs until it is cancelled.
    pub async fn run(mut self, mut events: mpsc::Receiver<Event>) {
        let upstreams = self.setup.upstreams.clone();
        self.handle(Event::SetUpstreams { upstreams });
        let mut at_once = VecDeque::new();
        loop {
            let due = self.lookup.next_wakeup().into_iter().chain(self.transfers.next_wakeup()).map(|(at, _)| at).min();
            tokio::select! {
                () = self.setup.cancel.cancelled() => return,
                Some(event) = events.recv() => at_once.push_back(event),
                () = sleep_until(due) => {}
            }
            while at_once.len() < EVENTS_AT_ONCE {
                let Ok(more) = events.try_recv() else { break };
                at_once.push_back(more);
            }
            at_once.drain(..).for_each(|event| self.handle(event));
            self.forget_the_gone();
            self.tell_lookup(lookup::Input::Tick);
            self.tell_transfers(transfers::Input::Tick);
        }
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Asked { asker, query, answer } => {
                let ticket = self.ticket();
                self.answers.insert(ticket, answer);
                self.tell_lookup(lookup::Input::Asked { ticket, asker, query });
            }
            Event::Wanted { share, routes, passed, patience, ready } => {
                let ticket = self.ticket();
                self.ready.insert(ticket, ready);
                self.tell_transfers(transfers::Input::Wanted { ticket, share, routes, passed, patience });
            }
            Event::Lookup(input) => {
                if let lookup::Input::Answered { flight, upstream, .. }
                | lookup::Input::AskFailed { flight, upstream, .. } = &input
                {
                    self.asking.remove(&(*flight, *upstream));
                }
                self.tell_lookup(input);
            }
            Event::Transfers(input) => self.tell_transfers(input),
            Event::SetUpstreams { upstreams } => self.set_upstreams(upstreams),
            Event::Met { upstream, met } => self.met(upstream, met),
            Event::Upstreams { reply } => _ = reply.send(self.statuses()),
            Event::Bringing { reply } => _ = reply.send(self.bringing()),
        }
    }

    /// Those that are new, or somewhere else, are asked at once who they are, so that what is shown of them is true.
    fn set_upstreams(&mut self, upstreams: Vec<Upstream>) {
        let known: BTreeMap<PeerId, String> =
            self.setup.upstreams.drain(..).map(|upstream| (upstream.id, upstream.address)).collect();
        let seen: Vec<PeerId> = self.lookup.upstreams().map(|view| view.id).collect();
        self.setup.upstreams = upstreams;
        let ids: Vec<PeerId> = self.setup.upstreams.iter().map(|upstream| upstream.id).collect();
        self.tell_lookup(lookup::Input::UpstreamsSet { upstreams: ids });
        let is_new =
            |upstream: &&Upstream| !seen.contains(&upstream.id) || known.get(&upstream.id) != Some(&upstream.address);
        let new: Vec<PeerId> = self.setup.upstreams.iter().filter(is_new).map(|upstream| upstream.id).collect();
        new.into_iter().for_each(|upstream| self.start(Effect::Probe { upstream }));
    }

    fn met(&mut self, upstream: PeerId, met: Met) {
        match met {
            Met::Another(found) => {
                let trouble = format!("is not there: another server, with the id {found}, answers at its address");
                self.troubles.insert(upstream, trouble);
            }
            Met::Itself | Met::Nobody => drop(self.troubles.remove(&upstream)),
        }
        self.tell_lookup(lookup::Input::Probed { upstream, alive: met == Met::Itself });
    }

    fn ticket(&mut self) -> Ticket {
        self.tickets += 1;
        Ticket(self.tickets)
    }

    /// Those who do not wait any more have dropped the other end.
    fn forget_the_gone(&mut self) {
        let gone: Vec<Ticket> = self.answers.extract_if(.., |_, answer| answer.is_closed()).map(|(t, _)| t).collect();
        gone.into_iter().for_each(|ticket| self.tell_lookup(lookup::Input::Left { ticket }));
        let gone: Vec<Ticket> = self.ready.extract_if(.., |_, ready| ready.is_closed()).map(|(t, _)| t).collect();
        gone.into_iter().for_each(|ticket| self.tell_transfers(transfers::Input::Left { ticket }));
    }

    fn tell_lookup(&mut self, input: lookup::Input) {
        self.lookup.handle(Instant::now(), input);
        while let Some(effect) = self.lookup.poll_effect() {
            self.start(effect);
        }
    }

    fn tell_transfers(&mut self, input: transfers::Input) {
        self.transfers.handle(Instant::now(), input);
        while let Some(effect) = self.transfers.poll_effect() {
            self.start_transfer(effect);
        }
    }

    fn start(&mut self, effect: Effect) {
        match effect {
            Effect::SearchHere { ticket, asker, ask } => {
                let found = (self.setup.search)(asker, ask);
                self.spawn(async move { Event::Lookup(lookup::Input::SearchedHere { ticket, finds: found.await }) });
            }
            Effect::Ask { flight, upstream, query } => self.ask(flight, upstream, query),
            Effect::Cancel { flight, upstream } => {
                if let Some(cancel) = self.asking.remove(&(flight, upstream)) {
                    cancel.cancel();
                }
            }
            Effect::Answer { ticket, answer } => {
                if let Some(waiting) = self.answers.remove(&ticket) {
                    // Who has gone needs no answer.
                    waiting.send(answer).ok();
                }
            }
            Effect::Probe { upstream } => {
                let Some(at) = self.upstream(upstream) else { return };
                let client = self.setup.client.clone();
                self.spawn(async move {
                    let met = calls::probe(&client, &at).await;
                    Event::Met { upstream, met }
                });
            }
            Effect::Remember { finds } => {
                let (remembered, cancel) = ((self.setup.remember)(finds), self.setup.cancel.clone());
                self.setup.tracker.spawn(async move { cancel.run_until_cancelled(remembered).await });
            }
        }
    }

    fn ask(&mut self, flight: u64, upstream: PeerId, query: Query) {
        let cancel = CancellationToken::new();
        self.asking.insert((flight, upstream), cancel.clone());
        let (client, at) = (self.setup.client.clone(), self.upstream(upstream));
        self.spawn(async move {
            let asked = async {
                match at {
                    Some(at) => calls::ask(&client, &at, query).await,
                    None => Err(Reason::Unreachable),
                }
            };
            let answer = tokio::select! {
                answer = asked => answer,
                () = cancel.cancelled() => Err(Reason::Timeout),
            };
            Event::Lookup(match answer {
                Ok(answer) => lookup::Input::Answered { flight, upstream, answer },
                Err(reason) => lookup::Input::AskFailed { flight, upstream, reason },
            })
        });
    }

    fn start_transfer(&mut self, effect: transfers::Effect) {
        match effect {
            transfers::Effect::Prepare { share, upstream, passed, budget } => {
                let (client, at) = (self.setup.client.clone(), self.upstream(upstream));
                let may_bring = self.setup.may_bring.clone();
                self.spawn(async move {
                    let result = match at {
                        Some(at) => calls::bring(&client, &at, share, passed, budget).await,
                        // A computer of the room has nobody to ask.
                        None => may_bring(upstream, share).await,
                    };
                    Event::Transfers(transfers::Input::Prepared { share, upstream, result })
                });
            }
            transfers::Effect::Fetch { share, upstream } => self.fetch(share, upstream),
            transfers::Effect::Ready { ticket } => self.tell_ready(ticket, Ok(())),
            transfers::Effect::Refuse { ticket, reason, at } => self.tell_ready(ticket, Err(Refusal { reason, at })),
            transfers::Effect::Blame { share, upstream, reason } => {
                let name = self.name_of(upstream);
                tracing::warn!(share = %share, server = %name, ?reason, "a server above did not bring a share");
                self.troubles.insert(upstream, format!("did not bring share {}: {reason:?}", share.short()));
                self.tell_lookup(match reason {
                    Reason::Corrupt => lookup::Input::Disproved { share, upstream },
                    _ => lookup::Input::WayFailed { share, upstream },
                });
            }
            transfers::Effect::GaveUp { share, reason, at } => {
                self.stop_watching(share);
                tracing::warn!(share = %share, server = %self.name_of(at), ?reason, "nobody is left to bring a share");
            }
        }
    }

    fn fetch(&mut self, share: ShareId, upstream: PeerId) {
        let Some(at) = self.upstream(upstream).or_else(|| self.neighbour(upstream)) else { return };
        let cancel = self.setup.cancel.child_token();
        let first = !self.watched.contains_key(&share);
        if let Some(before) = self.watched.insert(share, cancel.clone()) {
            before.cancel();
        }
        let fetch = fetching::Fetch { share, upstream, at, into: self.setup.into.clone(), first };
        let (engine, shelf, inbox) = (self.setup.engine.clone(), self.setup.shelf.clone(), self.inbox.clone());
        self.setup.tracker.spawn(async move {
            tokio::select! {
                () = fetching::fetch(engine, shelf, fetch, inbox) => {}
                () = cancel.cancelled() => {}
            }
        });
    }

    fn stop_watching(&mut self, share: ShareId) {
        if let Some(watched) = self.watched.remove(&share) {
            watched.cancel();
        }
    }

    fn tell_ready(&mut self, ticket: Ticket, result: Result<(), Refusal>) {
        if let Some(waiting) = self.ready.remove(&ticket) {
            waiting.send(result).ok();
        }
    }

    /// Each future ends in one event. The inbox is bounded, so what it has to say may wait.
    fn spawn(&self, work: impl Future<Output = Event> + Send + 'static) {
        let (inbox, cancel) = (self.inbox.clone(), self.setup.cancel.clone());
        self.setup.tracker.spawn(async move {
            tokio::select! {
                event = work => { inbox.send(event).await.ok(); }
                () = cancel.cancelled() => {}
            }
        });
    }

    fn upstream(&self, id: PeerId) -> Option<Upstream> {
        self.setup.upstreams.iter().find(|upstream| upstream.id == id).cloned()
    }

    /// A computer of the room, where the engine sees it.
    fn neighbour(&self, id: PeerId) -> Option<Upstream> {
        let picture = self.setup.engine.snapshot();
        let row = picture.peer(id)?;
        let address = row.addresses.first()?.to_string();
        Some(Upstream { id, address, name: Some(row.name.clone()) })
    }

    fn name_of(&self, id: PeerId) -> String {
        let given = self.upstream(id).or_else(|| self.neighbour(id)).and_then(|upstream| upstream.name);
        given.unwrap_or_else(|| if id == self.setup.me { self.setup.name.clone() } else { id.short() })
    }

    fn statuses(&self) -> Vec<UpstreamStatus> {
        let status = |view: lookup::UpstreamView| {
            let upstream = self.upstream(view.id)?;
            Some(UpstreamStatus {
                id: view.id,
                name: self.name_of(view.id),
                at: resolve::known(&upstream.address),
                address: upstream.address,
                health: view.health,
                open: view.open,
                answered: view.answered,
                failed: view.failed,
                lies: view.lies,
                met: view.met,
                last_trouble: self.troubles.get(&view.id).cloned(),
            })
        };
        self.lookup.upstreams().filter_map(status).collect()
    }

    fn bringing(&self) -> Vec<Bringing> {
        let bringing = |view: transfers::TransferView<'_>| Bringing {
            share: view.share,
            route: view.route.to_vec(),
            ready: view.ready,
            failures: view.failures.to_vec(),
        };
        self.transfers.iter().map(bringing).collect()
    }
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due.into()).await,
        None => std::future::pending().await,
    }
}
