//! JSON between servers that ask each other: a question that climbs, its answer, and the wish to have a share in hand.
//!
//! Everything is read with a limit and checked before it is used: ids and hashes by their types, lists and texts by
//! [`Question::parse`], [`Reply::parse`] and [`Bring::parse`]. Unknown fields are ignored, so that later versions can add
//! some.

use std::{fmt, str::FromStr};

use data_encoding::{BASE64, HEXLOWER};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::peer::{NAME_BYTES_MAX, presentable};
use crate::share::{PeerId, ShareId, SignedManifest};

/// A question, or a wish, has at most this many bytes.
pub const QUESTION_BYTES_MAX: usize = 16 << 10;
/// An answer has at most this many bytes.
pub const REPLY_BYTES_MAX: usize = 1 << 20;
/// A manifest goes with an answer up to this many bytes; who wants a larger one fetches it.
pub const MANIFEST_INLINE_MAX: usize = 48 << 10;
/// So many finds of an answer have their manifests with them.
pub const MANIFESTS_INLINE: usize = 8;

const PASSED_MAX: usize = 8;
const HOPS_MAX: u8 = 8;
const ROUTE_MAX: usize = 9;
const FINDS_MAX: usize = 50;
const SERVERS_MAX: usize = 64;
const WORDS_BYTES_MAX: usize = 1_024;
const TTL_MS_MAX: u32 = 60_000;
const BUDGET_MS_MAX: u32 = 60_000;

/// Why bytes are not a message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    #[error("it has more than {limit} bytes")]
    TooLarge { limit: usize },
    #[error("it is not in the form that it should have: {0}")]
    Form(String),
    #[error("{0} is longer than allowed")]
    TooLong(&'static str),
    #[error("a manifest is not that of its share")]
    Manifest,
}

/// `POST /v1/lookup`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// 128 bits by chance, in hexadecimal; the same at every server that is asked.
    pub id: Text<Hex<16>>,
    pub ask: AskFor,
    /// To so many more levels of servers.
    pub hops_left: u8,
    /// The servers that asked on the way, the first first; the one that sends this is the last.
    pub passed: Vec<Text<PeerId>>,
    /// Milliseconds that are left for the answer to arrive.
    pub budget_ms: u32,
    pub mode: Mode,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AskFor {
    /// A file's BLAKE3, in hexadecimal.
    Hash(Text<Hex<32>>),
    Share(Text<ShareId>),
    Words(String),
}

/// How far a question goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    LocalOnly,
    Parents,
}

/// The answer to a [`Question`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reply {
    Found {
        finds: Vec<Find>,
        #[serde(default)]
        missing: Vec<Missing>,
    },
    NotFound {
        scope: Vec<Text<PeerId>>,
        ttl_ms: u32,
    },
    Unknown(Missing),
}

/// A server that did not say, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    pub at: Text<PeerId>,
    pub reason: Reason,
}

/// Why something is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    Loop,
    HopLimit,
    Timeout,
    Overloaded,
    Unreachable,
    Denied,
    Corrupt,
    /// One that a later version knows.
    #[serde(other)]
    Other,
}

/// A share that somebody on the way has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Find {
    pub share: Text<ShareId>,
    pub title: String,
    /// Bytes.
    pub size: u64,
    pub files: u32,
    /// `file`, `folder` or `several`.
    pub kind: String,
    pub publisher: Text<PeerId>,
    /// Seconds since 1970.
    pub created_s: i64,
    pub audience: Audience,
    /// Signature and manifest, in base64 (RFC 4648 §4).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<String>,
    /// The way to it: the one who answers first, the one who has it last.
    pub route: Vec<Step>,
}

/// Whom a share that is told of is for; one for chosen people is told to nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    Everyone,
    Link,
}

/// A server on the way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    pub server: Text<PeerId>,
    pub name: String,
}

/// `POST /v1/bring`: have this share in hand, so that its pieces can be fetched from you.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bring {
    pub share: Text<ShareId>,
    /// As in a [`Question`].
    pub passed: Vec<Text<PeerId>>,
    pub budget_ms: u32,
}

