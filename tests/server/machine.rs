//! Computers whose machine says which server manages them: the real program, with an `/etc/handout/enrol.toml` of its own.

use std::{path::Path, process::Command};

use handout::store::{read_enrolment, write_enrolment};
use serde_json::Value;

use super::{
    Server,
    apps::{App, policy, token},
    console::json,
};
use crate::as_root;

/// Writes the file as administrators do, and what a machine has in any case.
fn machine(etc: &Path, server: &Server, token: &str) {
    std::fs::create_dir_all(etc.join("handout")).unwrap();
    let text = format!("server = \"{}\"\ntoken = \"{token}\"\n", server.at());
    std::fs::write(etc.join("handout/enrol.toml"), text).unwrap();
    std::fs::write(etc.join("machine-id"), "0123456789abcdef0123456789abcdef\n").unwrap();
}

/// Whether the test goes on here, as root on a network where the loopback is up.
pub fn is_root(module: &str, test: &str) -> bool {
    if as_root::instead(module, test) {
        return false;
    }
    assert!(Command::new("ip").args(["link", "set", "lo", "up"]).status().unwrap().success());
    true
}

/// How computers came to be known to a server or did not, oldest first.
fn enrolments(server: &Server) -> Vec<String> {
    let entries = json(server, &["audit", "list", "--action", "devices.enrol"]);
    let of_computers = |entry: &&Value| entry["actor"].as_str().is_some_and(|actor| actor.starts_with("device:"));
    let outcomes = entries.as_array().unwrap().iter().rev().filter(of_computers);
    outcomes.map(|entry| entry["outcome"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_computer_whose_machine_names_its_server_enrols_itself_once_and_nobody_at_it_gets_out() {
    if !is_root(
        module_path!(),
        "a_computer_whose_machine_names_its_server_enrols_itself_once_and_nobody_at_it_gets_out",
    ) {
        return;
    }
    let (server, owner) = Server::owned();
    policy(&owner, &[("share_with_room", "")]);
    let etc = tempfile::tempdir().unwrap();
    machine(etc.path(), &server, &token(&owner, &[("uses", "1")]));
    let mut app = App::on_machine(etc.path());

    let managed = |status: &Value| status["managed"]["reachable"] == true;
    let status = app.status("it is managed", managed);
    assert_eq!(
        (&status["managed"]["managed_by"], &status["managed"]["by_machine"]),
        (&"Hill School".into(), &true.into())
    );
    assert_eq!(json(&server, &["devices"])[0]["id"], status["id"]);
    let file = app.file("a.txt", b"a");
    let refused = app.share(&file, &[]);
    assert_eq!(refused.code(), Some(4), "{refused:?}");
    assert!(refused.stderr.contains("whole room") && refused.stderr.contains("Managed by Hill School"), "{refused:?}");
    for way_out in [&["leave"][..], &["enrol", &server.at(), "he_other"]] {
        let refused = app.run(way_out);
        assert_eq!(refused.code(), Some(4), "{refused:?}");
        assert!(refused.stderr.contains("by its administrator"), "{refused:?}");
    }

    app.restart();
    app.status("it is managed from the start", managed);
    assert_eq!(enrolments(&server), ["done"]);
    // Its token was for one computer: with a home folder of one's own nobody is let in again, and nobody is free.
    let other = App::on_machine(etc.path());
    other.status("it is not enrolled", |status| refusal(status).contains("token is not good"));
    assert_eq!(other.share(&file, &[]).code(), Some(4));
    assert_eq!(enrolments(&server), ["done", "refused: token"]);
}

/// Why a managed computer has no rules.
fn refusal(status: &Value) -> &str {
    status["managed"]["missing"].as_str().unwrap_or_default()
}

#[test]
fn a_wrong_token_in_the_machines_file_is_told_in_words_and_closes_the_computer_until_it_is_right() {
    if !is_root(
        module_path!(),
        "a_wrong_token_in_the_machines_file_is_told_in_words_and_closes_the_computer_until_it_is_right",
    ) {
        return;
    }
    let (server, owner) = Server::owned();
    policy(&owner, &[]);
    let etc = tempfile::tempdir().unwrap();
    machine(etc.path(), &server, "he_mistyped");
    let mut app = App::on_machine(etc.path());

    let status = app.status("it is refused", |status| refusal(status).contains("token is not good"));
    let troubles = status["troubles"].to_string();
    assert!(troubles.contains("could not be enrolled") && troubles.contains("token is not good"), "{status}");
    assert_eq!((&status["managed"]["server"], &status["managed"]["by_machine"]), (&Value::Null, &true.into()));
    let shown = app.run(&["status"]).stdout;
    assert!(shown.contains("nothing is given or fetched") && shown.contains("token is not good"), "{shown}");
    let file = app.file("a.txt", b"a");
    let refused = app.share(&file, &[]);
    assert_eq!(refused.code(), Some(4), "{refused:?}");
    assert!(
        refused.stderr.contains("no rules to go by") && refused.stderr.contains("token is not good"),
        "{refused:?}"
    );

    machine(etc.path(), &server, &token(&owner, &[]));
    app.restart();
    app.status("it is managed", |status| status["managed"]["reachable"] == true);
    assert_eq!(app.share(&file, &[]).code(), Some(0));
    assert_eq!(enrolments(&server), ["refused: token", "done"]);
}

#[test]
fn a_computer_with_rules_that_its_server_can_t_reach_any_more_is_freed_by_a_new_token_in_the_machines_file() {
    let name =
        "a_computer_with_rules_that_its_server_can_t_reach_any_more_is_freed_by_a_new_token_in_the_machines_file";
    if !is_root(module_path!(), name) {
        return;
    }
    let (server, owner) = Server::owned();
    policy(&owner, &[]);
    let etc = tempfile::tempdir().unwrap();
    machine(etc.path(), &server, &token(&owner, &[]));
    let mut app = App::on_machine(etc.path());
    app.status("it is managed", |status| status["managed"]["reachable"] == true);

    // What whoever had the server's key for a while leaves behind.
    app.stop();
    let mut record = read_enrolment(&app.home()).unwrap().unwrap();
    record.floor = 1 << 62;
    write_enrolment(&app.home(), &record).unwrap();
    app.restart();
    let status = app.status("it is told", |status| status["troubles"].to_string().contains("has older rules"));
    let trouble = status["troubles"].to_string();
    assert!(trouble.contains("version 4611686018427387905") && trouble.contains("enrol.toml"), "{trouble}");
    let file = app.file("a.txt", b"a");
    assert_eq!(app.share(&file, &[]).code(), Some(4));

    machine(etc.path(), &server, &token(&owner, &[]));
    app.restart();
    app.status("it has the server's rules", |status| status["managed"]["missing"].is_null());
    assert_eq!(app.share(&file, &[]).code(), Some(0));
    let floor = read_enrolment(&app.home()).unwrap().unwrap().floor;
    assert!(floor < 100, "{floor}");
}
