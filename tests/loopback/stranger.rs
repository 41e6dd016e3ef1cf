//! A peer that speaks the protocol but does not behave: it serves a share of its own with the network's real parts, and
//! what it does with pieces ([`Manner`]) and says of itself and others ([`Tales`]) is up to the test.

use std::{
    collections::BTreeSet,
    io,
    net::SocketAddr,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use axum::{
    Extension, Router,
    body::Body,
    extract::Request,
    middleware::{Next, from_fn},
    response::Response,
    routing::get,
};
use handout::{
    net::{
        call::{Client, Timeouts},
        identity::Identity,
        listen::{self, Caller, Listener},
        piece_stream::{self, OpenPiece, PieceSource, Refusal, ServeLimits, Serving},
        tls::{self, Expect},
    },
    share::{Audience, Bitmap, Manifest, PeerId, PieceHashes, Share, SignedManifest, probe},
    store::import::{self, ImportProgress, ImportRequest},
    wire::{
        paths::{self, patterns},
        peer::{Around, Catalogue, Device, Listed, Neighbour},
    },
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// What a stranger does when it is asked for a piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    Honest,
    /// Waits before each piece.
    Slow(Duration),
    /// One bit is wrong.
    WrongBytes,
    /// Says that the piece is shorter than it is.
    WrongLength,
    /// The answer never ends.
    Endless,
    /// Says that it sends, and sends nothing.
    Silent,
}

/// What a stranger says of itself and of others, true or not.
#[derive(Clone, Debug)]
pub struct Tales {
    pub name: String,
    pub role: &'static str,
    /// Its catalogue; `None`: the share that it gives, as it is.
    pub listed: Option<Vec<Listed>>,
    /// Those whom it tells of.
    pub others: Vec<Neighbour>,
}

impl Default for Tales {
    fn default() -> Tales {
        Tales { name: "Stranger".to_owned(), role: "peer", listed: None, others: vec![] }
    }
}

/// A running stranger; it goes away when dropped.
pub struct Stranger {
    pub id: PeerId,
    pub share: Arc<Share>,
    pub address: SocketAddr,
    /// Every path that it was asked for, with its question.
    pub heard: Arc<Mutex<Vec<String>>>,
    /// Pieces that it was asked for.
    pub asked: Arc<AtomicU32>,
    cancel: CancellationToken,
    runtime: Option<tokio::runtime::Runtime>,
}

impl Stranger {
    /// Gives out one file with this content under this name.
    pub fn start(name: &str, content: &[u8], manner: Manner) -> Stranger {
        Stranger::start_with(Arc::new(signed(name, content)), content.to_vec(), manner)
    }

    /// Gives out a share that another signed.
    pub fn start_with(share: Arc<Share>, content: Vec<u8>, manner: Manner) -> Stranger {
        Stranger::start_at("127.0.0.1:0".parse().unwrap(), share, content, manner)
    }

    /// [`Stranger::start_with`] on an address of its own.
    pub fn start_at(at: SocketAddr, share: Arc<Share>, content: Vec<u8>, manner: Manner) -> Stranger {
        Stranger::start_telling(at, share, content, manner, Tales::default())
    }

    /// Gives out one file, and tells this.
    pub fn telling(name: &str, content: &[u8], tales: Tales) -> Stranger {
        let at = "127.0.0.1:0".parse().unwrap();
        Stranger::start_telling(at, Arc::new(signed(name, content)), content.to_vec(), Manner::Honest, tales)
    }

    pub fn start_telling(
        at: SocketAddr,
        share: Arc<Share>,
        content: Vec<u8>,
        manner: Manner,
        tales: Tales,
    ) -> Stranger {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let identity = Identity::ephemeral().unwrap();
        let id = identity.id();
        let (cancel, tracker) = (CancellationToken::new(), TaskTracker::new());
        let asked = Arc::new(AtomicU32::new(0));
        let _context = runtime.enter();
        let listener = Listener::bind(Some(at)).unwrap();
        let address = listener.address();
        let serving = Serving::new(ServeLimits::default(), cancel.clone(), tracker.clone());
        let gives = Gives { share: share.clone(), content: Arc::new(content), manner, asked: asked.clone() };
        let heard = Arc::new(Mutex::new(vec![]));
        let router = router(id, gives, serving, tales).layer(from_fn({
            let heard = heard.clone();
            move |request: Request, next: Next| {
                heard.lock().unwrap().push(request.uri().to_string());
                next.run(request)
            }
        }));
        let config = tls::server_config(&identity).unwrap();
        runtime.spawn(listen::serve(listener, config, router, listen::Limits::default(), cancel.clone(), tracker));
        Stranger { id, share, address, heard, asked, cancel, runtime: Some(runtime) }
    }

    /// Whether it was asked for something with this in its path or question.
    pub fn was_asked(&self, part: &str) -> bool {
        self.heard.lock().unwrap().iter().any(|path| path.contains(part))
    }
}

/// Calls with a key of its own that nobody knows, and says that it answers at this port.
pub fn knock(at: SocketAddr, answers_at: u16) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let client = Client::new(Identity::ephemeral().unwrap()).listening_at(answers_at);
        let mut connection = client.connect(&[at], Expect::Anyone, Timeouts::default()).await.unwrap();
        connection.get(paths::DEVICE, 1 << 20).await.unwrap();
    });
}

