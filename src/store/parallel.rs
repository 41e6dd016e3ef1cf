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

/// How much of the computer the work may take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Effort {
    /// All of it: somebody waits.
    #[default]
    Foreground,
    /// What others leave: other programs come first on Linux, elsewhere half of the cores are theirs.
    Background,
}

impl Effort {
    fn threads(self) -> usize {
        let half = self == Effort::Background && !cfg!(target_os = "linux");
        if half { threads().div_ceil(2) } else { threads() }
    }

    /// Takes back the calling thread, which must end with the work: nobody may take it forward again.
    fn take_back(self) {
        #[cfg(target_os = "linux")]
        if self == Effort::Background {
            // On Linux this holds for the thread alone (nice(2)). Where it is refused, the work is as quick as ever.
            let _ = rustix::process::nice(19);
        }
    }
}

/// Runs `work` for every number below `jobs`, on all cores, each thread with a buffer of its own that `buffer` makes. The
/// first error ends it; which one that is when several happen at once is open. `cancel` ends it too, without an error.
pub(super) fn for_each<B, E: Send>(
    effort: Effort,
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
        let own = usize::from(effort == Effort::Foreground);
        for _ in own..effort.threads().min(jobs) {
            scope.spawn(|| {
                effort.take_back();
                run();
            });
        }
        if own > 0 {
            run();
        }
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
        for (times, effort) in [(1, Effort::Foreground), (2, Effort::Background)] {
            let result = for_each(
                effort,
                done.len(),
                &AtomicBool::new(false),
                || (),
                |job, ()| {
                    done[job].fetch_add(1, Ordering::Relaxed);
                    Ok::<(), ()>(())
                },
            );
            assert_eq!(result, Ok(()));
            assert!(done.iter().all(|count| count.load(Ordering::Relaxed) == times));
        }
    }

    #[test]
    fn an_error_ends_the_work() {
        let done = AtomicUsize::new(0);
        let result = for_each(
            Effort::Foreground,
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
        assert_eq!(for_each(Effort::Background, 10, &AtomicBool::new(true), || (), work), Ok(()));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn work_in_the_background_stands_back_and_leaves_the_caller_as_it_was() {
        let nice = |thread: &str| {
            let stat = std::fs::read_to_string(format!("/proc/{thread}/stat")).unwrap();
            let fields = stat.rsplit_once(')').unwrap().1;
            fields.split_whitespace().nth(16).unwrap().parse::<i32>().unwrap()
        };
        let before = nice("thread-self");
        let work = |_, (): &mut ()| if nice("thread-self") == (before + 19).min(19) { Ok(()) } else { Err("in front") };
        assert_eq!(for_each(Effort::Background, 8, &AtomicBool::new(false), || (), work), Ok(()));
        assert_eq!(nice("thread-self"), before);
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
