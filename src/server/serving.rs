//! Bytes for browsers: a file or a range of it, made while it is sent.
//!
//! Reading happens in steps on threads that may block, one step ahead of the socket. Between two steps no thread is held,
//! so a thousand slow readers keep nobody waiting; what is read for each is small at first, and grows only for whoever
//! takes it quickly. Buffers go round: a step's memory comes back when the socket has taken it.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use tokio::{sync::OwnedSemaphorePermit, task::JoinHandle};

use super::{
    metrics::{Download, Metrics},
    speeds::Pacer,
};
use crate::{engine::Arriving, store::PieceReader};

/// What a slow reader gets.
const STEP_MIN: usize = 32 << 10;
/// The step of whoever takes bytes quickly.
const STEP_MAX: usize = 256 << 10;
/// Together, downloads hold about so much: the more there are, the smaller are their steps.
const STEPS_TOTAL: usize = 32 << 20;
/// Whoever comes for the next step within this time gets a larger one.
const QUICK: Duration = Duration::from_millis(100);
/// So many readers have a step read ahead for them; the others wait for theirs.
pub(super) const AHEAD_MAX: usize = 128;

/// Something that is read in steps, on threads that may block.
pub(super) trait Source: Send + 'static {
    /// Fills `into` from its beginning, and tells how much it is; 0 at the end.
    fn step(&mut self, into: &mut [u8]) -> io::Result<usize>;
}

impl Source for PieceReader {
    fn step(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.read(into).map_err(|error| io::Error::other(error.to_string()))
    }
}

/// A body of what a source gives. Should it fail (the file turns out to be another than was shared), the body breaks off.
/// `pacer`: how fast it may go.
pub(super) fn body_of(source: impl Source, metrics: &Metrics, pacer: Option<Pacer>) -> Body {
    let reading = Reading {
        source: Some(Box::new(source)),
        ahead: None,
        buffers: Buffers::default(),
        step: STEP_MIN,
        taken: Instant::now(),
        permits: metrics.read_ahead.clone(),
        download: metrics.download(),
        pacer,
    };
    Body::from_stream(stream::unfold(reading, Reading::next))
}

/// A body of what is still on its way here. Should it stop coming, the body breaks off.
pub(super) fn arriving_body(arriving: Arriving, metrics: &Metrics, pacer: Option<Pacer>) -> Body {
    let from = (arriving, metrics.download(), pacer);
    Body::from_stream(stream::unfold(from, async |(mut arriving, download, pacer)| {
        let part = arriving.next().await?;
        let len = part.as_ref().map_or(0, Bytes::len);
        if let Some(pacer) = &pacer {
            pacer.pass(len).await;
        }
        download.sent(len);
        Some((part, (arriving, download, pacer)))
    }))
}

/// A step as it comes back from its thread.
struct Step {
    source: Box<dyn Source>,
    buffer: Vec<u8>,
    read: io::Result<usize>,
    /// Held until the step is taken.
    _ahead: Option<OwnedSemaphorePermit>,
}

/// Where a body is in its source.
struct Reading {
    /// Nothing while a thread has it, and after the end.
    source: Option<Box<dyn Source>>,
    ahead: Option<JoinHandle<Step>>,
    buffers: Buffers,
    step: usize,
    /// When the last step was given away.
    taken: Instant,
    permits: Arc<tokio::sync::Semaphore>,
    download: Download,
    pacer: Option<Pacer>,
}

