//! What an administrator fixed for everybody.

use std::collections::{BTreeMap, BTreeSet};

use super::{GroupId, Role};
use crate::share::{Root, ShareId};

/// The rules of one server, at one version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Grows with every change; nobody takes a lower one than they have.
    pub version: u64,
    /// When this version was made, in seconds since 1970.
    pub issued_s: i64,
    /// Whose rules these are: apps show "Managed by …".
    pub managed_by: String,
    pub guests: Guests,
    pub students: StudentRules,
    /// From this role up a one-time code is asked for beside the password.
    pub second_factor_from: Option<Role>,
    pub links: LinkRules,
    /// Shares of students are removed after so many days.
    pub retention_days: Option<u32>,
    /// Content that nobody may have, by the BLAKE3 of the file, each with a note.
    pub blocked: BTreeMap<Root, String>,
    /// Several may go on at once, each for its classes. Sorted, without doubles.
    pub exams: BTreeSet<Exam>,
}

/// What people may do who did not sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Guests {
    /// Nothing but what a link gives them.
    Nothing,
    /// See the shares that are for the room.
    Look,
    /// Download them, too.
    Download,
}

/// What students may do. `None` means no limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StudentRules {
    pub upload: bool,
    /// Give shares to everyone in the room, from the server and from their own computers.
    pub share_with_room: bool,
    pub make_links: bool,
    pub file_bytes_max: Option<u64>,
    /// All of one student's shares together.
    pub quota_bytes: Option<u64>,
    pub quota_files: Option<u32>,
    /// For each of their computers.
    pub upload_bytes_per_s: Option<u64>,
    pub download_bytes_per_s: Option<u64>,
    /// Endings of file names that students may not upload, lower case, without the dot.
    pub refused_types: BTreeSet<String>,
}

/// What links for people without an account must be like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkRules {
    pub days_max: Option<u32>,
    pub password_needed: bool,
}

/// A time in which students see and have only what was handed out for it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Exam {
    /// Seconds since 1970; it ends by itself.
    pub until_s: i64,
    /// Who sits it; empty: all students.
    pub groups: BTreeSet<GroupId>,
    /// The shares that they may have.
    pub handouts: BTreeSet<ShareId>,
    /// Whether they may upload their work.
    pub hand_in: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    #[error("the policy is not in its one right form: {0}")]
    Malformed(&'static str),
    #[error("the policy is in version {0} of its form, which this program does not know; a newer Handout may")]
    Form(u8),
    #[error("the policy was not signed by the server that it is said to be of")]
    Signature,
    #[error("the policy's {field} is {problem}")]
    Value { field: &'static str, problem: &'static str },
}

/// Why an enrolled computer does not take rules, though its server signed them. The server's key can be stolen: what is
/// signed with it must pass again when the thief is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    #[error("they are version {version}, and this computer has version {floor}")]
    Older { version: u64, floor: u64 },
    #[error("they are version {version}, and this computer has version {floor}: each change counts one on")]
    Leap { version: u64, floor: u64 },
    #[error("they have an exam that lasts longer than a day")]
    Exam,
}

/// An exam ends so long after its policy was made, in seconds, at the latest.
pub const EXAM_S: i64 = 24 * 3_600;
/// A computer that was away for a year has missed fewer changes than this.
pub const STEP_MAX: u64 = 10_000;

/// A policy with more than this is refused.
pub(super) const BLOCKED_MAX: usize = 10_000;
pub(super) const TYPES_MAX: usize = 256;
pub(super) const HANDOUTS_MAX: usize = 1_000;
pub(super) const EXAMS_MAX: usize = 100;
pub(super) const TEXT_BYTES_MAX: usize = 120;

/// Programs and scripts, which spread by themselves or by a careless click.
const PROGRAMS: [&str; 21] = [
    "app", "bat", "cmd", "com", "cpl", "dll", "exe", "hta", "img", "iso", "jar", "js", "lnk", "msi", "pif", "ps1",
    "reg", "scr", "vbe", "vbs", "wsf",
];

const GIB: u64 = 1 << 30;

impl Default for Policy {
    /// What holds until an administrator says otherwise: guests have nothing, students share in reason.
    fn default() -> Policy {
        Policy {
            version: 1,
            issued_s: 0,
            managed_by: "this server".to_owned(),
            guests: Guests::Nothing,
            students: StudentRules::default(),
            second_factor_from: None,
            links: LinkRules { days_max: Some(30), password_needed: false },
            retention_days: None,
            blocked: BTreeMap::new(),
            exams: BTreeSet::new(),
        }
    }
}

