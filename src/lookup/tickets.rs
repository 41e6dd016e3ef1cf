//! Those who wait for an answer: how a question comes in, what is tried before anybody else is asked, and how it ends.

use std::time::Instant;

use super::{
    Answer, Ask, Asker, Effect, Find, Lookup, Mode, PASSED_MAX, Query, Reason, Step, Ticket, answers::merge,
    memory::Known,
};
use crate::share::PeerId;

/// Somebody who waits.
#[derive(Debug)]
pub(super) struct Waiting {
    asker: Asker,
    pub query: Query,
    /// The answer leaves this server no later.
    pub deadline: Instant,
    /// When to look at it again: its deadline, or earlier when there is something to show already.
    pub until: Instant,
    /// The flight it waits for; `None` while the own database is searched.
    pub flight: Option<u64>,
    /// What this server has itself.
    here: Vec<Find>,
}

/// What a flight, or memory, adds to what is here.
pub(super) struct Above<'a> {
    pub finds: &'a [Find],
    pub missing: &'a [(PeerId, Reason)],
    /// Where it was looked for without finding it, and for how long that holds.
    pub scope: &'a [PeerId],
    pub ttl: std::time::Duration,
}

impl Lookup {
    pub(super) fn asked(&mut self, now: Instant, ticket: Ticket, asker: Asker, mut query: Query) {
        if let Asker::Server(server) = asker {
            // A server that does not name itself is named.
            if !query.passed.contains(&server) {
                query.passed.push(server);
            }
            query.fresh = false;
        }
        let spendable = self.limits.spendable(query.budget);
        let reason = self.refusal(now, asker, &query);
        match (reason, spendable) {
            (Some(reason), _) => self.answer_unknown(ticket, reason),
            (None, None) => self.answer_unknown(ticket, Reason::Timeout),
            (None, Some(spendable)) => {
                let deadline = now + spendable;
                self.effects.push_back(Effect::SearchHere { ticket, asker, ask: query.ask.clone() });
                let waiting = Waiting { asker, query, deadline, until: deadline, flight: None, here: vec![] };
                self.tickets.insert(ticket, waiting);
            }
        }
    }

    fn refusal(&mut self, now: Instant, asker: Asker, query: &Query) -> Option<Reason> {
        if query.passed.contains(&self.me.server) || self.memory.saw(now, query.id, &self.limits) {
            return Some(Reason::Loop);
        }
        if query.passed.len() > PASSED_MAX {
            return Some(Reason::HopLimit);
        }
        let of_asker = self.tickets.values().filter(|waiting| waiting.asker == asker).count();
        let most = match asker {
            Asker::Person(_) => self.limits.open_per_person,
            Asker::Server(_) => self.limits.open_per_server,
        };
        (self.tickets.len() >= self.limits.open_max || of_asker >= most).then_some(Reason::Overloaded)
    }

    /// The own database has answered: that is the answer, or memory is, or somebody above is asked.
    pub(super) fn searched_here(&mut self, now: Instant, ticket: Ticket, finds: Vec<Find>) {
        let me = self.me.clone();
        let Some(waiting) = self.tickets.get_mut(&ticket).filter(|waiting| waiting.flight.is_none()) else { return };
        let fitting = finds.into_iter().filter(|find| find.fits(&waiting.query.ask));
        waiting.here = merge(&waiting.query.ask, fitting.map(|find| find.by(&me)));
        let query = waiting.query.clone();
        let enough = !waiting.here.is_empty() && query.ask.is_for_one();
        let eligible: Vec<PeerId> = self.upstreams.ids().filter(|id| !query.passed.contains(id)).collect();
        if enough || query.mode == Mode::LocalOnly || eligible.is_empty() {
            return self.answer_from(ticket, &Above { ttl: self.limits.not_found, ..Above::nothing() });
        }
        if self.answer_from_memory(now, ticket, &query) {
            return;
        }
        if query.hops_left == 0 {
            let missing: Vec<_> = eligible.iter().map(|id| (*id, Reason::HopLimit)).collect();
            return self.answer_from(ticket, &Above { missing: &missing, ..Above::nothing() });
        }
        self.show_early(now, ticket);
        match self.joinable(ticket) {
            Some(flight) => self.join(ticket, flight),
            None => self.begin(now, ticket, eligible),
        }
    }

    /// Whoever can be shown something already does not wait long for more of it.
    fn show_early(&mut self, now: Instant, ticket: Ticket) {
        let patience = self.limits.patience_with_finds;
        if let Some(waiting) = self.tickets.get_mut(&ticket).filter(|waiting| !waiting.here.is_empty()) {
            waiting.until = waiting.deadline.min(now + patience);
        }
    }

