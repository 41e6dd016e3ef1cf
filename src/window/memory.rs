//! What only the window knows: the open screen, the selection, text being typed, what floats.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use super::{at_servers::AtServers, files::Files, given::Given, parts::toasts::Toasts, wishes::ThemeChoice};
use crate::{
    access::GroupId,
    engine::command::{Recipients, Token},
    share::{PeerId, ShareId},
};

/// The places of the rail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Screen {
    #[default]
    Room,
    Transfers,
    Mine,
    Settings,
}

/// The order of shares in the room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// As the engine has them.
    #[default]
    Newest,
    Name,
    Largest,
    Person,
}

/// Wishes whose end is awaited, at most.
const SENT_MAX: usize = 256;

/// What the window remembers between frames.
#[derive(Debug)]
pub struct Memory {
    pub screen: Screen,
    pub search: String,
    /// Only this person's shares.
    pub person: Option<PeerId>,
    pub sort: Sort,
    /// The share whose details are open.
    pub selected: Option<ShareId>,
    /// Everybody's face, or as many rows as leave room for the list.
    pub all_people: bool,
    pub dialog: Option<Dialog>,
    pub toasts: Toasts,
    /// The card of the first start, with the name as it is being typed.
    pub welcome: Option<String>,
    /// The name in the settings while it is being typed.
    pub name: Option<String>,
    pub theme: ThemeChoice,
    /// Whose answer is awaited.
    pub sent: BTreeMap<Token, Sent>,
    pub next_token: Token,
    /// A row that takes the keyboard as soon as it is drawn.
    pub focus_row: Option<ShareId>,
    /// The part that takes the keyboard in the next frame.
    pub focus_zone: Option<Zone>,
    /// Where the keyboard was led last by F6.
    pub zone: Zone,
    /// The person to whom files go that a chooser was put up for.
    pub choosing_for: Recipients,
    /// Where files hover or were let go, in points, where the platform tells.
    pub drop_at: Option<egui::Pos2>,
    /// The faces on which files can be let go, as they were drawn last; nobody: everyone.
    pub faces: Vec<(egui::Rect, Option<PeerId>)>,
    /// The files of the share whose details are open.
    pub files: Option<Files>,
    /// A file or folder whose row takes the keyboard as soon as it is drawn: a place in the tree.
    pub focus_file: Option<usize>,
    /// The details are scrolled to the files in the next frame.
    pub to_files: bool,
    /// Under Mine: the people who got something, in place of what is shared.
    pub mine_people: bool,
    pub given: Given,
    /// A line of that which takes the keyboard as soon as it is drawn.
    pub focus_line: Option<usize>,
    /// The person under Mine whose things are shown.
    pub mine_person: Option<PeerId>,
    /// A transfer that is being dragged to another place in the queue.
    pub dragged: Option<ShareId>,
    /// What servers have by the words that are searched for.
    pub at_servers: AtServers,
}

/// What F6 goes through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Zone {
    #[default]
    Rail,
    TopBar,
    Page,
    Details,
}

/// A wish whose end will be told.
#[derive(Clone, Debug, PartialEq)]
pub enum Sent {
    Share {
        audience: Recipients,
    },
    Fetch {
        title: String,
    },
    Verify {
        title: String,
    },
    /// Becoming known to a server, or leaving it.
    Enrol,
    /// Words that servers look for.
    Search,
    /// Other files of a share are wanted.
    Select,
    /// Another folder or name.
    Move {
        title: String,
    },
}

/// What floats over everything and wants an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Dialog {
    /// What came so far would be deleted.
    Cancel {
        share: ShareId,
        title: String,
        done_bytes: u64,
    },
    Unshare {
        share: ShareId,
        title: String,
        leeches: u32,
    },
    Audience {
        share: ShareId,
        title: String,
        kind: AudienceKind,
        people: BTreeSet<PeerId>,
        groups: BTreeSet<GroupId>,
    },
    /// Where there is no chooser: type or paste where the files are. `problem` says what is wrong with it.
    Path {
        text: String,
        audience: Recipients,
        problem: Option<String>,
    },
    /// The same for the downloads folder.
    Downloads {
        text: String,
        problem: Option<String>,
    },
    /// A computer that nobody announced.
    Address {
        text: String,
    },
    /// A server and a token, as typed.
    Enrol {
        server: String,
        token: String,
    },
    /// The server's rules would not hold any more.
    Leave {
        name: String,
    },
    /// How fast something may go, as typed; see [`typed::rate`](super::typed::rate).
    Limits {
        of: LimitsOf,
        down: String,
        up: String,
    },
    /// Until when something is given on, as typed. `share`: of one share, or of everything.
    Seeding {
        share: Option<(ShareId, String)>,
        kind: SeedKind,
        number: String,
    },
    /// A line of the timetable; `at`: which one is changed, or a line more.
    Rule {
        at: Option<usize>,
        rule: RuleText,
    },
    /// Another folder or name for a transfer. `name` is `None` where there are several names.
    Move {
        share: ShareId,
        title: String,
        before: (PathBuf, String),
        into: String,
        name: Option<String>,
    },
}

