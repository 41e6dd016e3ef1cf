//! The real program on twelve computers with lines of 100 Mbit/s, where much goes wrong at once.

mod cost;
pub mod crowd;
mod doctor;
mod helpers;
pub mod network;
mod relay;

use std::{
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use self::network::Hosts;
use crate::as_root;

const FETCHING: u8 = 11;
/// Beside the twelve.
const LIAR: u8 = 12;
/// Two of those who fetch.
const KILLED: [u8; 2] = [3, 8];
const BYTES: usize = 64 << 20;
const MBIT: u32 = 100;
/// The port at which the fetching ones answer, so that their pieces can be watched.
const PORT: u16 = 47_600;
/// Far more than it takes; it only ends a test that would hang.
const LIMIT: Duration = Duration::from_secs(240);

/// A program on one of the computers; it ends with the value.
struct Running {
    process: Child,
    lines: mpsc::Receiver<String>,
}

impl Running {
    fn start(command: &mut Command) -> Running {
        let mut process = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let (sender, lines) = mpsc::channel();
        let output = BufReader::new(process.stdout.take().unwrap());
        thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Running { process, lines }
    }

    /// The first line that begins so.
    fn line(&self, start: &str, until: Instant) -> String {
        loop {
            let left = until.saturating_duration_since(Instant::now());
            let line = self.lines.recv_timeout(left);
            let line = line.unwrap_or_else(|error| panic!("{start:?} was not told: {error}"));
            if line.starts_with(start) {
                return line;
            }
        }
    }

    /// As a power cut would.
    fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The room: the computers' lines, and the folder where each has its own.
struct Room {
    hosts: Hosts,
    folder: tempfile::TempDir,
}

impl Room {
    fn handout(&self, host: u8) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_handout"));
        command.arg("--quiet").arg("--home").arg(self.folder.path().join(format!("home-{host}")));
        command
    }

    fn share(&self, file: &Path) -> Running {
        let mut share = self.handout(0);
        Running::start(&mut self.hosts.on(0, share.arg("share").arg(file)))
    }

    fn get(&self, host: u8, link: &str) -> Running {
        let mut get = self.handout(host);
        get.args(["--listen", &format!("0.0.0.0:{PORT}"), "get", link, "--keep-seeding", "--into"])
            .arg(self.folder_of(host));
        Running::start(&mut self.hosts.on(host, &get))
    }

    fn folder_of(&self, host: u8) -> PathBuf {
        let into = self.folder.path().join(format!("into-{host}"));
        fs::create_dir_all(&into).unwrap();
        into
    }

    /// This test once more, on one of the computers, as one of its helpers.
    fn helper(&self, host: u8, role: &str, test: &str, link: &str, file: &Path) -> Running {
        let mut helper = Command::new(std::env::current_exe().unwrap());
        helper.args(["--exact", &format!("hosts::{test}"), "--nocapture"]);
        helper.env(helpers::ROLE, role).env(helpers::LINK, link).env(helpers::FILE, file);
        Running::start(&mut self.hosts.on(host, &helper))
    }
}

/// The first seed is killed as soon as each piece is out once, two of eleven are killed and start again, and one that was
/// not asked to says that it has everything and sends wrong bytes.
#[test]
fn eleven_finish_with_the_right_bytes_though_the_seed_leaves_two_break_off_and_one_lies() {
    const TEST: &str = "eleven_finish_with_the_right_bytes_though_the_seed_leaves_two_break_off_and_one_lies";
    if helpers::is_one() {
        return helpers::act();
    }
    if as_root::instead(module_path!(), TEST) {
        return;
    }
    let until = Instant::now() + LIMIT;
    let room = Room { hosts: Hosts::up(FETCHING + 2, MBIT).unwrap(), folder: tempfile::tempdir().unwrap() };
    let file = room.folder.path().join("film.bin");
    fs::write(&file, helpers::content(BYTES)).unwrap();
    let mut seed = room.share(&file);
    let link = seed.line("handout://", until);
    let liar = room.helper(LIAR, "liar", TEST, &link, &file);
    liar.line("lies", until);
    let watcher = room.helper(0, "watcher", TEST, &link, &file);
    watcher.line("watches", until);

    let mut fetching: Vec<Running> = (1..=FETCHING).map(|host| room.get(host, &link)).collect();
    watcher.line("a quarter is out", until);
    for host in KILLED {
        fetching[usize::from(host) - 1].kill();
    }
    thread::sleep(Duration::from_secs(1));
    for host in KILLED {
        fetching[usize::from(host) - 1] = room.get(host, &link);
    }
    watcher.line("each piece is out once", until);
    seed.kill();

    let original = fs::read(&file).unwrap();
    for (host, running) in (1..).zip(&fetching) {
        let place = running.line("/", until);
        assert_eq!(Path::new(&place), room.folder_of(host).join("film.bin"));
        assert!(fs::read(&place).unwrap() == original, "computer {host} has other bytes");
    }
    liar.line("was asked", until);
}

/// A helper for rooms that a script makes.
#[test]
fn a_crowd_of_strangers_comes_where_it_is_asked_to() {
    if helpers::is_one() {
        helpers::act();
    }
}
