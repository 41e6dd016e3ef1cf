//! Bytes for browsers: a file or a range of it, and a folder as a zip that is made while it is sent.
//!
//! Reading happens on threads that may block and is at most two steps ahead of the socket, so a slow reader costs half a
//! mebibyte and nothing else.

use std::{
    collections::BTreeSet,
    io::{self, Write as _},
    sync::{Arc, Mutex, PoisonError},
};

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream;
use tokio::{runtime::Handle, sync::mpsc};

use crate::{
    engine::{Arriving, OnShelf, Shelf},
    share::{Entry, EntryKind},
    store::PieceReader,
};

/// One reading step.
const STEP: usize = 256 << 10;
/// Steps that wait for the socket.
const AHEAD: usize = 2;

/// A part of a file, both ends included, as it was asked for (RFC 9110 §14).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    All,
    Part {
        from: u64,
        to: u64,
    },
    /// Nothing of it exists.
    Beyond,
}

/// What a `Range` header wants of a file. Several ranges at once, and what makes no sense, want all of it.
pub(super) fn wanted(range: Option<&str>, size: u64) -> Wanted {
    let Some(spec) = range.and_then(|range| range.trim().strip_prefix("bytes=")) else { return Wanted::All };
    let Some((from, to)) = spec.split_once('-') else { return Wanted::All };
    let (from, to) = (from.trim(), to.trim());
    if spec.contains(',') {
        return Wanted::All;
    }
    let last = size.checked_sub(1);
    match (from.parse::<u64>(), to.parse::<u64>(), last) {
        (_, _, None) => Wanted::Beyond,
        (Ok(from), _, Some(last)) if from > last => Wanted::Beyond,
        (Ok(from), Ok(to), Some(last)) if from <= to => Wanted::Part { from, to: to.min(last) },
        (Ok(from), Err(_), Some(last)) if to.is_empty() => Wanted::Part { from, to: last },
        (Err(_), Ok(0), Some(_)) if from.is_empty() => Wanted::Beyond,
        (Err(_), Ok(tail), Some(last)) if from.is_empty() => Wanted::Part { from: size.saturating_sub(tail), to: last },
        _ => Wanted::All,
    }
}

/// A body of what a reader gives. Should the file turn out to be another than was shared, the body breaks off.
pub(super) fn body_of(mut reader: PieceReader) -> Body {
    body(move |to| {
        let mut buffer = vec![0; STEP];
        loop {
            let read = reader.read(&mut buffer).map_err(|error| io::Error::other(error.to_string()))?;
            if read == 0 {
                return Ok(());
            }
            let Some(part) = buffer.get(..read) else { return Ok(()) };
            to.blocking_send(Ok(Bytes::copy_from_slice(part))).map_err(io::Error::other)?;
        }
    })
}

/// A body of what is still on its way here. Should it stop coming, the body breaks off.
pub(super) fn arriving_body(arriving: Arriving) -> Body {
    Body::from_stream(stream::unfold(arriving, async |mut arriving| Some((arriving.next().await?, arriving))))
}

/// A zip of the files at `entries`, under their paths in the share; files that are still on their way here are waited for.
/// Stored and not compressed: most of what is shared is compressed already, and it must be as fast as the network.
pub(super) fn zip_of(shelf: Shelf, share: OnShelf, entries: Vec<usize>) -> Body {
    let runtime = Handle::current();
    body(move |to| {
        let read = |entry: usize, size: u64| -> io::Result<Source> {
            if share.is_complete() {
                return share
                    .read(entry, 0, size)
                    .map(Source::Whole)
                    .map_err(|error| io::Error::other(error.to_string()));
            }
            Ok(Source::Arriving(shelf.arriving(share.share().id(), entry, 0, size), runtime.clone()))
        };
        let sink = Sink { to: to.clone(), buffer: Vec::with_capacity(STEP) };
        let mut zip = zip::ZipWriter::new_stream(sink);
        for entry in entries {
            let Some(listed) = share.share().manifest().entries.get(entry) else { continue };
            write_entry(&mut zip, listed, |size| read(entry, size))?;
        }
        let mut sink = zip.finish().map_err(io::Error::other)?.into_inner();
        sink.flush()
    })
}

/// Where the bytes of a file in a zip come from.
enum Source {
    Whole(PieceReader),
    Arriving(Arriving, Handle),
}

