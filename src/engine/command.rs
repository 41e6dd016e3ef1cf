//! Everything a person can ask of the engine. Plain data, with no way back: the result shows in the next snapshot.

use std::{collections::BTreeSet, net::SocketAddr, path::PathBuf};

use crate::{
    access::GroupId,
    share::{PeerId, ShareId},
    traffic::{Class, Limits, Order, Priority, Schedule, SeedUntil},
};

/// Chosen by whoever asks; the [`Outcome`](super::snapshot::Outcome) with the same token tells how it ended.
pub type Token = u64;

/// A person's wish.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Read these files and folders, and give them out as one share. `class`: how much reading and giving may disturb other
    /// work here.
    Share {
        token: Token,
        paths: Vec<PathBuf>,
        title: Option<String>,
        audience: Recipients,
        unreadable: Unreadable,
        class: Class,
    },
    /// Stop reading files that are about to be shared.
    CancelImport {
        token: Token,
    },
    /// Change who may see and fetch a share of mine.
    SetRecipients {
        share: ShareId,
        audience: Recipients,
    },
    /// Stop giving a share out; the files stay where they are.
    Unshare {
        share: ShareId,
    },
    /// Bring a share here. `into`: the folder to put it in, else the downloads folder. `hints`: addresses to ask. `hold`:
    /// when the list of its files is known, it waits, paused, until a person has chosen among them and resumes it. What
    /// is on its way already goes on.
    Fetch {
        token: Token,
        share: ShareId,
        into: Option<PathBuf>,
        hints: Vec<SocketAddr>,
        hold: bool,
    },
    Pause {
        share: ShareId,
    },
    Resume {
        share: ShareId,
    },
    /// Give up a transfer and delete what is unfinished of it.
    Cancel {
        share: ShareId,
    },
    /// Pause whatever can be paused.
    PauseAll,
    ResumeAll,
    /// Try again at once what failed or waits to be tried again.
    RetryAll,
    /// Try again at once, without waiting for the time to come.
    Retry {
        share: ShareId,
    },
    /// Change the place of a download in the queue.
    Move {
        share: ShareId,
        to: QueuePlace,
    },
    SetPriority {
        share: ShareId,
        priority: Priority,
    },
    SetOrder {
        share: ShareId,
        order: Order,
    },
    SetClass {
        share: ShareId,
        class: Class,
    },
    /// How fast this transfer may go; the limits in total hold too.
    SetLimits {
        share: ShareId,
        limits: Limits,
    },
    /// Fetch only these files of a share.
    SelectFiles {
        token: Token,
        share: ShareId,
        files: Selection,
    },
    /// Until when this share is given to others; `None`: as for all.
    SetSeeding {
        share: ShareId,
        until: Option<SeedUntil>,
    },
    /// Put a download's files into another folder, under another name, or both; also while it is on its way. `name` is
    /// for shares with one file or folder at their top.
    Relocate {
        token: Token,
        share: ShareId,
        into: Option<PathBuf>,
        name: Option<String>,
    },
    /// How fast all transfers together may go.
    SetTotalLimits {
        limits: Limits,
    },
    SetSchedule {
        schedule: Schedule,
    },
    /// How many downloads may be active at a time.
    SetActiveDownloads {
        count: u32,
    },
    /// Until when downloads are given to others when nothing else is said of one.
    SetSeedingOfAll {
        until: SeedUntil,
    },
    /// Downloads that are complete are not given out any more when the program is started the next time.
    SetStopSeedingWhenClosed {
        stop: bool,
    },
    /// Read a share's files again and check every byte.
    Verify {
        token: Token,
        share: ShareId,
    },
    /// A transfer that ended or failed is taken off the list; a finished one goes on being shared.
    Dismiss {
        share: ShareId,
    },
    /// Ask this computer too, although nobody announced it. `HOST:PORT`.
    AddPeer {
        address: String,
    },
    /// The name that others see.
    Rename {
        name: String,
    },
    /// Where downloads go when nothing else is said.
    SetDownloads {
        folder: PathBuf,
    },
    /// What a person answered to a [`Question`](super::question::Question).
    Answer {
        question: u64,
        answer: super::question::Answer,
    },
    /// Let a server manage this computer: a token of its administrator's is shown there.
    Enrol {
        token: Token,
        ticket: super::managed::Ticket,
    },
    /// Let no server manage this computer any more, where a person had wished it.
    LeaveServer {
        token: Token,
    },
    /// Look for these words at the servers that are around.
    SearchServers {
        token: Token,
        words: String,
    },
    /// A trouble was read and can go.
    DismissTrouble {
        serial: u64,
    },
}

/// Where in the queue a download goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueuePlace {
    Top,
    Up,
    Down,
    Bottom,
    Before(ShareId),
    After(ShareId),
}

/// Which files of a share are wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Selection {
    #[default]
    All,
    /// By their numbers in [`Listing`](super::snapshot::Listing): 0 is the first file of the share.
    These(BTreeSet<u32>),
}

/// Who may see and fetch a share.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Recipients {
    /// Everyone on the network.
    #[default]
    Everyone,
    /// These computers only. With the server that manages this computer alone: it keeps it, and gives it to everyone.
    Peers(BTreeSet<PeerId>),
    /// The computers that a server says are in one of its groups.
    Groups(ForGroups),
    /// Whoever has the link; nobody sees it listed.
    Link,
}

/// Groups of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForGroups {
    /// The server whose word is taken for who is in them.
    pub server: PeerId,
    pub groups: BTreeSet<GroupId>,
    /// The server keeps it, too.
    pub keep: bool,
}

/// What to do about files that can't be read when a folder is shared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unreadable {
    /// Ask: nothing is shared until a person has answered.
    #[default]
    Ask,
    /// Share the rest; each file left out is named.
    LeaveOut,
    /// Share nothing.
    Refuse,
}
