//! The form of a zip file (APPNOTE 6.3) whose entries' names, sizes and times are known before the first byte of it is
//! made, so that its length is, too. Pure: bytes in, bytes out.
//!
//! An entry whose check sum is known stands as it is, with sizes and sum before its bytes: every program reads that, also
//! one that can't look ahead. An entry whose sum is known only behind its bytes is packed as deflate that compresses
//! nothing, which tells its own end: programs that read a stream would not find the end of plain bytes.

use time::{Date, Month, OffsetDateTime};

/// The longest block of deflate that is not compressed.
const BLOCK: u64 = 65_535;
const BLOCK_HEAD: u64 = 5;
/// What does not fit into 32 bits stands in a longer field.
const LONG: u64 = u32::MAX as u64;
const MANY: u64 = u16::MAX as u64;

const UTF8: u16 = 1 << 11;
const SUM_BEHIND: u16 = 1 << 3;

/// A file or folder as it goes in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Item {
    /// With `/` between folders, and at the end of one.
    pub name: String,
    pub size: u64,
    pub executable: bool,
    /// Seconds since 1970.
    pub modified_s: i64,
    /// Its check sum is known behind its bytes only.
    pub sum_behind: bool,
}

/// How the bytes of an entry whose sum is behind them are cut.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    done: u64,
    left: u64,
}

impl Item {
    fn is_folder(&self) -> bool {
        self.name.ends_with('/')
    }

    /// What its bytes take.
    fn packed(&self) -> u64 {
        if self.sum_behind { self.size + BLOCK_HEAD * self.size.div_ceil(BLOCK).max(1) } else { self.size }
    }

    fn is_long(&self) -> bool {
        self.packed() >= LONG
    }

    fn version(&self, long: bool) -> u16 {
        if long { 45 } else { 20 }
    }

    fn flags(&self) -> u16 {
        UTF8 | if self.sum_behind { SUM_BEHIND } else { 0 }
    }

    fn method(&self) -> u16 {
        if self.sum_behind { 8 } else { 0 }
    }

    /// What stands before its bytes. `sum`: CRC-32, where it is known.
    pub fn head(&self, sum: u32) -> Vec<u8> {
        let long = self.is_long();
        let mut extra = time_field(self.modified_s);
        if long {
            // Both sizes stand behind the bytes, in eight bytes each.
            put(&mut extra, &[&[1, 0, 16, 0], &[0; 16]]);
        }
        let size = match (long, self.sum_behind) {
            (true, _) => u32::MAX,
            (false, true) => 0,
            (false, false) => self.size as u32,
        };
        let sum = if self.sum_behind { 0 } else { sum };
        let (date, time) = dos(self.modified_s);
        let mut head = Vec::with_capacity(30 + self.name.len() + extra.len());
        put(&mut head, &[b"PK\x03\x04", &self.version(long).to_le_bytes(), &self.flags().to_le_bytes()]);
        put(&mut head, &[&self.method().to_le_bytes(), &time.to_le_bytes(), &date.to_le_bytes()]);
        put(&mut head, &[&sum.to_le_bytes(), &size.to_le_bytes(), &size.to_le_bytes()]);
        put(&mut head, &[&len(&self.name), &(extra.len() as u16).to_le_bytes(), self.name.as_bytes(), &extra]);
        head
    }

    /// What stands behind its bytes.
    pub fn tail(&self, sum: u32) -> Vec<u8> {
        let mut tail = vec![];
        if self.sum_behind {
            put(&mut tail, &[b"PK\x07\x08", &sum.to_le_bytes()]);
            for size in [self.packed(), self.size] {
                match self.is_long() {
                    true => put(&mut tail, &[&size.to_le_bytes()]),
                    false => put(&mut tail, &[&(size as u32).to_le_bytes()]),
                }
            }
        }
        tail
    }