    fn answer_from_memory(&mut self, now: Instant, ticket: Ticket, query: &Query) -> bool {
        let me = self.me.server;
        match self.memory.recall(now, &query.ask) {
            Some((Known::Finds(finds), _)) => {
                // All ways may lead over the one who asks: then it is as if nothing were known.
                let useful =
                    query.passed.is_empty() || finds.iter().any(|find| find.without_ways_over(&query.passed).is_some());
                if useful {
                    self.answer_from(ticket, &Above { finds: &finds, ..Above::nothing() });
                }
                useful
            }
            Some((Known::NotFound { scope }, ttl)) if !query.fresh => {
                let scope: Vec<PeerId> = scope.into_iter().filter(|server| *server != me).collect();
                self.answer_from(ticket, &Above { scope: &scope, ttl, ..Above::nothing() });
                true
            }
            _ => false,
        }
    }

    /// A flight that may be waited for with this question.
    fn joinable(&self, ticket: Ticket) -> Option<u64> {
        let waiting = self.tickets.get(&ticket)?;
        let query = &waiting.query;
        let fits = self.flights.iter().find(|(_, flight)| {
            let as_far = flight.hops_left >= query.hops_left;
            // Who was left out there because the question had passed them is left out here too.
            let as_wide = flight.passed.iter().all(|server| query.passed.contains(server));
            let asks_the_asker = flight.awaited().any(|id| query.passed.contains(&id));
            // Each server that waits in a chain of waiting ones waits for a smaller id, so the chain has an end.
            let ends = matches!(waiting.asker, Asker::Person(_)) || flight.id < query.id;
            flight.ask == query.ask && as_far && as_wide && !asks_the_asker && ends
        });
        fits.map(|(number, _)| *number)
    }

    fn join(&mut self, ticket: Ticket, number: u64) {
        if let (Some(waiting), Some(flight)) = (self.tickets.get_mut(&ticket), self.flights.get_mut(&number)) {
            waiting.flight = Some(number);
            flight.tickets.insert(ticket);
        }
    }

    pub(super) fn leave(&mut self, ticket: Ticket) {
        if let Some(flight) = self.tickets.remove(&ticket).and_then(|waiting| waiting.flight)
            && let Some(flight) = self.flights.get_mut(&flight)
        {
            flight.tickets.remove(&ticket);
        }
    }

    /// Whose time is over is told what is known so far.
    pub(super) fn tickets_due(&mut self, now: Instant) {
        let due = self.tickets.iter().filter(|(_, waiting)| waiting.until <= now);
        let due: Vec<(Ticket, Option<u64>)> = due.map(|(ticket, waiting)| (*ticket, waiting.flight)).collect();
        for (ticket, number) in due {
            let Some(flight) = number.and_then(|number| self.flights.get(&number)) else {
                let missing = [(self.me.server, Reason::Timeout)];
                self.answer_from(ticket, &Above { missing: &missing, ..Above::nothing() });
                continue;
            };
            let late = flight.awaited().map(|id| (id, Reason::Timeout));
            let missing: Vec<_> = flight.missing.iter().copied().chain(late).collect();
            let finds = flight.finds.clone();
            self.answer_from(ticket, &Above { finds: &finds, missing: &missing, ..Above::nothing() });
        }
    }

    /// The end of a question: what is here and what came from above, in one answer.
    pub(super) fn answer_from(&mut self, ticket: Ticket, above: &Above<'_>) {
        let Some(waiting) = self.tickets.get_mut(&ticket) else { return };
        let here = std::mem::take(&mut waiting.here);
        let passed = &waiting.query.passed;
        let useful = above.finds.iter().filter_map(|find| find.without_ways_over(passed));
        let finds = merge(&waiting.query.ask, here.into_iter().chain(useful));
        let answer = match worst(above.missing) {
            _ if !finds.is_empty() => Answer::Found { finds, missing: above.missing.to_vec() },
            Some((at, reason)) => Answer::Unknown { reason, at },
            // Ways that all lead over the one who asks tell it nothing.
            None if !above.finds.is_empty() => Answer::Unknown { reason: Reason::Loop, at: self.me.server },
            None => {
                let scope = std::iter::once(self.me.server).chain(above.scope.iter().copied()).collect();
                Answer::NotFound { scope, ttl: above.ttl }
            }
        };
        self.leave(ticket);
        self.effects.push_back(Effect::Answer { ticket, answer });
    }

    fn answer_unknown(&mut self, ticket: Ticket, reason: Reason) {
        let answer = Answer::unknown(reason, self.me.server);
        self.effects.push_back(Effect::Answer { ticket, answer });
    }
}

impl Above<'_> {
    fn nothing() -> Above<'static> {
        Above { finds: &[], missing: &[], scope: &[], ttl: std::time::Duration::ZERO }
    }
}

/// The reason that says most about why something is not known.
pub(super) fn worst(missing: &[(PeerId, Reason)]) -> Option<(PeerId, Reason)> {
    missing.iter().copied().max_by_key(|(_, reason)| *reason)
}

impl Step {
    pub(super) fn before(&self, route: &[Step]) -> Vec<Step> {
        std::iter::once(self.clone()).chain(route.iter().cloned()).collect()
    }
}

impl Ask {
    pub(super) fn at_once(&self, limits: &super::Limits) -> usize {
        if self.is_for_one() { 1 } else { limits.at_once_for_list }
    }
}
