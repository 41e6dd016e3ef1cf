//! What is being brought here from a server above: each share once, however many wait for it.
//!
//! The shape is that of [`Lookup`](super::Lookup): facts in, wishes out, time as an argument. Who wants a share that a
//! [`Find`](super::Find) leads to waits until its manifest is here ([`Effect::Ready`]); from then on the pieces can be
//! given on as they arrive. Before bytes are fetched from a server above, it is asked to have the share in hand
//! ([`Effect::Prepare`]), for which it may have to do the same with the server above it.
//!
//! Invariants:
//! - each share is brought once at a time, from one server after the other, and what is verified stays when the source
//!   changes;
//! - the bringing belongs to no one who waits: it goes on when all have left;
//! - nobody waits for a share that is on its way over himself, nor longer than his time;
//! - a source that refuses, stands still or falsifies is named and not tried again for this share.

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

use super::{Reason, Step, Ticket};
use crate::share::{PeerId, ShareId};

/// How [`Transfers`] behave.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Shares that are brought at once.
    pub flights_max: usize,
    /// So many wait for one share's manifest.
    pub waiting_max: usize,
    /// A source has this long to have the share in hand.
    pub prepare: Duration,
    /// A source that brings no piece for so long is given up.
    pub stall: Duration,
    pub sources_max: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            flights_max: 256,
            waiting_max: 512,
            prepare: Duration::from_secs(15),
            stall: Duration::from_secs(10),
            sources_max: 8,
        }
    }
}

/// A fact, told to [`Transfers::handle`]. Facts that come late change nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Somebody wants a share that is not here. `routes`: ways to it, as a find has them; `passed`: the servers that want it
    /// on the way to us, none for people. Closed by `Ready` or `Refuse`.
    Wanted {
        ticket: Ticket,
        share: ShareId,
        routes: Vec<Vec<Step>>,
        passed: Vec<PeerId>,
        patience: Duration,
    },
    /// What came of `Prepare`.
    Prepared {
        share: ShareId,
        upstream: PeerId,
        result: Result<(), Reason>,
    },
    /// The manifest is here, so pieces can be asked for and given on.
    Started {
        share: ShareId,
    },
    /// A piece more is here and right.
    Gained {
        share: ShareId,
    },
    /// A source sent bytes that are not the share's.
    Falsified {
        share: ShareId,
        upstream: PeerId,
    },
    /// All of it is here.
    Complete {
        share: ShareId,
    },
    /// It can't be kept here, whoever brings it.
    Failed {
        share: ShareId,
        reason: Reason,
    },
    /// Who wanted it does not wait any more.
    Left {
        ticket: Ticket,
    },
    Tick,
}

/// A wish of [`Transfers`], as data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Ask a server above to have the share in hand; closed by `Prepared`.
    Prepare {
        share: ShareId,
        upstream: PeerId,
        passed: Vec<PeerId>,
        budget: Duration,
    },
    /// Fetch from it; what is here already stays.
    Fetch {
        share: ShareId,
        upstream: PeerId,
    },
    /// Pieces of it can be waited for here.
    Ready {
        ticket: Ticket,
    },
    Refuse {
        ticket: Ticket,
        reason: Reason,
        at: PeerId,
    },
    /// This source did not do what it said.
    Blame {
        share: ShareId,
        upstream: PeerId,
        reason: Reason,
    },
    /// Nobody is left to bring it. Those who were told `Ready` need not wait for more pieces.
    GaveUp {
        share: ShareId,
        reason: Reason,
        at: PeerId,
    },
}

/// All shares that are being brought.
#[derive(Debug)]
pub struct Transfers {
    limits: Limits,
    me: PeerId,
    flights: BTreeMap<ShareId, Flight>,
    effects: VecDeque<Effect>,
}

#[derive(Debug)]
struct Flight {
    /// Ways that were not tried.
    routes: VecDeque<Vec<Step>>,
    tried: Vec<PeerId>,
    current: Current,
    /// The servers that want it on the way to us.
    passed: Vec<PeerId>,
    /// Whether the manifest is here.
    ready: bool,
    waiting: BTreeMap<Ticket, Instant>,
    /// Why sources were given up, the latest last.
    failures: Vec<(PeerId, Reason)>,
}

#[derive(Debug)]
struct Current {
    route: Vec<Step>,
    upstream: PeerId,
    stage: Stage,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    Preparing { until: Instant },
    Fetching { moved_at: Instant },
}

/// What is known of one share's bringing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TransferView<'a> {
    pub share: ShareId,
    /// From here to the one who has it.
    pub route: &'a [Step],
    pub ready: bool,
    pub failures: &'a [(PeerId, Reason)],
}

