//! The path of a file inside a share: what may cross the network, and how it is written on this system.

use std::{borrow::Cow, fmt};

use unicode_normalization::{UnicodeNormalization as _, is_nfc};

/// A checked path inside a share: 1 to 32 components, each 1 to 255 bytes of UTF-8 in NFC, at most 1,024 bytes in all
/// (separators included); no `.`, `..`, `/`, `\`, NUL, control characters or bidirectional overrides.
///
/// The order is that of the components, so a folder comes directly before what is in it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SharePath(Vec<String>);

/// Why a path can't be shared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    #[error("the name {name:?} has a part that is empty, \".\" or \"..\"")]
    Dots { name: String },
    #[error("the name {name:?} has a character that names may not have ({found})")]
    Character { name: String, found: String },
    #[error("the name {name:?} is longer than {limit}")]
    TooLong { name: String, limit: &'static str },
    #[error("the name {name:?} is not in Unicode's composed form (NFC)")]
    NotComposed { name: String },
    #[error("the name {name:?} is there twice, or is both a file and a folder")]
    Twice { name: String },
    #[error("the folder of {name:?} is not in the list before it")]
    NoFolder { name: String },
}

const COMPONENT_BYTES_MAX: usize = 255;
const COMPONENTS_MAX: usize = 32;
const PATH_BYTES_MAX: usize = 1_024;
/// What a name in an error message is cut to.
const SHOWN_CHARS_MAX: usize = 120;

impl SharePath {
    /// Checks components that came from outside (NFC is demanded, not made).
    pub fn new(components: Vec<String>) -> Result<SharePath, PathError> {
        let name = || shown(&components);
        let bytes: usize = components.iter().map(|component| component.len() + 1).sum();
        if components.is_empty() {
            return Err(PathError::Dots { name: name() });
        }
        if components.len() > COMPONENTS_MAX {
            return Err(PathError::TooLong { name: name(), limit: "32 folders" });
        }
        if bytes - 1 > PATH_BYTES_MAX {
            return Err(PathError::TooLong { name: name(), limit: "1,024 bytes" });
        }
        for component in &components {
            check_component(component)?;
        }
        Ok(SharePath(components))
    }

    /// Makes a path from names on this disk: composes them (NFC), then checks.
    pub fn from_disk(components: Vec<String>) -> Result<SharePath, PathError> {
        let composed = components.into_iter().map(|name| if is_nfc(&name) { name } else { name.nfc().collect() });
        SharePath::new(composed.collect())
    }

    pub fn components(&self) -> &[String] {
        &self.0
    }

    /// The first component: a file or folder at the top of the share.
    pub fn top(&self) -> &str {
        self.0.first().map_or("", String::as_str)
    }

    /// The file's or folder's own name: the last component.
    pub fn name(&self) -> &str {
        self.0.last().map_or("", String::as_str)
    }

    /// The components of the folder it is in; empty at the top.
    pub fn folder(&self) -> &[String] {
        self.0.split_last().map_or(&[], |(_, folder)| folder)
    }
}

fn check_component(name: &str) -> Result<(), PathError> {
    if matches!(name, "" | "." | "..") {
        return Err(PathError::Dots { name: cut(name) });
    }
    if name.len() > COMPONENT_BYTES_MAX {
        return Err(PathError::TooLong { name: cut(name), limit: "255 bytes" });
    }
    if let Some(bad) = name.chars().find(|letter| forbidden(*letter)) {
        let found = format!("U+{:04X}", u32::from(bad));
        return Err(PathError::Character { name: cut(name), found });
    }
    if !is_nfc(name) {
        return Err(PathError::NotComposed { name: cut(name) });
    }
    Ok(())
}

/// Separators, control characters, and the characters that make a name look like another (Unicode TR 36, bidirectional
/// embeddings, overrides and isolates).
fn forbidden(letter: char) -> bool {
    matches!(letter, '/' | '\\' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
        || letter.is_control()
}

fn shown(components: &[String]) -> String {
    cut(&components.join("/"))
}

fn cut(name: &str) -> String {
    name.chars().take(SHOWN_CHARS_MAX).collect()
}

/// With `/` between the components.
impl fmt::Display for SharePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("/"))
    }
}

/// The systems whose rules for names differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameRules {
    /// Anything but `/` and NUL.
    Unix,
    /// No `<>:"|?*\`, no trailing dot or space, no device names
    /// (learn.microsoft.com, "Naming Files, Paths, and Namespaces").
    Windows,
}

