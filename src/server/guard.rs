//! The one place where a request is allowed or refused, and where the refusal is written down.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use super::{Server, caller::Visit, now_ms, problem::Problem};
use crate::{
    access::{About, Action, Decision, Permit, Who, decide},
    share::Whence,
    store::central::Note,
};

/// The same refusal to the same caller is written down once in this time: a stranger who knocks a thousand times a second
/// must not fill the disk.
const SAME_MS: i64 = 10_000;
/// So many different ones of one person or computer, or of one network of strangers, are written down in that time; after
/// them one that says that there are more. Others' are written down all the same.
const OF_ONE_MAX: usize = 128;
/// So many of these are remembered; of more, the one that was first refused is counted anew.
const REMEMBERED_MAX: usize = 1_024;

/// Refusals that were written down a moment ago.
#[derive(Default)]
pub(crate) struct Refusals {
    latest: Mutex<BTreeMap<String, Refused>>,
}

/// What one of them was refused since a moment.
struct Refused {
    since_ms: i64,
    what: BTreeMap<String, i64>,
    more: bool,
}

/// Whether a refusal is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Telling {
    Whole,
    /// That there are more than are written down.
    More,
    /// The same was written down.
    Same,
    TooMany,
}

impl Refusals {
    /// Whether it is written down.
    pub(super) fn is_new(&self, by: String, what: String, now_ms: i64) -> bool {
        matches!(self.tell(by, what, now_ms), Telling::Whole | Telling::More)
    }

    fn tell(&self, by: String, what: String, now_ms: i64) -> Telling {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        if latest.len() >= REMEMBERED_MAX && !latest.contains_key(&by) {
            let first = latest.iter().min_by_key(|(_, refused)| refused.since_ms).map(|(by, _)| by.clone());
            first.and_then(|first| latest.remove(&first));
        }
        let refused =
            latest.entry(by).or_insert_with(|| Refused { since_ms: now_ms, what: BTreeMap::new(), more: false });
        if refused.what.len() >= OF_ONE_MAX {
            refused.what.retain(|_, at| now_ms - *at < SAME_MS);
        }
        if now_ms - refused.since_ms >= SAME_MS {
            (refused.since_ms, refused.more) = (now_ms, false);
        }
        if refused.what.get(&what).is_some_and(|at| now_ms - at < SAME_MS) {
            return Telling::Same;
        }
        if refused.what.len() < OF_ONE_MAX {
            refused.what.insert(what, now_ms);
            return Telling::Whole;
        }
        if std::mem::replace(&mut refused.more, true) { Telling::TooMany } else { Telling::More }
    }
}

/// Whose refusals are counted together: people's and computers' by themselves, strangers' by their network.
pub(super) fn told_by(visit: &Visit) -> String {
    match visit.actor.who {
        Who::Nobody => Whence::of(visit.address).net.to_string(),
        known => known.to_string(),
    }
}

impl Server {
    /// Decides. A refusal is written into the audit log; what is allowed is written by whoever uses the permit.
    /// `named`: what it is about, for the log.
    pub async fn allow(&self, visit: &Visit, action: Action, about: About<'_>, named: &str) -> Result<Permit, Problem> {
        let now = now_ms();
        let reason = match decide(&self.policy(), &visit.actor, action, about, now / 1_000) {
            Decision::Allow(permit) => {
                self.log_judging(visit, &permit, named).await?;
                return Ok(permit);
            }
            Decision::Deny(reason) => reason,
        };
        self.log_refusal(visit, action, reason.code(), named).await?;
        Err(Problem::refused(&reason))
    }

    /// Looking into what is meant for others is written down; what is changed stands in the log anyway.
    async fn log_judging(&self, visit: &Visit, permit: &Permit, named: &str) -> Result<(), Problem> {
        let looks = matches!(permit.action(), Action::SeeShare | Action::Download);
        let same = format!("{} {named} judged", permit.who());
        // However much else there is to be told: nobody hides this behind refusals.
        let is_told = || self.refusals.tell(told_by(visit), same, now_ms()) == Telling::Same;
        if looks && permit.is_of_judge() && !is_told() {
            self.done(visit, permit, named, "read as judge").await?;
        }
        Ok(())
    }

