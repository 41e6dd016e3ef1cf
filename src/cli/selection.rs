//! Which files a person means: by number, by range, or by a pattern of the path.

use std::collections::BTreeSet;

use super::Exit;
use crate::wire::manage::FileOfShare;

/// The numbers of the files that are wanted: those that any of `only` means (all, where there is none) without those that
/// any of `skip` means.
pub(super) fn choose(files: &[FileOfShare], only: &[String], skip: &[String]) -> Result<Vec<u32>, Exit> {
    let mut wanted: BTreeSet<u32> =
        if only.is_empty() { files.iter().map(|file| file.number).collect() } else { meant(files, only)? };
    for number in meant(files, skip)? {
        wanted.remove(&number);
    }
    if wanted.is_empty() {
        return Err(Exit::usage(
            "No file is left",
            "",
            "Choose one file at least, or give the transfer up: handout cancel.",
        ));
    }
    Ok(wanted.into_iter().collect())
}

fn meant(files: &[FileOfShare], texts: &[String]) -> Result<BTreeSet<u32>, Exit> {
    let mut all = BTreeSet::new();
    for text in texts.iter().flat_map(|text| text.split(',')).map(str::trim) {
        let before = all.len();
        match range(text) {
            Some((first, last)) => {
                all.extend(files.iter().map(|file| file.number).filter(|number| (first..=last).contains(number)));
            }
            None => all.extend(files.iter().filter(|file| matches(text, &file.path)).map(|file| file.number)),
        }
        if all.len() == before && !files.iter().any(|file| all.contains(&file.number) && is_meant(text, file)) {
            return Err(Exit::usage("No file is meant by this", text, "`handout files ID` lists numbers and paths."));
        }
    }
    Ok(all)
}

fn is_meant(text: &str, file: &FileOfShare) -> bool {
    range(text).map_or_else(|| matches(text, &file.path), |(first, last)| (first..=last).contains(&file.number))
}

/// `3` or `5-9`.
fn range(text: &str) -> Option<(u32, u32)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    Some((first.parse().ok()?, last.parse().ok()?))
}

/// `*` stands for any letters, `?` for one; without regard to case. A pattern without `/` is matched against the name of the
/// file and of each folder above it, others against the whole path.
fn matches(pattern: &str, path: &str) -> bool {
    let (pattern, path) = (pattern.to_lowercase(), path.to_lowercase());
    let pattern = wildmatch::WildMatch::new(&pattern);
    pattern.matches(&path) || path.split('/').any(|name| pattern.matches(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_chosen_by_number_range_and_pattern() {
        check(&["2"], &[], &[2]);
        check(&["1-2,4"], &[], &[1, 2, 4]);
        check(&["*.PDF"], &[], &[1, 3]);
        check(&["photos"], &[], &[2, 3]);
        check(&[], &["photos"], &[1, 4]);
        check(&["photos"], &["*.pdf"], &[2]);
        check(&["course/photos/*"], &["3"], &[2]);
        check(&["1", "1"], &[], &[1]);
    }

    #[test]
    fn what_means_no_file_or_leaves_none_is_refused() {
        for (only, skip) in [(&["9"][..], &[][..]), (&["*.mp4"], &[]), (&[], &["*"]), (&["0"], &[]), (&[""], &[])] {
            let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
            assert!(choose(&files(), &texts(only), &texts(skip)).is_err(), "{only:?} {skip:?}");
        }
    }

    fn check(only: &[&str], skip: &[&str], expected: &[u32]) {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let Ok(chosen) = choose(&files(), &texts(only), &texts(skip)) else { panic!("{only:?} {skip:?}") };
        assert_eq!(chosen, expected, "{only:?} {skip:?}");
    }

    fn files() -> Vec<FileOfShare> {
        let paths = ["course/plan.pdf", "course/photos/a.jpg", "course/photos/b.pdf", "course/notes.txt"];
        let file = |(number, path): (u32, &str)| FileOfShare {
            number,
            path: path.to_owned(),
            size: 1,
            done_bytes: 0,
            wanted: true,
        };
        (1..).zip(paths).map(file).collect()
    }
}
