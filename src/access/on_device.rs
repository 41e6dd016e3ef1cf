//! The same rules on an enrolled computer: what it may give to others, and what it may have. The computer is the one who
//! acts; its role is that of the people who use it.

use std::collections::BTreeSet;

use super::{About, Action, Actor, Decision, GroupId, Policy, Reason, Role, ShareFacts, UploadFacts, Who, decide};
use crate::share::{EntryKind, Manifest, PeerId, Root, ShareId};

const DAY_S: i64 = 86_400;

/// To whom something is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Giving<'a> {
    /// To everyone, or to whoever has a link: that is everyone, too.
    Room,
    /// To computers that were named.
    People,
    /// To the server, which keeps it and gives it to everyone.
    Server,
    Groups(&'a BTreeSet<GroupId>),
}

/// What is to be given, as far as the rules ask.
#[derive(Clone, Copy, Debug)]
pub struct Given<'a> {
    pub manifest: &'a Manifest,
    /// What the computer gives already.
    pub used_bytes: u64,
    pub used_files: u32,
}

/// A computer that is used by people of a role.
pub fn device(peer: PeerId, role: Role, groups: BTreeSet<GroupId>) -> Actor {
    // No computer is more than a teacher's: whoever sits at it has given no password.
    Actor::of(Who::Device(peer), role.min(Role::Teacher), groups)
}

/// May this be given? `given`: `None` before its files were read.
pub fn may_give(
    policy: &Policy,
    device: &Actor,
    to: Giving<'_>,
    given: Option<Given<'_>>,
    now_s: i64,
) -> Result<(), Reason> {
    if let Giving::Groups(groups) = to
        && device.role < Role::Teacher
        && !groups.is_subset(&device.groups)
    {
        return Err(Reason::OtherGroups);
    }
    // What the server keeps it gives to everyone, but for work that is handed in.
    let exam = device.role <= Role::Student && policy.exam_of(&device.groups, now_s).is_some();
    let to_all = (to == Giving::Server && !exam).then_some(&Action::ShareWithRoom);
    for action in actions(to).iter().chain(to_all) {
        let judge = |about| allowed(decide(policy, device, *action, about, now_s));
        let Some(given) = given else {
            judge(About::Nothing)?;
            continue;
        };
        let names: Vec<&str> = files(given.manifest).map(|(name, ..)| name).collect();
        judge(About::Upload(&UploadFacts {
            names: &names,
            largest_bytes: files(given.manifest).map(|(_, size, _)| size).max().unwrap_or(0),
            size_bytes: given.manifest.size(),
            files: given.manifest.files(),
            used_bytes: given.used_bytes,
            used_files: given.used_files,
        }))?;
    }
    let Some(given) = given else { return Ok(()) };
    not_blocked(policy, given.manifest)?;
    match policy.retention_days.filter(|_| device.role <= Role::Student) {
        Some(days) if given.manifest.created_s.saturating_add(i64::from(days) * DAY_S) <= now_s => {
            Err(Reason::Outdated { days })
        }
        _ => Ok(()),
    }
}

/// May this share come here, and be given on? `manifest`: `None` while only its id is known.
pub fn may_have(
    policy: &Policy,
    device: &Actor,
    id: ShareId,
    manifest: Option<&Manifest>,
    now_s: i64,
) -> Result<(), Reason> {
    let facts = ShareFacts::of_room(id);
    allowed(decide(policy, device, Action::Download, About::Share(&facts), now_s))?;
    manifest.map_or(Ok(()), |manifest| not_blocked(policy, manifest))
}

/// The next time, in seconds since 1970, at which something else may hold though nobody changes the policy.
pub fn next_change(policy: &Policy, device: &Actor, created_s: impl Iterator<Item = i64>, now_s: i64) -> Option<i64> {
    let exam = policy.exams_on(now_s).map(|exam| exam.until_s).min();
    let days = policy.retention_days.filter(|_| device.role <= Role::Student);
    let ends = created_s.filter_map(|created| Some(created.saturating_add(i64::from(days?) * DAY_S)));
    ends.chain(exam).filter(|at| *at > now_s).min()
}

fn actions(to: Giving<'_>) -> &'static [Action] {
    match to {
        Giving::Room => &[Action::ShareWithRoom],
        // What a person decides about a share of their own; no rule is for it alone, and an exam forbids it.
        Giving::People | Giving::Groups(_) => &[Action::ChangeShare],
        Giving::Server => &[Action::Upload],
    }
}

fn files(manifest: &Manifest) -> impl Iterator<Item = (&str, u64, Root)> {
    manifest.entries.iter().filter_map(|entry| match entry.kind {
        EntryKind::File { size, root, .. } => {
            Some((entry.path.components().last().map_or("", |name| name.as_str()), size, root))
        }
        EntryKind::Folder => None,
    })
}

pub(super) fn not_blocked(policy: &Policy, manifest: &Manifest) -> Result<(), Reason> {
    if policy.blocked.is_empty() {
        return Ok(());
    }
    match files(manifest).find_map(|(.., root)| policy.blocked.get(&root)) {
        Some(note) => Err(Reason::Blocked { note: note.clone() }),
        None => Ok(()),
    }
}

fn allowed(decision: Decision) -> Result<(), Reason> {
    match decision {
        // It is not a server's table that is changed, so nothing takes the permit.
        Decision::Allow(permit) => {
            drop(permit);
            Ok(())
        }
        Decision::Deny(reason) => Err(reason),
    }
}