impl Transfers {
    pub fn new(limits: Limits, me: PeerId) -> Transfers {
        Transfers { limits, me, flights: BTreeMap::new(), effects: VecDeque::new() }
    }

    /// Takes a fact in. What follows from it is in [`Transfers::poll_effect`].
    pub fn handle(&mut self, now: Instant, input: Input) {
        match input {
            Input::Wanted { ticket, share, routes, passed, patience } => {
                self.wanted(now, ticket, share, routes, passed, patience);
            }
            Input::Prepared { share, upstream, result } => self.prepared(now, share, upstream, result),
            Input::Started { share } => self.started(now, share),
            Input::Gained { share } => self.gained(now, share),
            Input::Falsified { share, upstream } => {
                if self.is_current(share, upstream) {
                    self.source_fails(now, share, Reason::Corrupt);
                }
            }
            Input::Complete { share } => self.complete(share),
            Input::Failed { share, reason } => self.give_up(share, (self.me, reason)),
            Input::Left { ticket } => self.flights.values_mut().for_each(|flight| _ = flight.waiting.remove(&ticket)),
            Input::Tick => {}
        }
        self.keep_time(now);
    }

    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// When [`Input::Tick`] is due, and why.
    pub fn next_wakeup(&self) -> Option<(Instant, &'static str)> {
        let stall = self.limits.stall;
        let sources = self.flights.values().map(move |flight| match flight.current.stage {
            Stage::Preparing { until } => (until, "a source has not the share in hand yet"),
            Stage::Fetching { moved_at } => (moved_at + stall, "a source may stand still"),
        });
        let waiting = self.flights.values().flat_map(|flight| flight.waiting.values());
        sources.chain(waiting.map(|until| (*until, "somebody has waited enough"))).min_by_key(|due| due.0)
    }

