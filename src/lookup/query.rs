//! The question.

use std::{fmt, time::Duration};

use crate::share::{
    PeerId, Root, ShareId,
    words::{answers, words_of},
};

/// Hops that a question has when nothing else is said.
pub const HOPS_DEFAULT: u8 = 4;
/// No question goes further than this.
pub const HOPS_MAX: u8 = 8;
/// Servers that a question may have passed.
pub const PASSED_MAX: usize = 8;

const WORDS_MAX: usize = 8;
/// All of them together go into one question.
const WORD_BYTES_MAX: usize = 120;

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

/// Words to search for: folded, sorted, each once; the same search is the same value.
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
        let words = words_of(text).into_iter().take(WORDS_MAX);
        let cut = |mut word: String| {
            word.truncate(word.floor_char_boundary(WORD_BYTES_MAX));
            word
        };
        let mut words: Vec<String> = words.map(cut).collect();
        words.sort();
        words.dedup();
        (!words.is_empty()).then_some(Words(words))
    }

    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether a title has each of them.
    pub fn fit(&self, title: &str) -> bool {
        let in_title = words_of(title);
        self.iter().all(|word| in_title.iter().any(|other| answers(other, word)))
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
