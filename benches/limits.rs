//! Whether limits hold: what passes in 30 s in parts of what may, down and up, in total and for one transfer, small and
//! large.
//!
//! `cargo bench --bench limits -- [SECONDS]` (30). A seed and a leech run as daemons on this computer; what passes is read
//! from the system's own count of each connection (`ss`), so encryption and the heads of pieces count too. The aim is 1.00,
//! at most 0.05 away.

mod common;

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use common::{Found, Process, Reach, Result, Row, find, handout, wait_for};

const KIB: u64 = 1024;
const MIB: u64 = 1024 * KIB;
/// After a limit was set, this long passes until speeds count.
const SETTLE: Duration = Duration::from_secs(5);
const PORT: u16 = 47_999;

/// Where a limit is set.
#[derive(Clone, Copy)]
enum At {
    DownInTotal,
    DownOfOne,
    UpInTotal,
    UpOfOne,
}

fn main() -> Result<()> {
    let arguments = common::arguments();
    let seconds = common::number(&arguments, 0, 30)?;
    if find("ss").is_none() {
        let found = Found::Missing("ss (Debian: iproute2) is not there");
        Row { work: "limits", measure: "–", against: "the limit", found }.tell();
        return Ok(());
    }
    let cases = [
        (At::DownInTotal, "down, in total"),
        (At::DownOfOne, "down, of one transfer"),
        (At::UpInTotal, "up, in total"),
        (At::UpOfOne, "up, of one transfer"),
    ];
    for (rate, name) in [(64 * KIB, "64 KiB/s"), (200 * MIB, "200 MiB/s")] {
        for (at, way) in cases {
            let part = measure(at, rate, seconds)?;
            // Told as the distance from the limit, since too little is as wrong as too much.
            let work = format!("limit of {name}, {way}");
            let found = Found::Amount { value: (part - 1.0).abs(), unit: "from 1", reach: Reach::AtMost(0.05) };
            Row { work: &work, measure: "speed", against: "the limit", found }.tell();
            eprintln!("{work}: {part:.3} of it");
        }
    }
    Ok(())
}

/// What passes in parts of the limit.
fn measure(at: At, rate: u64, seconds: u64) -> Result<f64> {
    let folder = common::folder(None)?;
    let (seed_home, leech_home) = (folder.path().join("seed"), folder.path().join("leech"));
    let file = folder.path().join("file.bin");
    let needed = (rate * (seconds + SETTLE.as_secs() + 3)).max(64 * MIB);
    // Nobody has to look at it, so it may be holes; it is hashed and encrypted all the same.
    fs::File::create(&file)?.set_len(needed)?;
    let listen = format!("127.0.0.1:{PORT}");
    let seed = start(&seed_home, &["--listen", &listen])?;
    let leech = start(&leech_home, &["--listen", "127.0.0.1:0"])?;
    let link = told(handout(&seed_home).arg("share").arg(&file))?;
    let limit = rate.to_string();
    let title = "file.bin";
    match at {
        At::DownInTotal => told(handout(&leech_home).args(["limit", "--down", &limit]))?,
        At::UpInTotal => told(handout(&seed_home).args(["limit", "--up", &limit]))?,
        // One transfer can be limited when it is there; until then all are.
        At::DownOfOne => told(handout(&leech_home).args(["limit", "--down", "64KiB"]))?,
        At::UpOfOne => told(handout(&seed_home).args(["limit", "--up", "64KiB"]))?,
    };
    let into = folder.path().join("into");
    let get =
        Process::start(handout(&leech_home).args(["get", link.trim()]).arg("--into").arg(&into).stdout(Stdio::null()))?;
    wait_for("something comes", Duration::from_secs(30), || passed() > 64 * KIB)?;
    if let At::DownOfOne = at {
        told(handout(&leech_home).args(["set", title, "--down", &limit]))?;
        told(handout(&leech_home).args(["limit", "--down", "none"]))?;
    }
    if let At::UpOfOne = at {
        told(handout(&seed_home).args(["set", title, "--up", &limit]))?;
        told(handout(&seed_home).args(["limit", "--up", "none"]))?;
    }
    thread::sleep(SETTLE);
    let (before, begun) = (passed(), Instant::now());
    thread::sleep(Duration::from_secs(seconds));
    let passed = passed().saturating_sub(before) as f64 / begun.elapsed().as_secs_f64();
    drop((get, leech, seed));
    Ok(passed / rate as f64)
}

fn start(home: &Path, arguments: &[&str]) -> Result<Process> {
    fs::create_dir_all(home)?;
    let mut command = handout(home);
    command.args(arguments).args(["--no-discovery", "daemon"]);
    let process = Process::start(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()))?;
    let answers = || {
        handout(home)
            .args(["--json", "status"])
            .output()
            .is_ok_and(|ran| String::from_utf8_lossy(&ran.stdout).contains("\"running\":true"))
    };
    wait_for("a daemon answers", Duration::from_secs(20), answers)?;
    Ok(process)
}

fn told(command: &mut Command) -> Result<String> {
    let ran = command.output()?;
    if !ran.status.success() {
        return Err(String::from_utf8_lossy(&ran.stderr).into_owned().into());
    }
    Ok(String::from_utf8_lossy(&ran.stdout).into_owned())
}

/// Bytes that the leech's connections took from the seed's port so far.
fn passed() -> u64 {
    let filter = format!("dport = :{PORT}");
    let Ok(ran) = Command::new("ss").args(["-tinOH", &filter]).output() else { return 0 };
    let text = String::from_utf8_lossy(&ran.stdout).into_owned();
    let counts = text.split_whitespace().filter_map(|word| word.strip_prefix("bytes_received:")?.parse::<u64>().ok());
    counts.sum()
}
