//! A server is moved from SQLite and a folder to PostgreSQL and an object store, and back: everything is equal.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;

use super::{
    Browser, Server,
    processes::{Process, Site},
};
use crate::s3::{KEY, SECRET};

/// What a copy holds, by the names of its files.
fn files_of(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for part in ["tables", "shares", "contents", "uploads"] {
        collect(&folder.join(part), folder, &mut found);
    }
    found
}

fn collect(folder: &Path, top: &Path, found: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, top, found);
        } else {
            found.insert(path.strip_prefix(top).unwrap().to_owned(), std::fs::read(&path).unwrap());
        }
    }
}

/// Two copies are equal, but for what making the second one wrote into the log.
fn assert_equal(first: &Path, second: &Path) {
    let (first, second) = (files_of(first), files_of(second));
    assert_eq!(first.keys().collect::<Vec<_>>(), second.keys().collect::<Vec<_>>());
    for (name, content) in &first {
        match name.to_str().unwrap() {
            "tables/audit.jsonl" => assert!(second[name].starts_with(content), "the log went on where it was"),
            "tables/audit_tip.jsonl" => {}
            _ => assert!(second[name] == *content, "{}", name.display()),
        }
    }
}

fn handout(words: &[&str], folder: &Path, home: &Path, config: Option<&Path>) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_handout"));
    command.arg("admin").args(words).arg(folder).arg("--home").arg(home).arg("--json");
    if let Some(config) = config {
        command.arg("--config").arg(config);
    }
    command.env("AWS_ACCESS_KEY_ID", KEY).env("AWS_SECRET_ACCESS_KEY", SECRET).output().unwrap()
}

