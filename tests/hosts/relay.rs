//! Computers that a server knows and that can't reach each other, as with guests' isolation of an access point: their server
//! brings what one of them gives to everyone.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{Running, helpers::content, network::Hosts};
use crate::as_root;

const ANN: u8 = 0;
const SERVER: u8 = 1;
const BEN: u8 = 2;
const CEM: u8 = 3;
const DANA: u8 = 4;
const PATIENCE: Duration = Duration::from_secs(90);
const BYTES: usize = 24 << 20;

struct School {
    hosts: Hosts,
    folder: tempfile::TempDir,
}

impl School {
    fn home(&self, host: u8) -> PathBuf {
        self.folder.path().join(format!("home-{host}"))
    }

    /// `handout ARGS` on a computer, with the home that is its own.
    fn command(&self, host: u8, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_handout"));
        command.env_remove("HANDOUT_HOME").arg("--home").arg(self.home(host)).args(args);
        let mut there = self.hosts.on(host, &command);
        there.stdin(Stdio::null());
        there
    }

    /// The exit code, and what was said.
    fn run(&self, host: u8, args: &[&str]) -> (Option<i32>, String, String) {
        let ran = self.command(host, args).output().unwrap();
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        (ran.status.code(), text(&ran.stdout), text(&ran.stderr))
    }

    fn json(&self, host: u8, args: &[&str]) -> Value {
        let (code, said, errors) = self.run(host, &[args, &["--json"]].concat());
        assert_eq!(code, Some(0), "{args:?}: {said}{errors}");
        serde_json::from_str(&said).unwrap()
    }

