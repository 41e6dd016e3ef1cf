//! The one place that decides whether something may be given or fetched here, and makes what is given true to it.
//!
//! [`State::govern`] judges every share whenever something changed: what is not allowed (any more) is withdrawn, stands
//! still, and says which rule it is and whose; when the rule is gone, it goes on by itself. Whatever the engine wants
//! served passes [`State::gate`] last, so that no way around leads past the rules.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use super::{Held, State, held::Stage, managed::Rules};
use crate::{
    access::{Given, Giving, Reason, Role, may_give, may_have, next_change},
    engine::{
        command::Recipients,
        snapshot::ManagedPicture,
        task::Task,
        trouble::{Trouble, TroubleKind},
    },
    share::{Manifest, PeerId, ShareId},
    traffic::{
        Limits, Rate,
        limits::{RATE_MAX, RATE_MIN},
    },
};

/// Why something may not be, in words.
pub struct Refusal {
    pub what: String,
    pub hint: String,
}

/// What the last judgement led to.
#[derive(Default)]
pub struct Governing {
    /// Something changed since.
    due: bool,
    /// Then something else may hold though nothing changed.
    again_at: Option<Instant>,
}

impl State {
    /// Every share must be judged anew.
    pub(super) fn rules_changed(&mut self) {
        self.governing.due = true;
        self.turns_due = true;
        self.changed.rest = true;
    }

    /// May this be given to these? `manifest`: `None` before its files were read.
    pub(super) fn may_give(&self, recipients: &Recipients, manifest: Option<&Manifest>) -> Result<(), Refusal> {
        let others = self.held.values().filter(|held| held.mine && held.barred.is_none());
        let (bytes, files) = others.fold((0u64, 0u32), |(bytes, files), held| {
            (bytes.saturating_add(held.size), files.saturating_add(held.files))
        });
        self.judge_given(recipients, manifest, (bytes, files))
    }

    fn judge_given(
        &self,
        recipients: &Recipients,
        manifest: Option<&Manifest>,
        (used_bytes, used_files): (u64, u32),
    ) -> Result<(), Refusal> {
        self.judge(|policy, device, server, now_s| {
            let given = manifest.map(|manifest| Given { manifest, used_bytes, used_files });
            may_give(policy, device, giving(recipients, server), given, now_s)
        })
    }

    /// May this share come here, and be given on?
    pub(super) fn may_have(&self, id: ShareId, manifest: Option<&Manifest>) -> Result<(), Refusal> {
        self.judge(|policy, device, _, now_s| may_have(policy, device, id, manifest, now_s))
    }

    fn judge(
        &self,
        rule: impl FnOnce(&crate::access::Policy, &crate::access::Actor, PeerId, i64) -> Result<(), Reason>,
    ) -> Result<(), Refusal> {
        let now_s = self.rules_s();
        match self.managed.rules(self.origin.id) {
            Rules::None => Ok(()),
            Rules::Missing { why } => Err(Refusal {
                what: format!("This computer is managed, and there are no rules to go by: {why}"),
                hint: "It goes on by itself when they are here. Tell whoever manages this computer.".to_owned(),
            }),
            Rules::Policy { policy, device, server } => {
                rule(policy, &device, server, now_s).map_err(|reason| Refusal {
                    what: reason.to_string().trim_end_matches('.').to_owned(),
                    hint: format!(
                        "Managed by {}: ask there. The settings and `handout policy` show every rule.",
                        self.managed.managed_by()
                    ),
                })
            }
        }
    }

    /// Judges every share, if something changed.
    pub(super) fn govern(&mut self, tasks: &mut Vec<Task>) {
        let time = self.governing.again_at.is_some_and(|at| at <= self.clock.now);
        if !(std::mem::take(&mut self.governing.due) || time) {
            return;
        }
        self.limit_by_policy();
        let mut order: Vec<(u64, ShareId)> = self.held.values().map(|held| (held.begun, held.id)).collect();
        order.sort_unstable();
        let mut used = (0u64, 0u32);
        for (_, id) in order {
            let Some(held) = self.held.get(&id) else { continue };
            let manifest = held.share.as_ref().map(|share| share.manifest());
            let judged = match held.mine {
                true => self.judge_given(&held.recipients, manifest, used),
                false => self.may_have(id, manifest),
            };
            if held.mine && judged.is_ok() {
                used = (used.0.saturating_add(held.size), used.1.saturating_add(held.files));
            }
            match judged {
                Ok(()) => self.free(id, tasks),
                Err(refusal) => self.bar(id, &refusal, tasks),
            }
        }
        self.governing.again_at = self.next_judgement();
    }

    /// Nothing that is barred is served, whoever wished it.
    pub(super) fn gate(&self, tasks: &mut Vec<Task>) {
        let barred = |id: ShareId| self.held.get(&id).is_some_and(|held| held.barred.is_some());
        tasks.retain(|task| !matches!(task, Task::Serve { share, .. } if barred(share.id())));
    }

    pub(super) fn govern_wakeup(&self) -> Option<(Instant, &'static str)> {
        self.governing.again_at.map(|at| (at, "a rule that ends"))
    }

    fn next_judgement(&self) -> Option<Instant> {
        let Rules::Policy { policy, device, .. } = self.managed.rules(self.origin.id) else { return None };
        let mine = self.held.values().filter(|held| held.mine).map(|held| held.created_s);
        let now_s = self.rules_s();
        let at = next_change(policy, &device, mine, now_s)?;
        // Clocks are set now and then: it is looked at again before long.
        let wait = Duration::from_secs(u64::try_from(at.saturating_sub(now_s)).unwrap_or(0).min(60));
        Some(self.clock.now + wait.max(Duration::from_millis(100)))
    }

