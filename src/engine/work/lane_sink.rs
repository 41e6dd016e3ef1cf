//! Where a lane's bytes go: checked and written on the lane's own thread, while they are still in the processor's cache.

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use super::lane::Connection;
use crate::{
    engine::{
        event::{Event, Fact, FetchEnd},
        gauge::Gauge,
        shell::Shell,
    },
    net::piece_stream::{PieceEnd, PieceSink, Refusal},
    share::{PeerId, PieceIndex, Share},
    store::{DiskError, Partial, PieceError, PieceWriter},
};

/// Checks and writes pieces, and tells the engine how each ended.
pub struct Sink {
    shell: Shell,
    share: Arc<Share>,
    staging: Arc<Partial>,
    run: u64,
    peer: PeerId,
    lane: u64,
    open: Option<Open>,
    gauge: Arc<Gauge>,
    /// When the last step was asked for.
    asked_at: Instant,
    steps: u32,
    /// How many bytes are asked for at a time.
    step: usize,
}

/// On a slow line steps are small, so that what comes is seen while it comes.
const STEP_MIN: usize = 4 << 10;
const STEP_MAX: usize = 64 << 10;
const STEP_TIME: Duration = Duration::from_millis(100);

/// One of so many steps is measured: looking at the processor's clock takes time itself.
const MEASURED: u32 = 8;

/// The piece that is coming in.
struct Open {
    writer: PieceWriter,
    error: Option<DiskError>,
}

impl Sink {
    pub fn new(connection: &Connection) -> Sink {
        Sink {
            shell: connection.shell.clone(),
            share: connection.share.clone(),
            staging: connection.staging.clone(),
            run: connection.run,
            peer: connection.peer,
            lane: connection.lane,
            open: None,
            gauge: connection.gauge.clone(),
            asked_at: Instant::now(),
            steps: 0,
            step: STEP_MAX,
        }
    }

    fn fit_step(&mut self) {
        let took = self.asked_at.elapsed();
        if took > STEP_TIME {
            self.step = (self.step / 2).max(STEP_MIN);
        } else if took < STEP_TIME / 4 {
            self.step = (self.step * 2).min(STEP_MAX);
        }
    }

    fn index(&self, piece: u32) -> Option<PieceIndex> {
        self.share.pieces().index(piece)
    }

    fn close(&mut self, piece: PieceIndex, took: std::time::Duration) -> FetchEnd {
        let Some(open) = self.open.take() else { return FetchEnd::Failed };
        match self.gauge.measure(1, || open.writer.finish()) {
            Ok(()) => FetchEnd::Verified { bytes: self.share.pieces().len(piece), took },
            Err(PieceError::Wrong(wrong)) => FetchEnd::Corrupt { what: wrong.to_string() },
            Err(PieceError::Disk(error)) => FetchEnd::Disk(error.into()),
        }
    }
}

impl PieceSink for Sink {
    /// A piece that came from somebody else meanwhile is not wanted any more.
    fn wanted(&mut self, piece: u32) -> Option<u32> {
        let piece = self.index(piece)?;
        let had = self.shell.served.get(self.share.id(), self.peer).is_some_and(|served| served.has(piece));
        (!had).then(|| self.share.pieces().len(piece))
    }

    fn allow(&mut self, most: usize) -> usize {
        let before = Instant::now();
        self.fit_step();
        let allowed = self.shell.fetching.take(self.share.id(), most.min(self.step));
        self.asked_at = Instant::now();
        self.gauge.add_limit(self.asked_at - before);
        allowed
    }

    fn begin(&mut self, piece: u32) -> io::Result<()> {
        let piece = self.index(piece).ok_or(io::ErrorKind::InvalidInput)?;
        self.open = Some(Open { writer: self.staging.writer(piece), error: None });
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let open = self.open.as_mut().ok_or(io::ErrorKind::InvalidInput)?;
        self.gauge.add_network(self.asked_at.elapsed());
        self.gauge.add_bytes(bytes.len());
        self.steps = self.steps.wrapping_add(1);
        let written = if self.steps.is_multiple_of(MEASURED) {
            self.gauge.measure(MEASURED, || open.writer.write(bytes))
        } else {
            open.writer.write(bytes)
        };
        written.map_err(|error| {
            open.error = Some(error.clone());
            io::Error::other(error)
        })
    }

    fn end(&mut self, piece: u32, end: PieceEnd) {
        let Some(piece) = self.index(piece) else { return };
        let end = match end {
            PieceEnd::Complete { took } => self.close(piece, took),
            PieceEnd::Refused(Refusal::Busy { retry_after_ms }) => {
                self.gauge.add_refusal();
                FetchEnd::Busy { retry_after: std::time::Duration::from_millis(retry_after_ms.into()) }
            }
            PieceEnd::Refused(Refusal::Deferred { retry_after_ms }) => {
                FetchEnd::Deferred { retry_after: std::time::Duration::from_millis(retry_after_ms.into()) }
            }
            PieceEnd::Refused(Refusal::Missing) => FetchEnd::Missing,
            PieceEnd::Refused(Refusal::Withdrawn) => FetchEnd::Withdrawn,
            PieceEnd::Cancelled => FetchEnd::Abandoned,
            PieceEnd::Failed => match self.open.take().and_then(|open| open.error) {
                Some(error) => FetchEnd::Disk(error.into()),
                None => FetchEnd::Failed,
            },
        };
        tracing::trace!(peer = %self.peer.short(), lane = self.lane, piece = piece.get(), end = end.name(), "answered");
        let fact = Fact::Fetched { peer: self.peer, lane: self.lane, piece, end };
        self.shell.tell_blocking(Event::Transfer { share: self.share.id(), run: self.run, fact });
    }
}