    fn wait(&self, host: u8, what: &str, args: &[&str], is_so: impl Fn(&Value) -> bool) -> Value {
        let begun = Instant::now();
        loop {
            let (_, said, errors) = self.run(host, &[args, &["--json"]].concat());
            let told = serde_json::from_str(&said).unwrap_or(Value::Null);
            if is_so(&told) {
                return told;
            }
            assert!(begun.elapsed() < PATIENCE, "waited in vain until {what}: {said}{errors}");
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// Starts a computer that hears no multicast, and enrols it.
    fn computer(&self, host: u8, name: &str, group: Option<&str>) -> Running {
        std::fs::create_dir_all(self.home(host)).unwrap();
        let downloads = self.folder.path().join(format!("downloads-{host}"));
        let settings = format!("name = {name:?}\ndownloads = {downloads:?}\n");
        std::fs::write(self.home(host).join("settings.toml"), settings).unwrap();
        let running = Running::start(&mut self.command(host, &["--no-discovery", "daemon"]));
        self.wait(host, "it runs", &["status"], |status| status["running"] == true && status["listen"].is_string());
        let group = group.map_or(vec![], |group| vec!["--group", group]);
        let made = self.json(SERVER, &[&["admin", "devices", "add-token", name][..], &group].concat());
        let server = format!("{}:47548", self.hosts.address(SERVER));
        let (code, _, errors) = self.run(host, &["enrol", &server, made["token"].as_str().unwrap()]);
        assert_eq!(code, Some(0), "{errors}");
        running
    }

    fn share(&self, host: u8, name: &str, bytes: &[u8], to: &[&str]) -> String {
        let file = self.folder.path().join(name);
        std::fs::write(&file, bytes).unwrap();
        let shared = self.json(host, &[&["share", file.to_str().unwrap()][..], to].concat());
        shared["id"].as_str().unwrap().to_owned()
    }

    fn get(&self, host: u8, share: &str) -> Vec<u8> {
        place_of(&self.json(host, &["get", share, "--timeout", "60"]))
    }
}

fn place_of(got: &Value) -> Vec<u8> {
    std::fs::read(Path::new(got["places"][0].as_str().unwrap())).unwrap()
}

fn open(test: &str) -> Option<(School, Running)> {
    if as_root::instead(module_path!(), test) {
        return None;
    }
    let school = School { hosts: Hosts::up(5, 0).unwrap(), folder: tempfile::tempdir().unwrap() };
    let log = std::fs::File::create(school.folder.path().join("server.log")).unwrap();
    let mut server = school.command(SERVER, &["serve", "--listen", "0.0.0.0:47548", "--no-discovery", "--json"]);
    let server = Running::start(server.stderr(log));
    server.line("{", Instant::now() + PATIENCE);
    school.json(SERVER, &["admin", "policy", "set", "guests=nothing", "share_with_room=yes", "upload=yes"]);
    Some((school, server))
}

#[test]
fn who_can_not_reach_each_other_gets_through_the_server_what_is_for_everyone() {
    let test = "who_can_not_reach_each_other_gets_through_the_server_what_is_for_everyone";
    let Some((school, _server)) = open(test) else { return };
    for host in [ANN, BEN, CEM, DANA] {
        school.hosts.isolate(host).unwrap();
    }
    school.json(SERVER, &["admin", "groups", "add", "7b"]);
    let mut ann = school.computer(ANN, "Ann", Some("7b"));
    let bytes = content(BYTES);
    let share = school.share(ANN, "Field trip.bin", &bytes, &[]);
    let own = school.share(ANN, "Field notes.txt", b"for us", &["--for", "7b"]);
    let _ben = school.computer(BEN, "Ben", None);
    let _cem = school.computer(CEM, "Cem", None);

    let found = school.wait(BEN, "he finds it", &["search", "field"], |rows| !rows[0].is_null());
    assert_eq!(found.as_array().unwrap().len(), 1, "what is for a class is told to nobody else: {found}");
    assert_eq!((&found[0]["id"], &found[0]["title"]), (&share.clone().into(), &"Field trip.bin".into()));
    let route: Vec<&str> = found[0]["route"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!((route[0], route.last()), ("you", Some(&"Ann")), "{route:?}");
    assert_eq!(route.len(), 3, "{route:?}");

    // Two at once cause one transfer from the computer that gives it.
    let before = school.hosts.sent(ANN).unwrap();
    let mut both = [BEN, CEM].map(|host| {
        let mut get = school.command(host, &["get", &share, "--timeout", "60", "--json"]);
        get.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    });
    for get in &mut both {
        assert!(get.wait().unwrap().success(), "{}", std::io::read_to_string(get.stderr.take().unwrap()).unwrap());
        let got: Value = serde_json::from_reader(get.stdout.take().unwrap()).unwrap();
        assert!(place_of(&got) == bytes);
    }
    let sent = school.hosts.sent(ANN).unwrap() - before;
    assert!(sent < 3 * BYTES as u64 / 2, "{sent} bytes went from Ann for {BYTES} of the file");

    // It stays with the server like what was brought from above; what is for others never came there for anybody else.
    ann.kill();
    let dana = school.computer(DANA, "Dana", None);
    assert!(school.get(DANA, &share) == bytes);
    let (code, _, errors) = school.run(DANA, &["get", &own, "--timeout", "3"]);
    assert_eq!(code, Some(3), "{errors}");
    drop(dana);
}

#[test]
fn who_can_reach_each_other_is_introduced_by_the_server_and_needs_it_for_nothing_more() {
    let test = "who_can_reach_each_other_is_introduced_by_the_server_and_needs_it_for_nothing_more";
    let Some((school, mut server)) = open(test) else { return };
    // One is there before the other, who hears of it with the next answer of the server.
    let _ben = school.computer(BEN, "Ben", None);
    let _ann = school.computer(ANN, "Ann", None);
    let bytes = content(2 << 20);
    let share = school.share(ANN, "Field trip.bin", &bytes, &[]);
    let id = school.json(ANN, &["status"])["id"].clone();

    let listed = |rows: &Value| rows.as_array().is_some_and(|rows| rows.iter().any(|row| row["id"] == share.as_str()));
    school.wait(BEN, "he sees it in his list", &["shares"], listed);
    let peers = school.json(BEN, &["peers"]);
    assert!(peers.as_array().unwrap().iter().any(|peer| peer["id"] == id), "{peers}");
    server.kill();
    assert!(school.get(BEN, &share) == bytes, "directly");
}
