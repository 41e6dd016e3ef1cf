//! A computer of which its machine says that it is managed: whatever somebody puts into the home folder, nothing is given or
//! fetched but by the rules of the right server.

use handout::{
    access::{Policy, SignedPolicy},
    engine::{
        command::{Command, Recipients, Unreadable},
        managed::Ticket,
        snapshot::Done,
        trouble::TroubleKind,
    },
    net::identity::Identity,
    share::ShareId,
    store::{EnrolmentRecord, write_enrolment},
};

use super::room::Computer;

/// Nobody answers there.
const NOWHERE: &str = "127.0.0.1:9";

/// What a server would have said.
fn record(server: &Identity, version: u64, change: impl FnOnce(&mut Policy)) -> EnrolmentRecord {
    let mut policy = Policy { version, managed_by: "Hill School".to_owned(), ..Policy::default() };
    change(&mut policy);
    let signed = SignedPolicy::sign(&policy, server.public_key(), |message| server.sign(message)).unwrap();
    EnrolmentRecord {
        server: server.id().to_string(),
        name: "School".to_owned(),
        address: NOWHERE.to_owned(),
        role: "student".to_owned(),
        floor: version,
        policy: EnrolmentRecord::encode(signed.to_wire()),
        ..EnrolmentRecord::default()
    }
}

/// Starts again on what somebody put into the home folder, and tries to give a file to everyone.
fn gives(computer: &mut Computer, record: &EnrolmentRecord) -> Result<(), String> {
    computer.stop();
    write_enrolment(&computer.folder.path().join("home"), record).unwrap();
    computer.restart();
    let file = computer.file("work.txt", 100);
    match computer.try_share(&[file], Recipients::Everyone, Unreadable::Refuse) {
        Ok(Done::Shared { share, .. }) => {
            computer.send(Command::Unshare { share });
            Ok(())
        }
        Ok(other) => panic!("{other:?}"),
        Err(trouble) => {
            assert_eq!(trouble.kind, TroubleKind::Refused, "{trouble:?}");
            Err(trouble.what.clone())
        }
    }
}

#[test]
fn without_the_rules_of_its_server_a_managed_computer_gives_and_fetches_nothing() {
    let mut ann = Computer::start("Ann", &[]);
    let file = ann.file("lesson", 1_000);
    let lesson = ann.share(&[file]);
    let mut ben = Computer::start("Ben", &[&ann]);
    ben.managed = Some(Ticket::new(NOWHERE, "he_token@aaaaaaaaaaaaaaaa"));
    ben.restart();

    let file = ben.file("x", 10);
    let refused = ben.try_share(&[file], Recipients::Everyone, Unreadable::Refuse).unwrap_err();
    assert!(refused.kind == TroubleKind::Refused && refused.what.contains("no rules to go by"), "{refused:?}");
    for share in [lesson, ShareId([7; 32])] {
        let token = ben.begin_fetch(share);
        assert_eq!(ben.outcome(token).unwrap_err().kind, TroubleKind::Refused);
    }
    assert!(ben.snapshot().transfers.is_empty());
    for leave in [true, false] {
        let token = ben.token();
        let ticket = Ticket::new("127.0.0.1:10", "he_other");
        ben.send(if leave { Command::LeaveServer { token } } else { Command::Enrol { token, ticket } });
        assert_eq!(ben.outcome(token).unwrap_err().kind, TroubleKind::Refused);
    }
}

#[test]
fn only_the_newest_rules_of_the_right_server_are_taken_from_the_home_folder() {
    let (school, other) = (Identity::ephemeral().unwrap(), Identity::ephemeral().unwrap());
    let mut ben = Computer::start("Ben", &[]);
    ben.managed = Some(Ticket::new(NOWHERE, &format!("he_token@{}", &school.id().to_string()[..16])));
    let good = record(&school, 5, |_| {});

    assert_eq!(gives(&mut ben, &good), Ok(()));
    let strict = record(&school, 6, |policy| policy.students.share_with_room = false);
    assert!(gives(&mut ben, &strict).unwrap_err().contains("whole room"));

    let forged = record(&other, 9, |_| {});
    assert!(gives(&mut ben, &forged).unwrap_err().contains("not enrolled"), "rules of another server");
    let named = EnrolmentRecord { server: school.id().to_string(), ..forged };
    assert!(gives(&mut ben, &named).unwrap_err().contains("were changed"), "rules that another server signed");
    let mut bytes = good.policy_bytes().unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    let flipped = EnrolmentRecord { policy: EnrolmentRecord::encode(&bytes), ..good.clone() };
    assert!(gives(&mut ben, &flipped).unwrap_err().contains("were changed"), "one bit");
    let older = EnrolmentRecord { floor: 6, ..good.clone() };
    assert!(gives(&mut ben, &older).unwrap_err().contains("older than they were"), "older rules put in their place");
    let elsewhere = EnrolmentRecord { address: "127.0.0.1:10".to_owned(), ..good };
    assert!(gives(&mut ben, &elsewhere).unwrap_err().contains("not enrolled"), "another address");
}
