//! What the command line says to a Handout that is running on the same computer, and what it hears.
//!
//! Lines of JSON over a local socket: one [`Envelope`] from the one who asks, then [`Answer`]s until the other side
//! closes. The rows are also what `--json` prints, so their field names are stable: fields may be added, never taken away.
//! Sizes are in bytes, speeds in bytes a second, times in RFC 3339. Deliberately not here: how rows are made from the
//! engine's snapshot (`control::rows`) and how they are shown (`cli::print`).

use serde::{Deserialize, Serialize};

use super::{
    manage::{Detail, FileOfShare, Given, Manage, Reason, Traffic},
    managed::{Managed, ServerWish},
};

/// What both sides must speak; it grows when a request means something else than before.
pub const VERSION: u32 = 1;
/// How long the line of a request may be, in bytes.
pub const MAX_REQUEST_BYTES: usize = 4 << 20;
/// How long the line of an answer may be, in bytes.
pub const MAX_ANSWER_BYTES: usize = 64 << 20;
/// How many addresses may be given with one request.
pub const MAX_PEERS: usize = 64;

/// A request with what goes for every kind of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    pub version: u32,
    /// `HOST:PORT` of computers to ask although nobody announced them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub peers: Vec<String>,
    pub request: Request,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Request {
    Share {
        /// Absolute.
        paths: Vec<String>,
        title: Option<String>,
        /// `everyone`, `link`, or computers by id, beginning of an id, or name; empty means everyone.
        recipients: Vec<String>,
        /// Share the rest when files can't be read.
        leave_out: bool,
        /// `foreground` or `background`; the first where it is not said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        class: Option<String>,
    },
    Get {
        /// A link or the id of a share.
        link: String,
        /// Absolute.
        into: Option<String>,
        /// How long to look for somebody who has it.
        timeout_s: u64,
        /// Answer when the list of its files is known, and let nothing come before it is asked for again or resumed.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        hold: bool,
    },
    Shares {
        watch: bool,
    },
    Peers {
        watch: bool,
    },
    Transfers {
        watch: bool,
    },
    Status {
        watch: bool,
    },
    Search {
        words: Vec<String>,
    },
    /// `share` in these: an id, the beginning of one, a link, or a title that only one share has.
    Pause {
        share: String,
    },
    Resume {
        share: String,
    },
    Cancel {
        share: String,
    },
    Unshare {
        share: String,
    },
    Verify {
        share: String,
    },
    Manage {
        wish: Manage,
    },
    Server {
        wish: ServerWish,
    },
    /// Show the window, as if these had been dropped on it. Absolute.
    Open {
        paths: Vec<String>,
    },
}

/// One line of an answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Answer {
    /// Files are being read before they can be shared.
    Reading {
        done_bytes: u64,
        /// 0 while still counting.
        size: u64,
        files: u32,
    },
    Shared(Shared),
    Shares {
        shares: Vec<Share>,
        /// Servers that were asked and did not say, and why.
        #[serde(default)]
        silent: Vec<String>,
    },
    Peers {
        peers: Vec<Peer>,
    },
    Transfers {
        transfers: Vec<Transfer>,
    },
    Status(Status),
    /// How far what was asked for is.
    Progress(Box<Transfer>),
    Fetched(Fetched),
    /// Its files are known; it waits for a choice among them.
    Held(Box<Held>),
    Verified(Verified),
    /// A share was paused, resumed, given up or taken back.
    Changed(Changed),
    /// The window shows what was handed to it.
    Opened,
    /// There is an engine, and no window to show anything in.
    NoWindow {
        pid: u32,
    },
    /// What holds for all transfers together.
    Traffic(Traffic),
    Files {
        files: Vec<FileOfShare>,
    },
    Given {
        given: Vec<Given>,
    },
    Detail(Box<Detail>),
    /// The server that manages this computer.
    Managed(Box<Managed>),
    Failure(Failure),
}

/// A share that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shared {
    pub id: String,
    pub link: String,
    pub title: String,
    pub size: u64,
    pub files: u32,
    /// What could not be read and is not in it.
    pub left_out: Vec<LeftOut>,
}

