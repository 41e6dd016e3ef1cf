//! Whether limits hold: what passes in 30 s in parts of what may, down and up, in total and for one transfer, small and
//! large.
//!
//! `cargo bench --bench limits -- [SECONDS] [RATES] [CASES]` (30, `65536,209715200`, all of `down-total`, `down-one`,
//! `up-total`, `up-one`). A seed and a leech run as daemons on this computer; what passes is read from the system's own count
//! of each connection (`ss`), so encryption and the heads of pieces count too, and what comes is written to disk. A limit in
//! total is shared by three transfers. The aim is 1.00, at most 0.05 away.

mod common;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use common::{Found, Process, Reach, Result, Row, find, handout, wait_for};

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
/// How often is looked what passed: what a connection took in its last moment is not seen.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// After a limit was set, this long passes until speeds count.
const SETTLE: Duration = Duration::from_secs(5);
const PORT: u16 = 47_999;
/// So many transfers share a limit in total.
const TRANSFERS: u64 = 3;

/// Where a limit is set.
#[derive(Clone, Copy, PartialEq)]
enum At {
    DownInTotal,
    DownOfOne,
    UpInTotal,
    UpOfOne,
}

const CASES: [(At, &str, &str); 4] = [
    (At::DownInTotal, "down-total", "down, in total of three transfers"),
    (At::DownOfOne, "down-one", "down, of one transfer"),
    (At::UpInTotal, "up-total", "up, in total of three transfers"),
    (At::UpOfOne, "up-one", "up, of one transfer"),
];

fn main() -> Result<()> {
    let arguments = common::arguments();
    let seconds = common::number(&arguments, 0, 30)?;
    let rates = arguments.get(1).map_or("65536,209715200", String::as_str).split(',');
    let rates = rates.map(str::parse::<u64>).collect::<std::result::Result<Vec<_>, _>>()?;
    let cases = arguments.get(2).map_or("", String::as_str);
    if find("ss").is_none() {
        let found = Found::Missing("ss (Debian: iproute2) is not there");
        Row { work: "limits", measure: "–", against: "the limit", found }.tell();
        return Ok(());
    }
    for rate in rates {
        let name = if rate >= MIB { format!("{} MiB/s", rate / MIB) } else { format!("{} KiB/s", rate / KIB) };
        for (at, word, way) in CASES.into_iter().filter(|(_, word, _)| cases.is_empty() || cases.contains(word)) {
            let part = measure(at, rate, seconds).map_err(|error| format!("{word} at {name}: {error}"))?;
            // Told as the distance from the limit, since too little is as wrong as too much.
            let work = format!("limit of {name}, {way}");
            let found = Found::Amount { value: (part - 1.0).abs(), unit: "from 1", reach: Reach::AtMost(0.05) };
            Row { work: &work, measure: "speed", against: "the limit", found }.tell();
            println!("  {work}: {part:.4} of it");
        }
    }
    Ok(())
}

/// A seed and a leech with something to move.
struct Pair {
    folder: tempfile::TempDir,
    _seed: Process,
    _leech: Process,
    links: Vec<String>,
}

impl Pair {
    /// So many files, each of so many bytes.
    fn start(files: u64, bytes: u64) -> Result<Pair> {
        let folder = common::folder(None)?;
        let listen = format!("127.0.0.1:{PORT}");
        let seed = start(&folder.path().join("seed"), &["--listen", &listen])?;
        let leech = start(&folder.path().join("leech"), &["--listen", "127.0.0.1:0"])?;
        let mut pair = Pair { folder, _seed: seed, _leech: leech, links: vec![] };
        for number in 0..files {
            let file = pair.folder.path().join(format!("file {number}.bin"));
            // Nobody has to look at it, so it may be holes; it is hashed, encrypted and written all the same. One byte sets
            // it apart from the others, or nothing of the second would be fetched.
            fs::write(&file, [number as u8])?;
            fs::File::options().write(true).open(&file)?.set_len(bytes)?;
            let link = told(pair.at_seed().arg("share").arg(&file))?;
            pair.links.push(link.trim().to_owned());
        }
        Ok(pair)
    }

    fn at_seed(&self) -> Command {
        handout(&self.folder.path().join("seed"))
    }

