//! What others say they give. A catalogue is one peer's word: of what the peer made itself it is taken, since the
//! connection proves its key; of what others made it is taken only until the manifest, which they signed, is here.

use std::collections::BTreeMap;

use super::{State, held::kind_of};
use crate::{
    engine::{snapshot::Via, task::Task},
    share::{Manifest, PeerId, ShareId},
    wire::peer::{CATALOGUE_SHARES_MAX, Offer, presentable},
};

/// All catalogues together may be so large; keys cost nothing, so what one of them may fill is no limit.
const BUDGET: usize = 16 << 20;
/// What one entry costs besides its title.
const ENTRY: usize = 256;
const NAMES_MAX: usize = 4_096;

/// What an entry costs of the budget.
fn weight(offer: &Offer) -> usize {
    ENTRY + offer.title.len()
}

/// Which one of several entries for a share is shown, and whether it tells the truth for sure.
#[derive(Clone, Copy, Debug)]
pub struct Shown<'a> {
    pub offer: &'a Offer,
    pub proved: bool,
}

impl Shown<'_> {
    pub fn publisher(&self) -> Option<PeerId> {
        self.proved.then_some(self.offer.publisher)
    }
}

impl State {
    /// Whether what a peer's catalogue says of a share's publisher is proved by the connection it came over. The server that
    /// manages this computer has checked the signatures of what it keeps.
    pub(super) fn is_word_of(&self, peer: PeerId, offer: &Offer) -> bool {
        offer.publisher == peer || self.managed.enrolled.as_ref().is_some_and(|enrolled| enrolled.server == peer)
    }

    /// The entry of a share that is shown: the publisher's own where there is one.
    pub(super) fn shown_offer(&self, id: ShareId) -> Option<Shown<'_>> {
        let offers = self.peers.iter().filter_map(|(peer, row)| Some((*peer, row.offers.get(&id)?)));
        let shown = offers.map(|(peer, offer)| Shown { offer, proved: self.is_word_of(peer, offer) });
        shown.reduce(|first, other| if other.proved && !first.proved { other } else { first })
    }

    pub(super) fn catalogue_is(&mut self, id: PeerId, revision: u64, offers: Vec<Offer>, tasks: &mut Vec<Task>) {
        let Some(peer) = self.peers.get_mut(&id) else { return };
        peer.known = Some(revision);
        let new: BTreeMap<ShareId, Offer> =
            offers.into_iter().take(CATALOGUE_SHARES_MAX).map(|offer| (offer.id, offer)).collect();
        peer.weight = new.values().map(weight).sum();
        let old = std::mem::replace(&mut peer.offers, new);
        self.keep_budget();
        let Some(peer) = self.peers.get(&id) else { return };
        let gone: Vec<ShareId> = old.into_keys().filter(|share| !peer.offers.contains_key(share)).collect();
        let wanted: Vec<ShareId> = self.held.keys().filter(|share| peer.offers.contains_key(share)).copied().collect();
        for share in gone {
            self.lost_source(share, id, tasks);
        }
        for share in wanted {
            self.found_source(share, id, tasks);
        }
        self.changed.shares = true;
        self.changed.transfers = true;
    }

    /// When all catalogues together are too large, each that takes more than its part is cut to it; what is here or on its
    /// way stays. Those whom a person or the administrator chose are cut last.
    fn keep_budget(&mut self) {
        let total: usize = self.peers.values().map(|peer| peer.weight).sum();
        if total <= BUDGET {
            return;
        }
        let own = self.managed.enrolled.as_ref().map(|enrolled| enrolled.server);
        let chosen = |id: &PeerId, via: Via| via == Via::Typed || Some(*id) == own;
        let of_chosen: usize =
            self.peers.iter().filter(|(id, peer)| chosen(id, peer.via)).map(|(_, peer)| peer.weight).sum();
        let others = self.peers.iter().filter(|(id, peer)| peer.weight > 0 && !chosen(id, peer.via)).count();
        let part = BUDGET.saturating_sub(of_chosen.min(BUDGET / 2)) / others.max(1);
        let part_of_chosen = BUDGET / 2 / self.peers.len().saturating_sub(others).max(1);
        let held = &self.held;
        for (id, peer) in &mut self.peers {
            let part = match chosen(id, peer.via) {
                true if of_chosen > BUDGET / 2 => part_of_chosen,
                true => continue,
                false => part,
            };
            if peer.weight > part {
                let mut left = part;
                let mut fits = |offer: &Offer| {
                    let fits = weight(offer) <= left;
                    left = left.saturating_sub(if fits { weight(offer) } else { 0 });
                    fits
                };
                peer.offers.retain(|share, offer| held.contains_key(share) || fits(offer));
                peer.weight = peer.offers.values().map(weight).sum();
            }
        }
    }

    /// Takes from all catalogues what a share's manifest, which its publisher signed, says otherwise; tells who said it.
    pub(super) fn leave_out_lies(&mut self, id: ShareId, manifest: &Manifest) -> Vec<PeerId> {
        let lies = |offer: &Offer| contradiction(offer, manifest).is_some();
        let mut liars = vec![];
        for (peer, row) in &mut self.peers {
            if row.offers.get(&id).is_some_and(lies) {
                row.offers.remove(&id);
                liars.push(*peer);
            }
        }
        liars
    }

    /// A name as it is shown: one that belongs to another key already is not that one's again. The server that manages this
    /// computer was chosen by its key, and keeps the name under which people know it.
    pub(super) fn shown_name(&self, id: PeerId, said: &str) -> String {
        let own_server = self.managed.enrolled.as_ref().is_some_and(|enrolled| enrolled.server == id);
        if own_server || self.names.get(&id).is_some_and(|name| name == said) {
            return said.to_owned();
        }
        let key = likeness(said);
        let mine = likeness(&self.origin.name) == key;
        if mine || self.names.iter().any(|(other, name)| *other != id && likeness(name) == key) {
            return format!("another {said} ({})", id.short());
        }
        said.to_owned()
    }

    /// What `id` is called from now on; only who proved its key has a name of its own.
    pub(super) fn call_it(&mut self, id: PeerId) {
        let Some(peer) = self.peers.get(&id) else { return };
        let name = self.shown_name(id, &peer.said);
        let known = self.names.len() < NAMES_MAX || self.names.contains_key(&id);
        let Some(peer) = self.peers.get_mut(&id) else { return };
        peer.name = name.clone();
        if peer.proved && known {
            self.names.insert(id, name);
        }
    }
}

/// What of an entry a manifest says otherwise, as a sentence of the share.
pub(super) fn contradiction(offer: &Offer, manifest: &Manifest) -> Option<&'static str> {
    let publisher = manifest.publisher.peer_id();
    if offer.publisher != publisher {
        return Some("It is not from the computer that it was said to be from");
    }
    if presentable(&manifest.title).is_some_and(|title| title != offer.title) {
        return Some("It does not have the title under which it was listed");
    }
    if (offer.size, offer.files) != (manifest.size(), manifest.files()) {
        return Some("It does not have the size with which it was listed");
    }
    (kind_of(manifest) != offer.kind.into()).then_some("It is not the kind of thing as which it was listed")
}

/// What two names have in common that a person would take for the same.
fn likeness(name: &str) -> String {
    let letters: String = name.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    if letters.is_empty() { name.to_owned() } else { letters }
}
