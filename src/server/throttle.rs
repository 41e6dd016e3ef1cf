//! How long somebody waits after failed tries: passwords, one-time codes, words of links, tokens, the setup code.
//!
//! Every try is written down as a failure *before* it is judged, in one transaction with the look at what stands there,
//! and taken back when it was right: a thousand tries that are sent together are counted like a thousand one by one, at
//! whichever process.
//!
//! Nobody can lock anybody out. A browser in which somebody signed in before has a proof of it and is counted alone,
//! whatever others do. For all others, failures count for an account *at one place* (an IPv4 address, or an IPv6 network
//! of /64, whose addresses are free), and more patiently for an account from everywhere; each wait has an end of half a
//! minute. A whole school can stand behind one address, so a busy address keeps only those waiting who failed there.

use std::net::IpAddr;

use super::{Server, now_ms, problem::Problem};
use crate::store::central::{CentralError, Failures};

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// An account at a place, or a browser that is known.
    Account,
    /// One-time codes, of which there are few.
    Code,
    /// An account, from all places.
    Everywhere,
    /// All tries of a place. Holds for accounts that failed there.
    Place,
}

/// What a try counts for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Counter {
    pub who: String,
    pub kind: Kind,
}

/// A try that was counted as a failure.
#[must_use = "a try that was right has to be taken back"]
pub(super) struct Attempt {
    counters: Vec<Counter>,
    /// How many failures stand there with it, for the first counter.
    pub count: u32,
}

/// Failures that are older do not count.
pub(super) const FORGOTTEN_MS: i64 = 15 * 60 * 1_000;

/// Where somebody is, as far as counting goes.
pub(super) fn place(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

/// What is written down after one more failure.
fn after_failure(kind: Kind, before: Failures, now_ms: i64) -> Failures {
    let count = standing(before, now_ms).saturating_add(1);
    let wait_ms = match kind {
        // Three for a slip of the finger, then 1, 2, 4 … 30 s.
        Kind::Account => wait_of(count, 3, 30_000),
        Kind::Code => wait_of(count, 3, 300_000),
        // More than one forgetful person needs, at several computers.
        Kind::Everywhere => wait_of(count, 12, 30_000),
        // A class that signs in after the holidays fails often.
        Kind::Place => wait_of(count, 60, 4_000),
    };
    Failures { count, until_ms: now_ms + wait_ms, at_ms: now_ms }
}

fn standing(before: Failures, now_ms: i64) -> u32 {
    // A clock that was put back makes failures of the future; they count like those of this moment.
    if now_ms - before.at_ms > FORGOTTEN_MS { 0 } else { before.count }
}

fn wait_of(count: u32, free: u32, longest_ms: i64) -> i64 {
    match count.checked_sub(free + 1) {
        None => 0,
        Some(more) => 1_000i64.checked_shl(more.min(20)).unwrap_or(longest_ms).min(longest_ms),
    }
}

/// How many whole seconds are left to wait, if any. No wait is longer than the longest there is, whatever the clock did.
fn left_s(failures: Failures, now_ms: i64) -> Option<u64> {
    let left = (failures.until_ms - now_ms).min(failures.until_ms - failures.at_ms);
    (left > 0).then(|| u64::try_from(left).unwrap_or(0).div_ceil(1_000))
}

/// What stands there after a try; or how many seconds it has to wait.
fn judge(kinds: &[Kind], before: &[Failures], now_ms: i64) -> Result<Vec<Failures>, u64> {
    let failed_here = kinds.iter().zip(before).any(|(kind, before)| *kind == Kind::Account && before.count > 0);
    let waits = kinds.iter().zip(before).filter(|(kind, _)| **kind != Kind::Place || failed_here);
    match waits.filter_map(|(_, before)| left_s(*before, now_ms)).max() {
        Some(seconds) => Err(seconds),
        None => Ok(kinds.iter().zip(before).map(|(kind, before)| after_failure(*kind, *before, now_ms)).collect()),
    }
}

impl Server {
    /// Counts a try, before anybody looks whether it is right.
    pub(super) async fn attempt(&self, mut counters: Vec<Counter>) -> Result<Attempt, Problem> {
        // Always in the same order, so that two tries never wait for each other's rows.
        counters.sort();
        let kinds: Vec<Kind> = counters.iter().map(|counter| counter.kind).collect();
        let who: Vec<&str> = counters.iter().map(|counter| counter.who.as_str()).collect();
        let judged = self.central.count_attempt(&who, |before| judge(&kinds, before, now_ms())).await?;
        let after = judged.map_err(Problem::wait)?;
        Ok(Attempt { counters, count: after.first().map_or(0, |failures| failures.count) })
    }

    /// [`Server::attempt`] that counts for one thing only.
    pub(super) async fn attempt_at(&self, who: String) -> Result<Attempt, Problem> {
        self.attempt(vec![Counter { who, kind: Kind::Account }]).await
    }
}

impl Attempt {
    /// It was right, so it was no failure. What somebody failed before at the same place is forgiven.
    pub async fn was_right(self, server: &Server) -> Result<(), CentralError> {
        for Counter { who, kind } in &self.counters {
            match kind {
                Kind::Account | Kind::Code => server.central.forgive(who).await?,
                Kind::Everywhere | Kind::Place => server.central.take_back_attempt(who).await?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: i64 = 1_000_000;

    fn fail(kind: Kind, times: u32) -> Failures {
        (0..times).fold(Failures::default(), |failures, _| after_failure(kind, failures, NOW_MS))
    }

    #[test]
    fn waits_double_and_end_at_half_a_minute() {
        let waits: Vec<u64> = (1..=12).map(|times| left_s(fail(Kind::Account, times), NOW_MS).unwrap_or(0)).collect();
        assert_eq!(waits, [0, 0, 0, 1, 2, 4, 8, 16, 30, 30, 30, 30]);
        assert_eq!(left_s(fail(Kind::Everywhere, 12), NOW_MS), None);
        assert_eq!(left_s(fail(Kind::Everywhere, 40), NOW_MS), Some(30));
        assert_eq!(left_s(fail(Kind::Code, 40), NOW_MS), Some(300));
    }

    #[test]
    fn a_place_with_many_failures_keeps_those_waiting_who_failed_there_and_nobody_else() {
        let kinds = [Kind::Account, Kind::Place];
        let busy = fail(Kind::Place, 1_000);
        assert_eq!(left_s(busy, NOW_MS), Some(4));
        assert!(judge(&kinds, &[Failures::default(), busy], NOW_MS).is_ok());
        assert_eq!(judge(&kinds, &[fail(Kind::Account, 1), busy], NOW_MS), Err(4));
        assert!(judge(&kinds, &[fail(Kind::Account, 1), fail(Kind::Place, 60)], NOW_MS).is_ok());
    }

    #[test]
    fn old_failures_are_forgotten_and_a_clock_that_is_put_back_makes_no_wait_longer() {
        let old = Failures { count: 9, until_ms: 0, at_ms: 0 };
        assert_eq!(after_failure(Kind::Account, old, FORGOTTEN_MS + 1).count, 1);
        let failures = fail(Kind::Account, 9);
        assert_eq!(left_s(failures, NOW_MS - 86_400_000), Some(30));
    }

    #[test]
    fn an_ipv6_network_is_one_place() {
        let place = |text: &str| place(text.parse().unwrap());
        assert_eq!(place("2001:db8:1:2::7"), place("2001:db8:1:2:ffff::1"));
        assert_ne!(place("2001:db8:1:2::7"), place("2001:db8:1:3::7"));
        assert_eq!(place("::ffff:10.0.0.2"), place("10.0.0.2"));
    }
}
