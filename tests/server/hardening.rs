//! Many who hold on and give nothing, or take nothing: others are served, and memory has an end.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use rustls::pki_types::{CertificateDer, ServerName, pem::PemObject as _};
use rustls::{ClientConfig, RootCertStore};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    task::JoinSet,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{Browser, Server, make_key};

type Held = TlsStream<TcpStream>;

/// Opens connections as a browser does, the server's own authority being trusted.
#[derive(Clone)]
struct Callers {
    address: SocketAddr,
    connector: TlsConnector,
}

impl Callers {
    fn of(server: &Server) -> Callers {
        raise_open_files();
        let authority = server.folder.path().join("home/tls/authority.pem");
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(authority).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let address = server.address.strip_prefix("https://").unwrap().parse().unwrap();
        Callers { address, connector: TlsConnector::from(Arc::new(config)) }
    }

    /// A connection from `127.0.0.FROM` on which something was said, or none where the server takes no more.
    async fn call(self, from: u8, says: Arc<str>) -> Option<Held> {
        let socket = TcpSocket::new_v4().unwrap();
        // Small, so that whoever reads nothing is noticed early.
        socket.set_recv_buffer_size(16 << 10).unwrap();
        socket.bind(SocketAddr::from(([127, 0, 0, from], 0))).unwrap();
        let stream = socket.connect(self.address).await.ok()?;
        let name = ServerName::try_from("localhost").unwrap();
        let called = tokio::time::timeout(Duration::from_secs(20), self.connector.connect(name, stream)).await;
        let mut stream = called.ok()?.ok()?;
        stream.write_all(says.as_bytes()).await.ok()?;
        Some(stream)
    }

    /// Some at a time, as the backlog of a server is bounded.
    async fn call_many(&self, from: impl Iterator<Item = u8>, says: &str) -> Vec<Held> {
        let says: Arc<str> = says.into();
        let (mut held, mut calls) = (vec![], JoinSet::new());
        for from in from {
            if calls.len() >= 64 {
                held.extend(calls.join_next().await.unwrap().unwrap());
            }
            calls.spawn(self.clone().call(from, says.clone()));
        }
        while let Some(called) = calls.join_next().await {
            held.extend(called.unwrap());
        }
        held
    }
}

/// The tests hold more connections than many systems let a program have unasked.
fn raise_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.map_or(8_192, |most| most.min(8_192));
    if limit.current.is_some_and(|current| current < wanted) {
        setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum: limit.maximum }).unwrap();
    }
}

/// The most memory that the server had so far, in MiB.
fn peak_mib(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap() >> 10
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

/// Asks for the health from an address of its own.
async fn health(server: &Server, from: &'static str) -> u16 {
    let browser = server.browser("other");
    blocking(move || browser.ask("GET", "/healthz", &["--interface", from]).status).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_slow_headers_do_not_keep_the_next_from_being_served() {
    let server = Server::start();
    let callers = Callers::of(&server);
    let begun = "GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ";
    let mut held = callers.call_many((0..1_000u32).map(|number| (10 + number % 10) as u8), begun).await;
    assert_eq!(held.len(), 1_000, "ten computers with a hundred connections each are taken in");
    assert_eq!(health(&server, "127.0.0.99").await, 200);
    // They are not waited for longer than a head may take.
    for stream in &mut held {
        let mut answer = [0; 64];
        let ended = tokio::time::timeout(Duration::from_secs(30), stream.read(&mut answer)).await;
        let read = ended.expect("a slow header is given up").unwrap_or(0);
        assert!(read == 0 || answer.starts_with(b"HTTP/1.1 408"), "{:?}", String::from_utf8_lossy(&answer));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_connections_of_one_computer_take_its_own_places_and_nobody_elses() {
    let server = Server::start();
    let callers = Callers::of(&server);
    let held = callers.call_many((0..1_000u32).map(|_| 10), "GET / HTTP/1.1\r\n").await;
    assert_eq!(held.len(), 256, "the places of one address");
    assert_eq!(health(&server, "127.0.0.99").await, 200);
    drop(held);
    // And its places are free again.
    let begun = std::time::Instant::now();
    while health(&server, "127.0.0.10").await != 200 {
        assert!(begun.elapsed() < Duration::from_secs(20));
    }
}

/// A share with one file of `mib`, sparse on disk.
fn sparse_share(server: &Server, owner: &Browser, mib: u64) -> String {
    let file = server.folder.path().join("sparse.bin");
    std::fs::File::create(&file).unwrap().set_len(mib << 20).unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_handout"));
    let shared = command.arg("share").arg(&file).arg("--home").arg(server.folder.path().join("home")).output().unwrap();
    assert!(shared.status.success(), "{}", String::from_utf8_lossy(&shared.stderr));
    let begun = std::time::Instant::now();
    loop {
        let listed = owner.get("/api/v1/shares").value();
        if let Some(id) = listed["hits"][0]["share"]["id"].as_str() {
            return id.to_owned();
        }
        assert!(begun.elapsed() < Duration::from_secs(30), "{listed}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_hundred_downloads_that_nobody_reads_and_thirty_uploads_of_2_gib_leave_memory_under_300_mib() {
    let (server, owner) = blocking(Server::owned).await;
    let (server, key, share) = blocking(move || {
        let key = make_key(&owner, "read write");
        let share = sparse_share(&server, &owner, 256);
        (server, key, share)
    })
    .await;
    let callers = Callers::of(&server);
    let head = format!("Host: localhost\r\nAuthorization: Bearer {key}\r\n");
    let request = format!("GET /api/v1/shares/{share}/files/0 HTTP/1.1\r\n{head}\r\n");
    let mut downloads = callers.call_many((0..500u32).map(|number| (10 + number % 10) as u8), &request).await;
    assert_eq!(downloads.len(), 500);
    for download in &mut downloads {
        let mut first = [0; 1_024];
        assert!(download.read(&mut first).await.unwrap() > 0 && first.starts_with(b"HTTP/1.1 200"));
    }

    let places = blocking({
        let owner = server.browser("owner").with_key(&key);
        move || {
            let begin = |number| {
                let batch = owner.begin("work", "owner");
                owner.announce(&batch, &format!("{number}.bin"), 2 << 30).header("location").to_owned()
            };
            (0..30).map(begin).collect::<Vec<_>>()
        }
    })
    .await;
    let mut uploads = callers.call_many((0..30).map(|number| 30 + number), "").await;
    for (upload, place) in uploads.iter_mut().zip(&places) {
        let request = format!(
            "PATCH {place} HTTP/1.1\r\n{head}Tus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\n\
             Content-Type: application/offset+octet-stream\r\nContent-Length: {}\r\n\r\n",
            2u64 << 30
        );
        upload.write_all(request.as_bytes()).await.unwrap();
    }
    // All of them come at once, as fast as the server takes them, for as long as shows what it keeps in memory.
    let part = Arc::new(vec![7; 1 << 20]);
    let mut sending = JoinSet::new();
    for mut upload in uploads {
        let part = part.clone();
        sending.spawn(async move {
            for _ in 0..8 {
                upload.write_all(&part).await.unwrap();
            }
            upload
        });
    }
    let uploads: Vec<Held> = sending.join_all().await;
    assert_eq!((uploads.len(), downloads.len()), (30, 500));
    assert_eq!(health(&server, "127.0.0.99").await, 200);
    let peak = peak_mib(&server);
    assert!(peak < 300, "{peak} MiB");
}
