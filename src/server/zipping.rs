//! A folder as a zip that is made while it is sent (Zip64, no file in between).

use std::{io, vec};

use tokio::runtime::Handle;

use super::{
    serving::Source,
    zip_form::{self, Blocks, Item},
};
use crate::{
    engine::{Arriving, OnShelf, Shelf},
    share::{Entry, EntryKind},
    store::PieceReader,
};

/// Read of a file at once.
const PART: usize = 64 << 10;
/// A file up to this size is read twice, first for its check sum, so that the sum can stand before its bytes: the system
/// still has it in memory then. A larger one would keep its reader waiting.
const TWICE_MAX: u64 = 256 << 20;

/// A zip of the files at `entries`, under their paths in the share; files that are still on their way here are waited for.
/// Nothing is compressed: most of what is shared is compressed already, and it must be as fast as the network.
pub(super) struct Zip {
    shelf: Shelf,
    share: OnShelf,
    /// Whether files are read twice.
    twice: bool,
    stage: Stage,
    /// What was made and not sent yet, at most a part and a head of a file.
    made: Vec<u8>,
    sent: u64,
    part: Vec<u8>,
}

enum Stage {
    Files { left: vec::IntoIter<usize>, file: Option<Box<File>>, done: Vec<Done> },
    List { lines: vec::IntoIter<Done>, count: u64, begin: u64 },
    Over,
}

/// What the list at the end says of an entry.
#[derive(Clone, Copy)]
struct Done {
    entry: usize,
    sum: u32,
    at: u64,
}

/// The file that is being read.
struct File {
    entry: usize,
    item: Item,
    at: u64,
    reader: Reader,
    blocks: Blocks,
    sum: crc32fast::Hasher,
    given: u64,
    /// The sum that stands before its bytes.
    told: u32,
}

/// Where the bytes of a file come from.
enum Reader {
    Nothing,
    Whole(PieceReader),
    Arriving(Arriving, Handle),
}

impl Zip {
    /// And how long it is.
    pub fn of(shelf: Shelf, share: OnShelf, entries: Vec<usize>) -> (Zip, u64) {
        // What lies in an object store would have to be fetched twice.
        let twice = share.is_complete() && !share.is_stored();
        let listed = &share.share().manifest().entries;
        let length = zip_form::length(entries.iter().filter_map(|entry| Some(item_of(listed.get(*entry)?, twice))));
        let stage = Stage::Files { done: Vec::with_capacity(entries.len()), left: entries.into_iter(), file: None };
        (Zip { shelf, share, twice, stage, made: vec![], sent: 0, part: vec![0; PART] }, length)
    }

    fn at(&self) -> u64 {
        self.sent + self.made.len() as u64
    }

    fn item(&self, entry: usize) -> io::Result<Item> {
        let listed = self.share.share().manifest().entries.get(entry);
        listed.map(|listed| item_of(listed, self.twice)).ok_or_else(|| io::Error::other("there is no such entry"))
    }

    /// Goes on by a part of a file, to the next, or by a line of the list. False at the end.
    fn advance(&mut self) -> io::Result<bool> {
        self.stage = match std::mem::replace(&mut self.stage, Stage::Over) {
            Stage::Files { left, file: Some(mut file), mut done } => {
                let ended = file.pass_on(&mut self.part, &mut self.made)?;
                let file = if ended.is_none() { Some(file) } else { None };
                done.extend(ended);
                Stage::Files { left, file, done }
            }
            Stage::Files { mut left, file: None, done } => match left.next() {
                Some(entry) => Stage::Files { left, file: Some(Box::new(self.begin(entry)?)), done },
                None => Stage::List { count: done.len() as u64, lines: done.into_iter(), begin: self.at() },
            },
            Stage::List { mut lines, count, begin } => match lines.next() {
                Some(Done { entry, sum, at }) => {
                    let line = self.item(entry)?.listed(sum, at);
                    self.made.extend(line);
                    Stage::List { lines, count, begin }
                }
                None => {
                    self.made.extend(zip_form::end(count, begin, self.at() - begin));
                    return Ok(true);
                }
            },
            Stage::Over => return Ok(false),
        };
        Ok(true)
    }