    fn at_leech(&self) -> Command {
        handout(&self.folder.path().join("leech"))
    }

    fn target(&self) -> PathBuf {
        self.folder.path().join("into")
    }

    /// The side on which a limit is set, and the option that sets it.
    fn side(&self, at: At) -> (Command, &'static str) {
        match at {
            At::DownInTotal | At::DownOfOne => (self.at_leech(), "--down"),
            At::UpInTotal | At::UpOfOne => (self.at_seed(), "--up"),
        }
    }

    fn limit(&self, at: At, limit: &str) -> Result<String> {
        let (mut command, option) = self.side(at);
        told(command.args(["limit", option, limit]))
    }

    fn limit_one(&self, at: At, limit: &str) -> Result<String> {
        let (mut command, option) = self.side(at);
        let id = self.links.first().ok_or("nothing is shared")?;
        told(command.args(["set", id, option, limit]))
    }
}

/// What passes in parts of the limit.
fn measure(at: At, rate: u64, seconds: u64) -> Result<f64> {
    let total = matches!(at, At::DownInTotal | At::UpInTotal);
    let files = if total { TRANSFERS } else { 1 };
    // None may be complete before the end, and turns are not fair to the byte.
    let needed = rate * (seconds + SETTLE.as_secs() + 5) / files * 5 / 4;
    let pair = Pair::start(files, needed.max(64 * MIB))?;
    let limit = rate.to_string();
    // One transfer can be limited when it is there; until then all are.
    pair.limit(at, if total { &limit } else { "64KiB" })?;
    let gets = pair.links.iter().map(|link| {
        Process::start(pair.at_leech().args(["get", link, "--into"]).arg(pair.target()).stdout(Stdio::null()))
    });
    let gets = gets.collect::<Result<Vec<_>>>()?;
    let mut passed = Passed::default();
    wait_for("something comes", Duration::from_secs(60), || passed.look() > 64 * KIB)?;
    if !total {
        pair.limit_one(at, &limit)?;
        pair.limit(at, "none")?;
    }
    passed.during(SETTLE);
    let (bytes, time) = passed.during(Duration::from_secs(seconds));
    drop(gets);
    Ok(bytes as f64 / time.as_secs_f64() / rate as f64)
}

fn start(home: &Path, arguments: &[&str]) -> Result<Process> {
    fs::create_dir_all(home)?;
    let mut command = handout(home);
    command.args(arguments).args(["--no-discovery", "daemon"]);
    let process = Process::start(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()))?;
    wait_for("a daemon answers", Duration::from_secs(20), || common::is_running(home))?;
    Ok(process)
}

fn told(command: &mut Command) -> Result<String> {
    let ran = command.output()?;
    if !ran.status.success() {
        return Err(String::from_utf8_lossy(&ran.stderr).into_owned().into());
    }
    Ok(String::from_utf8_lossy(&ran.stdout).into_owned())
}

/// Bytes that the leech's connections took from the seed's port so far. The system forgets a connection when it ends, so
/// what each had is kept here.
#[derive(Default)]
struct Passed(BTreeMap<String, u64>);

impl Passed {
    fn look(&mut self) -> u64 {
        let filter = format!("dport = :{PORT}");
        let Ok(ran) = Command::new("ss").args(["-tinOH", &filter]).output() else { return self.0.values().sum() };
        for line in String::from_utf8_lossy(&ran.stdout).lines() {
            // The state, two queues, this end, the other end, and then what is counted.
            let mut words = line.split_whitespace();
            let this_end = words.nth(3).map(str::to_owned);
            let count = words.find_map(|word| word.strip_prefix("bytes_received:")?.parse().ok());
            if let (Some(this_end), Some(count)) = (this_end, count) {
                self.0.insert(this_end, count);
            }
        }
        self.0.values().sum()
    }

    /// Looks on for so long, and returns how many bytes passed.
    fn during(&mut self, time: Duration) -> (u64, Duration) {
        let (before, begun) = (self.look(), Instant::now());
        while begun.elapsed() < time {
            thread::sleep(LOOK_EVERY.min(time.saturating_sub(begun.elapsed())));
            self.look();
        }
        (self.look().saturating_sub(before), begun.elapsed())
    }
}
