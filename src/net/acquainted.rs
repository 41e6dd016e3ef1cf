//! Whom we called ourselves, and who proved its key then: they find a place also when strangers take all others.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

use crate::share::PeerId;

/// Of so many is remembered that they are known; who was met first is forgotten first.
const KNOWN_MAX: usize = 1_024;

/// Keys that are known. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Acquainted(Arc<Mutex<Known>>);

#[derive(Debug, Default)]
struct Known {
    keys: BTreeSet<PeerId>,
    order: VecDeque<PeerId>,
}

impl Acquainted {
    pub fn met(&self, peer: PeerId) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !known.keys.insert(peer) {
            return;
        }
        known.order.push_back(peer);
        if known.order.len() > KNOWN_MAX
            && let Some(first) = known.order.pop_front()
        {
            known.keys.remove(&first);
        }
    }

    pub fn knows(&self, peer: &PeerId) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).keys.contains(peer)
    }
}
