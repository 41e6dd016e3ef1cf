//! Roles times actions as one table, and each rule of the policy alone.

use std::collections::BTreeSet;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use proptest::prelude::*;

use super::*;
use crate::share::{PublicKey, Root, ShareId, Signature};

const NOW: i64 = 1_800_000_000;
const ME: PersonId = PersonId(7);
const CLASS: GroupId = GroupId(1);

/// What each role may do with nothing in particular, under the policy that holds when nobody changed it.
#[test]
fn every_role_and_every_action_stand_in_one_table() {
    //                                G  S  T  A  O
    let table: &[(&str, [bool; 5])] = &[
        ("share.search", [false, true, true, true, true]),
        ("share.see", [false, true, true, true, true]),
        ("share.download", [false, true, true, true, true]),
        ("share.upload", [false, true, true, true, true]),
        ("share.room", [false, true, true, true, true]),
        ("share.change", [false, true, true, true, true]),
        ("share.remove", [false, true, true, true, true]),
        ("link.make", [false, false, true, true, true]),
        ("link.remove", [false, true, true, true, true]),
        ("share.quarantine", [false, false, true, true, true]),
        ("content.block", [false, false, false, true, true]),
        ("account.change", [false, true, true, true, true]),
        ("key.make", [false, true, true, true, true]),
        ("people.see", [false, false, true, true, true]),
        ("people.add", [false, false, true, true, true]),
        ("people.change", [false, false, true, true, true]),
        ("people.remove", [false, false, false, true, true]),
        ("groups.change", [false, false, true, true, true]),
        ("devices.see", [false, false, true, true, true]),
        ("devices.enrol", [false, false, false, true, true]),
        ("devices.remove", [false, false, false, true, true]),
        ("policy.see", [true, true, true, true, true]),
        ("policy.change", [false, false, false, true, true]),
        ("policy.exam", [false, false, true, true, true]),
        ("policy.explain", [false, false, true, true, true]),
        ("audit.see", [false, false, false, true, true]),
        ("storage.see", [false, false, true, true, true]),
        ("storage.change", [false, false, false, true, true]),
        ("upstreams.see", [false, false, true, true, true]),
        ("upstreams.change", [false, false, false, true, true]),
        ("settings.see", [false, false, false, true, true]),
        ("settings.change", [false, false, false, true, true]),
        ("server.backup", [false, false, false, false, true]),
    ];

    let found: Vec<(&str, [bool; 5])> = Action::ALL
        .iter()
        .map(|action| {
            (action.name(), Role::ALL.map(|role| allowed(&Policy::default(), &somebody(role), *action, About::Nothing)))
        })
        .collect();

    assert_eq!(found, table);
}

#[test]
fn a_share_is_for_its_owner_its_groups_and_those_who_judge() {
    let policy = Policy::default();
    let sees = |role, groups: &[GroupId], share: &ShareFacts| {
        let actor = Actor { groups: groups.iter().copied().collect(), ..somebody(role) };
        [Action::SeeShare, Action::Download].map(|action| allowed(&policy, &actor, action, About::Share(share)))
    };
    let for_class = share(Some(PersonId(99)), Audience::Groups([CLASS].into()));

    assert_eq!(sees(Role::Student, &[CLASS], &for_class), [true; 2]);
    assert_eq!(sees(Role::Student, &[GroupId(2)], &for_class), [false; 2]);
    assert_eq!(sees(Role::Teacher, &[], &for_class), [true; 2]);
    assert_eq!(sees(Role::Student, &[], &share(Some(ME), Audience::Owner)), [true; 2]);
    assert_eq!(sees(Role::Student, &[], &share(Some(PersonId(99)), Audience::Owner)), [false; 2]);
    assert_eq!(sees(Role::Guest, &[], &ShareFacts { by_link: true, ..for_class.clone() }), [true; 2]);
    assert_eq!(sees(Role::Guest, &[], &share(None, Audience::Room)), [false; 2]);
    let hidden = ShareFacts { quarantined: true, by_link: true, ..share(Some(ME), Audience::Room) };
    assert_eq!(sees(Role::Student, &[], &hidden), [false; 2], "not even with a link, nor by its owner");
    assert_eq!(sees(Role::Teacher, &[], &hidden), [true; 2]);
}

