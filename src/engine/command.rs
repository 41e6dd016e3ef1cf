//! Everything a person can ask of the engine. Plain data, with no way back: the result shows in the next snapshot.

use std::{collections::BTreeSet, net::SocketAddr, path::PathBuf};

use crate::share::{PeerId, ShareId};

/// Chosen by whoever asks; the [`Outcome`](super::snapshot::Outcome) with the same token tells how it ended.
pub type Token = u64;

/// A person's wish.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Read these files and folders, and give them out as one share.
    Share {
        token: Token,
        paths: Vec<PathBuf>,
        title: Option<String>,
        audience: Recipients,
        unreadable: Unreadable,
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
    /// Bring a share here. `into`: the folder to put it in, else the downloads folder. `hints`: addresses to ask.
    Fetch {
        token: Token,
        share: ShareId,
        into: Option<PathBuf>,
        hints: Vec<SocketAddr>,
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
    /// A trouble was read and can go.
    DismissTrouble {
        serial: u64,
    },
}

/// Who may see and fetch a share.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Recipients {
    /// Everyone on the network.
    #[default]
    Everyone,
    /// These computers only.
    Peers(BTreeSet<PeerId>),
    /// Whoever has the link; nobody sees it listed.
    Link,
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
