//! `handout admin`: everything that an administrator does, at the console beside the running server, as text and as JSON.

use std::{
    io::Write as _,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{Browser, PASSWORD, Server, person};

/// What a command said as JSON.
pub fn json(server: &Server, words: &[&str]) -> Value {
    let output = server.admin(&[words, &["--json"]].concat());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{words:?}: {said}");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{words:?}: {error}"))
}

/// The exit code of a command that is refused, and what it said.
pub fn fails(server: &Server, words: &[&str]) -> (i32, String) {
    let output = server.admin(words);
    (output.status.code().unwrap(), String::from_utf8_lossy(&output.stderr).into_owned())
}

/// Does something to the database of a server that has ended, as somebody would who holds its disk.
pub fn touch(server: &Server, statements: &str) {
    let script =
        format!("import sqlite3, sys\nd = sqlite3.connect(sys.argv[1])\nd.executescript({statements:?})\nd.commit()\n");
    let database = server.folder.path().join("home/server.db");
    let done = Command::new("python3").args(["-c", &script]).arg(database).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

/// Until the running server has taken in what was done at the console.
pub fn soon(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(20), "{what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn people_and_groups_are_managed_and_a_class_is_imported() {
    let (server, _) = Server::owned();
    json(&server, &["groups", "add", "7a"]);
    json(&server, &["people", "add", "sam", "--shown", "Sam Okoro", "--group", "7a"]);
    json(&server, &["people", "set-role", "sam", "teacher"]);
    json(&server, &["people", "switch-off", "sam"]);
    json(&server, &["groups", "add-member", "7a", "grace"]);
    json(&server, &["groups", "rename", "7a", "8a"]);
    let people = json(&server, &["people"]);
    let sam = people.as_array().unwrap().iter().find(|person| person["name"] == "sam").unwrap();
    let shown = (sam["role"].as_str(), sam["active"].as_bool(), sam["groups"][0].as_str(), sam["shown"].as_str());
    assert_eq!(shown, (Some("teacher"), Some(false), Some("8a"), Some("Sam Okoro")));
    assert_eq!(json(&server, &["groups", "list"])[0]["members"], 2);

    let list = server.folder.path().join("class.csv");
    std::fs::write(&list, "Name;Login;Group\nAnn Müller;;7b\nSam Again;sam;7b\nZoë Li;zoe;7b\n").unwrap();
    let output = server.admin(&["people", "import", list.to_str().unwrap(), "--json"]);
    assert_eq!(output.status.code(), Some(1), "one line can't be taken");
    let imported: Value = serde_json::from_slice(&output.stdout).unwrap();
    let made: Vec<_> = imported.as_array().unwrap().iter().map(|line| line["password"].is_string()).collect();
    assert_eq!(made, [true, false, true]);
    assert!(imported[1]["problem"].as_str().unwrap().contains("already"));
    let first = imported[2]["password"].as_str().unwrap();
    assert_eq!(server.browser("zoe").sign_in("zoe", first).header("location"), "/account");

    json(&server, &["people", "remove", "zoe"]);
    assert_eq!(fails(&server, &["people", "remove", "zoe"]).0, 3);
    assert_eq!(fails(&server, &["people", "set-role", "sam", "king"]).0, 2);
    let (code, said) = fails(&server, &["people", "set-role", "grace", "admin"]);
    assert!(code == 1 && said.contains("last owner"), "{said}");
    assert_eq!(fails(&server, &["groups", "remove", "9z"]).0, 3);
    json(&server, &["groups", "remove", "8a"]);
}

#[test]
fn the_policy_is_changed_explained_and_an_exam_begun_and_the_running_server_follows() {
    let (server, owner) = Server::owned();
    let student = person(&server, "sam", "student");
    let share = owner.upload("lesson", "room", "lesson.txt", b"for all");
    let file = format!("/api/v1/shares/{share}/files/0");
    json(&server, &["policy", "set", "upload=no", "quota_mib=none", "managed_by=Hill School"]);
    let rules = json(&server, &["policy", "show"])["rules"].clone();
    assert_eq!((rules["upload"].as_str(), rules["managed_by"].as_str()), (Some(""), Some("Hill School")));
    soon("the server takes the policy in", || student.get("/upload").status == 403);
    let explained = json(&server, &["policy", "explain", "share.upload", "--person", "sam"]);
    assert_eq!(explained["allowed"], false);
    let why = explained["rules"].as_array().unwrap().last().unwrap()["refused"].as_str().unwrap().to_owned();
    assert!(why.contains("upload"), "{why}");
    assert_eq!(
        json(&server, &["policy", "explain", "share.download", "--person", "sam", "--share", &share])["allowed"],
        true
    );

    json(&server, &["policy", "begin-exam", "--minutes", "5"]);
    soon("the exam holds", || student.get(&file).text().contains("\"code\":\"exam\""));
    json(&server, &["policy", "end-exam"]);
    soon("the exam is over", || student.get(&file).status == 200);
    let hash = blake3::hash(b"for all").to_hex().to_string();
    json(&server, &["policy", "block", &hash, "--note", "leaked"]);
    soon("the content is forbidden", || student.get(&file).status == 403);
    json(&server, &["policy", "unblock", &hash]);
    soon("the content is allowed again", || student.get(&file).status == 200);

    assert_eq!(fails(&server, &["policy", "set", "colour=red"]).0, 2);
    assert_eq!(fails(&server, &["policy", "set", "upload"]).0, 2);
    assert_eq!(fails(&server, &["policy", "block", "12"]).0, 2);
    assert_eq!(fails(&server, &["policy", "begin-exam", "--minutes", "5", "--group", "nobody"]).0, 3);
}

#[test]
fn shares_are_hidden_shown_and_removed_and_links_taken_back() {
    let (server, owner) = Server::owned();
    let student = person(&server, "sam", "student");
    let share = owner.upload("lesson", "room", "lesson.txt", b"for all");
    let page = format!("/s/{share}");
    json(&server, &["quarantine", "add", &share, "--note", "look at it"]);
    assert_eq!(student.get(&page).status, 404);
    assert_eq!(json(&server, &["quarantine"])[0]["note"], "look at it");
    json(&server, &["quarantine", "release", &share]);
    assert_eq!(student.get(&page).status, 200);

    owner.post(&format!("{page}/links"), &[("days", "1")]);
    let token = json(&server, &["links"])[0]["token"].as_str().unwrap().to_owned();
    json(&server, &["links", "revoke", &token]);
    assert_eq!(server.browser("stranger").get(&format!("/l/{token}")).status, 404);
    assert_eq!(fails(&server, &["links", "revoke", &token]).0, 3);

    let storage = json(&server, &["storage"]);
    assert_eq!((storage["shares"].as_u64(), storage["owners"][0]["owner"].as_str()), (Some(1), Some("Grace Hopper")));
    json(&server, &["quarantine", "delete", &share]);
    assert_eq!(student.get(&page).status, 404);
    let shared = server.folder.path().join("home/shared");
    soon("its files are deleted by the running server", || std::fs::read_dir(&shared).unwrap().count() == 0);
    assert_eq!(fails(&server, &["quarantine", "add", &share]).0, 3);
}

#[test]
fn settings_and_servers_above_are_changed_while_the_server_runs_and_the_file_wins() {
    let folder = tempfile::tempdir().unwrap();
    let toml = "[metrics]\nlisten = 'off'\n[sessions]\nhours = 3\n";
    std::fs::write(folder.path().join("server.toml"), toml).unwrap();
    let server = Server::start_in(folder);
    assert_eq!(server.metrics, None);
    json(&server, &["settings", "set", "name", "Hill School"]);
    json(&server, &["settings", "set", "storage.reserve_mib", "1"]);
    soon("the name is shown", || server.browser("guest").get("/setup").text().contains("Hill School"));
    let settings = json(&server, &["settings"]);
    let from = |key: &str| {
        let all = settings.as_array().unwrap();
        all.iter().find(|setting| setting["key"] == key).unwrap()["from"].as_str().unwrap().to_owned()
    };
    assert_eq!([from("name"), from("sessions.hours"), from("sessions.idle_minutes")], ["chosen", "file", "default"]);
    assert!(fails(&server, &["settings", "set", "sessions.hours", "5"]).1.contains("server.toml"));
    assert_eq!(fails(&server, &["settings", "set", "colour", "red"]).0, 2);

    let id = "aiaqcaibaeaqcaibaeaqcaibaeaqcaibaeaqcaibaeaqcaibaeaq";
    json(&server, &["upstreams", "add", "127.0.0.1:9", id, "--name", "School"]);
    let listed = json(&server, &["upstreams"]);
    assert_eq!((listed[0]["name"].as_str(), listed[0]["answers"].as_bool()), (Some("School"), Some(false)));
    assert_eq!(fails(&server, &["upstreams", "add", "127.0.0.1:9", "x"]).0, 2);
    json(&server, &["upstreams", "remove", id]);
    assert_eq!(json(&server, &["upstreams"]).as_array().unwrap().len(), 0);
}

#[test]
fn what_is_done_at_the_console_stands_in_the_log_and_a_log_that_was_touched_is_found_out() {
    let (mut server, owner) = Server::owned();
    for group in ["7b", "7c", "7d", "7a"] {
        json(&server, &["groups", "add", group]);
    }
    let entries = json(&server, &["audit", "list", "--actor", "console", "--action", "groups."]);
    assert_eq!((entries[0]["about"].as_str(), entries[0]["outcome"].as_str()), (Some("group:7a"), Some("done")));
    let csv = server.admin(&["audit", "export"]);
    assert!(String::from_utf8(csv.stdout).unwrap().starts_with("seq,time_ms,actor,"));
    assert_eq!(json(&server, &["audit", "verify"])["whole"], true);

    // Heads that were kept elsewhere convict whoever cuts the log and leaves everything else in order.
    let kept = server.folder.path().join("heads.json");
    std::fs::write(&kept, server.admin(&["audit", "heads", "--json"]).stdout).unwrap();
    let with_heads = ["audit", "verify", "--heads", kept.to_str().unwrap()];
    assert_eq!(json(&server, &with_heads)["whole"], true);
    drop(owner);
    server.stop();
    let sql = |statements: &str| touch(&server, statements);
    let cut = "CREATE TABLE old AS SELECT * FROM audit; CREATE TABLE old_tip AS SELECT * FROM audit_tip; \
        CREATE TABLE old_heads AS SELECT * FROM audit_heads; DELETE FROM audit_heads; \
        DELETE FROM audit WHERE seq > (SELECT MAX(seq) - 2 FROM audit); \
        UPDATE audit_tip SET seq = (SELECT MAX(seq) FROM audit), \
        hash = (SELECT hash FROM audit ORDER BY seq DESC LIMIT 1);";
    let back = "DELETE FROM audit; INSERT INTO audit SELECT * FROM old; DELETE FROM audit_tip; \
        INSERT INTO audit_tip SELECT * FROM old_tip; DELETE FROM audit_heads; \
        INSERT INTO audit_heads SELECT * FROM old_heads;";
    sql(cut);
    assert_eq!(json(&server, &["audit", "verify"])["whole"], true, "without heads from elsewhere nobody sees it");
    let (code, said) = fails(&server, &with_heads);
    assert!(code == 5 && said.contains("the log ends with entry"), "{said}");
    for (how, told) in [
        ("UPDATE audit SET detail = 'nothing' WHERE seq = 2;", "entry 2 was changed"),
        ("DELETE FROM audit WHERE seq = 2;", "entry 2 is missing"),
        (
            "UPDATE audit SET seq = 9999 WHERE seq = 2; UPDATE audit SET seq = 2 WHERE seq = 3; \
          UPDATE audit SET seq = 3 WHERE seq = 9999;",
            "entry 2 was changed",
        ),
        ("DELETE FROM audit WHERE seq = (SELECT MAX(seq) FROM audit);", "the log ends with entry"),
    ] {
        sql(back);
        sql(how);
        let (code, said) = fails(&server, &["audit", "verify"]);
        assert!(code == 5 && said.contains(told), "{how}: {said}");
    }
}

#[test]
fn lists_come_from_standard_input_and_computers_are_enrolled_and_revoked() {
    let (server, _) = Server::owned();
    let mut import = Command::new(env!("CARGO_BIN_EXE_handout"))
        .args(["admin", "people", "import", "-", "--json", "--home"])
        .arg(server.folder.path().join("home"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    import.stdin.take().unwrap().write_all("Ben Okoro,ben,7b\n".as_bytes()).unwrap();
    assert!(import.wait_with_output().unwrap().status.success());

    let made = json(&server, &["devices", "add-token", "Lab A", "--group", "7b", "--uses", "2", "--days", "1"]);
    assert!(made["token"].as_str().unwrap().starts_with("he_"));
    let tokens = json(&server, &["devices", "tokens"]);
    assert_eq!((tokens[0]["note"].as_str(), tokens[0]["group"].as_str()), (Some("Lab A"), Some("7b")));
    json(&server, &["devices", "revoke-token", &tokens[0]["id"].to_string()]);
    assert_eq!(json(&server, &["devices", "tokens"]).as_array().unwrap().len(), 0);
    assert_eq!(json(&server, &["devices"]).as_array().unwrap().len(), 0);
    assert_eq!(fails(&server, &["devices", "revoke", "pc-7"]).0, 3);
    assert_eq!(fails(&server, &["devices", "add-token", "Lab", "--days", "9999"]).0, 2);
}

/// The pages for those who run the server, as an owner and as a teacher sees them.
#[test]
fn every_page_of_the_administration_answers_with_its_place_marked() {
    let (server, owner) = Server::owned();
    owner.upload("lesson", "room", "lesson.txt", b"for all");
    owner.begin("unfinished", "owner");
    let teacher = person(&server, "tea", "teacher");
    let places = ["", "/people", "/devices", "/policy", "/upstreams", "/quarantine", "/storage", "/audit", "/settings"];
    let page = |browser: &Browser, place: &str| browser.get(&format!("/admin{place}"));
    for place in places {
        let shown = page(&owner, place);
        let text = shown.text();
        assert_eq!(shown.status, 200, "{place}: {text}");
        assert!(text.contains(&format!("href=\"/admin{place}\" aria-current=\"page\"")), "{place}");
        let only_admins = ["/audit", "/settings"].contains(&place);
        assert_eq!(page(&teacher, place).status, if only_admins { 403 } else { 200 }, "{place}");
    }
    assert!(page(&owner, "/storage").text().contains("Remove what came of unfinished"));
    assert!(!page(&teacher, "/storage").text().contains("Remove what came of unfinished"));
    let saved = owner.post("/admin/settings", &[("name", "Hill School"), ("sessions.hours", "9")]);
    assert_eq!(saved.header("location"), "/admin/settings?done=changed");
    assert!(page(&owner, "/settings").text().contains("value=\"Hill School\""));
    assert_eq!(owner.post("/admin/settings", &[("sessions.hours", "x")]).status, 422);
    assert_eq!(owner.post("/admin/backup", &[]).status, 303);
    assert!(page(&owner, "/storage").text().contains("server-"));
    assert_eq!(owner.sign_in("grace", PASSWORD).status, 303);
}
