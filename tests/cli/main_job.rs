//! The main job with the real program and nothing made up: two homes, one link, every byte compared.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::program::{Ran, finish, handout, run_at};

/// Far longer than any of these takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn what_is_shared_on_one_arrives_on_the_other_with_every_byte() {
    let (ann, ben) = (Home::new(), Home::new());
    let file = ann.file("lesson 1.bin", 5_000_003);
    let (sharing, link) = ann.share(&[&file]);

    let ran = ben.get(&link, &ann.address(), &[]);

    assert_eq!(ran.code(), Some(0), "{ran:?}");
    let place = PathBuf::from(ran.stdout.trim_end());
    assert_eq!(place, ben.downloads().join("lesson 1.bin"));
    assert_eq!(blake3_of(&place), blake3_of(&file));
    assert_eq!(ben.unfinished(), Vec::<PathBuf>::new());
    assert_eq!(end(sharing).code(), Some(0), "Ctrl-C is how sharing is meant to end");
}

#[test]
fn a_folder_keeps_its_shape_and_what_is_there_already_is_not_overwritten() {
    let (ann, ben) = (Home::new(), Home::new());
    let folder = ann.root().join("Robots");
    fs::create_dir_all(folder.join("parts/empty")).unwrap();
    fs::write(folder.join("parts/wheel.txt"), "round").unwrap();
    fs::write(folder.join("read me.txt"), "first").unwrap();
    let (_sharing, link) = ann.share(&[&folder]);
    let into = ben.root().join("into");
    fs::create_dir_all(into.join("Robots")).unwrap();
    fs::write(into.join("Robots/read me.txt"), "mine").unwrap();

    let ran = ben.get(&link, &ann.address(), &["--into", into.to_str().unwrap()]);

    assert_eq!(ran.code(), Some(0), "{ran:?}");
    assert_eq!(fs::read_to_string(into.join("Robots/read me.txt")).unwrap(), "mine");
    let place = PathBuf::from(ran.stdout.trim_end());
    assert_eq!(fs::read_to_string(place.join("read me.txt")).unwrap(), "first");
    assert_eq!(fs::read_to_string(place.join("parts/wheel.txt")).unwrap(), "round");
    assert!(place.join("parts/empty").is_dir());
}

#[test]
fn of_a_folder_only_the_files_that_were_named_come_and_others_when_they_are_named() {
    let (ann, ben) = (Home::new(), Home::new());
    let folder = ann.root().join("Course");
    fs::create_dir_all(&folder).unwrap();
    for name in ["a.pdf", "b.pdf", "film.mp4"] {
        fs::write(folder.join(name), name.repeat(100_000)).unwrap();
    }
    let (_sharing, link) = ann.share(&[&folder]);
    let address = ann.address();
    let there = |ran: &Ran| {
        assert_eq!(ran.code(), Some(0), "{ran:?}");
        let entries = fs::read_dir(ran.stdout.trim_end()).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };

    // Nobody can be asked here, so it waits, and the files are told.
    let held = ben.get(&link, &address, &["--choose", "--json"]);
    assert_eq!(held.code(), Some(0), "{held:?}");
    assert_eq!(held.json()["transfer"]["reason"]["code"], json!("choosing"));
    assert_eq!(held.json()["files"][2]["path"], json!("Course/film.mp4"));
    assert!(!ben.downloads().join("Course").exists());
    let none = ben.get(&link, &address, &["--only", "*.odt"]);
    assert_eq!((none.code(), none.stdout.as_str()), (Some(2), ""), "{none:?}");
    assert!(none.stderr.contains("*.odt") && none.stderr.contains("waits for your choice"), "{none:?}");

    assert_eq!(there(&ben.get(&link, &address, &["--skip", "*.mp4,b.pdf"])), ["a.pdf"]);
    assert_eq!(there(&ben.get(&link, &address, &["--only", "a.pdf"])), ["a.pdf"], "it is here already");
    assert_eq!(there(&ben.get(&link, &address, &["--only", "*.pdf"])), ["a.pdf", "b.pdf"]);
}

#[test]
fn who_got_it_gives_it_on_when_the_first_has_left() {
    let (ann, ben, cem) = (Home::new(), Home::new(), Home::new());
    let file = ann.file("lesson.bin", 3_000_000);
    let (sharing, link) = ann.share(&[&file]);
    let _ben_runs = ben.daemon(&["--peer", &ann.address()]);
    assert_eq!(ben.get(&link, &ann.address(), &[]).code(), Some(0));
    end(sharing);

    let ran = cem.get(&id_of(&link), &ben.address(), &["--json"]);

    assert_eq!(ran.code(), Some(0), "{ran:?}");
    let place = PathBuf::from(ran.json()["places"][0].as_str().unwrap());
    assert_eq!(blake3_of(&place), blake3_of(&file));
}