/// An entry of a catalogue, as it is true of a share.
pub fn listed(share: &Share) -> Listed {
    Listed {
        id: share.id().to_string(),
        title: share.manifest().title.clone(),
        size: share.manifest().size(),
        files: share.manifest().files(),
        kind: "file".to_owned(),
        publisher: share.manifest().publisher.peer_id().to_string(),
        created_s: 0,
        complete: true,
        everyone: true,
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        self.cancel.cancel();
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_millis(100));
        }
    }
}

/// A share of one file, signed by a key that nobody keeps.
pub fn signed(name: &str, content: &[u8]) -> Share {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, content).unwrap();
    signed_files(&[&path])
}

/// A share of these files and folders, signed by a key that nobody keeps.
pub fn signed_files(paths: &[&Path]) -> Share {
    let identity = Identity::ephemeral().unwrap();
    let request = ImportRequest { paths: paths.iter().map(|path| path.to_path_buf()).collect(), ..Default::default() };
    let imported = import::import(&request, &ImportProgress::default(), &AtomicBool::new(false)).unwrap();
    let manifest = Manifest {
        title: imported.title,
        publisher: identity.public_key(),
        created_s: 1_700_000_000,
        audience: Audience::Everyone,
        piece_len: imported.piece_len,
        entries: imported.entries,
    };
    let hashes = PieceHashes::new(&manifest, imported.hashes).unwrap();
    let signed = SignedManifest::sign(manifest, |message| identity.sign(message)).unwrap();
    Share::new(signed, hashes).unwrap()
}

#[derive(Clone)]
struct Gives {
    share: Arc<Share>,
    content: Arc<Vec<u8>>,
    manner: Manner,
    asked: Arc<AtomicU32>,
}

fn router(id: PeerId, gives: Gives, serving: Serving, tales: Tales) -> Router {
    let share = gives.share.clone();
    let device = Device {
        id: id.to_string(),
        name: tales.name,
        role: tales.role.to_owned(),
        version: 1,
        program: "0".to_owned(),
        features: vec![],
    };
    let catalogue = Catalogue { revision: 1, shares: tales.listed.unwrap_or_else(|| vec![listed(&share)]) };
    let around = Around { peers: tales.others };
    let (manifest, hashes) = (share.signed().to_wire().to_vec(), share.hashes().to_bytes());
    let id_of_share = share.id();
    let have = Bitmap::full(share.pieces()).as_bytes().to_vec();
    Router::new()
        .route(paths::DEVICE, get(async || axum::Json(device)))
        .route(paths::SHARES, get(async |request: Request| catalogue_of(request, catalogue).await))
        .route(paths::PEERS, get(async || axum::Json(around)))
        .route(patterns::MANIFEST, get(async || manifest))
        .route(patterns::HASHES, get(async || hashes))
        // Whatever it is asked for, it says that it knows the share that it gives.
        .route(
            patterns::KNOWN,
            get(async move |Extension(caller): Extension<Caller>| probe::answer(id_of_share, caller.peer).to_vec()),
        )
        .route(patterns::HAVE, get(async || have))
        .route(
            patterns::STREAM,
            get(async move |request: Request| -> Response<Body> {
                piece_stream::upgrade(request, Box::new(gives), &serving, |_| {})
            }),
        )
}

/// The first answer is the catalogue; whoever waits for another waits.
async fn catalogue_of(request: Request, catalogue: Catalogue) -> Response<Body> {
    use axum::response::IntoResponse as _;
    if request.headers().contains_key("if-none-match") {
        tokio::time::sleep(Duration::from_secs(30)).await;
        return axum::http::StatusCode::NOT_MODIFIED.into_response();
    }
    axum::Json(catalogue).into_response()
}

impl PieceSource for Gives {
    fn open(&mut self, piece: u32) -> Result<Box<dyn OpenPiece + '_>, Refusal> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let index = self.share.pieces().index(piece).ok_or(Refusal::Missing)?;
        if let Manner::Slow(wait) = self.manner {
            std::thread::sleep(wait);
        }
        let entries: BTreeSet<usize> = self.share.pieces().spans(index).map(|span| span.entry).collect();
        assert_eq!(entries.len(), 1, "strangers give shares of one file");
        let span = self.share.pieces().spans(index).next().unwrap();
        let mut bytes = self.content[span.offset as usize..][..span.len as usize].to_vec();
        let mut length = span.len;
        match self.manner {
            Manner::WrongBytes => bytes[7] ^= 1,
            Manner::WrongLength => length -= 1,
            Manner::Endless => length = u32::MAX,
            _ => {}
        }
        Ok(Box::new(Giving { bytes, at: 0, length, manner: self.manner }))
    }
}

struct Giving {
    bytes: Vec<u8>,
    at: usize,
    length: u32,
    manner: Manner,
}

impl OpenPiece for Giving {
    fn length(&self) -> u32 {
        self.length
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.manner == Manner::Silent {
            std::thread::sleep(Duration::from_secs(20));
        }
        if self.manner == Manner::Endless {
            buffer.fill(0);
            return Ok(buffer.len());
        }
        let part = buffer.len().min(self.bytes.len() - self.at);
        buffer[..part].copy_from_slice(&self.bytes[self.at..][..part]);
        self.at += part;
        Ok(part)
    }
}
