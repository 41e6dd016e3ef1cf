//! Names for files on this disk: numbered when one is taken, marked while unfinished, told apart where case does not count.

use std::collections::{BTreeMap, BTreeSet};

use crate::share::{EntryKind, Manifest, NameRules, name_on_disk};

/// Common file systems take names of at most 255 bytes or UTF-16 units; bytes are the stricter count.
const NAME_BYTES_MAX: usize = 255;
/// After so many names that are taken, something else is wrong.
pub(super) const TRIES_MAX: u32 = 10_000;

/// `a.pdf`, `a (2).pdf`, `a (3).pdf` …; a folder's name is not taken apart at its dot.
pub(super) fn numbered(name: &str, number: u32, folder: bool) -> String {
    if number <= 1 {
        return name.to_owned();
    }
    let dot = if folder { None } else { name.rfind('.').filter(|at| *at > 0 && name.len() - at <= 16) };
    let (stem, extension) = name.split_at(dot.unwrap_or(name.len()));
    let tail = format!(" ({number}){extension}");
    format!("{}{tail}", cut(stem, NAME_BYTES_MAX - tail.len()))
}

/// What `name` is called while it is being filled: `a.pdf.part`, `a.pdf (2).part` …
pub(super) fn unfinished(name: &str, number: u32) -> String {
    let tail = if number <= 1 { ".part".to_owned() } else { format!(" ({number}).part") };
    format!("{}{tail}", cut(name, NAME_BYTES_MAX - tail.len()))
}

/// At most `max` bytes of a text, in whole characters.
pub(super) fn cut(text: &str, max: usize) -> &str {
    &text[..text.floor_char_boundary(max)]
}

/// Which entry lies in which, and what each is called on a disk.
#[derive(Debug)]
pub(super) struct NameTable {
    /// The folder that an entry lies in, by index; `NONE` at the top.
    parents: Vec<u32>,
    /// Which of the share's top entries (counted from 0) an entry belongs to.
    tops: Vec<u32>,
    /// Names that differ from the manifest's.
    renamed: BTreeMap<u32, String>,
}

const NONE: u32 = u32::MAX;

impl NameTable {
    /// `case_counts`: whether the disk tells `A` from `a`.
    pub fn new(manifest: &Manifest, rules: NameRules, case_counts: bool) -> NameTable {
        let mut table = NameTable { parents: vec![], tops: vec![], renamed: BTreeMap::new() };
        // Entries are sorted and folders stand before their content, so the open folders are a stack.
        let mut open: Vec<u32> = vec![];
        let mut top = 0;
        for (index, entry) in (0u32..).zip(&manifest.entries) {
            let depth = entry.path.components().len();
            open.truncate(depth - 1);
            if depth == 1 && index > 0 {
                top += 1;
            }
            table.parents.push(open.last().copied().unwrap_or(NONE));
            table.tops.push(top);
            if entry.kind == EntryKind::Folder {
                open.push(index);
            }
            let name = name_on_disk(entry.path.name(), rules);
            if name != entry.path.name() {
                table.renamed.insert(index, name.into_owned());
            }
        }
        if !case_counts {
            table.tell_apart(manifest);
        }
        table
    }

    /// Whether two names in one folder differ in case only.
    pub fn has_clashes(manifest: &Manifest) -> bool {
        let mut seen = BTreeSet::new();
        let mut folder: &[String] = &[];
        // Names of one folder that differ in case need not be neighbours, but a folder's whole path begins them all.
        for entry in &manifest.entries {
            if entry.path.folder() != folder {
                folder = entry.path.folder();
            }
            if !seen.insert((folder, entry.path.name().to_lowercase())) {
                return true;
            }
        }
        false
    }

    /// Numbers names that differ from an earlier one of the same folder in case only.
    fn tell_apart(&mut self, manifest: &Manifest) {
        // By folder and name without case, the number given last: a stranger's list of a million such names costs no more
        // than a look at each.
        let mut taken: BTreeMap<(u32, String), u32> = BTreeMap::new();
        for (index, entry) in (0u32..).zip(&manifest.entries) {
            let parent = self.parents[index as usize];
            let name = self.name(manifest, index as usize).to_owned();
            let key = (parent, name.to_lowercase());
            let Some(last) = taken.get(&key).copied() else {
                taken.insert(key, 1);
                continue;
            };
            let folder = entry.kind == EntryKind::Folder;
            let numbers = last + 1..=last.saturating_add(TRIES_MAX);
            let mut names = numbers.map(|number| (number, numbered(&name, number, folder)));
            let free = names.find(|(_, name)| !taken.contains_key(&(parent, name.to_lowercase())));
            if let Some((number, free)) = free {
                taken.insert((parent, free.to_lowercase()), 1);
                taken.insert(key, number);
                self.renamed.insert(index, free);
            }
        }
    }

    /// An entry's own name on disk.
    pub fn name<'a>(&'a self, manifest: &'a Manifest, entry: usize) -> &'a str {
        self.renamed.get(&(entry as u32)).map_or_else(|| manifest.entries[entry].path.name(), String::as_str)
    }

    /// The folder that an entry lies in; `None` at the top.
    pub fn parent(&self, entry: usize) -> Option<usize> {
        self.parents.get(entry).copied().filter(|parent| *parent != NONE).map(|parent| parent as usize)
    }

    /// Which of the top entries (counted from 0) an entry belongs to.
    pub fn top(&self, entry: usize) -> usize {
        self.tops[entry] as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::share::testing::share_of;

    #[test]
    fn a_number_goes_before_a_files_extension() {
        for (name, folder, expected) in [
            ("a.pdf", false, "a (2).pdf"),
            ("a", false, "a (2)"),
            (".bashrc", false, ".bashrc (2)"),
            ("v1.2", true, "v1.2 (2)"),
            ("v1.2 of the whole year", false, "v1.2 of the whole year (2)"),
        ] {
            assert_eq!(numbered(name, 2, folder), expected);
        }
        assert_eq!(numbered("a.pdf", 1, false), "a.pdf");
    }

    #[test]
    fn long_names_stay_within_what_a_disk_takes() {
        let long = format!("{}.txt", "日".repeat(83));
        assert_eq!(long.len(), 253);
        assert!(numbered(&long, 2, false).len() <= 255 && numbered(&long, 2, false).ends_with(" (2).txt"));
        assert!(unfinished(&long, 1).len() <= 255 && unfinished(&long, 1).ends_with(".part"));
    }

    #[test]
    fn names_that_differ_in_case_only_are_told_apart_where_case_does_not_count() {
        let (share, _) = share_of(&[("A.txt", 1), ("a (2).txt", 1), ("a.txt", 1), ("b", 1)]);
        let manifest = share.manifest();
        assert!(NameTable::has_clashes(manifest));
        let names = |case_counts| {
            let table = NameTable::new(manifest, NameRules::Unix, case_counts);
            (0..4).map(|entry| table.name(manifest, entry).to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(names(true), ["A.txt", "a (2).txt", "a.txt", "b"]);
        assert_eq!(names(false), ["A.txt", "a (2).txt", "a (3).txt", "b"]);
    }
}