impl Source {
    /// Passes all bytes on.
    fn copy(self, to: &mut dyn io::Write) -> io::Result<()> {
        match self {
            Source::Whole(mut reader) => {
                let mut buffer = vec![0; STEP];
                loop {
                    let read = reader.read(&mut buffer).map_err(|error| io::Error::other(error.to_string()))?;
                    match buffer.get(..read) {
                        Some(part) if read > 0 => to.write_all(part)?,
                        _ => return Ok(()),
                    }
                }
            }
            Source::Arriving(mut arriving, runtime) => {
                while let Some(part) = runtime.block_on(arriving.next()) {
                    to.write_all(&part?)?;
                }
                Ok(())
            }
        }
    }
}

fn write_entry(
    zip: &mut zip::ZipWriter<zip::write::StreamWriter<Sink>>,
    listed: &Entry,
    read: impl FnOnce(u64) -> io::Result<Source>,
) -> io::Result<()> {
    let mut options = zip::write::SimpleFileOptions::default()
        .compression_method(zip::CompressionMethod::Stored)
        .large_file(listed.kind.size() >= u64::from(u32::MAX));
    if let Some(modified) = modified(listed.modified.s) {
        options = options.last_modified_time(modified);
    }
    let path = listed.path.to_string();
    match listed.kind {
        EntryKind::Folder => zip.add_directory(path, options).map_err(io::Error::other),
        EntryKind::File { size, executable, .. } => {
            let options = options.unix_permissions(if executable { 0o755 } else { 0o644 });
            zip.start_file(path, options).map_err(io::Error::other)?;
            read(size)?.copy(zip)
        }
    }
}

fn modified(seconds: i64) -> Option<zip::DateTime> {
    let at = time::OffsetDateTime::from_unix_timestamp(seconds).ok()?;
    let year = u16::try_from(at.year()).ok()?;
    zip::DateTime::from_date_and_time(year, at.month().into(), at.day(), at.hour(), at.minute(), at.second()).ok()
}

/// Where a zip goes: collected into steps and sent to the socket.
struct Sink {
    to: mpsc::Sender<io::Result<Bytes>>,
    buffer: Vec<u8>,
}

impl io::Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= STEP {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let full = std::mem::replace(&mut self.buffer, Vec::with_capacity(STEP));
        self.to.blocking_send(Ok(full.into())).map_err(io::Error::other)
    }
}

/// A body that a thread writes. When nobody reads any more, its next step fails and it ends.
fn body(write: impl FnOnce(&mpsc::Sender<io::Result<Bytes>>) -> io::Result<()> + Send + 'static) -> Body {
    let (to, from) = mpsc::channel(AHEAD);
    tokio::task::spawn_blocking(move || {
        if let Err(error) = write(&to) {
            // Where the reader is gone, nobody needs to know.
            to.blocking_send(Err(error)).ok();
        }
    });
    Body::from_stream(stream::unfold(from, async |mut from| from.recv().await.map(|part| (part, from))))
}

/// Who writes to which upload: two at once would mix their bytes.
#[derive(Clone, Default)]
pub(crate) struct UploadLocks {
    busy: Arc<Mutex<BTreeSet<String>>>,
}

/// The right to write to one upload.
pub(crate) struct UploadLock {
    locks: UploadLocks,
    upload: String,
}

impl UploadLocks {
    /// `None` while somebody else writes.
    pub fn take(&self, upload: &str) -> Option<UploadLock> {
        let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
        busy.insert(upload.to_owned()).then(|| UploadLock { locks: self.clone(), upload: upload.to_owned() })
    }
}

impl Drop for UploadLock {
    fn drop(&mut self) {
        self.locks.busy.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.upload);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_those_of_the_standard() {
        let part = |from, to| Wanted::Part { from, to };
        for (range, found) in [
            (None, Wanted::All),
            (Some("bytes=0-"), part(0, 99)),
            (Some("bytes=10-19"), part(10, 19)),
            (Some("bytes=90-1000"), part(90, 99)),
            (Some("bytes=-10"), part(90, 99)),
            (Some("bytes=-1000"), part(0, 99)),
            (Some("bytes=100-"), Wanted::Beyond),
            (Some("bytes=-0"), Wanted::Beyond),
            (Some("bytes=5-4"), Wanted::All),
            (Some("bytes=0-1,5-6"), Wanted::All),
            (Some("lines=1-2"), Wanted::All),
            (Some("bytes=a-b"), Wanted::All),
            (Some("bytes=18446744073709551616-"), Wanted::All),
        ] {
            assert_eq!(wanted(range, 100), found, "{range:?}");
        }
        assert_eq!(wanted(Some("bytes=0-"), 0), Wanted::Beyond);
    }

    #[test]
    fn of_two_who_write_to_an_upload_one_does() {
        let locks = UploadLocks::default();
        let first = locks.take("a");
        assert!(first.is_some() && locks.take("a").is_none() && locks.take("b").is_some());
        drop(first);
        assert!(locks.take("a").is_some());
    }
}
