//! Peers that are known and not followed: a swarm of a thousand is held together by some thirty connections each.

use std::collections::BTreeMap;

use super::{Link, chance::Chance};
use crate::share::PeerId;

/// Known peers, by the link to them. Bounded by who inserts.
#[derive(Debug, Default)]
pub struct Reserve {
    links: BTreeMap<PeerId, Link>,
}

impl Reserve {
    pub fn len(&self) -> usize {
        self.links.len()
    }

    pub fn is_empty(&self) -> bool {
        self.links.is_empty()
    }

    pub fn contains(&self, peer: &PeerId) -> bool {
        self.links.contains_key(peer)
    }

    pub fn insert(&mut self, peer: PeerId, link: Link) {
        self.links.insert(peer, link);
    }

    pub fn remove(&mut self, peer: &PeerId) {
        self.links.remove(peer);
    }

    pub fn iter(&self) -> impl Iterator<Item = PeerId> + '_ {
        self.links.keys().copied()
    }

    /// Takes out one of those with the best link, by chance.
    pub fn draw(&mut self, chance: &mut Chance) -> Option<(PeerId, Link)> {
        let best = *self.links.values().min()?;
        let choices = self.links.values().filter(|link| **link == best).count();
        let nth = chance.below(choices as u32) as usize;
        let peer = self.links.iter().filter(|(_, link)| **link == best).nth(nth).map(|(peer, _)| *peer)?;
        self.links.remove(&peer);
        Some((peer, best))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_link_is_drawn_first_and_each_peer_once() {
        let mut reserve = Reserve::default();
        for (number, link) in [(1, Link::Far), (2, Link::Wireless), (3, Link::Wired), (4, Link::Wired)] {
            reserve.insert(PeerId([number; 32]), link);
        }

        let mut chance = Chance::new(1);
        let drawn: Vec<Link> = std::iter::from_fn(|| reserve.draw(&mut chance)).map(|(_, link)| link).collect();

        assert_eq!(drawn, [Link::Wired, Link::Wired, Link::Wireless, Link::Far]);
        assert!(reserve.is_empty());
    }
}
