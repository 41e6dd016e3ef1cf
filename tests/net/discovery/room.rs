//! Computers in a room: network namespaces, joined by a bridge in one more, with a process of this test binary in each.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use tokio::sync::mpsc;

use crate::net::SOON;

/// A test that builds a room starts itself once more for each computer in it, with its number in this variable.
pub const PERSON: &str = "HANDOUT_TEST_PERSON";

/// Namespaces that go away with it. Their names are this process's own.
pub struct Room {
    prefix: String,
    size: usize,
    test: &'static str,
}

impl Room {
    /// `test`: the name of the test, which is what runs on each computer.
    pub fn build(size: usize, test: &'static str) -> Room {
        static SERIAL: AtomicU32 = AtomicU32::new(0);
        let prefix = format!("ho{}-{}", std::process::id(), SERIAL.fetch_add(1, Ordering::Relaxed));
        let room = Room { prefix, size, test };
        let bridge = room.bridge();
        ip(&format!("netns add {bridge}"));
        ip(&format!("-n {bridge} link add br0 type bridge mcast_snooping 0"));
        ip(&format!("-n {bridge} link set br0 up"));
        for number in 0..size {
            let host = room.host(number);
            ip(&format!("netns add {host}"));
            ip(&format!("link add eth0 netns {host} type veth peer name v{number} netns {bridge}"));
            ip(&format!("-n {bridge} link set v{number} master br0 up"));
            ip(&format!("-n {host} link set lo up"));
            room.plug_in(number);
        }
        room
    }

    /// Starts a program on one of the computers.
    pub fn person(&self, number: usize) -> Computer {
        let mut process = Command::new("ip")
            .args(["netns", "exec", &self.host(number)])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", &format!("net::discovery::{}", self.test), "--nocapture"])
            .env(PERSON, number.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, lines) = mpsc::unbounded_channel();
        let output = BufReader::new(process.stdout.take().unwrap());
        std::thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        Computer { process, lines }
    }

    /// Takes a computer off the bridge; its own interface stays up.
    pub fn cut(&self, number: usize) {
        ip(&format!("-n {} link set v{number} nomaster", self.bridge()));
    }

    pub fn join(&self, number: usize) {
        ip(&format!("-n {} link set v{number} master br0", self.bridge()));
    }

    /// Takes the network interface down, with the address it has.
    pub fn unplug(&self, number: usize) {
        let host = self.host(number);
        ip(&format!("-n {host} addr flush dev eth0"));
        ip(&format!("-n {host} link set eth0 down"));
    }

    pub fn plug_in(&self, number: usize) {
        let host = self.host(number);
        ip(&format!("-n {host} link set eth0 up"));
        ip(&format!("-n {host} addr add 10.77.0.{}/24 dev eth0", number + 1));
    }

    fn bridge(&self) -> String {
        format!("{}-sw", self.prefix)
    }

    fn host(&self, number: usize) -> String {
        format!("{}-{number}", self.prefix)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        for number in 0..self.size {
            let _ = try_ip(&format!("netns del {}", self.host(number)));
        }
        let _ = try_ip(&format!("netns del {}", self.bridge()));
    }
}

/// A program that runs on a computer of the room.
pub struct Computer {
    process: Child,
    lines: mpsc::UnboundedReceiver<String>,
}

impl Computer {
    /// The addresses at which somebody is seen.
    pub async fn sees(&mut self, who: &str) -> String {
        self.sees_within(who, SOON).await
    }

    pub async fn sees_within(&mut self, who: &str, limit: Duration) -> String {
        self.line(&format!("seen {who}: "), limit).await
    }

    pub async fn loses(&mut self, who: &str) {
        self.loses_within(who, SOON).await;
    }

    pub async fn loses_within(&mut self, who: &str, limit: Duration) {
        self.line(&format!("left {who}:"), limit).await;
    }

    /// Ends the program as a person would.
    pub fn say_goodbye(&mut self) {
        drop(self.process.stdin.take());
    }

    async fn line(&mut self, start: &str, limit: Duration) -> String {
        let found = async {
            loop {
                let line = self.lines.recv().await.expect("the program runs");
                if let Some(rest) = line.strip_prefix(start) {
                    return rest.to_owned();
                }
            }
        };
        tokio::time::timeout(limit, found).await.unwrap_or_else(|_| panic!("{start:?} was not told"))
    }
}

impl Drop for Computer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn ip(arguments: &str) {
    if let Err(error) = try_ip(arguments) {
        panic!("ip {arguments}: {error}");
    }
}

fn try_ip(arguments: &str) -> Result<(), String> {
    let done = Command::new("ip").args(arguments.split(' ')).output().map_err(|error| error.to_string())?;
    if done.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&done.stderr).into_owned()) }
}
