//! The servers above: in which order they are asked, and who is left alone for a while (a circuit breaker).
//!
//! One that can't be reached, is late although it had time, or lies, is down: questions go past it at once. After a rest
//! that doubles it is probed; only when the probe succeeds is it asked again. So its absence costs one timeout.

use std::time::{Duration, Instant};

use super::{Limits, Reason};
use crate::share::PeerId;

#[derive(Debug, Default)]
pub(super) struct Upstreams {
    list: Vec<Upstream>,
}

#[derive(Debug)]
struct Upstream {
    id: PeerId,
    health: Health,
    /// The next rest.
    rest: Duration,
    lies: u32,
    /// Questions that it has not answered yet.
    open: usize,
    answered: u64,
    failed: u64,
    /// Whether it ever answered.
    met: bool,
}

/// How an upstream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// It answers, or was not asked yet.
    Up,
    /// It is not asked until then.
    Down { until: Instant, reason: Reason },
    /// Whether it is there again is being found out.
    Probing { since: Instant, reason: Reason },
}

/// What is known of one upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UpstreamView {
    pub id: PeerId,
    pub health: Health,
    /// Questions that it has not answered yet.
    pub open: usize,
    /// Questions that it answered, and that it failed to.
    pub answered: u64,
    pub failed: u64,
    /// How often what it said was not so.
    pub lies: u32,
    /// Whether it ever answered.
    pub met: bool,
}

impl Upstreams {
    /// Who stays keeps its health.
    pub fn set(&mut self, ids: &[PeerId], me: PeerId, limits: &Limits) {
        let mut before = std::mem::take(&mut self.list);
        for id in ids.iter().filter(|id| **id != me).take(limits.upstreams_max) {
            if self.contains(*id) {
                continue;
            }
            let known = before.iter().position(|upstream| upstream.id == *id).map(|at| before.swap_remove(at));
            self.list.push(known.unwrap_or_else(|| Upstream::new(*id, limits)));
        }
    }

    pub fn contains(&self, id: PeerId) -> bool {
        self.list.iter().any(|upstream| upstream.id == id)
    }

    pub fn ids(&self) -> impl Iterator<Item = PeerId> + '_ {
        self.list.iter().map(|upstream| upstream.id)
    }

    pub fn views(&self) -> impl Iterator<Item = UpstreamView> + '_ {
        self.list.iter().map(|upstream| UpstreamView {
            id: upstream.id,
            health: upstream.health,
            open: upstream.open,
            answered: upstream.answered,
            failed: upstream.failed,
            lies: upstream.lies,
            met: upstream.met,
        })
    }

    /// Takes a place for a question, or tells why it can't be asked.
    pub fn take(&mut self, id: PeerId, limits: &Limits) -> Result<(), Reason> {
        let upstream = self.get(id).ok_or(Reason::Unreachable)?;
        match upstream.health {
            Health::Down { reason, .. } | Health::Probing { reason, .. } => Err(reason),
            Health::Up if upstream.open >= limits.per_upstream => Err(Reason::Overloaded),
            Health::Up => {
                upstream.open += 1;
                Ok(())
            }
        }
    }

    /// A question to it is over. `waited`: for how long it was not answered; `failure`: why it was not, if so.
    pub fn ended(&mut self, now: Instant, id: PeerId, waited: Duration, failure: Option<Reason>, limits: &Limits) {
        let Some(upstream) = self.get(id) else { return };
        upstream.open = upstream.open.saturating_sub(1);
        let had_time = waited >= limits.late_counts_after;
        match failure {
            None => upstream.answers(),
            Some(Reason::Corrupt) => upstream.lied(now, limits),
            Some(reason @ Reason::Unreachable) => upstream.fails(now, reason, limits),
            Some(reason @ Reason::Timeout) if had_time => upstream.fails(now, reason, limits),
            Some(_) => upstream.failed += 1,
        }
    }

    /// A question to it was withdrawn.
    pub fn cancelled(&mut self, id: PeerId) {
        if let Some(upstream) = self.get(id) {
            upstream.open = upstream.open.saturating_sub(1);
        }
    }

    pub fn lied(&mut self, now: Instant, id: PeerId, limits: &Limits) {
        if let Some(upstream) = self.get(id) {
            upstream.lied(now, limits);
        }
    }

    pub fn probed(&mut self, now: Instant, id: PeerId, alive: bool, limits: &Limits) {
        let Some(upstream) = self.get(id) else { return };
        upstream.met |= alive;
        match (upstream.health, alive) {
            (Health::Probing { .. }, true) => upstream.health = Health::Up,
            (Health::Probing { reason, .. }, false) => upstream.fails(now, reason, limits),
            // It was asked who it is when it was added.
            (Health::Up, false) => upstream.fails(now, Reason::Unreachable, limits),
            _ => {}
        }
    }

    /// Who is to be probed now.
    pub fn probes_due(&mut self, now: Instant, limits: &Limits) -> Vec<PeerId> {
        let mut due = vec![];
        for upstream in &mut self.list {
            match upstream.health {
                Health::Down { until, reason } if until <= now => {
                    upstream.health = Health::Probing { since: now, reason };
                    due.push(upstream.id);
                }
                Health::Probing { since, reason } if since + limits.probe <= now => upstream.fails(now, reason, limits),
                _ => {}
            }
        }
        due
    }

    pub fn due(&self, limits: &Limits) -> impl Iterator<Item = (Instant, &'static str)> {
        let probe = limits.probe;
        self.list.iter().filter_map(move |upstream| match upstream.health {
            Health::Up => None,
            Health::Down { until, .. } => Some((until, "an upstream is to be probed")),
            Health::Probing { since, .. } => Some((since + probe, "a probe has no answer")),
        })
    }

    fn get(&mut self, id: PeerId) -> Option<&mut Upstream> {
        self.list.iter_mut().find(|upstream| upstream.id == id)
    }
}

impl Upstream {
    fn new(id: PeerId, limits: &Limits) -> Upstream {
        Upstream { id, health: Health::Up, rest: limits.rest_min, lies: 0, open: 0, answered: 0, failed: 0, met: false }
    }

    fn answers(&mut self) {
        self.answered += 1;
        self.met = true;
        // One that rests for a lie goes on resting, whatever else it says.
        if !matches!(self.health, Health::Down { reason: Reason::Corrupt, .. }) {
            self.health = Health::Up;
            self.rest = Duration::ZERO;
        }
    }

    fn fails(&mut self, now: Instant, reason: Reason, limits: &Limits) {
        self.failed += 1;
        // Questions that were on their way together fail together, which is one failure.
        if matches!(self.health, Health::Down { .. }) {
            return;
        }
        let rest = self.rest.max(limits.rest_min);
        self.health = Health::Down { until: now + rest, reason };
        self.rest = (rest * 2).min(limits.rest_max);
    }

    fn lied(&mut self, now: Instant, limits: &Limits) {
        self.failed += 1;
        self.lies = self.lies.saturating_add(1);
        let doubled = limits.rest_of_liar * 2u32.saturating_pow((self.lies - 1).min(16));
        let until = now + doubled.min(limits.rest_of_liar_max);
        self.health = Health::Down { until, reason: Reason::Corrupt };
    }
}
