//! The bytes of pieces: one over plain HTTP, or many over an upgraded connection.

use std::{io, sync::Arc, time::Duration};

use axum::{
    Extension,
    body::Body,
    extract::{Path, Request, State},
    http::header,
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::{Refused, Routes, index};
use crate::{
    engine::{
        event::Event,
        served::{Content, Cut, Line, NotNow, ServedShare, Upload, Wanted},
        shell::Shell,
        throttle::lines_under,
    },
    net::{
        Closer,
        listen::Caller,
        piece_stream::{self, OpenPiece, PieceSource, Refusal},
    },
    share::{PeerId, PieceIndex, ShareId, Whence},
    store::{PieceReader, ReadError},
    swarm::upload_slots::{Asker, NORMAL, Patience, Slot, Wish},
    traffic::Priority,
};

/// Steps of a piece that wait to be sent; the thread that reads is never further ahead.
const STEPS_AHEAD: usize = 2;
/// One reading step.
const STEP: usize = 64 << 10;
/// While nothing is given at all, who asks is told to come back after this.
const PAUSED_RETRY_MS: u32 = 5_000;
/// While all lines of a share with a limit of its own are taken.
const LINE_RETRY_MS: u32 = 500;

/// One whole piece, for whoever speaks plain HTTP.
pub async fn piece(
    State(routes): State<Routes>,
    caller: Extension<Caller>,
    Path((id, number)): Path<(String, u32)>,
) -> Result<Response, Refused> {
    let served = routes.share(&id, *caller)?;
    let piece = index(&served, number)?;
    let (answer, answered) = oneshot::channel();
    let (steps, sent) = mpsc::channel(STEPS_AHEAD);
    let over = CancellationToken::new();
    let asker = Asked { by: asker(*caller), cut: cut_by(over.clone()), patience: Patience::Elsewhere };
    tokio::task::spawn_blocking(move || send_piece(&routes, &served, &asker, piece, answer, &steps));
    let length = answered.await.map_err(|_| Refused::unreadable())??;
    let body = futures_util::stream::unfold((sent, over), async |(mut sent, over)| {
        let step = tokio::select! {
            step = sent.recv() => step?,
            () = over.cancelled() => Err(io::ErrorKind::TimedOut.into()),
        };
        Some((step, (sent, over)))
    });
    let head =
        [(header::CONTENT_TYPE, "application/octet-stream".to_owned()), (header::CONTENT_LENGTH, length.to_string())];
    Ok((head, Body::from_stream(body)).into_response())
}

/// Reads a piece as fast as limits allow and the caller takes it. Where it can't be read to its end the connection is cut,
/// so there are no wrong bytes that look right.
fn send_piece(
    routes: &Routes,
    served: &Arc<ServedShare>,
    asked: &Asked,
    piece: PieceIndex,
    answer: oneshot::Sender<Result<u32, Refused>>,
    steps: &mpsc::Sender<io::Result<Bytes>>,
) {
    let upload = served.open_upload(&routes.shell.served, asked.by.peer);
    let mut open = match open(&routes.shell, served, asked, piece, &upload) {
        Ok(open) => open,
        Err(refusal) => {
            let refused = match refusal {
                Refusal::Busy { retry_after_ms } | Refusal::Deferred { retry_after_ms } => {
                    Refused::busy(retry_after_ms.into())
                }
                Refusal::Missing => Refused::no_such_piece(),
                Refusal::Withdrawn => Refused::unreadable(),
            };
            return drop(answer.send(Err(refused)));
        }
    };
    let mut left = open.length() as usize;
    if answer.send(Ok(open.length())).is_err() {
        return;
    }
    while left > 0 && !steps.is_closed() && !routes.shell.cancel.is_cancelled() {
        let mut step = vec![0; open.allow(left.min(STEP))];
        if step.is_empty() {
            continue;
        }
        let read = open.read(&mut step).and_then(|read| match read {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            read => Ok(read),
        });
        let failed = read.is_err();
        let step = read.map(|read| {
            step.truncate(read);
            left -= read;
            Bytes::from(step)
        });
        if steps.blocking_send(step).is_err() || failed {
            return;
        }
    }
}

/// Leaves HTTP: many pieces over one connection.
pub async fn stream(
    State(routes): State<Routes>,
    caller: Extension<Caller>,
    Path(id): Path<String>,
    request: Request,
) -> Result<Response, Refused> {
    let served = routes.share(&id, *caller)?;
    let upload = served.open_upload(&routes.shell.served, caller.peer);
    let asked = Asked { by: asker(*caller), cut: Arc::new(|| {}), patience: Patience::Here };
    let source = Source { shell: routes.shell.clone(), share: served.share.id(), asked, upload };
    let (share, peer) = (served.share.id(), caller.peer);
    let response: Response<Body> = piece_stream::upgrade(request, Box::new(source), &routes.serving, move |end| {
        tracing::debug!(share = %share.short(), peer = %peer.short(), ?end, "a stream of pieces ended");
    });
    Ok(response)
}

/// Who asks, and how.
struct Asked {
    by: Asker,
    cut: Cut,
    patience: Patience,
}

fn asker(caller: Caller) -> Asker {
    Asker { peer: caller.peer, whence: Whence::of(caller.address.ip()) }
}

fn cut_by(over: CancellationToken) -> Cut {
    Arc::new(move || over.cancel())
}

/// What a stream gives. The share is looked up for each piece, since it may be withdrawn or become complete meanwhile.
struct Source {
    shell: Shell,
    share: ShareId,
    asked: Asked,
    upload: Upload,
}

impl PieceSource for Source {
    fn begin(&mut self, closer: Closer) {
        self.asked.cut = Arc::new(move || closer.close());
    }

    fn open(&mut self, piece: u32) -> Result<Box<dyn OpenPiece + '_>, Refusal> {
        let served = self.shell.served.get(self.share, self.asked.by.peer).ok_or(Refusal::Withdrawn)?;
        let piece = served.share.pieces().index(piece).ok_or(Refusal::Missing)?;
        Ok(Box::new(open(&self.shell, &served, &self.asked, piece, &self.upload)?))
    }
}