#[test]
fn a_get_that_is_killed_goes_on_where_it_was() {
    let (ann, ben) = (Home::new(), Home::new());
    let file = ann.file("large.bin", 200_000_000);
    let (_sharing, link) = ann.share(&[&file]);
    let mut first = ben.command(&["--peer", &ann.address(), "get", &link]).spawn().unwrap();
    wait_until("something has arrived", || !ben.unfinished().is_empty());
    first.kill().unwrap();
    first.wait().unwrap();

    let ran = ben.get(&link, &ann.address(), &[]);

    assert_eq!(ran.code(), Some(0), "{ran:?}");
    assert_eq!(blake3_of(Path::new(ran.stdout.trim_end())), blake3_of(&file));
    assert_eq!(ben.unfinished(), Vec::<PathBuf>::new());
}

#[test]
fn a_share_for_one_computer_is_neither_listed_nor_given_to_another() {
    let (ann, ben, cem) = (Home::new(), Home::new(), Home::new());
    let file = ann.file("secret.bin", 10_000);
    let _ann_runs = ann.daemon(&[]);
    let (_ben_runs, _cem_runs) = (ben.daemon(&["--peer", &ann.address()]), cem.daemon(&["--peer", &ann.address()]));
    let ben_id = ben.json(&["status"])["id"].as_str().unwrap().to_owned();

    let shared = ann.json(&["share", file.to_str().unwrap(), "--for", &ben_id]);
    let link = shared["link"].as_str().unwrap();

    assert_eq!(ben.get(link, &ann.address(), &[]).code(), Some(0));
    let refused = cem.get(link, &ann.address(), &["--timeout", "3"]);
    assert!(matches!(refused.code(), Some(3 | 4)), "{refused:?}");
    assert_eq!(cem.json(&["shares"]), json!([]));
}

#[test]
fn a_share_that_nobody_has_ends_with_3_after_the_given_time() {
    let ben = Home::new();

    let ran = ben.get(&"a".repeat(52), "127.0.0.1:9", &["--timeout", "1"]);

    assert_eq!(ran.code(), Some(3), "{ran:?}");
    assert!(ran.stderr.contains("127.0.0.1:9"), "{ran:?}");
}

#[test]
fn a_file_that_was_changed_fails_its_check_with_5() {
    let ann = Home::new();
    let file = ann.file("lesson.bin", 2_000_000);
    let _runs = ann.daemon(&[]);
    let shared = ann.json(&["share", file.to_str().unwrap()]);
    let id = shared["id"].as_str().unwrap();
    assert_eq!(ann.run(&["verify", id]).code(), Some(0));
    let mut bytes = fs::read(&file).unwrap();
    bytes[1_500_000] ^= 1;
    fs::write(&file, bytes).unwrap();

    let ran = ann.run(&["verify", id, "--json"]);

    assert_eq!((ran.code(), ran.json()["wrong"].clone()), (Some(5), json!(1)), "{ran:?}");
}

#[test]
fn a_running_daemon_takes_what_commands_hand_over_and_remembers_it() {
    let ann = Home::new();
    let file = ann.file("lesson.bin", 100_000);
    let runs = ann.daemon(&[]);

    let shared = ann.json(&["share", file.to_str().unwrap(), "--title", "Lesson 4"]);
    assert_eq!((&shared["title"], &shared["size"], &shared["files"]), (&json!("Lesson 4"), &json!(100_000), &json!(1)));
    let ended = end(runs);
    assert_eq!((ended.code(), ended.stdout.as_str()), (Some(0), ""), "{ended:?}");

    let _runs = ann.daemon(&[]);
    wait_until("the share is there again", || ann.json(&["shares"]) != json!([]));
    let shares = ann.json(&["shares"]);
    assert_eq!((&shares[0]["id"], &shares[0]["mine"]), (&shared["id"], &json!(true)));
    assert_eq!(ann.run(&["unshare", "Lesson 4"]).code(), Some(0));
    assert_eq!(ann.json(&["shares"]), json!([]));
    assert!(file.exists());
}

#[test]
fn commands_that_start_an_engine_of_their_own_leave_it_free_again() {
    let ann = Home::new();

    let first = ann.json(&["status"]);
    let second = ann.json(&["status"]);

    assert_eq!((&first["running"], &first["listen"]), (&json!(false), &Value::Null));
    assert_eq!(first["id"], second["id"], "the identity is kept");
}

