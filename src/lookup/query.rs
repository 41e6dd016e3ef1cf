//! The question.

use std::{fmt, time::Duration};

use crate::share::{PeerId, Root, ShareId};

/// Hops that a question has when nothing else is said.
pub const HOPS_DEFAULT: u8 = 4;
/// No question goes further than this.
pub const HOPS_MAX: u8 = 8;
/// Servers that a question may have passed.
pub const PASSED_MAX: usize = 8;

const WORDS_MAX: usize = 8;
const WORD_LETTERS_MAX: usize = 64;

/// A question, on its whole way: drawn by chance where it begins, and the same at every server. Shown in hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct QueryId(pub [u8; 16]);

/// A question at this server, by whoever waits for its answer; each number is used once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// Who asks, which decides how much at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Asker {
    /// Somebody whom this server knows by a number of its own.
    Person(u64),
    /// A server below, whose key was proved.
    Server(PeerId),
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ask {
    /// Any share that has the file with this content.
    Hash(Root),
    /// This very share.
    Share(ShareId),
    /// Shares whose title or files' names have all the words, or words that begin so.
    Words(Words),
}

/// Words to search for: lower case, sorted, each once; the same search is the same value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Words(Vec<String>);

/// How far a question goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// No further than the server that is asked.
    LocalOnly,
    /// To the servers above, too.
    Parents,
}

/// A question as it travels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    pub id: QueryId,
    pub ask: Ask,
    /// To so many more levels of servers; 0 means that the one who is asked asks nobody.
    pub hops_left: u8,
    /// The servers that asked on the way, the first first.
    pub passed: Vec<PeerId>,
    /// Time that is left for the answer to arrive. Times of day are never compared between computers.
    pub budget: Duration,
    pub mode: Mode,
    /// "Not found" from memory is not good enough: somebody pressed "try again". Only people's own questions have it.
    pub fresh: bool,
}

impl Words {
    /// At most 8 words; `None` where there is no letter or digit. A word ends at anything else.
    pub fn parse(text: &str) -> Option<Words> {
        let lower = text.to_lowercase();
        let words = lower.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty());
        let mut words: Vec<String> =
            words.take(WORDS_MAX).map(|word| word.chars().take(WORD_LETTERS_MAX).collect()).collect();
        words.sort();
        words.dedup();
        (!words.is_empty()).then_some(Words(words))
    }

    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether each of them begins a word of a title.
    pub fn fit(&self, title: &str) -> bool {
        let title = title.to_lowercase();
        let in_title = || title.split(|letter: char| !letter.is_alphanumeric());
        self.iter().all(|word| in_title().any(|other| other.starts_with(word)))
    }
}

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

impl Ask {
    /// Whether one find is the whole answer.
    pub fn is_for_one(&self) -> bool {
        !matches!(self, Ask::Words(_))
    }
}

impl fmt::Display for QueryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&data_encoding::HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for QueryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "QueryId({self})")
    }
}
