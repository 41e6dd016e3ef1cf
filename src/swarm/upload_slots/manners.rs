//! How those who were served took what they got: how long a piece usually takes, and who takes it in about that time.

use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};

use crate::share::PeerId;

use super::{Asker, Origin};

/// Of so many is remembered how they took their last piece.
const KNOWN_MAX: usize = 1_024;
/// The usual time is that of the last pieces of so many.
const SAMPLES_MAX: usize = 31;
/// Who is quick and asked in this time is about to ask again.
const LATELY: Duration = Duration::from_millis(500);
/// So many of those are looked for.
const LATELY_MAX: usize = 4;

/// How long a piece took, and [`STEP`](super::STEP) of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Took {
    pub piece: Duration,
    pub step: Duration,
}

/// Memory is bounded by the constants above.
#[derive(Debug)]
pub(super) struct Manners {
    /// Whether it was quick, and when that showed.
    known: BTreeMap<PeerId, bool>,
    /// The same keys, who showed it longest ago first.
    order: VecDeque<PeerId>,
    /// Who is quick and asked last, and when.
    lately: VecDeque<(PeerId, Instant)>,
    /// How long the last piece took, for each network once: keys are free, and many of them are no majority. Programs of
    /// this computer count one by one.
    samples: VecDeque<(Origin, Took)>,
}

impl Manners {
    pub fn new() -> Manners {
        Manners { known: BTreeMap::new(), order: VecDeque::new(), lately: VecDeque::new(), samples: VecDeque::new() }
    }

    pub fn is_quick(&self, peer: &PeerId) -> bool {
        self.known.get(peer) == Some(&true)
    }

    pub fn is_slow(&self, peer: &PeerId) -> bool {
        self.known.get(peer) == Some(&false)
    }

    pub fn showed(&mut self, peer: PeerId, quick: bool) {
        if self.known.insert(peer, quick) != Some(quick) {
            self.order.retain(|known| *known != peer);
            self.order.push_back(peer);
        }
        if self.order.len() > KNOWN_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        if !quick {
            self.lately.retain(|(of, _)| *of != peer);
        }
    }

    /// Somebody asks for a piece.
    pub fn asks(&mut self, now: Instant, peer: PeerId) {
        if self.is_quick(&peer) {
            self.lately.retain(|(of, at)| *of != peer && now.saturating_duration_since(*at) < LATELY);
            self.lately.push_back((peer, now));
            if self.lately.len() > LATELY_MAX {
                self.lately.pop_front();
            }
        }
    }

    /// How many quick ones are served or will soon ask again, counted up to a few.
    pub fn quick_lately(&self, now: Instant) -> usize {
        self.lately.iter().filter(|(_, at)| now.saturating_duration_since(*at) < LATELY).count()
    }

    /// A piece took so long.
    pub fn took(&mut self, asker: &Asker, took: Took) {
        let origin = asker.origin();
        self.samples.retain(|(of, _)| *of != origin);
        self.samples.push_back((origin, took));
        if self.samples.len() > SAMPLES_MAX {
            self.samples.pop_front();
        }
    }

    /// The middle of what pieces took lately, and of what their steps took.
    pub fn usual(&self) -> Option<Took> {
        let middle = |part: fn(&Took) -> Duration| {
            let mut all: Vec<Duration> = self.samples.iter().map(|(_, took)| part(took)).collect();
            all.sort_unstable();
            all.get(all.len() / 2).copied()
        };
        Some(Took { piece: middle(|took| took.piece)?, step: middle(|took| took.step)? })
    }
}
