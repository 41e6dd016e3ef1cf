//! How often somebody may do something that costs us time: so many at once, and so many a second.

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::{
    body::Body,
    http::{Response, StatusCode, header},
};

use crate::share::PeerId;

/// So many are counted at a time. Of more, who came first is counted anew.
const COUNTED_MAX: usize = 4_096;

/// What one may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    pub at_once: u32,
    pub per_s: u32,
}

/// Counts for each of many.
pub(super) struct Rates<K> {
    /// When all of what one did will be forgotten.
    until: Mutex<BTreeMap<K, Instant>>,
}

impl<K> Default for Rates<K> {
    fn default() -> Rates<K> {
        Rates { until: Mutex::default() }
    }
}

impl<K: Ord + Copy> Rates<K> {
    /// Whether it may once more; then that is counted.
    pub fn may(&self, now: Instant, who: K, rate: Rate) -> bool {
        let one = Duration::from_secs(1) / rate.per_s.max(1);
        let mut until = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        if until.len() >= COUNTED_MAX && !until.contains_key(&who) {
            until.retain(|_, until| *until > now);
            if until.len() >= COUNTED_MAX
                && let Some(first) = until.iter().min_by_key(|(_, until)| **until).map(|(who, _)| *who)
            {
                until.remove(&first);
            }
        }
        let full = until.get(&who).copied().unwrap_or(now).max(now) + one;
        let may = full <= now + one * rate.at_once.max(1);
        if may {
            until.insert(who, full);
        }
        may
    }
}

/// How often a peer may ask for something.
pub(super) struct HowOften {
    pub asked: Arc<Rates<(IpAddr, Option<PeerId>)>>,
    pub who: (IpAddr, Option<PeerId>),
    pub rate: Rate,
}

impl HowOften {
    pub fn may_again(&self) -> bool {
        self.asked.may(Instant::now(), self.who, self.rate)
    }
}

/// The connection ends with it.
pub(super) fn too_often() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
    let headers = response.headers_mut();
    headers.insert(header::RETRY_AFTER, header::HeaderValue::from_static("1"));
    headers.insert(header::CONNECTION, header::HeaderValue::from_static("close"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_at_once_and_then_so_many_a_second() {
        let (rates, now) = (Rates::default(), Instant::now());
        let rate = Rate { at_once: 10, per_s: 4 };
        let may = |at: Duration, who| (0..100).filter(|_| rates.may(now + at, who, rate)).count();
        assert_eq!(may(Duration::ZERO, 1), 10);
        assert_eq!(may(Duration::ZERO, 2), 10, "each for itself");
        assert_eq!(may(Duration::from_secs(1), 1), 4);
        assert_eq!(may(Duration::from_secs(60), 1), 10);
    }

    #[test]
    fn memory_has_an_end_and_newcomers_may() {
        let (rates, now) = (Rates::default(), Instant::now());
        let rate = Rate { at_once: 1, per_s: 1 };
        assert!((0..3 * COUNTED_MAX).all(|who| rates.may(now, who, rate)));
        assert!(rates.until.lock().unwrap().len() <= COUNTED_MAX);
    }
}
