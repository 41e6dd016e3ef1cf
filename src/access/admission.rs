//! Which computers a server gives pieces to: the rules of its pages, held against keys instead of people.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{About, Action, Actor, Audience, Decision, Guests, Policy, ShareFacts, decide, on_device::not_blocked};
use crate::share::{Manifest, PeerId};

/// The rules, and those to whom more is given than to a guest; as a whole, at one time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admission {
    policy: Arc<Policy>,
    /// The enrolled computers, with what their people are.
    computers: BTreeMap<PeerId, Actor>,
    /// Servers below, which decide themselves about those who ask them.
    servers: BTreeSet<PeerId>,
    /// How many exams were going on when this was made, so that the end of each makes another value.
    exams: usize,
}

impl Admission {
    /// `now_s`: seconds since 1970.
    pub fn new(
        policy: Arc<Policy>,
        computers: BTreeMap<PeerId, Actor>,
        servers: BTreeSet<PeerId>,
        now_s: i64,
    ) -> Admission {
        let exams = Admission::exams_on(&policy, now_s);
        Admission { policy, computers, servers, exams }
    }

    /// May this computer have the share's list of files and its pieces? A guest who may only look has no use for a list in
    /// a swarm, so it takes the right to download.
    pub fn may_fetch(&self, caller: PeerId, share: &ShareFacts, now_s: i64) -> bool {
        if self.servers.contains(&caller) {
            // What is for groups stays where people are known.
            return share.audience == Audience::Room && !share.quarantined;
        }
        let guest = Actor::guest();
        let actor = self.computers.get(&caller).unwrap_or(&guest);
        matches!(decide(&self.policy, actor, Action::Download, About::Share(share), now_s), Decision::Allow(_))
    }

    /// May this computer learn who else is around?
    pub fn may_look_around(&self, caller: PeerId) -> bool {
        self.servers.contains(&caller) || self.computers.contains_key(&caller) || self.policy.guests >= Guests::Look
    }

    /// Whether something of it is forbidden for everybody.
    pub fn forbids(&self, manifest: &Manifest) -> bool {
        not_blocked(&self.policy, manifest).is_err()
    }

    /// An enrolled computer, and what its people are.
    pub fn computer(&self, peer: PeerId) -> Option<&Actor> {
        self.computers.get(&peer)
    }

    /// Whether nothing of it would be another at this time.
    pub fn still_holds(&self, policy: &Policy, now_s: i64) -> bool {
        self.policy.version == policy.version && self.exams == Admission::exams_on(policy, now_s)
    }

    fn exams_on(policy: &Policy, now_s: i64) -> usize {
        policy.exams_on(now_s).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        access::{Exam, GroupId, Role, device},
        share::ShareId,
    };

    const NOW_S: i64 = 1_700_000_000;
    const STRANGER: PeerId = PeerId([9; 32]);
    const PUPIL: PeerId = PeerId([1; 32]);
    const TEACHER: PeerId = PeerId([2; 32]);
    const BELOW: PeerId = PeerId([3; 32]);

    fn facts(audience: Audience) -> ShareFacts {
        let id = ShareId([7; 32]);
        ShareFacts { id, owner: None, owner_role: None, audience, quarantined: false, content: None, by_link: false }
    }

    fn admission(change: impl FnOnce(&mut Policy)) -> Admission {
        let mut policy = Policy::default();
        change(&mut policy);
        let pupil = device(PUPIL, Role::Student, [GroupId(7)].into());
        let computers = [(PUPIL, pupil), (TEACHER, device(TEACHER, Role::Teacher, BTreeSet::new()))];
        Admission::new(Arc::new(policy), computers.into(), [BELOW].into(), NOW_S)
    }

    fn who_may(admission: &Admission, share: &ShareFacts) -> [bool; 4] {
        [STRANGER, PUPIL, TEACHER, BELOW].map(|caller| admission.may_fetch(caller, share, NOW_S))
    }

    #[test]
    fn strangers_get_what_guests_may_download_and_computers_of_the_room_what_their_people_may() {
        let room = facts(Audience::Room);
        assert_eq!(who_may(&admission(|_| {}), &room), [false, true, true, true]);
        assert_eq!(who_may(&admission(|policy| policy.guests = Guests::Look), &room), [false, true, true, true]);
        let open = admission(|policy| policy.guests = Guests::Download);
        assert_eq!(who_may(&open, &room), [true; 4]);
        let own = facts(Audience::Groups([GroupId(7)].into()));
        assert_eq!(who_may(&open, &own), [false, true, false, false]);
        let other = facts(Audience::Groups([GroupId(8)].into()));
        // Nobody gives a password at a teacher's computer, so it gets no more than its own groups.
        assert_eq!(who_may(&open, &other), [false; 4]);
        let linked = ShareFacts { by_link: true, ..facts(Audience::Room) };
        assert_eq!(who_may(&admission(|_| {}), &linked), [true; 4]);
    }

    #[test]
    fn an_exam_closes_what_was_not_handed_out_for_strangers_too_until_it_ends() {
        let exam = |handouts: BTreeSet<ShareId>| {
            admission(|policy| {
                policy.guests = Guests::Download;
                let groups = BTreeSet::new();
                policy.exams = [Exam { until_s: NOW_S + 60, groups, handouts, hand_in: false }].into();
            })
        };
        let room = facts(Audience::Room);
        assert_eq!(who_may(&exam(BTreeSet::new()), &room), [false, false, true, true]);
        assert_eq!(who_may(&exam([room.id].into()), &room), [true; 4]);
        let closed = exam(BTreeSet::new());
        assert!(closed.may_fetch(PUPIL, &room, NOW_S + 60));
        let policy = closed.policy.clone();
        assert!(closed.still_holds(&policy, NOW_S + 59) && !closed.still_holds(&policy, NOW_S + 60));
    }
}
