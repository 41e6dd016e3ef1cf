//! What computers of the room give to the server, and what they find and get there.

use serde_json::Value;

use super::{
    Browser, Server,
    apps::{App, policy, token},
    console::{json, soon},
};
use crate::loopback::room::content;

#[test]
fn the_server_fetches_what_it_is_given_keeps_it_and_gives_it_on_when_the_giver_has_left() {
    let (server, owner) = Server::owned();
    policy(&owner, &[]);
    let token = token(&owner, &[]);
    let mut ann = App::enrolled(&server, &token);
    let bytes = content("lesson", 3_000_000);
    let name = owner.get("/api/v1/me").value()["server"].as_str().unwrap().to_owned();
    ann.wait("she sees the server", &["peers", "--json"], |peers| server_among(peers).is_some());

    let shared = ann.share(&ann.file("Cell biology.pdf", &bytes), &["--for", &name]);
    assert_eq!(shared.code(), Some(0), "{shared:?}");
    let id = shared.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(ann.json(&["shares"])[0]["kept_by_server"], "kept");
    let listed = owner.get("/api/v1/shares").value();
    assert_eq!(
        (&listed["hits"][0]["share"]["id"], &listed["hits"][0]["share"]["here"]),
        (&id.clone().into(), &true.into())
    );
    assert_eq!(owner.get(&format!("/api/v1/shares/{id}/files/0")).body, bytes);

    ann.stop();
    let ben = App::enrolled(&server, &token);
    let found = ben.wait("he finds it", &["search", "biology", "--json"], |rows| rows[0]["id"] == id.as_str());
    assert_eq!(found[0]["title"], "Cell biology.pdf");
    let got = ben.json(&["get", &id, "--timeout", "30"]);
    assert_eq!(std::fs::read(got["places"][0].as_str().unwrap()).unwrap(), bytes);
}

#[test]
fn what_was_handed_over_and_is_removed_at_the_console_is_deleted_and_given_to_nobody() {
    let (server, owner) = Server::owned();
    policy(&owner, &[]);
    let token = token(&owner, &[]);
    let mut ann = App::enrolled(&server, &token);
    let peers = ann.wait("she sees the server", &["peers", "--json"], |peers| server_among(peers).is_some());
    let shared = ann.share(&ann.file("Old plan.txt", b"wrong"), &["--for", server_among(&peers).unwrap()]);
    let id = shared.json()["id"].as_str().unwrap().to_owned();
    ann.stop();
    let folder = server.folder.path().join("home/shared");
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);

    json(&server, &["quarantine", "delete", &id]);
    soon("the running server deletes it", || std::fs::read_dir(&folder).unwrap().count() == 0);
    let ben = App::enrolled(&server, &token);
    let refused = ben.run(&["get", &id, "--timeout", "3"]);
    assert_eq!(refused.code(), Some(3), "{refused:?}");
}

#[test]
fn what_the_server_does_not_take_comes_back_with_the_reason() {
    let (server, owner) = Server::owned();
    policy(&owner, &[("upload", "")]);
    let app = App::enrolled(&server, &token(&owner, &[]));
    let peers = app.wait("it sees the server", &["peers", "--json"], |peers| server_among(peers).is_some());
    let for_server = ["--for", server_among(&peers).unwrap()];

    let refused = app.share(&app.file("a.txt", b"a"), &for_server);
    assert_eq!(refused.code(), Some(4), "{refused:?}");
    assert!(refused.stderr.contains("upload files") && refused.stderr.contains("Hill School"), "{refused:?}");

    policy(&owner, &[]);
    let blocked = blake3::hash(b"forbidden").to_hex().to_string();
    let done = owner.post("/admin/policy/block", &[("root", &blocked), ("note", "cheats"), ("do", "block")]);
    assert_eq!(done.status, 303);
    app.wait("the rule is here", &["policy", "--json"], |told| told["server"]["rules"][9]["value"] == "1");
    let refused = app.share(&app.file("b.txt", b"forbidden"), &for_server);
    assert_eq!(refused.code(), Some(4), "{refused:?}");
    assert!(refused.stderr.contains("not allowed here: cheats"), "{refused:?}");
    assert_eq!(owner.get("/api/v1/shares").value()["hits"], Value::Array(vec![]));

    let stranger = App::start();
    let add = ["--peer", &server.at(), "peers", "--json"];
    stranger.wait("it sees the server", &add, |peers| server_among(peers).is_some());
    let refused = stranger.share(&stranger.file("c.txt", b"c"), &for_server);
    assert_eq!(refused.code(), Some(4), "{refused:?}");
    assert!(refused.stderr.contains("handout enrol"), "{refused:?}");
}

/// The id of the server, which introduces computers to each other.
fn server_among(peers: &Value) -> Option<&str> {
    peers.as_array()?.iter().find(|peer| peer["role"] == "server")?["id"].as_str()
}

fn group(owner: &Browser, name: &str) -> String {
    assert_eq!(owner.post("/admin/groups", &[("name", name)]).status, 303);
    let page = owner.get("/admin/devices").text();
    let before = page.split(&format!(">{name}</option>")).next().unwrap();
    before.rsplit("value=\"").next().unwrap().trim_end_matches('"').to_owned()
}

#[test]
fn what_is_for_a_class_goes_to_its_computers_who_give_it_on_and_to_nobody_else() {
    let (server, owner) = Server::owned();
    policy(&owner, &[]);
    let (b, c) = (group(&owner, "7b"), group(&owner, "7c"));
    let teacher = App::enrolled(&server, &token(&owner, &[("role", "teacher")]));
    let [one, two, other] =
        [&b, &b, &c].map(|group| App::enrolled(&server, &token(&owner, &[("group", group.as_str())])));
    let bytes = content("test", 1_500_000);

    let shared = teacher.share(&teacher.file("Test.pdf", &bytes), &["--for", "7b"]);
    assert_eq!(shared.code(), Some(0), "{shared:?}");
    let link = shared.json()["link"].as_str().unwrap().to_owned();
    let id = shared.json()["id"].as_str().unwrap().to_owned();
    let got = one.json(&["get", &link]);
    assert_eq!(std::fs::read(got["places"][0].as_str().unwrap()).unwrap(), bytes);
    let refused = other.run(&["get", &link, "--timeout", "2"]);
    assert_eq!(refused.code(), Some(3), "{refused:?}");

    // A member of the class has it from the other, and one of another class has it from neither.
    drop(teacher);
    let at = one.json(&["status"])["listen"].as_str().unwrap().to_owned();
    let got = two.json(&["--peer", &at, "get", &id]);
    assert_eq!(std::fs::read(got["places"][0].as_str().unwrap()).unwrap(), bytes);
    let refused = other.run(&["--peer", &at, "get", &id, "--timeout", "2"]);
    assert_eq!(refused.code(), Some(3), "{refused:?}");

    let not_theirs = one.share(&one.file("x.txt", b"x"), &["--for", "7c"]);
    assert_eq!(not_theirs.code(), Some(3), "a student knows only the own class: {not_theirs:?}");
}
