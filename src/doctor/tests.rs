use std::net::{IpAddr, Ipv4Addr};

use super::*;

/// A computer on which all is well, in a room with Ben.
fn well() -> Facts {
    let address = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 7));
    let folder = Folder { purpose: "downloads", path: "/d".into(), writable: Ok(()), free_bytes: Some(1 << 40) };
    Facts {
        engine: Engine::Running,
        folders: vec![folder],
        now_s: 1_800_000_000,
        passed_s: 1_799_000_000,
        clocks: vec![there("Ben", 0)],
        interfaces: vec![Interface {
            name: "eth0".into(),
            addresses: vec![address],
            up: true,
            multicast: Some(true),
            wireless: false,
        }],
        discovery: true,
        usual_port: 47_548,
        listening: vec![((address, 47_548).into(), Ok(()))],
        mdns_port: Ok(()),
        multicast: vec![Multicast {
            interface: "eth0".into(),
            address,
            sent: Ok(()),
            question_seen: true,
            announcement_seen: true,
            others: 1,
        }],
        firewalls: vec![],
        gateway: Some(Gateway { address: IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)), answers: true }),
        known: vec!["Ben".into()],
        unreachable: vec![],
    }
}

fn there(name: &str, ahead_s: i64) -> ClockThere {
    ClockThere { name: name.into(), server: false, ahead_s }
}

#[test]
fn a_clock_is_judged_by_those_of_others_and_of_a_server_most() {
    const YEARS: i64 = 2 * 31_536_000 + 400;
    let judged = |clocks: Vec<ClockThere>| {
        let findings = examine(&Facts { clocks, ..well() });
        let clock = findings.into_iter().find(|finding| finding.step == "clock").unwrap();
        (clock.verdict, clock.what)
    };
    let (verdict, what) = judged(vec![there("Ann", YEARS), there("Ben", YEARS + 60), there("Cat", YEARS)]);
    assert_eq!(verdict, Verdict::Problem);
    assert!(what.contains("2 years ahead by the clock of Ann, Ben, Cat"), "{what}");
    let (verdict, what) = judged(vec![there("Ann", -7_200), there("Ben", 0), there("Cat", 0)]);
    assert!(verdict == Verdict::Note && what.contains("Ann") && what.contains("2 hours behind"), "{what}");
    assert_eq!(judged(vec![there("Ann", YEARS)]).0, Verdict::Note, "one of two is wrong, and nobody knows which");
    let server = ClockThere { server: true, ..there("School", 1_200) };
    let (verdict, what) = judged(vec![there("Ben", 0), server]);
    assert!(verdict == Verdict::Problem && what.contains("20 minutes ahead by the clock of School"), "{what}");
    let (verdict, what) = judged(vec![there("Ann", 60), there("Ben", -60)]);
    assert!(verdict == Verdict::Ok && what.contains("goes with Ann, Ben"), "{what}");
    assert_eq!(judged(vec![]).0, Verdict::Ok);
}

#[test]
fn what_a_clock_is_off_by_is_said_in_fitting_units() {
    let said = [300, -3_600, 90_000, -864_000, 63_072_000].map(off);
    assert_eq!(said, ["5 minutes ahead", "60 minutes behind", "25 hours ahead", "10 days behind", "2 years ahead"]);
}

#[test]
fn a_port_that_firewalls_do_not_expect_is_told() {
    let address = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 7));
    let findings = examine(&Facts { listening: vec![((address, 40_123).into(), Ok(()))], ..well() });
    let told = findings.iter().find(|finding| finding.verdict == Verdict::Note).unwrap();
    assert!(told.step == "listening" && told.what.contains("40123") && told.what.contains("47548"), "{told:?}");
}

/// The cause, and whether what to do is said with it.
fn check(change: impl FnOnce(&mut Facts), step: &str, words: &str) {
    let mut facts = well();
    change(&mut facts);
    let findings = examine(&facts);
    let cause = cause(&findings).unwrap_or_else(|| panic!("{words}: no problem in {findings:#?}"));
    assert!(cause.step == step && cause.what.contains(words), "{words}: {cause:?}");
    assert!(!cause.now.is_empty() || cause.step == "engine", "{cause:?}");
}

#[test]
fn where_all_is_well_nothing_is_to_be_done() {
    let findings = examine(&well());

    assert!(findings.iter().all(|finding| finding.verdict == Verdict::Ok && finding.now.is_empty()), "{findings:#?}");
    assert_eq!(findings.last().map(|last| last.what.as_str()), Some("Others are seen: Ben."));
}

#[test]
fn each_fault_is_named_as_the_cause() {
    let alone = |facts: &mut Facts| {
        facts.known.clear();
        facts.multicast.iter_mut().for_each(|seen| seen.others = 0);
    };
    check(|f| f.engine = Engine::Failed("no key".into()), "engine", "no key");
    check(|f| f.folders[0].writable = Err("read-only".into()), "folders", "/d (read-only)");
    check(|f| f.folders[0].free_bytes = Some(50_000_000), "folders", "50 MB");
    check(|f| f.now_s = 0, "clock", "days behind");
    check(|f| f.interfaces.clear(), "interfaces", "in no network");
    check(|f| f.interfaces[0].up = false, "interfaces", "in no network");
    check(|f| f.interfaces[0].multicast = Some(false), "interfaces", "Multicast is switched off on eth0");
    check(|f| f.discovery = false, "discovery", "switched off");
    check(|f| f.listening[0].1 = Err("refused".into()), "listening", "10.0.0.7:47548 (refused)");
    check(|f| f.listening.clear(), "listening", "no address");
    check(|f| f.listening[0].0 = ([127, 0, 0, 1], 1).into(), "listening", "only this computer itself");
    check(|f| f.mdns_port = Err("in use".into()), "mdns_port", "in use");
    check(|f| f.multicast[0].sent = Err("not permitted".into()), "multicast", "not permitted");
    check(|f| f.multicast[0].question_seen = false, "multicast", "does not come back");
    check(|f| f.multicast[0].announcement_seen = false, "announcement", "does not answer");
    check(|f| f.unreachable = vec!["Ben".into()], "others", "can't be reached: Ben");
    check(alone, "others", "Nobody else was heard");
    check(
        |f| {
            alone(f);
            f.interfaces[0].wireless = true;
        },
        "others",
        "client isolation",
    );
    check(
        |f| {
            alone(f);
            f.gateway = Some(Gateway { address: [10, 0, 0, 1].into(), answers: false });
        },
        "others",
        "Not even the network's router 10.0.0.1",
    );
}

#[test]
fn what_fails_because_of_something_else_comes_after_it() {
    let mut facts = well();
    facts.interfaces.clear();
    (facts.listening, facts.multicast, facts.known) = (vec![], vec![], vec![]);

    let findings = examine(&facts);

    assert_eq!(cause(&findings).map(|cause| cause.step), Some("interfaces"));
}

#[test]
fn a_firewall_is_named_where_something_does_not_get_through() {
    let mut facts = well();
    facts.firewalls = vec!["ufw".into()];
    let named = |facts: &Facts| examine(facts).into_iter().find(|finding| finding.step == "firewall").unwrap();
    assert_eq!(named(&facts).verdict, Verdict::Ok);

    facts.multicast[0].question_seen = false;

    assert_eq!(named(&facts).verdict, Verdict::Note);
    assert!(cause(&examine(&facts)).unwrap().now.contains("the firewall ufw"));
}
