//! The server that this computer is enrolled with, and what it said last.

use std::sync::Arc;

use super::State;
use crate::{
    access::{GroupId, Policy, Role, SignedMembership, SignedPolicy, Unfit},
    engine::{
        command::Token,
        managed::{Checked, ServerFault, ServerFaultKind},
        task::{Keep, Task},
        trouble::TroubleKind,
    },
    share::PeerId,
    store::EnrolmentRecord,
    wire::enrolled::Stands,
};

/// The server that it is enrolled with.
pub struct Enrolled {
    pub server: PeerId,
    pub name: String,
    /// `HOST:PORT` under which it was reached.
    pub address: String,
    pub role: Role,
    /// Groups to which it may give.
    pub groups: Vec<(GroupId, String)>,
    /// Why there are none, where there are none.
    pub policy: Result<Arc<Policy>, &'static str>,
    pub membership: Option<SignedMembership>,
    /// The policy as it travels.
    pub wire: Vec<u8>,
    pub floor: u64,
    /// What stands for the token that it was enrolled by.
    pub ticket: String,
    pub enrolled_s: i64,
    /// What stands on the disk.
    pub kept: Option<EnrolmentRecord>,
    pub etag: Option<String>,
    /// It answered since the program was started.
    pub reached: bool,
}

impl Enrolled {
    pub fn of(good: Checked, record: &EnrolmentRecord) -> Enrolled {
        let Checked { server, policy, membership } = good;
        // The role is vouched for: what stands beside it in the file may have been changed.
        let role = membership.as_ref().map_or(Role::Student, |signed| signed.membership().role);
        Enrolled {
            server,
            name: crate::wire::peer::presentable(&record.name).unwrap_or_else(|| server.short()),
            address: record.address.clone(),
            role,
            groups: record.groups.iter().map(|(id, name)| (GroupId(*id), name.clone())).collect(),
            policy,
            membership,
            wire: record.policy_bytes().unwrap_or_default(),
            floor: record.floor,
            ticket: record.ticket.clone(),
            enrolled_s: record.enrolled_s,
            kept: Some(record.clone()),
            etag: None,
            reached: false,
        }
    }

    /// What is to be kept, where it is not what was.
    pub fn keep(&mut self) -> Option<Task> {
        let record = EnrolmentRecord {
            server: self.server.to_string(),
            name: self.name.clone(),
            address: self.address.clone(),
            role: self.role.name().to_owned(),
            groups: self.groups.iter().map(|(id, name)| (id.0, name.clone())).collect(),
            enrolled_s: self.enrolled_s,
            floor: self.floor,
            ticket: self.ticket.clone(),
            policy: EnrolmentRecord::encode(&self.wire),
            membership: self
                .membership
                .as_ref()
                .map_or(String::new(), |signed| EnrolmentRecord::encode(signed.to_wire())),
        };
        if self.kept.as_ref() == Some(&record) {
            return None;
        }
        self.kept = Some(record.clone());
        Some(Task::Remember(Keep::Enrolment(Some(Box::new(record)))))
    }

    /// Takes a policy, unless it is older than one that was taken, or such as no server makes.
    pub fn take(&mut self, signed: &SignedPolicy) -> Result<(), Unfit> {
        let policy = signed.policy();
        policy.fits(self.floor)?;
        self.floor = policy.version;
        self.wire = signed.to_wire().to_vec();
        self.policy = Ok(Arc::new(policy.clone()));
        Ok(())
    }

    pub fn stands(&mut self, stands: Stands) {
        (self.name, self.groups) = (stands.server, stands.groups);
        self.role = stands.membership.membership().role;
        self.membership = Some(stands.membership);
    }
}

impl State {
    pub(super) fn enrolling_failed(&mut self, token: Option<Token>, fault: &ServerFault) {
        let refused = fault.kind == ServerFaultKind::Refused;
        match token {
            Some(token) => {
                let (kind, hint) = match refused {
                    true => {
                        (TroubleKind::Refused, "Administrators make tokens under Manage → Computers on the server.")
                    }
                    false => (TroubleKind::Nobody, "Look whether the address is right and the server is on."),
                };
                self.fail(token, kind, "This computer could not be enrolled", &fault.what, hint);
            }
            None => {
                if refused {
                    self.managed.refused = Some(fault.what.clone());
                    let (what, hint) = match &self.managed.enrolled {
                        Some(_) => (
                            "This computer could not be enrolled anew",
                            "The rules that it has go on holding. Tell whoever manages this computer: its token is not good.",
                        ),
                        None => (
                            "This computer could not be enrolled",
                            "Nothing is given or fetched until it is. Tell whoever manages this computer.",
                        ),
                    };
                    let trouble = self.trouble(TroubleKind::Refused, what, &fault.what, hint);
                    self.add_trouble(trouble);
                }
                self.managed.later(self.clock.now);
                let since = self.managed.lost.take().map_or(self.clock.wall, |(_, since)| since);
                self.managed.lost = Some((fault.what.clone(), since));
                self.rules_changed();
            }
        }
    }

    /// Rules were not taken: says why, which ones hold, and what leads on.
    pub(super) fn not_taken(&mut self, name: &str, unfit: Unfit) {
        let anew = match self.managed.is_wished() {
            true => "an administrator puts a new token into this computer's enrol.toml and starts Handout anew",
            false => "`handout leave`, then `handout enrol` with a new token",
        };
        let (what, hint) = match unfit {
            Unfit::Older { floor, .. } => (
                format!("{name} has older rules than this computer was given"),
                format!(
                    "The newer ones go on holding until its policy has come to version {} (each change counts one on), or \
                     this computer is enrolled anew: {anew}.",
                    floor.saturating_add(1)
                ),
            ),
            Unfit::Leap { .. } | Unfit::Exam => (
                format!("{name} gave rules such as no server makes"),
                format!(
                    "They are not taken, and those from before go on holding. Tell whoever runs the server: somebody else \
                     may use its key. If they are right, this computer must be enrolled anew: {anew}."
                ),
            ),
        };
        let trouble = self.trouble(TroubleKind::BadPeer, &what, &unfit.to_string(), &hint);
        self.add_trouble(trouble);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::identity::Identity;

    #[test]
    fn an_older_policy_is_not_taken_though_it_is_signed_and_a_newer_one_is() {
        let server = Identity::ephemeral().unwrap();
        let signed = |version| {
            let policy = Policy { version, ..Policy::default() };
            SignedPolicy::sign(&policy, server.public_key(), |message| server.sign(message)).unwrap()
        };
        let record = EnrolmentRecord { server: server.id().to_string(), ..EnrolmentRecord::default() };
        let mut enrolled = Enrolled::of(crate::engine::managed::checked(&record).unwrap(), &record);
        assert!(enrolled.policy.is_err());
        let mut version_after = |version| {
            let _ = enrolled.take(&signed(version));
            enrolled.policy.as_ref().unwrap().version
        };
        assert_eq!([5, 4, 1, 5, 6].map(&mut version_after), [5, 5, 5, 5, 6]);
        assert_eq!(enrolled.floor, 6);
        assert!(enrolled.keep().is_some() && enrolled.keep().is_none(), "written once");
    }
}
