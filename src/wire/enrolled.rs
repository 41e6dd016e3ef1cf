//! JSON between a server and the computers that were enrolled with it: becoming known, where one stands, handing something
//! over, looking for something, and the heads of the audit log.
//!
//! Whoever reads it bounds its length; texts and ids are checked here before they are used, and unknown fields are ignored.

use serde::{Deserialize, Serialize};

use super::peer::presentable;
use crate::{
    access::{self, GROUPS_MAX, GroupId, Role, SignedMembership},
    share::{PeerId, PublicKey, ShareId, Signature},
};

/// Every answer here has at most this many bytes.
pub const ANSWER_BYTES_MAX: usize = 1 << 20;
/// A signed policy has at most this many bytes.
pub const POLICY_BYTES_MAX: usize = 4 << 20;
/// A search brings at most this many shares.
pub const FINDS_MAX: usize = 200;
/// So many heads are told at once.
pub const HEADS_MAX: usize = 1_000;

/// `POST /api/v1/enrol`: a computer that has proved its key shows a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrolRequest {
    pub token: String,
    /// What people call the computer.
    pub name: String,
}

/// The answer to that, and of `GET /api/v1/device`: where a computer stands at a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// The server's name.
    pub server: String,
    pub role: String,
    /// The groups to which it may give: its own; for teachers' computers, all.
    pub groups: Vec<Group>,
    /// `GET /api/v1/policy.cbor` has this version, or a later one.
    pub policy_version: u64,
    /// What others may be shown as a proof: [`SignedMembership`], in base64 (RFC 4648 §4).
    pub membership: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    pub id: i64,
    pub name: String,
}

/// A [`Standing`] whose parts were checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stands {
    pub server: String,
    pub role: Role,
    pub groups: Vec<(GroupId, String)>,
    pub policy_version: u64,
    pub membership: SignedMembership,
}

/// `POST /api/v1/publications`: have this share of mine, keep it, and give it on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publish {
    pub share: String,
    /// Who may have it from the server; empty: everyone in the room.
    #[serde(default)]
    pub groups: Vec<i64>,
}

/// How far a publication is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publication {
    pub share: String,
    /// `fetching`, `kept` or `failed`.
    pub state: String,
    /// Bytes that the server has.
    pub done_bytes: u64,
    pub size: u64,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// The answer of `GET /api/v1/search`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchAnswer {
    pub hits: Vec<Hit>,
    /// What servers above have.
    #[serde(default)]
    pub elsewhere: Vec<FoundAbove>,
    /// Servers that did not say.
    #[serde(default)]
    pub missing: Vec<Silent>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hit {
    pub share: ShareFound,
    /// The file in it that has the words, where it is not the title.
    #[serde(default)]
    pub file: Option<FileFound>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShareFound {
    pub id: String,
    pub title: String,
    #[serde(default)]
    pub owner: String,
    pub size: u64,
    pub files: u64,
    #[serde(default)]
    pub created_s: i64,
    /// Whether its bytes are on that server.
    #[serde(default)]
    pub here: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileFound {
    pub path: String,
    pub size: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundAbove {
    pub id: String,
    pub title: String,
    pub size: u64,
    pub files: u64,
    #[serde(default)]
    pub created_s: i64,
    /// The names of the servers on the way, with `you` first.
    #[serde(default)]
    pub route: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silent {
    pub server: String,
    pub why: String,
}

/// A share that a server told of, its texts and id checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub id: ShareId,
    pub title: String,
    pub owner: Option<String>,
    pub size: u64,
    pub files: u32,
    pub created_s: i64,
    /// The file in it that has the words.
    pub file: Option<String>,
    /// The names of the servers above that lead to it; empty: it is on the server that was asked.
    pub route: Vec<String>,
}

/// `GET /api/v1/audit/heads`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heads {
    /// The key that signed them, in hexadecimal.
    pub signer: String,
    /// The latest first.
    pub heads: Vec<Head>,
}

/// Where the audit log stood at a moment; hash and signature in hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    pub seq: i64,
    pub hash: String,
    pub at_ms: i64,
    pub signature: String,
}

impl Standing {
    /// Checks every part. `server`: who must have signed the membership; `me`: for whom it must be.
    pub fn checked(self, server: PeerId, me: PeerId) -> Result<Stands, &'static str> {
        let membership = data_encoding::BASE64.decode(self.membership.as_bytes()).map_err(|_| "a membership")?;
        let membership = SignedMembership::parse(&membership, server).map_err(|_| "a membership")?;
        if membership.membership().member != me {
            return Err("the membership of another computer");
        }
        let groups = self.groups.into_iter().take(GROUPS_MAX);
        Ok(Stands {
            server: presentable(&self.server).unwrap_or_else(|| server.short()),
            role: self.role.parse().map_err(|_| "a role")?,
            groups: groups.filter_map(|group| Some((GroupId(group.id), presentable(&group.name)?))).collect(),
            policy_version: self.policy_version,
            membership,
        })
    }
}