/// The answer to a [`Bring`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Brought {
    /// Its manifest and pieces can be asked for, as far as they are here.
    Ready,
    Refused(Missing),
}

/// A value that is written as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Text<T>(pub T);

/// Bytes in lower-case hexadecimal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hex<const N: usize>(pub [u8; N]);

impl Question {
    pub fn parse(bytes: &[u8]) -> Result<Question, Malformed> {
        let question: Question = parse(bytes, QUESTION_BYTES_MAX)?;
        at_most(question.passed.len(), PASSED_MAX, "the list of servers passed")?;
        at_most(usize::from(question.hops_left), usize::from(HOPS_MAX), "the number of hops")?;
        at_most(question.budget_ms as usize, BUDGET_MS_MAX as usize, "the time")?;
        if let AskFor::Words(words) = &question.ask {
            at_most(words.len(), WORDS_BYTES_MAX, "the search")?;
        }
        Ok(question)
    }
}

impl Reply {
    pub fn parse(bytes: &[u8]) -> Result<Reply, Malformed> {
        let reply: Reply = parse(bytes, REPLY_BYTES_MAX)?;
        match &reply {
            Reply::Found { finds, missing } => {
                at_most(finds.len(), FINDS_MAX, "the list of finds")?;
                at_most(missing.len(), SERVERS_MAX, "the list of servers")?;
                finds.iter().try_for_each(|find| at_most(find.route.len(), ROUTE_MAX, "a route"))?;
            }
            Reply::NotFound { scope, ttl_ms } => {
                at_most(scope.len(), SERVERS_MAX, "the list of servers")?;
                at_most(*ttl_ms as usize, TTL_MS_MAX as usize, "the time")?;
            }
            Reply::Unknown(_) => {}
        }
        Ok(reply)
    }
}

impl Bring {
    pub fn parse(bytes: &[u8]) -> Result<Bring, Malformed> {
        let bring: Bring = parse(bytes, QUESTION_BYTES_MAX)?;
        at_most(bring.passed.len(), PASSED_MAX, "the list of servers passed")?;
        at_most(bring.budget_ms as usize, BUDGET_MS_MAX as usize, "the time")?;
        Ok(bring)
    }
}

impl Brought {
    pub fn parse(bytes: &[u8]) -> Result<Brought, Malformed> {
        parse(bytes, QUESTION_BYTES_MAX)
    }
}

impl Find {
    /// The manifest that came with it, if one did and is that of the share.
    pub fn signed(&self) -> Result<Option<SignedManifest>, Malformed> {
        let Some(text) = &self.manifest else { return Ok(None) };
        let wire = BASE64.decode(text.as_bytes()).map_err(|_| Malformed::Manifest)?;
        at_most(wire.len(), MANIFEST_INLINE_MAX + 64, "a manifest")?;
        SignedManifest::parse_expected(&wire, self.share.0).map(Some).map_err(|_| Malformed::Manifest)
    }

    /// A manifest as it goes with a find; `None` for one that is too large for that.
    pub fn inline(signed: &SignedManifest) -> Option<String> {
        let wire = signed.to_wire();
        (wire.len() <= MANIFEST_INLINE_MAX).then(|| BASE64.encode(wire))
    }

    /// Its title as it may be shown.
    pub fn shown_title(&self) -> String {
        presentable(&self.title).unwrap_or_else(|| self.share.0.short())
    }
}

impl Step {
    /// The server's name as it may be shown.
    pub fn shown_name(&self) -> String {
        presentable(&self.name).unwrap_or_else(|| self.server.0.short())
    }
}

/// A message's bytes. Those made here have no part that could fail to be written.
pub fn to_bytes(message: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(message).unwrap_or_default()
}

fn parse<'a, T: Deserialize<'a>>(bytes: &'a [u8], limit: usize) -> Result<T, Malformed> {
    if bytes.len() > limit {
        return Err(Malformed::TooLarge { limit });
    }
    serde_json::from_slice(bytes).map_err(|error| {
        let said = error.to_string();
        Malformed::Form(said.chars().take(NAME_BYTES_MAX).collect())
    })
}

