//! What a person chose for all transfers together or for one: limits, queue, schedule, seeding rules.

use std::sync::Arc;

use super::{Held, State, held::Stage};
use crate::{
    engine::{
        command::{Command, QueuePlace},
        snapshot::{Fixed, Listing, Traffic},
        task::{Keep, Task},
    },
    settings::Change,
    share::{Bitmap, ShareId},
    swarm::{self, Input},
    traffic::{Class, Limits, Options, Order, Priority, Schedule, SeedUntil},
};

/// What holds for all transfers together.
pub struct Controls {
    /// As a person chose them.
    pub limits: Limits,
    pub schedule: Schedule,
    pub active_downloads: u32,
    pub seed_until: SeedUntil,
    pub stop_seeding_when_closed: bool,
    pub fixed: Fixed,
    /// The rule of the schedule that holds, by its place, and for how many minutes.
    pub rule_now: Option<(usize, u32)>,
    /// The limits of that rule.
    pub hours: Option<Limits>,
}

impl Controls {
    pub fn new(chosen: &Traffic) -> Controls {
        Controls {
            limits: chosen.limits,
            schedule: chosen.schedule.clone(),
            active_downloads: chosen.active_downloads.max(1),
            seed_until: chosen.seed_until,
            stop_seeding_when_closed: chosen.stop_seeding_when_closed,
            fixed: chosen.fixed,
            rule_now: None,
            hours: None,
        }
    }

    /// The limits in total that hold at this moment.
    pub fn limits_now(&self) -> Limits {
        self.hours.unwrap_or(self.limits).and(self.fixed.limits)
    }

    pub fn picture(&self) -> Traffic {
        Traffic {
            limits: self.limits,
            limits_now: self.limits_now(),
            schedule: self.schedule.clone(),
            rule_now: self.rule_now,
            active_downloads: self.active_downloads,
            seed_until: self.seed_until,
            stop_seeding_when_closed: self.stop_seeding_when_closed,
            fixed: self.fixed,
        }
    }
}

impl State {
    /// A wish about how much, when, and in which order.
    pub(super) fn control(&mut self, command: Command, tasks: &mut Vec<Task>) {
        match command {
            Command::PauseAll => self.each(Held::may_be_paused, State::wish_pause, tasks),
            Command::ResumeAll => self.each(|held| held.paused, State::wish_resume, tasks),
            Command::RetryAll => self.each(Held::may_be_retried, State::wish_resume, tasks),
            Command::Retry { share } => self.wish_resume(share, tasks),
            Command::Move { share, to } => self.move_in_queue(share, to, tasks),
            Command::SelectFiles { token, share, files } => self.select_files(token, share, files, tasks),
            Command::Relocate { token, share, into, name } => self.wish_relocate(token, share, into, name, tasks),
            Command::SetOrder { share, order } => self.set_order(share, order, tasks),
            Command::SetClass { share, class } => self.set_class(share, class, tasks),
            Command::SetPriority { share, priority } => {
                self.choose(share, tasks, |options| options.priority = priority);
            }
            Command::SetLimits { share, limits } => self.choose(share, tasks, |options| options.limits = limits),
            Command::SetSeeding { share, until } => self.choose(share, tasks, |options| options.seed_until = until),
            for_all => self.control_all(for_all, tasks),
        }
    }

    /// What is fixed by an administrator stays as it is.
    fn control_all(&mut self, command: Command, tasks: &mut Vec<Task>) {
        let fixed = self.controls.fixed;
        let controls = &mut self.controls;
        let change = match command {
            Command::SetTotalLimits { limits } => {
                controls.limits = limits;
                Change::Limits(limits)
            }
            Command::SetSchedule { schedule } if !fixed.schedule => {
                controls.schedule = schedule.clone();
                Change::Schedule(schedule)
            }
            Command::SetActiveDownloads { count } if !fixed.active_downloads => {
                controls.active_downloads = count.max(1);
                Change::ActiveDownloads(Some(count.max(1)))
            }
            Command::SetSeedingOfAll { until } if !fixed.seed_until => {
                controls.seed_until = until;
                Change::SeedUntil(Some(until))
            }
            Command::SetStopSeedingWhenClosed { stop } if !fixed.stop_seeding_when_closed => {
                controls.stop_seeding_when_closed = stop;
                Change::StopSeedingWhenClosed(Some(stop))
            }
            _ => return,
        };
        tasks.push(Task::SaveSetting(change));
    }

    fn set_order(&mut self, id: ShareId, order: Order, tasks: &mut Vec<Task>) {
        self.choose(id, tasks, |options| options.order = order);
        self.swarm_input(id, Input::SetOrder { order: order_of(order) }, tasks);
    }

    /// Connections that are open stay as they were made, so they are made anew.
    fn set_class(&mut self, id: ShareId, class: Class, tasks: &mut Vec<Task>) {
        if self.held.get(&id).is_some_and(|held| held.options.class != class) {
            self.choose(id, tasks, |options| options.class = class);
            self.held.get(&id).into_iter().for_each(Held::close_lanes);
        }
    }

