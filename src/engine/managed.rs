//! The server that manages this computer, as values: what an administrator wished, what was kept, what the server answers.

use std::{net::SocketAddr, sync::Arc};

use crate::{
    access::{Actor, Broken, Policy, Role, SignedMembership, SignedPolicy, device},
    share::PeerId,
    store::EnrolmentRecord,
    wire::enrolled::Stands,
};

/// A token and where it is good, as an administrator gave it or left it in a file of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// `HOST:PORT`.
    pub address: String,
    pub token: String,
    /// How the server's id begins, where it is known beforehand; empty: any that answers there.
    pub id: String,
}

/// What is known when the engine starts.
#[derive(Clone, Debug, Default)]
pub struct Management {
    /// From the file of this machine: nobody who only uses it can do without.
    pub wished: Option<Ticket>,
    pub kept: Kept,
}

/// What was kept from the last time.
#[derive(Clone, Debug, Default)]
pub enum Kept {
    #[default]
    Nothing,
    Damaged,
    Record(Box<EnrolmentRecord>),
}

/// A server's first answer.
#[derive(Debug)]
pub struct Welcome {
    pub server: PeerId,
    pub at: SocketAddr,
    pub stands: Stands,
    pub policy: SignedPolicy,
}

/// A server's answer to "where do I stand".
#[derive(Debug)]
pub enum StandingAnswer {
    Unchanged,
    New {
        etag: Option<String>,
        at: SocketAddr,
        stands: Box<Stands>,
        /// Where there is a newer one.
        policy: Option<Box<SignedPolicy>>,
    },
}

/// What came of asking a server where its audit log stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadsKept {
    /// Heads that are kept now.
    pub kept: usize,
    /// How the log does not continue what was kept.
    pub broken: Option<Broken>,
}

/// A server did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerFault {
    pub kind: ServerFaultKind,
    /// A sentence: what happened.
    pub what: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerFaultKind {
    /// It does not answer; it may later.
    Unreachable,
    /// It says no, and will say no again.
    Refused,
    /// What it says can't be used.
    Misbehaved,
}

impl Ticket {
    /// Takes the server's id off a token that has it with it: `TOKEN@ID`.
    pub fn new(address: &str, token: &str) -> Ticket {
        let (token, id) = token.trim().split_once('@').unwrap_or((token.trim(), ""));
        Ticket { address: address.trim().to_owned(), token: token.to_owned(), id: id.to_lowercase() }
    }

    /// Stands for the token where it is written down: it can be compared and not be used.
    pub fn mark(&self) -> String {
        let key = blake3::derive_key("handout enrolment ticket v1", self.token.as_bytes());
        data_encoding::HEXLOWER.encode(&key[..8])
    }

    /// Whether it is meant for this server.
    pub fn is_for(&self, server: PeerId) -> bool {
        server.to_string().starts_with(&self.id)
    }
}

impl Kept {
    /// What a home has.
    pub fn of(home: &std::path::Path) -> Kept {
        match crate::store::read_enrolment(home) {
            Ok(None) => Kept::Nothing,
            Ok(Some(record)) => Kept::Record(Box::new(record)),
            Err(error) => {
                tracing::warn!(%error, "what was kept of the server that manages this computer can't be read");
                Kept::Damaged
            }
        }
    }
}

/// Rules that were kept and are still good.
#[derive(Clone, Debug)]
pub struct Known {
    /// The server's name.
    pub name: String,
    /// Whose rules they are.
    pub by: String,
    pub policy: Arc<Policy>,
    pub device: Actor,
}

impl Management {
    /// The rules that were kept, where they are good.
    pub fn told(&self) -> Option<Known> {
        let Kept::Record(record) = &self.kept else { return None };
        let Checked { server, policy, membership } = self.right(checked(record)?, record)?;
        let policy = policy.ok()?;
        let (role, groups) = membership.map_or_else(
            || (Role::Student, Default::default()),
            |signed| {
                let membership = signed.membership();
                (membership.role, membership.groups.clone())
            },
        );
        let name = crate::wire::peer::presentable(&record.name).unwrap_or_else(|| server.short());
        let by = by_of(&policy, &name);
        // Groups and role are those of people; the key that proves them is not looked at here.
        Some(Known { by, name, policy, device: device(server, role, groups) })
    }

    /// What is wrong with what was kept, or missing.
    pub fn error(&self) -> Option<String> {
        let why = match &self.kept {
            Kept::Record(record) => match checked(record).and_then(|checked| self.right(checked, record)) {
                None if self.wished.is_none() => "what was kept of the server can't be read".to_owned(),
                None => "this computer is not enrolled there yet".to_owned(),
                Some(checked) => checked.policy.err()?.to_owned(),
            },
            Kept::Nothing if self.wished.is_none() => return None,
            Kept::Nothing => "this computer is not enrolled there yet".to_owned(),
            Kept::Damaged if self.wished.is_none() => {
                return Some("what was kept of the server that managed this computer can't be read".to_owned());
            }
            Kept::Damaged => "what was kept of it can't be read".to_owned(),
        };
        let server = self.wished.as_ref().map_or("the server", |wished| wished.address.as_str());
        Some(format!(
            "There are no rules of {server} to go by: {why}. Nothing is given or fetched until they are here."
        ))
    }

    /// A record that somebody put there for another server does not free from the one that was wished.
    pub(super) fn right(&self, checked: Checked, record: &EnrolmentRecord) -> Option<Checked> {
        let right = |wished: &Ticket| wished.is_for(checked.server) && wished.address == record.address;
        self.wished.as_ref().is_none_or(right).then_some(checked)
    }
}

/// Whose rules they are, where the policy says no more than "this server".
pub(super) fn by_of(policy: &Policy, server: &str) -> String {
    if policy.managed_by == Policy::default().managed_by { server.to_owned() } else { policy.managed_by.clone() }
}

/// A record's parts that are still good: each is checked as a stranger's.
pub(super) struct Checked {
    pub server: PeerId,
    /// `Err`: why there are no rules to go by.
    pub policy: Result<Arc<Policy>, &'static str>,
    pub membership: Option<SignedMembership>,
}

/// Checks what was kept. An older policy than was taken once counts as none.
pub(super) fn checked(record: &EnrolmentRecord) -> Option<Checked> {
    let server: PeerId = record.server.parse().ok()?;
    let policy = record.policy_bytes().and_then(|wire| SignedPolicy::parse_of(&wire, server).ok());
    let policy = match policy {
        None => Err("the rules on its disk were changed"),
        Some(signed) if signed.policy().version < record.floor => Err("the rules on its disk are older than they were"),
        Some(signed) => Ok(Arc::new(signed.policy().clone())),
    };
    let membership = record.membership_bytes().and_then(|wire| SignedMembership::parse(&wire, server).ok());
    Some(Checked { server, policy, membership })
}