/// A piece on its way to the socket; it holds an upload slot.
struct Reading<'a> {
    reader: PieceReader,
    length: u32,
    /// Bytes that were not read yet.
    left: u32,
    shell: &'a Shell,
    served: Arc<ServedShare>,
    piece: PieceIndex,
    caller: PeerId,
    upload: &'a Upload,
    slot: Option<Slot>,
    _line: Line,
}

fn open<'a>(
    shell: &'a Shell,
    served: &Arc<ServedShare>,
    asked: &Asked,
    piece: PieceIndex,
    upload: &'a Upload,
) -> Result<Reading<'a>, Refusal> {
    if !served.has(piece) {
        return Err(Refusal::Missing);
    }
    let (share, plan) = (served.share.id(), shell.served.plan());
    if plan.paused {
        return Err(Refusal::Busy { retry_after_ms: PAUSED_RETRY_MS });
    }
    let (limits, priority) = plan.each.get(&share).copied().unwrap_or_default();
    let Some(line) = served.open_line(lines_under(limits.up)) else {
        return Err(Refusal::Busy { retry_after_ms: LINE_RETRY_MS });
    };
    let milliseconds = |wait: Duration| u32::try_from(wait.as_millis()).unwrap_or(1_000);
    let (length, caller) = (served.share.pieces().len(piece), asked.by.peer);
    let wish = Wish { patience: asked.patience, priority: rank(priority), bytes: length };
    let wanted = Wanted { piece, by: asked.by, wish, cut: &asked.cut };
    let slot = shell.served.slot(served, &wanted).map_err(|not_now| match not_now {
        NotNow::Busy { retry_after } => Refusal::Busy { retry_after_ms: milliseconds(retry_after) },
        NotNow::Deferred { retry_after } => Refusal::Deferred { retry_after_ms: milliseconds(retry_after) },
    })?;
    let reader = match &served.content {
        Content::Complete(complete) => complete.reader(piece),
        Content::Partial(partial) => partial.reader(piece),
    };
    match reader {
        Ok(reader) => {
            let (left, served, slot) = (length, served.clone(), Some(slot));
            Ok(Reading { reader, length, left, shell, served, piece, caller, upload, slot, _line: line })
        }
        Err(error) => {
            shell.served.release(slot, served, piece, caller, false);
            report(shell, share, &error);
            Err(Refusal::Withdrawn)
        }
    }
}

fn rank(priority: Priority) -> u8 {
    match priority {
        Priority::Low => NORMAL - 1,
        Priority::Normal => NORMAL,
        Priority::High => NORMAL + 1,
    }
}

impl OpenPiece for Reading<'_> {
    fn length(&self) -> u32 {
        self.length
    }

    fn allow(&mut self, most: usize) -> usize {
        self.shell.served.throttle.take(self.served.share.id(), most)
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.reader.read(buffer) {
            Ok(read) => {
                self.upload.add(read as u64);
                if let Some(slot) = &self.slot {
                    slot.moved(read as u64);
                }
                self.left = self.left.saturating_sub(u32::try_from(read).unwrap_or(u32::MAX));
                Ok(read)
            }
            Err(error) => {
                report(self.shell, self.served.share.id(), &error);
                Err(io::Error::other(error))
            }
        }
    }
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        if let Some(slot) = self.slot.take() {
            self.shell.served.release(slot, &self.served, self.piece, self.caller, self.left == 0);
        }
    }
}

/// A file that can't be read, or is not what it was, is the engine's concern: the share is withdrawn.
fn report(shell: &Shell, share: ShareId, error: &ReadError) {
    tracing::warn!(share = %share.short(), %error, "a shared file can't be given out");
    if !matches!(error, ReadError::Missing | ReadError::Away { .. }) {
        shell.events.try_send(Event::SourceTrouble { share, error: error.clone() }).ok();
    }
}
