//! Who is in which group, as the server says that this computer is enrolled with: callers show what it signed for them, and
//! it is checked here without asking anybody.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError, RwLock},
    time::{SystemTime, UNIX_EPOCH},
};

use data_encoding::BASE64;

use crate::{
    access::{GroupId, Membership, SignedMembership},
    engine::server_time::ServerTime,
    platform::since_boot::since_boot,
    share::PeerId,
};

/// What so many callers showed is remembered.
const REMEMBERED_MAX: usize = 4_096;

/// What callers have shown.
#[derive(Default)]
pub struct Vouching {
    /// The server whose word is taken.
    issuer: RwLock<Option<PeerId>>,
    shown: Mutex<BTreeMap<PeerId, Shown>>,
    /// What that server signed is judged by its own time.
    time: RwLock<ServerTime>,
}

struct Shown {
    /// As it came, so that the same is not checked for each request.
    text: Box<str>,
    membership: Membership,
}

impl Vouching {
    /// The word of this server is taken from now on, and what others said is forgotten.
    pub fn trust(&self, issuer: Option<PeerId>) {
        let mut known = self.issuer.write().unwrap_or_else(PoisonError::into_inner);
        if *known != issuer {
            *known = issuer;
            self.lock().clear();
        }
    }

    /// Goes by this time from now on.
    pub fn go_by(&self, time: ServerTime) {
        *self.time.write().unwrap_or_else(PoisonError::into_inner) = time;
    }

    fn now_s(&self) -> i64 {
        let time = *self.time.read().unwrap_or_else(PoisonError::into_inner);
        time.now_s(SystemTime::now(), since_boot())
    }

    pub fn issuer(&self) -> Option<PeerId> {
        *self.issuer.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// A caller shows a membership; one that is not right changes nothing.
    pub fn show(&self, caller: PeerId, text: &str) {
        let Some(issuer) = self.issuer() else { return };
        if self.lock().get(&caller).is_some_and(|shown| *shown.text == *text) {
            return;
        }
        let wire = BASE64.decode(text.as_bytes()).ok();
        let Some(signed) = wire.and_then(|wire| SignedMembership::parse(&wire, issuer).ok()) else { return };
        let membership = signed.membership().clone();
        if membership.member != caller {
            return;
        }
        let mut shown = self.lock();
        if shown.len() >= REMEMBERED_MAX && !shown.contains_key(&caller) {
            let now_s = self.now_s();
            shown.retain(|peer, shown| shown.membership.holds_for(*peer, now_s));
            if shown.len() >= REMEMBERED_MAX {
                return;
            }
        }
        // An older one that was kept takes nothing back that a newer one says.
        if shown.get(&caller).is_none_or(|before| before.membership.issued_s <= membership.issued_s) {
            shown.insert(caller, Shown { text: text.into(), membership });
        }
    }

    /// Whether the caller is in one of these groups of this server. The server itself always is: it says who is.
    pub fn is_in(&self, caller: PeerId, server: PeerId, groups: &BTreeSet<GroupId>) -> bool {
        if self.issuer() != Some(server) {
            return false;
        }
        let now_s = self.now_s();
        caller == server
            || self.lock().get(&caller).is_some_and(|shown| {
                shown.membership.holds_for(caller, now_s) && !shown.membership.groups.is_disjoint(groups)
            })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<PeerId, Shown>> {
        // It is changed in single steps.
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Seconds since 1970.
pub(super) fn now_s() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}