fn at_most(length: usize, limit: usize, what: &'static str) -> Result<(), Malformed> {
    if length > limit { Err(Malformed::TooLong(what)) } else { Ok(()) }
}

impl<T: fmt::Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de, T: FromStr<Err: fmt::Display>> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Text<T>, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map(Text).map_err(de::Error::custom)
    }
}

impl<const N: usize> fmt::Display for Hex<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl<const N: usize> FromStr for Hex<N> {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Hex<N>, &'static str> {
        let bytes = HEXLOWER.decode(text.as_bytes()).map_err(|_| "not in lower-case hexadecimal")?;
        bytes.try_into().map(Hex).map_err(|_| "hexadecimal of another length")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The test vectors of docs/PROTOCOL.md.
    const QUESTION: &str = r#"{"id":"000102030405060708090a0b0c0d0e0f","ask":{"words":"cell biology"},"hops_left":3,"passed":["aiaqcaibaeaqcaibaeaqcaibaeaqcaibaeaqcaibaeaqcaibaeaq"],"budget_ms":2500,"mode":"parents"}"#;
    const UNKNOWN: &str =
        r#"{"unknown":{"at":"aiaqcaibaeaqcaibaeaqcaibaeaqcaibaeaqcaibaeaqcaibaeaq","reason":"hop_limit"}}"#;

    fn server(first: u8) -> Text<PeerId> {
        let mut id = [1; 32];
        id[0] = first;
        Text(PeerId(id))
    }

    fn question() -> Question {
        Question {
            id: Text(Hex(std::array::from_fn(|at| at as u8))),
            ask: AskFor::Words("cell biology".to_owned()),
            hops_left: 3,
            passed: vec![server(2)],
            budget_ms: 2_500,
            mode: Mode::Parents,
        }
    }

    #[test]
    fn messages_are_those_of_the_protocol_document() {
        assert_eq!(String::from_utf8(to_bytes(&question())).unwrap(), QUESTION);
        assert_eq!(Question::parse(QUESTION.as_bytes()), Ok(question()));
        let unknown = Reply::Unknown(Missing { at: server(2), reason: Reason::HopLimit });
        assert_eq!(String::from_utf8(to_bytes(&unknown)).unwrap(), UNKNOWN);
        let document = include_str!("../../docs/PROTOCOL.md");
        assert!(document.contains(QUESTION) && document.contains(UNKNOWN));
    }

    #[test]
    fn what_a_later_version_adds_is_passed_over() {
        let later = QUESTION.replace("{\"id\"", "{\"flavour\":[1,2],\"id\"");
        assert_eq!(Question::parse(later.as_bytes()), Ok(question()));
        let reason = Reply::parse(UNKNOWN.replace("hop_limit", "bored").as_bytes());
        assert_eq!(reason, Ok(Reply::Unknown(Missing { at: server(2), reason: Reason::Other })));
    }

