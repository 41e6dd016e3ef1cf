//! The one decision: a list of rules, gone through in order; the first that says no is the answer.

use std::{collections::BTreeSet, fmt};

use super::{Action, Exam, GroupId, Guests, PersonId, Policy, Reason, Role, Scope, policy::endings_of};
use crate::share::{PeerId, Root, ShareId};

/// Who acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    pub who: Who,
    pub role: Role,
    pub groups: BTreeSet<GroupId>,
    /// What the key or session may be used for.
    pub scopes: BTreeSet<Scope>,
    /// Whether a one-time code was given, or none is needed (a device's key).
    pub second_factor: bool,
    /// Whether it is a program with a key of a person's.
    pub by_key: bool,
    /// Groups of the computer that the caller uses. Their exams hold there for everybody, signed in or not.
    pub at_computer_of: BTreeSet<GroupId>,
}

/// By what somebody is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    Nobody,
    Person(PersonId),
    /// A computer of the room that proved its key.
    Device(PeerId),
    /// Somebody at the server's own command line, who can read its files anyway.
    Console,
}

/// What an action is about, as far as rules ask.
#[derive(Clone, Copy, Debug)]
pub enum About<'a> {
    Nothing,
    Share(&'a ShareFacts),
    Upload(&'a UploadFacts<'a>),
    Person(&'a PersonFacts),
}

/// What is known of a share that somebody wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShareFacts {
    pub id: ShareId,
    pub owner: Option<PersonId>,
    /// What the owner is. `None`: nobody with an account, so a computer of the room or a server above.
    pub owner_role: Option<Role>,
    pub audience: Audience,
    pub quarantined: bool,
    /// The content of the file that is wanted, where it is one.
    pub content: Option<Root>,
    /// Whether the caller came with a link to it that is valid.
    pub by_link: bool,
}

impl ShareFacts {
    /// A share of which only the id is known. It is for everyone, or it would not have been told of.
    pub fn of_room(id: ShareId) -> ShareFacts {
        ShareFacts {
            id,
            owner: None,
            owner_role: None,
            audience: Audience::Room,
            quarantined: false,
            content: None,
            by_link: false,
        }
    }
}

/// For whom a share on the server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Everyone in the room.
    Room,
    Groups(BTreeSet<GroupId>),
    /// Its owner, and whoever has a link.
    Owner,
}

impl std::fmt::Display for Audience {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Audience::Room => f.write_str("everyone in the room"),
            Audience::Groups(groups) => {
                let numbers: Vec<String> = groups.iter().map(|group| group.0.to_string()).collect();
                write!(f, "groups {}", numbers.join(", "))
            }
            Audience::Owner => f.write_str("its owner"),
        }
    }
}

/// What somebody wants to upload. `names`: of the files.
#[derive(Clone, Copy, Debug)]
pub struct UploadFacts<'a> {
    pub names: &'a [&'a str],
    pub largest_bytes: u64,
    pub size_bytes: u64,
    pub files: u32,
    /// What the uploader has on the server already.
    pub used_bytes: u64,
    pub used_files: u32,
}

/// A person whom somebody wants to change. `new_role`: the role after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PersonFacts {
    pub id: PersonId,
    pub role: Role,
    pub new_role: Role,
}

/// The answer.
#[derive(Debug, PartialEq, Eq)]
pub enum Decision {
    Allow(Permit),
    Deny(Reason),
}

/// The right to do one thing once. Only [`decide`] makes it.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a permit that is not used means that something was checked and not done"]
pub struct Permit {
    who: Who,
    action: Action,
    policy_version: u64,
    /// Whether only the caller's rank opened the share, which the log tells.
    as_judge: bool,
}

/// One rule as it went, for [`explain`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What the rule asks.
    pub rule: &'static str,
    /// Why it says no; `None` where it says yes.
    pub refused: Option<Reason>,
}

/// May this be done? `now_s`: seconds since 1970.
pub fn decide(policy: &Policy, actor: &Actor, action: Action, about: About<'_>, now_s: i64) -> Decision {
    let case = Case { policy, actor, action, about, now_s };
    match RULES.iter().find_map(|(_, rule)| rule(&case).err()) {
        Some(reason) => Decision::Deny(reason),
        None => {
            let as_judge = matches!(about, About::Share(share)
                if !is_meant_for(share, actor) && !is_handed_out(share, &case));
            Decision::Allow(Permit { who: actor.who, action, policy_version: policy.version, as_judge })
        }
    }
}

/// The same rules, told one by one up to the first that says no.
pub fn explain(policy: &Policy, actor: &Actor, action: Action, about: About<'_>, now_s: i64) -> Vec<Step> {
    let case = Case { policy, actor, action, about, now_s };
    let mut steps = vec![];
    for (rule, check) in RULES {
        let refused = check(&case).err();
        let ends = refused.is_some();
        steps.push(Step { rule, refused });
        if ends {
            break;
        }
    }
    steps
}

