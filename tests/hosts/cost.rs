//! What a thousand keys from one network of IPv6 can cost a computer. The figures stand in `docs/PROTOCOL.md`.

use std::{
    fs,
    net::{IpAddr, Ipv6Addr, SocketAddr},
    path::Path,
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use handout::{
    net::{
        identity::Identity,
        tls::{self, Expect},
    },
    share::Link,
    wire::paths,
};
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpSocket,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{LIMIT, Room, Running, helpers, network::Hosts};
use crate::as_root;

const KEYS: u16 = 1_000;
/// How long they go on while it is measured.
const WATCHED: Duration = Duration::from_secs(8);
const HONEST_BYTES: usize = 20 << 20;
const TEACHER: Ipv6Addr = Ipv6Addr::new(0xfd77, 0, 0, 0, 0, 0, 0, 1);

fn stranger(number: u16) -> IpAddr {
    IpAddr::V6(Ipv6Addr::new(0xfd77, 0, 0, 0, 0, 0, 1, number))
}

#[test]
fn a_thousand_keys_of_one_network_cost_no_more_than_is_said() {
    const TEST: &str = "a_thousand_keys_of_one_network_cost_no_more_than_is_said";
    if helpers::is_one() {
        return helpers::act();
    }
    if as_root::instead(module_path!(), TEST) {
        return;
    }
    let until = Instant::now() + LIMIT;
    let room = Room { hosts: Hosts::up(3, 0).unwrap(), folder: tempfile::tempdir().unwrap() };
    give_addresses(&room);
    let file = room.folder.path().join("lesson.bin");
    fs::write(&file, helpers::content(HONEST_BYTES)).unwrap();
    let teacher = room.share(&file);
    let link = teacher.line("handout://", until);
    let quiet = room.get_whole(2, &link, "quiet");
    let before = Cost::of(&teacher, &room.folder.path().join("home-0"));

    let crowd = room.helper(1, "thousand", &format!("cost::{TEST}"), &link, &file);
    crowd.line("all have come", until);
    let (began, at_first) = (Instant::now(), Cost::of(&teacher, &room.folder.path().join("home-0")));
    let among = room.get_whole(2, &link, "among");
    let mut most_open = 0;
    while began.elapsed() < WATCHED {
        most_open = most_open.max(open_sockets(&teacher));
        std::thread::sleep(Duration::from_millis(200));
    }
    let after = Cost::of(&teacher, &room.folder.path().join("home-0"));

    let cpu = (after.cpu - at_first.cpu).as_secs_f64() / began.elapsed().as_secs_f64();
    println!(
        "cost: {KEYS} keys: {most_open} connections, {:.0} % of a processor, {} KiB of memory at most ({} before), \
         {} KiB of disk, 20 MiB in {:.1} s ({:.1} s before)",
        100.0 * cpu,
        after.memory_kb,
        before.memory_kb,
        after.disk.saturating_sub(before.disk) >> 10,
        among.as_secs_f64(),
        quiet.as_secs_f64(),
    );
    // 256 of the network, 32 that knock, and those of the honest one and our own.
    assert!(most_open <= 256 + 32 + 32, "{most_open} connections");
    // Without optimization, on a machine that does much else; the figure of a release is in the table.
    assert!(cpu < 1.0, "{cpu} processors");
    assert!(after.memory_kb < 150 << 10, "{} KiB of memory", after.memory_kb);
    // Whom something was given to is remembered, for so many; and the database's log grows to 4 MiB before it is put away.
    assert!(after.disk.saturating_sub(before.disk) < 8 << 20, "{} bytes of disk", after.disk - before.disk);
    assert!(among < quiet + Duration::from_secs(10), "{among:?}, {quiet:?} without them");
}

fn give_addresses(room: &Room) {
    let all = (1..=KEYS).map(|number| format!("addr add {}/64 dev eth0 nodad\n", stranger(number))).collect::<String>();
    let list = room.folder.path().join("addresses");
    fs::write(&list, all).unwrap();
    let mut many = Command::new("ip");
    many.arg("-batch").arg(&list);
    let mut one = Command::new("ip");
    one.args(["addr", "add", &format!("{TEACHER}/64"), "dev", "eth0", "nodad"]);
    for (host, command) in [(1, many), (0, one)] {
        assert!(room.hosts.on(host, &command).status().unwrap().success());
    }
}

impl Room {
    /// How long an honest one takes.
    fn get_whole(&self, host: u8, link: &str, name: &str) -> Duration {
        let mut get = Command::new(env!("CARGO_BIN_EXE_handout"));
        let into = self.folder.path().join(name);
        get.arg("--quiet").arg("--home").arg(self.folder.path().join(format!("home-{name}")));
        get.args(["get", link, "--into"]).arg(&into);
        let began = Instant::now();
        let done = self.hosts.on(host, &get).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        began.elapsed()
    }
}

/// What a program took until now.
struct Cost {
    cpu: Duration,
    memory_kb: u64,
    disk: u64,
}

impl Cost {
    fn of(running: &Running, home: &Path) -> Cost {
        let of = Path::new("/proc").join(running.process.id().to_string());
        let stat = fs::read_to_string(of.join("stat")).unwrap();
        // The name may have spaces; after it comes the third field.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        let ticks: u64 = [11, 12].iter().map(|at| fields[*at].parse::<u64>().unwrap()).sum();
        let status = fs::read_to_string(of.join("status")).unwrap();
        let memory = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        let memory_kb = memory.trim().trim_end_matches(" kB").parse().unwrap();
        let disk = walk(home);
        Cost { cpu: Duration::from_millis(10 * ticks), memory_kb, disk }
    }
}

fn walk(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let size = |entry: fs::DirEntry| match entry.metadata() {
        Ok(meta) if meta.is_dir() => walk(&entry.path()),
        Ok(meta) => meta.len(),
        Err(_) => 0,
    };
    entries.map(size).sum()
}

fn open_sockets(running: &Running) -> usize {
    let files = fs::read_dir(format!("/proc/{}/fd", running.process.id())).unwrap();
    let is_socket = |link: &std::path::PathBuf| link.to_string_lossy().starts_with("socket:");
    files.flatten().filter_map(|file| fs::read_link(file.path()).ok()).filter(is_socket).count()
}

/// A thousand keys, each from an address of its own: they connect, ask for everything, take a piece as slowly as they may,
/// and begin anew when they are turned away.
pub async fn thousand(link: Link) {
    let to = SocketAddr::new(TEACHER.into(), link.at[0].port());
    let (share, link) = (link.share, Arc::new(link));
    let come = Arc::new(tokio::sync::Semaphore::new(0));
    for number in 1..=KEYS {
        let (come, _link) = (come.clone(), link.clone());
        tokio::spawn(async move {
            let identity = Identity::ephemeral().unwrap();
            let mut first = true;
            loop {
                let met = tokio::time::timeout(Duration::from_secs(6), connect(stranger(number), to, &identity)).await;
                if std::mem::take(&mut first) {
                    come.add_permits(1);
                }
                if let Ok(Ok(mut stream)) = met {
                    let _ = ask_everything(&mut stream, share, number).await;
                }
                tokio::time::sleep(Duration::from_millis(500)).await;
            }
        });
    }
    let _all = come.acquire_many(u32::from(KEYS)).await.unwrap();
    println!("all have come");
    std::future::pending::<()>().await;
}

type Stream = TlsStream<tokio::net::TcpStream>;

async fn connect(from: IpAddr, to: SocketAddr, identity: &Identity) -> std::io::Result<Stream> {
    let socket = TcpSocket::new_v6()?;
    socket.set_recv_buffer_size(4 << 10)?;
    socket.bind(SocketAddr::new(from, 0))?;
    let socket = socket.connect(to).await?;
    let config = tls::client_config(identity, Expect::Anyone).map_err(std::io::Error::other)?;
    let name = ServerName::try_from("handout.invalid").map_err(std::io::Error::other)?;
    TlsConnector::from(Arc::new(config)).connect(name, socket).await
}

async fn ask_everything(stream: &mut Stream, share: handout::share::ShareId, number: u16) -> std::io::Result<()> {
    let mut answer = vec![0; 16 << 10];
    let listens = 20_000 + number;
    for path in [paths::DEVICE, paths::SHARES, paths::PEERS] {
        let ask = format!("GET {path} HTTP/1.1\r\nhost: x\r\n{}: {listens}\r\n\r\n", paths::LISTEN_HEADER);
        stream.write_all(ask.as_bytes()).await?;
        if stream.read(&mut answer).await? == 0 {
            return Ok(());
        }
    }
    let last = match number.is_multiple_of(2) {
        true => paths::have(share),
        false => paths::piece(share, u32::from(number) % 100),
    };
    stream.write_all(format!("GET {last} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).await?;
    while stream.read(&mut answer[..1_024]).await? > 0 {
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    Ok(())
}
