//! A server that ends without a warning in the middle of its work: what was confirmed is there, and what was not can be done
//! again.
//!
//! The moments are drawn by chance. Each run of the tests takes a few; `tests/long/killed` takes fifty of each kind.

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::Value;

use super::{Browser, Server, healing::soon};

/// So many moments of each kind.
fn moments() -> u32 {
    std::env::var("HANDOUT_KILLED").map_or(2, |count| count.parse().unwrap())
}

/// A time below `most`; all of them are printed, so that one that fails can be told.
fn moment(most: Duration) -> Duration {
    let mut bytes = [0; 4];
    aws_lc_rs::rand::fill(&mut bytes).unwrap();
    let moment = most * u32::from(u16::from_le_bytes([bytes[0], bytes[1]])) / u32::from(u16::MAX);
    println!("killed after {moment:?}");
    moment
}

fn content(seed: u32, len: usize) -> Vec<u8> {
    (0..len as u32).map(|at| (at.wrapping_mul(2_654_435_761).wrapping_add(seed) >> 13) as u8).collect()
}

/// Sends bytes to an upload, in a program of its own.
fn sends(browser: &Browser, place: &str, at: usize, file: &Path) -> Child {
    Command::new("curl")
        .args(["-sk", "--http1.1", "--limit-rate", "20M", "-X", "PATCH", "-H", "Tus-Resumable: 1.0.0"])
        .args(["-H", "Expect:", "-H", "Content-Type: application/offset+octet-stream"])
        .args(["-H", &format!("Origin: {}", browser.address), "-H", &format!("Upload-Offset: {at}")])
        .arg("-b")
        .arg(&browser.jar)
        .arg("--data-binary")
        .arg(format!("@{}", file.display()))
        .arg(format!("{}{place}", browser.address))
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

fn offset(browser: &Browser, place: &str) -> usize {
    let told = browser.ask("HEAD", place, &["-H", "Tus-Resumable: 1.0.0"]);
    told.header("upload-offset").parse().unwrap_or_else(|_| panic!("{}", told.status))
}

/// The log is whole, and what is here is what was sent.
fn all_is_well(server: &Server, owner: &Browser, share: &str, bytes: &[u8]) {
    assert!(owner.get(&format!("/api/v1/shares/{share}/files/0")).body == bytes);
    assert_eq!(super::console::json(server, &["audit", "verify"])["whole"], true);
    assert_eq!(owner.get("/readyz").status, 200);
}

/// A server that takes what comes, however full the disk of the tests is.
fn started() -> (Server, Browser) {
    let folder = tempfile::tempdir().unwrap();
    let config = "[metrics]\nlisten = '127.0.0.1:0'\n[storage]\nreserve_mib = 0\n";
    std::fs::write(folder.path().join("server.toml"), config).unwrap();
    let server = Server::start_in(folder);
    let owner = server.own();
    (server, owner)
}

/// Kills the server and starts it at the same address.
fn kill(server: &mut Server) {
    server.kill();
    server.start_at_the_same_address();
}

#[test]
fn an_upload_goes_on_behind_what_was_confirmed_whenever_the_server_is_killed() {
    let (mut server, owner) = started();
    for round in 0..moments() {
        let bytes = content(round, 9_000_000);
        let batch = owner.begin(&format!("Upload {round}"), "room");
        let place = owner.announce(&batch, "a.bin", bytes.len()).header("location").to_owned();
        let rest = server.folder.path().join("rest");
        let mut at = 0;
        for _ in 0..2 {
            std::fs::write(&rest, &bytes[at..]).unwrap();
            let mut sending = sends(&owner, &place, at, &rest);
            std::thread::sleep(moment(Duration::from_millis(400)));
            kill(&mut server);
            sending.wait().unwrap();
            let before = at;
            at = offset(&owner, &place);
            assert!((before..=bytes.len()).contains(&at), "{before} → {at}");
        }
        if at < bytes.len() {
            assert_eq!(owner.patch(&place, at, &bytes[at..]).status, 204);
        }
        let share = owner.finish(&batch);
        all_is_well(&server, &owner, &share, &bytes);
    }
}

#[test]
fn a_share_is_made_of_an_upload_whenever_the_server_is_killed() {
    let (mut server, owner) = started();
    for round in 0..moments() {
        let bytes = content(round, 16_000_000);
        let batch = owner.begin(&format!("Seal {round}"), "room");
        let place = owner.announce(&batch, "a.bin", bytes.len()).header("location").to_owned();
        assert_eq!(owner.patch(&place, 0, &bytes).status, 204);
        assert!(owner.json("POST", &format!("/api/v1/uploads/{batch}/finish"), &Value::Null).status < 300);
        std::thread::sleep(moment(Duration::from_millis(250)));
        kill(&mut server);
        let share = owner.finish(&batch);
        all_is_well(&server, &owner, &share, &bytes);
        let listed = owner.get("/api/v1/shares").value().to_string();
        assert_eq!(listed.matches(&format!("\"Seal {round}\"")).count(), 1, "it is one share: {listed}");
    }
}

/// `handout admin` on a folder, which is killed after a moment. Tells whether it was done before.
fn broken_off(words: &[&str], folder: &Path, home: &Path, most: Duration) -> bool {
    let mut program = Command::new(env!("CARGO_BIN_EXE_handout"))
        .arg("admin")
        .args(words)
        .arg(folder)
        .arg("--home")
        .arg(home)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(moment(most));
    program.kill().ok();
    program.wait().unwrap().success()
}

fn admin(words: &[&str], folder: &Path, home: &Path) -> std::process::Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_handout"));
    command.arg("admin").args(words).arg(folder).arg("--home").arg(home).output().unwrap()
}

fn done(output: &std::process::Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_copy_is_whole_or_none_whenever_making_it_or_bringing_it_back_is_killed() {
    let (server, owner) = started();
    let bytes = content(7, 20_000_000);
    let share = owner.upload("Kept", "room", "a.bin", &bytes);
    let home = server.folder.path().join("home");
    for round in 0..moments() {
        let copy = server.folder.path().join(format!("copy{round}"));
        let whole = broken_off(&["export"], &copy, &home, Duration::from_millis(500));
        // What was broken off is no copy, and is not taken for one.
        let tried = server.folder.path().join(format!("tried{round}"));
        let brought = admin(&["import"], &copy, &tried).status.success();
        assert!(brought || !whole, "a finished copy can be brought back");
        assert_eq!(owner.get("/readyz").status, 200, "the server goes on");
        if !brought {
            std::fs::remove_dir_all(&copy).ok();
            done(&admin(&["export"], &copy, &home));
        }

        let folder = tempfile::tempdir().unwrap();
        let back = folder.path().join("home");
        if !broken_off(&["import"], &copy, &back, Duration::from_millis(600)) {
            let again = admin(&["import"], &copy, &back);
            let said = String::from_utf8_lossy(&again.stderr).into_owned();
            assert!(again.status.success() || said.contains("holds a server already"), "{said}");
        }
        let second = Server::start_in(folder);
        let there = owner.at(&second.address, 1_000 * (round + 1));
        soon("the share is there", || there.get(&format!("/api/v1/shares/{share}/files/0")).status == 200);
        all_is_well(&second, &there, &share, &bytes);
    }
    assert_eq!(super::console::json(&server, &["audit", "verify"])["whole"], true);
}
