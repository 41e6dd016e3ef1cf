//! Pieces between two honest sides.

use std::{
    io,
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

use axum::{Router, body::Body, extract::Request, routing::get};
use handout::net::{
    call::CallError,
    listen::Limits,
    piece_stream::{
        FetchError, Lane, LaneEnd, LaneHandle, LaneLimits, OpenPiece, PROTOCOL, PieceEnd, PieceSink, PieceSource,
        Refusal, ServeEnd, ServeLimits, Serving, upgrade,
    },
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{SOON, Server, soon};

#[tokio::test(flavor = "multi_thread")]
async fn every_piece_comes_whole_and_ends_once() {
    let server = serving(Content, ServeLimits::default());
    let (handle, sink, thread) = lane(&server, LaneLimits::default()).await;

    for piece in 0..40 {
        handle.fetch(piece).unwrap();
    }
    let ends = sink.ends(40).await;
    drop(handle);

    assert!(matches!(soon(thread).await.unwrap(), LaneEnd::Idle));
    for piece in 0..40 {
        assert!(matches!(ends[piece as usize], (p, PieceEnd::Complete { .. }) if p == piece), "{ends:?}");
        assert!(sink.bytes(piece) == content(piece), "piece {piece} came as it is");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_no_is_told_as_it_was_meant_and_the_lane_goes_on() {
    let server = serving(Content, ServeLimits::default());
    let (handle, sink, _thread) = lane(&server, LaneLimits::default()).await;

    for piece in [BUSY, 1, MISSING, WITHDRAWN, 2] {
        handle.fetch(piece).unwrap();
    }
    let ends: Vec<_> = sink.ends(5).await.into_iter().map(|(_, end)| end).collect();

    assert!(matches!(
        ends[..],
        [
            PieceEnd::Refused(Refusal::Busy { retry_after_ms: 250 }),
            PieceEnd::Complete { .. },
            PieceEnd::Refused(Refusal::Missing),
            PieceEnd::Refused(Refusal::Withdrawn),
            PieceEnd::Complete { .. },
        ]
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_wakes_a_lane_that_waits() {
    let server = serving(Content, ServeLimits::default());
    let (handle, sink, _thread) = lane(&server, LaneLimits::default()).await;
    for piece in 0..3 {
        handle.fetch(piece).unwrap();
        assert!(matches!(sink.ends(1).await[0], (p, PieceEnd::Complete { .. }) if p == piece));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lane_without_jobs_ends_and_takes_none_more() {
    let server = serving(Content, ServeLimits::default());
    let idle = Duration::from_millis(50);
    let (handle, sink, thread) = lane(&server, LaneLimits { idle, ..LaneLimits::default() }).await;

    assert!(matches!(soon(thread).await.unwrap(), LaneEnd::Idle));

    assert_eq!(handle.fetch(1), Err(FetchError::Ended));
    assert_eq!(sink.left(), []);
}

/// As many as a large room has. Each connection for pieces takes a thread, so there is a number of them.
#[tokio::test(flavor = "multi_thread")]
async fn who_finds_all_places_taken_is_told_when_to_come_back_and_everybody_gets_its_piece() {
    const CALLERS: u32 = 120;
    let server = Arc::new(serving(Content, ServeLimits { connections: 40, ..ServeLimits::default() }));
    let refused = Arc::new(std::sync::atomic::AtomicU32::new(0));
    let callers = (0..CALLERS).map(|caller| {
        let (server, refused) = (server.clone(), refused.clone());
        tokio::spawn(async move {
            let pipe = loop {
                match server.call().await.upgrade("/stream", PROTOCOL).await {
                    Ok(pipe) => break pipe,
                    Err(CallError::Refused { status: 503, retry_after_ms: Some(2_000), .. }) => {
                        refused.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                    Err(other) => panic!("{other}"),
                }
            };
            let kept = Kept::default();
            let (handle, lane) = Lane::new(pipe, Box::new(kept.clone()), LaneLimits::default()).unwrap();
            let thread = tokio::task::spawn_blocking(move || lane.run());
            handle.fetch(caller % 8).unwrap();
            let ends = kept.ends(1).await;
            // Long enough for the others to find the places taken.
            tokio::time::sleep(Duration::from_millis(300)).await;
            handle.close();
            thread.await.unwrap();
            matches!(ends[0].1, PieceEnd::Complete { .. })
        })
    });
    let callers: Vec<_> = callers.collect();

    for caller in callers {
        assert!(caller.await.unwrap());
    }
    assert!(refused.load(std::sync::atomic::Ordering::Relaxed) > 0, "nobody found the places taken");
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_ends_a_lane_that_waits_for_bytes_and_each_of_its_jobs() {
    let server = serving(Content, ServeLimits::default());
    let limits = LaneLimits { in_flight: 2, ..LaneLimits::default() };
    let (handle, sink, thread) = lane(&server, limits).await;
    for piece in [SLOW, 1, 2, 3] {
        handle.fetch(piece).unwrap();
    }
    // Until the slow one was begun.
    sink.begun(SLOW).await;

    handle.close();

    assert!(matches!(soon(thread).await.unwrap(), LaneEnd::Closed));
    let mut ends = sink.left();
    ends.sort_by_key(|(piece, _)| *piece);
    assert_eq!(ends, [1, 2, 3, SLOW].map(|piece| (piece, PieceEnd::Cancelled)));
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_ends_a_lane_that_waits_for_jobs() {
    let server = serving(Content, ServeLimits::default());
    let (handle, _sink, thread) = lane(&server, LaneLimits::default()).await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    handle.close();
    assert!(matches!(soon(thread).await.unwrap(), LaneEnd::Closed));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_says_so() {
    let server = serving(Content, ServeLimits::default());
    let limits = LaneLimits { in_flight: 1, queue: 2, ..LaneLimits::default() };
    let (handle, sink, thread) = lane(&server, limits).await;
    handle.fetch(SLOW).unwrap();
    sink.begun(SLOW).await;
    assert_eq!([1, 2, 3].map(|piece| handle.fetch(piece)), [Ok(()), Ok(()), Err(FetchError::Full)]);
    handle.close();
    soon(thread).await.unwrap();
    assert_eq!(sink.left().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_piece_that_is_not_wanted_any_more_is_not_asked_for() {
    let server = serving(Content, ServeLimits::default());
    let (handle, sink, _thread) = lane(&server, LaneLimits::default()).await;
    sink.0.lock().unwrap().unwanted = vec![7];
    handle.fetch(7).unwrap();
    handle.fetch(8).unwrap();
    let ends = sink.ends(2).await;
    assert_eq!(ends[0], (7, PieceEnd::Cancelled));
    assert!(matches!(ends[1], (8, PieceEnd::Complete { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_fails_half_way_closes_the_connection() {
    let server = serving(Content, ServeLimits::default());
    let (handle, sink, thread) = lane(&server, LaneLimits::default()).await;
    handle.fetch(BROKEN).unwrap();
    assert_eq!(sink.ends(1).await, [(BROKEN, PieceEnd::Failed)]);
    assert!(matches!(soon(thread).await.unwrap(), LaneEnd::Failed(error) if !error.breaks_the_rules()));
    assert!(matches!(server.ended.next().await, ServeEnd::Source { piece: BROKEN, .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_is_full_here_ends_the_lane_and_blames_nobody() {
    let server = serving(Content, ServeLimits::default());
    let (handle, sink, thread) = lane(&server, LaneLimits::default()).await;
    sink.0.lock().unwrap().full = true;
    handle.fetch(1).unwrap();
    assert_eq!(sink.ends(1).await, [(1, PieceEnd::Failed)]);
    assert!(matches!(soon(thread).await.unwrap(), LaneEnd::Failed(error) if !error.breaks_the_rules()));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_the_program_ends_a_connection_that_is_sending() {
    let server = serving(Content, ServeLimits::default());
    let (handle, sink, _thread) = lane(&server, LaneLimits::default()).await;
    handle.fetch(SLOW).unwrap();
    sink.begun(SLOW).await;
    server.stop().await;
    assert!(matches!(server.ended.next().await, ServeEnd::Cancelled));
    assert_eq!(sink.ends(1).await, [(SLOW, PieceEnd::Failed)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_asks_for_nothing_is_let_go() {
    let idle = Duration::from_millis(50);
    let server = serving(Content, ServeLimits { idle, ..ServeLimits::default() });
    let (handle, sink, thread) = lane(&server, LaneLimits::default()).await;
    assert!(matches!(server.ended.next().await, ServeEnd::Done));
    handle.fetch(1).unwrap();
    assert_eq!(sink.ends(1).await, [(1, PieceEnd::Failed)]);
    assert!(matches!(soon(thread).await.unwrap(), LaneEnd::Failed(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_without_the_protocol_is_told_which_one() {
    let server = serving(Content, ServeLimits::default());
    let error = server.call().await.get("/stream", 100).await.unwrap_err();
    assert!(matches!(error, CallError::Refused { status: 426, .. }), "{error}");
}

/// Pieces with a meaning; all others are [`content`].
pub const SLOW: u32 = 1_000;
pub const BROKEN: u32 = 1_006;
pub const BUSY: u32 = 1_002;
pub const MISSING: u32 = 1_003;
pub const WITHDRAWN: u32 = 1_004;

/// Lengths around the steps and records of the transport.
fn length(piece: u32) -> u32 {
    [1, 9, 16 * 1024 - 9, 16 * 1024, 64 * 1024, 64 * 1024 + 1, 300_000, 1 << 20][piece as usize % 8]
}

fn content(piece: u32) -> Vec<u8> {
    (0..length(piece)).map(|byte| (byte.wrapping_mul(31) ^ (byte >> 8) ^ piece) as u8).collect()
}

#[derive(Clone, Default)]
pub struct Content;

struct Open {
    piece: u32,
    bytes: Vec<u8>,
    at: usize,
}

impl PieceSource for Content {
    fn open(&mut self, piece: u32) -> Result<Box<dyn OpenPiece + '_>, Refusal> {
        match piece {
            BUSY => Err(Refusal::Busy { retry_after_ms: 250 }),
            MISSING => Err(Refusal::Missing),
            WITHDRAWN => Err(Refusal::Withdrawn),
            _ => Ok(Box::new(Open { piece, bytes: content(piece), at: 0 })),
        }
    }
}

impl OpenPiece for Open {
    fn length(&self) -> u32 {
        if self.piece == SLOW { 100 << 20 } else { self.bytes.len() as u32 }
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.piece {
            SLOW => {
                std::thread::sleep(Duration::from_millis(20));
                Ok(buffer.len())
            }
            BROKEN if self.at > 0 => Err(io::Error::other("made up")),
            // Files give what they like.
            _ => {
                let count = buffer.len().min(self.bytes.len() - self.at).min(10_000);
                buffer[..count].copy_from_slice(&self.bytes[self.at..][..count]);
                self.at += count;
                Ok(count)
            }
        }
    }
}

/// A server of pieces, and how its connections ended.
pub struct PieceServer {
    server: Server,
    pub ended: Ends<ServeEnd>,
}

impl std::ops::Deref for PieceServer {
    type Target = Server;

    fn deref(&self) -> &Server {
        &self.server
    }
}

/// Things that end, one after the other.
pub struct Ends<T>(Arc<Mutex<mpsc::Receiver<T>>>);

impl<T: Send + 'static> Ends<T> {
    pub async fn next(&self) -> T {
        let receiver = self.0.clone();
        let next = move || receiver.lock().unwrap().recv_timeout(SOON).expect("it should have ended by now");
        tokio::task::spawn_blocking(next).await.unwrap()
    }
}

pub fn serving(content: Content, limits: ServeLimits) -> PieceServer {
    let (cancel, tracker) = (CancellationToken::new(), TaskTracker::new());
    let serving = Serving::new(limits, cancel.clone(), tracker.clone());
    let (sender, receiver) = mpsc::channel();
    let route = get(move |request: Request<Body>| async move {
        upgrade(request, Box::new(content.clone()), &serving, move |end| drop(sender.send(end)))
    });
    let server = Server::start_with(Router::new().route("/stream", route), Limits::default(), cancel, tracker);
    PieceServer { server, ended: Ends(Arc::new(Mutex::new(receiver))) }
}

/// Keeps what came, and how each job ended.
#[derive(Clone, Default)]
pub struct Kept(Arc<Mutex<KeptInner>>);

#[derive(Default)]
struct KeptInner {
    pieces: std::collections::BTreeMap<u32, Vec<u8>>,
    current: u32,
    ends: Vec<(u32, PieceEnd)>,
    taken: usize,
    unwanted: Vec<u32>,
    full: bool,
}

impl Kept {
    /// The next ends, so many.
    pub async fn ends(&self, count: usize) -> Vec<(u32, PieceEnd)> {
        self.when(|kept| {
            let ends = kept.ends.get(kept.taken..kept.taken + count)?.to_vec();
            kept.taken += count;
            Some(ends)
        })
        .await
    }

    async fn begun(&self, piece: u32) {
        self.when(|kept| kept.pieces.get(&piece).filter(|bytes| !bytes.is_empty()).map(|_| ())).await;
    }

    async fn when<T>(&self, mut look: impl FnMut(&mut KeptInner) -> Option<T>) -> T {
        soon(async {
            loop {
                if let Some(found) = look(&mut self.0.lock().unwrap()) {
                    return found;
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        })
        .await
    }

    /// Ends that nobody has asked for yet.
    pub fn left(&self) -> Vec<(u32, PieceEnd)> {
        let kept = self.0.lock().unwrap();
        kept.ends[kept.taken..].to_vec()
    }

    fn bytes(&self, piece: u32) -> Vec<u8> {
        self.0.lock().unwrap().pieces.get(&piece).cloned().unwrap_or_default()
    }
}

impl PieceSink for Kept {
    fn wanted(&mut self, piece: u32) -> Option<u32> {
        let unwanted = self.0.lock().unwrap().unwanted.contains(&piece);
        (!unwanted).then(|| if piece == SLOW { 100 << 20 } else { length(piece) })
    }

    fn begin(&mut self, piece: u32) -> io::Result<()> {
        let mut kept = self.0.lock().unwrap();
        kept.current = piece;
        kept.pieces.insert(piece, Vec::new());
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut kept = self.0.lock().unwrap();
        if kept.full {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let current = kept.current;
        kept.pieces.entry(current).or_default().extend_from_slice(bytes);
        Ok(())
    }

    fn end(&mut self, piece: u32, end: PieceEnd) {
        self.0.lock().unwrap().ends.push((piece, end));
    }
}

/// A lane to a server of pieces, running.
pub async fn lane(server: &Server, limits: LaneLimits) -> (LaneHandle, Kept, tokio::task::JoinHandle<LaneEnd>) {
    let pipe = server.call().await.upgrade("/stream", PROTOCOL).await.unwrap();
    let kept = Kept::default();
    let (handle, lane) = Lane::new(pipe, Box::new(kept.clone()), limits).unwrap();
    (handle, kept, tokio::task::spawn_blocking(move || lane.run()))
}
