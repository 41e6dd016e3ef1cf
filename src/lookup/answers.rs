//! The answer: three kinds, what is found, the way to it, and how finds of several servers become one list.

use std::{cmp::Reverse, collections::BTreeMap, sync::Arc, time::Duration};

use super::query::{Ask, HOPS_MAX, Words};
use crate::share::{
    Audience, EntryKind, Manifest, PeerId, Root, ShareId, SignedManifest,
    words::{answers, words_of},
};

/// An answer lists at most this many shares.
pub const FINDS_MAX: usize = 50;
/// Servers on the longest way: the one that is asked, and one a hop.
pub const ROUTE_MAX: usize = HOPS_MAX as usize + 1;
/// So many other ways to a share are known.
const DETOURS_MAX: usize = 3;

/// What came of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Found {
        /// The best first.
        finds: Vec<Find>,
        /// Servers that might have had more and did not say.
        missing: Vec<(PeerId, Reason)>,
    },
    /// None of these servers has it.
    NotFound {
        scope: Vec<PeerId>,
        /// How long that may be believed.
        ttl: Duration,
    },
    /// Whether it exists is not known.
    Unknown { reason: Reason, at: PeerId },
}

/// Why something is not known; the later, the more it says about what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// The question came to a server that it had passed.
    Loop,
    /// It was not allowed to go further up.
    HopLimit,
    Timeout,
    Overloaded,
    Unreachable,
    /// The one who asked may not ask that.
    Denied,
    /// What was answered is not true, or makes no sense.
    Corrupt,
}

/// A server on the way to a share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub server: PeerId,
    /// How it calls itself.
    pub name: String,
}

/// A share that somebody on the way has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Find {
    pub share: ShareId,
    pub title: String,
    /// Bytes.
    pub size: u64,
    pub files: u32,
    pub kind: FindKind,
    pub publisher: PeerId,
    /// Seconds since 1970.
    pub created_s: i64,
    pub audience: Audience,
    /// Proof of all the above; left out where it is large or many shares are listed.
    pub manifest: Option<Arc<SignedManifest>>,
    /// The way to it: the server that answers first, the one that has it last.
    pub route: Vec<Step>,
    /// Other ways, the shorter first.
    pub detours: Vec<Vec<Step>>,
}

/// What stands at the top of a share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FindKind {
    File,
    Folder,
    Several,
}

impl Answer {
    pub fn unknown(reason: Reason, at: PeerId) -> Answer {
        Answer::Unknown { reason, at }
    }
}

impl Find {
    /// What a server has itself, with its proof; whoever answers adds the route.
    pub fn of(signed: Arc<SignedManifest>) -> Find {
        Find { manifest: Some(signed.clone()), ..Find::listed(&signed) }
    }

    /// The same without a proof, for lists.
    pub fn listed(signed: &SignedManifest) -> Find {
        let manifest = signed.manifest();
        Find {
            share: signed.id(),
            title: manifest.title.clone(),
            size: manifest.size(),
            files: manifest.files(),
            kind: kind_of(manifest),
            publisher: manifest.publisher.peer_id(),
            created_s: manifest.created_s,
            audience: manifest.audience,
            manifest: None,
            route: vec![],
            detours: vec![],
        }
    }

    /// The same as `me` tells of it: each way begins there.
    pub(super) fn by(self, me: &Step) -> Find {
        let route = me.before(&self.route);
        let detours = self.detours.iter().map(|way| me.before(way)).collect();
        Find { route, detours, ..self }
    }

    /// Whether it can be an answer to `ask`. What has no proof is believed until it is fetched.
    pub(super) fn fits(&self, ask: &Ask) -> bool {
        let proof = self.manifest.as_deref();
        let proved = proof.is_none_or(|signed| signed.id() == self.share);
        proved
            && match ask {
                Ask::Share(share) => self.share == *share,
                Ask::Hash(root) => proof.is_none_or(|signed| has_file(signed.manifest(), root)),
                Ask::Words(_) => true,
            }
    }

