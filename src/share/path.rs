//! The path of a file inside a share: what may cross the network, and how it is written on this system.

use std::fmt;

/// A checked path inside a share: 1 to 32 components, each 1 to 255 bytes of UTF-8 in NFC, at most 1,024 bytes in all
/// (separators included); no `.`, `..`, `/`, `\`, NUL, control characters or bidirectional overrides.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SharePath(Vec<String>);

/// Why a path can't be shared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    #[error("{name:?} has a component that is empty, \".\" or \"..\"")]
    Dots { name: String },
    #[error("{name:?} has a character that names may not have ({found})")]
    Character { name: String, found: String },
    #[error("{name:?} is longer than {limit}")]
    TooLong { name: String, limit: &'static str },
    #[error("{name:?} is not in Unicode's composed form (NFC)")]
    NotComposed { name: String },
    #[error("{name:?} is in the list twice, or both a file and a folder")]
    Twice { name: String },
}

impl SharePath {
    /// Checks components that came from outside (NFC is demanded, not made).
    pub fn new(components: Vec<String>) -> Result<SharePath, PathError> {
        let _ = components;
        todo!()
    }

    /// Makes a path from names on this disk: composes them (NFC), then checks.
    pub fn from_disk(components: Vec<String>) -> Result<SharePath, PathError> {
        let _ = components;
        todo!()
    }

    pub fn components(&self) -> &[String] {
        &self.0
    }

    /// The file's or folder's own name: the last component.
    pub fn name(&self) -> &str {
        self.0.last().map_or("", String::as_str)
    }
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
    /// No `<>:"|?*\`, no trailing dot or space, no device names.
    Windows,
}

impl NameRules {
    /// The rules of the system that this program runs on.
    pub const HERE: NameRules = if cfg!(windows) { NameRules::Windows } else { NameRules::Unix };
}

/// How a component is written on a disk with `rules`: the same, or with what is forbidden there as `%XX`, reversibly
/// (a `%` that would be read as such a code is written as `%25`, where something is encoded at all).
pub fn name_on_disk(component: &str, rules: NameRules) -> String {
    let _ = (component, rules);
    todo!()
}
