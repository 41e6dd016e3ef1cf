//! JSON between peers. Unknown fields are ignored, so that later versions can add some; all that is read is bounded by
//! whoever reads it, and checked here before it is used.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::share::{PeerId, ShareId, is_unseen};

/// The version of the protocol that this program speaks.
pub const VERSION: u32 = 1;
/// A catalogue has at most this many bytes.
pub const CATALOGUE_BYTES_MAX: usize = 16 << 20;
/// A catalogue lists at most this many shares.
pub const CATALOGUE_SHARES_MAX: usize = 20_000;
/// A peer tells of at most this many others.
pub const AROUND_MAX: usize = 256;
/// Other answers in JSON have at most this many bytes.
pub const ANSWER_BYTES_MAX: usize = 256 << 10;
/// A name of a computer or a title has at most this many bytes.
pub const NAME_BYTES_MAX: usize = 255;

/// Who answers here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    pub id: String,
    pub name: String,
    pub role: String,
    /// The version of the protocol.
    pub version: u32,
    /// The version of the program.
    pub program: String,
    pub features: Vec<String>,
}

/// The shares that the caller may see.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Catalogue {
    /// Grows with every change; the same as in the `ETag`.
    pub revision: u64,
    pub shares: Vec<Listed>,
}

/// One share of a [`Catalogue`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    pub id: String,
    pub title: String,
    /// Bytes.
    pub size: u64,
    pub files: u32,
    /// `file`, `folder` or `several`.
    pub kind: String,
    pub publisher: String,
    /// Seconds since 1970.
    pub created_s: i64,
    /// Whether the one who answers has all of it.
    pub complete: bool,
    /// Whether it is given to everyone who is around, and not to those alone who asked.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub everyone: bool,
}

/// Others that the one who answers knows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Around {
    pub peers: Vec<Neighbour>,
}

/// A peer of a peer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Neighbour {
    pub id: String,
    pub name: String,
    pub addresses: Vec<SocketAddr>,
}

/// What goes with every refusal (RFC 9457).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    pub status: u16,
    pub title: String,
    #[serde(default)]
    pub detail: String,
    /// When to try again, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

/// A [`Listed`] whose ids were checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offer {
    pub id: ShareId,
    pub title: String,
    pub size: u64,
    pub files: u32,
    pub kind: OfferKind,
    pub publisher: PeerId,
    pub created_s: i64,
    pub complete: bool,
    pub everyone: bool,
}

/// What stands at the top of a share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OfferKind {
    File,
    Folder,
    Several,
}

impl OfferKind {
    pub fn as_str(self) -> &'static str {
        match self {
            OfferKind::File => "file",
            OfferKind::Folder => "folder",
            OfferKind::Several => "several",
        }
    }
}

impl Catalogue {
    /// What of a stranger's catalogue can be used; entries that can't are left out.
    pub fn offers(self) -> Vec<Offer> {
        self.shares.into_iter().take(CATALOGUE_SHARES_MAX).filter_map(Listed::checked).collect()
    }
}

impl Listed {
    fn checked(self) -> Option<Offer> {
        let kind = match self.kind.as_str() {
            "file" => OfferKind::File,
            "folder" => OfferKind::Folder,
            _ => OfferKind::Several,
        };
        Some(Offer {
            id: self.id.parse().ok()?,
            title: presentable(&self.title)?,
            size: self.size,
            files: self.files,
            kind,
            publisher: self.publisher.parse().ok()?,
            created_s: self.created_s,
            complete: self.complete,
            everyone: self.everyone,
        })
    }
}

/// A stranger's text as it may be shown: nothing that nobody sees, not empty, not long.
pub fn presentable(text: &str) -> Option<String> {
    let clean: String = text.chars().filter(|letter| !is_unseen(*letter)).take(NAME_BYTES_MAX).collect();
    let clean = clean.trim();
    (!clean.is_empty()).then(|| clean.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_with_bad_ids_are_left_out_and_titles_are_cleaned() {
        let id = ShareId([3; 32]).to_string();
        let listed = |id: &str, title: &str| Listed {
            id: id.to_owned(),
            title: title.to_owned(),
            size: 1,
            files: 1,
            kind: "file".to_owned(),
            publisher: PeerId([4; 32]).to_string(),
            created_s: 0,
            complete: true,
            everyone: false,
        };
        let shares =
            vec![listed("../x", "bad id"), listed(&id, "a\u{202E}\n\u{2066}\u{200B}\u{2028}b"), listed(&id, "\u{7}")];
        let offers = Catalogue { revision: 1, shares }.offers();
        assert_eq!(offers.iter().map(|offer| offer.title.as_str()).collect::<Vec<_>>(), ["ab"]);
    }
}