impl Heads {
    /// The heads, and the key that signed them, which must be that of `server`.
    pub fn checked(self, server: PeerId) -> Option<(PublicKey, Vec<access::Head>)> {
        let signer = PublicKey(data_encoding::HEXLOWER.decode(self.signer.as_bytes()).ok()?.try_into().ok()?);
        let heads = self.heads.into_iter().take(HEADS_MAX).map(|head| head.checked());
        (signer.peer_id() == server).then_some((signer, heads.collect::<Option<_>>()?))
    }
}

impl Head {
    pub fn checked(&self) -> Option<access::Head> {
        let bytes = |text: &str| data_encoding::HEXLOWER.decode(text.as_bytes()).ok();
        Some(access::Head {
            seq: self.seq,
            hash: bytes(&self.hash)?.try_into().ok()?,
            at_ms: self.at_ms,
            signature: Signature(bytes(&self.signature)?.try_into().ok()?),
        })
    }
}

impl From<&access::Head> for Head {
    fn from(head: &access::Head) -> Head {
        let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(bytes);
        Head { seq: head.seq, hash: hex(&head.hash), at_ms: head.at_ms, signature: hex(&head.signature.0) }
    }
}

impl SearchAnswer {
    /// What can be used of it; each share once.
    pub fn found(self) -> Vec<Found> {
        let here = self.hits.into_iter().filter_map(|hit| {
            Some(Found {
                id: hit.share.id.parse().ok()?,
                title: presentable(&hit.share.title)?,
                owner: presentable(&hit.share.owner),
                size: hit.share.size,
                files: u32::try_from(hit.share.files).ok()?,
                created_s: hit.share.created_s,
                file: hit.file.and_then(|file| presentable(&file.path)),
                route: vec![],
            })
        });
        let above = self.elsewhere.into_iter().filter_map(|found| {
            // The first name is "you".
            let route = found.route.iter().skip(1).take(9).filter_map(|name| presentable(name));
            Some(Found {
                id: found.id.parse().ok()?,
                title: presentable(&found.title)?,
                owner: None,
                size: found.size,
                files: u32::try_from(found.files).ok()?,
                created_s: found.created_s,
                file: None,
                route: route.collect(),
            })
        });
        let mut seen = std::collections::BTreeSet::new();
        here.chain(above).filter(|found| seen.insert(found.id)).take(FINDS_MAX).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_found_is_cleaned_and_told_once() {
        let id = ShareId([3; 32]).to_string();
        let share = |id: &str, title: &str| ShareFound {
            id: id.to_owned(),
            title: title.to_owned(),
            owner: String::new(),
            size: 1,
            files: 1,
            created_s: 0,
            here: true,
        };
        let hit = |id: &str, title: &str| Hit { share: share(id, title), file: None };
        let above = FoundAbove {
            id: ShareId([4; 32]).to_string(),
            title: "Atlas".to_owned(),
            size: 9,
            files: 2,
            created_s: 0,
            route: vec!["you".to_owned(), "Lab\n".to_owned(), "School".to_owned()],
        };
        let answer = SearchAnswer {
            hits: vec![hit(&id, "a\u{202E}b"), hit(&id, "again"), hit("x", "bad"), hit(&id, "")],
            elsewhere: vec![above],
            missing: vec![],
        };
        let found = answer.found();
        assert_eq!(found.iter().map(|found| found.title.as_str()).collect::<Vec<_>>(), ["ab", "Atlas"]);
        assert_eq!(found[1].route, ["Lab", "School"]);
    }
}