#[test]
fn students_change_what_is_theirs_and_nothing_else() {
    let policy = Policy::default();
    for action in [Action::ChangeShare, Action::RemoveShare, Action::RemoveLink] {
        let mine = share(Some(ME), Audience::Room);
        let others = share(Some(PersonId(99)), Audience::Room);
        assert!(allowed(&policy, &somebody(Role::Student), action, About::Share(&mine)));
        assert_eq!(refused(&policy, &somebody(Role::Student), action, About::Share(&others)), Reason::NotYours);
        assert!(allowed(&policy, &somebody(Role::Teacher), action, About::Share(&others)));
    }
}

#[test]
fn uploads_of_students_are_held_to_types_sizes_and_quotas() {
    let mut policy = Policy::default();
    policy.students.file_bytes_max = Some(100);
    policy.students.quota_bytes = Some(1_000);
    policy.students.quota_files = Some(10);
    let check = |names: &[&str], largest_bytes, used_bytes, used_files| {
        let upload = UploadFacts { names, largest_bytes, size_bytes: largest_bytes, files: 1, used_bytes, used_files };
        let about = About::Upload(&upload);
        assert!(allowed(&policy, &somebody(Role::Teacher), Action::Upload, about), "teachers are free");
        match decide(&policy, &somebody(Role::Student), Action::Upload, about, NOW) {
            Decision::Allow(_) => "allowed",
            Decision::Deny(reason) => reason.code(),
        }
    };

    assert_eq!(check(&["a.pdf"], 100, 900, 9), "allowed");
    assert_eq!(check(&["a.pdf"], 101, 0, 0), "too-large");
    assert_eq!(check(&["a.pdf"], 100, 901, 0), "quota-bytes");
    assert_eq!(check(&["a.pdf"], 100, u64::MAX, 0), "quota-bytes");
    assert_eq!(check(&["a.pdf"], 100, 0, 10), "quota-files");
    for name in ["virus.exe", "VIRUS.EXE", "photo.jpg.exe", "a.exe.", "a.exe . .", "evil.exe::$DATA", "a.exe:b.txt"] {
        assert_eq!(check(&["fine.txt", name], 1, 0, 0), "type", "{name}");
    }
    for name in ["exe", "exe.txt", ".exe.d"] {
        assert_eq!(check(&[name], 1, 0, 0), "allowed", "{name}");
    }
}

#[test]
fn an_exam_closes_everything_but_what_was_handed_out_and_ends_by_itself() {
    let paper = ShareFacts { id: ShareId([5; 32]), ..share(None, Audience::Room) };
    let exam = Exam { until_s: NOW + 60, groups: [CLASS].into(), handouts: [paper.id].into(), hand_in: true };
    let policy = Policy { exams: [exam].into(), ..Policy::default() };
    let sits = Actor { groups: [CLASS].into(), ..somebody(Role::Student) };
    let other = Actor { groups: [GroupId(2)].into(), ..somebody(Role::Student) };
    let lesson = share(None, Audience::Room);

    assert!(allowed(&policy, &sits, Action::Download, About::Share(&paper)));
    assert!(allowed(&policy, &sits, Action::Upload, About::Nothing));
    for (action, about) in [
        (Action::SeeShare, About::Share(&lesson)),
        (Action::Download, About::Share(&lesson)),
        (Action::ShareWithRoom, About::Nothing),
        (Action::MakeLink, About::Share(&paper)),
    ] {
        assert_eq!(refused(&policy, &sits, action, about), Reason::Exam { until_s: NOW + 60 });
    }
    assert!(allowed(&policy, &other, Action::Search, About::Nothing));
    assert!(allowed(&policy, &somebody(Role::Teacher), Action::Search, About::Nothing));
    assert!(matches!(decide(&policy, &sits, Action::Search, About::Nothing, NOW + 60), Decision::Allow(_)));
}

