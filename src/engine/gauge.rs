//! What the workers of one transfer spend their time on: measured where it passes, read by the engine's reasons.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use crate::platform::processor;

/// Counters of one transfer, over all its connections. They only grow.
#[derive(Debug, Default)]
pub struct Gauge {
    network_us: AtomicU64,
    disk_us: AtomicU64,
    processor_us: AtomicU64,
    limit_us: AtomicU64,
    refusals: AtomicU64,
    bytes: AtomicU64,
}

/// A [`Gauge`], read; or what was added between two readings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spent {
    /// Waiting for bytes of others.
    pub network: Duration,
    /// Waiting for the disk to take them.
    pub disk: Duration,
    /// Checking them.
    pub processor: Duration,
    /// Waiting because of a limit.
    pub limit: Duration,
    /// How often somebody had no slot for us.
    pub refusals: u64,
    /// Bytes that came.
    pub bytes: u64,
}

impl Gauge {
    pub fn read(&self) -> Spent {
        let time = |counter: &AtomicU64| Duration::from_micros(counter.load(Ordering::Relaxed));
        Spent {
            network: time(&self.network_us),
            disk: time(&self.disk_us),
            processor: time(&self.processor_us),
            limit: time(&self.limit_us),
            refusals: self.refusals.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
        }
    }

    pub fn add_network(&self, time: Duration) {
        add(&self.network_us, time);
    }

    pub fn add_limit(&self, time: Duration) {
        add(&self.limit_us, time);
    }

    pub fn add_refusal(&self) {
        self.refusals.fetch_add(1, Ordering::Relaxed);
    }

    pub fn add_bytes(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Runs what checks and writes bytes: the part of its time in which the processor worked is the processor's, the rest
    /// the disk's.
    /// `times`: for how many like it this one stands.
    pub fn measure<T>(&self, times: u32, work: impl FnOnce() -> T) -> T {
        let (began, used) = (Instant::now(), processor::used_by_thread());
        let done = work();
        let took = began.elapsed();
        let worked = used.zip(processor::used_by_thread()).map_or(Duration::ZERO, |(from, to)| to.saturating_sub(from));
        add(&self.processor_us, worked * times);
        add(&self.disk_us, took.saturating_sub(worked) * times);
        done
    }
}

fn add(counter: &AtomicU64, time: Duration) {
    counter.fetch_add(u64::try_from(time.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
}

impl Spent {
    /// What was added since an earlier reading.
    pub fn since(self, before: Spent) -> Spent {
        Spent {
            network: self.network.saturating_sub(before.network),
            disk: self.disk.saturating_sub(before.disk),
            processor: self.processor.saturating_sub(before.processor),
            limit: self.limit.saturating_sub(before.limit),
            refusals: self.refusals.saturating_sub(before.refusals),
            bytes: self.bytes.saturating_sub(before.bytes),
        }
    }

    /// Both together.
    pub fn and(self, other: Spent) -> Spent {
        Spent {
            network: self.network + other.network,
            disk: self.disk + other.disk,
            processor: self.processor + other.processor,
            limit: self.limit + other.limit,
            refusals: self.refusals + other.refusals,
            bytes: self.bytes + other.bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_is_the_disks_time_and_working_the_processors() {
        let gauge = Gauge::default();

        gauge.measure(1, || std::thread::sleep(Duration::from_millis(20)));

        let spent = gauge.read();
        assert!(spent.disk >= Duration::from_millis(15), "{spent:?}");
        assert!(spent.processor < Duration::from_millis(10), "{spent:?}");
        assert_eq!(gauge.read().since(spent), Spent::default());
    }
}
