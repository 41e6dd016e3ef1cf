//! Until when what is complete is given to others.

use std::time::{Duration, SystemTime};

use super::{Held, State};
use crate::{
    engine::task::Task,
    share::ShareId,
    traffic::{SeedUntil, seeding},
};

impl State {
    /// The rule that holds for a share: its own, or for downloads the one for all.
    pub(super) fn rule_of(&self, held: &Held) -> SeedUntil {
        let of_all = if held.mine { SeedUntil::ForEver } else { self.controls.seed_until };
        held.options.seed_until.unwrap_or(of_all)
    }

    /// Ends the giving of what was given for long enough.
    pub(super) fn end_seeding(&mut self, tasks: &mut Vec<Task>) {
        let ended = |held: &&Held| held.is_seeding() && self.is_given_enough(held);
        let ids: Vec<ShareId> = self.held.values().filter(ended).map(|held| held.id).collect();
        for id in ids {
            self.choose(id, tasks, |options| options.seeding_ended = true);
            tasks.push(Task::Withdraw { share: id });
            self.catalogue_changed();
        }
    }

    fn is_given_enough(&self, held: &Held) -> bool {
        let rule = self.rule_of(held);
        if rule == SeedUntil::ForEver {
            return false;
        }
        let completed = held.options.completed_s.map_or(self.clock.wall, super::held::time_of);
        let given = seeding::Given {
            size: held.wanted_bytes(),
            bytes: self.ledger.given_of(held.id),
            complete_for: self.clock.wall.duration_since(completed).unwrap_or_default(),
            copies: match rule {
                SeedUntil::Copies(_) => self.copies_around(held.id),
                _ => 0,
            },
        };
        rule.is_fulfilled(given)
    }

    fn copies_around(&self, id: ShareId) -> u32 {
        let complete = |peer: &&super::peers::Peer| peer.offers.get(&id).is_some_and(|offer| offer.complete);
        self.peers.values().filter(complete).count() as u32
    }

    /// Whether a rule waits for the time to pass.
    pub(super) fn seeding_waits_for_time(&self) -> bool {
        self.held.values().any(|held| held.is_seeding() && matches!(self.rule_of(held), SeedUntil::Time(_)))
    }

    /// A person wants it given again: a rule that is fulfilled already does not hold any more.
    pub(super) fn seed_again(&mut self, id: ShareId, tasks: &mut Vec<Task>) {
        self.choose(id, tasks, |options| options.seeding_ended = false);
        if self.held.get(&id).is_some_and(|held| self.is_given_enough(held)) {
            self.choose(id, tasks, |options| options.seed_until = Some(SeedUntil::ForEver));
        }
    }

    /// It is complete from now on.
    pub(super) fn note_completion(&mut self, id: ShareId, tasks: &mut Vec<Task>) {
        let now = self.clock.wall.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs();
        let unknown = |held: &Held| held.options.completed_s.is_none();
        if self.held.get(&id).is_some_and(unknown) {
            self.choose(id, tasks, |options| options.completed_s = i64::try_from(now).ok());
        }
    }
}

impl Held {
    /// Whether it is complete, as far as it is wanted, and given to others.
    pub fn is_seeding(&self) -> bool {
        self.is_here() && !self.paused && !self.options.seeding_ended
    }
}
