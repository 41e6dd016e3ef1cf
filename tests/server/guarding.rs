//! Who may do what, asked of the real server; and that every refusal stands in the audit log.

use serde_json::{Value, json};

use super::{Browser, PASSWORD, Server, person};

/// Method, path, fields of the form, and who gets it.
type Row = (&'static str, &'static str, Fields, [bool; 5]);
type Fields = &'static [(&'static str, &'static str)];

/// Requests by what they want, and which roles get it: guest, student, teacher, admin, owner.
const TABLE: &[Row] = &[
    ("GET", "/api/v1/search?q=lesson", &[], [false, true, true, true, true]),
    ("GET", "/api/v1/shares", &[], [false, true, true, true, true]),
    ("GET", "/s/ROOM", &[], [false, true, true, true, true]),
    ("GET", "/api/v1/shares/ROOM/files/0", &[], [false, true, true, true, true]),
    ("GET", "/api/v1/shares/OWNER/files/0", &[], [false, false, true, true, true]),
    ("GET", "/api/v1/policy", &[], [true, true, true, true, true]),
    ("GET", "/upload", &[], [false, true, true, true, true]),
    ("GET", "/account", &[], [false, true, true, true, true]),
    ("POST", "/s/ROOM/links", &[("days", "1")], [false, false, true, true, true]),
    ("POST", "/s/ROOM/change", &[("title", "lesson"), ("audience", "room")], [false, false, true, true, true]),
    ("POST", "/s/ROOM/quarantine", &[("hide", "no")], [false, false, true, true, true]),
    ("GET", "/admin", &[], [false, false, true, true, true]),
    ("GET", "/admin/people", &[], [false, false, true, true, true]),
    ("POST", "/admin/groups", &[("name", "ROLE")], [false, false, true, true, true]),
    (
        "POST",
        "/admin/people",
        &[("shown", "X"), ("name", "s.ROLE"), ("role", "student")],
        [false, false, true, true, true],
    ),
    (
        "POST",
        "/admin/people",
        &[("shown", "X"), ("name", "t.ROLE"), ("role", "teacher")],
        [false, false, false, true, true],
    ),
    (
        "POST",
        "/admin/people",
        &[("shown", "X"), ("name", "o.ROLE"), ("role", "owner")],
        [false, false, false, false, true],
    ),
    ("GET", "/admin/devices", &[], [false, false, true, true, true]),
    (
        "POST",
        "/admin/devices/tokens",
        &[("note", "lab"), ("uses", "1"), ("days", "1")],
        [false, false, false, true, true],
    ),
    ("GET", "/admin/policy", &[], [false, false, true, true, true]),
    (
        "POST",
        "/admin/policy",
        &[("managed_by", "School"), ("upload", "yes"), ("share_with_room", "yes")],
        [false, false, false, true, true],
    ),
    ("POST", "/admin/policy/exam", &[("do", "end")], [false, false, true, true, true]),
    ("GET", "/admin/policy/explain?action=share.search", &[], [false, false, true, true, true]),
    ("GET", "/admin/quarantine", &[], [false, false, true, true, true]),
    ("GET", "/admin/audit", &[], [false, false, false, true, true]),
    ("GET", "/admin/audit.csv", &[], [false, false, false, true, true]),
    ("GET", "/api/v1/audit", &[], [false, false, false, true, true]),
    ("GET", "/api/v1/people", &[], [false, false, true, true, true]),
];

#[test]
fn every_role_gets_what_is_its_and_every_refusal_stands_in_the_log() {
    let (server, owner) = Server::owned();
    let room = owner.upload("lesson", "room", "lesson.txt", b"for all");
    let private = owner.upload("secret", "owner", "secret.txt", b"for none");
    let roles = ["guest", "student", "teacher", "admin", "owner"];
    let browsers: Vec<Browser> = roles
        .iter()
        .map(|role| match *role {
            "guest" => server.browser("guest"),
            "owner" => server.browser("owner"),
            role => person(&server, role, role),
        })
        .collect();
    let mut refusals = 0;
    for (method, path, fields, expected) in TABLE {
        for ((role, browser), expected) in roles.iter().zip(&browsers).zip(expected) {
            let path = path.replace("ROOM", &room).replace("OWNER", &private);
            let fields: Vec<(&str, String)> =
                fields.iter().map(|(name, value)| (*name, value.replace("ROLE", role))).collect();
            let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
            let before = refused(&owner);
            let answer = if *method == "GET" { browser.get(&path) } else { browser.post(&path, &fields) };
            let got = matches!(answer.status, 200 | 303);
            assert_eq!(got, *expected, "{role}: {method} {path} answered {}: {}", answer.status, answer.text());
            if !got {
                assert!([401, 403, 404].contains(&answer.status), "{role}: {method} {path}: {}", answer.status);
                // The same refusal to the same caller is told once in a while, so a repeated one may be told already.
                let after = refused(&owner);
                assert!(after.len() > before.len() || told(&after, role), "{role}: {method} {path} is not in the log");
                refusals += 1;
            }
        }
    }
    assert!(refusals > 40);
    let verified = server.admin(&["audit-verify"]);
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
}