impl NameRules {
    /// The rules of the system that this program runs on.
    pub const HERE: NameRules = if cfg!(windows) { NameRules::Windows } else { NameRules::Unix };
}

/// How a component is written on a disk with `rules`: the same, or with what is forbidden there as `%XX`. The original can
/// be told from it, because a `%` in a name that needs such a code is written as `%25`.
pub fn name_on_disk(component: &str, rules: NameRules) -> Cow<'_, str> {
    let needs_code = |at: usize, letter: char| {
        let last = at + letter.len_utf8() == component.len();
        matches!(letter, '<' | '>' | ':' | '"' | '|' | '?' | '*' | '\\') || (last && matches!(letter, '.' | ' '))
    };
    let device = is_windows_device(component);
    if rules == NameRules::Unix || !(device || component.char_indices().any(|(at, letter)| needs_code(at, letter))) {
        return Cow::Borrowed(component);
    }
    let mut name = String::with_capacity(component.len() + 8);
    for (at, letter) in component.char_indices() {
        if letter == '%' || needs_code(at, letter) || (device && at == 0) {
            name.push_str(&format!("%{:02X}", u32::from(letter)));
        } else {
            name.push(letter);
        }
    }
    Cow::Owned(name)
}

/// `CON`, `nul.txt`, `Com1.tar.gz` …: names that open a device on Windows, with any extension.
fn is_windows_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name).trim_end().to_ascii_uppercase();
    let numbered = stem.strip_prefix("COM").or_else(|| stem.strip_prefix("LPT"));
    matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$")
        || numbered.is_some_and(|number| {
            number.chars().count() == 1 && number.starts_with(|digit| matches!(digit, '1'..='9' | '¹' | '²' | '³'))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn path(components: &[&str]) -> Result<SharePath, PathError> {
        SharePath::new(components.iter().map(|name| (*name).to_owned()).collect())
    }

    #[test]
    fn names_of_all_scripts_pass() {
        let ok = path(&["Übung", "מבחן", "作业", "مشروع", "🎓 final.pdf"]).unwrap();
        assert_eq!(ok.to_string(), "Übung/מבחן/作业/مشروع/🎓 final.pdf");
    }

    #[test]
    fn names_that_could_leave_the_folder_or_deceive_are_refused() {
        for bad in ["", ".", "..", "a/b", "a\\b", "a\0b", "a\nb", "a\u{202E}fdp.exe", "a\u{2066}b", "e\u{301}"] {
            assert!(path(&["top", bad]).is_err(), "{bad:?}");
        }
        assert!(path(&[]).is_err());
        assert!(path(&[&"x".repeat(256)]).is_err());
        assert!(path(&["x"; 33]).is_err());
        assert!(
            path(&[&*"x".repeat(250), &"x".repeat(250), &"x".repeat(250), &"x".repeat(250), &"x".repeat(250)]).is_err()
        );
    }

    #[test]
    fn decomposed_names_from_this_disk_are_composed() {
        let composed = SharePath::from_disk(vec!["e\u{301}te\u{301}".to_owned()]).unwrap();
        assert_eq!(composed.name(), "été");
    }

    #[test]
    fn windows_gets_names_that_it_can_hold() {
        for (name, written) in [
            ("a:b?.txt", "a%3Ab%3F.txt"),
            ("100%?", "100%25%3F"),
            ("100%", "100%"),
            ("end.", "end%2E"),
            ("con", "%63on"),
            ("NUL.tar.gz", "%4EUL.tar.gz"),
            ("com1", "%63om1"),
            ("com10", "com10"),
            ("console", "console"),
        ] {
            assert_eq!(name_on_disk(name, NameRules::Windows), written);
            assert_eq!(name_on_disk(name, NameRules::Unix), name);
        }
    }

    proptest! {
        #[test]
        fn different_names_stay_different_on_windows(a in "[%a:.? ]{1,6}", b in "[%a:.? ]{1,6}") {
            let (on_a, on_b) = (name_on_disk(&a, NameRules::Windows), name_on_disk(&b, NameRules::Windows));
            // A name that has codes already can equal another's code; it is then told apart as a name that is taken.
            prop_assume!(!a.contains('%') && !b.contains('%'));
            prop_assert_eq!(a == b, on_a == on_b);
        }

        #[test]
        fn any_components_are_taken_or_refused_and_never_panic(components in proptest::collection::vec(any::<String>(), 0..5)) {
            if let Ok(path) = SharePath::new(components.clone()) {
                prop_assert_eq!(path.components(), &components[..]);
            }
        }
    }
}