#[test]
fn each_class_sits_its_own_exam_and_a_place_closes_and_opens_nothing() {
    const OTHER: GroupId = GroupId(2);
    let facts = |id: u8, audience| ShareFacts { id: ShareId([id; 32]), ..share(None, audience) };
    let (maths, physics, lesson) = (facts(5, Audience::Owner), facts(6, Audience::Room), share(None, Audience::Room));
    let exam = |until_s, group, handout: &ShareFacts| {
        let (groups, handouts) = ([group].into(), [handout.id].into());
        Exam { until_s, groups, handouts, hand_in: group == CLASS }
    };
    let mut policy = Policy::default();
    policy.begin_exam(exam(NOW + 60, CLASS, &maths), NOW);
    policy.begin_exam(exam(NOW + 120, OTHER, &physics), NOW);
    let at = |role, groups: &[GroupId], place: &[GroupId]| Actor {
        groups: groups.iter().copied().collect(),
        at_computer_of: place.iter().copied().collect(),
        ..somebody(role)
    };
    let pupil = |groups: &[GroupId], place: &[GroupId]| at(Role::Student, groups, place);
    // Whether they get the paper of maths, that of physics, and a lesson, and whether they hand in.
    let table = [
        ("one class", pupil(&[CLASS], &[]), [true, false, false, true]),
        ("the other", pupil(&[OTHER], &[]), [false, true, false, false]),
        ("in both", pupil(&[CLASS, OTHER], &[]), [true, true, false, true]),
        ("in none", pupil(&[GroupId(3)], &[]), [false, true, true, true]),
        ("in none, at a computer of one class", pupil(&[GroupId(3)], &[CLASS]), [false, false, false, true]),
        ("a teacher there", at(Role::Teacher, &[], &[CLASS]), [true, true, true, true]),
    ];
    for (who, actor, expected) in &table {
        let opens = |share| allowed(&policy, actor, Action::Download, About::Share(share));
        let hands_in = allowed(&policy, actor, Action::Upload, About::Nothing);
        assert_eq!([opens(&maths), opens(&physics), opens(&lesson), hands_in], *expected, "{who}");
    }
    let link = |share: &ShareFacts| ShareFacts { by_link: true, ..share.clone() };
    let guests: [(&[GroupId], [bool; 3]); 3] =
        [(&[], [true, true, true]), (&[CLASS], [true, false, false]), (&[OTHER], [false, true, false])];
    for (place, expected) in guests {
        let guest = at(Role::Guest, &[], place);
        let opens = |share| allowed(&policy, &guest, Action::Download, About::Share(&link(share)));
        assert_eq!([opens(&maths), opens(&physics), opens(&lesson)], expected, "a guest at {place:?}");
        assert!(!allowed(&policy, &guest, Action::Download, About::Share(&maths)), "no link, no paper");
    }
    let gets = |groups: &[GroupId], now_s| {
        let decision = decide(&policy, &pupil(groups, &[]), Action::Download, About::Share(&lesson), now_s);
        matches!(decision, Decision::Allow(_))
    };
    assert!(gets(&[CLASS], NOW + 60) && !gets(&[OTHER], NOW + 60), "the end of one is not the end of another");
}

#[test]
fn one_exam_travels_in_the_form_that_older_programs_read_and_several_in_another() {
    let exam = |group| Exam { until_s: NOW, groups: [group].into(), handouts: BTreeSet::new(), hand_in: true };
    for (exams, form) in [(vec![], 1), (vec![exam(CLASS)], 1), (vec![exam(CLASS), exam(GroupId(2))], 2)] {
        let policy = Policy { exams: exams.into_iter().collect(), ..full() };
        let mut bytes = policy.to_bytes();
        assert_eq!(bytes[1], form);
        assert_eq!(Policy::parse(&bytes).unwrap(), policy);
        bytes[1] = 3 - form;
        assert!(Policy::parse(&bytes).is_err(), "there is one form for each");
    }
}

#[test]
fn nobody_changes_or_makes_a_rank_above_their_own() {
    let check = |actor, role, new_role| {
        let person = PersonFacts { id: PersonId(99), role, new_role };
        allowed(&Policy::default(), &somebody(actor), Action::ChangePerson, About::Person(&person))
    };

    assert!(check(Role::Teacher, Role::Student, Role::Student));
    assert!(!check(Role::Teacher, Role::Student, Role::Teacher));
    assert!(!check(Role::Teacher, Role::Teacher, Role::Student));
    assert!(check(Role::Admin, Role::Teacher, Role::Admin));
    assert!(!check(Role::Admin, Role::Owner, Role::Student));
    assert!(!check(Role::Admin, Role::Admin, Role::Owner));
    assert!(check(Role::Owner, Role::Owner, Role::Student));
}

