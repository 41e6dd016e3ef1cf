//! Computers on a network of their own, for tests and benchmarks: network namespaces on a bridge, each with a line of a stated speed in both
//! directions (`tc tbf`). Needs root.

use std::{
    net::Ipv4Addr,
    process::Command,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// One network at a time: its names, and the system's list that it changes, are there once.
static ONE: Mutex<()> = Mutex::new(());

/// Why the network can't be made, in words.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// The computers; they go away with the value.
pub struct Hosts {
    prefix: String,
    count: u8,
    // Before `_one`: what was changed is as it was before another may begin.
    _cubic: Option<Allowed>,
    _one: MutexGuard<'static, ()>,
}

/// Congestion control that namespaces may choose, which is one list for the whole system; as it was when this goes away.
struct Allowed {
    before: String,
}

impl Hosts {
    /// So many computers, each with so many Mbit/s up and down; 0 for no limit.
    pub fn up(count: u8, mbit: u32) -> Result<Hosts> {
        let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        let _cubic = Allowed::cubic().unwrap_or_else(|error| {
            eprintln!("the system's own congestion control is measured: {error}");
            None
        });
        let hosts = Hosts { prefix: format!("hb{}", std::process::id()), count, _cubic, _one };
        let switch = hosts.switch();
        run(Command::new("ip").args(["netns", "add", &switch]))?;
        // A switch does not look into what it passes on. Where the kernel does not offer to, it does not do it either.
        for table in ["ip", "ip6", "arp"] {
            let _ = hosts.ip_sysctl(&switch, &format!("net.bridge.bridge-nf-call-{table}tables=0"));
        }
        hosts.ip(&switch, "link add br0 type bridge mcast_snooping 0")?;
        hosts.ip(&switch, "link set br0 up")?;
        for host in 0..count {
            hosts.add(host, mbit)?;
        }
        Ok(hosts)
    }

    fn add(&self, host: u8, mbit: u32) -> Result<()> {
        let (name, switch, port) = (self.name(host), self.switch(), format!("port{host}"));
        run(Command::new("ip").args(["netns", "add", &name]))?;
        run(Command::new("ip")
            .args(["link", "add", "eth0", "netns", &name, "type", "veth", "peer", "name", &port])
            .args(["netns", &switch]))?;
        self.ip(&switch, &format!("link set {port} master br0 up"))?;
        self.ip(&name, "link set lo up")?;
        self.ip(&name, "link set eth0 up")?;
        self.ip(&name, &format!("addr add {}/24 dev eth0", self.address(host)))?;
        // What most systems have. Where it is not to be had, the system's own is measured.
        let _ = self.ip_sysctl(&name, "net.ipv4.tcp_congestion_control=cubic");
        if mbit > 0 {
            for (namespace, device) in [(&name, "eth0"), (&switch, port.as_str())] {
                let rate = format!("{mbit}mbit");
                run(Command::new("tc")
                    .args(["-n", namespace, "qdisc", "add", "dev", device, "root", "tbf", "rate"])
                    .args([&rate, "burst", "64kb", "latency", "50ms"]))?;
            }
        }
        Ok(())
    }

    fn ip_sysctl(&self, namespace: &str, setting: &str) -> Result<()> {
        run(Command::new("ip").args(["netns", "exec", namespace, "sysctl", "-qw", setting]))
    }

    fn ip(&self, namespace: &str, words: &str) -> Result<()> {
        run(Command::new("ip").args(["-n", namespace]).args(words.split(' ')))
    }

    fn switch(&self) -> String {
        format!("{}-sw", self.prefix)
    }

    fn name(&self, host: u8) -> String {
        format!("{}-{host}", self.prefix)
    }

    pub fn address(&self, host: u8) -> Ipv4Addr {
        Ipv4Addr::new(10, 77, 0, host + 1)
    }

    /// Lets a computer reach only those that are not isolated, as access points do with guests.
    pub fn isolate(&self, host: u8) -> Result<()> {
        self.ip(&self.switch(), &format!("link set port{host} type bridge_slave isolated on"))
    }

    /// Bytes that a computer has sent.
    pub fn sent(&self, host: u8) -> Result<u64> {
        let mut command = Command::new("ip");
        let told = command.args(["-n", &self.switch(), "-s", "-j", "link", "show", &format!("port{host}")]).output()?;
        let told: serde_json::Value = serde_json::from_slice(&told.stdout)?;
        told[0]["stats64"]["rx"]["bytes"].as_u64().ok_or_else(|| "no figure was told".into())
    }

    /// The same command, on that computer.
    pub fn on(&self, host: u8, command: &Command) -> Command {
        let mut there = Command::new("ip");
        there.args(["netns", "exec", &self.name(host)]).arg(command.get_program()).args(command.get_args());
        for (key, value) in command.get_envs() {
            match value {
                Some(value) => there.env(key, value),
                None => there.env_remove(key),
            };
        }
        if let Some(folder) = command.get_current_dir() {
            there.current_dir(folder);
        }
        there
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        for host in 0..self.count {
            let _ = run(Command::new("ip").args(["netns", "del", &self.name(host)]));
        }
        let _ = run(Command::new("ip").args(["netns", "del", &self.switch()]));
    }
}

const ALLOWED: &str = "/proc/sys/net/ipv4/tcp_allowed_congestion_control";

impl Allowed {
    /// Lets namespaces have cubic; nothing where they may have it already.
    fn cubic() -> Result<Option<Allowed>> {
        let before = std::fs::read_to_string(ALLOWED)?.trim().to_owned();
        if before.split(' ').any(|name| name == "cubic") {
            return Ok(None);
        }
        std::fs::write(ALLOWED, format!("{before} cubic"))?;
        Ok(Some(Allowed { before }))
    }
}

impl Drop for Allowed {
    fn drop(&mut self) {
        let _ = std::fs::write(ALLOWED, &self.before);
    }
}

fn run(command: &mut Command) -> Result<()> {
    let done = command.output()?;
    if done.status.success() {
        return Ok(());
    }
    Err(format!("{command:?}: {}", String::from_utf8_lossy(&done.stderr)).into())
}
