//! What the benchmarks share: rows of one table, programs that are measured, and files to move.
//!
//! Every benchmark is a program of its own that prints its rows as it gets them. `benches/run` starts them one after the
//! other and gathers the rows, which each program also appends to the file named in `HANDOUT_BENCH_ROWS`.
//!
//! Ours and theirs take turns, so that both meet the same moods of the machine, and medians are compared: absolute figures
//! drift by half over an hour, ratios of one run much less.

#![allow(dead_code)] // Each benchmark uses its part of this.

#[path = "../../tests/hosts/network.rs"]
pub mod hosts;
pub mod servers;

use std::{
    error::Error,
    fmt::{self, Write as _},
    fs,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

pub type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// One row of the table.
pub struct Row<'a> {
    /// What is done: `2 GiB file, 1:1 over TLS`.
    pub work: &'a str,
    /// What is measured: `time`, `CPU`, `memory`.
    pub measure: &'a str,
    /// Whom or what it is compared with.
    pub against: &'a str,
    pub found: Found<'a>,
}

/// What a row says.
pub enum Found<'a> {
    /// Ours in parts of theirs, both in one unit, each pair from one round.
    Ratio { ours: &'a [f64], theirs: &'a [f64], reach: Reach },
    /// An amount that is judged by itself, as memory is.
    Amount { value: f64, unit: &'a str, reach: Reach },
    /// It was not measured, and why.
    Missing(&'a str),
}

/// What is to be reached.
#[derive(Clone, Copy)]
pub enum Reach {
    AtMost(f64),
    /// There is no aim; it is told for comparison.
    Told,
}

impl Row<'_> {
    /// Prints the row, and adds it to the table of all benchmarks.
    pub fn tell(&self) {
        let (value, reach, verdict) = match &self.found {
            Found::Ratio { ours, theirs, reach } => {
                let pairs: Vec<f64> = ours.iter().zip(*theirs).map(|(ours, theirs)| ours / theirs).collect();
                let least = pairs.iter().copied().fold(f64::INFINITY, f64::min);
                let most = pairs.iter().copied().fold(0.0, f64::max);
                let ratio = median(ours) / median(theirs);
                (format!("{ratio:.2} × [{least:.2} to {most:.2}]"), reach.text(" ×"), reach.verdict(ratio))
            }
            Found::Amount { value, unit, reach } => {
                (format!("{value:.3} {unit}"), reach.text(&format!(" {unit}")), reach.verdict(*value))
            }
            Found::Missing(why) => (format!("not measured: {why}"), String::new(), ""),
        };
        let Row { work, measure, against, .. } = self;
        let row = format!("| {work} | {measure} | {against} | {value} | {reach} | {verdict} |");
        println!("{row}");
        if let Some(path) = std::env::var_os("HANDOUT_BENCH_ROWS") {
            let file = fs::OpenOptions::new().create(true).append(true).open(path);
            if let Err(error) = file.and_then(|mut file| writeln!(file, "{row}")) {
                eprintln!("the row could not be kept: {error}");
            }
        }
    }
}

impl Reach {
    fn text(self, unit: &str) -> String {
        match self {
            Reach::AtMost(most) => format!("≤ {most}{unit}"),
            Reach::Told => String::new(),
        }
    }

    fn verdict(self, value: f64) -> &'static str {
        match self {
            Reach::AtMost(most) if value <= most => "yes",
            Reach::AtMost(_) => "no",
            Reach::Told => "",
        }
    }
}

/// The one in the middle; 0 of nothing.
pub fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// The arguments that cargo did not add.
pub fn arguments() -> Vec<String> {
    std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect()
}

/// The argument at a place, or what holds without it.
pub fn number(arguments: &[String], at: usize, default: u64) -> Result<u64> {
    Ok(arguments.get(at).map_or(Ok(default), |text| text.parse())?)
}

/// A folder that goes away, for what a benchmark writes.
pub fn folder(parent: Option<&str>) -> Result<tempfile::TempDir> {
    let parent = parent.map_or_else(std::env::temp_dir, PathBuf::from);
    let folder = tempfile::Builder::new().prefix("handout-bench-").tempdir_in(parent)?;
    // Servers give up root, and have to find the files.
    run(Command::new("chmod").arg("a+rx").arg(folder.path()))?;
    Ok(folder)
}

