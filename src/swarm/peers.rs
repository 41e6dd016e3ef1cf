//! The peers that are followed, in order of their ids: few, looked up with every fact and gone through with every choice.
//! Two rows side by side keep both in cache, where a tree of large nodes does not.

use super::peer::Peer;
use crate::share::PeerId;

#[derive(Debug, Default)]
pub struct Peers {
    ids: Vec<PeerId>,
    peers: Vec<Peer>,
}

impl Peers {
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    pub fn get(&self, id: &PeerId) -> Option<&Peer> {
        self.peers.get(self.ids.binary_search(id).ok()?)
    }

    pub fn get_mut(&mut self, id: &PeerId) -> Option<&mut Peer> {
        self.peers.get_mut(self.ids.binary_search(id).ok()?)
    }

    /// Adds one that is not there yet.
    pub fn insert(&mut self, id: PeerId, peer: Peer) {
        if let Err(place) = self.ids.binary_search(&id) {
            self.ids.insert(place, id);
            self.peers.insert(place, peer);
        }
    }

    pub fn remove(&mut self, id: &PeerId) {
        if let Ok(place) = self.ids.binary_search(id) {
            self.ids.remove(place);
            self.peers.remove(place);
        }
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