#[test]
fn a_second_factor_that_is_asked_for_leaves_only_the_account_open() {
    let policy = Policy { second_factor_from: Some(Role::Teacher), ..Policy::default() };
    let without = Actor { second_factor: false, ..somebody(Role::Teacher) };

    assert_eq!(refused(&policy, &without, Action::Search, About::Nothing), Reason::SecondFactor);
    assert!(allowed(&policy, &without, Action::ChangeOwnAccount, About::Nothing));
    assert!(allowed(
        &policy,
        &Actor { second_factor: false, ..somebody(Role::Student) },
        Action::Search,
        About::Nothing
    ));
}

#[test]
fn forbidden_content_is_refused_to_everybody_with_the_note() {
    let root = Root([9; 32]);
    let policy = Policy { blocked: [(root, "a leaked test".to_owned())].into(), ..Policy::default() };
    let file = ShareFacts { content: Some(root), ..share(None, Audience::Room) };

    for role in [Role::Student, Role::Teacher, Role::Owner] {
        let reason = refused(&policy, &somebody(role), Action::Download, About::Share(&file));
        assert_eq!(reason.to_string(), "This content is not allowed here: a leaked test.");
    }
}

#[test]
fn a_key_does_only_what_its_scopes_say() {
    let reader = Actor { scopes: [Scope::Read].into(), ..somebody(Role::Owner) };

    assert!(allowed(&Policy::default(), &reader, Action::Download, About::Nothing));
    assert_eq!(
        refused(&Policy::default(), &reader, Action::Upload, About::Nothing),
        Reason::Scope { needed: Scope::Write }
    );
    assert_eq!(
        refused(&Policy::default(), &reader, Action::SeeAudit, About::Nothing),
        Reason::Scope { needed: Scope::Admin }
    );
}

#[test]
fn an_explanation_ends_with_the_reason_that_the_decision_gives() {
    for role in Role::ALL {
        for action in Action::ALL {
            let steps = explain(&Policy::default(), &somebody(role), *action, About::Nothing, NOW);
            let last = steps.last().and_then(|step| step.refused.clone());
            match decide(&Policy::default(), &somebody(role), *action, About::Nothing, NOW) {
                Decision::Allow(permit) => assert_eq!((last, permit.action()), (None, *action)),
                Decision::Deny(reason) => assert_eq!(last, Some(reason)),
            }
        }
    }
}

#[test]
fn a_signed_policy_reads_back_and_no_other_signature_or_byte_is_taken() {
    let key = Ed25519KeyPair::from_seed_unchecked(&[3; 32]).unwrap();
    let public = PublicKey(key.public_key().as_ref().try_into().unwrap());
    let policy = full();
    let signed =
        SignedPolicy::sign(&policy, public, |message| Signature(key.sign(message).as_ref().try_into().unwrap()))
            .unwrap();

    assert_eq!(SignedPolicy::parse(signed.to_wire(), public).unwrap().policy(), &policy);
    assert_eq!(SignedPolicy::parse(signed.to_wire(), PublicKey([1; 32])), Err(PolicyError::Signature));
    for at in 0..signed.to_wire().len() {
        let mut wire = signed.to_wire().to_vec();
        wire[at] ^= 1;
        assert!(SignedPolicy::parse(&wire, public).is_err(), "byte {at}");
    }
}

/// The bytes must never change: servers and apps of all versions sign and check them.
#[test]
fn the_bytes_of_a_known_policy_stay_what_they_are() {
    let hash = blake3::hash(&full().to_bytes()).to_hex();
    assert_eq!(hash.as_str(), "cd5c3e87628296b5caa844691764516b952acd967c19c1ceddeb8a0a91d4eb5a");
}