/// The path of a program, also of one that `benches/setup` built.
pub fn find(program: &str) -> Option<PathBuf> {
    let ours = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers/bin");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let more = ["/usr/sbin", "/sbin"].map(PathBuf::from);
    let folders = std::iter::once(ours).chain(std::env::split_paths(&path)).chain(more);
    folders.map(|folder| folder.join(program)).find(|path| path.is_file())
}

/// Why a program that is not there is not measured.
pub const MISSING: &str = "it is not installed (benches/setup)";

/// Random bytes, so that nothing on the way can make them fewer.
pub fn write_random(path: &Path, mib: u64) -> Result<()> {
    let mut file = fs::File::create(path)?;
    let mut random = blake3::Hasher::new().update(&std::process::id().to_le_bytes()).finalize_xof();
    let mut block = vec![0; 1 << 20];
    for _ in 0..mib {
        random.fill(&mut block);
        file.write_all(&block)?;
    }
    Ok(file.sync_all()?)
}

/// Whether two files hold the same bytes.
pub fn same(one: &Path, other: &Path) -> bool {
    Command::new("cmp").arg("-s").args([one, other]).status().is_ok_and(|status| status.success())
}

/// Waits until nothing that was written before waits for the disk, so that no round pays for another.
pub fn settle() {
    let _ = Command::new("sync").status();
}

/// Runs a program to its end; what it says is told only when it fails.
pub fn run(command: &mut Command) -> Result<()> {
    let output = command.stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{command:?}: {}: {}", output.status, String::from_utf8_lossy(&output.stderr)).into())
}

/// The Handout that is measured: the one of this build, or the one named in `HANDOUT`.
pub fn handout_path() -> PathBuf {
    std::env::var_os("HANDOUT").map_or_else(|| PathBuf::from(env!("CARGO_BIN_EXE_handout")), PathBuf::from)
}

/// A command of Handout's with a home of its own.
pub fn handout(home: &Path) -> Command {
    let mut command = Command::new(handout_path());
    command.arg("--quiet").arg("--home").arg(home);
    command
}

/// Whether a daemon with this home answers. Until then a command would do the work itself.
pub fn is_running(home: &Path) -> bool {
    let ran = handout(home).args(["--json", "status"]).output();
    ran.is_ok_and(|ran| String::from_utf8_lossy(&ran.stdout).contains("\"running\":true"))
}

/// What a program used.
#[derive(Clone, Copy, Debug, Default)]
pub struct Used {
    pub wall: Duration,
    /// Seconds of user and system.
    pub cpu: f64,
    /// The most that was resident, in MiB, with pages of mapped files.
    pub memory: f64,
}

/// Runs a program to its end and tells what it and its children used.
pub fn measured(command: &mut Command) -> Result<Used> {
    let (before, begun) = (cpu_of_ended()?, Instant::now());
    let mut child = Process::start(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()))?;
    let mut memory: f64 = 0.0;
    let status = loop {
        memory = memory.max(child.memory());
        if let Some(status) = child.ended()? {
            break status;
        }
        std::thread::sleep(Duration::from_millis(3));
    };
    let wall = begun.elapsed();
    if !status.success() {
        return Err(format!("{command:?}: {status}").into());
    }
    Ok(Used { wall, cpu: cpu_of_ended()? - before, memory })
}

/// CPU seconds of the children that have ended.
fn cpu_of_ended() -> Result<f64> {
    ticks(&fs::read_to_string("/proc/self/stat")?, 13)
}

/// Two neighbouring fields of a `stat` (proc(5)), counted from 0 after the program's name, in seconds.
fn ticks(stat: &str, first: usize) -> Result<f64> {
    const TICKS_A_SECOND: f64 = 100.0;
    let fields = stat.rsplit_once(')').ok_or("no stat")?.1;
    let fields = fields.split_whitespace().skip(first).take(2);
    let sum: f64 = fields.map(|field| field.parse::<f64>().unwrap_or(0.0)).sum();
    Ok(sum / TICKS_A_SECOND)
}

