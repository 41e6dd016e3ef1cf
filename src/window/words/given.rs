//! What I gave to whom.

pub const SHARES: &str = "What I share";
pub const PEOPLE: &str = "Who got it from me";
pub const NOBODY_TITLE: &str = "Nobody got anything from you yet";
pub const NOBODY_TEXT: &str = "Whoever gets something that you share or pass on stands here, with how much it was.";

pub fn summary(people: usize, bytes: &str) -> String {
    format!("{bytes} went from you to {}.", super::people(people as u64))
}

/// Under a name: how many things.
pub fn things(count: usize) -> String {
    super::things(count as u64)
}

/// `last`: when the last of it went.
pub fn spoken_thing(title: &str, bytes: &str, last: &str) -> String {
    format!("{title}, {bytes}, {last}")
}

pub fn spoken(name: &str, things: &str, bytes: &str) -> String {
    format!("{name}, {things}, {bytes}")
}
