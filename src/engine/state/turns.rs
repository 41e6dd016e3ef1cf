//! Whose turn it is to fetch, and what limits hold: the queue, the schedule and what an administrator allows, applied.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    Held, State,
    held::{Stage, Turn},
};
use crate::{
    engine::{
        event::{Event, Fact, FetchEnd},
        task::Task,
        throttle::{Plan, lines_under},
    },
    share::ShareId,
    swarm::{self, Input},
    traffic::{Limits, Priority, Rate, Then, queue},
};

/// While the hour of the day counts, it is looked at this often.
const MINUTE: Duration = Duration::from_secs(60);
/// Under a smaller limit, connections are made in another way (see `work::lane`).
pub const SMALL_LIMIT: u64 = 8 << 20;

/// Whether an event can change whose turn it is. Pieces that come, which are many, can't.
pub(super) fn may_change(event: &Event) -> bool {
    match event {
        Event::Transfer { fact, .. } => match fact {
            Fact::Fetched { end, .. } => matches!(end, FetchEnd::Disk(_)),
            Fact::PieceGained { .. } | Fact::VerifyProgress { .. } | Fact::LaneOpened { .. } => false,
            _ => true,
        },
        Event::Uploads(_) | Event::ImportProgress { .. } | Event::Tick => false,
        _ => true,
    }
}

impl State {
    /// Decides, if something changed or the minute did, whose turn it is and what holds.
    pub(super) fn take_turns(&mut self, tasks: &mut Vec<Task>) {
        let minute = self.turns_at.is_none_or(|at| self.clock.now >= at + MINUTE);
        if !(self.turns_due || minute && self.hours_count()) {
            return;
        }
        (self.turns_due, self.turns_at) = (false, Some(self.clock.now));
        self.end_seeding(tasks);
        let rule = self.controls.schedule.now(self.clock.local).map(|(place, rule, left)| (place, *rule, left));
        let rule_now = rule.map(|(place, _, left)| (place, u32::from(left)));
        if self.controls.rule_now != rule_now {
            self.controls.rule_now = rule_now;
            self.changed.transfers = true;
            self.changed.rest = true;
        }
        let paused = rule.is_some_and(|(_, rule, _)| rule.then == Then::Pause);
        self.controls.hours = rule.and_then(|(_, rule, _)| match rule.then {
            Then::Pause => None,
            Then::Limit(limits) => Some(limits),
        });
        self.give_turns(paused, tasks);
        self.apply_plan(paused, tasks);
    }

    /// When the hour of the day has to be looked at again.
    pub(super) fn turns_wakeup(&self) -> Option<(Instant, &'static str)> {
        let at = self.turns_at.filter(|_| self.hours_count())?;
        Some((at + MINUTE, "the schedule"))
    }

    fn hours_count(&self) -> bool {
        !self.controls.schedule.0.is_empty() || self.seeding_waits_for_time()
    }

    fn give_turns(&mut self, paused: bool, tasks: &mut Vec<Task>) {
        let order = self.queue();
        self.places = order.iter().copied().zip(1..).collect();
        let moving = order.iter().filter_map(|id| self.held.get(id)).filter(|held| held.wants_turn());
        let waiting: Vec<_> = moving.map(|held| queue::Waiting { id: held.id, stuck: held.is_stuck() }).collect();
        let mut turns: BTreeMap<ShareId, Turn> = BTreeMap::new();
        for (id, turn) in queue::turns(waiting, self.controls.active_downloads) {
            turns.insert(id, turn.map_or(Turn::Now, |before| Turn::Queued { before }));
        }
        let others = self.held.values().map(|held| held.id).filter(|id| !turns.contains_key(id)).collect::<Vec<_>>();
        let all = turns.into_iter().chain(others.into_iter().map(|id| (id, Turn::Now)));
        for (id, turn) in all.collect::<Vec<_>>() {
            let barred = self.held.get(&id).is_some_and(|held| held.barred.is_some());
            let turn = if paused { Turn::Scheduled } else { turn };
            self.give_turn(id, if barred { Turn::Barred } else { turn }, tasks);
        }
    }

