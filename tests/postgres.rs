//! A real PostgreSQL of this test run: its own cluster in a temporary folder, reached by a socket there.
//!
//! It is started by the first test that asks and ends with the test program, however that ends: a small shell watches the
//! other end of a pipe. Each test gets a database of its own.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

struct Cluster {
    folder: PathBuf,
    databases: AtomicU32,
    /// Its standard input is the pipe.
    _watcher: Child,
}

/// The address of a database that nobody else uses.
pub fn new_database() -> String {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    let cluster = CLUSTER.get_or_init(start);
    let name = format!("test_{}", cluster.databases.fetch_add(1, Ordering::Relaxed));
    let socket = cluster.folder.join("socket");
    run(as_server(&tool("createdb")).arg("-h").arg(&socket).args(["-U", "handout", &name]));
    format!("postgres://handout@localhost/{name}?host={}", socket.display())
}

/// Lets SQL run as somebody who got at the database by another way.
pub fn run_sql(url: &str, statement: &str) {
    run(Command::new(tool("psql")).args(["-q", "-v", "ON_ERROR_STOP=1", "-c", statement, url]));
}

/// Makes the cluster and waits until it answers.
fn start() -> Cluster {
    let folder = std::env::temp_dir().join(format!("handout-pg-{}", std::process::id()));
    let data = folder.join("data");
    let socket = folder.join("socket");
    let make = "mkdir -m 755 \"$0\" && mkdir -m 777 \"$0/socket\"";
    run(as_server(Path::new("sh")).args(["-c", make]).arg(&folder));
    run(as_server(&tool("initdb")).args(["-U", "handout", "-A", "trust", "-E", "UTF8", "--no-sync", "-D"]).arg(&data));
    // When the pipe ends, so does the server; what it made goes with it.
    let watch = "\"$1\" -D \"$2/data\" -k \"$2/socket\" -c listen_addresses= -c fsync=off -c max_connections=300 \
                 >\"$2/log\" 2>&1 & pid=$!; cat >/dev/null; kill -INT $pid; wait $pid; rm -rf \"$2\"";
    let watcher = as_server(Path::new("sh"))
        .args(["-c", watch, "sh"])
        .arg(tool("postgres"))
        .arg(&folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("a shell starts");
    let begun = Instant::now();
    while !socket.join(".s.PGSQL.5432").exists()
        || !Command::new(tool("pg_isready")).arg("-q").arg("-h").arg(&socket).status().is_ok_and(|done| done.success())
    {
        let log = std::fs::read_to_string(folder.join("log")).unwrap_or_default();
        assert!(begun.elapsed() < Duration::from_secs(60), "PostgreSQL does not answer:\n{log}");
        std::thread::sleep(Duration::from_millis(50));
    }
    Cluster { folder, databases: AtomicU32::new(0), _watcher: watcher }
}

/// PostgreSQL refuses to run as root, so there it runs as the user that its package made.
fn as_server(program: &Path) -> Command {
    let root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n");
    if !root {
        return Command::new(program);
    }
    let mut command = Command::new("runuser");
    command.args(["-u", "postgres", "--"]).arg(program);
    command.current_dir("/");
    command
}

/// Debian keeps each version's programs in a folder of their own.
fn tool(name: &str) -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = versions.map(|version| version.path().join("bin").join(name)).collect();
    found.retain(|path| path.exists());
    found.sort();
    found.pop().unwrap_or_else(|| panic!("{name} is missing: install the package postgresql"))
}

fn run(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?} failed:\n{said}");
}