    pub fn get(&self, share: ShareId) -> Option<TransferView<'_>> {
        self.flights.get(&share).map(|flight| flight.view(share))
    }

    pub fn iter(&self) -> impl Iterator<Item = TransferView<'_>> {
        self.flights.iter().map(|(share, flight)| flight.view(*share))
    }

    fn wanted(
        &mut self,
        now: Instant,
        ticket: Ticket,
        share: ShareId,
        routes: Vec<Vec<Step>>,
        passed: Vec<PeerId>,
        patience: Duration,
    ) {
        if passed.contains(&self.me) {
            return self.refuse(ticket, Reason::Loop, self.me);
        }
        let Some(flight) = self.flights.get_mut(&share) else {
            return self.begin(now, ticket, share, routes, passed, patience);
        };
        flight.learn(routes, &self.limits);
        if flight.current.route.iter().any(|step| passed.contains(&step.server)) {
            self.refuse(ticket, Reason::Loop, self.me);
        } else if flight.ready {
            self.effects.push_back(Effect::Ready { ticket });
        } else if flight.waiting.len() >= self.limits.waiting_max {
            self.refuse(ticket, Reason::Overloaded, self.me);
        } else {
            flight.waiting.insert(ticket, now + patience);
        }
    }

    fn begin(
        &mut self,
        now: Instant,
        ticket: Ticket,
        share: ShareId,
        mut routes: Vec<Vec<Step>>,
        passed: Vec<PeerId>,
        patience: Duration,
    ) {
        if self.flights.len() >= self.limits.flights_max {
            return self.refuse(ticket, Reason::Overloaded, self.me);
        }
        routes.retain(|route| route.len() > 1 && !route.iter().any(|step| passed.contains(&step.server)));
        routes.truncate(self.limits.sources_max);
        let mut routes: VecDeque<_> = routes.into();
        let Some(current) = routes.pop_front().and_then(|route| Current::preparing(now, route, &self.limits)) else {
            return self.refuse(ticket, Reason::Loop, self.me);
        };
        let waiting = BTreeMap::from([(ticket, now + patience)]);
        let tried = vec![current.upstream];
        let flight = Flight { routes, tried, current, passed, ready: false, waiting, failures: vec![] };
        self.prepare(share, &flight);
        self.flights.insert(share, flight);
    }

    fn prepare(&mut self, share: ShareId, flight: &Flight) {
        let passed = flight.passed.iter().copied().chain([self.me]).collect();
        let upstream = flight.current.upstream;
        self.effects.push_back(Effect::Prepare { share, upstream, passed, budget: self.limits.prepare });
    }

    fn prepared(&mut self, now: Instant, share: ShareId, upstream: PeerId, result: Result<(), Reason>) {
        let Some(flight) = self.flights.get_mut(&share).filter(|flight| flight.is_preparing(upstream)) else { return };
        match result {
            Ok(()) => {
                flight.current.stage = Stage::Fetching { moved_at: now };
                self.effects.push_back(Effect::Fetch { share, upstream });
            }
            Err(reason) => self.source_fails(now, share, reason),
        }
    }

    fn started(&mut self, now: Instant, share: ShareId) {
        self.gained(now, share);
        let Some(flight) = self.flights.get_mut(&share) else { return };
        flight.ready = true;
        let ready = std::mem::take(&mut flight.waiting).into_keys();
        self.effects.extend(ready.map(|ticket| Effect::Ready { ticket }));
    }

    fn gained(&mut self, now: Instant, share: ShareId) {
        if let Some(flight) = self.flights.get_mut(&share)
            && let Stage::Fetching { moved_at } = &mut flight.current.stage
        {
            *moved_at = now;
        }
    }

    fn complete(&mut self, share: ShareId) {
        if let Some(flight) = self.flights.remove(&share) {
            self.effects.extend(flight.waiting.into_keys().map(|ticket| Effect::Ready { ticket }));
        }
    }

    fn is_current(&self, share: ShareId, upstream: PeerId) -> bool {
        self.flights.get(&share).is_some_and(|flight| flight.current.upstream == upstream)
    }

    /// The source is named, and the next one takes over where it stopped.
    fn source_fails(&mut self, now: Instant, share: ShareId, reason: Reason) {
        let Some(flight) = self.flights.get_mut(&share) else { return };
        let upstream = flight.current.upstream;
        flight.failures.push((upstream, reason));
        self.effects.push_back(Effect::Blame { share, upstream, reason });
        let next = flight.next_route().and_then(|route| Current::preparing(now, route, &self.limits));
        let Some(current) = next else { return self.give_up(share, (upstream, reason)) };
        flight.tried.push(current.upstream);
        flight.current = current;
        if let Some(flight) = self.flights.remove(&share) {
            self.prepare(share, &flight);
            self.flights.insert(share, flight);
        }
    }

    fn give_up(&mut self, share: ShareId, (at, reason): (PeerId, Reason)) {
        let Some(flight) = self.flights.remove(&share) else { return };
        for ticket in flight.waiting.into_keys() {
            self.refuse(ticket, reason, at);
        }
        self.effects.push_back(Effect::GaveUp { share, reason, at });
    }

    fn refuse(&mut self, ticket: Ticket, reason: Reason, at: PeerId) {
        self.effects.push_back(Effect::Refuse { ticket, reason, at });
    }

    fn keep_time(&mut self, now: Instant) {
        let stall = self.limits.stall;
        let late = |flight: &Flight| match flight.current.stage {
            Stage::Preparing { until } => until <= now,
            Stage::Fetching { moved_at } => moved_at + stall <= now,
        };
        let late: Vec<ShareId> =
            self.flights.iter().filter(|(_, flight)| late(flight)).map(|(share, _)| *share).collect();
        for share in late {
            self.source_fails(now, share, Reason::Timeout);
        }
        let mut waited = vec![];
        for flight in self.flights.values_mut() {
            let at = flight.current.upstream;
            waited.extend(flight.waiting.extract_if(.., |_, until| *until <= now).map(|(ticket, _)| (ticket, at)));
        }
        for (ticket, at) in waited {
            self.refuse(ticket, Reason::Timeout, at);
        }
    }
}

impl Flight {
    /// Ways that were not known of.
    fn learn(&mut self, routes: Vec<Vec<Step>>, limits: &Limits) {
        for route in routes {
            let Some(upstream) = route.get(1).map(|step| step.server) else { continue };
            let known = self.routes.iter().any(|known| known.get(1).is_some_and(|step| step.server == upstream));
            if !known && !self.tried.contains(&upstream) && self.routes.len() < limits.sources_max {
                self.routes.push_back(route);
            }
        }
    }

    fn next_route(&mut self) -> Option<Vec<Step>> {
        while let Some(route) = self.routes.pop_front() {
            if route.get(1).is_some_and(|step| !self.tried.contains(&step.server)) {
                return Some(route);
            }
        }
        None
    }

    fn is_preparing(&self, upstream: PeerId) -> bool {
        self.current.upstream == upstream && matches!(self.current.stage, Stage::Preparing { .. })
    }

    fn view(&self, share: ShareId) -> TransferView<'_> {
        TransferView { share, route: &self.current.route, ready: self.ready, failures: &self.failures }
    }
}

impl Current {
    fn preparing(now: Instant, route: Vec<Step>, limits: &Limits) -> Option<Current> {
        let upstream = route.get(1)?.server;
        Some(Current { route, upstream, stage: Stage::Preparing { until: now + limits.prepare } })
    }
}