/// A file that is not in a share, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    pub path: String,
    pub reason: String,
}

/// A share that is known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Share {
    pub id: String,
    pub title: String,
    /// `file`, `folder` or `several`.
    pub kind: String,
    pub size: u64,
    pub files: u32,
    /// The id of who made it; `None` as long as it is not proved.
    pub publisher: Option<String>,
    pub publisher_name: Option<String>,
    pub mine: bool,
    /// Other computers that have all of it.
    pub seeds: u32,
    /// Other computers that are downloading it.
    pub leeches: u32,
    /// `available` (others have it), `on_its_way` or `here`.
    pub state: String,
    pub created: String,
    pub link: String,
    /// For a share of mine: `everyone`, `link`, or ids.
    pub recipients: Option<Vec<String>>,
    /// For a share of mine that the server shall keep: `waiting`, `fetching`, `kept` or `refused`.
    #[serde(default)]
    pub kept_by_server: Option<String>,
    /// Where it is, in words: `this computer`, `3 computers`, a server's name, or the way to it.
    #[serde(default)]
    pub at: String,
    /// The servers on the way to it, where it comes from a server above; `you` first.
    #[serde(default)]
    pub route: Vec<String>,
    /// The file in it that has the words that were searched for.
    #[serde(default)]
    pub file: Option<String>,
    /// Where it is on this computer.
    pub places: Vec<String>,
    pub trouble: Option<Trouble>,
}

/// Another computer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Peer {
    pub id: String,
    pub name: String,
    pub addresses: Vec<String>,
    /// `peer` or `server`.
    pub role: String,
    /// How it was found: `mdns`, `typed`, `link`, `inbound` or `peer`.
    pub via: String,
    pub last_seen: String,
    /// How many of its shares we may see.
    pub shares: u32,
    /// By how many seconds the clock here is ahead of the clock there, in whole minutes; absent where it did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_ahead_s: Option<i64>,
    pub trouble: Option<Trouble>,
}

/// A share on its way here, or here and given on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Transfer {
    /// The share's id.
    pub share: String,
    pub title: String,
    /// `looking`, `fetching`, `paused`, `queued`, `scheduled`, `waiting`, `finishing`, `verifying`, `seeding`, `done` or
    /// `failed`.
    pub state: String,
    pub done_bytes: u64,
    /// Of the files that are wanted.
    pub size: u64,
    /// What of it needed no fetching, because other shares on the disk have it: whole files, and bytes.
    #[serde(default)]
    pub reused_files: u32,
    #[serde(default)]
    pub reused_bytes: u64,
    /// Of all files.
    pub full_size: u64,
    pub files: u32,
    pub files_wanted: u32,
    /// Its place in the queue, from 1; null when it is complete or paused.
    pub queue: Option<u32>,
    /// `high`, `normal` or `low`.
    pub priority: String,
    /// `rarest` or `in-order`.
    pub order: String,
    /// `foreground` or `background`.
    pub class: String,
    /// Its own limits; null: none.
    pub limit_down: Option<u64>,
    pub limit_up: Option<u64>,
    /// `forever`, `ratio:…`, `time:…`, `copies:…`; null: as for all.
    pub seed_until: Option<String>,
    /// Why it is as fast as it is.
    pub reason: Reason,
    /// How fast it comes here.
    pub rate: u64,
    pub rate_up: u64,
    /// Given to others since the program was started.
    pub given_bytes: u64,
    /// Given to others over all times that the program ran.
    pub given_in_all: u64,
    /// Seconds.
    pub eta: Option<u64>,
    /// Computers that it comes from right now.
    pub sources: u32,
    pub seeds: u32,
    pub leeches: u32,
    pub mine: bool,
    /// The folder it goes into.
    pub into: String,
    /// Where the finished files are.
    pub places: Vec<String>,
    pub trouble: Option<Trouble>,
}

