//! A computer becomes known to a server, follows its policy, and nobody who uses it gets around that.

use serde_json::Value;

use super::{
    Server,
    apps::{App, policy, token},
};

#[test]
fn a_token_makes_a_computer_known_and_its_key_proves_it_from_then_on() {
    let (server, owner) = Server::owned();
    policy(&owner, &[("retention_days", "30")]);
    let token = token(&owner, &[("uses", "1")]);
    let mut app = App::start();
    assert_eq!(app.json(&["status"])["managed"], Value::Null);

    let ran = app.run(&["enrol", &server.at(), &token]);
    assert_eq!(ran.code(), Some(0), "{ran:?}");
    assert!(ran.stderr.contains("managed by Hill School"), "{ran:?}");
    let managed = app.status("it is managed", |status| status["managed"]["reachable"] == true)["managed"].clone();
    assert_eq!(managed["managed_by"], "Hill School");
    assert_eq!(managed["role"], "student");
    let told = app.json(&["policy"]);
    let rule =
        |name: &str| told["server"]["rules"].as_array().unwrap().iter().find(|rule| rule["name"] == name).unwrap();
    assert_eq!(rule("retention_days")["value"], "30 days");
    assert_eq!(rule("refused_types")["value"], "exe");
    assert_eq!(told["errors"], Value::Array(vec![]));

    let used = App::start().run(&["enrol", &server.at(), &token]);
    assert_eq!(used.code(), Some(4), "{used:?}");
    assert!(used.stderr.contains("token is not good"), "{used:?}");

    app.restart();
    app.status("it is known without a token", |status| status["managed"]["reachable"] == true);
}

#[test]
fn a_token_that_is_wrong_or_of_another_server_is_refused_with_its_reason() {
    let (server, owner) = Server::owned();
    let (other, _) = Server::owned();
    let good = token(&owner, &[]);
    let app = App::start();

    let wrong = app.run(&["enrol", &server.at(), "he_nonsense"]);
    assert_eq!(wrong.code(), Some(4), "{wrong:?}");
    let elsewhere = app.run(&["enrol", &other.at(), &good]);
    assert_eq!(elsewhere.code(), Some(4), "{elsewhere:?}");
    assert!(elsewhere.stderr.contains("another server answers there"), "{elsewhere:?}");
    let nobody = app.run(&["enrol", "127.0.0.1:9", &good]);
    assert_eq!(nobody.code(), Some(3), "{nobody:?}");
    assert_eq!(app.json(&["status"])["managed"], Value::Null);
    assert_eq!(app.run(&["leave"]).code(), Some(3));
}

#[test]
fn what_the_policy_forbids_is_refused_with_the_rule_and_whose_it_is() {
    let (server, owner) = Server::owned();
    policy(&owner, &[("file_mib", "1"), ("quota_files", "2")]);
    let app = App::enrolled(&server, &token(&owner, &[]));
    let refused = |file: &str, content: &[u8], args: &[&str], why: &str| {
        let ran = app.share(&app.file(file, content), args);
        assert_eq!(ran.code(), Some(4), "{ran:?}");
        assert!(ran.stderr.contains(why) && ran.stderr.contains("Managed by Hill School"), "{ran:?}");
    };

    refused("game.EXE", b"x", &[], "type .exe");
    refused("video.mp4", &vec![7; 1_100_000], &[], "at most 1 MiB");
    for name in ["a.txt", "b.txt"] {
        assert_eq!(app.share(&app.file(name, name.as_bytes()), &[]).code(), Some(0));
    }
    refused("c.txt", b"c", &[], "at most 2 files");

    policy(&owner, &[("share_with_room", "")]);
    app.wait("what was given is withdrawn", &["shares", "--json"], |rows| {
        let rows = rows.as_array().map_or(&[][..], Vec::as_slice);
        rows.len() == 2 && rows.iter().all(|row| row["trouble"]["kind"] == "refused")
    });
    refused("d.txt", b"d", &[], "whole room");
    refused("d.txt", b"d", &["--for", "link"], "whole room");
    let told = app.json(&["policy"]);
    let rule = told["server"]["rules"].as_array().unwrap().iter().find(|rule| rule["name"] == "share_with_room");
    assert_eq!(rule.unwrap()["value"], "no");

    policy(&owner, &[("share_with_room", "yes"), ("file_mib", ""), ("quota_files", "")]);
    app.wait("it is given again", &["shares", "--json"], |rows| {
        rows.as_array().is_some_and(|rows| rows.iter().all(|row| row["trouble"].is_null()))
    });
}

#[test]
fn a_computer_that_was_taken_off_the_list_says_so_and_is_free() {
    let (server, owner) = Server::owned();
    policy(&owner, &[("share_with_room", "")]);
    let app = App::enrolled(&server, &token(&owner, &[]));
    let me = app.json(&["status"])["id"].as_str().unwrap().to_owned();
    assert_eq!(app.share(&app.file("a", b"a"), &[]).code(), Some(4));

    assert_eq!(owner.post(&format!("/admin/devices/{me}/remove"), &[]).status, 303);
    // Whoever waits for a change is told with the next one, or when the waiting is over.
    policy(&owner, &[("share_with_room", ""), ("retention_days", "9")]);
    let status = app.status("it says so", |status| !status["managed"]["removed"].is_null());
    assert!(status["troubles"][0]["what"].as_str().unwrap().contains("took this computer off its list"), "{status}");
    assert_eq!(app.share(&app.file("a", b"a"), &[]).code(), Some(0));
}
