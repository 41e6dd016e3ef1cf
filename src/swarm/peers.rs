//! The peers that are followed, in order of their ids: few, looked up with every fact and gone through with every choice.
//! Rows side by side stay in cache, where a tree of large nodes does not; and the first bytes of an id, as a number, tell
//! nearly always which one it is.

use std::cmp::Ordering;

use super::peer::Peer;
use crate::share::PeerId;

#[derive(Debug, Default)]
pub struct Peers {
    /// The first bytes of each id, in the same order.
    keys: Vec<u64>,
    ids: Vec<PeerId>,
    peers: Vec<Peer>,
}

impl Peers {
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    pub fn get(&self, id: &PeerId) -> Option<&Peer> {
        self.peers.get(self.place(id).ok()?)
    }

    pub fn get_mut(&mut self, id: &PeerId) -> Option<&mut Peer> {
        let place = self.place(id).ok()?;
        self.peers.get_mut(place)
    }

    /// Adds one that is not there yet.
    pub fn insert(&mut self, id: PeerId, peer: Peer) {
        if let Err(place) = self.place(&id) {
            self.keys.insert(place, key(&id));
            self.ids.insert(place, id);
            self.peers.insert(place, peer);
        }
    }

    pub fn remove(&mut self, id: &PeerId) {
        if let Ok(place) = self.place(id) {
            self.keys.remove(place);
            self.ids.remove(place);
            self.peers.remove(place);
        }
    }

    /// Where it is, or would have to be.
    fn place(&self, id: &PeerId) -> Result<usize, usize> {
        let key = key(id);
        let mut place = self.keys.partition_point(|other| *other < key);
        while self.keys.get(place) == Some(&key) {
            match self.ids.get(place).map(|other| other.cmp(id)) {
                Some(Ordering::Less) => place += 1,
                Some(Ordering::Equal) => return Ok(place),
                _ => return Err(place),
            }
        }
        Err(place)
    }

    pub fn ids(&self) -> &[PeerId] {
        &self.ids
    }

    pub fn iter(&self) -> impl Iterator<Item = (&PeerId, &Peer)> {
        self.ids.iter().zip(&self.peers)
    }

    pub fn values(&self) -> impl Iterator<Item = &Peer> {
        self.peers.iter()
    }

    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut Peer> {
        self.peers.iter_mut()
    }
}

fn key(id: &PeerId) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = id.0;
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::{
        share::{Bitmap, PieceLen, Pieces},
        swarm::{Limits, Link},
    };

    #[test]
    fn ids_that_begin_alike_are_told_apart() {
        let nothing = Bitmap::empty(&Pieces::of_one_file(1 << 20, PieceLen::MIN));
        let peer = || Peer::new(Instant::now(), &Limits::default(), Link::Wired, nothing.clone());
        let mut id = [7; 32];
        let ids: Vec<PeerId> = (0..9).map(|last| (id[31] = last, PeerId(id)).1).chain([PeerId([3; 32])]).collect();
        let mut peers = Peers::default();
        ids.iter().rev().for_each(|id| peers.insert(*id, peer()));
        ids.iter().for_each(|id| peers.insert(*id, peer()));

        assert_eq!(peers.len(), 10);
        assert!(peers.ids().is_sorted());
        peers.remove(&ids[4]);
        peers.remove(&ids[4]);

        assert_eq!(ids.iter().filter(|id| peers.get(id).is_some()).count(), 9);
        assert!(peers.get(&ids[4]).is_none());
    }
}
