//! The asking side: one connection, one thread, and the jobs it was given.
//!
//! Jobs come through a queue of fixed size. A lane with nothing in flight waits at the queue; otherwise it waits for bytes,
//! and looks at the queue between steps.

use std::{
    collections::VecDeque,
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel},
    },
    time::{Duration, Instant},
};

use super::{
    Refusal, STEP,
    frames::{Answer, HEAD_BYTES, Head, REQUEST_BYTES},
};
use crate::net::{Closer, LeastSpeed, Pipe, PipeError};

/// Where pieces go. The engine implements it around a file being filled; everything is called on the lane's thread.
pub trait PieceSink: Send {
    /// The exact length of `piece` in bytes, or `None` when it is not wanted any more. Asked before the request is sent, and
    /// again when the answer begins: then its bytes are thrown away.
    fn wanted(&mut self, piece: u32) -> Option<u32>;

    /// How many bytes may be read now, at most `most`; for keeping a limit. It may wait for a fraction of a second, and
    /// 0 means: not yet. The other side is not blamed for the time that passes here.
    fn allow(&mut self, most: usize) -> usize {
        most
    }

    /// The bytes of `piece` follow. An error of this or of [`write`](PieceSink::write) is ours (a full disk); it ends the lane.
    fn begin(&mut self, piece: u32) -> io::Result<()>;

    /// The next bytes of the piece that was begun; all together exactly as many as [`wanted`](PieceSink::wanted) said.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// The job is over; called exactly once for each, and must not panic.
    fn end(&mut self, piece: u32, end: PieceEnd);
}

/// How a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PieceEnd {
    /// Every byte was written. `took`: since the request was sent.
    Complete { took: Duration },
    /// The other side said no.
    Refused(Refusal),
    /// It was not wanted any more, or the lane was [closed](LaneHandle::close) from here.
    Cancelled,
    /// The lane ended first.
    Failed,
}

/// What a lane allows.
#[derive(Clone, Copy, Debug)]
pub struct LaneLimits {
    /// Jobs that may wait to be sent.
    pub queue: usize,
    /// Requests that may be on their way.
    pub in_flight: usize,
    /// How long a lane stays without a job.
    pub idle: Duration,
    pub least_speed: LeastSpeed,
    /// What the system may take from the wire before we read it, in bytes; `None` leaves it to the system. For keeping a
    /// small limit, which the system's megabytes would not.
    pub receive_buffer: Option<usize>,
}

impl Default for LaneLimits {
    fn default() -> LaneLimits {
        LaneLimits {
            queue: 64,
            in_flight: 16,
            idle: Duration::from_secs(15),
            least_speed: LeastSpeed::default(),
            receive_buffer: None,
        }
    }
}

/// Who keeps us waiting for longer than this by a limit or a slow disk of our own is not held to the least speed for it.
const OUR_OWN_WAIT: Duration = Duration::from_millis(100);

/// How a lane ended.
#[derive(Debug)]
pub enum LaneEnd {
    /// It had no jobs for a while, or nobody holds its handle any more.
    Idle,
    /// [`LaneHandle::close`] was called.
    Closed,
    Failed(LaneError),
}

/// What went wrong; the sentence goes on after the other computer's name.
#[derive(Debug, thiserror::Error)]
pub enum LaneError {
    #[error("sent piece {piece}, which was not the next one it was asked for")]
    Unasked { piece: u32 },
    #[error("sent piece {piece} with {sent} bytes, but it has {expected}")]
    WrongLength { piece: u32, expected: u32, sent: u32 },
    #[error("sent something that is not an answer (status {status})")]
    Garbage { status: u8 },
    #[error("sent nothing for {} s", .0.as_secs())]
    Stalled(Duration),
    #[error("sent {bytes} bytes in {} s, less than the least speed", window.as_secs())]
    TooSlow { bytes: u64, window: Duration },
    #[error("closed the connection before it had answered everything")]
    Closed,
    #[error("broke its encryption ({0})")]
    Encryption(rustls::Error),
    #[error("can't be heard any more: the connection broke ({0})")]
    Broken(io::Error),
    #[error("is not at fault: the bytes can't be kept here ({0})")]
    Sink(io::Error),
}

impl LaneError {
    /// Whether the other side broke the rules, rather than being slow, gone, or not at fault.
    pub fn breaks_the_rules(&self) -> bool {
        use LaneError::{Encryption, Garbage, Unasked, WrongLength};
        matches!(self, Unasked { .. } | WrongLength { .. } | Garbage { .. } | Encryption(_))
    }
}

