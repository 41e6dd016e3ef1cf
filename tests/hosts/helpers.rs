//! What the test does on other computers: it lies there, or watches which pieces are out.

use std::{
    fs,
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use handout::{
    net::{
        call::{Client, Timeouts},
        discovery::{Announcement, Discovery, Role},
        identity::Identity,
        tls::Expect,
    },
    share::{Link, PieceHashes, Pieces, Share, ShareId, SignedManifest},
    wire::paths::{self, HAVE_ALIVE},
};
use tokio::sync::mpsc;

use super::{
    FETCHING, PORT, cost,
    crowd::{Crowd, Flood},
};
use crate::loopback::stranger::{Manner, Stranger};

/// Which helper the process is, and what it is told.
pub const ROLE: &str = "HANDOUT_TEST_ROLE";
pub const LINK: &str = "HANDOUT_TEST_LINK";
pub const FILE: &str = "HANDOUT_TEST_FILE";

/// For a crowd: whom it calls, and from where to where it opens connections without end; with spaces between.
const CROWD_ROOM: &str = "HANDOUT_TEST_ROOM";
const CROWD_FLOOD: &str = "HANDOUT_TEST_FLOOD";

/// How many of them announce themselves, how much each lists in another's name, and how many peers each invents.
const CROWD_ANNOUNCED: &str = "HANDOUT_TEST_ANNOUNCED";
const CROWD_OFFERS: &str = "HANDOUT_TEST_OFFERS";
const CROWD_INVENTED: &str = "HANDOUT_TEST_INVENTED";

/// Whether this process is a helper of the test.
pub fn is_one() -> bool {
    std::env::var_os(ROLE).is_some()
}

/// Does what the role says, until it is killed.
pub fn act() {
    let link: Link = std::env::var(LINK).unwrap().parse().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    match std::env::var(ROLE).unwrap().as_str() {
        "liar" => runtime.block_on(lie(link)),
        "watcher" => runtime.block_on(watch(link)),
        "thousand" => runtime.block_on(cost::thousand(link)),
        "crowd" => runtime.block_on(crowd(link)),
        role => panic!("{role}"),
    }
}

/// Bytes that no piece has in common with another.
pub fn content(bytes: usize) -> Vec<u8> {
    let mut content = vec![0; bytes];
    blake3::Hasher::new().finalize_xof().fill(&mut content);
    content
}

fn client() -> Client {
    Client::new(Identity::ephemeral().unwrap())
}

async fn share_of(link: &Link) -> Share {
    let mut connection = client().connect(&link.at, Expect::Anyone, Timeouts::default()).await.unwrap();
    let manifest = connection.get(&paths::manifest(link.share), 1 << 20).await.unwrap();
    let signed = SignedManifest::parse_expected(&manifest, link.share).unwrap();
    let hashes = connection.get(&paths::hashes(link.share), 1 << 20).await.unwrap();
    let hashes = PieceHashes::parse(signed.manifest(), &hashes).unwrap();
    Share::new(signed, hashes).unwrap()
}

/// Announces itself in the room as one that has everything, and gives wrong bytes.
async fn lie(link: Link) {
    let share = Arc::new(share_of(&link).await);
    let file = fs::read(PathBuf::from(std::env::var_os(FILE).unwrap())).unwrap();
    // It has a runtime of its own, which may not be made in ours.
    let stranger =
        std::thread::spawn(move || Stranger::start_at("0.0.0.0:0".parse().unwrap(), share, file, Manner::WrongBytes));
    let stranger = stranger.join().unwrap();
    let announcement = Announcement {
        id: stranger.id,
        instance: 7,
        name: "Liar".to_owned(),
        role: Role::Peer,
        port: stranger.address.port(),
        catalogue: 1,
    };
    let (events, mut seen) = mpsc::channel(64);
    let _voice = Discovery::start(announcement, events).unwrap();
    tokio::spawn(async move { while seen.recv().await.is_some() {} });
    println!("lies");
    while stranger.asked.load(Ordering::Relaxed) == 0 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    println!("was asked");
    std::future::pending::<()>().await;
}

/// Ten strangers with as many keys, who do all the harm that they can: to those at [`CROWD_ROOM`] (the first one gives the
/// share), and to one at an address of IPv6 from the addresses before it in [`CROWD_FLOOD`].
async fn crowd(link: Link) {
    let list = |name: &str| {
        let words = std::env::var(name).unwrap_or_default();
        words.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect::<Vec<_>>()
    };
    let mut flood = list(CROWD_FLOOD);
    let flood = flood
        .pop()
        .map(|to| Flood { from: flood.iter().map(|from| from.parse().unwrap()).collect(), to: to.parse().unwrap() });
    let room = list(CROWD_ROOM).iter().map(|at| at.parse().unwrap()).collect();
    let publisher = share_of(&link).await.manifest().publisher.peer_id();
    let at = "0.0.0.0".parse().unwrap();
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(0);
    let (announced, offers, invented) = (number(CROWD_ANNOUNCED), number(CROWD_OFFERS), number(CROWD_INVENTED));
    let share = link.share;
    let crowd = Crowd { keys: 10, at, room, share, publisher, announced, offers, invented, flood };
    crowd.act();
    println!("crowds");
    std::future::pending::<()>().await;
}

/// How many of the pieces are at any of those who fetch.
struct Out {
    pieces: Vec<AtomicU32>,
    count: AtomicU32,
}

impl Out {
    fn insert(&self, piece: u32) {
        let Some(copies) = self.pieces.get(piece as usize) else { return };
        if copies.fetch_add(1, Ordering::Relaxed) > 0 {
            return;
        }
        let count = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        let all = self.pieces.len() as u32;
        if count == all / 4 {
            println!("a quarter is out");
        }
        if count == all {
            println!("each piece is out once");
        }
    }
}

/// Follows what each of those who fetch has.
async fn watch(link: Link) {
    let share = share_of(&link).await;
    let pieces = share.pieces();
    let out =
        Arc::new(Out { pieces: (0..pieces.count()).map(|_| AtomicU32::new(0)).collect(), count: AtomicU32::new(0) });
    for host in 1..=FETCHING {
        let address = SocketAddr::from(([10, 77, 0, host + 1], PORT));
        tokio::spawn(follow(address, link.share, pieces.clone(), out.clone()));
    }
    println!("watches");
    std::future::pending::<()>().await;
}

/// Follows one of them, and again when it was killed.
async fn follow(address: SocketAddr, share: ShareId, pieces: Pieces, out: Arc<Out>) {
    loop {
        let _ = follow_once(address, share, &pieces, &out).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn follow_once(address: SocketAddr, share: ShareId, pieces: &Pieces, out: &Out) -> Option<()> {
    let connection = client().connect(&[address], Expect::Anyone, Timeouts::default()).await.ok()?;
    let mut body = connection.get_stream(&paths::have(share), Duration::from_secs(25)).await.ok()?;
    let map = pieces.count().div_ceil(8) as usize;
    let mut bytes = vec![];
    while bytes.len() < map {
        bytes.extend_from_slice(&body.chunk().await.ok()??);
    }
    let numbers = bytes.split_off(map);
    for piece in pieces.iter() {
        if bytes[piece.get() as usize / 8] & (0x80 >> (piece.get() % 8)) != 0 {
            out.insert(piece.get());
        }
    }
    let mut bytes = numbers;
    loop {
        let (numbers, rest) = bytes.as_chunks::<4>();
        for number in numbers.iter().map(|number| u32::from_be_bytes(*number)).filter(|number| *number != HAVE_ALIVE) {
            out.insert(number);
        }
        bytes = rest.to_vec();
        bytes.extend_from_slice(&body.chunk().await.ok()??);
    }
}