    /// Its line in the list at the end. `at`: where its head begins.
    pub fn listed(&self, sum: u32, at: u64) -> Vec<u8> {
        let mut extra = time_field(self.modified_s);
        let (mut long, mut longs) = (self.is_long(), vec![]);
        if long {
            put(&mut longs, &[&self.size.to_le_bytes(), &self.packed().to_le_bytes()]);
        }
        if at >= LONG {
            put(&mut longs, &[&at.to_le_bytes()]);
        }
        let [packed, size] = [self.packed(), self.size].map(|size| if long { u32::MAX } else { size as u32 });
        if !longs.is_empty() {
            long = true;
            put(&mut extra, &[&[1, 0], &(longs.len() as u16).to_le_bytes(), &longs]);
        }
        let mode: u32 = match (self.is_folder(), self.executable) {
            (true, _) => 0o040_755 << 16 | 0x10,
            (false, true) => 0o100_755 << 16,
            (false, false) => 0o100_644 << 16,
        };
        let (date, time) = dos(self.modified_s);
        let mut line = Vec::with_capacity(46 + self.name.len() + extra.len());
        put(&mut line, &[b"PK\x01\x02", &[45, 3], &self.version(long).to_le_bytes(), &self.flags().to_le_bytes()]);
        put(&mut line, &[&self.method().to_le_bytes(), &time.to_le_bytes(), &date.to_le_bytes(), &sum.to_le_bytes()]);
        put(&mut line, &[&packed.to_le_bytes(), &size.to_le_bytes()]);
        put(&mut line, &[&len(&self.name), &(extra.len() as u16).to_le_bytes(), &[0; 6], &mode.to_le_bytes()]);
        put(&mut line, &[&(at.min(LONG) as u32).to_le_bytes(), self.name.as_bytes(), &extra]);
        line
    }
}

/// What stands behind the list. `at`: where the list begins.
pub(super) fn end(entries: u64, at: u64, list: u64) -> Vec<u8> {
    let mut end = vec![];
    if entries >= MANY || at >= LONG || list >= LONG {
        put(&mut end, &[b"PK\x06\x06", &44u64.to_le_bytes(), &[45, 3, 45, 0], &[0; 8]]);
        put(&mut end, &[&entries.to_le_bytes(), &entries.to_le_bytes(), &list.to_le_bytes(), &at.to_le_bytes()]);
        put(&mut end, &[b"PK\x06\x07", &[0; 4], &(at + list).to_le_bytes(), &1u32.to_le_bytes()]);
    }
    let count = (entries.min(MANY) as u16).to_le_bytes();
    put(&mut end, &[b"PK\x05\x06", &[0; 4], &count, &count, &(list.min(LONG) as u32).to_le_bytes()]);
    put(&mut end, &[&(at.min(LONG) as u32).to_le_bytes(), &[0; 2]]);
    end
}

/// How long a zip of these is, all together.
pub(super) fn length(items: impl Iterator<Item = Item>) -> u64 {
    let (mut at, mut list, mut entries) = (0u64, 0u64, 0u64);
    for item in items {
        list += item.listed(0, at).len() as u64;
        at += item.head(0).len() as u64 + item.packed() + item.tail(0).len() as u64;
        entries += 1;
    }
    at + list + end(entries, at, list).len() as u64
}

impl Blocks {
    /// The next bytes of a file of `size` bytes, in blocks of a fixed length.
    pub fn put(&mut self, mut bytes: &[u8], size: u64, into: &mut Vec<u8>) {
        while !bytes.is_empty() {
            if self.left == 0 {
                self.left = size.saturating_sub(self.done).min(BLOCK);
                let last = self.done + self.left >= size;
                let len = self.left as u16;
                put(into, &[&[u8::from(last)], &len.to_le_bytes(), &(!len).to_le_bytes()]);
                if self.left == 0 {
                    return;
                }
            }
            let (now, later) = bytes.split_at(bytes.len().min(self.left as usize));
            into.extend_from_slice(now);
            self.done += now.len() as u64;
            self.left -= now.len() as u64;
            bytes = later;
        }
    }
}

fn put(into: &mut Vec<u8>, parts: &[&[u8]]) {
    for part in parts {
        into.extend_from_slice(part);
    }
}

fn len(name: &str) -> [u8; 2] {
    (name.len().min(usize::from(u16::MAX)) as u16).to_le_bytes()
}

/// The time in UTC, for programs that know this field; the older one has no zone.
fn time_field(modified_s: i64) -> Vec<u8> {
    let mut field = vec![];
    if let Ok(modified_s) = i32::try_from(modified_s) {
        put(&mut field, &[b"UT", &5u16.to_le_bytes(), &[1], &modified_s.to_le_bytes()]);
    }
    field
}

