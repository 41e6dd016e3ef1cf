//! The answering side: reads requests, asks the source, sends.

use std::{
    collections::BTreeMap,
    io,
    net::IpAddr,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    body::Body,
    http::{HeaderMap, Request, Response, StatusCode, header},
};
use hyper::upgrade::OnUpgrade;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    PROTOCOL, STEP,
    frames::{Answer, Head, REQUEST_BYTES},
};
use crate::{
    net::{
        Closer, LeastSpeed, Pipe, PipeError,
        listen::{KeepPlace, ServerIo},
    },
    share::Whence,
};

/// When to come back while all places are taken.
const RETRY_AFTER_S: &str = "2";
/// How long an answered upgrade may take to come about.
const UPGRADE_WAIT: Duration = Duration::from_secs(10);

/// Two steps may wait to be sent: one goes out while the next one is read. With more, a piece would count as sent long before
/// it is, and who gets it could not pass it on yet.
const UNSENT_MAX: u32 = 2 * STEP as u32;

/// Where pieces come from. The engine implements it around finished files and files being filled; everything is called on a
/// thread that may block.
pub trait PieceSource: Send {
    /// The connection is there; `closer` ends it from another thread.
    fn begin(&mut self, closer: Closer) {
        drop(closer);
    }

    /// A piece to be read from its beginning, or why not. What the piece holds (an upload slot) it gives back when dropped.
    fn open(&mut self, piece: u32) -> Result<Box<dyn OpenPiece + '_>, Refusal>;
}

/// A piece that is being sent.
pub trait OpenPiece {
    /// In bytes.
    fn length(&self) -> u32;

    /// How many bytes may be sent now, at most `most`; for keeping a limit. It may wait for a fraction of a second, and
    /// 0 means: not yet.
    fn allow(&mut self, most: usize) -> usize {
        most
    }

    /// Reads the next bytes, at least one. An error or an early end closes the connection.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize>;
}

/// Why a piece is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// All upload slots are taken.
    Busy { retry_after_ms: u32 },
    /// We don't have it (any more).
    Missing,
    /// The share is not given any more, or not to this peer.
    Withdrawn,
    /// Somebody else was just given it, from whom it can soon be had; other pieces may be asked for at once.
    Deferred { retry_after_ms: u32 },
}

/// What callers are held to.
#[derive(Clone, Copy, Debug)]
pub struct ServeLimits {
    /// How many connections may ask for pieces at a time, each on a thread of its own; the next one is told to come back.
    pub connections: usize,
    /// How many of them from one network, this computer excepted.
    pub per_net: usize,
    /// How long a caller may ask for nothing.
    pub idle: Duration,
    pub least_speed: LeastSpeed,
}

impl Default for ServeLimits {
    fn default() -> ServeLimits {
        ServeLimits {
            connections: 256,
            per_net: 128,
            idle: Duration::from_secs(30),
            least_speed: LeastSpeed::default(),
        }
    }
}

/// What a route needs to [`upgrade`] requests.
#[derive(Clone)]
pub struct Serving {
    limits: ServeLimits,
    cancel: CancellationToken,
    tracker: TaskTracker,
    free: Arc<Semaphore>,
    nets: Arc<Mutex<BTreeMap<IpAddr, usize>>>,
}

/// One of a network's connections for pieces, until it is dropped.
struct OfNet {
    nets: Arc<Mutex<BTreeMap<IpAddr, usize>>>,
    net: IpAddr,
}

impl Drop for OfNet {
    fn drop(&mut self) {
        let mut nets = self.nets.lock().unwrap_or_else(PoisonError::into_inner);
        match nets.get_mut(&self.net) {
            Some(count) if *count > 1 => *count -= 1,
            _ => _ = nets.remove(&self.net),
        }
    }
}

impl Serving {
    /// `cancel` ends all of them; every upgraded connection's task is in `tracker` until its thread is done.
    pub fn new(limits: ServeLimits, cancel: CancellationToken, tracker: TaskTracker) -> Serving {
        Serving { limits, cancel, tracker, free: Arc::new(Semaphore::new(limits.connections)), nets: Arc::default() }
    }

