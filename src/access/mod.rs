//! Who may do what on a central server: roles, groups, the policy that an administrator fixed, and the one decision.
//!
//! Pure nouns and one function. [`decide`] takes the policy, who acts, what is to be done and the time, and answers with a
//! [`Permit`] or a [`Reason`]; nothing else decides, and what changes something takes a permit, which only [`decide`] can
//! make. [`explain`] walks the same rules and tells each of them. The policy travels as one signed, versioned document
//! ([`SignedPolicy`]), which apps of the room obey too; a [`SignedMembership`] tells them who is in which group.
//!
//! Deliberately not here: sessions and passwords (the server's), rows (the store's), and what an administrator set on the
//! machine itself (the platform's).

mod action;
mod admission;
mod decide;
mod heads;
mod membership;
mod on_device;
mod policy;
mod policy_form;
mod reason;
mod role;
#[cfg(test)]
mod tests;
mod told;

pub use action::{Action, Scope};
pub use admission::Admission;
pub use decide::{
    About, Actor, Audience, Decision, Permit, PersonFacts, ShareFacts, Step, UploadFacts, Who, decide, explain,
};
pub use heads::{Broken, Head, compare as compare_heads};
pub use membership::{GROUPS_MAX, MEMBERSHIP_BYTES_MAX, MEMBERSHIP_S, Membership, MembershipError, SignedMembership};
pub use on_device::{Given, Giving, device, may_give, may_have, next_change};
pub use policy::{EXAM_S, Exam, Guests, LinkRules, Policy, PolicyError, STEP_MAX, StudentRules, Unfit, extension_of};
pub use policy_form::SignedPolicy;
pub use reason::Reason;
pub use role::{GroupId, PersonId, Role, RoleError};
pub use told::Told;