#[test]
fn two_gets_at_once_share_one_engine_and_both_end_well() {
    let (ann, ben) = (Home::new(), Home::new());
    let files = [ann.file("one.bin", 4_000_000), ann.file("two.bin", 6_000_000)];
    let _runs = ann.daemon(&[]);
    let links =
        files.each_ref().map(|file| ann.json(&["share", file.to_str().unwrap()])["link"].as_str().unwrap().to_owned());

    let address = ann.address();
    let gets = links.each_ref().map(|link| ben.command(&["--peer", &address, "get", link]).spawn().unwrap());
    let ran = gets.map(finish);

    for (ran, file) in ran.iter().zip(&files) {
        assert_eq!(ran.code(), Some(0), "{ran:?}");
        assert_eq!(blake3_of(Path::new(ran.stdout.trim_end())), blake3_of(file));
    }
}

/// One computer: a home of its own, and nothing but typed addresses to find others by.
pub struct Home {
    temp: TempDir,
}

impl Home {
    pub fn new() -> Home {
        Home { temp: tempfile::tempdir().unwrap() }
    }

    fn root(&self) -> &Path {
        self.temp.path()
    }

    pub fn home(&self) -> PathBuf {
        self.root().join("home")
    }

    fn downloads(&self) -> PathBuf {
        self.home().join("downloads")
    }

    /// A file whose bytes differ everywhere.
    pub fn file(&self, name: &str, bytes: u64) -> PathBuf {
        let path = self.root().join(name);
        let mut content = Vec::new();
        let mut hasher = blake3::Hasher::new();
        hasher.update(name.as_bytes()).finalize_xof().take(bytes).read_to_end(&mut content).unwrap();
        fs::write(&path, content).unwrap();
        path
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = handout();
        command.arg("--home").arg(self.home()).args(["--listen", "127.0.0.1:0", "--no-discovery"]).args(args);
        command
    }

    pub fn run(&self, args: &[&str]) -> Ran {
        finish(self.command(args).spawn().unwrap())
    }

    /// The JSON that a command prints, which must end well.
    pub fn json(&self, args: &[&str]) -> Value {
        let ran = self.run(&[args, &["--json"]].concat());
        assert_eq!(ran.code(), Some(0), "{args:?} {ran:?}");
        ran.json()
    }

    fn get(&self, link: &str, address: &str, args: &[&str]) -> Ran {
        self.run(&[&["get", link, "--peer", address], args].concat())
    }

    /// Shares in the foreground, until the returned program is ended.
    fn share(&self, paths: &[&Path]) -> (Running, String) {
        let mut child = self.command(&["share"]).args(paths).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut link = String::new();
        out.read_line(&mut link).unwrap();
        assert!(link.starts_with("handout://"), "{link:?}");
        (Running { child: Some(child), _out: Some(out) }, link.trim_end().to_owned())
    }

    /// Runs without a window, until the returned program is ended. It can be asked when this returns.
    pub fn daemon(&self, args: &[&str]) -> Running {
        let child = self.command(&["daemon"]).args(args).spawn().unwrap();
        let running = Running { child: Some(child), _out: None };
        wait_until("the daemon answers", || self.home().join("control.sock").exists());
        running
    }

    /// Where whoever runs for this home answers.
    fn address(&self) -> String {
        let ran = run_at(&self.home(), &["status", "--json"]);
        let status = ran.json();
        assert_eq!(status["running"], json!(true), "{status}");
        status["listen"].as_str().unwrap().to_owned()
    }

    /// Files in the downloads folder that do not have their final name.
    fn unfinished(&self) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(self.downloads()) else { return Vec::new() };
        let paths = entries.map(|entry| entry.unwrap().path());
        paths.filter(|path| path.extension().is_some_and(|extension| extension == "part")).collect()
    }
}

/// A program that runs until it is ended; a test that fails leaves none behind.
pub struct Running {
    child: Option<Child>,
    /// A closed pipe would be a reason to end.
    _out: Option<BufReader<ChildStdout>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

/// Ends a program as Ctrl-C and `systemctl stop` do.
pub fn end(mut running: Running) -> Ran {
    let child = running.child.take().unwrap();
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    finish(child)
}

fn blake3_of(path: &Path) -> blake3::Hash {
    blake3::hash(&fs::read(path).unwrap())
}

fn id_of(link: &str) -> String {
    link.trim_start_matches("handout://").chars().take(52).collect()
}

pub fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "it did not happen that {what}");
        thread::sleep(Duration::from_millis(10));
    }
}