    /// A place for one more connection; `None` where there are enough.
    fn enter(&self, whence: Option<Whence>) -> Option<(OwnedSemaphorePermit, Option<OfNet>)> {
        let free = self.free.clone().try_acquire_owned().ok()?;
        let Some(net) = whence.filter(|whence| !whence.is_here()).map(|whence| whence.net) else {
            return Some((free, None));
        };
        let mut nets = self.nets.lock().unwrap_or_else(PoisonError::into_inner);
        let count = nets.entry(net).or_default();
        if *count >= self.limits.per_net {
            return None;
        }
        *count += 1;
        Some((free, Some(OfNet { nets: self.nets.clone(), net })))
    }
}

/// How serving ended.
#[derive(Debug)]
pub enum ServeEnd {
    /// The caller was done, or asked for nothing for a while.
    Done,
    /// We were told to end.
    Cancelled,
    /// The caller did not take what it had asked for.
    Caller(PipeError),
    /// A piece could not be read to its end; the caller got no wrong bytes, and the connection is closed.
    Source { piece: u32, error: io::Error },
}

/// Answers a request for [`PROTOCOL`]: `101`, and from then on pieces of `source`; `426` when it asks for anything else, and
/// `503` when there are as many as [`ServeLimits::connections`] allows.
/// `ended` is told on the connection's thread how it went.
pub fn upgrade(
    mut request: Request<Body>,
    source: Box<dyn PieceSource>,
    serving: &Serving,
    ended: impl FnOnce(ServeEnd) + Send + 'static,
) -> Response<Body> {
    let place = request.extensions_mut().remove::<KeepPlace>();
    let upgrade = request.extensions_mut().remove::<OnUpgrade>().filter(|_| asks_for_pieces(request.headers()));
    let Some(upgrade) = upgrade else {
        return response(StatusCode::UPGRADE_REQUIRED);
    };
    let Some(free) = serving.enter(place.as_ref().map(KeepPlace::whence)) else {
        let mut busy = response(StatusCode::SERVICE_UNAVAILABLE);
        busy.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static(RETRY_AFTER_S));
        return busy;
    };
    let serving = serving.clone();
    serving.tracker.clone().spawn(async move {
        // The connection still counts as one of its caller's, and may have to give way.
        let over = async {
            match &place {
                Some(place) => place.over().await,
                None => std::future::pending().await,
            }
        };
        if let Some(pipe) = upgraded(upgrade).await {
            run(pipe, source, serving, (free, over), ended).await;
        }
    });
    response(StatusCode::SWITCHING_PROTOCOLS)
}

fn asks_for_pieces(headers: &HeaderMap) -> bool {
    headers.get(header::UPGRADE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(PROTOCOL.as_bytes()))
}

fn response(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::UPGRADE, header::HeaderValue::from_static(PROTOCOL));
    headers.insert(header::CONNECTION, header::HeaderValue::from_static("upgrade"));
    response
}

async fn upgraded(upgrade: OnUpgrade) -> Option<Pipe> {
    let upgraded = tokio::time::timeout(UPGRADE_WAIT, upgrade).await.ok()?.ok()?;
    let parts = upgraded.downcast::<ServerIo>().ok()?;
    let (socket, tls) = parts.io.into_inner().into_inner().into_inner();
    Pipe::new(socket, tls.into(), parts.read_buf).ok()
}

