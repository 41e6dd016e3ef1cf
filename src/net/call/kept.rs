//! Connections that were used and are still good: the next request to the same peer saves making one, which costs two round
//! trips, two signatures on each side, and on a full line a second.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::Connection;
use crate::share::PeerId;

/// Less than the other side waits for another request, so that it never ends while one is on its way.
const AGE_MAX: Duration = Duration::from_secs(4);
const COUNT_MAX: usize = 64;

/// Idle connections, the oldest first.
#[derive(Default)]
pub(super) struct Kept(Mutex<VecDeque<(Instant, Connection)>>);

impl Kept {
    pub fn put(&self, connection: Connection) {
        let now = Instant::now();
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(since, connection)| is_good(now, *since, connection));
        if kept.len() >= COUNT_MAX {
            kept.pop_front();
        }
        kept.push_back((now, connection));
    }

    pub fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    pub fn take(&self, peer: PeerId) -> Option<Connection> {
        let now = Instant::now();
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(since, connection)| is_good(now, *since, connection));
        let newest = kept.iter().rposition(|(_, connection)| connection.peer == peer)?;
        kept.remove(newest).map(|(_, connection)| connection)
    }
}

fn is_good(now: Instant, since: Instant, connection: &Connection) -> bool {
    now.saturating_duration_since(since) < AGE_MAX && !connection.is_closed()
}