impl From<PipeError> for LaneError {
    fn from(error: PipeError) -> LaneError {
        match error {
            PipeError::Ended => LaneError::Closed,
            PipeError::Stalled(waited) => LaneError::Stalled(waited),
            PipeError::TooSlow { bytes, window } => LaneError::TooSlow { bytes, window },
            PipeError::Tls(error) => LaneError::Encryption(error),
            PipeError::Broken(error) => LaneError::Broken(error),
        }
    }
}

/// Gives a lane its jobs. Clones give to the same lane.
#[derive(Clone)]
pub struct LaneHandle {
    jobs: SyncSender<Job>,
    door: Arc<Door>,
}

/// Why a job was not taken; it will not end, for it never began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    #[error("this connection has as many requests waiting as it takes")]
    Full,
    #[error("this connection has ended")]
    Ended,
}

enum Job {
    Fetch(u32),
    /// Wakes a lane that waits at the queue; whether it is to close, the door says.
    Wake,
}

/// Whether jobs are still taken. The lock is held while one is put into the queue, so that a lane which shuts the door finds
/// every job that was taken.
struct Door {
    open: Mutex<bool>,
    closing: AtomicBool,
    closer: Closer,
}

impl Door {
    fn lock(&self) -> MutexGuard<'_, bool> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LaneHandle {
    /// Asks for a piece. Never waits.
    pub fn fetch(&self, piece: u32) -> Result<(), FetchError> {
        let open = self.door.lock();
        if !*open {
            return Err(FetchError::Ended);
        }
        self.jobs.try_send(Job::Fetch(piece)).map_err(|error| match error {
            TrySendError::Full(_) => FetchError::Full,
            TrySendError::Disconnected(_) => FetchError::Ended,
        })
    }

    /// Ends the lane, also in the middle of a piece. It ends on its own thread, at once.
    pub fn close(&self) {
        self.door.closing.store(true, Ordering::Release);
        self.door.closer.close();
        // Where the queue is full, the lane does not wait at it.
        let _ = self.jobs.try_send(Job::Wake);
    }
}

/// The lane itself; [`run`](Lane::run) it on a thread that may block.
pub struct Lane {
    pipe: Pipe,
    sink: Box<dyn PieceSink>,
    jobs: Receiver<Job>,
    door: Arc<Door>,
    limits: LaneLimits,
    in_flight: VecDeque<Asked>,
    step: Box<[u8]>,
}

/// A request that was sent.
#[derive(Clone, Copy)]
struct Asked {
    piece: u32,
    length: u32,
    at: Instant,
}

impl Lane {
    /// A lane over a connection that was upgraded to [`PROTOCOL`](super::PROTOCOL).
    pub fn new(mut pipe: Pipe, sink: Box<dyn PieceSink>, limits: LaneLimits) -> io::Result<(LaneHandle, Lane)> {
        pipe.hold_to(limits.least_speed)?;
        match limits.receive_buffer {
            Some(bytes) => pipe.receive_at_most(bytes)?,
            None => pipe = pipe.read_ahead(STEP),
        }
        let (sender, jobs) = sync_channel(limits.queue.max(1));
        let door = Arc::new(Door { open: Mutex::new(true), closing: AtomicBool::new(false), closer: pipe.closer()? });
        let handle = LaneHandle { jobs: sender, door: door.clone() };
        let step = vec![0; STEP].into_boxed_slice();
        Ok((handle, Lane { pipe, sink, jobs, door, limits, in_flight: VecDeque::new(), step }))
    }

    /// Works until there is nothing more to do. When it returns, every job has ended.
    pub fn run(mut self) -> LaneEnd {
        match self.work() {
            _ if self.closing() => LaneEnd::Closed,
            Ok(()) => LaneEnd::Idle,
            Err(error) => LaneEnd::Failed(error),
        }
    }

    fn work(&mut self) -> Result<(), LaneError> {
        while !self.closing() {
            self.ask_for_more()?;
            if !self.in_flight.is_empty() {
                self.take_answer()?;
            } else if !self.wait_for_jobs()? {
                break;
            }
        }
        Ok(())
    }

    /// Sends what waits in the queue, as far as there is room.
    fn ask_for_more(&mut self) -> Result<(), LaneError> {
        let mut requests = Vec::new();
        while self.in_flight.len() < self.limits.in_flight.max(1) {
            match self.jobs.try_recv() {
                Ok(Job::Fetch(piece)) => self.ask_for(piece, &mut requests)?,
                Ok(Job::Wake) => {}
                Err(_) => break,
            }
        }
        self.send(&requests)
    }

