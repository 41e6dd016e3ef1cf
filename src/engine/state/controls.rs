//! What a person chose for all transfers together or for one: limits, queue, schedule, seeding rules.

use std::sync::Arc;

use super::{Held, State, held::Stage};
use crate::{
    engine::{
        command::{Command, QueuePlace},
        snapshot::{Fixed, GivenRow, Listing, Traffic, TransferState},
        task::{Keep, Task},
    },
    settings::Change,
    share::ShareId,
    traffic::{Limits, Options, Reason, Schedule, SeedUntil},
};

/// What holds for all transfers together.
pub struct Controls {
    pub limits: Limits,
    pub schedule: Schedule,
    pub active_downloads: u32,
    pub seed_until: SeedUntil,
    pub stop_seeding_when_closed: bool,
    pub fixed: Fixed,
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
        }
    }

    pub fn picture(&self) -> Traffic {
        Traffic {
            limits: self.limits,
            limits_now: self.limits.and(self.fixed.limits),
            schedule: self.schedule.clone(),
            rule_now: None,
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
            Command::PauseAll => self.each(|_| true, State::wish_pause, tasks),
            Command::ResumeAll => self.each(|held| held.paused, State::wish_resume, tasks),
            Command::RetryAll => self.each(Held::may_be_retried, State::wish_resume, tasks),
            Command::Retry { share } => self.wish_resume(share, tasks),
            Command::Move { share, to } => self.move_in_queue(share, to, tasks),
            Command::SetPriority { share, priority } => {
                self.choose(share, tasks, |options| options.priority = priority);
            }
            Command::SetOrder { share, order } => self.choose(share, tasks, |options| options.order = order),
            Command::SetClass { share, class } => self.choose(share, tasks, |options| options.class = class),
            Command::SetLimits { share, limits } => self.choose(share, tasks, |options| options.limits = limits),
            Command::SetSeeding { share, until } => self.choose(share, tasks, |options| options.seed_until = until),
            Command::SetTotalLimits { limits } => {
                self.controls.limits = limits;
                tasks.push(Task::SaveSetting(Change::Limits(limits)));
            }
            Command::SetSchedule { schedule } if !self.controls.fixed.schedule => {
                self.controls.schedule = schedule.clone();
                tasks.push(Task::SaveSetting(Change::Schedule(schedule)));
            }
            Command::SetActiveDownloads { count } if !self.controls.fixed.active_downloads => {
                self.controls.active_downloads = count.max(1);
                tasks.push(Task::SaveSetting(Change::ActiveDownloads(Some(count.max(1)))));
            }
            Command::SetSeedingOfAll { until } if !self.controls.fixed.seed_until => {
                self.controls.seed_until = until;
                tasks.push(Task::SaveSetting(Change::SeedUntil(Some(until))));
            }
            Command::SetStopSeedingWhenClosed { stop } if !self.controls.fixed.stop_seeding_when_closed => {
                self.controls.stop_seeding_when_closed = stop;
                tasks.push(Task::SaveSetting(Change::StopSeedingWhenClosed(Some(stop))));
            }
            _ => {}
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

    pub(super) fn queue_place(&self, id: ShareId) -> Option<u32> {
        let at = self.queue().iter().position(|queued| *queued == id)?;
        u32::try_from(at + 1).ok()
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
        for (position, id) in (0..).zip(queue) {
            if self.held.get(&id).is_some_and(|held| held.options.position != position) {
                self.choose(id, tasks, |options| options.position = position);
            }
        }
    }

    pub(super) fn given_rows(&self) -> Arc<[GivenRow]> {
        let rows = self.held.values().flat_map(|held| {
            held.given.iter().filter(|(_, given)| given.bytes > 0).map(|(peer, given)| GivenRow {
                peer: *peer,
                peer_name: self.name_of(*peer),
                share: held.id,
                title: held.title.clone(),
                bytes: given.bytes,
                rate: given.rates.up(),
                last: self.clock.wall,
            })
        });
        rows.collect()
    }

    pub(super) fn reason(&self, held: &Held) -> Reason {
        match held.state() {
            TransferState::Paused => Reason::Paused,
            TransferState::Looking => Reason::Nobody,
            TransferState::Waiting | TransferState::Failed => Reason::Trouble,
            TransferState::Finishing | TransferState::Verifying => Reason::Checking,
            TransferState::Done => Reason::SeedingEnded,
            _ => Reason::FullSpeed,
        }
    }
}

impl Held {
    /// Whether it is a download that is not complete and that nobody paused.
    fn is_queued(&self) -> bool {
        !self.mine && !self.paused && matches!(self.stage, Stage::Looking { .. } | Stage::Opening | Stage::Fetching(_))
    }

    fn may_be_retried(&self) -> bool {
        !self.paused && (self.retry_at.is_some() || matches!(self.stage, Stage::Failed) && !self.mine)
    }

    /// Bytes given since this program was started.
    pub fn given_now(&self) -> u64 {
        self.given.values().map(|given| given.bytes).sum()
    }

    pub fn files_wanted(&self) -> u32 {
        self.options.wanted.as_ref().map_or(self.files, |wanted| wanted.len() as u32)
    }

    /// Bytes of the files that are wanted.
    pub fn wanted_bytes(&self) -> u64 {
        self.size
    }

    /// The files; the one before, if it is still right.
    pub fn listing(&self, before: Option<&Listing>) -> Option<Listing> {
        let share = self.share.clone()?;
        let have = match &self.stage {
            Stage::Fetching(fetching) => Some(Arc::new(fetching.swarm.have().clone())),
            _ => None,
        };
        let listing = Listing::new(share, have, self.options.wanted.clone());
        Some(before.filter(|before| **before == listing).cloned().unwrap_or(listing))
    }
}
