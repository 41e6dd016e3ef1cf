//! Every URL path between peers, used by client and routes alike.

use crate::share::ShareId;

/// `GET`: [`Device`](super::peer::Device).
pub const DEVICE: &str = "/v1/device";
/// `GET`: [`Catalogue`](super::peer::Catalogue); with `If-None-Match` and `Prefer: wait=SECONDS` (RFC 7240) the answer
/// waits for a change.
pub const SHARES: &str = "/v1/shares";
/// `GET`: [`Around`](super::peer::Around).
pub const PEERS: &str = "/v1/peers";

/// `POST` at a server: a [`Question`](super::server::Question); the answer is a [`Reply`](super::server::Reply).
pub const LOOKUP: &str = "/v1/lookup";
/// `POST` at a server: a [`Bring`](super::server::Bring); the answer is a [`Brought`](super::server::Brought).
pub const BRING: &str = "/v1/bring";

/// `POST` at a server: an [`EnrolRequest`](super::enrolled::EnrolRequest); the answer is a
/// [`Standing`](super::enrolled::Standing).
pub const ENROL: &str = "/api/v1/enrol";
/// `GET` at a server, by an enrolled computer: its [`Standing`](super::enrolled::Standing); with `If-None-Match` and
/// `Prefer: wait=SECONDS` the answer waits for a change.
pub const STANDING: &str = "/api/v1/device";
/// `GET` at a server: the signed policy.
pub const POLICY: &str = "/api/v1/policy.cbor";
/// `POST` at a server: a [`Publish`](super::enrolled::Publish); the answer is a
/// [`Publication`](super::enrolled::Publication).
pub const PUBLICATIONS: &str = "/api/v1/publications";
/// `GET` at a server: [`Heads`](super::enrolled::Heads) of its audit log.
pub const AUDIT_HEADS: &str = "/api/v1/audit/heads";

/// `GET` at a server: how far a [`Publication`](super::enrolled::Publication) is.
pub fn publication(share: ShareId) -> String {
    format!("{PUBLICATIONS}/{share}")
}

/// `POST` at a server: fetch this share from the server above, if it is not here.
pub fn bring(share: ShareId) -> String {
    format!("/api/v1/shares/{share}/bring")
}

/// `GET` at a server: a [`SearchAnswer`](super::enrolled::SearchAnswer) for these words.
pub fn search(words: &str) -> String {
    let mut path = "/api/v1/search?q=".to_owned();
    for byte in words.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => path.push(char::from(byte)),
            _ => path.push_str(&format!("%{byte:02X}")),
        }
    }
    path
}

/// `GET`: 64 bytes of signature, then the manifest's bytes.
pub fn manifest(share: ShareId) -> String {
    format!("{SHARES}/{share}/manifest")
}

/// `GET`: the chaining values of all large files, in manifest order, 32 bytes a piece.
pub fn hashes(share: ShareId) -> String {
    format!("{SHARES}/{share}/hashes")
}

/// `GET`: the bitmap, then four bytes for each piece gained later (its number, big-endian; [`HAVE_ALIVE`] for none).
pub fn have(share: ShareId) -> String {
    format!("{SHARES}/{share}/have")
}

/// `GET`: [`Around`](super::peer::Around): others who have some of the share.
pub fn share_peers(share: ShareId) -> String {
    format!("{SHARES}/{share}/peers")
}

/// `GET`: whether a share is here, asked by a [`probe`](crate::share::probe) so that its id is not told; the answer proves
/// that it is known.
pub fn known(question: ShareId) -> String {
    format!("/v1/known/{question}")
}

/// `GET`: the bytes of one piece.
pub fn piece(share: ShareId, piece: u32) -> String {
    format!("{SHARES}/{share}/pieces/{piece}")
}

/// `GET` with `Upgrade`: many pieces over one connection.
pub fn stream(share: ShareId) -> String {
    format!("{SHARES}/{share}/stream")
}

/// The patterns of the paths above, as routes match them.
pub mod patterns {
    pub const MANIFEST: &str = "/v1/shares/{share}/manifest";
    pub const HASHES: &str = "/v1/shares/{share}/hashes";
    pub const FILE_HASHES: &str = "/v1/shares/{share}/hashes/{file}";
    pub const SHARE_PEERS: &str = "/v1/shares/{share}/peers";
    pub const KNOWN: &str = "/v1/known/{question}";
    pub const HAVE: &str = "/v1/shares/{share}/have";
    pub const PIECE: &str = "/v1/shares/{share}/pieces/{piece}";
    pub const STREAM: &str = "/v1/shares/{share}/stream";
}

/// In a have-stream, says "still here, nothing new".
pub const HAVE_ALIVE: u32 = u32::MAX;

/// A request header: what a server vouches for of the caller, a
/// [`SignedMembership`](crate::access::SignedMembership) in base64 (RFC 4648 §4).
pub const MEMBERSHIP_HEADER: &str = "handout-membership";
/// A header of an answer with a manifest: the id of a server and the numbers of its groups for which the share is, with
/// blanks between.
pub const GROUPS_HEADER: &str = "handout-groups";

/// A request header: the port at which the caller itself answers, so that both sides can ask.
pub const LISTEN_HEADER: &str = "handout-listen";
