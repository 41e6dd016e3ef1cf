//! A crowd of strangers, all in one process: keys cost nothing. Each answers as a peer or as a server, lists shares under
//! another's key, tells of peers that do not exist, calls everybody, follows and fetches what is given as slowly as is
//! allowed, and writes down what it is asked for.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::{Router, extract::Request, routing::get};
use handout::{
    net::{
        call::{Client, Timeouts},
        discovery::{Announcement, Discovery, Role},
        identity::Identity,
        listen::{self, Limits, Listener},
        piece_stream::PROTOCOL,
        tls::{self, Expect},
    },
    share::{PeerId, PieceLen, ShareId},
    wire::{
        paths,
        peer::{Around, Catalogue, Device, Listed, Neighbour, VERSION},
    },
};
use tokio::{net::TcpSocket, sync::mpsc};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// What stands in the title of every share that is none.
pub const FALSE_TITLE: &str = "Homework for tomorrow";
/// A connection for pieces takes so much in this time: twice what anybody must keep.
const SIP: usize = 1_024;
const SIP_EVERY: Duration = Duration::from_millis(500);

/// What the crowd does.
pub struct Crowd {
    pub keys: usize,
    /// Where it answers.
    pub at: IpAddr,
    /// Who is called.
    pub room: Vec<SocketAddr>,
    /// What is fetched slowly, from the first of the room.
    pub share: ShareId,
    /// Whose shares it says its own are.
    pub publisher: PeerId,
    /// So many are announced over mDNS; the others call.
    pub announced: usize,
    /// What each lists, in the publisher's name, and of how many peers it tells who do not exist.
    pub offers: usize,
    pub invented: usize,
    /// Connections are opened from these, and left.
    pub flood: Option<Flood>,
}

pub struct Flood {
    pub from: Vec<IpAddr>,
    pub to: SocketAddr,
}

impl Crowd {
    /// Goes on until the runtime ends.
    pub fn act(self) {
        let crowd = Arc::new(self);
        for number in 0..crowd.keys {
            crowd.clone().join(number);
        }
        if crowd.flood.is_some() {
            tokio::spawn(async move { flood(crowd.flood.as_ref().expect("there is one")).await });
        }
    }

    fn join(self: Arc<Self>, number: usize) {
        let identity = Identity::ephemeral().unwrap();
        let (id, role) = (identity.id(), if number.is_multiple_of(3) { "server" } else { "peer" });
        let listener = Listener::bind(Some(SocketAddr::new(self.at, 0))).unwrap();
        let port = listener.address().port();
        let router = router(id, role, &self.catalogue(number), &around(number, self.invented));
        let config = tls::server_config(&identity).unwrap();
        let (cancel, tracker) = (CancellationToken::new(), TaskTracker::new());
        tokio::spawn(listen::serve(listener, config, router, Limits::server(), cancel, tracker));
        let role = if role == "server" { Role::Server } else { Role::Peer };
        if number < self.announced {
            let (instance, name) = (number as u64, "Ms Teacher".to_owned());
            let announcement = Announcement { id, instance, name, role, port, catalogue: 1 };
            let (events, mut seen) = mpsc::channel(64);
            let voice = Discovery::start(announcement, events).unwrap();
            tokio::spawn(async move {
                while seen.recv().await.is_some() {}
                drop(voice);
            });
        }
        let client = Client::new(identity).listening_at(port);
        for to in self.room.clone() {
            tokio::spawn(call(client.clone(), to, self.share));
        }
        let teacher = self.room[0];
        for lane in 0..2 {
            tokio::spawn(sip_for_ever(client.clone(), teacher, self.share, number as u32 * 2 + lane));
        }
    }

    fn catalogue(&self, number: usize) -> Catalogue {
        let listed = |at: usize| Listed {
            id: ShareId(*blake3::hash(format!("{number} {at}").as_bytes()).as_bytes()).to_string(),
            title: format!("{FALSE_TITLE} {at}"),
            size: 1_000,
            files: 1,
            kind: "file".to_owned(),
            publisher: self.publisher.to_string(),
            created_s: 1_700_000_000,
            complete: true,
            everyone: true,
        };
        Catalogue { revision: 1, shares: (0..self.offers).map(listed).collect() }
    }
}

