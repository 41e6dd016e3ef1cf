//! Peers that are known and not followed: a swarm of a thousand is held together by some thirty connections each.

use std::collections::BTreeMap;

use super::{Link, chance::Chance};
use crate::share::PeerId;

/// Known peers. Those that were tried and gave nothing come after all others, so that nobody who gives something waits
/// behind many who do not. Bounded by who inserts.
#[derive(Debug, Default)]
pub struct Reserve {
    peers: BTreeMap<PeerId, Place>,
}

/// The lower the earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    /// How often it was followed in vain.
    tried: u32,
    link: Link,
}

impl Reserve {
    pub fn len(&self) -> usize {
        self.peers.len()
    }

    pub fn is_empty(&self) -> bool {
        self.peers.is_empty()
    }

    pub fn contains(&self, peer: &PeerId) -> bool {
        self.peers.contains_key(peer)
    }

    /// `tried`: how often it was followed in vain.
    pub fn insert(&mut self, peer: PeerId, link: Link, tried: u32) {
        self.peers.insert(peer, Place { tried, link });
    }

    /// One that is there is reached in another way.
    pub fn relink(&mut self, peer: &PeerId, link: Link) {
        if let Some(place) = self.peers.get_mut(peer) {
            place.link = link;
        }
    }

    pub fn remove(&mut self, peer: &PeerId) {
        self.peers.remove(peer);
    }

    pub fn iter(&self) -> impl Iterator<Item = PeerId> + '_ {
        self.peers.keys().copied()
    }

    /// Takes out one of those that were tried least, with the best link, by chance; and how often it was tried.
    pub fn draw(&mut self, chance: &mut Chance) -> Option<(PeerId, Link, u32)> {
        let best = *self.peers.values().min()?;
        let choices = self.peers.values().filter(|place| **place == best).count();
        let nth = chance.below(choices as u32) as usize;
        let peer = self.peers.iter().filter(|(_, place)| **place == best).nth(nth).map(|(peer, _)| *peer)?;
        self.peers.remove(&peer);
        Some((peer, best.link, best.tried))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_link_is_drawn_first_and_who_was_tried_in_vain_last() {
        let mut reserve = Reserve::default();
        for (number, link) in [(1, Link::Far), (2, Link::Wireless), (3, Link::Wired), (4, Link::Wired)] {
            reserve.insert(PeerId([number; 32]), link, 0);
        }
        reserve.insert(PeerId([5; 32]), Link::Wired, 1);

        let mut chance = Chance::new(1);
        let drawn: Vec<Link> = std::iter::from_fn(|| reserve.draw(&mut chance)).map(|(_, link, _)| link).collect();

        assert_eq!(drawn, [Link::Wired, Link::Wired, Link::Wireless, Link::Far, Link::Wired]);
        assert!(reserve.is_empty());
    }
}
