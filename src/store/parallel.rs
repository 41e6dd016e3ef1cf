//! The same work on every core: over a list that is taken from in order, or over jobs that make more jobs.

use std::{
    sync::{
        Condvar, Mutex, PoisonError,
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
    thread::scope(|scope| {
        for _ in 1..threads().min(jobs) {
            scope.spawn(run);
        }
        run();
    });
    failed.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner()).map_or(Ok(()), Err)
}

fn threads() -> usize {
    thread::available_parallelism().map_or(2, usize::from).min(THREADS_MAX)
}

/// Jobs that wait, the one added last on top: what hangs on it (an open folder) is let go soonest.
struct Waiting<J, E> {
    jobs: Vec<J>,
    /// Threads that work at one, and may add more.
    busy: usize,
    failed: Option<E>,
}

/// Does `first` and every job that `work` adds to the list it is given, on all cores, each thread with what `make` gives it;
/// returns all of that. The first error, or `cancel`, ends it.
pub(super) fn for_each_found<J: Send, T: Send, E: Send>(
    first: J,
    cancel: &AtomicBool,
    make: impl Fn() -> T + Sync,
    work: impl Fn(J, &mut T, &mut Vec<J>) -> Result<(), E> + Sync,
) -> Result<Vec<T>, E> {
    let waiting = Mutex::new(Waiting { jobs: vec![first], busy: 0, failed: None });
    let changed = Condvar::new();
    let run = || {
        let (mut own, mut found) = (make(), vec![]);
        while let Some(job) = next(&waiting, &changed, cancel) {
            let _working = Working { waiting: &waiting, changed: &changed };
            let result = work(job, &mut own, &mut found);
            let mut waiting = super::locked(&waiting);
            waiting.jobs.append(&mut found);
            if let Err(error) = result {
                waiting.failed.get_or_insert(error);
            }
        }
        own
    };
    let mut all = vec![];
    thread::scope(|scope| {
        let others: Vec<_> = (1..threads()).map(|_| scope.spawn(run)).collect();
        all.push(run());
        for thread in others {
            all.push(thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
    });
    let failed = waiting.into_inner().unwrap_or_else(PoisonError::into_inner).failed;
    failed.map_or(Ok(all), Err)
}

/// A thread that works at a job. When it has ended, also by a panic, the others look again.
struct Working<'a, J, E> {
    waiting: &'a Mutex<Waiting<J, E>>,
    changed: &'a Condvar,
}

impl<J, E> Drop for Working<'_, J, E> {
    fn drop(&mut self) {
        super::locked(self.waiting).busy -= 1;
        self.changed.notify_all();
    }
}

/// The next job; `None` when there is none and nobody can add one.
fn next<J, E>(waiting: &Mutex<Waiting<J, E>>, changed: &Condvar, cancel: &AtomicBool) -> Option<J> {
    let mut waiting = super::locked(waiting);
    loop {
        if waiting.failed.is_some() || cancel.load(Ordering::Relaxed) {
            return None;
        }
        if let Some(job) = waiting.jobs.pop() {
            waiting.busy += 1;
            return Some(job);
        }
        if waiting.busy == 0 {
            return None;
        }
        waiting = changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
    }
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

    #[test]
    fn jobs_that_make_jobs_are_all_done_once_and_then_it_ends() {
        let split = |depth: u32, sum: &mut u32, more: &mut Vec<u32>| {
            *sum += 1;
            more.extend((0..3).filter(|_| depth > 0).map(|_| depth - 1));
            Ok::<(), ()>(())
        };
        let sums = for_each_found(7, &AtomicBool::new(false), || 0, split).unwrap();
        assert_eq!(sums.iter().sum::<u32>(), (3u32.pow(8) - 1) / 2);
    }

    #[test]
    fn jobs_that_make_jobs_end_at_an_error_and_when_called_off() {
        let endless = |at: u32, (): &mut (), more: &mut Vec<u32>| {
            more.push(at + 1);
            if at == 1_000 { Err("a thousand") } else { Ok(()) }
        };
        assert_eq!(for_each_found(0, &AtomicBool::new(false), || (), endless), Err("a thousand"));
        let done = for_each_found(0, &AtomicBool::new(true), || (), endless);
        assert_eq!(done.map(|all| all.len()), Ok(threads()));
    }
}
