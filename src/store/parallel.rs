//! The same work on every core, over a list that is taken from in order.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

/// More threads than this only wait for the disk.
const THREADS_MAX: usize = 32;

/// Runs `work` for every number below `jobs`, on all cores, each thread with a buffer of its own that `buffer` makes. The
/// first error ends it; which one that is when several happen at once is open. `cancel` ends it too, without an error.
pub(super) fn for_each<B, E: Send>(
    jobs: usize,
    cancel: &AtomicBool,
    buffer: impl Fn() -> B + Sync,
    work: impl Fn(usize, &mut B) -> Result<(), E> + Sync,
) -> Result<(), E> {
    let next = AtomicUsize::new(0);
    let failed: Mutex<Option<E>> = Mutex::new(None);
    let run = || {
        let mut buffer = buffer();
        while !cancel.load(Ordering::Relaxed) {
            let job = next.fetch_add(1, Ordering::Relaxed);
            if job >= jobs {
                break;
            }
            if let Err(error) = work(job, &mut buffer) {
                next.store(jobs, Ordering::Relaxed);
                super::locked(&failed).get_or_insert(error);
                break;
            }
        }
    };
    let threads = thread::available_parallelism().map_or(2, usize::from).min(THREADS_MAX).min(jobs);
    thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(run);
        }
        run();
    });
    failed.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner()).map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_job_is_done_once() {
        let done: Vec<AtomicUsize> = (0..1_000).map(|_| AtomicUsize::new(0)).collect();
        let result = for_each(
            done.len(),
            &AtomicBool::new(false),
            || (),
            |job, ()| {
                done[job].fetch_add(1, Ordering::Relaxed);
                Ok::<(), ()>(())
            },
        );
        assert_eq!(result, Ok(()));
        assert!(done.iter().all(|count| count.load(Ordering::Relaxed) == 1));
    }

    #[test]
    fn an_error_ends_the_work() {
        let done = AtomicUsize::new(0);
        let result = for_each(
            1_000_000,
            &AtomicBool::new(false),
            || (),
            |job, ()| {
                done.fetch_add(1, Ordering::Relaxed);
                if job == 10 { Err("ten") } else { Ok(()) }
            },
        );
        assert_eq!(result, Err("ten"));
        assert!(done.load(Ordering::Relaxed) < 1_000_000);
    }

    #[test]
    fn what_is_cancelled_before_it_begins_does_nothing() {
        let work = |_, _: &mut ()| Err("worked");
        assert_eq!(for_each(10, &AtomicBool::new(true), || (), work), Ok(()));
    }
}