/// Serves on a thread, and closes the connection when everything is to end.
async fn run(
    pipe: Pipe,
    source: Box<dyn PieceSource>,
    serving: Serving,
    (free, gives_way): (impl Send + 'static, impl Future<Output = ()>),
    ended: impl FnOnce(ServeEnd) + Send + 'static,
) {
    let Ok(closer) = pipe.closer() else { return };
    let cancelled = Arc::new(AtomicBool::new(false));
    let limits = serving.limits;
    let (done, mut over) = oneshot::channel::<()>();
    let work = {
        let cancelled = cancelled.clone();
        move || {
            let end = serve(pipe, source, limits, &cancelled);
            ended(if cancelled.load(Ordering::Acquire) { ServeEnd::Cancelled } else { end });
            drop((done, free));
        }
    };
    // A thread of its own: those that the runtime lends out are for work that ends soon, and there are not enough of them.
    if let Err(error) = std::thread::Builder::new().name("giving".to_owned()).spawn(work) {
        return tracing::warn!(%error, "there is no thread for somebody who fetches from here");
    }
    tokio::select! {
        _ = &mut over => return,
        () = serving.cancel.cancelled() => {}
        () = gives_way => {}
    }
    cancelled.store(true, Ordering::Release);
    closer.close();
    let _ = over.await;
}

/// Answers until the caller is done.
fn serve(mut pipe: Pipe, mut source: Box<dyn PieceSource>, limits: ServeLimits, cancelled: &AtomicBool) -> ServeEnd {
    if let Err(error) = pipe.hold_to(limits.least_speed) {
        return ServeEnd::Caller(PipeError::Broken(error));
    }
    pipe.unsent_at_most(UNSENT_MAX);
    match pipe.closer() {
        Ok(closer) => source.begin(closer),
        Err(error) => return ServeEnd::Caller(PipeError::Broken(error)),
    }
    let mut step = vec![0; STEP];
    loop {
        let piece = match next_request(&mut pipe, limits) {
            Ok(piece) => piece,
            Err(PipeError::Ended | PipeError::Stalled(_)) => {
                pipe.finish();
                return ServeEnd::Done;
            }
            Err(error) => return ServeEnd::Caller(error),
        };
        match answer(&mut pipe, &mut *source, piece, &mut step, cancelled) {
            Ok(()) => {}
            Err(Unfinished::Caller(error)) => return ServeEnd::Caller(error),
            Err(Unfinished::Source(error)) => return ServeEnd::Source { piece, error },
        }
    }
}

fn next_request(pipe: &mut Pipe, limits: ServeLimits) -> Result<u32, PipeError> {
    pipe.allow_silence(limits.idle).map_err(PipeError::Broken)?;
    let mut request = [0; REQUEST_BYTES];
    pipe.read_exact(&mut request)?;
    Ok(u32::from_be_bytes(request))
}

/// Why an answer was not sent whole.
enum Unfinished {
    Caller(PipeError),
    Source(io::Error),
}

impl From<PipeError> for Unfinished {
    fn from(error: PipeError) -> Unfinished {
        Unfinished::Caller(error)
    }
}

fn answer(
    pipe: &mut Pipe,
    source: &mut dyn PieceSource,
    piece: u32,
    step: &mut [u8],
    cancelled: &AtomicBool,
) -> Result<(), Unfinished> {
    let mut open = match source.open(piece) {
        Ok(open) => open,
        Err(refusal) => {
            pipe.queue(&Head { piece, answer: Answer::Refused(refusal) }.to_bytes())?;
            return Ok(pipe.flush()?);
        }
    };
    // The head goes into a record of its own, so that the bytes after it stay in whole records.
    pipe.queue(&Head { piece, answer: Answer::Bytes(open.length()) }.to_bytes())?;
    let mut left = open.length() as usize;
    while left > 0 {
        let most = left.min(step.len());
        let count = open.allow(most).min(most);
        if cancelled.load(Ordering::Acquire) {
            return Err(Unfinished::Source(io::ErrorKind::Interrupted.into()));
        }
        fill(&mut *open, &mut step[..count]).map_err(Unfinished::Source)?;
        pipe.queue(&step[..count])?;
        pipe.flush()?;
        left -= count;
    }
    Ok(pipe.flush()?)
}

fn fill(open: &mut dyn OpenPiece, mut buffer: &mut [u8]) -> io::Result<()> {
    while !buffer.is_empty() {
        match open.read(buffer) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => buffer = buffer.get_mut(count..).ok_or(io::ErrorKind::InvalidData)?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
