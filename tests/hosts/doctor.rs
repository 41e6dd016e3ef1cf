//! Why nobody is seen, asked on computers where just that is broken.

use std::process::Command;

use serde_json::Value;

use super::network::Hosts;
use crate::as_root;

/// Whether the first computer can see the second, as it says itself: its exit code, and the step that is the cause.
fn examined(hosts: &Hosts, home: &tempfile::TempDir) -> (Option<i32>, Value) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_handout"));
    command.env_remove("HANDOUT_HOME").arg("--home").arg(home.path().join("doctor")).args(["--json", "doctor"]);
    let ran = hosts.on(0, &command).output().unwrap();
    let found: Value = serde_json::from_slice(&ran.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&ran.stderr)));
    (ran.status.code(), found)
}

fn on_first(hosts: &Hosts, words: &str) {
    let mut words = words.split(' ');
    let mut command = Command::new(words.next().unwrap());
    let ran = hosts.on(0, command.args(words)).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
}

#[test]
fn what_is_in_the_way_of_seeing_others_is_named_and_goes_away_when_it_is_mended() {
    let test = "what_is_in_the_way_of_seeing_others_is_named_and_goes_away_when_it_is_mended";
    if as_root::instead(module_path!(), test) {
        return;
    }
    let hosts = Hosts::up(2, 0).unwrap();
    let room = tempfile::tempdir().unwrap();
    let cause = |expected: Option<&str>| {
        let (code, found) = examined(&hosts, &room);
        assert_eq!(found["cause"].as_str(), expected, "{found:#}");
        assert_eq!(code, Some(i32::from(expected.is_some())), "{found:#}");
        found
    };

    // Alone, with nothing broken.
    cause(Some("others"));

    let mut daemon = Command::new(env!("CARGO_BIN_EXE_handout"));
    daemon.env_remove("HANDOUT_HOME").arg("--quiet").arg("--home").arg(room.path().join("other")).arg("daemon");
    let _other = super::Running::start(&mut hosts.on(1, &daemon));
    let well = cause(None);
    assert!(well["findings"].as_array().unwrap().iter().any(|finding| finding["step"] == "announcement"), "{well:#}");

    // What a firewall does that lets no mDNS in.
    on_first(&hosts, "ip link add sink type veth peer name sunk");
    on_first(&hosts, "tc qdisc add dev eth0 clsact");
    let away = "u32 match ip dport 5353 0xffff action mirred egress redirect dev sink";
    on_first(&hosts, &format!("tc filter add dev eth0 ingress protocol ip {away}"));
    let blocked = cause(Some("multicast"));
    assert!(blocked.to_string().contains("UDP port 5353"), "{blocked:#}");
    on_first(&hosts, "tc qdisc del dev eth0 clsact");

    on_first(&hosts, "ip link set eth0 multicast off");
    cause(Some("interfaces"));
    on_first(&hosts, "ip link set eth0 multicast on");
    on_first(&hosts, "ip link set eth0 down");
    cause(Some("interfaces"));
}
