//! A question that climbs the chain of servers, as a state machine: what is asked of whom, and what is answered when.
//!
//! A server that does not have what it is asked for asks the servers above it, which may ask further; the answer comes
//! back the same way. Facts go in ([`Input`]), wishes come out ([`Effect`]), and time is an argument, as in the swarm.
//! After each [`Lookup::handle`] the owner takes all effects, and calls again with [`Input::Tick`] at
//! [`Lookup::next_wakeup`].
//!
//! An answer is one of three: **found**, **not found** (for sure, in these servers, for this long), or **unknown** (late, a
//! loop, a refusal, somebody away). Unknown never becomes not found. Bytes are fetched afterwards ([`transfers`]).
//!
//! Invariants:
//! - each question is answered once, within its time, unless whoever asked has left; nobody is waited for longer;
//! - equal questions are one [flight](flights), which belongs to none of them: it goes on when all have left;
//! - an upstream is asked once a flight, never when the question came from it or passed it;
//! - a server's question waits only for a flight with a smaller id, so servers that ask each other at the same time
//!   never wait in a ring;
//! - an upstream that is away costs one timeout; whether it is back is found out by a probe, not by a question;
//! - a refusal, a loop or a lateness is remembered for nobody; what one may see, as found, is checked by whoever serves it;
//! - everything that grows has a limit in [`Limits`].
//!
//! Not here: databases, sockets, who may see what, the bytes.

mod answers;
mod effect;
mod flights;
mod input;
mod limits;
mod memory;
mod query;
#[cfg(test)]
mod tests;
mod tickets;
pub mod transfers;
mod upstreams;

use std::{
    collections::{BTreeMap, VecDeque},
    time::Instant,
};

pub use answers::{Answer, FINDS_MAX, Find, FindKind, ROUTE_MAX, Reason, Step};
pub use effect::Effect;
pub use input::Input;
pub use limits::Limits;
pub use query::{Ask, Asker, HOPS_DEFAULT, HOPS_MAX, Mode, PASSED_MAX, Query, QueryId, Ticket, Words};
pub use upstreams::{Health, UpstreamView};

use crate::share::PeerId;
use flights::Flight;
use memory::Memory;
use tickets::Waiting;
use upstreams::Upstreams;

/// All questions at one server.
#[derive(Debug)]
pub struct Lookup {
    limits: Limits,
    me: Step,
    upstreams: Upstreams,
    tickets: BTreeMap<Ticket, Waiting>,
    flights: BTreeMap<u64, Flight>,
    /// How many flights there have been, which numbers them.
    begun: u64,
    memory: Memory,
    effects: VecDeque<Effect>,
}

impl Lookup {
    /// `me`: this server, as it stands in routes.
    pub fn new(limits: Limits, me: Step) -> Lookup {
        Lookup {
            memory: Memory::new(&limits),
            limits,
            me,
            upstreams: Upstreams::default(),
            tickets: BTreeMap::new(),
            flights: BTreeMap::new(),
            begun: 0,
            effects: VecDeque::new(),
        }
    }

    /// Takes a fact in. What follows from it is in [`Lookup::poll_effect`].
    pub fn handle(&mut self, now: Instant, input: Input) {
        match input {
            Input::Asked { ticket, asker, query } => self.asked(now, ticket, asker, query),
            Input::SearchedHere { ticket, finds } => self.searched_here(now, ticket, finds),
            Input::Answered { flight, upstream, answer } => self.answered(now, flight, upstream, answer),
            Input::AskFailed { flight, upstream, reason } => self.ask_failed(now, flight, upstream, reason),
            Input::Left { ticket } => self.leave(ticket),
            Input::UpstreamsSet { upstreams } => self.upstreams_set(now, &upstreams),
            Input::UpstreamChanged { upstream } => self.upstream_changed(upstream),
            Input::Probed { upstream, alive } => self.upstreams.probed(now, upstream, alive, &self.limits),
            Input::WayFailed { share, upstream } => self.memory.way_failed(now, share, upstream, &self.limits),
            Input::Disproved { share, upstream } => self.disproved(now, share, upstream),
            Input::Tick => {}
        }
        self.keep_time(now);
    }

    /// The next wish, in the order in which they arose.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// When [`Input::Tick`] is due, and why.
    pub fn next_wakeup(&self) -> Option<(Instant, &'static str)> {
        let tickets = self.tickets.values().map(|waiting| (waiting.until, "somebody's time is over"));
        let flights = self.flights.values().map(Flight::due);
        tickets.chain(flights).chain(self.upstreams.due(&self.limits)).min_by_key(|due| due.0)
    }

    /// The servers above, in the order in which they are asked.
    pub fn upstreams(&self) -> impl Iterator<Item = UpstreamView> + '_ {
        self.upstreams.views()
    }

    /// How many questions wait for their answer.
    pub fn open(&self) -> usize {
        self.tickets.len()
    }

    fn upstreams_set(&mut self, now: Instant, upstreams: &[PeerId]) {
        self.upstreams.set(upstreams, self.me.server, &self.limits);
        self.memory.forget_all();
        let gone = |flight: &Flight| flight.awaited().filter(|id| !upstreams.contains(id)).collect::<Vec<_>>();
        let gone: Vec<_> =
            self.flights.iter().flat_map(|(n, flight)| gone(flight).into_iter().map(|id| (*n, id))).collect();
        for (number, upstream) in gone {
            self.effects.push_back(Effect::Cancel { flight: number, upstream });
            self.ask_failed(now, number, upstream, Reason::Unreachable);
        }
    }

    /// It has something new, so what it did not have is asked again.
    fn upstream_changed(&mut self, upstream: PeerId) {
        if self.upstreams.contains(upstream) {
            self.memory.forget_lists();
        }
    }

    /// What an upstream told of a share was not so.
    fn disproved(&mut self, now: Instant, share: crate::share::ShareId, upstream: PeerId) {
        self.memory.way_failed(now, share, upstream, &self.limits);
        self.upstreams.lied(now, upstream, &self.limits);
    }

    fn keep_time(&mut self, now: Instant) {
        self.tickets_due(now);
        self.flights_due(now);
        for upstream in self.upstreams.probes_due(now, &self.limits) {
            self.effects.push_back(Effect::Probe { upstream });
        }
    }
}