impl Reading {
    async fn next(mut self) -> Option<(io::Result<Bytes>, Reading)> {
        self.step = match self.taken.elapsed() < QUICK {
            true => (2 * self.step).min(self.download.share_of(STEPS_TOTAL)).clamp(STEP_MIN, STEP_MAX),
            false => STEP_MIN,
        };
        if let Some(pacer) = &self.pacer {
            self.step = self.step.min(pacer.step(STEP_MAX));
        }
        let step = match self.ahead.take() {
            Some(step) => step,
            None => self.begin(None)?,
        };
        let Step { source, buffer, read, _ahead } = match step.await {
            Ok(step) => step,
            Err(error) => return Some((Err(io::Error::other(error)), self)),
        };
        let len = match read {
            Ok(0) => return None,
            Ok(len) => len,
            // The source is gone with the error, so the body ends behind it.
            Err(error) => return Some((Err(error), self)),
        };
        self.source = Some(source);
        drop(_ahead);
        if let Ok(permit) = self.permits.clone().try_acquire_owned() {
            self.ahead = self.begin(Some(permit));
        }
        if let Some(pacer) = &self.pacer {
            pacer.pass(len).await;
        }
        self.download.sent(len);
        self.taken = Instant::now();
        Some((Ok(self.buffers.lend(buffer, len)), self))
    }

    /// Has the next step read. `None` after the end.
    fn begin(&mut self, ahead: Option<OwnedSemaphorePermit>) -> Option<JoinHandle<Step>> {
        let mut source = self.source.take()?;
        let mut buffer = self.buffers.take(self.step);
        Some(tokio::task::spawn_blocking(move || {
            let read = source.step(&mut buffer);
            Step { source, buffer, read, _ahead: ahead }
        }))
    }
}

/// Buffers of one body that the socket has given back.
#[derive(Clone, Default)]
struct Buffers(Arc<Mutex<Vec<Vec<u8>>>>);

/// A part of a body; its memory goes back when it was sent.
struct Lent {
    buffer: Vec<u8>,
    len: usize,
    back: Buffers,
}

impl Buffers {
    /// A buffer of exactly this length.
    fn take(&self, len: usize) -> Vec<u8> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match kept.iter().position(|buffer| buffer.len() == len) {
            Some(at) => kept.swap_remove(at),
            None => {
                // Those of another length will not be wanted again soon.
                kept.clear();
                vec![0; len]
            }
        }
    }

    fn lend(&self, buffer: Vec<u8>, len: usize) -> Bytes {
        Bytes::from_owner(Lent { buffer, len, back: self.clone() })
    }
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        self.buffer.get(..self.len).unwrap_or(&self.buffer)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        const KEPT: usize = 2;
        let mut kept = self.back.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < KEPT {
            kept.push(std::mem::take(&mut self.buffer));
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    /// Gives so many bytes, each its place, then fails or ends.
    struct Counting {
        at: usize,
        end: usize,
        fails: bool,
    }

    impl Source for Counting {
        fn step(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let len = into.len().min(self.end - self.at);
            for (place, byte) in into[..len].iter_mut().enumerate() {
                *byte = ((self.at + place) % 251) as u8;
            }
            self.at += len;
            if len == 0 && self.fails { Err(io::Error::other("changed")) } else { Ok(len) }
        }
    }

    #[tokio::test]
    async fn a_body_is_its_source_and_its_buffers_go_round() {
        for end in [0, 1, STEP_MIN, STEP_MIN + 1, 3 * STEP_MAX + 7] {
            let body = body_of(Counting { at: 0, end, fails: false }, &Metrics::new(), None);
            let got = body.collect().await.unwrap().to_bytes();
            assert!(got.len() == end && got.iter().enumerate().all(|(place, byte)| *byte == (place % 251) as u8));
        }
    }

    #[tokio::test]
    async fn a_source_that_fails_breaks_the_body_off() {
        let mut body = body_of(Counting { at: 0, end: 10, fails: true }, &Metrics::new(), None);
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap().len(), 10);
        assert!(body.frame().await.unwrap().is_err());
        assert!(body.frame().await.is_none());
    }

    #[tokio::test]
    async fn where_nothing_may_be_read_ahead_bodies_still_come() {
        let metrics = Metrics::new();
        let _all = metrics.read_ahead.clone().acquire_many_owned(AHEAD_MAX as u32).await.unwrap();
        let body = body_of(Counting { at: 0, end: 3 * STEP_MAX, fails: false }, &metrics, None);
        assert_eq!(body.collect().await.unwrap().to_bytes().len(), 3 * STEP_MAX);
    }
}