    /// Writes a refusal down, unless the same was written down a moment ago. `reason`: a word for programs.
    pub async fn log_refusal(
        &self,
        visit: &Visit,
        action: Action,
        reason: &'static str,
        named: &str,
    ) -> Result<(), Problem> {
        self.metrics.refused(action.name(), reason);
        let (actor, address, now) = (visit.actor.who.to_string(), visit.address.to_string(), now_ms());
        let same = format!("{actor} {address} {} {reason} {named}", action.name());
        let detail = match self.refusals.tell(told_by(visit), same, now) {
            Telling::Whole => "",
            Telling::More => "and more from there in the next seconds, which are not written down one by one",
            Telling::Same | Telling::TooMany => return Ok(()),
        };
        let outcome = format!("refused: {reason}");
        let note = Note { at_ms: now, address: &address, about: named, detail, request: &visit.request };
        self.central.log(&actor, action.name(), &outcome, &note).await?;
        Ok(())
    }

    /// Whether something would be allowed, for showing or hiding a button. Writes nothing down.
    pub fn would_allow(&self, visit: &Visit, action: Action, about: About<'_>) -> bool {
        matches!(decide(&self.policy(), &visit.actor, action, about, now_ms() / 1_000), Decision::Allow(_))
    }

    /// Writes down that something was done which changed no table: a download, a sign-in.
    pub async fn done(&self, visit: &Visit, permit: &Permit, named: &str, detail: &str) -> Result<(), Problem> {
        let address = visit.address.to_string();
        let note = Note { at_ms: now_ms(), address: &address, about: named, detail, request: &visit.request };
        Ok(self.central.log(&permit.who().to_string(), permit.action().name(), "done", &note).await?)
    }
}

impl Server {
    /// Writes down that a file was looked at in a page, which is no download.
    pub async fn previewed(&self, visit: &Visit, permit: Permit, named: &str, detail: &str) -> Result<(), Problem> {
        let (address, who) = (visit.address.to_string(), permit.who().to_string());
        drop(permit);
        let note = Note { at_ms: now_ms(), address: &address, about: named, detail, request: &visit.request };
        Ok(self.central.log(&who, "share.preview", "done", &note).await?)
    }
}

impl Visit {
    /// What the log says of a change beside who and what.
    pub fn note<'a>(&'a self, address: &'a str, about: &'a str, detail: &'a str) -> Note<'a> {
        Note { at_ms: now_ms(), address, about, detail, request: &self.request }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_refusal_is_told_once_in_a_while() {
        let refusals = Refusals::default();
        let tell = |what: &str, now_ms| refusals.tell(address(1), what.to_owned(), now_ms);
        assert_eq!(tell("a", 0), Telling::Whole);
        assert_eq!(tell("a", SAME_MS - 1), Telling::Same);
        assert_eq!(tell("b", SAME_MS - 1), Telling::Whole);
        assert_eq!(tell("a", SAME_MS), Telling::Whole, "also where it was tried all the time");
    }

    #[test]
    fn many_refusals_of_one_hide_no_others_and_memory_has_an_end() {
        let refusals = Refusals::default();
        let tell = |from: u32, what: u32, now_ms| refusals.tell(address(from), what.to_string(), now_ms);
        let told: Vec<_> = (0..10_000).map(|what| tell(1, what, 0)).collect();
        assert_eq!(told.iter().filter(|told| **told == Telling::Whole).count(), OF_ONE_MAX);
        assert_eq!(told.iter().filter(|told| **told == Telling::More).count(), 1);
        assert!((2..5_000).all(|from| tell(from, 1, 1) == Telling::Whole));
        assert_eq!(tell(1, 10_001, SAME_MS), Telling::Whole);
        let latest = refusals.latest.lock().unwrap();
        assert!(latest.len() <= REMEMBERED_MAX && latest.values().all(|refused| refused.what.len() <= OF_ONE_MAX));
    }

    fn address(number: u32) -> String {
        std::net::Ipv4Addr::from_bits(0x0a00_0000 + number).to_string()
    }
}
