//! A question on its way up: the same for all who ask it here, and nobody's own.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::{Duration, Instant},
};

use super::{
    Answer, Ask, Effect, Find, Lookup, Mode, Query, QueryId, Reason, Ticket,
    answers::{FINDS_MAX, merge},
    tickets::{Above, worst},
};
use crate::share::PeerId;

/// "Not found" names at most so many servers.
const SCOPE_MAX: usize = 64;

#[derive(Debug)]
pub(super) struct Flight {
    pub id: QueryId,
    pub ask: Ask,
    pub hops_left: u8,
    /// Servers that are left out, since they ask themselves.
    pub passed: Vec<PeerId>,
    deadline: Instant,
    pub tickets: BTreeSet<Ticket>,
    to_ask: VecDeque<PeerId>,
    /// Who has not answered yet, and since when.
    awaited: BTreeMap<PeerId, Instant>,
    /// When the next one is asked although the one before has not answered.
    hedge_at: Option<Instant>,
    pub finds: Vec<Find>,
    pub missing: Vec<(PeerId, Reason)>,
    scope: Vec<PeerId>,
    ttl: Duration,
}

/// A find of an upstream, judged.
enum Judged {
    Good(Find),
    /// True, maybe, and nothing for us.
    Useless,
    Wrong,
}

impl Flight {
    pub fn awaited(&self) -> impl Iterator<Item = PeerId> + '_ {
        self.awaited.keys().copied()
    }

    pub fn due(&self) -> (Instant, &'static str) {
        match self.hedge_at.filter(|at| *at < self.deadline) {
            Some(at) => (at, "another upstream is to be asked"),
            None => (self.deadline, "a question's time is over"),
        }
    }

    fn is_over(&self) -> bool {
        let satisfied = self.ask.is_for_one() && !self.finds.is_empty();
        satisfied || (self.awaited.is_empty() && self.to_ask.is_empty())
    }

    fn answer(&self, me: PeerId) -> Answer {
        match worst(&self.missing) {
            _ if !self.finds.is_empty() => Answer::Found { finds: self.finds.clone(), missing: self.missing.clone() },
            Some((at, reason)) => Answer::Unknown { reason, at },
            None => Answer::NotFound {
                scope: std::iter::once(me).chain(self.scope.iter().copied()).collect(),
                ttl: self.ttl,
            },
        }
    }
}

impl Lookup {
    pub(super) fn begin(&mut self, now: Instant, ticket: Ticket, eligible: Vec<PeerId>) {
        let Some(waiting) = self.tickets.get_mut(&ticket) else { return };
        if self.flights.len() >= self.limits.flights_max {
            let missing = [(self.me.server, Reason::Overloaded)];
            return self.answer_from(ticket, &Above { finds: &[], missing: &missing, scope: &[], ttl: Duration::ZERO });
        }
        let query = &waiting.query;
        // What people ask is worth knowing also when they have gone; a server asks again.
        let from_here = query.passed.is_empty();
        let deadline = if from_here { waiting.deadline.max(now + self.limits.flight) } else { waiting.deadline };
        self.begun += 1;
        let flight = Flight {
            id: query.id,
            ask: query.ask.clone(),
            hops_left: query.hops_left,
            passed: query.passed.clone(),
            deadline,
            tickets: BTreeSet::from([ticket]),
            to_ask: eligible.into(),
            awaited: BTreeMap::new(),
            hedge_at: None,
            finds: vec![],
            missing: vec![],
            scope: vec![],
            ttl: self.limits.not_found,
        };
        waiting.flight = Some(self.begun);
        let at_once = flight.ask.at_once(&self.limits);
        self.flights.insert(self.begun, flight);
        self.ask_more(now, self.begun, at_once);
    }

    /// Asks further upstreams until so many are awaited, and ends the flight when there is nobody left.
    fn ask_more(&mut self, now: Instant, number: u64, at_once: usize) {
        let Some(flight) = self.flights.get_mut(&number) else { return };
        while flight.awaited.len() < at_once
            && let Some(upstream) = flight.to_ask.pop_front()
        {
            if let Err(reason) = self.upstreams.take(upstream, &self.limits) {
                flight.missing.push((upstream, reason));
                continue;
            }
            flight.awaited.insert(upstream, now);
            let query = Query {
                id: flight.id,
                ask: flight.ask.clone(),
                hops_left: flight.hops_left.saturating_sub(1),
                passed: flight.passed.iter().copied().chain([self.me.server]).collect(),
                budget: flight.deadline.saturating_duration_since(now),
                mode: Mode::Parents,
                fresh: false,
            };
            self.effects.push_back(Effect::Ask { flight: number, upstream, query });
        }
        flight.hedge_at = (!flight.to_ask.is_empty()).then_some(now + self.limits.hedge_after);
        if flight.is_over() {
            self.end(now, number);
        }
    }

    pub(super) fn answered(&mut self, now: Instant, number: u64, upstream: PeerId, answer: Answer) {
        let Some(waited) = self.no_longer_awaited(now, number, upstream) else { return };
        let verdict = match answer {
            Answer::Found { finds, missing } => {
                self.judge_all(now, number, upstream, finds).map(|finds| (finds, missing))
            }
            Answer::NotFound { scope, ttl } => {
                self.not_found_at(number, upstream, &scope, ttl);
                Ok((vec![], vec![]))
            }
            Answer::Unknown { reason, at } => Ok((vec![], vec![(at, reason)])),
        };
        let failure = verdict.as_ref().err().copied().filter(|reason| *reason == Reason::Corrupt);
        self.upstreams.ended(now, upstream, waited, failure, &self.limits);
        let Some(flight) = self.flights.get_mut(&number) else { return };
        match verdict {
            Ok((finds, missing)) => {
                flight.missing.extend(missing.into_iter().take(SCOPE_MAX));
                flight.finds = merge(&flight.ask, flight.finds.drain(..).chain(finds));
            }
            Err(reason) => flight.missing.push((upstream, reason)),
        }
        self.go_on(now, number);
    }