    fn each(
        &mut self,
        which: impl Fn(&Held) -> bool,
        wish: fn(&mut State, ShareId, &mut Vec<Task>),
        tasks: &mut Vec<Task>,
    ) {
        let ids: Vec<ShareId> = self.held.values().filter(|held| which(held)).map(|held| held.id).collect();
        for id in ids {
            wish(self, id, tasks);
        }
    }

    /// The place of a download that begins: the last.
    pub(super) fn last_position(&self) -> i64 {
        self.held.values().map(|held| held.options.position).max().map_or(0, |last| last.saturating_add(1))
    }

    /// Changes what was chosen for one transfer, and writes it down.
    pub(super) fn choose(&mut self, id: ShareId, tasks: &mut Vec<Task>, change: impl FnOnce(&mut Options)) {
        let Some(held) = self.held.get_mut(&id) else { return };
        change(&mut held.options);
        tasks.push(Task::Remember(Keep::Options { share: id, options: held.options.clone() }));
        self.changed.transfers = true;
    }

    /// The downloads, the next first: by priority, then by their places.
    pub(super) fn queue(&self) -> Vec<ShareId> {
        let mut queue: Vec<&Held> = self.held.values().filter(|held| held.is_queued()).collect();
        queue.sort_by_key(|held| (std::cmp::Reverse(held.options.priority), held.options.position, held.begun));
        queue.into_iter().map(|held| held.id).collect()
    }

    fn move_in_queue(&mut self, id: ShareId, to: QueuePlace, tasks: &mut Vec<Task>) {
        let mut queue = self.queue();
        let Some(from) = queue.iter().position(|queued| *queued == id) else { return };
        queue.remove(from);
        let place_of = |queue: &[ShareId], other| queue.iter().position(|queued| *queued == other);
        let at = match to {
            QueuePlace::Top => 0,
            QueuePlace::Up => from.saturating_sub(1),
            QueuePlace::Down => (from + 1).min(queue.len()),
            QueuePlace::Bottom => queue.len(),
            QueuePlace::Before(other) => place_of(&queue, other).unwrap_or(from),
            QueuePlace::After(other) => place_of(&queue, other).map_or(from, |at| at + 1),
        };
        queue.insert(at, id);
        self.suit_place(id, at, &queue, tasks);
        for (position, id) in (0..).zip(queue) {
            if self.held.get(&id).is_some_and(|held| held.options.position != position) {
                self.choose(id, tasks, |options| options.position = position);
            }
        }
    }

    /// Priorities come before places, so whoever is put above something more important becomes as important, and the other
    /// way round: it stands where it was put.
    fn suit_place(&mut self, id: ShareId, at: usize, queue: &[ShareId], tasks: &mut Vec<Task>) {
        let of = |place: Option<usize>| {
            place.and_then(|place| queue.get(place)).and_then(|id| self.held.get(id)).map(|held| held.options.priority)
        };
        let (above, below, now) = (of(at.checked_sub(1)), of(Some(at + 1)), of(Some(at)));
        let Some(now) = now else { return };
        let suits = now.max(below.unwrap_or(now)).min(above.unwrap_or(Priority::High));
        if suits != now {
            self.choose(id, tasks, |options| options.priority = suits);
        }
    }
}

/// The same in the swarm's words.
pub(super) fn order_of(order: Order) -> swarm::Order {
    match order {
        Order::Rarest => swarm::Order::Rarest,
        Order::InOrder => swarm::Order::InOrder,
    }
}

impl Held {
    /// Whether it is a download that is not complete and that nobody paused.
    fn is_queued(&self) -> bool {
        !self.mine
            && !self.paused
            && !self.is_here()
            && matches!(self.stage, Stage::Looking { .. } | Stage::Opening | Stage::Fetching(_))
    }

    /// Whether it is in the list of transfers and moves, or could.
    fn may_be_paused(&self) -> bool {
        self.is_shown() && !(self.is_here() && self.options.seeding_ended)
    }

    fn may_be_retried(&self) -> bool {
        let failed = matches!(self.stage, Stage::Failed) && !self.mine || matches!(self.stage, Stage::Aside { .. });
        !self.paused && (self.retry_at.is_some() || failed)
    }

    /// Bytes given since this program was started.
    pub fn given_now(&self) -> u64 {
        self.given.values().map(|given| given.bytes).sum()
    }

    /// The files; the one before, if it is still right.
    pub fn listing(&self, before: Option<&Listing>) -> Option<Listing> {
        let share = self.share.clone()?;
        let have = match &self.stage {
            Stage::Fetching(fetching) => Some(Arc::new(fetching.swarm.have().clone())),
            Stage::Complete { .. } | Stage::Aside { .. } | Stage::Finishing => self.part.clone(),
            // What is not open holds nothing that is known.
            _ => Some(Arc::new(Bitmap::empty(share.pieces()))),
        };
        let listing = Listing::new(share, have, self.options.wanted.clone());
        Some(before.filter(|before| **before == listing).cloned().unwrap_or(listing))
    }
}