/// A program that ends with the value.
pub struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Process {
    pub fn start(command: &mut Command) -> Result<Process> {
        Ok(Process(command.spawn().map_err(|error| format!("{command:?}: {error}"))?))
    }

    /// Starts a program that stays, and waits for its first line.
    pub fn with_line(command: &mut Command) -> Result<(Process, String)> {
        let mut process = Process::start(command.stdin(Stdio::null()).stdout(Stdio::piped()))?;
        let line = process.line()?;
        Ok((process, line))
    }

    /// What it prints, if that is piped.
    pub fn output(&mut self) -> Option<BufReader<ChildStdout>> {
        self.0.stdout.take().map(BufReader::new)
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        let mut output = self.output().ok_or("its output is not piped")?;
        output.read_line(&mut line)?;
        if line.is_empty() {
            return Err(format!("{:?} ended without a word", self.0).into());
        }
        // The pipe stays open, or its next word would end it.
        self.0.stdout = Some(output.into_inner());
        Ok(line.trim().to_owned())
    }

    pub fn id(&self) -> u32 {
        self.0.id()
    }

    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.0.try_wait()?)
    }

    /// Ends it at once, as a power cut would.
    pub fn kill(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }

    /// CPU seconds so far, with its children.
    pub fn cpu(&self) -> f64 {
        family(self.id())
            .iter()
            .filter_map(|id| fs::read_to_string(format!("/proc/{id}/stat")).ok())
            .map(|stat| ticks(&stat, 11).unwrap_or(0.0) + ticks(&stat, 13).unwrap_or(0.0))
            .sum()
    }

    /// The most that was resident so far, in MiB, of it and the children it has.
    pub fn memory(&self) -> f64 {
        family(self.id()).iter().filter_map(|id| status_of(*id, "VmHWM:")).sum::<f64>() / 1024.0
    }

    /// What is resident now, in MiB.
    pub fn resident(&self) -> f64 {
        family(self.id()).iter().filter_map(|id| status_of(*id, "VmRSS:")).sum::<f64>() / 1024.0
    }

    /// How often any of its threads was woken or interrupted so far.
    pub fn switches(&self) -> f64 {
        let threads = family(self.id()).into_iter().flat_map(|id| {
            let tasks = fs::read_dir(format!("/proc/{id}/task")).into_iter().flatten().flatten();
            tasks.map(|task| task.path().join("status")).collect::<Vec<_>>()
        });
        threads.filter_map(|path| fs::read_to_string(path).ok()).map(|status| switches_in(&status)).sum()
    }
}

fn switches_in(status: &str) -> f64 {
    let lines = status.lines().filter(|line| line.contains("ctxt_switches"));
    lines.filter_map(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok()).sum()
}

/// A process and its descendants.
fn family(id: u32) -> Vec<u32> {
    let mut all = vec![id];
    let mut at = 0;
    while let Some(id) = all.get(at).copied() {
        let tasks = fs::read_dir(format!("/proc/{id}/task")).into_iter().flatten().flatten();
        for task in tasks {
            let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
            all.extend(children.split_whitespace().filter_map(|id| id.parse::<u32>().ok()));
        }
        at += 1;
    }
    all
}

/// A field of a process's status, as a number.
fn status_of(id: u32, field: &str) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Waits until something is so; an error with `what` when it takes too long.
pub fn wait_for(what: &str, limit: Duration, mut is_so: impl FnMut() -> bool) -> Result<()> {
    let begun = Instant::now();
    while !is_so() {
        if begun.elapsed() > limit {
            return Err(format!("waited in vain until {what}").into());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

/// Figures for people who look on: medians with their ends.
pub fn figures(name: &str, values: &[f64]) -> String {
    let mut line = format!("{name}: {:.3} (", median(values));
    for (at, value) in values.iter().enumerate() {
        let _ = write!(line, "{}{value:.3}", if at == 0 { "" } else { " " });
    }
    line.push(')');
    line
}

/// The head of the table.
pub struct Head;

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("| work | measure | against | ours | reach | reached |\n|---|---|---|---|---|---|")
    }
}