fn refused(owner: &Browser) -> Vec<Value> {
    let entries = owner.get("/api/v1/audit?limit=500").value()["entries"].as_array().unwrap().clone();
    entries.into_iter().filter(|entry| entry["outcome"].as_str().unwrap().starts_with("refused")).collect()
}

fn told(refused: &[Value], role: &str) -> bool {
    refused.iter().any(|entry| (entry["actor"] == "guest") == (role == "guest"))
}

#[test]
fn a_key_does_what_it_is_for_and_nothing_more() {
    let (_server, owner) = Server::owned();
    let page = owner.post("/account/keys", &[("name", "script"), ("scopes", "read"), ("days", "1")]).text();
    let key = page.split("id=\"key\">").nth(1).and_then(|rest| rest.split('<').next()).unwrap();
    let script = owner.with_key(key);
    assert_eq!(script.get("/api/v1/shares").status, 200);
    assert_eq!(script.get("/api/v1/audit").status, 403);
    assert_eq!(script.json("POST", "/api/v1/uploads", &json!({ "title": "x" })).status, 403);
    assert_eq!(owner.with_key("hk_wrong").get("/api/v1/shares").status, 401);
}

#[test]
fn changes_come_from_our_own_pages_and_only_our_own_names_are_answered() {
    let (server, owner) = Server::owned();
    let cross = owner.ask("POST", "/admin/groups", &["-H", "Sec-Fetch-Site: cross-site", "--data", "name=x"]);
    assert_eq!((cross.status, cross.value()["code"].as_str()), (403, Some("cross-site")));
    let other = owner.ask("POST", "/admin/groups", &["-H", "Origin: https://evil.example", "--data", "name=x"]);
    assert_eq!(other.status, 403);
    assert_eq!(owner.ask("GET", "/", &["-H", "Host: evil.example"]).status, 421);
    let plain = server.address.replace("https", "http");
    let led = std::process::Command::new("curl").args(["-si", &format!("{plain}/s/x")]).output().unwrap();
    let led = String::from_utf8_lossy(&led.stdout).into_owned();
    assert!(led.starts_with("HTTP/1.1 308") && led.contains(&format!("Location: {}/s/x", server.address)), "{led}");
}

#[test]
fn what_a_student_may_do_is_what_the_policy_says_and_an_exam_closes_the_rest() {
    let (server, owner) = Server::owned();
    let student = person(&server, "sam", "student");
    let batch = student.begin("work", "room");
    assert_eq!(student.announce(&batch, "game.EXE", 10).value()["code"], "type");
    let small = [("managed_by", "School"), ("upload", "yes"), ("file_mib", "1"), ("quota_mib", "2")];
    assert_eq!(owner.post("/admin/policy", &small).status, 303);
    assert_eq!(student.announce(&batch, "big.bin", (1 << 20) + 1).value()["code"], "too-large");
    assert_eq!(student.announce(&batch, "a.bin", 1 << 20).status, 201);
    assert_eq!(student.announce(&batch, "b.bin", 1 << 20).status, 201);
    assert_eq!(student.announce(&batch, "c.bin", 1).value()["code"], "quota-bytes");
    assert_eq!(student.json("POST", "/api/v1/uploads", &json!({ "audience": "room" })).value()["code"], "students");

    let paper = owner.upload("paper", "room", "paper.txt", b"questions");
    let lesson = owner.upload("lesson", "room", "lesson.txt", b"answers");
    assert_eq!(owner.post("/admin/policy/exam", &[("do", "begin"), ("minutes", "5"), ("share", &paper)]).status, 303);
    assert_eq!(student.get("/api/v1/search?q=lesson").value()["code"], "exam");
    assert_eq!(student.get(&format!("/api/v1/shares/{lesson}/files/0")).value()["code"], "exam");
    assert_eq!(student.get(&format!("/api/v1/shares/{paper}/files/0")).body, b"questions");
    owner.post("/admin/policy/exam", &[("do", "end")]);
    assert_eq!(student.get(&format!("/api/v1/shares/{lesson}/files/0")).body, b"answers");
}

#[test]
fn a_password_that_was_lost_is_given_anew_at_the_console() {
    let (server, _) = Server::owned();
    let made = server.admin(&["reset-password", "grace", "--json"]);
    let made: Value = serde_json::from_slice(&made.stdout).unwrap();
    let browser = server.browser("new");
    assert_eq!(browser.sign_in("grace", PASSWORD).status, 401);
    assert_eq!(browser.sign_in("grace", made["password"].as_str().unwrap()).header("location"), "/account");
}
