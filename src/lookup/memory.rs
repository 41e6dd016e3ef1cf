//! What was answered, for a while; and which questions were here before.
//!
//! Only what holds for everybody is remembered: shares that are for everyone (or, by their own id, for whoever has the
//! link), and "not found" of a question that began here. Never a refusal, a loop or a lateness.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::{Duration, Instant},
};

use super::{Answer, Ask, Find, Limits, QueryId};
use crate::share::{PeerId, ShareId};

/// Answers and ids, both bounded.
#[derive(Debug)]
pub(super) struct Memory {
    answers: BTreeMap<Ask, Remembered>,
    /// In the order in which they are forgotten when there are too many.
    order: VecDeque<(u64, Ask)>,
    noted: u64,
    answers_max: usize,
    seen: BTreeSet<QueryId>,
    seen_order: VecDeque<(Instant, QueryId)>,
    seen_max: usize,
    /// Ways to a share that led nowhere, until when.
    lost: BTreeMap<(ShareId, PeerId), Instant>,
}

/// So many lost ways are known.
const LOST_MAX: usize = 1_024;

#[derive(Debug)]
struct Remembered {
    until: Instant,
    number: u64,
    what: Known,
}

/// What is known from before.
#[derive(Clone, Debug)]
pub(super) enum Known {
    Finds(Vec<Find>),
    NotFound { scope: Vec<PeerId> },
}

impl Memory {
    pub fn new(limits: &Limits) -> Memory {
        Memory {
            answers: BTreeMap::new(),
            order: VecDeque::new(),
            noted: 0,
            answers_max: limits.remembered_max,
            seen: BTreeSet::new(),
            seen_order: VecDeque::new(),
            seen_max: limits.seen_max,
            lost: BTreeMap::new(),
        }
    }

    /// Whether the id was here within `Limits::seen`; from now on it was.
    pub fn saw(&mut self, now: Instant, id: QueryId, limits: &Limits) -> bool {
        while let Some((at, old)) = self.seen_order.front().copied() {
            if now.saturating_duration_since(at) < limits.seen && self.seen_order.len() < self.seen_max {
                break;
            }
            self.seen_order.pop_front();
            self.seen.remove(&old);
        }
        let before = !self.seen.insert(id);
        if !before {
            self.seen_order.push_back((now, id));
        }
        before
    }

    /// What is known, and how long it still holds.
    pub fn recall(&mut self, now: Instant, ask: &Ask) -> Option<(Known, Duration)> {
        let remembered = self.answers.get(ask)?;
        if remembered.until <= now {
            self.answers.remove(ask);
            return None;
        }
        Some((remembered.what.clone(), remembered.until - now))
    }

    /// Keeps what of an answer holds for everybody. `whole`: whether the question began here, so that nobody was left out.
    pub fn keep(&mut self, now: Instant, ask: &Ask, answer: &Answer, whole: bool, limits: &Limits) {
        let (what, lasts) = match answer {
            Answer::Found { finds, .. } if ask.is_for_one() => (Known::Finds(finds.clone()), limits.found_one),
            // A list that somebody did not add to is not the whole list.
            Answer::Found { finds, missing } if whole && missing.is_empty() => {
                (Known::Finds(finds.clone()), limits.found_list)
            }
            Answer::NotFound { scope, ttl } if whole => {
                (Known::NotFound { scope: scope.clone() }, (*ttl).min(limits.not_found_max))
            }
            _ => return,
        };
        self.noted += 1;
        self.answers.insert(ask.clone(), Remembered { until: now + lasts, number: self.noted, what });
        self.order.push_back((self.noted, ask.clone()));
        self.make_room();
    }

    /// A way to a share that is none, for a while.
    pub fn way_failed(&mut self, now: Instant, share: ShareId, upstream: PeerId, limits: &Limits) {
        self.lost.retain(|_, until| *until > now);
        if self.lost.len() < LOST_MAX {
            self.lost.insert((share, upstream), now + limits.lost);
        }
        self.answers.retain(|_, remembered| match &mut remembered.what {
            Known::Finds(finds) => {
                let leads = |find: &Find| find.share == share;
                let kept = finds.iter().filter_map(|find| match leads(find) {
                    true => find.without_ways_over(&[upstream]),
                    false => Some(find.clone()),
                });
                *finds = kept.collect();
                !finds.is_empty()
            }
            Known::NotFound { .. } => true,
        });
    }

    pub fn is_lost(&self, now: Instant, share: ShareId, upstream: PeerId) -> bool {
        self.lost.get(&(share, upstream)).is_some_and(|until| *until > now)
    }

    /// Lists and "not found" may have changed; what was found by its id is where it was.
    pub fn forget_lists(&mut self) {
        self.answers.retain(|ask, remembered| ask.is_for_one() && matches!(remembered.what, Known::Finds(_)));
    }

    pub fn forget_all(&mut self) {
        self.answers.clear();
        self.order.clear();
    }

    fn make_room(&mut self) {
        // The order also has entries that were replaced or are over; both are bounded by it.
        while self.answers.len() > self.answers_max || self.order.len() > 2 * self.answers_max {
            let Some((number, ask)) = self.order.pop_front() else { break };
            if self.answers.get(&ask).is_some_and(|remembered| remembered.number == number) {
                self.answers.remove(&ask);
            }
        }
    }
}