struct Case<'a> {
    policy: &'a Policy,
    actor: &'a Actor,
    action: Action,
    about: About<'a>,
    now_s: i64,
}

type Rule = fn(&Case<'_>) -> Result<(), Reason>;

const RULES: &[(&str, Rule)] = &[
    ("the key or session is made for this kind of thing", scope),
    ("it is not a key that changes the account it belongs to", own_account),
    ("a one-time code was given where the policy asks for one", second_factor),
    ("the role is high enough", role),
    ("no exam forbids it", exam),
    ("guests may do it", guests),
    ("students may do it", students),
    ("the share is for this person", share),
    ("the content is not forbidden", content),
    ("the upload is within the limits", upload),
    ("the other person is below in rank", rank),
];

fn scope(case: &Case<'_>) -> Result<(), Reason> {
    let needed = case.action.scope();
    if case.actor.scopes.contains(&needed) { Ok(()) } else { Err(Reason::Scope { needed }) }
}

/// A key that somebody else got hold of must not outlive what its owner does against it.
fn own_account(case: &Case<'_>) -> Result<(), Reason> {
    let of_account = matches!(case.action, Action::ChangeOwnAccount | Action::MakeKey);
    if case.actor.by_key && of_account { Err(Reason::NotByKey) } else { Ok(()) }
}

fn second_factor(case: &Case<'_>) -> Result<(), Reason> {
    let asked = case.policy.second_factor_from.is_some_and(|from| case.actor.role >= from);
    // One's own account stays open, or nobody could set the code up.
    let own = case.action == Action::ChangeOwnAccount;
    if asked && !case.actor.second_factor && !own { Err(Reason::SecondFactor) } else { Ok(()) }
}

fn role(case: &Case<'_>) -> Result<(), Reason> {
    let least = case.action.least_role();
    match case.actor.role {
        role if role >= least => Ok(()),
        Role::Guest => Err(Reason::SignIn),
        _ => Err(Reason::Role { least }),
    }
}

fn exam(case: &Case<'_>) -> Result<(), Reason> {
    if case.actor.role > Role::Student {
        return Ok(());
    }
    let Some(exam) = case.actor.exam(case.policy, case.now_s) else { return Ok(()) };
    let allowed = match (case.action, case.about) {
        // What is found is decided on one by one.
        (Action::Search, _) => true,
        (Action::SeeShare | Action::Download, About::Share(share)) => exam.handouts.contains(&share.id),
        (Action::Upload, _) => exam.hand_in,
        (Action::SeePolicy | Action::ChangeOwnAccount, _) => true,
        _ => false,
    };
    if allowed { Ok(()) } else { Err(Reason::Exam { until_s: exam.until_s }) }
}

fn guests(case: &Case<'_>) -> Result<(), Reason> {
    if case.actor.role != Role::Guest {
        return Ok(());
    }
    let by_link = matches!(case.about, About::Share(share) if share.by_link);
    let allowed = match case.action {
        Action::Search => case.policy.guests >= Guests::Look,
        Action::SeeShare => by_link || case.policy.guests >= Guests::Look,
        Action::Download => by_link || case.policy.guests >= Guests::Download,
        _ => true,
    };
    if allowed { Ok(()) } else { Err(Reason::Guests) }
}

fn students(case: &Case<'_>) -> Result<(), Reason> {
    if case.actor.role != Role::Student {
        return Ok(());
    }
    let rules = &case.policy.students;
    let (allowed, what) = match case.action {
        Action::Upload => (rules.upload, "upload files"),
        Action::ShareWithRoom => (rules.share_with_room, "give files to the whole room"),
        Action::MakeLink => (rules.make_links, "make links for people outside"),
        _ => (true, ""),
    };
    if allowed { Ok(()) } else { Err(Reason::StudentsMayNot { what }) }
}

fn share(case: &Case<'_>) -> Result<(), Reason> {
    let About::Share(share) = case.about else { return Ok(()) };
    let judges = judges(share, case.actor);
    match case.action {
        Action::SeeShare | Action::Download => {
            if share.quarantined && !judges {
                return Err(Reason::Quarantined);
            }
            if is_meant_for(share, case.actor) || judges || is_handed_out(share, case) {
                Ok(())
            } else {
                Err(Reason::NotForYou)
            }
        }
        _ if owns(share, case.actor) || judges => Ok(()),
        _ if is_meant_for(share, case.actor) && !share.quarantined => Err(Reason::NotYours),
        // That there is such a share is not theirs to know either.
        _ => Err(Reason::NotForYou),
    }
}

/// What an exam hands out is for those who sit it, whomever it was for before.
fn is_handed_out(share: &ShareFacts, case: &Case<'_>) -> bool {
    // The computer they sit at closes, and opens nothing.
    let exam = case.policy.exam_of(&case.actor.groups, case.now_s).filter(|_| case.actor.role == Role::Student);
    exam.is_some_and(|exam| exam.handouts.contains(&share.id))
}

fn owns(share: &ShareFacts, actor: &Actor) -> bool {
    share.owner.is_some_and(|owner| actor.who == Who::Person(owner))
}

fn is_meant_for(share: &ShareFacts, actor: &Actor) -> bool {
    let meant = match &share.audience {
        Audience::Room => true,
        Audience::Groups(groups) => !groups.is_disjoint(&actor.groups),
        Audience::Owner => false,
    };
    meant || share.by_link || owns(share, actor)
}

/// Whether somebody may look into, change and remove a share of another: people whose rank is above its owner's. A
/// computer never may: no password is given at it.
fn judges(share: &ShareFacts, actor: &Actor) -> bool {
    match actor.who {
        Who::Console => true,
        Who::Person(_) => actor.judges(share.owner_role.unwrap_or(Role::Student)),
        Who::Device(_) | Who::Nobody => false,
    }
}

fn content(case: &Case<'_>) -> Result<(), Reason> {
    let About::Share(share) = case.about else { return Ok(()) };
    let blocked = share.content.and_then(|content| case.policy.blocked.get(&content));
    match blocked {
        Some(note) if case.action == Action::Download => Err(Reason::Blocked { note: note.clone() }),
        _ => Ok(()),
    }
}

fn upload(case: &Case<'_>) -> Result<(), Reason> {
    let About::Upload(upload) = case.about else { return Ok(()) };
    if case.actor.role > Role::Student {
        return Ok(());
    }
    let rules = &case.policy.students;
    let refused = upload.names.iter().flat_map(|name| endings_of(name)).find(|kind| rules.refused_types.contains(kind));
    if let Some(kind) = refused {
        return Err(Reason::Type { kind });
    }
    if let Some(limit_bytes) = rules.file_bytes_max.filter(|limit| upload.largest_bytes > *limit) {
        return Err(Reason::TooLarge { limit_bytes });
    }
    let total = upload.used_bytes.saturating_add(upload.size_bytes);
    if let Some(limit_bytes) = rules.quota_bytes.filter(|limit| total > *limit) {
        return Err(Reason::QuotaBytes { limit_bytes });
    }
    let files = upload.used_files.saturating_add(upload.files);
    match rules.quota_files.filter(|limit| files > *limit) {
        Some(limit) => Err(Reason::QuotaFiles { limit }),
        None => Ok(()),
    }
}

/// Teachers see to students, administrators to everybody but owners, and nobody gives a rank that is above their own.
fn rank(case: &Case<'_>) -> Result<(), Reason> {
    let About::Person(person) = case.about else { return Ok(()) };
    let highest = match case.actor.role {
        Role::Owner => Role::Owner,
        Role::Admin => Role::Admin,
        _ => Role::Student,
    };
    let role = person.role.max(person.new_role);
    if role <= highest { Ok(()) } else { Err(Reason::Rank { role }) }
}

impl Actor {
    /// Somebody who did not sign in.
    pub fn guest() -> Actor {
        Actor::of(Who::Nobody, Role::Guest, BTreeSet::new())
    }

    /// Somebody with everything that the role gives.
    pub fn of(who: Who, role: Role, groups: BTreeSet<GroupId>) -> Actor {
        Actor {
            who,
            role,
            groups,
            scopes: Scope::ALL.into_iter().collect(),
            second_factor: true,
            by_key: false,
            at_computer_of: BTreeSet::new(),
        }
    }

    pub fn console() -> Actor {
        Actor::of(Who::Console, Role::Owner, BTreeSet::new())
    }

    /// The exam that holds for it at this time.
    pub fn exam(&self, policy: &Policy, now_s: i64) -> Option<Exam> {
        if self.role > Role::Student || policy.exams.is_empty() {
            return None;
        }
        policy.exam_of(&self.groups.union(&self.at_computer_of).copied().collect(), now_s)
    }

    /// Whether this person judges shares of somebody with a role.
    pub fn judges(&self, owner: Role) -> bool {
        self.role >= Role::Teacher && owner < self.role
    }

    pub fn person(&self) -> Option<PersonId> {
        match self.who {
            Who::Person(person) => Some(person),
            _ => None,
        }
    }
}

impl Permit {
    pub fn who(&self) -> Who {
        self.who
    }

    pub fn action(&self) -> Action {
        self.action
    }

    pub fn policy_version(&self) -> u64 {
        self.policy_version
    }

    /// Whether only the caller's rank opened the share: it is meant for others.
    pub fn is_of_judge(&self) -> bool {
        self.as_judge
    }
}

impl fmt::Display for Who {
    /// As it stands in the audit log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Who::Nobody => f.write_str("guest"),
            Who::Person(person) => write!(f, "person:{person}"),
            Who::Device(peer) => write!(f, "device:{peer}"),
            Who::Console => f.write_str("console"),
        }
    }
}
