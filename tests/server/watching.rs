//! What whoever watches over a server sees: figures, logs, ids of requests. And HTTP/2, which browsers speak.

use std::process::Command;

use super::{Browser, Server};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

fn metrics(server: &Server) -> String {
    let address = format!("http://{}/metrics", server.metrics.as_ref().unwrap());
    let output = Command::new("curl").args(["-sSf", "--max-time", "10", &address]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The value of a figure, with its labels as they stand in the text.
fn figure(text: &str, name: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("there is no {name} in\n{text}")).parse().unwrap()
}

#[test]
fn figures_tell_what_was_asked_sent_received_and_refused() {
    let (server, owner) = Server::owned();
    let share = owner.upload("lesson", "room", "lesson.txt", b"twelve bytes");
    let file = format!("/api/v1/shares/{share}/files/0");
    assert_eq!(owner.get(&file).status, 200);
    assert_eq!(server.browser("guest").get("/api/v1/audit").status, 401);
    let text = metrics(&server);
    let route = "{route=\"/api/v1/shares/{share}/files/{entry}\"";
    assert_eq!(figure(&text, &format!("handout_requests_total{route},method=\"GET\",status=\"200\"}}")), 1.0);
    assert_eq!(figure(&text, &format!("handout_request_duration_seconds_count{route}}}")), 1.0);
    assert_eq!(figure(&text, "handout_refusals_total{action=\"audit.see\",reason=\"sign-in\"}"), 1.0);
    assert_eq!(figure(&text, "handout_sent_bytes_total"), 12.0);
    assert_eq!(figure(&text, "handout_received_bytes_total"), 12.0);
    assert_eq!(figure(&text, "handout_kept_shares"), 1.0);
    assert_eq!(figure(&text, "handout_queue_length{queue=\"sealing\"}"), 0.0);
    assert!(figure(&text, "handout_database_statements_total") > 10.0);
    assert!(figure(&text, "handout_database_seconds_total") > 0.0);
    assert!(text.ends_with("# EOF\n") && !text.contains(&share), "no figure names a share");
    // They are told nowhere else.
    assert_eq!(owner.get("/metrics").status, 404);
}

#[test]
fn a_request_has_one_id_in_its_answer_in_the_log_and_in_the_audit_log() {
    let (server, owner) = Server::owned();
    let parent = format!("traceparent: 00-{TRACE}-b7ad6b7169203331-01");
    let guest = server.browser("guest");
    let answer = guest.ask("GET", "/api/v1/audit", &["-H", &parent]);
    assert_eq!((answer.status, answer.header("x-request-id")), (401, TRACE));
    let entries = owner.get("/api/v1/audit?limit=5").value()["entries"].clone();
    assert_eq!(entries[0]["request"], TRACE);
    let line = server.log().into_iter().find(|line| line["span"]["request"] == TRACE).expect("it is in the log");
    assert_eq!((line["path"].as_str(), line["status"].as_u64()), (Some("/api/v1/audit"), Some(401)));
    assert_eq!((line["route"].as_str(), line["method"].as_str()), (Some("/api/v1/audit"), Some("GET")));

    // Whoever brings none, or nonsense, gets one.
    let ids = ["traceparent: 00-0-0-0", "accept: */*"].map(|header| {
        let id = guest.ask("GET", "/api/v1/policy", &["-H", header]).header("x-request-id").to_owned();
        assert!(id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()), "{id}");
        id
    });
    assert_ne!(ids[0], ids[1]);
}

#[test]
fn the_word_of_a_link_is_not_in_the_log() {
    let (server, owner) = Server::owned();
    let share = owner.upload("slides", "owner", "slides.txt", b"one");
    owner.post(&format!("/s/{share}/links"), &[("days", "1")]);
    let listed: serde_json::Value = serde_json::from_slice(&server.admin(&["links", "list", "--json"]).stdout).unwrap();
    let token = listed[0]["token"].as_str().unwrap();
    assert_eq!(server.browser("stranger").get(&format!("/l/{token}/f/0/slides.txt")).status, 200);
    let log = std::fs::read_to_string(server.folder.path().join("log")).unwrap();
    assert!(log.contains("/l/{token}/f/{entry}/{name}") && !log.contains(token));
}

#[test]
fn a_browser_asks_many_things_at_once_on_one_connection_of_http_2() {
    let (_server, owner) = Server::owned();
    let content: Vec<u8> = (0..3_000_000u32).map(|number| (number % 251) as u8).collect();
    let share = owner.upload("lesson", "room", "lesson.bin", &content);
    let file = format!("/api/v1/shares/{share}/files/0");
    let version = |browser: &Browser, args: &[&str]| {
        let mut all = vec!["-w", "%{http_version}", "-o", "/dev/null"];
        all.extend(args);
        browser.ask("GET", &file, &all).text()
    };
    assert_eq!(version(&owner, &["--http2"]), "2");
    assert_eq!(version(&owner, &["--http1.1"]), "1.1");
    assert_eq!(version(&owner, &["--no-alpn"]), "1.1", "a program that offers nothing is served, too");
    assert_eq!(owner.ask("GET", &file, &["--http2"]).body, content);
    // A name that is not ours is refused in either version.
    assert_eq!(owner.ask("GET", "/", &["--http2", "-H", "Host: evil.example"]).status, 421);

    // An answer that comes before all of a body was read comes through.
    for _ in 0..20 {
        let refused =
            owner.ask("POST", "/admin/groups", &["--http2", "-H", "Sec-Fetch-Site: cross-site", "-d", "name=x"]);
        assert_eq!(refused.status, 403);
    }

    // Twenty downloads on one connection.
    let folder = tempfile::tempdir().unwrap();
    let mut curl = Command::new("curl");
    curl.args(["-sSk", "--http2", "--parallel", "--parallel-max", "20", "--max-time", "60", "-b"]).arg(&owner.jar);
    for number in 0..20 {
        curl.arg("-o").arg(folder.path().join(number.to_string())).arg(format!("{}{file}", owner.address));
    }
    assert!(curl.status().unwrap().success());
    for number in 0..20 {
        assert!(std::fs::read(folder.path().join(number.to_string())).unwrap() == content, "download {number}");
    }
}

/// The names that docs/SERVER.md lists, and a few that only explain.
const LOGGED: &[&str] =
    &["request", "method", "path", "route", "status", "ms", "address", "server", "share", "batch", "error", "reason"];

#[test]
fn each_thing_has_one_name_in_the_log() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut folders, mut seen) = (vec![root.join("server"), root.join("chain")], 0);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = if path.extension().is_some_and(|kind| kind == "rs") {
                std::fs::read_to_string(&path).unwrap()
            } else {
                continue;
            };
            for call in text.split("tracing::").skip(1).filter_map(|rest| rest.split_once("!(")) {
                if !["error", "warn", "info", "debug", "info_span"].contains(&call.0) {
                    continue;
                }
                // What stands before the sentence are the fields.
                let alone = call.1.trim_start().starts_with('"');
                let end = if alone { 0 } else { call.1.find(", \"").unwrap_or(0) };
                let fields = call.1[..end].split(',').map(str::trim).filter(|field| !field.starts_with("target:"));
                for field in fields.filter(|field| !field.is_empty()) {
                    let name = field.split('=').next().unwrap().trim().trim_start_matches(['%', '?']);
                    assert!(LOGGED.contains(&name), "{}: {name:?} is no name of the log's", path.display());
                    seen += 1;
                }
            }
        }
    }
    assert!(seen > 25, "only {seen} fields were found");
}
