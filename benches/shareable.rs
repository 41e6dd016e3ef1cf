//! How long it takes until a file, and a folder of many small files, can be had by others: from the start of `handout share`
//! beside a running Handout to the link. Against `b3sum`, which only hashes, and `transmission-create` and `mktorrent`, which
//! only write a description.
//!
//! `cargo bench --bench shareable -- [MIB] [FILES] [ROUNDS] [FOLDER]` (2048, 20000, 5, the temporary folder). Everything is
//! in the page cache, so what is compared is the programs.

mod common;

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use common::{Found, MISSING, Process, Reach, Result, Row, find, handout, measured, wait_for};

const FOLDERS: u64 = 200;

fn main() -> Result<()> {
    let arguments = common::arguments();
    let (mib, files) = (common::number(&arguments, 0, 2_048)?, common::number(&arguments, 1, 20_000)?);
    let rounds = common::number(&arguments, 2, 5)?;
    let folder = common::folder(arguments.get(3).map(String::as_str))?;
    let (file, tree) = (folder.path().join("file.bin"), folder.path().join("tree"));
    common::write_random(&file, mib)?;
    for at in 0..FOLDERS {
        fs::create_dir_all(tree.join(format!("{at:03}")))?;
        for file in 0..files / FOLDERS {
            fs::write(tree.join(format!("{at:03}/{file:05}.bin")), vec![(at ^ file) as u8; 4 << 10])?;
        }
    }
    let mut times = Times::default();
    for _ in 0..rounds {
        common::settle();
        times.round(folder.path(), &file, &tree)?;
    }
    times.report(mib, files);
    Ok(())
}

/// Seconds, one a round; empty for what is not there.
#[derive(Default)]
struct Times {
    file: Vec<f64>,
    tree: Vec<f64>,
    b3sum: Vec<f64>,
    tree_transmission: Vec<f64>,
    tree_mktorrent: Vec<f64>,
}

impl Times {
    fn round(&mut self, folder: &Path, file: &Path, tree: &Path) -> Result<()> {
        if let Some(b3sum) = find("b3sum") {
            self.b3sum.push(seconds(Command::new(b3sum).args(["--num-threads", "2"]).arg(file))?);
        }
        let daemon = Daemon::start(folder)?;
        self.file.push(daemon.share(file)?);
        self.tree.push(daemon.share(tree)?);
        drop(daemon);
        let torrent = folder.join("tree.torrent");
        if let Some(maker) = find("transmission-create") {
            self.tree_transmission.push(seconds(Command::new(maker).arg("-o").arg(&torrent).arg(tree))?);
            fs::remove_file(&torrent)?;
        }
        if let Some(maker) = find("mktorrent") {
            self.tree_mktorrent.push(seconds(Command::new(maker).args(["-t", "2", "-o"]).arg(&torrent).arg(tree))?);
            fs::remove_file(&torrent)?;
        }
        Ok(())
    }

    fn report(&self, mib: u64, files: u64) {
        let work = format!("until a {mib} MiB file is shareable");
        compare(&work, "b3sum, 2 threads", &self.file, &self.b3sum, Reach::AtMost(1.1));
        let work = format!("until {files} files of 4 KiB are shareable");
        let found = Found::Amount { value: common::median(&self.tree), unit: "s", reach: Reach::AtMost(0.5) };
        Row { work: &work, measure: "time", against: "–", found }.tell();
        compare(&work, "transmission-create", &self.tree, &self.tree_transmission, Reach::Told);
        compare(&work, "mktorrent, 2 threads", &self.tree, &self.tree_mktorrent, Reach::Told);
    }
}

fn compare(work: &str, against: &str, ours: &[f64], theirs: &[f64], reach: Reach) {
    let found = if theirs.is_empty() { Found::Missing(MISSING) } else { Found::Ratio { ours, theirs, reach } };
    println!("  {}", common::figures("handout", ours));
    println!("  {}", common::figures(against, theirs));
    Row { work, measure: "time", against, found }.tell();
}

fn seconds(command: &mut Command) -> Result<f64> {
    Ok(measured(command)?.wall.as_secs_f64())
}

/// A running `handout daemon` with a home of its own, so that nothing is known from the last round.
struct Daemon<'a> {
    process: Process,
    folder: &'a Path,
}

impl Daemon<'_> {
    fn start(folder: &Path) -> Result<Daemon<'_>> {
        let mut command = handout(&folder.join("home"));
        command.args(["--no-discovery", "--listen", "127.0.0.1:0", "daemon"]);
        let process = Process::start(command.stdout(Stdio::null()).stderr(Stdio::null()))?;
        wait_for("the daemon answers", Duration::from_secs(20), || common::is_running(&folder.join("home")))?;
        Ok(Daemon { process, folder })
    }

    fn share(&self, path: &Path) -> Result<f64> {
        seconds(handout(&self.folder.join("home")).arg("share").arg(path))
    }
}

impl Drop for Daemon<'_> {
    fn drop(&mut self) {
        self.process.kill();
        let _ = fs::remove_dir_all(self.folder.join("home"));
    }
}