/// Peers that do not exist: outside, on the listener's own computer, and in the room where nobody answers.
fn around(number: usize, invented: usize) -> Around {
    let neighbour = |at: usize| {
        let port = |of: usize| 20_000 + (at * 16 + of) as u16;
        let address = |of: usize| match of % 3 {
            0 => SocketAddr::from(([203, 0, 113, at as u8], port(of))),
            1 => SocketAddr::from(([127, 0, 0, 1], port(of))),
            _ => SocketAddr::from(([10, 93, 0, 200 + (at % 50) as u8], port(of))),
        };
        Neighbour {
            id: PeerId(*blake3::hash(format!("nobody {number} {at}").as_bytes()).as_bytes()).to_string(),
            name: "Nobody".to_owned(),
            addresses: (0..16).map(address).collect(),
        }
    };
    Around { peers: (0..invented).map(neighbour).collect() }
}

fn router(id: PeerId, role: &str, catalogue: &Catalogue, around: &Around) -> Router {
    let device = Device {
        id: id.to_string(),
        name: "Ms Teacher".to_owned(),
        role: role.to_owned(),
        version: VERSION,
        program: "0.1.0".to_owned(),
        features: vec![PROTOCOL.to_owned()],
    };
    let texts = [serde_json::to_string(&device), serde_json::to_string(catalogue), serde_json::to_string(around)];
    let [device, catalogue, around] = texts.map(|text| bytes::Bytes::from(text.unwrap()));
    Router::new()
        .route(paths::DEVICE, get(async || device))
        .route(paths::SHARES, get(async |request: Request| catalogue_of(request, catalogue).await))
        .route(paths::PEERS, get(async || around))
        .fallback(async |request: Request| {
            println!("asked for {}", request.uri());
            axum::http::StatusCode::NOT_FOUND
        })
}

/// The whole list, and another number each second.
async fn catalogue_of(request: Request, catalogue: bytes::Bytes) -> ([(&'static str, String); 1], bytes::Bytes) {
    let known =
        request.headers().get("if-none-match").and_then(|known| known.to_str().ok()?.trim_matches('"').parse().ok());
    if known.is_some() {
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
    ([("etag", format!("\"{}\"", known.unwrap_or(0u64) + 1))], catalogue)
}

/// Calls one of the room again and again: says where it answers, follows what is given, asks who is there.
async fn call(client: Client, to: SocketAddr, share: ShareId) {
    loop {
        if let Ok(mut connection) = client.connect_anew(&[to], Expect::Anyone, Timeouts::default()).await {
            for path in [paths::DEVICE, paths::SHARES, paths::PEERS] {
                let _ = connection.get(path, 1 << 20).await;
            }
            let _ = connection.get_stream(&paths::have(share), Duration::from_millis(700)).await;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

async fn sip_for_ever(client: Client, from: SocketAddr, share: ShareId, piece: u32) {
    loop {
        if let Ok(connection) = client.connect_anew(&[from], Expect::Anyone, Timeouts::default()).await
            && let Ok(mut pipe) = connection.upgrade(&paths::stream(share), PROTOCOL).await
        {
            let _ = pipe.receive_at_most(4 << 10);
            let (over, ended) = tokio::sync::oneshot::channel::<()>();
            std::thread::spawn(move || {
                let _over = over;
                let mut sip = vec![0; SIP];
                // Several are wanted at once, so that there is always something to take slowly.
                for at in 0..16 {
                    let wanted = piece + 40 * at % (PieceLen::MIN.bytes() >> 10);
                    if pipe.queue(&wanted.to_be_bytes()).is_err() {
                        return;
                    }
                }
                let _ = pipe.flush();
                while pipe.read_exact(&mut sip).is_ok() {
                    std::thread::sleep(SIP_EVERY);
                }
            });
            let _ = ended.await;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Opens what it may from each address, and opens again what is closed.
pub async fn flood(flood: &Flood) {
    let mut open = vec![];
    loop {
        for from in flood.from.iter().cycle().take(flood.from.len() * 16) {
            let socket = if from.is_ipv6() { TcpSocket::new_v6() } else { TcpSocket::new_v4() };
            let Ok(socket) = socket else { continue };
            if socket.bind(SocketAddr::new(*from, 0)).is_ok() {
                let connected = tokio::time::timeout(Duration::from_millis(500), socket.connect(flood.to)).await;
                open.extend(connected.ok().and_then(Result::ok));
            }
        }
        // What was closed at the other end is of no use any more.
        let is_open = |socket: &tokio::net::TcpStream| match socket.try_read(&mut [0; 1]) {
            Ok(_) => false,
            Err(error) => error.kind() == std::io::ErrorKind::WouldBlock,
        };
        open.retain(is_open);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