    pub(super) fn ask_failed(&mut self, now: Instant, number: u64, upstream: PeerId, reason: Reason) {
        let Some(waited) = self.no_longer_awaited(now, number, upstream) else { return };
        self.upstreams.ended(now, upstream, waited, Some(reason), &self.limits);
        if let Some(flight) = self.flights.get_mut(&number) {
            flight.missing.push((upstream, reason));
        }
        self.go_on(now, number);
    }

    /// The time it was awaited, if it was.
    fn no_longer_awaited(&mut self, now: Instant, number: u64, upstream: PeerId) -> Option<Duration> {
        let since = self.flights.get_mut(&number)?.awaited.remove(&upstream)?;
        Some(now.saturating_duration_since(since))
    }

    fn go_on(&mut self, now: Instant, number: u64) {
        let Some(flight) = self.flights.get(&number) else { return };
        if flight.is_over() {
            return self.end(now, number);
        }
        let at_once = flight.ask.at_once(&self.limits);
        self.ask_more(now, number, at_once);
    }

    fn not_found_at(&mut self, number: u64, upstream: PeerId, scope: &[PeerId], ttl: Duration) {
        let Some(flight) = self.flights.get_mut(&number) else { return };
        for server in std::iter::once(&upstream).chain(scope) {
            if !flight.scope.contains(server) && flight.scope.len() < SCOPE_MAX && *server != self.me.server {
                flight.scope.push(*server);
            }
        }
        flight.ttl = flight.ttl.min(ttl);
    }

    /// The finds that can be used; an error where one of them can't be true.
    fn judge_all(&self, now: Instant, number: u64, upstream: PeerId, finds: Vec<Find>) -> Result<Vec<Find>, Reason> {
        let Some(flight) = self.flights.get(&number) else { return Ok(vec![]) };
        let (mut good, mut lost) = (vec![], Reason::Loop);
        for find in finds.into_iter().take(FINDS_MAX) {
            match self.judge(flight, upstream, find) {
                Judged::Good(find) if self.memory.is_lost(now, find.share, upstream) => lost = Reason::Unreachable,
                Judged::Good(find) => good.push(find),
                Judged::Useless => {}
                Judged::Wrong => return Err(Reason::Corrupt),
            }
        }
        // To say "found" and to name nothing that can be had says nothing.
        if good.is_empty() { Err(lost) } else { Ok(good) }
    }

    fn judge(&self, flight: &Flight, upstream: PeerId, find: Find) -> Judged {
        let servers: BTreeSet<PeerId> = find.route.iter().map(|step| step.server).collect();
        let begins_there = find.route.first().is_some_and(|step| step.server == upstream);
        let straight = servers.len() == find.route.len() && find.route.len() <= usize::from(flight.hops_left);
        if !begins_there || !straight || !find.fits(&flight.ask) {
            return Judged::Wrong;
        }
        if servers.contains(&self.me.server) || !find.is_tellable(&flight.ask) {
            return Judged::Useless;
        }
        Judged::Good(Find { route: self.me.before(&find.route), detours: vec![], ..find })
    }

    pub(super) fn flights_due(&mut self, now: Instant) {
        let due: Vec<u64> = self.flights.iter().filter(|(_, flight)| flight.due().0 <= now).map(|(n, _)| *n).collect();
        for number in due {
            let Some(flight) = self.flights.get(&number) else { continue };
            if flight.deadline > now {
                let most =
                    if flight.ask.is_for_one() { self.limits.at_once_for_one } else { self.limits.at_once_for_list };
                let at_once = (flight.awaited.len() + 1).min(most);
                self.ask_more(now, number, at_once);
                continue;
            }
            for (upstream, since) in flight.awaited.clone() {
                let waited = now.saturating_duration_since(since);
                self.upstreams.ended(now, upstream, waited, Some(Reason::Timeout), &self.limits);
                self.effects.push_back(Effect::Cancel { flight: number, upstream });
            }
            if let Some(flight) = self.flights.get_mut(&number) {
                let late = std::mem::take(&mut flight.awaited).into_keys();
                let unasked = std::mem::take(&mut flight.to_ask);
                flight.missing.extend(late.chain(unasked).map(|upstream| (upstream, Reason::Timeout)));
            }
            self.end(now, number);
        }
    }

    fn end(&mut self, now: Instant, number: u64) {
        let Some(flight) = self.flights.remove(&number) else { return };
        for upstream in flight.awaited() {
            self.upstreams.cancelled(upstream);
            self.effects.push_back(Effect::Cancel { flight: number, upstream });
        }
        let answer = flight.answer(self.me.server);
        self.memory.keep(now, &flight.ask, &answer, flight.passed.is_empty(), &self.limits);
        let keepable = |find: &&Find| find.audience == crate::share::Audience::Everyone;
        let worth_keeping: Vec<Find> = flight.finds.iter().filter(keepable).cloned().collect();
        if !worth_keeping.is_empty() {
            self.effects.push_back(Effect::Remember { finds: worth_keeping });
        }
        let above = Above { finds: &flight.finds, missing: &flight.missing, scope: &flight.scope, ttl: flight.ttl };
        for ticket in flight.tickets.iter().copied() {
            self.answer_from(ticket, &above);
        }
    }
}