/// What a limit is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LimitsOf {
    Everything,
    Transfer { share: ShareId, title: String },
}

/// The kinds of "until when".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeedKind {
    /// For one share: what holds for all.
    AsAll,
    Forever,
    Times,
    Copies,
    Hours,
    Days,
}

/// A line of the timetable while it is being typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleText {
    /// Monday first.
    pub days: [bool; 7],
    pub from: String,
    pub to: String,
    pub pause: bool,
    pub down: String,
    pub up: String,
}

/// The answers to "who may have it".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AudienceKind {
    Everyone,
    People,
    Link,
    /// The server that manages this computer keeps it, for everyone.
    Server,
    /// Groups of that server.
    Groups,
}

impl Memory {
    /// `first_token`: chosen by chance, so that two faces of one engine do not take each other's answers for theirs.
    pub fn new(first_token: Token, theme: ThemeChoice) -> Memory {
        Memory {
            screen: Screen::default(),
            search: String::new(),
            person: None,
            sort: Sort::default(),
            selected: None,
            all_people: false,
            dialog: None,
            toasts: Toasts::default(),
            welcome: None,
            name: None,
            theme,
            sent: BTreeMap::new(),
            next_token: first_token,
            focus_row: None,
            focus_zone: None,
            zone: Zone::default(),
            choosing_for: Recipients::Everyone,
            drop_at: None,
            faces: Vec::new(),
            files: None,
            focus_file: None,
            to_files: false,
            mine_people: false,
            given: Given::default(),
            focus_line: None,
            mine_person: None,
            dragged: None,
            at_servers: AtServers::default(),
        }
    }

    /// A token that was not used yet, for a wish whose end will be told. An answer that never comes is forgotten in time:
    /// the engine itself tells no more than its newest outcomes.
    pub fn wish(&mut self, sent: Sent) -> Token {
        let token = self.next_token;
        self.next_token = self.next_token.wrapping_add(1);
        if self.sent.len() >= SENT_MAX {
            self.sent.pop_first();
        }
        self.sent.insert(token, sent);
        token
    }

    /// Whom files that are let go are for: the face they are let go on, else as [`Memory::audience`] says.
    pub fn drop_audience(&self) -> Recipients {
        match self.face_at_drop() {
            Some(Some(person)) => Recipients::Peers(BTreeSet::from([person])),
            Some(None) => Recipients::Everyone,
            None => self.audience(),
        }
    }

    /// The face over which files hover.
    fn face_at_drop(&self) -> Option<Option<PeerId>> {
        let at = self.drop_at?;
        self.faces.iter().find(|(face, _)| face.contains(at)).map(|(_, person)| *person)
    }

    /// Whom a drop, a paste or a chooser shares with: the person whose shares are looked at, else everyone.
    pub fn audience(&self) -> Recipients {
        match (self.screen, self.person) {
            (Screen::Room, Some(person)) => Recipients::Peers(BTreeSet::from([person])),
            _ => Recipients::Everyone,
        }
    }
}

/// Reads pasted text as files: `file://` addresses or absolute paths, one a line. `None` when a line is neither.
pub fn pasted_paths(text: &str) -> Option<Vec<PathBuf>> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !matches!(*line, "copy" | "cut"));
    let paths: Option<Vec<PathBuf>> = lines.map(pasted_path).collect();
    paths.filter(|paths| !paths.is_empty())
}

fn pasted_path(line: &str) -> Option<PathBuf> {
    let line = line.trim_matches(['"', '\'']);
    if let Some(rest) = line.strip_prefix("file://") {
        let path = &rest[rest.find('/')?..];
        let decoded = percent_decoded(path)?;
        // file:///C:/Users
        let decoded = match decoded.as_bytes() {
            [b'/', drive, b':', ..] if drive.is_ascii_alphabetic() => decoded[1..].to_owned(),
            _ => decoded,
        };
        return Some(PathBuf::from(decoded));
    }
    let path = PathBuf::from(line);
    path.is_absolute().then_some(path)
}

/// Undoes `%20` and the like (RFC 3986 §2.1); `None` when the result is not UTF-8.
fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let hex = if *first == b'%' { after.get(..2).and_then(|two| std::str::from_utf8(two).ok()) } else { None };
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pasted_files_are_understood_as_file_managers_write_them() {
        let paths =
            |text: &str| pasted_paths(text).map(|paths| paths.iter().map(|p| p.display().to_string()).collect());
        let two: Option<Vec<String>> = Some(vec!["/home/ann/a b.pdf".to_owned(), "/srv/ü".to_owned()]);
        assert_eq!(paths("copy\nfile:///home/ann/a%20b.pdf\nfile://localhost/srv/%C3%BC\n"), two);
        assert_eq!(paths("/home/ann/a b.pdf\r\n'/srv/ü'"), two);
    }

    #[test]
    fn pasted_prose_is_not_a_file() {
        for text in ["", "hello", "see /tmp", "https://example.org/a", "file://", "file:///%ff"] {
            assert_eq!(pasted_paths(text), None, "{text}");
        }
    }
}