    /// Hour and minute of this place in so many seconds.
    fn time_of_day(&self, in_s: i64) -> (u16, u16) {
        // A minute that has begun counts as whole, as on the clock on the wall.
        let minutes = i64::from(self.clock.local.minute) + (in_s + 59) / 60;
        let minute = u16::try_from(minutes.rem_euclid(1_440)).unwrap_or(0);
        (minute / 60, minute % 60)
    }

    fn bar(&mut self, id: ShareId, refusal: &Refusal, tasks: &mut Vec<Task>) {
        let Some(held) = self.held.get(&id) else { return };
        if held.barred.as_ref().is_some_and(|trouble| trouble.what == refusal.what) {
            return;
        }
        let title = held.title.clone();
        let trouble = self.trouble(TroubleKind::Refused, &refusal.what, &title, &refusal.hint);
        let Some(held) = self.held.get_mut(&id) else { return };
        held.barred = Some(trouble.clone());
        if let Stage::Looking { asking: Some(asking), .. } = &held.stage {
            asking.cancel();
        }
        held.close_sources();
        let waiting = std::mem::take(&mut held.waiting);
        tasks.push(Task::Withdraw { share: id });
        for token in waiting {
            self.conclude(token, Err(trouble.clone()));
        }
        self.turns_due = true;
        self.set_trouble(id, Some(trouble));
        self.catalogue_changed();
    }

    fn free(&mut self, id: ShareId, tasks: &mut Vec<Task>) {
        let Some(held) = self.held.get_mut(&id) else { return };
        let Some(barred) = held.barred.take() else { return };
        let ours = |trouble: &Arc<Trouble>| trouble.serial == barred.serial;
        held.trouble.take_if(|trouble| ours(trouble));
        self.turns_due = true;
        match self.held.get_mut(&id).and_then(Held::fetching).map(|fetching| fetching.swarm.have().clone()) {
            Some(have) => self.resume_fetching(id, &have, tasks),
            None => self.go_on(id, tasks),
        }
        self.catalogue_changed();
    }

    /// How fast an administrator lets this computer be: on this machine, or by the policy; the tighter holds.
    fn limit_by_policy(&mut self) {
        let limits = match self.managed.rules(self.origin.id) {
            Rules::Policy { policy, device, .. } if device.role <= Role::Student => {
                let rate = |rate: Option<u64>| rate.and_then(|rate| Rate::new(rate.clamp(RATE_MIN, RATE_MAX)));
                Limits {
                    down: rate(policy.students.download_bytes_per_s),
                    up: rate(policy.students.upload_bytes_per_s),
                }
            }
            _ => Limits::NONE,
        };
        self.controls.fixed.limits = self.origin.traffic.fixed.limits.and(limits);
    }

    /// What faces see of it.
    pub(super) fn managed_picture(&self) -> Option<Arc<ManagedPicture>> {
        let (enrolled, rules) = (self.managed.enrolled.as_ref(), self.managed.rules(self.origin.id));
        if enrolled.is_none() && !self.managed.is_wished() && self.managed.removed.is_none() {
            return None;
        }
        let (policy, missing) = match &rules {
            Rules::Policy { policy, device, .. } => (Some((*policy, device)), None),
            Rules::Missing { why } => (None, Some(why.clone())),
            Rules::None => (None, None),
        };
        let now_s = self.rules_s();
        let exam = policy.and_then(|(policy, device)| policy.exam_of(&device.groups, now_s));
        let exam = exam.filter(|_| enrolled.is_some_and(|enrolled| enrolled.role <= Role::Student));
        let refusal = |recipients: &Recipients| self.may_give(recipients, None).err().map(|refusal| refusal.what);
        Some(Arc::new(ManagedPicture {
            server: enrolled.map(|enrolled| enrolled.server),
            name: enrolled.map_or_else(String::new, |enrolled| enrolled.name.clone()),
            by: self.managed.managed_by(),
            role: enrolled.map(|enrolled| enrolled.role),
            groups: enrolled.map(|enrolled| enrolled.groups.clone()).unwrap_or_default(),
            reachable: enrolled.is_some_and(|enrolled| enrolled.reached) && self.managed.lost.is_none(),
            lost: self.managed.lost.clone(),
            removed: self.managed.removed.clone(),
            missing,
            by_machine: self.managed.is_wished(),
            version: policy.map_or(0, |(policy, _)| policy.version),
            policy: enrolled.and_then(|enrolled| enrolled.policy.as_ref().ok().cloned()),
            exam_until: exam.as_ref().map(|exam| super::held::time_of(exam.until_s)),
            exam_clock: exam.map(|exam| self.time_of_day(exam.until_s - now_s)),
            heads: self.managed.heads.kept.map(|heads| heads.kept),
            heads_broken: self.managed.heads.kept.and_then(|heads| heads.broken).map(|broken| broken.to_string()),
            no_room: refusal(&Recipients::Everyone),
            no_server: enrolled.and_then(|enrolled| refusal(&Recipients::Peers([enrolled.server].into()))),
        }))
    }
}

fn giving(recipients: &Recipients, server: PeerId) -> Giving<'_> {
    match recipients {
        Recipients::Everyone | Recipients::Link => Giving::Room,
        Recipients::Peers(peers) if peers.iter().eq([&server]) => Giving::Server,
        Recipients::Peers(_) => Giving::People,
        Recipients::Groups(of) => Giving::Groups(&of.groups),
    }
}