impl Default for StudentRules {
    fn default() -> StudentRules {
        StudentRules {
            upload: true,
            share_with_room: true,
            make_links: false,
            file_bytes_max: Some(4 * GIB),
            quota_bytes: Some(10 * GIB),
            quota_files: Some(20_000),
            upload_bytes_per_s: None,
            download_bytes_per_s: None,
            refused_types: PROGRAMS.into_iter().map(str::to_owned).collect(),
        }
    }
}

impl Policy {
    /// The exam that a student of these groups sits at this time. Of several at once it has what all hand out, and their
    /// latest end.
    pub fn exam_of(&self, groups: &BTreeSet<GroupId>, now_s: i64) -> Option<Exam> {
        let concerns = |exam: &&Exam| exam.groups.is_empty() || !exam.groups.is_disjoint(groups);
        let mut all = self.exams_on(now_s).filter(concerns).cloned();
        let first = all.next()?;
        Some(all.fold(first, |mut sits, exam| {
            sits.until_s = sits.until_s.max(exam.until_s);
            sits.groups.extend(exam.groups);
            sits.handouts.extend(exam.handouts);
            sits.hand_in |= exam.hand_in;
            sits
        }))
    }

    /// The exams that go on at this time. One that lies in a far future is none: clocks of a server and its computers differ
    /// by less than an exam's longest time.
    pub fn exams_on(&self, now_s: i64) -> impl Iterator<Item = &Exam> {
        self.exams.iter().filter(move |exam| (1..=2 * EXAM_S).contains(&exam.until_s.saturating_sub(now_s)))
    }

    /// Begins an exam beside those that go on; what is over is forgotten.
    pub fn begin_exam(&mut self, exam: Exam, now_s: i64) {
        self.exams.retain(|known| now_s < known.until_s);
        self.exams.insert(exam);
    }

    /// Whether a computer takes these rules that has taken version `floor`, or none: 0.
    pub fn fits(&self, floor: u64) -> Result<(), Unfit> {
        let version = self.version;
        if version < floor {
            return Err(Unfit::Older { version, floor });
        }
        if floor > 0 && version - floor > STEP_MAX {
            return Err(Unfit::Leap { version, floor });
        }
        let too_long = |exam: &Exam| exam.until_s.saturating_sub(self.issued_s) > EXAM_S;
        if self.exams.iter().any(too_long) { Err(Unfit::Exam) } else { Ok(()) }
    }

    /// Whether every value is one that can be signed and sent.
    pub fn check(&self) -> Result<(), PolicyError> {
        let value = |field, problem| Err(PolicyError::Value { field, problem });
        if !presentable(&self.managed_by) {
            return value("managed_by", "empty, longer than 120 bytes, or has control characters");
        }
        if self.blocked.len() > BLOCKED_MAX {
            return value("blocked", "longer than 10,000 contents");
        }
        if self.blocked.values().any(|note| !note.is_empty() && !presentable(note)) {
            return value("blocked", "carrying a note that is too long or has control characters");
        }
        if self.students.refused_types.len() > TYPES_MAX {
            return value("refused_types", "longer than 256 types");
        }
        if self.students.refused_types.iter().any(|kind| !is_type(kind)) {
            return value("refused_types", "not made of letters and digits in lower case, like `exe`");
        }
        if self.exams.len() > EXAMS_MAX {
            return value("exams", "more than 100");
        }
        if self.exams.iter().any(|exam| exam.handouts.len() > HANDOUTS_MAX || exam.groups.len() > HANDOUTS_MAX) {
            return value("exams", "for more than 1,000 shares or groups");
        }
        Ok(())
    }
}

fn presentable(text: &str) -> bool {
    (1..=TEXT_BYTES_MAX).contains(&text.len()) && !text.chars().any(char::is_control)
}

fn is_type(kind: &str) -> bool {
    (1..=16).contains(&kind.len()) && kind.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit())
}

/// Every ending by which a program could take a file for one of a kind: Windows reads `evil.exe::$DATA` as `evil.exe`.
pub(super) fn endings_of(name: &str) -> impl Iterator<Item = String> {
    extension_of(name).into_iter().chain(name.split(':').filter_map(extension_of))
}

/// The ending of a file's name as policies name it: what is behind the last dot, in lower case, without what Windows
/// would drop (`virus.EXE. .` is an `exe`).
pub fn extension_of(name: &str) -> Option<String> {
    let name = name.trim_end_matches(['.', ' ']);
    let (_, ending) = name.rsplit_once('.')?;
    (!ending.is_empty()).then(|| ending.to_lowercase())
}
