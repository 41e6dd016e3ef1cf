//! What a peer says of itself in its TXT record (RFC 6763 §6), written and read.
//!
//! | key | value |
//! |---|---|
//! | `v` | version of the protocol, 1 or more |
//! | `id` | the peer's id: 52 letters of base32 |
//! | `i` | a number drawn at each start |
//! | `n` | the name that people see |
//! | `r` | `peer` or `server` |
//! | `c` | revision of its catalogue: when it changes, there is something to fetch |
//! | `b` | changes every few seconds while the program runs |

use std::net::SocketAddr;

use crate::{
    share::PeerId,
    wire::peer::{VERSION, presentable},
};

/// The longest name in a record, in bytes; one entry of a TXT record has room for 255.
const NAME_BYTES_MAX: usize = 200;

/// What we say of ourselves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement {
    pub id: PeerId,
    /// Drawn at each start.
    pub instance: u64,
    pub name: String,
    pub role: Role,
    /// Where we answer.
    pub port: u16,
    /// Grows when others should fetch our catalogue again.
    pub catalogue: u64,
}

/// What a computer is in the room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Peer,
    Server,
}

/// What somebody else says of itself, checked. Nothing of it is proved: that the id is its own shows in the handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub id: PeerId,
    pub instance: u64,
    pub name: String,
    pub role: Role,
    pub catalogue: u64,
    /// The version of the protocol that it speaks.
    pub version: u32,
    /// Best first, at most 16; with scope ids where they are needed.
    pub addresses: Vec<SocketAddr>,
}

impl Announcement {
    /// A name that nobody else has, for the service and the host.
    pub(super) fn unique_name(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.id.0).update(&self.instance.to_be_bytes());
        let name = data_encoding::BASE32_NOPAD.encode(&hasher.finalize().as_bytes()[..15]);
        format!("handout-{}", name.to_ascii_lowercase())
    }

    pub(super) fn to_txt(&self, beat: u32) -> [(&'static str, String); 7] {
        let role = match self.role {
            Role::Peer => "peer",
            Role::Server => "server",
        };
        let name = &self.name[..self.name.floor_char_boundary(NAME_BYTES_MAX)];
        [
            ("v", VERSION.to_string()),
            ("id", self.id.to_string()),
            ("i", self.instance.to_string()),
            ("n", name.to_owned()),
            ("r", role.to_owned()),
            ("c", self.catalogue.to_string()),
            ("b", beat.to_string()),
        ]
    }
}

/// What a TXT record says, and its beat; `None` when it is not one of ours. `value` looks a key up.
pub(super) fn read<'a>(value: impl Fn(&str) -> Option<&'a [u8]>, addresses: Vec<SocketAddr>) -> Option<(Seen, u32)> {
    let text = |key| std::str::from_utf8(value(key)?).ok();
    let id: PeerId = text("id")?.parse().ok()?;
    let seen = Seen {
        id,
        instance: text("i")?.parse().ok()?,
        // Whoever has no name that can be shown goes by its id.
        name: text("n").and_then(presentable).unwrap_or_else(|| id.short()),
        role: if text("r") == Some("server") { Role::Server } else { Role::Peer },
        catalogue: text("c")?.parse().ok()?,
        version: text("v")?.parse().ok().filter(|version| *version > 0)?,
        addresses,
    };
    let beat = text("b").and_then(|beat| beat.parse().ok()).unwrap_or(0);
    Some((seen, beat))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn announcement(name: &str) -> Announcement {
        let id = PeerId([7; 32]);
        Announcement { id, instance: u64::MAX, name: name.to_owned(), role: Role::Server, port: 1, catalogue: 9 }
    }

    fn read_back(changes: &[(&str, Option<&[u8]>)]) -> Option<(Seen, u32)> {
        let txt = announcement("Ann").to_txt(3);
        let mut map: BTreeMap<&str, &[u8]> = txt.iter().map(|(key, value)| (*key, value.as_bytes())).collect();
        for (key, value) in changes {
            match value {
                Some(value) => map.insert(key, value),
                None => map.remove(key),
            };
        }
        read(|key| map.get(key).copied(), vec![])
    }

    #[test]
    fn what_is_announced_is_read_back() {
        let (seen, beat) = read_back(&[]).unwrap();
        let sent = announcement("Ann");
        assert_eq!((seen.id, seen.instance, seen.name), (sent.id, sent.instance, sent.name));
        assert_eq!((seen.role, seen.catalogue, seen.version, beat), (sent.role, sent.catalogue, VERSION, 3));
    }

    #[test]
    fn records_that_are_not_right_are_no_peers() {
        let wrong: &[(&str, &[u8])] = &[
            ("id", b""),
            ("id", b"../../../../etc/passwd"),
            ("id", &[0xff; 52]),
            ("i", b"-1"),
            ("i", b"99999999999999999999999"),
            ("c", b"many"),
            ("v", b"0"),
            ("v", b"1.0"),
        ];
        for (key, value) in wrong {
            assert_eq!(read_back(&[(key, Some(value))]), None, "{key}={value:?}");
            assert_eq!(read_back(&[(key, None)]), None, "no {key}");
        }
    }

    #[test]
    fn a_name_that_can_not_be_shown_is_replaced_and_tricks_are_taken_out() {
        let name = |bytes: &[u8]| read_back(&[("n", Some(bytes))]).unwrap().0.name;
        assert_eq!(name(b"\xff\xfe"), PeerId([7; 32]).short());
        assert_eq!(name(b""), PeerId([7; 32]).short());
        assert_eq!(name("A\u{202e}n\nn".as_bytes()), "Ann");
    }

    #[test]
    fn a_long_name_is_cut_between_letters() {
        let txt = announcement(&"é".repeat(150)).to_txt(1);
        assert_eq!(txt[3].1, "é".repeat(100));
    }

    #[test]
    fn each_start_has_a_name_of_its_own() {
        let first = announcement("Ann");
        let second = Announcement { instance: 1, ..first.clone() };
        assert_ne!(first.unique_name(), second.unique_name());
        assert!(first.unique_name().len() <= 63);
    }
}