    /// Whether it may be told to others: what is for everyone, and to whoever has the link what is for those.
    pub(super) fn is_tellable(&self, ask: &Ask) -> bool {
        match self.audience {
            Audience::Everyone => true,
            Audience::Link => matches!(ask, Ask::Share(_)),
            Audience::Peers => false,
        }
    }

    /// All ways to it, the best first.
    pub fn routes(&self) -> impl Iterator<Item = &Vec<Step>> {
        std::iter::once(&self.route).chain(&self.detours)
    }

    /// The find as it is for somebody to whom ways over `passed` are of no use; `None` where no other way is known.
    pub(super) fn without_ways_over(&self, passed: &[PeerId]) -> Option<Find> {
        let useful = |route: &&Vec<Step>| !route.iter().any(|step| passed.contains(&step.server));
        let mut routes = self.routes().filter(useful).cloned().collect::<Vec<_>>().into_iter();
        let route = routes.next()?;
        Some(Find { route, detours: routes.collect(), ..self.clone() })
    }

    fn take_ways_of(&mut self, other: Find) {
        let mut routes: Vec<Vec<Step>> = self.routes().cloned().chain(other.routes().cloned()).collect();
        routes.sort_by_key(Vec::len);
        let mut ways: Vec<Vec<Step>> = vec![];
        for route in routes {
            // Two ways that begin with the same server are one: where it goes on is that server's to decide.
            let next = |route: &Vec<Step>| route.get(1).map(|step| step.server);
            if !ways.iter().any(|way| next(way) == next(&route)) {
                ways.push(route);
            }
        }
        ways.truncate(1 + DETOURS_MAX);
        let mut ways = ways.into_iter();
        self.route = ways.next().unwrap_or_default();
        self.detours = ways.collect();
        self.manifest = self.manifest.take().or(other.manifest);
    }
}

fn kind_of(manifest: &Manifest) -> FindKind {
    let mut tops = manifest.tops();
    match (tops.next(), tops.next()) {
        (Some((_, only)), None) if only.kind == EntryKind::Folder => FindKind::Folder,
        (Some(_), None) => FindKind::File,
        _ => FindKind::Several,
    }
}

fn has_file(manifest: &Manifest, wanted: &Root) -> bool {
    manifest.entries.iter().any(|entry| matches!(&entry.kind, EntryKind::File { root, .. } if root == wanted))
}

/// One list of what several servers have: each share once with all ways to it, the best first.
pub(super) fn merge(ask: &Ask, finds: impl IntoIterator<Item = Find>) -> Vec<Find> {
    let mut by_share: BTreeMap<ShareId, Find> = BTreeMap::new();
    for find in finds {
        match by_share.entry(find.share) {
            std::collections::btree_map::Entry::Vacant(place) => _ = place.insert(find),
            std::collections::btree_map::Entry::Occupied(mut place) => place.get_mut().take_ways_of(find),
        }
    }
    let mut finds: Vec<Find> = by_share.into_values().collect();
    let words = match ask {
        Ask::Words(words) => Some(words),
        _ => None,
    };
    finds.sort_by_cached_key(|find| {
        (Reverse(closeness(find, words)), find.route.len(), Reverse(find.created_s), find.share)
    });
    finds.truncate(FINDS_MAX);
    finds
}

/// How well a title fits: each word that stands in it counts 2, each that one of its words only begins with 1.
fn closeness(find: &Find, words: Option<&Words>) -> u32 {
    let in_title = words_of(&find.title);
    let of_word = |word: &str| match in_title.iter().filter(|other| answers(other, word)).map(|other| other.len()).min()
    {
        Some(shortest) if shortest == word.len() => 2,
        Some(_) => 1,
        None => 0,
    };
    words.map_or(0, |words| words.iter().map(of_word).sum())
}
