//! The one place where a request is allowed or refused, and where the refusal is written down.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use super::{Server, caller::Visit, now_ms, problem::Problem};
use crate::{
    access::{About, Action, Decision, Permit, decide},
    store::central::Note,
};

/// The same refusal to the same caller is written down once in this time: a stranger who knocks a thousand times a second
/// must not fill the disk.
const SAME_MS: i64 = 10_000;
const REMEMBERED_MAX: usize = 4_096;

/// Refusals that were written down a moment ago.
#[derive(Default)]
pub(crate) struct Refusals {
    latest: Mutex<BTreeMap<String, i64>>,
}

impl Refusals {
    pub(super) fn is_new(&self, what: String, now_ms: i64) -> bool {
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        if latest.len() >= REMEMBERED_MAX {
            latest.retain(|_, at| now_ms - *at < SAME_MS);
            if latest.len() >= REMEMBERED_MAX {
                return false;
            }
        }
        match latest.insert(what, now_ms) {
            Some(before) => now_ms - before >= SAME_MS,
            None => true,
        }
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
        if looks && permit.is_of_judge() && self.refusals.is_new(same, now_ms()) {
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
        if self.refusals.is_new(same, now) {
            let outcome = format!("refused: {reason}");
            let note = Note { at_ms: now, address: &address, about: named, detail: "", request: &visit.request };
            self.central.log(&actor, action.name(), &outcome, &note).await?;
        }
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
    fn the_same_refusal_is_told_once_in_a_while_and_memory_has_an_end() {
        let refusals = Refusals::default();
        assert!(refusals.is_new("a".to_owned(), 0));
        assert!(!refusals.is_new("a".to_owned(), SAME_MS - 1));
        assert!(refusals.is_new("b".to_owned(), SAME_MS - 1));
        assert!(refusals.is_new("a".to_owned(), 2 * SAME_MS));
        for number in 0..2 * REMEMBERED_MAX {
            refusals.is_new(number.to_string(), 3 * SAME_MS);
        }
        assert!(refusals.latest.lock().unwrap().len() <= REMEMBERED_MAX);
    }
}