    fn give_turn(&mut self, id: ShareId, turn: Turn, tasks: &mut Vec<Task>) {
        let Some(held) = self.held.get_mut(&id) else { return };
        let before = std::mem::replace(&mut held.turn, turn);
        if before == turn {
            return;
        }
        self.changed.transfers = true;
        if held.paused || (before == Turn::Now) == (turn == Turn::Now) {
            return;
        }
        if turn != Turn::Now {
            return self.swarm_input(id, Input::Paused, tasks);
        }
        if std::mem::take(&mut held.deferred) {
            return self.go_on(id, tasks);
        }
        if held.fetching().is_some() {
            self.swarm_input(id, Input::Resumed, tasks);
            self.find_sources(id, tasks);
        }
    }

    /// Tells those who move bytes what holds, if it is not what held.
    fn apply_plan(&mut self, paused: bool, tasks: &mut Vec<Task>) {
        let special = |held: &&Held| held.options.limits != Limits::NONE || held.options.priority != Priority::Normal;
        let each = self.held.values().filter(special);
        let each = each.map(|held| (held.id, (held.options.limits, held.options.priority))).collect();
        let plan = Plan { total: self.controls.limits_now(), each, paused };
        let fetching = self.held.values().filter(|held| held.turn == Turn::Now && held.is_fetching()).count() as u64;
        let before = self.plan.clone();
        if plan != *before {
            self.plan = Arc::new(plan);
            tasks.push(Task::Throttle(self.plan.clone()));
            (self.changed.rest, self.changed.transfers) = (true, true);
        }
        let plan = self.plan.clone();
        for held in self.held.values_mut() {
            held.ask_within(&before, &plan, fetching);
        }
    }
}

/// The limit on what comes of one transfer.
fn limit_down(plan: &Plan, id: ShareId) -> Option<Rate> {
    let own = plan.each.get(&id).map(|(limits, _)| *limits).unwrap_or_default();
    plan.total.and(own).down
}

impl Held {
    /// Whether it needs a place among the active downloads. Looking for somebody who has it needs none.
    fn wants_turn(&self) -> bool {
        match &self.stage {
            Stage::Opening => true,
            Stage::Fetching(fetching) => !fetching.swarm.is_complete(),
            _ => false,
        }
    }

    fn is_fetching(&self) -> bool {
        matches!(&self.stage, Stage::Fetching(fetching) if !fetching.swarm.is_complete())
    }

    /// It can't move, whoever's turn it is.
    fn is_stuck(&self) -> bool {
        self.retry_at.is_some() || matches!(&self.stage, Stage::Fetching(fetching) if !fetching.swarm.has_peers())
    }

    /// Under a limit, few pieces are asked for at a time, and none of two at once: each would only take from the others.
    /// Connections that were made for another kind of limit are made anew.
    fn ask_within(&mut self, before: &Plan, plan: &Plan, fetching: u64) {
        let id = self.id;
        let is_small = |plan: &Plan| limit_down(plan, id).is_some_and(|rate| rate.get() < SMALL_LIMIT);
        let remade = is_small(before) != is_small(plan);
        let own = plan.each.get(&id).and_then(|(limits, _)| limits.down);
        let part = plan.total.down.map(|rate| rate.get() / fetching.max(1));
        let least = [own.map(Rate::get), part].into_iter().flatten().min();
        let lines = least.map(|rate| Rate::new(rate).map_or(1, |rate| lines_under(Some(rate)).unwrap_or(1)));
        let Some(fetching) = self.fetching() else { return };
        let usual = swarm::Limits::default();
        let limits = match lines.and_then(|lines| u32::try_from(lines).ok()) {
            Some(lines) => {
                swarm::Limits { in_flight_max: lines.min(usual.in_flight_max), per_peer_min: 1, askers_max: 1, ..usual }
            }
            None => usual,
        };
        fetching.swarm.set_limits(limits);
        if remade {
            self.close_lanes();
        }
    }

    pub fn close_lanes(&self) {
        for source in self.sources.values() {
            source.lanes.iter().for_each(|lane| lane.cancel.cancel());
        }
    }
}
