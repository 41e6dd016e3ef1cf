//! The bytes of pieces: one over plain HTTP, or many over an upgraded connection.

use std::{io, sync::Arc, time::Duration};

use axum::{
    Extension,
    body::Body,
    extract::{Path, Request, State},
    http::header,
    response::{IntoResponse as _, Response},
};

use super::{Refused, Routes, index};
use crate::{
    engine::{
        event::Event,
        served::{Content, NotNow, ServedShare, Upload},
        shell::Shell,
    },
    net::{
        listen::Caller,
        piece_stream::{self, OpenPiece, PieceSource, Refusal},
    },
    share::{PeerId, PieceIndex, ShareId},
    store::{PieceReader, ReadError},
    swarm::upload_slots::{Patience, Slot},
};

/// One whole piece, for whoever speaks plain HTTP.
pub async fn piece(
    State(routes): State<Routes>,
    caller: Extension<Caller>,
    Path((id, number)): Path<(String, u32)>,
) -> Result<Response, Refused> {
    let served = routes.share(&id, *caller)?;
    let piece = index(&served, number)?;
    let caller = caller.peer;
    let read = tokio::task::spawn_blocking(move || read_whole(&routes, &served, caller, piece));
    let bytes = read.await.map_err(|_| Refused::unreadable())??;
    Ok(([(header::CONTENT_TYPE, "application/octet-stream")], bytes).into_response())
}

fn read_whole(
    routes: &Routes,
    served: &Arc<ServedShare>,
    caller: PeerId,
    piece: PieceIndex,
) -> Result<Vec<u8>, Refused> {
    let upload = served.open_upload(&routes.shell.served, caller);
    let open = open(&routes.shell, served, caller, piece, &upload, Patience::Elsewhere);
    let mut open = open.map_err(|refusal| match refusal {
        Refusal::Busy { retry_after_ms } | Refusal::Deferred { retry_after_ms } => Refused::busy(retry_after_ms.into()),
        Refusal::Missing => Refused::no_such_piece(),
        Refusal::Withdrawn => Refused::unreadable(),
    })?;
    let mut bytes = vec![0; open.length() as usize];
    let mut filled = 0;
    while filled < bytes.len() {
        match open.read(&mut bytes[filled..]) {
            Ok(read) if read > 0 => filled += read,
            _ => return Err(Refused::unreadable()),
        }
    }
    Ok(bytes)
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
    let source = Source { shell: routes.shell.clone(), share: served.share.id(), caller: caller.peer, upload };
    let (share, peer) = (served.share.id(), caller.peer);
    let response: Response<Body> = piece_stream::upgrade(request, Box::new(source), &routes.serving, move |end| {
        tracing::debug!(share = %share.short(), peer = %peer.short(), ?end, "a stream of pieces ended");
    });
    Ok(response)
}

/// What a stream gives. The share is looked up for each piece, since it may be withdrawn or become complete meanwhile.
struct Source {
    shell: Shell,
    share: ShareId,
    caller: PeerId,
    upload: Upload,
}

impl PieceSource for Source {
    fn open(&mut self, piece: u32) -> Result<Box<dyn OpenPiece + '_>, Refusal> {
        let served = self.shell.served.get(self.share, self.caller).ok_or(Refusal::Withdrawn)?;
        let piece = served.share.pieces().index(piece).ok_or(Refusal::Missing)?;
        Ok(Box::new(open(&self.shell, &served, self.caller, piece, &self.upload, Patience::Here)?))
    }
}

/// A piece on its way to the socket; it holds an upload slot.
struct Reading<'a> {
    reader: PieceReader,
    length: u32,
    shell: &'a Shell,
    share: ShareId,
    upload: &'a Upload,
    slot: Option<Slot>,
}

fn open<'a>(
    shell: &'a Shell,
    served: &Arc<ServedShare>,
    caller: PeerId,
    piece: PieceIndex,
    upload: &'a Upload,
    patience: Patience,
) -> Result<Reading<'a>, Refusal> {
    if !served.has(piece) {
        return Err(Refusal::Missing);
    }
    let milliseconds = |wait: Duration| u32::try_from(wait.as_millis()).unwrap_or(1_000);
    let slot = shell.served.slot(served, piece, caller, patience).map_err(|not_now| match not_now {
        NotNow::Busy { retry_after } => Refusal::Busy { retry_after_ms: milliseconds(retry_after) },
        NotNow::Deferred { retry_after } => Refusal::Deferred { retry_after_ms: milliseconds(retry_after) },
    })?;
    let share = served.share.id();
    let reader = match &served.content {
        Content::Complete(complete) => complete.reader(piece),
        Content::Partial(partial) => partial.reader(piece),
    };
    match reader {
        Ok(reader) => {
            let length = served.share.pieces().len(piece);
            Ok(Reading { reader, length, shell, share, upload, slot: Some(slot) })
        }
        Err(error) => {
            shell.served.release(slot);
            report(shell, share, &error);
            Err(Refusal::Withdrawn)
        }
    }
}

impl OpenPiece for Reading<'_> {
    fn length(&self) -> u32 {
        self.length
    }

    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.reader.read(buffer) {
            Ok(read) => {
                self.upload.add(read as u64);
                Ok(read)
            }
            Err(error) => {
                report(self.shell, self.share, &error);
                Err(io::Error::other(error))
            }
        }
    }
}

impl Drop for Reading<'_> {
    fn drop(&mut self) {
        if let Some(slot) = self.slot.take() {
            self.shell.served.release(slot);
        }
    }
}

/// A file that is not what it was is the engine's concern: the share is withdrawn.
fn report(shell: &Shell, share: ShareId, error: &ReadError) {
    tracing::warn!(share = %share.short(), %error, "a shared file can't be given out");
    let (ReadError::Changed { path } | ReadError::Gone { path } | ReadError::Unread { path, .. }) = error else {
        return;
    };
    let path = path.clone();
    shell.events.try_send(Event::SourceChanged { share, path }).ok();
}
