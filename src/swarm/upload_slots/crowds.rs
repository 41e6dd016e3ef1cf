//! Many of one place: who stands alone in line, and who is one of a crowd.

use std::{collections::BTreeMap, net::IpAddr};

use super::{Asker, UploadLimits};
use crate::share::Whence;

/// How many of an address and of a network are served, or wait before others.
pub(super) struct Crowds {
    per_address: usize,
    per_net: usize,
    counts: BTreeMap<IpAddr, usize>,
}

impl Crowds {
    pub fn of<'a>(limits: &UploadLimits, served: impl Iterator<Item = &'a Asker>) -> Crowds {
        let per_net = (limits.slots / 2).max(limits.per_peer);
        let mut crowds = Crowds { per_address: limits.per_peer, per_net, counts: BTreeMap::new() };
        served.for_each(|who| _ = crowds.has_room_for(who));
        crowds
    }

    /// Whether one more stands alone, and counts it.
    pub fn has_room_for(&mut self, who: &Asker) -> bool {
        let Whence { address, net } = who.whence;
        if who.whence.is_here() {
            return true;
        }
        let mut more = |of: IpAddr| {
            let count = self.counts.entry(of).or_default();
            *count += 1;
            *count - 1
        };
        let at_address = more(address);
        let in_net = if net == address { at_address } else { more(net) };
        at_address < self.per_address && in_net < self.per_net
    }
}