    #[test]
    fn what_is_too_long_or_not_an_id_is_refused() {
        let check = |change: &dyn Fn(&mut Question), what: &'static str| {
            let mut long = question();
            change(&mut long);
            assert_eq!(Question::parse(&to_bytes(&long)), Err(Malformed::TooLong(what)));
        };
        check(&|question| question.passed = vec![server(2); 9], "the list of servers passed");
        check(&|question| question.hops_left = 9, "the number of hops");
        check(&|question| question.budget_ms = 60_001, "the time");
        check(&|question| question.ask = AskFor::Words("x".repeat(1_025)), "the search");
        for bad in ["000102030405060708090a0b0c0d0e0", "000102030405060708090A0B0C0D0E0F", "../"] {
            let text = QUESTION.replace("000102030405060708090a0b0c0d0e0f", bad);
            assert!(matches!(Question::parse(text.as_bytes()), Err(Malformed::Form(_))), "{bad}");
        }
        let large = vec![b' '; QUESTION_BYTES_MAX + 1];
        assert_eq!(Question::parse(&large), Err(Malformed::TooLarge { limit: QUESTION_BYTES_MAX }));
        let scope = Reply::NotFound { scope: vec![server(2); 65], ttl_ms: 1 };
        assert_eq!(Reply::parse(&to_bytes(&scope)), Err(Malformed::TooLong("the list of servers")));
        let ttl = Reply::NotFound { scope: vec![], ttl_ms: 60_001 };
        assert_eq!(Reply::parse(&to_bytes(&ttl)), Err(Malformed::TooLong("the time")));
    }

    #[test]
    fn a_manifest_of_another_share_is_no_proof() {
        let find = |manifest: &str| Find {
            share: Text(ShareId([3; 32])),
            title: "a\u{202E}b".to_owned(),
            size: 1,
            files: 1,
            kind: "file".to_owned(),
            publisher: server(1),
            created_s: 0,
            audience: Audience::Everyone,
            manifest: Some(manifest.to_owned()),
            route: vec![],
        };
        assert_eq!(find("!").signed(), Err(Malformed::Manifest));
        assert_eq!(find(&BASE64.encode(&[0; 100])).signed(), Err(Malformed::Manifest));
        let large = BASE64.encode(&vec![0; MANIFEST_INLINE_MAX + 65]);
        assert_eq!(find(&large).signed(), Err(Malformed::TooLong("a manifest")));
        assert_eq!(find("").shown_title(), "ab");
    }

    fn any_peer() -> impl Strategy<Value = Text<PeerId>> {
        any::<[u8; 32]>().prop_map(|id| Text(PeerId(id)))
    }

    fn any_reason() -> impl Strategy<Value = Reason> {
        prop_oneof![
            Just(Reason::Loop),
            Just(Reason::Timeout),
            Just(Reason::Overloaded),
            Just(Reason::Unreachable),
            Just(Reason::Denied),
            Just(Reason::Corrupt)
        ]
    }

    fn any_find() -> impl Strategy<Value = Find> {
        let route =
            prop::collection::vec((any_peer(), ".{0,40}").prop_map(|(server, name)| Step { server, name }), 0..9);
        let facts = (any::<[u8; 32]>(), ".{0,60}", any::<u64>(), any::<u32>(), any::<i64>(), any::<bool>());
        (facts, any_peer(), prop::option::of("[a-zA-Z0-9+/]{0,20}"), route).prop_map(
            |(facts, publisher, manifest, route)| {
                let (share, title, size, files, created_s, everyone) = facts;
                let audience = if everyone { Audience::Everyone } else { Audience::Link };
                let (share, kind) = (Text(ShareId(share)), "folder".to_owned());
                Find { share, title, size, files, kind, publisher, created_s, audience, manifest, route }
            },
        )
    }

    fn any_reply() -> impl Strategy<Value = Reply> {
        let missing = || (any_peer(), any_reason()).prop_map(|(at, reason)| Missing { at, reason });
        prop_oneof![
            (prop::collection::vec(any_find(), 0..5), prop::collection::vec(missing(), 0..5))
                .prop_map(|(finds, missing)| Reply::Found { finds, missing }),
            (prop::collection::vec(any_peer(), 0..64), 0..60_000u32)
                .prop_map(|(scope, ttl_ms)| Reply::NotFound { scope, ttl_ms }),
            missing().prop_map(Reply::Unknown),
        ]
    }

    proptest! {
        #[test]
        fn every_answer_reads_back_as_it_was_written(reply in any_reply()) {
            prop_assert_eq!(Reply::parse(&to_bytes(&reply)), Ok(reply));
        }

        #[test]
        fn no_bytes_make_reading_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), cut in 0..400usize) {
            let _ = (Question::parse(&bytes), Reply::parse(&bytes), Bring::parse(&bytes), Brought::parse(&bytes));
            // Almost right is where mistakes hide.
            let mut text = QUESTION.as_bytes().to_vec();
            text.truncate(cut);
            text.extend(bytes.iter().take(3));
            let _ = Question::parse(&text);
        }
    }
}