fn done(output: &Output) -> Value {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn content(seed: u8, len: usize) -> Vec<u8> {
    (0..len).map(|at| (at as u8).wrapping_mul(31) ^ (at >> 8) as u8 ^ seed).collect()
}

/// A server with people, a log, shares of every audience, a link, and an upload that is half here.
fn lived_in() -> (Server, Browser, String, String) {
    let (server, owner) = Server::owned();
    let student = super::person(&server, "sam", "student");
    let shared = owner.upload("Übung für alle", "room", "f/große datei.bin", &content(1, 5_000_000));
    student.upload("Mine", "owner", "notes.txt", b"nobody else's");
    let twice = owner.upload("The same again", "room", "again.bin", &content(1, 5_000_000));
    assert_ne!(shared, twice);
    assert_eq!(owner.post(&format!("/s/{twice}/quarantine"), &[("hide", "yes"), ("note", "twice")]).status, 303);
    let batch = owner.begin("Half", "room");
    let place = owner.announce(&batch, "half.bin", 6_000_000).header("location").to_owned();
    assert_eq!(owner.patch(&place, 0, &content(3, 6_000_000)[..4_500_000]).status, 204);
    (server, owner, shared, place)
}

fn at(browser: &Browser, process: &Process) -> Browser {
    browser.at(&process.address, 5_000)
}

#[test]
fn a_server_moves_to_other_engines_and_back_and_everything_is_equal() {
    let (server, owner, shared, place) = lived_in();
    let site = Site::new();
    let folder = server.folder.path();
    let (first, second, third) = (folder.join("first"), folder.join("second"), folder.join("third"));

    let told = done(&server.admin_at(&["export"], &first));
    assert_eq!(
        (told["shares"].as_u64(), told["contents"].as_u64(), told["uploads"].as_u64()),
        (Some(3), Some(2), Some(1))
    );
    let config = folder.join("server.toml");
    std::fs::write(&config, site.config()).unwrap();
    let there = site.folder.path().join("one");
    done(&handout(&["import"], &first, &there, Some(&config)));
    assert_eq!(site.s3.objects("lab/content").len(), 2);
    let again = handout(&["import"], &first, &there, Some(&config));
    assert!(!again.status.success(), "nothing is written over");
    assert!(String::from_utf8_lossy(&again.stderr).contains("holds a server already"));

    // It lives on there: the session, the share, the half upload.
    let process = site.start("one");
    let moved = at(&owner, &process);
    assert_eq!(moved.get("/api/v1/me").value()["name"], "Grace Hopper", "still signed in");
    assert!(moved.get(&format!("/api/v1/shares/{shared}/files/1")).body == content(1, 5_000_000));
    assert!(
        moved.get("/api/v1/search?q=grosse").value().to_string().contains(&shared)
            || moved.get("/api/v1/search?q=gro%C3%9Fe").value().to_string().contains(&shared)
    );
    let offset = moved.ask("HEAD", &place, &["-H", "Tus-Resumable: 1.0.0"]);
    assert_eq!(offset.header("upload-offset"), "4500000");
    drop(process);

    done(&handout(&["export"], &second, &there, Some(&config)));
    let back = folder.join("back");
    done(&handout(&["import"], &second, &back, None));
    done(&handout(&["export"], &third, &back, None));
    assert_equal(&second, &third);
    let verified = Command::new(env!("CARGO_BIN_EXE_handout"))
        .args(["admin", "audit", "verify", "--json", "--home"])
        .arg(&back)
        .output()
        .unwrap();
    assert_eq!(done(&verified)["whole"], true);
}

#[test]
fn a_copy_is_equal_on_both_engines_before_anybody_goes_on() {
    let (server, ..) = lived_in();
    let site = Site::new();
    let folder = server.folder.path();
    let (first, second) = (folder.join("first"), folder.join("second"));
    // What is done again goes on where it was, and brings up to date.
    done(&server.admin_at(&["export"], &first));
    let hidden = std::fs::read_dir(first.join("contents")).unwrap().flatten().next().unwrap().path();
    std::fs::remove_dir_all(hidden).unwrap();
    std::fs::remove_file(first.join("index.json")).unwrap();
    done(&server.admin_at(&["backup"], &first));

    let config = folder.join("server.toml");
    std::fs::write(&config, site.config()).unwrap();
    let there = site.folder.path().join("one");
    done(&handout(&["restore"], &first, &there, Some(&config)));
    done(&handout(&["export"], &second, &there, Some(&config)));
    assert_equal(&first, &second);
}

#[test]
fn a_backup_is_brought_back_into_an_empty_home_and_into_no_other() {
    let (server, owner, shared, place) = lived_in();
    let folder = server.folder.path().to_owned();
    let backup = folder.join("backup");
    done(&server.admin_at(&["backup"], &backup));
    owner.upload("After the backup", "room", "late.txt", b"late");

    let refused = handout(&["restore"], &backup, &folder.join("home"), None);
    assert!(!refused.status.success(), "a running server is not touched");
    let other = tempfile::tempdir().unwrap();
    let restored = other.path().join("home");
    done(&handout(&["restore"], &backup, &restored, None));
    let again = handout(&["restore"], &backup, &restored, None);
    assert!(String::from_utf8_lossy(&again.stderr).contains("holds a server already"));

    let after = Server::start_in(other);
    let owner = owner.at(&after.address, 9_000);
    assert_eq!(owner.get("/api/v1/me").value()["name"], "Grace Hopper");
    assert!(owner.get(&format!("/api/v1/shares/{shared}/files/1")).body == content(1, 5_000_000));
    assert!(!owner.get("/api/v1/search?q=late").value().to_string().contains("late.txt"));
    let rest = owner.patch(&place, 4_500_000, &content(3, 6_000_000)[4_500_000..]);
    assert_eq!(rest.status, 204, "the unfinished upload goes on: {}", rest.text());
}

#[test]
fn a_damaged_copy_is_refused_and_nothing_is_brought_in() {
    let (server, ..) = lived_in();
    let folder = server.folder.path();
    let backup = folder.join("backup");
    done(&server.admin_at(&["backup"], &backup));
    let files: Vec<PathBuf> = files_of(&backup).into_keys().filter(|name| !name.starts_with("shares")).collect();
    assert!(files.len() > 10);
    for (number, name) in files.iter().enumerate() {
        let path = backup.join(name);
        let right = std::fs::read(&path).unwrap();
        if right.is_empty() {
            continue;
        }
        let mut wrong = right.clone();
        let middle = wrong.len() / 2;
        wrong[middle] ^= 1;
        std::fs::write(&path, &wrong).unwrap();
        let home = folder.join(format!("home{number}"));
        let refused = handout(&["restore"], &backup, &home, None);
        assert!(!refused.status.success(), "{}", name.display());
        std::fs::write(&path, &right).unwrap();
        if number == 0 {
            done(&handout(&["restore"], &backup, &home, None));
        }
    }
    std::fs::remove_file(backup.join("index.json")).unwrap();
    let refused = handout(&["restore"], &backup, &folder.join("other"), None);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("index.json"));
}
