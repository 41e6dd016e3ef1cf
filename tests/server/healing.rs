//! A server whose disk or database fails for a while: it says so, and works again when the cause is gone, by itself.

use std::{
    io::{Read as _, Write as _},
    os::unix::net::{UnixListener, UnixStream},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use super::{PASSWORD, Server, machine};
use crate::postgres;

/// Waits until it is so.
pub fn soon(what: &str, mut is: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is() {
        assert!(begun.elapsed() < Duration::from_secs(60), "{what} within a minute");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_disk_that_was_full_is_written_to_again_when_it_has_room() {
    if !machine::is_root(module_path!(), "a_disk_that_was_full_is_written_to_again_when_it_has_room") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("home")).unwrap();
    std::fs::write(folder.path().join("disk-mib"), "24").unwrap();
    let config = "[metrics]\nlisten = '127.0.0.1:0'\n[storage]\nreserve_mib = 0\n";
    std::fs::write(folder.path().join("server.toml"), config).unwrap();
    let server = Server::start_in(folder);
    let owner = server.own();
    assert_eq!(owner.get("/readyz").status, 200);

    // The disk is the program's alone, and seen through it.
    let home = server.folder.path().join("home");
    let filler = PathBuf::from(format!("/proc/{}/root{}/filler", server.pid(), home.display()));
    for round in 0..3 {
        fill(&filler);
        let other = server.browser(&format!("other{round}"));
        soon("a sign-in finds no room", || other.sign_in("grace", PASSWORD).status == 500);
        soon("readyz says so", || owner.get("/readyz").status == 503);
        assert_eq!(owner.get("/healthz").status, 200);
        std::fs::remove_file(&filler).unwrap();
        soon("readyz", || owner.get("/readyz").status == 200);
        assert_eq!(other.sign_in("grace", PASSWORD).status, 303, "round {round}");
    }
    let share = owner.upload("After the flood", "room", "a.txt", b"here again");
    assert_eq!(owner.get(&format!("/api/v1/shares/{share}/files/0")).body, b"here again");
}

fn fill(path: &Path) {
    let mut file = std::fs::File::create(path).unwrap();
    for block in [vec![7; 1 << 20], vec![7; 4 << 10]] {
        while file.write_all(&block).is_ok() {}
    }
}

#[test]
fn a_postgresql_that_is_cut_off_silent_gone_or_read_only_is_used_again_when_it_is_back() {
    let url = postgres::new_database();
    let (address, socket) = url.split_once("?host=").unwrap();
    let line = Line::to(Path::new(socket));
    let folder = tempfile::tempdir().unwrap();
    let through = format!("{address}?host={}", line.folder.path().display());
    let config =
        format!("[metrics]\nlisten = '127.0.0.1:0'\n[database]\nurl = '{through}'\n[storage]\nreserve_mib = 0\n");
    std::fs::write(folder.path().join("server.toml"), config).unwrap();
    let server = Server::start_in(folder);
    let owner = server.own();
    assert_eq!(owner.get("/readyz").status, 200);

    // Every connection breaks at once, as when the database server is started anew.
    line.cut();
    assert_eq!(owner.get("/").status, 200, "a question is asked again on another connection");
    assert_eq!(server.browser("a").sign_in("grace", PASSWORD).status, 303);

    line.set_open(false);
    line.cut();
    soon("readyz says that it is gone", || owner.get("/readyz").status == 503);
    line.set_open(true);
    soon("readyz", || owner.get("/readyz").status == 200);
    assert_eq!(server.browser("b").sign_in("grace", PASSWORD).status, 303);

    // What is written to a server that became another's copy is refused, on connections that were good before.
    let name = address.rsplit('/').next().unwrap();
    postgres::run_sql(&url, &format!("ALTER DATABASE {name} SET default_transaction_read_only = on"));
    line.cut();
    soon("readyz says that nothing can be written", || owner.get("/readyz").status == 503);
    assert_eq!(server.browser("c").sign_in("grace", PASSWORD).status, 500);
    let other = url.replace(&format!("/{name}?"), "/postgres?");
    postgres::run_sql(&other, &format!("ALTER DATABASE {name} SET default_transaction_read_only = off"));
    soon("readyz", || owner.get("/readyz").status == 200);
    assert_eq!(server.browser("d").sign_in("grace", PASSWORD).status, 303);

    // A silent one is no ready one either, and holds nobody up when it speaks again.
    line.set_silent(true);
    soon("readyz says that it is silent", || owner.get("/readyz").status == 503);
    line.set_silent(false);
    soon("readyz", || owner.get("/readyz").status == 200);
    assert_eq!(server.browser("e").sign_in("grace", PASSWORD).status, 303);
}

/// A line to PostgreSQL that can be cut, closed and made silent.
struct Line {
    folder: tempfile::TempDir,
    open: Arc<AtomicBool>,
    silent: Arc<AtomicBool>,
    ends: Arc<Mutex<Vec<UnixStream>>>,
}

const SOCKET: &str = ".s.PGSQL.5432";

impl Line {
    fn to(socket: &Path) -> Line {
        let folder = tempfile::tempdir().unwrap();
        let line = Line { folder, open: Arc::new(AtomicBool::new(true)), silent: Arc::default(), ends: Arc::default() };
        let listener = UnixListener::bind(line.folder.path().join(SOCKET)).unwrap();
        let (open, silent, ends) = (line.open.clone(), line.silent.clone(), line.ends.clone());
        let target = socket.join(SOCKET);
        std::thread::spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                if !open.load(Ordering::Relaxed) {
                    continue;
                }
                let far = UnixStream::connect(&target).unwrap();
                ends.lock().unwrap().extend([near.try_clone().unwrap(), far.try_clone().unwrap()]);
                pump(near.try_clone().unwrap(), far.try_clone().unwrap(), silent.clone());
                pump(far, near, silent.clone());
            }
        });
        line
    }

    /// Ends all connections.
    fn cut(&self) {
        for end in self.ends.lock().unwrap().drain(..) {
            end.shutdown(std::net::Shutdown::Both).ok();
        }
    }

    fn set_open(&self, open: bool) {
        self.open.store(open, Ordering::Relaxed);
    }

    fn set_silent(&self, silent: bool) {
        self.silent.store(silent, Ordering::Relaxed);
    }
}

fn pump(mut from: UnixStream, mut to: UnixStream, silent: Arc<AtomicBool>) {
    std::thread::spawn(move || {
        let mut buffer = vec![0; 64 << 10];
        while let Ok(len) = from.read(&mut buffer) {
            while silent.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(10));
            }
            if len == 0 || to.write_all(&buffer[..len]).is_err() {
                break;
            }
        }
        to.shutdown(std::net::Shutdown::Both).ok();
    });
}
