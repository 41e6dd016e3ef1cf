//! Who may do what, asked of the real server; and that every refusal stands in the audit log.

use serde_json::{Value, json};

use super::{PASSWORD, Server, person};

#[test]
fn a_key_does_what_it_is_for_and_nothing_more() {
    let (_server, owner) = Server::owned();
    let page = owner
        .post("/account/keys", &[("name", "script"), ("scopes", "read"), ("days", "1"), ("password", PASSWORD)])
        .text();
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
    assert_eq!(student.get("/api/v1/search?q=lesson").value()["hits"].as_array().unwrap().len(), 0);
    assert_eq!(student.get(&format!("/api/v1/shares/{lesson}/files/0")).value()["code"], "exam");
    assert_eq!(student.get(&format!("/api/v1/shares/{paper}/files/0")).body, b"questions");
    owner.post("/admin/policy/exam", &[("do", "end")]);
    assert_eq!(student.get(&format!("/api/v1/shares/{lesson}/files/0")).body, b"answers");
}

#[test]
fn a_password_that_was_lost_is_given_anew_at_the_console() {
    let (server, _) = Server::owned();
    let made = server.admin(&["people", "reset-password", "grace", "--json"]);
    let made: Value = serde_json::from_slice(&made.stdout).unwrap();
    let browser = server.browser("new");
    assert_eq!(browser.sign_in("grace", PASSWORD).status, 401);
    assert_eq!(browser.sign_in("grace", made["password"].as_str().unwrap()).header("location"), "/account");
}

#[test]
fn a_home_that_was_made_open_is_closed_before_anything_secret_lies_in_it_and_a_foreign_one_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = |path: &std::path::Path| std::fs::symlink_metadata(path).unwrap().permissions().mode() & 0o777;
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home");
    std::fs::create_dir(&home).unwrap();
    std::fs::set_permissions(&home, std::fs::Permissions::from_mode(0o755)).unwrap();

    let server = Server::start_in(folder);
    assert_eq!(mode(&home), 0o700);
    let mut folders = vec![home];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path()) {
            assert_eq!(mode(&entry) & 0o077, 0, "{} is open to others", entry.display());
            if entry.is_dir() {
                folders.push(entry);
            }
        }
    }
    drop(server);

    let foreign = tempfile::tempdir().unwrap();
    std::fs::write(foreign.path().join("letter.odt"), "").unwrap();
    std::fs::set_permissions(foreign.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    for command in ["serve", "daemon"] {
        let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_handout"));
        let refused = program.args([command, "--home"]).arg(foreign.path()).output().unwrap();
        let said = String::from_utf8_lossy(&refused.stderr);
        assert!(!refused.status.success() && said.contains("others can look into it"), "{said}");
        assert_eq!(mode(foreign.path()), 0o755);
    }
}
