//! A file's bytes while its share is still on the way here: each piece is given on as soon as it is here and right.

use std::{io, ops::Range, sync::Arc, time::Duration};

use bytes::Bytes;
use tokio::sync::broadcast::error::RecvError;

use super::served::{Content, Served, ServedShare};
use crate::{
    share::{PieceIndex, ShareId},
    store::PieceReader,
};

/// One reading step.
const STEP: usize = 256 << 10;
/// A reader waits so long for a piece; a source that stands still is replaced long before.
const PATIENCE: Duration = Duration::from_secs(45);
/// A file that gets its final name in this moment can be opened a moment later.
const OPEN_AGAIN: Duration = Duration::from_millis(50);
const OPEN_TRIES: u32 = 20;

/// What is left to read of a file.
pub struct Arriving {
    served: Arc<Served>,
    share: ShareId,
    entry: usize,
    left: Range<u64>,
    /// A piece that is being read, and how much of it is wanted.
    open: Option<(PieceReader, u64)>,
    tries: u32,
}

impl Arriving {
    pub(super) fn new(served: Arc<Served>, share: ShareId, entry: usize, left: Range<u64>) -> Arriving {
        Arriving { served, share, entry, left, open: None, tries: 0 }
    }

    /// The next bytes, at most 256 KiB; `None` at the end, and after an error.
    pub async fn next(&mut self) -> Option<io::Result<Bytes>> {
        while !self.left.is_empty() {
            if self.open.is_none() {
                match self.open_next().await {
                    Ok(open) => self.open = open,
                    Err(error) => return self.fail(error),
                }
                continue;
            }
            match self.read().await {
                Ok(bytes) if bytes.is_empty() => self.open = None,
                Ok(bytes) => {
                    self.left.start += bytes.len() as u64;
                    self.tries = 0;
                    return Some(Ok(bytes));
                }
                // A file that gets its final name while it is read is opened again under it.
                Err(error) => match self.try_again(error).await {
                    Ok(()) => self.open = None,
                    Err(error) => return self.fail(error),
                },
            }
        }
        None
    }

    async fn try_again(&mut self, error: io::Error) -> io::Result<()> {
        self.tries += 1;
        if self.tries > OPEN_TRIES {
            return Err(error);
        }
        tokio::time::sleep(OPEN_AGAIN).await;
        Ok(())
    }

    fn fail(&mut self, error: io::Error) -> Option<io::Result<Bytes>> {
        self.left = 0..0;
        Some(Err(error))
    }

    /// Opens what comes next, waiting for it; `None` where it is worth trying again.
    async fn open_next(&mut self) -> io::Result<Option<(PieceReader, u64)>> {
        let gone = || io::Error::new(io::ErrorKind::NotFound, "the share is not here any more");
        let served = self.served.any(self.share).ok_or_else(gone)?;
        let partial = match &served.content {
            Content::Complete(content) => {
                let len = self.left.end - self.left.start;
                return Ok(Some((content.file_reader(self.entry, self.left.start, len), len)));
            }
            Content::Partial(partial) => partial.clone(),
        };
        let (piece, begin, end) = self.next_piece(&served).ok_or_else(gone)?;
        if !served.has(piece) {
            wait_for(served, piece).await?;
            // The share may be complete by now, with its files under other names.
            return Ok(None);
        }
        let wanted = end.min(self.left.end) - self.left.start;
        let skip = self.skip(&served, piece, begin);
        let opened = tokio::task::spawn_blocking(move || skipped(partial.reader(piece)?, skip));
        match opened.await.map_err(io::Error::other)? {
            Ok(reader) => Ok(Some((reader, wanted))),
            Err(error) => {
                self.try_again(io::Error::other(error.to_string())).await?;
                Ok(None)
            }
        }
    }

    /// The piece that has the next byte, and from where to where in the file it goes.
    fn next_piece(&self, served: &ServedShare) -> Option<(PieceIndex, u64, u64)> {
        let pieces = served.share.pieces();
        let numbers = pieces.of_entry(self.entry);
        let piece_len = u64::from(served.share.manifest().piece_len.bytes());
        let of_file = u32::try_from(self.left.start / piece_len).ok()?;
        // A file of one piece is in a bundle, as a whole.
        let number = if numbers.len() == 1 { numbers.start } else { numbers.start.checked_add(of_file)? };
        let piece = pieces.index(number).filter(|_| numbers.contains(&number))?;
        let span = pieces.spans(piece).find(|span| span.entry == self.entry)?;
        Some((piece, span.offset, span.offset + u64::from(span.len)))
    }

    /// Bytes of the piece before the next one that is wanted.
    fn skip(&self, served: &ServedShare, piece: PieceIndex, begin: u64) -> u64 {
        let before = served.share.pieces().spans(piece).take_while(|span| span.entry != self.entry);
        before.map(|span| u64::from(span.len)).sum::<u64>() + (self.left.start - begin)
    }

    /// A step of the open piece; nothing at its end.
    async fn read(&mut self) -> io::Result<Bytes> {
        let Some((mut reader, left)) = self.open.take() else { return Ok(Bytes::new()) };
        let step = usize::try_from(left).unwrap_or(STEP).min(STEP);
        let read = tokio::task::spawn_blocking(move || {
            let mut bytes = vec![0; step];
            let read = reader.read(&mut bytes)?;
            bytes.truncate(read);
            Ok::<_, crate::store::ReadError>((reader, bytes))
        });
        let (reader, bytes) =
            read.await.map_err(io::Error::other)?.map_err(|error| io::Error::other(error.to_string()))?;
        let left = left - bytes.len() as u64;
        if left > 0 {
            self.open = Some((reader, left));
        }
        Ok(bytes.into())
    }
}

fn skipped(mut reader: PieceReader, mut skip: u64) -> Result<PieceReader, crate::store::ReadError> {
    let mut buffer = vec![0; STEP];
    while skip > 0 {
        let step = usize::try_from(skip).unwrap_or(STEP).min(STEP);
        let read = reader.read(buffer.get_mut(..step).unwrap_or_default())?;
        if read == 0 {
            break;
        }
        skip -= read as u64;
    }
    Ok(reader)
}

/// Waits until a piece is here, or something else became of the share.
async fn wait_for(served: Arc<ServedShare>, piece: PieceIndex) -> io::Result<()> {
    let (have, mut gained) = served.follow();
    if have.contains(piece) {
        return Ok(());
    }
    // It must not be held on to: the queue ends when the share is withdrawn.
    drop(served);
    let came = async {
        loop {
            match gained.recv().await {
                Ok(other) if other != piece => {}
                Ok(_) | Err(RecvError::Lagged(_) | RecvError::Closed) => return,
            }
        }
    };
    let late = || io::Error::new(io::ErrorKind::TimedOut, "the next part of the file did not come");
    tokio::time::timeout(PATIENCE, came).await.map_err(|_| late())
}
