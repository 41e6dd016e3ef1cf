//! A folder as a zip that is made while it is sent (Zip64, no file in between).

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
    vec,
};

use tokio::runtime::Handle;

use super::serving::Source;
use crate::{
    engine::{Arriving, OnShelf, Shelf},
    share::{Entry, EntryKind},
    store::PieceReader,
};

/// Read of a file at once.
const PART: usize = 64 << 10;

/// A zip of the files at `entries`, under their paths in the share; files that are still on their way here are waited for.
/// Stored and not compressed: most of what is shared is
/// compressed already, and it must be as fast as the network.
pub(super) struct Zip {
    shelf: Shelf,
    share: OnShelf,
    entries: vec::IntoIter<usize>,
    /// The file that is being read.
    reader: Option<Reader>,
    /// Nothing behind the end.
    writer: Option<zip::ZipWriter<zip::write::StreamWriter<Made>>>,
    made: Made,
    part: Vec<u8>,
}

/// Where the bytes of a file come from.
enum Reader {
    Whole(PieceReader),
    Arriving(Arriving, Handle),
}

/// What was made and not sent yet, at most a step and a head of a file.
#[derive(Clone, Default)]
struct Made(Arc<Mutex<Vec<u8>>>);

impl Zip {
    pub fn of(shelf: Shelf, share: OnShelf, entries: Vec<usize>) -> Zip {
        let made = Made::default();
        let writer = Some(zip::ZipWriter::new_stream(made.clone()));
        Zip { shelf, share, entries: entries.into_iter(), reader: None, writer, made, part: vec![0; PART] }
    }

    /// Goes on by a part of a file, or to the next. False at the end.
    fn advance(&mut self) -> io::Result<bool> {
        let Some(writer) = &mut self.writer else { return Ok(false) };
        if let Some(reader) = &mut self.reader {
            if !reader.pass_on(&mut self.part, writer)? {
                self.reader = None;
            }
            return Ok(true);
        }
        match self.entries.next() {
            Some(entry) => {
                let share = self.share.clone();
                let Some(listed) = share.share().manifest().entries.get(entry) else { return Ok(true) };
                self.reader = begin(writer, &self.shelf, &self.share, entry, listed)?;
                Ok(true)
            }
            None => {
                if let Some(writer) = self.writer.take() {
                    writer.finish().map_err(io::Error::other)?;
                }
                Ok(false)
            }
        }
    }
}

impl Reader {
    /// Passes the next part of the file on. False at its end.
    fn pass_on(&mut self, part: &mut [u8], to: &mut dyn io::Write) -> io::Result<bool> {
        match self {
            Reader::Whole(reader) => {
                let read = reader.read(part).map_err(|error| io::Error::other(error.to_string()))?;
                to.write_all(part.get(..read).unwrap_or_default())?;
                Ok(read > 0)
            }
            // It comes, or breaks off, within a bounded time; this thread may wait for it.
            Reader::Arriving(arriving, runtime) => match runtime.block_on(arriving.next()) {
                Some(came) => to.write_all(&came?).map(|()| true),
                None => Ok(false),
            },
        }
    }
}

impl Source for Zip {
    fn step(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.made.len() < into.len() && self.advance()? {}
        Ok(self.made.give(into))
    }
}

/// Writes the head of a file or folder. A file's bytes come from the reader.
fn begin(
    writer: &mut zip::ZipWriter<zip::write::StreamWriter<Made>>,
    shelf: &Shelf,
    share: &OnShelf,
    entry: usize,
    listed: &Entry,
) -> io::Result<Option<Reader>> {
    let mut options = zip::write::SimpleFileOptions::default()
        .compression_method(zip::CompressionMethod::Stored)
        .large_file(listed.kind.size() >= u64::from(u32::MAX));
    if let Some(modified) = modified(listed.modified.s) {
        options = options.last_modified_time(modified);
    }
    let path = listed.path.to_string();
    match listed.kind {
        EntryKind::Folder => writer.add_directory(path, options).map(|()| None).map_err(io::Error::other),
        EntryKind::File { size, executable, .. } => {
            let options = options.unix_permissions(if executable { 0o755 } else { 0o644 });
            writer.start_file(path, options).map_err(io::Error::other)?;
            if !share.is_complete() {
                let arriving = shelf.arriving(share.share().id(), entry, 0, size);
                return Ok(Some(Reader::Arriving(arriving, Handle::current())));
            }
            let reader = share.read(entry, 0, size).map_err(|error| io::Error::other(error.to_string()))?;
            Ok(Some(Reader::Whole(reader)))
        }
    }
}

fn modified(seconds: i64) -> Option<zip::DateTime> {
    let at = time::OffsetDateTime::from_unix_timestamp(seconds).ok()?;
    let year = u16::try_from(at.year()).ok()?;
    zip::DateTime::from_date_and_time(year, at.month().into(), at.day(), at.hour(), at.minute(), at.second()).ok()
}

impl Made {
    fn len(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Moves the first bytes out.
    fn give(&self, into: &mut [u8]) -> usize {
        let mut made = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let len = made.len().min(into.len());
        if let (Some(into), Some(first)) = (into.get_mut(..len), made.get(..len)) {
            into.copy_from_slice(first);
        }
        made.drain(..len);
        len
    }
}

impl io::Write for Made {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
