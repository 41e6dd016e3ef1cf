//! How long statements take, for whoever watches over a server. A program has one database, so it is counted once.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

static STATEMENTS: AtomicU64 = AtomicU64::new(0);
static TOOK_NS: AtomicU64 = AtomicU64::new(0);

/// How many statements there were since the start, and how long they took together; waiting for a connection counts.
pub fn statements() -> (u64, Duration) {
    (STATEMENTS.load(Ordering::Relaxed), Duration::from_nanos(TOOK_NS.load(Ordering::Relaxed)))
}

/// One statement; it ends when this is dropped.
pub(super) struct Timed(Instant);

pub(super) fn timed() -> Timed {
    Timed(Instant::now())
}

impl Drop for Timed {
    fn drop(&mut self) {
        let took = u64::try_from(self.0.elapsed().as_nanos()).unwrap_or(u64::MAX);
        STATEMENTS.fetch_add(1, Ordering::Relaxed);
        TOOK_NS.fetch_add(took, Ordering::Relaxed);
    }
}