    /// Waits for a job while nothing is on its way. `false`: there was none for a long time.
    fn wait_for_jobs(&mut self) -> Result<bool, LaneError> {
        let mut requests = Vec::new();
        match self.jobs.recv_timeout(self.limits.idle) {
            Ok(Job::Fetch(piece)) => self.ask_for(piece, &mut requests)?,
            Ok(Job::Wake) => {}
            Err(RecvTimeoutError::Disconnected) => return Ok(false),
            Err(RecvTimeoutError::Timeout) => {
                // A job that came at the last moment still counts.
                let mut open = self.door.lock();
                match self.jobs.try_recv() {
                    Ok(Job::Fetch(piece)) => {
                        drop(open);
                        self.ask_for(piece, &mut requests)?;
                    }
                    _ => {
                        *open = false;
                        return Ok(false);
                    }
                }
            }
        }
        self.send(&requests)?;
        Ok(true)
    }

    fn ask_for(&mut self, piece: u32, requests: &mut Vec<u8>) -> Result<(), LaneError> {
        let Some(length) = self.sink.wanted(piece) else {
            self.sink.end(piece, PieceEnd::Cancelled);
            return Ok(());
        };
        if self.in_flight.is_empty() {
            self.pipe.expect_bytes().map_err(LaneError::Broken)?;
        }
        self.in_flight.push_back(Asked { piece, length, at: Instant::now() });
        requests.extend_from_slice(&piece.to_be_bytes());
        Ok(())
    }

    fn send(&mut self, requests: &[u8]) -> Result<(), LaneError> {
        debug_assert_eq!(requests.len() % REQUEST_BYTES, 0);
        if requests.is_empty() {
            return Ok(());
        }
        self.pipe.queue(requests)?;
        Ok(self.pipe.flush()?)
    }

    /// Reads the answer to the oldest request.
    fn take_answer(&mut self) -> Result<(), LaneError> {
        let Some(&asked) = self.in_flight.front() else { return Ok(()) };
        let mut head = [0; HEAD_BYTES];
        self.pipe.read_exact(&mut head)?;
        let head = Head::parse(head).map_err(|status| LaneError::Garbage { status })?;
        if head.piece != asked.piece {
            return Err(LaneError::Unasked { piece: head.piece });
        }
        let end = match head.answer {
            Answer::Refused(refusal) => PieceEnd::Refused(refusal),
            Answer::Bytes(sent) if sent != asked.length => {
                return Err(LaneError::WrongLength { piece: asked.piece, expected: asked.length, sent });
            }
            Answer::Bytes(_) => self.take_bytes(asked)?,
        };
        self.in_flight.pop_front();
        self.sink.end(asked.piece, end);
        Ok(())
    }

    fn take_bytes(&mut self, asked: Asked) -> Result<PieceEnd, LaneError> {
        let wanted = self.sink.wanted(asked.piece).is_some();
        if wanted {
            self.sink.begin(asked.piece).map_err(LaneError::Sink)?;
        }
        let mut left = asked.length as usize;
        let mut since = Instant::now();
        while left > 0 {
            // Records are gathered into steps: one hash and one write for several was measured to be faster.
            let most = left.min(self.step.len());
            let count = self.sink.allow(most).min(most);
            if self.closing() {
                return Err(LaneError::Closed);
            }
            if count == 0 {
                continue;
            }
            if since.elapsed() > OUR_OWN_WAIT {
                self.pipe.expect_bytes().map_err(LaneError::Broken)?;
            }
            let step = &mut self.step[..count];
            self.pipe.read_exact(step)?;
            since = Instant::now();
            if wanted {
                self.sink.write(step).map_err(LaneError::Sink)?;
            }
            left -= count;
            self.ask_for_more()?;
        }
        Ok(if wanted { PieceEnd::Complete { took: asked.at.elapsed() } } else { PieceEnd::Cancelled })
    }

    fn closing(&self) -> bool {
        self.door.closing.load(Ordering::Acquire)
    }
}

impl Drop for Lane {
    /// Ends what was taken and not ended; also after a panic, and for a lane that never ran.
    fn drop(&mut self) {
        *self.door.lock() = false;
        self.door.closer.close();
        let end = if self.closing() { PieceEnd::Cancelled } else { PieceEnd::Failed };
        for asked in self.in_flight.drain(..) {
            self.sink.end(asked.piece, end);
        }
        while let Ok(job) = self.jobs.try_recv() {
            if let Job::Fetch(piece) = job {
                self.sink.end(piece, end);
            }
        }
    }
}
