//! The policy at the console: seen, changed, explained; exams; forbidden contents.

use std::collections::BTreeSet;

use super::{Admin, AdminError, note, now_s, permit};
use crate::{
    access::{About, Action, Actor, Exam, Policy, Who, explain},
    server::{policy_fields, sign_policy},
    share::{Root, ShareId},
    store::central::ShareRow,
};

/// A change of the policy.
#[derive(Clone, Debug)]
pub enum Change {
    /// Fields by their names; see [`Admin::policy_fields`].
    Fields(Vec<(String, String)>),
    BeginExam {
        minutes: i64,
        /// Names; none for everybody.
        groups: Vec<String>,
        shares: Vec<String>,
        hand_in: bool,
    },
    /// The one of this name; none where there is only one.
    EndExam {
        name: Option<String>,
    },
    Block {
        hash: String,
        note: String,
    },
    Unblock {
        hash: String,
    },
}

/// Whether somebody could do something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    pub allowed: bool,
    /// Each rule up to the first that says no, with why.
    pub rules: Vec<(&'static str, Option<String>)>,
}

impl Admin {
    pub async fn policy(&self) -> Result<Policy, AdminError> {
        let loaded = crate::server::load_policy(&self.central, &self.identity).await;
        loaded.map_err(|error| AdminError::Invalid(error.to_string()))
    }

    /// The fields that can be changed, with their values.
    pub async fn policy_fields(&self) -> Result<Vec<(&'static str, String)>, AdminError> {
        Ok(policy_fields::fields_of(&self.policy().await?))
    }

    /// Changes, signs and writes down the next version. Returns its number.
    pub async fn change_policy(&self, change: Change) -> Result<u64, AdminError> {
        let before = self.policy().await?;
        let (action, about, detail, mut policy) = match change {
            Change::Fields(changes) => {
                let policy = policy_fields::changed(&before, &changes).map_err(AdminError::Invalid)?;
                let detail = policy_fields::difference(&before, &policy);
                (Action::ChangePolicy, "policy".to_owned(), detail, policy)
            }
            Change::BeginExam { minutes, groups, shares, hand_in } => {
                let exam = self.exam(minutes, &groups, &shares, hand_in).await?;
                let counts = (exam.groups.len(), exam.handouts.len());
                let detail = format!("{minutes} minutes, {} groups, {} shares", counts.0, counts.1);
                let mut policy = before.clone();
                policy.begin_exam(exam, now_s());
                (Action::Exam, "exam".to_owned(), detail, policy)
            }
            Change::EndExam { name } => {
                let policy =
                    policy_fields::without_exam(&before, name.as_deref(), now_s()).map_err(AdminError::Invalid)?;
                (Action::Exam, "exam".to_owned(), "ended".to_owned(), policy)
            }
            Change::Block { hash, note } => {
                let mut policy = before.clone();
                policy.blocked.insert(content(&hash)?, note.clone());
                (Action::BlockContent, hash, format!("forbidden: {note}"), policy)
            }
            Change::Unblock { hash } => {
                let mut policy = before.clone();
                policy.blocked.remove(&content(&hash)?);
                (Action::BlockContent, hash, "allowed again".to_owned(), policy)
            }
        };
        policy.version = before.version.max(self.central.policy_version().await?) + 1;
        policy.issued_s = now_s();
        let signed = sign_policy(&policy, &self.identity).map_err(|error| AdminError::Invalid(error.to_string()))?;
        let mut change = self.central.change(permit(action)?, &note(&about, &detail)).await?;
        change.add_policy(policy.version, signed.to_wire(), policy.issued_s).await?;
        change.commit().await?;
        Ok(policy.version)
    }

    async fn exam(
        &self,
        minutes: i64,
        groups: &[String],
        shares: &[String],
        hand_in: bool,
    ) -> Result<Exam, AdminError> {
        if !(1..=1440).contains(&minutes) {
            return Err(AdminError::Invalid("An exam lasts 1 to 1440 minutes".to_owned()));
        }
        let mut ids = BTreeSet::new();
        for group in groups {
            ids.insert(self.group(group).await?.id);
        }
        let mut handouts = BTreeSet::new();
        for share in shares {
            handouts.insert(self.share(share).await?.id);
        }
        Ok(Exam { until_s: now_s() + minutes * 60, groups: ids, handouts, hand_in })
    }

    /// Could somebody do something? `person`: the name they sign in with; nobody is a guest.
    pub async fn explain(
        &self,
        person: Option<&str>,
        action: &str,
        share: Option<&str>,
    ) -> Result<Explained, AdminError> {
        let known = Action::ALL.iter().copied().find(|known| known.name() == action);
        let action = known.ok_or_else(|| {
            let names: Vec<_> = Action::ALL.iter().map(|action| action.name()).collect();
            AdminError::Invalid(format!("There is no action {action:?}: choose one of {}", names.join(", ")))
        })?;
        let actor = match person {
            None => Actor::guest(),
            Some(name) => {
                let person = self.named(name).await?;
                let groups = self.central.groups_of(person.id).await?;
                let mut actor = Actor::of(Who::Person(person.id), person.role, groups);
                actor.second_factor = person.totp.is_some();
                actor
            }
        };
        let facts = match share {
            None => None,
            Some(share) => Some(self.share(share).await?.facts()),
        };
        let about = facts.as_ref().map_or(About::Nothing, About::Share);
        let steps = explain(&self.policy().await?, &actor, action, about, now_s());
        Ok(Explained {
            allowed: steps.iter().all(|step| step.refused.is_none()),
            rules: steps.into_iter().map(|step| (step.rule, step.refused.map(|reason| reason.to_string()))).collect(),
        })
    }

    /// A share by its id.
    pub(super) async fn share(&self, id: &str) -> Result<ShareRow, AdminError> {
        let missing = || AdminError::NoSuch { what: "share", named: id.to_owned() };
        let id: ShareId = id.parse().map_err(|_| missing())?;
        self.central.share(id).await?.ok_or_else(missing)
    }
}

fn content(hash: &str) -> Result<Root, AdminError> {
    let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(hash.trim().as_bytes()).ok();
    let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
    bytes.map(Root).ok_or_else(|| AdminError::Invalid("A hash has 64 hexadecimal digits".to_owned()))
}