    /// Writes the head of a file or folder.
    fn begin(&mut self, entry: usize) -> io::Result<File> {
        let (at, item) = (self.at(), self.item(entry)?);
        let read = || {
            self.share.read(entry, 0, item.size).map(Reader::Whole).map_err(|error| io::Error::other(error.to_string()))
        };
        let mut told = 0;
        let reader = match item.size {
            0 => Reader::Nothing,
            _ if !item.sum_behind => {
                told = read()?.sum(&mut self.part)?;
                read()?
            }
            _ if self.share.is_complete() => read()?,
            size => {
                let arriving = self.shelf.arriving(self.share.share().id(), entry, 0, size);
                Reader::Arriving(arriving, Handle::current())
            }
        };
        self.made.extend(item.head(told));
        let (blocks, sum) = (Blocks::default(), crc32fast::Hasher::new());
        Ok(File { entry, item, at, reader, blocks, sum, given: 0, told })
    }
}

impl File {
    /// Passes its next part on. At its end, writes what stands behind it, and tells what the list says of it.
    fn pass_on(&mut self, part: &mut [u8], made: &mut Vec<u8>) -> io::Result<Option<Done>> {
        let (item, blocks, sum) = (&self.item, &mut self.blocks, &mut self.sum);
        let given = self.reader.next(part, &mut |bytes| {
            sum.update(bytes);
            match item.sum_behind {
                true => blocks.put(bytes, item.size, made),
                false => made.extend_from_slice(bytes),
            }
        })?;
        self.given += given;
        if given > 0 {
            return Ok(None);
        }
        let sum = self.sum.clone().finalize();
        if self.given != self.item.size || (!self.item.sum_behind && sum != self.told) {
            return Err(io::Error::other("a file was changed while it was read"));
        }
        made.extend(self.item.tail(sum));
        Ok(Some(Done { entry: self.entry, sum, at: self.at }))
    }
}

impl Reader {
    /// Gives the next bytes to `to`, and tells how many; 0 at the end.
    fn next(&mut self, part: &mut [u8], to: &mut dyn FnMut(&[u8])) -> io::Result<u64> {
        match self {
            Reader::Nothing => Ok(0),
            Reader::Whole(reader) => {
                let read = reader.read(part).map_err(|error| io::Error::other(error.to_string()))?;
                to(part.get(..read).unwrap_or_default());
                Ok(read as u64)
            }
            // It comes, or breaks off, within a bounded time; this thread may wait for it.
            Reader::Arriving(arriving, runtime) => match runtime.block_on(arriving.next()) {
                Some(came) => {
                    let came = came?;
                    to(&came);
                    Ok(came.len() as u64)
                }
                None => Ok(0),
            },
        }
    }

    /// The check sum of all of it.
    fn sum(mut self, part: &mut [u8]) -> io::Result<u32> {
        let mut sum = crc32fast::Hasher::new();
        while self.next(part, &mut |bytes| sum.update(bytes))? > 0 {}
        Ok(sum.finalize())
    }
}

impl Source for Zip {
    fn step(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.made.len() < into.len() && self.advance()? {}
        let len = self.made.len().min(into.len());
        if let (Some(into), Some(first)) = (into.get_mut(..len), self.made.get(..len)) {
            into.copy_from_slice(first);
        }
        self.made.drain(..len);
        self.sent += len as u64;
        Ok(len)
    }
}

fn item_of(listed: &Entry, twice: bool) -> Item {
    let path = listed.path.to_string();
    let (name, size, executable) = match listed.kind {
        EntryKind::Folder => (format!("{path}/"), 0, false),
        EntryKind::File { size, executable, .. } => (path, size, executable),
    };
    let sum_behind = size > 0 && (!twice || size > TWICE_MAX);
    Item { name, size, executable, modified_s: listed.modified.s, sum_behind }
}