#[test]
fn values_that_make_no_sense_are_named() {
    let field = |policy: Policy| match policy.check() {
        Err(PolicyError::Value { field, .. }) => field,
        other => panic!("{other:?}"),
    };
    assert_eq!(field(Policy { managed_by: String::new(), ..Policy::default() }), "managed_by");
    assert_eq!(field(Policy { managed_by: "a\nb".to_owned(), ..Policy::default() }), "managed_by");
    let mut types = Policy::default();
    types.students.refused_types.insert(".EXE".to_owned());
    assert_eq!(field(types), "refused_types");
}

proptest! {
    #[test]
    fn any_bytes_are_read_as_the_one_policy_that_writes_them_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(policy) = Policy::parse(&bytes) {
            prop_assert_eq!(policy.to_bytes(), bytes);
        }
    }

    #[test]
    fn a_policy_with_one_byte_changed_is_another_or_refused(at in 0usize..400, to in any::<u8>()) {
        let mut bytes = full().to_bytes();
        let at = at % bytes.len();
        prop_assume!(bytes[at] != to);
        bytes[at] = to;
        if let Ok(policy) = Policy::parse(&bytes) {
            prop_assert_ne!(&policy, &full());
            prop_assert_eq!(policy.to_bytes(), bytes);
        }
    }
}

fn full() -> Policy {
    let exam = Exam { until_s: NOW, groups: [CLASS].into(), handouts: [ShareId([5; 32])].into(), hand_in: false };
    Policy {
        version: 3,
        issued_s: -1,
        managed_by: "Greenhill School".to_owned(),
        guests: Guests::Look,
        second_factor_from: Some(Role::Admin),
        retention_days: Some(90),
        blocked: [(Root([9; 32]), String::new())].into(),
        exams: [exam].into(),
        ..Policy::default()
    }
}

fn somebody(role: Role) -> Actor {
    let who = if role == Role::Guest { Who::Nobody } else { Who::Person(ME) };
    Actor::of(who, role, BTreeSet::new())
}

fn share(owner: Option<PersonId>, audience: Audience) -> ShareFacts {
    ShareFacts {
        id: ShareId([1; 32]),
        owner,
        owner_role: None,
        audience,
        quarantined: false,
        content: None,
        by_link: false,
    }
}

fn allowed(policy: &Policy, actor: &Actor, action: Action, about: About<'_>) -> bool {
    matches!(decide(policy, actor, action, about, NOW), Decision::Allow(_))
}

fn refused(policy: &Policy, actor: &Actor, action: Action, about: About<'_>) -> Reason {
    match decide(policy, actor, action, about, NOW) {
        Decision::Deny(reason) => reason,
        Decision::Allow(permit) => panic!("{permit:?}"),
    }
}

#[test]
fn rules_such_as_no_server_makes_are_not_taken_whoever_signed_them() {
    let of = |version| Policy { version, issued_s: NOW, ..Policy::default() };
    for (version, floor) in [(1, 0), (u64::MAX, 0), (5, 5), (6, 5), (5 + STEP_MAX, 5)] {
        assert_eq!(of(version).fits(floor), Ok(()), "{version} after {floor}");
    }
    assert_eq!(of(4).fits(5), Err(Unfit::Older { version: 4, floor: 5 }));
    for version in [6 + STEP_MAX, (1 << 63) - 2, u64::MAX] {
        assert_eq!(of(version).fits(5), Err(Unfit::Leap { version, floor: 5 }));
    }
    let exam = |issued_s, until_s| {
        let exam = Exam { until_s, groups: [].into(), handouts: [].into(), hand_in: false };
        Policy { version: 6, issued_s, exams: [exam].into(), ..Policy::default() }
    };
    assert_eq!(exam(NOW, NOW + EXAM_S).fits(5), Ok(()));
    for (issued_s, until_s) in [(NOW, NOW + EXAM_S + 1), (0, i64::MAX), (i64::MIN, NOW)] {
        assert_eq!(exam(issued_s, until_s).fits(5), Err(Unfit::Exam), "{issued_s} to {until_s}");
    }
    // One that is said to be made in the far future is no exam before.
    let far = NOW + 70 * 365 * EXAM_S;
    let forged = exam(far, far + EXAM_S);
    assert!(forged.fits(5).is_ok() && forged.exam_of(&[].into(), NOW).is_none());
    assert!(exam(NOW, NOW + EXAM_S).exam_of(&[].into(), NOW).is_some());
}
