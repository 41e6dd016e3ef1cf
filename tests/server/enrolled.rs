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

#[test]
fn an_exam_leaves_open_what_was_handed_out_for_it_and_nothing_else() {
    let (server, owner) = Server::owned();
    policy(&owner, &[]);
    let teacher = App::enrolled(&server, &token(&owner, &[("role", "teacher")]));
    let app = App::enrolled(&server, &token(&owner, &[]));
    let share = |name: &str| {
        let shared = teacher.share(&teacher.file(name, name.as_bytes()), &[]);
        assert_eq!(shared.code(), Some(0), "{shared:?}");
        shared.json()["link"].as_str().unwrap().to_owned()
    };
    let (sheet, other) = (share("sheet.pdf"), share("other.pdf"));
    let id = |link: &str| link["handout://".len()..].split('?').next().unwrap().to_owned();

    let exam = [("minutes", "10"), ("share", &id(&sheet)), ("hand_in", "yes")];
    assert_eq!(owner.post("/admin/policy/exam", &exam).status, 303);
    app.status("the exam has begun", |status| status["managed"]["exam_until"].is_string());
    let refused = app.run(&["get", &other]);
    assert_eq!(refused.code(), Some(4), "{refused:?}");
    assert!(refused.stderr.contains("An exam is on"), "{refused:?}");
    assert_eq!(app.share(&app.file("answers.txt", b"42"), &[]).code(), Some(4), "not to each other");
    assert_eq!(app.run(&["get", &sheet]).code(), Some(0));
    let own = app.json(&["status"])["managed"]["server"].as_str().unwrap().to_owned();
    let handed_in = app.share(&app.file("answers.txt", b"42"), &["--for", &own]);
    assert_eq!(handed_in.code(), Some(0), "{handed_in:?}");
    let listed = owner.get("/api/v1/shares").value()["hits"][0]["share"].clone();
    assert_eq!((&listed["title"], &listed["audience"]), (&"answers.txt".into(), &"owner".into()), "for who judges it");
    assert_eq!(teacher.share(&teacher.file("more.pdf", b"more"), &[]).code(), Some(0), "teachers sit no exam");

    assert_eq!(owner.post("/admin/policy/exam", &[("do", "end")]).status, 303);
    app.status("the exam is over", |status| status["managed"]["exam_until"].is_null());
    assert_eq!(app.run(&["get", &other]).code(), Some(0));
}

#[test]
fn rules_hold_on_every_way_in_and_while_the_server_is_away() {
    let (mut server, owner) = Server::owned();
    policy(&owner, &[("share_with_room", ""), ("up_kib", "64")]);
    let mut app = App::enrolled(&server, &token(&owner, &[]));

    let faster = app.run(&["limit", "--up", "10M"]);
    assert_eq!(faster.code(), Some(4), "{faster:?}");
    let settings = format!("downloads = {:?}\nlimit_up = 10000000\n", app.downloads());
    std::fs::write(app.home().join("settings.toml"), settings).unwrap();
    server.kill();
    app.restart();
    app.status("the server is missed", |status| status["managed"]["unreachable"].is_string());
    assert_eq!(app.json(&["limit"])["limit_up_now"], 65_536);
    let file = app.file("a.txt", b"a");
    assert_eq!(app.share(&file, &[]).code(), Some(4));

    // The same wish by the local socket, as another program might say it.
    let wish = serde_json::json!({ "version": 1, "request": {
        "do": "share", "paths": [file], "title": null, "recipients": ["link"], "leave_out": false, "class": null,
    } });
    let mut socket = std::os::unix::net::UnixStream::connect(app.home().join("control.sock")).unwrap();
    std::io::Write::write_all(&mut socket, format!("{wish}\n").as_bytes()).unwrap();
    let mut answer = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(socket), &mut answer).unwrap();
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!((&answer["is"], &answer["kind"]), (&"failure".into(), &"refused".into()), "{answer}");

    server.start_at_the_same_address();
    app.status("the server is there again", |status| status["managed"]["reachable"] == true);
}
