//! A file of the central server for a browser, over TLS 1.3 on this machine: the same file from nginx, the same curl, taking
//! turns.
//!
//! `cargo bench --bench server -- [MIB] [ROUNDS] [FOLDER]` (1024, 5, the temporary folder). What arrives is thrown away, so
//! that the senders are compared and not the disk; the first round of each is compared byte by byte.

mod common;

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use common::servers;
use common::{Found, MISSING, Process, Reach, Result, Row, find, measured, wait_for};

/// Whoever sends.
struct Sender {
    name: &'static str,
    process: Process,
    address: String,
    /// What curl is told beside the address.
    arguments: Vec<String>,
    walls: Vec<f64>,
    cpus: Vec<f64>,
}

fn main() -> Result<()> {
    let arguments = common::arguments();
    let (mib, rounds) = (common::number(&arguments, 0, 1_024)?, common::number(&arguments, 1, 5)?);
    let folder = common::folder(arguments.get(2).map(String::as_str))?;
    let file = folder.path().join("file.bin");
    common::write_random(&file, mib)?;
    let mut senders = vec![ours(folder.path(), &file)?, nginx(folder.path())?];
    for sender in &mut senders {
        let got = folder.path().join("got.bin");
        common::run(sender.curl().arg("-o").arg(&got))?;
        if !common::same(&file, &got) {
            return Err(format!("{}: what came is not what was sent", sender.name).into());
        }
        fs::remove_file(got)?;
    }
    for round in 0..rounds as usize {
        for at in 0..senders.len() {
            let at = (at + round) % senders.len();
            let sender = &mut senders[at];
            common::settle();
            let cpu = sender.process.cpu();
            let used = measured(sender.curl().args(["-o", "/dev/null"]))?;
            sender.walls.push(used.wall.as_secs_f64());
            sender.cpus.push(sender.process.cpu() - cpu);
            println!(
                "  {}: {:.2} s, CPU of the sender {:.2} s",
                sender.name,
                used.wall.as_secs_f64(),
                sender.cpus[round]
            );
        }
    }
    let work = format!("{mib} MiB from the server");
    let [ours, nginx] = &senders[..] else { return Err("two senders are compared".into()) };
    let time = Found::Ratio { ours: &ours.walls, theirs: &nginx.walls, reach: Reach::AtMost(1.0) };
    Row { work: &work, measure: "time", against: nginx.name, found: time }.tell();
    let cpu = Found::Ratio { ours: &ours.cpus, theirs: &nginx.cpus, reach: Reach::Told };
    Row { work: &work, measure: "CPU of the sender", against: nginx.name, found: cpu }.tell();
    let memory = Found::Amount { value: ours.process.memory(), unit: "MiB", reach: Reach::AtMost(300.0) };
    Row { work: &work, measure: "memory of the sender", against: ours.name, found: memory }.tell();
    Ok(())
}

impl Sender {
    fn curl(&self) -> Command {
        let mut curl = Command::new("curl");
        curl.args(["-sfk", "--http1.1"]).args(&self.arguments).arg(&self.address);
        curl
    }
}

/// Starts a server, signs its owner up, and lets it give the file as it gives what its own computer shares.
fn ours(folder: &Path, file: &Path) -> Result<Sender> {
    find("curl").ok_or(MISSING)?;
    let home = folder.join("server");
    let options = ["serve", "--json", "--no-discovery", "--listen", "127.0.0.1:0"];
    let (process, line) =
        Process::with_line(common::handout(&home).args(options).stderr(Stdio::null()).stdin(Stdio::null()))?;
    let said: serde_json::Value = serde_json::from_str(&line)?;
    let text =
        |value: &serde_json::Value| value.as_str().map(str::to_owned).ok_or("the server did not say where it is");
    let (address, code) = (text(&said["addresses"][0])?, text(&said["setup_code"])?);
    let jar = folder.join("jar");
    let ask = |path: &str, fields: &[&str]| -> Result<String> {
        let mut curl = Command::new("curl");
        curl.args(["-sk", "-H", &format!("Origin: {address}"), "-b"]).arg(&jar).arg("-c").arg(&jar);
        for field in fields {
            curl.args(["--data-urlencode", field]);
        }
        let output = curl.arg(format!("{address}{path}")).output()?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    };
    ask("/setup", &[&format!("code={code}"), "shown=Bench", "name=bench", "password=four tall pines"])?;
    let page = ask("/account/keys", &["name=bench", "scopes=read", "days=1"])?;
    let key =
        page.split("id=\"key\">").nth(1).and_then(|rest| rest.split('<').next()).ok_or("the server gave no key")?;
    common::run(common::handout(&home).arg("share").arg(file))?;
    let mut share = None;
    wait_for("the server has the file", Duration::from_secs(60), || {
        let output = Command::new("curl")
            .args(["-sk", "-H", &format!("Authorization: Bearer {key}"), &format!("{address}/api/v1/shares")])
            .output();
        let value = output.ok().and_then(|output| serde_json::from_slice::<serde_json::Value>(&output.stdout).ok());
        share = value.and_then(|value| value["hits"][0]["share"]["id"].as_str().map(str::to_owned));
        share.is_some()
    })?;
    Ok(Sender {
        name: "handout serve",
        process,
        address: format!("{address}/api/v1/shares/{}/files/0", share.unwrap_or_default()),
        arguments: vec!["-H".to_owned(), format!("Authorization: Bearer {key}")],
        walls: vec![],
        cpus: vec![],
    })
}

fn nginx(folder: &Path) -> Result<Sender> {
    let nginx = find("nginx").ok_or(MISSING)?;
    let (process, port) = servers::nginx(&nginx, folder)?;
    let address = format!("https://127.0.0.1:{port}/file.bin");
    Ok(Sender { name: "nginx (TLS)", process, address, arguments: vec![], walls: vec![], cpus: vec![] })
}
