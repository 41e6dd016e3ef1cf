//! How much of the processor this program, or one thread of it, has used.

use std::{sync::LazyLock, time::Duration};

/// Since the program was started, over all its threads; `None` where the system does not tell.
pub fn used_by_program() -> Option<Duration> {
    #[cfg(unix)]
    return Some(read(rustix::time::ClockId::ProcessCPUTime));
    #[cfg(not(unix))]
    None
}

/// Since the calling thread was started; `None` where the system does not tell.
pub fn used_by_thread() -> Option<Duration> {
    #[cfg(unix)]
    return Some(read(rustix::time::ClockId::ThreadCPUTime));
    #[cfg(not(unix))]
    None
}

/// Processors that this program may use, asked of the system once: it reads several files for the answer.
pub fn count() -> u32 {
    static COUNT: LazyLock<u32> = LazyLock::new(|| {
        std::thread::available_parallelism().map_or(1, |count| u32::try_from(count.get()).unwrap_or(u32::MAX))
    });
    *COUNT
}

#[cfg(unix)]
fn read(clock: rustix::time::ClockId) -> Duration {
    let time = rustix::time::clock_gettime(clock);
    let part = u32::try_from(time.tv_nsec).unwrap_or(0);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn work_shows_in_the_time_of_the_thread_and_of_the_program() {
        let before = (used_by_thread().unwrap(), used_by_program().unwrap());
        let mut sum = 0u64;
        while used_by_thread().unwrap() < before.0 + Duration::from_millis(5) {
            sum = std::hint::black_box(sum.wrapping_mul(31).wrapping_add(7));
        }

        assert!(used_by_program().unwrap() >= before.1 + Duration::from_millis(4));
        assert!(count() >= 1);
    }
}
