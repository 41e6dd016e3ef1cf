//! Holds async connections to the least speed of [`pace`](super::pace): what is written to them, and bodies that are read.
//!
//! Time counts only while we wait for the other side: a body that nobody reads here, or a connection on which nothing is
//! to be written, is never late.
//!
//! A connection can linger: an answer that comes before the whole request was read would be lost if the socket were closed
//! at once, because the system answers what still comes with a reset (RFC 9112 §9.6).

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::{Duration, Instant},
};

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, SizeHint};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::Sleep,
};

use super::pace::{LeastSpeed, Pace};

/// The words of the error, wherever it shows.
const TOO_SLOW: &str = "the other side takes or gives less than 1 KiB/s";

/// How long a connection that lingers waits for more, and for the other side's end in all.
const LINGER_QUIET: Duration = Duration::from_millis(500);
const LINGER: Duration = Duration::from_secs(3);
/// What is thrown away at a time meanwhile.
const LINGER_STEP: usize = 16 << 10;

/// How long we have been waiting for the other side, and what it moved meanwhile.
struct Patience {
    pace: Pace,
    waiting: bool,
    alarm: Option<Pin<Box<Sleep>>>,
}

impl Patience {
    fn new(least: LeastSpeed) -> Patience {
        Patience { pace: Pace::start(least, Instant::now()), waiting: false, alarm: None }
    }

    /// Bytes moved. Never an error: whatever moved is taken, and slowness shows at the next wait.
    fn moved(&mut self, bytes: usize) {
        self.waiting = false;
        let now = Instant::now();
        if self.pace.moved(bytes, now).is_err() {
            self.pace.restart(now);
        }
    }

    /// There is nothing to move; ready when that has gone on for too long.
    fn poll_wait(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        let now = Instant::now();
        if !self.waiting && now >= self.pace.deadline() {
            // The window passed while we were busy ourselves.
            self.pace.restart(now);
        }
        self.waiting = true;
        loop {
            let deadline = self.pace.deadline().into();
            let alarm = self.alarm.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
            if alarm.deadline() != deadline {
                alarm.as_mut().reset(deadline);
            }
            ready!(alarm.as_mut().poll(context));
            if self.pace.moved(0, Instant::now()).is_err() {
                return Poll::Ready(io::Error::new(io::ErrorKind::TimedOut, TOO_SLOW));
            }
        }
    }

    fn watch<T>(&mut self, context: &mut Context<'_>, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        match polled {
            Poll::Pending => self.poll_wait(context).map(Err),
            done => done,
        }
    }
}

/// A connection whose other side must take what is written to it.
pub(super) struct Steady<S> {
    stream: S,
    patience: Patience,
    lingers: bool,
    leaving: Option<Leaving>,
}

/// We said our last word, and read on until the other side has heard it.
struct Leaving {
    since: Instant,
    quiet: Pin<Box<Sleep>>,
}

impl<S> Steady<S> {
    pub fn new(stream: S, least: LeastSpeed) -> Steady<S> {
        Steady { stream, patience: Patience::new(least), lingers: false, leaving: None }
    }

    /// Whoever is still sending when it is shut down can read what was written before.
    pub fn lingering(self) -> Steady<S> {
        Steady { lingers: true, ..self }
    }

    pub fn into_inner(self) -> S {
        self.stream
    }
}

impl<S: AsyncRead + Unpin> Steady<S> {
    /// Throws away what still comes, until the other side ends, says nothing for a while, or goes on for too long.
    fn poll_leave(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let leaving = self.leaving.get_or_insert_with(|| Leaving {
            since: Instant::now(),
            quiet: Box::pin(tokio::time::sleep(LINGER_QUIET)),
        });
        let mut bytes = [0; LINGER_STEP];
        loop {
            let mut buffer = ReadBuf::new(&mut bytes);
            match Pin::new(&mut self.stream).poll_read(context, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() && leaving.since.elapsed() < LINGER => {
                    leaving.quiet.as_mut().reset((Instant::now() + LINGER_QUIET).into());
                }
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return leaving.quiet.as_mut().poll(context),
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Steady<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(context, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Steady<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.stream).poll_write(context, bytes);
        if let Poll::Ready(Ok(written)) = polled {
            this.patience.moved(written);
        }
        this.patience.watch(context, polled)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.stream).poll_write_vectored(context, parts);
        if let Poll::Ready(Ok(written)) = polled {
            this.patience.moved(written);
        }
        this.patience.watch(context, polled)
    }

    /// Without it a body would be copied once more before it is written.
    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let polled = Pin::new(&mut this.stream).poll_flush(context);
        this.patience.watch(context, polled)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.leaving.is_none() {
            let polled = Pin::new(&mut this.stream).poll_shutdown(context);
            ready!(this.patience.watch(context, polled))?;
        }
        if this.lingers { this.poll_leave(context).map(Ok) } else { Poll::Ready(Ok(())) }
    }
}

/// A body whose sender must keep sending.
pub(super) struct SteadyBody<B> {
    body: B,
    patience: Patience,
}

impl<B> SteadyBody<B> {
    pub fn new(body: B, least: LeastSpeed) -> SteadyBody<B> {
        SteadyBody { body, patience: Patience::new(least) }
    }
}

impl<B> SteadyBody<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    /// The next bytes; `None` at the end.
    pub async fn chunk(&mut self) -> io::Result<Option<Bytes>> {
        loop {
            match self.frame().await {
                None => return Ok(None),
                Some(Err(error)) => return Err(error),
                // Trailers say nothing here.
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => return Ok(Some(data)),
                    Err(_) => continue,
                },
            }
        }
    }
}

impl<B> Body for SteadyBody<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        let this = self.get_mut();
        match Pin::new(&mut this.body).poll_frame(context) {
            Poll::Pending => this.patience.poll_wait(context).map(|error| Some(Err(error))),
            Poll::Ready(frame) => {
                if let Some(Ok(frame)) = &frame {
                    this.patience.moved(frame.data_ref().map_or(0, Bytes::len));
                }
                Poll::Ready(frame.map(|frame| frame.map_err(io::Error::other)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http_body_util::{Full, StreamBody};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    const SOON: LeastSpeed = LeastSpeed { window: Duration::from_millis(50), bytes: 50 };

    #[tokio::test]
    async fn a_reader_that_takes_nothing_ends_the_write() {
        let (ours, _theirs) = tokio::io::duplex(1024);
        let error = Steady::new(ours, SOON).write_all(&[0; 4096]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_connection_that_rests_is_not_late() {
        let (ours, mut theirs) = tokio::io::duplex(1024);
        let mut ours = Steady::new(ours, SOON);
        for _ in 0..3 {
            tokio::time::sleep(2 * SOON.window).await;
            ours.write_all(b"x").await.unwrap();
            assert_eq!(theirs.read_u8().await.unwrap(), b'x');
        }
    }

    #[tokio::test]
    async fn a_body_that_stops_coming_ends() {
        let silence = StreamBody::new(futures_util::stream::pending::<io::Result<Frame<Bytes>>>());
        let error = SteadyBody::new(silence, SOON).chunk().await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_body_that_is_read_late_is_not_late() {
        let mut body = SteadyBody::new(Full::new(Bytes::from_static(b"x")), SOON);
        tokio::time::sleep(2 * SOON.window).await;
        assert_eq!(body.chunk().await.unwrap(), Some(Bytes::from_static(b"x")));
        assert_eq!(body.chunk().await.unwrap(), None);
    }
}