/// Date and time from 1980 to 2107, in steps of two seconds; what lies outside becomes the nearest of these.
fn dos(modified_s: i64) -> (u16, u16) {
    let day = |year, month, day| Date::from_calendar_date(year, month, day).map(|date| date.midnight().assume_utc());
    let (first, behind) = (day(1980, Month::January, 1), day(2108, Month::January, 1));
    let (Ok(first), Ok(behind)) = (first, behind) else { return (0x21, 0) };
    let modified_s = modified_s.clamp(first.unix_timestamp(), behind.unix_timestamp() - 1);
    let at = OffsetDateTime::from_unix_timestamp(modified_s).unwrap_or(first);
    let date = (at.year() - 1980) as u16 * 512 + u16::from(u8::from(at.month())) * 32 + u16::from(at.day());
    (date, u16::from(at.hour()) * 2048 + u16::from(at.minute()) * 32 + u16::from(at.second()) / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(name: &str, size: u64, modified_s: i64, sum_behind: bool) -> Item {
        Item { name: name.to_owned(), size, executable: false, modified_s, sum_behind }
    }

    /// A zip of files of these names and contents.
    fn zip(files: &[(Item, Vec<u8>)]) -> Vec<u8> {
        let (mut all, mut list, mut at) = (vec![], vec![], vec![]);
        for (item, bytes) in files {
            let sum = crc32fast::hash(bytes);
            at.push(all.len() as u64);
            all.extend(item.head(sum));
            match item.sum_behind {
                true => {
                    let mut blocks = Blocks::default();
                    bytes.chunks(1_000).for_each(|part| blocks.put(part, item.size, &mut all));
                }
                false => all.extend(bytes),
            }
            all.extend(item.tail(sum));
        }
        let begin = all.len() as u64;
        for ((item, bytes), at) in files.iter().zip(at) {
            list.extend(item.listed(crc32fast::hash(bytes), at));
        }
        all.extend(&list);
        all.extend(end(files.len() as u64, begin, list.len() as u64));
        all
    }

    #[test]
    fn a_zip_has_the_length_that_was_told_and_sums_before_bytes_where_they_are_known() {
        let bytes: Vec<u8> = (0..200_000u32).map(|number| (number % 251) as u8).collect();
        let files = [
            (item("a/", 0, 1_700_000_001, false), vec![]),
            (item("a/plain ü.bin", 200_000, 1_700_000_001, false), bytes.clone()),
            (item("a/empty", 0, 0, false), vec![]),
            (item("a/blocks", 200_000, i64::MAX, true), bytes),
        ];
        let made = zip(&files);
        assert_eq!(made.len() as u64, length(files.iter().map(|(item, _)| item.clone())));
        // A program that reads a stream finds all of an entry before its bytes.
        let mut stream = std::io::Cursor::new(&made);
        for (item, bytes) in files.iter().take(3) {
            let mut read = zip::read::read_zipfile_from_stream(&mut stream).unwrap().unwrap();
            let mut found = vec![];
            std::io::Read::read_to_end(&mut read, &mut found).unwrap();
            assert_eq!((read.name().unwrap().as_ref(), &found), (item.name.as_str(), bytes));
        }
        let mut archive = zip::ZipArchive::new(std::io::Cursor::new(&made)).unwrap();
        let times: Vec<String> = (0..archive.len())
            .map(|at| archive.by_index_raw(at).unwrap().last_modified().unwrap().to_string())
            .collect();
        assert_eq!(times[1], "2023-11-14 22:13:20");
        assert_eq!((times[2].as_str(), times[3].as_str()), ("1980-01-01 00:00:00", "2107-12-31 23:59:58"));
        let mut packed = vec![];
        std::io::Read::read_to_end(&mut archive.by_index_raw(3).unwrap(), &mut packed).unwrap();
        assert_eq!(unpacked(&packed), files[3].1);
    }

    /// What is in blocks that are not compressed.
    fn unpacked(mut packed: &[u8]) -> Vec<u8> {
        let mut all = vec![];
        while let [last, one, two, _, _, rest @ ..] = packed {
            let (block, rest) = rest.split_at(usize::from(u16::from_le_bytes([*one, *two])));
            all.extend(block);
            assert_eq!(*last == 1, rest.is_empty());
            packed = rest;
        }
        all
    }

    #[test]
    fn what_is_long_stands_in_long_fields() {
        let long = item("long", 5 << 30, 0, true);
        assert_eq!(long.tail(7).len(), 24);
        assert_eq!(long.listed(7, 6 << 30).len(), 46 + 4 + 9 + 4 + 24);
        assert_eq!(item("short", 5, 0, true).tail(7).len(), 16);
        assert_eq!(end(70_000, 1, 1).len(), 56 + 20 + 22);
        assert_eq!(end(7, 1, 1).len(), 22);
    }
}