/// This computer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    pub id: String,
    pub name: String,
    /// `ADDR:PORT` at which others are answered, the first of `addresses`; null while no engine runs.
    pub listen: Option<String>,
    pub addresses: Vec<String>,
    pub port: Option<u16>,
    pub version: String,
    pub home: String,
    pub downloads: String,
    pub discovery: bool,
    /// Whether an engine stays after this answer.
    pub running: bool,
    /// Whether that engine has a window.
    pub window: bool,
    /// The process of that engine.
    pub pid: Option<u32>,
    pub peers: usize,
    pub shares: usize,
    pub transfers: usize,
    /// Bytes a second, all transfers together.
    pub rate: u64,
    pub rate_up: u64,
    pub troubles: Vec<Trouble>,
    /// The server that manages this computer; null where none does.
    #[serde(default)]
    pub managed: Option<Box<Managed>>,
}

/// A share that was brought here: complete, checked, under its final name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fetched {
    pub id: String,
    pub title: String,
    pub size: u64,
    pub places: Vec<String>,
    /// What needed no fetching, because other shares on the disk have it: whole files, and bytes.
    #[serde(default)]
    pub reused_files: u32,
    #[serde(default)]
    pub reused_bytes: u64,
}

/// A share whose files can be chosen before any of them comes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Held {
    pub transfer: Transfer,
    pub files: Vec<FileOfShare>,
}

/// A share whose files were read again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verified {
    pub id: String,
    pub title: String,
    /// Pieces that were wrong.
    pub wrong: u32,
    pub pieces: u32,
}

/// A share that was paused, resumed, given up or taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    pub id: String,
    pub title: String,
    /// `paused`, `resumed`, `cancelled` or `unshared`.
    pub change: String,
}

/// What went wrong with something that is shown, as the engine says it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trouble {
    /// `disk`, `source`, `bad_peer`, `nobody`, `refused`, `wrong_content` or `local`.
    pub kind: String,
    pub what: String,
    pub about: String,
    pub hint: String,
    pub since: String,
}

/// Why a request was not fulfilled: what happened, to what, and what to do now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    pub kind: FailureKind,
    pub what: String,
    pub about: String,
    pub hint: String,
}

/// What kinds of failure a script can tell apart; each has an exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    Failed,
    /// The request itself makes no sense.
    Usage,
    NotFound,
    Refused,
    WrongContent,
}

impl Envelope {
    pub fn new(request: Request) -> Envelope {
        Envelope { version: VERSION, peers: Vec::new(), request }
    }
}

impl Request {
    /// Whether somebody waits for something to be done, and does not only look.
    pub fn is_work(&self) -> bool {
        match self {
            Request::Shares { .. }
            | Request::Peers { .. }
            | Request::Transfers { .. }
            | Request::Status { .. }
            | Request::Search { .. } => false,
            Request::Share { .. }
            | Request::Get { .. }
            | Request::Pause { .. }
            | Request::Resume { .. }
            | Request::Cancel { .. }
            | Request::Unshare { .. }
            | Request::Verify { .. }
            | Request::Manage { .. }
            | Request::Server { .. }
            | Request::Open { .. } => true,
        }
    }
}

impl Answer {
    /// Whether nothing follows this answer, unless somebody watches.
    pub fn is_last(&self) -> bool {
        !matches!(self, Answer::Reading { .. } | Answer::Progress(_))
    }
}

impl Failure {
    pub fn new(
        kind: FailureKind,
        what: impl Into<String>,
        about: impl Into<String>,
        hint: impl Into<String>,
    ) -> Failure {
        Failure { kind, what: what.into(), about: about.into(), hint: hint.into() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_one_line_that_reads_back() {
        let mut envelope = Envelope::new(Request::Get { link: "a\nb".into(), into: None, timeout_s: 15, hold: false });
        envelope.peers.push("pc-7:4455".into());

        let line = serde_json::to_string(&envelope).unwrap();

        assert!(!line.contains('\n'));
        assert_eq!(serde_json::from_str::<Envelope>(&line).unwrap(), envelope);
    }

    #[test]
    fn only_progress_is_followed_by_more() {
        let failure = Failure::new(FailureKind::NotFound, "Nobody has it", "x", "");

        assert!(!Answer::Reading { done_bytes: 1, size: 2, files: 1 }.is_last());
        assert!(Answer::Failure(failure).is_last());
        assert!(Answer::Opened.is_last());
    }
}
