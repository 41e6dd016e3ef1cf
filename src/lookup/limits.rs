//! How long things may take, and how many there may be.

use std::time::Duration;

/// How a [`Lookup`](super::Lookup) behaves; the same for all questions of a program.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Questions that wait at once: in all, of one person, of one server. A class behind one address is one person.
    pub open_max: usize,
    pub open_per_person: usize,
    pub open_per_server: usize,
    /// Questions on their way up at once: in all, and to one upstream.
    pub flights_max: usize,
    pub per_upstream: usize,
    pub upstreams_max: usize,
    /// Each level answers this much before its time is over, so that the level below still hears it: a part of the time,
    /// at least and at most.
    pub margin_part: u32,
    pub margin_min: Duration,
    pub margin_max: Duration,
    /// A question that people ask goes on for this long, also when who asked has no more time.
    pub flight: Duration,
    /// Whoever asks by words and has finds from here already waits this much for more.
    pub patience_with_finds: Duration,
    /// The next upstream is asked too when the one before has not answered for so long.
    pub hedge_after: Duration,
    /// So many upstreams are asked at once: for one thing, and for a list by words.
    pub at_once_for_one: usize,
    pub at_once_for_list: usize,
    /// A query id is known again for so long; so many are known.
    pub seen: Duration,
    pub seen_max: usize,
    /// "Not found" holds this long, and no longer than the other, whatever an upstream says.
    pub not_found: Duration,
    pub not_found_max: Duration,
    /// What was found by id, and what was found by words.
    pub found_one: Duration,
    pub found_list: Duration,
    pub remembered_max: usize,
    /// A way that led nowhere is not taken again for so long.
    pub lost: Duration,
    /// Being late counts against an upstream only when it had this long.
    pub late_counts_after: Duration,
    /// An upstream that failed is probed after: at first and at most. One that lied rests longer.
    pub rest_min: Duration,
    pub rest_max: Duration,
    pub rest_of_liar: Duration,
    pub rest_of_liar_max: Duration,
    /// A probe without answer has failed.
    pub probe: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            open_max: 1_024,
            open_per_person: 64,
            open_per_server: 128,
            flights_max: 256,
            per_upstream: 64,
            upstreams_max: 16,
            margin_part: 10,
            margin_min: Duration::from_millis(50),
            margin_max: Duration::from_millis(400),
            flight: Duration::from_secs(3),
            patience_with_finds: Duration::from_millis(400),
            hedge_after: Duration::from_millis(250),
            at_once_for_one: 2,
            at_once_for_list: 4,
            seen: Duration::from_secs(60),
            seen_max: 8_192,
            not_found: Duration::from_secs(15),
            not_found_max: Duration::from_secs(60),
            found_one: Duration::from_secs(600),
            found_list: Duration::from_secs(15),
            remembered_max: 4_096,
            lost: Duration::from_secs(60),
            late_counts_after: Duration::from_secs(1),
            rest_min: Duration::from_secs(1),
            rest_max: Duration::from_secs(60),
            rest_of_liar: Duration::from_secs(30),
            rest_of_liar_max: Duration::from_secs(600),
            probe: Duration::from_secs(8),
        }
    }
}

impl Limits {
    /// What of `budget` may be spent here; `None` where nothing is left of it.
    pub(super) fn spendable(&self, budget: Duration) -> Option<Duration> {
        let margin = (budget / self.margin_part.max(1)).clamp(self.margin_min, self.margin_max);
        budget.checked_sub(margin).filter(|rest| !rest.is_zero())
    }
}
