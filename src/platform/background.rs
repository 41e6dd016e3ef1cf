//! Work that gives way to whatever people do on this computer: for the processor and for the disk.
//!
//! Linux derives a thread's I/O priority from its nice value unless `ioprio_set` was called for it: (nice + 20) / 5, so nice 19
//! is 7, the lowest of the best-effort class (ioprio_set(2); what `ionice` calls "none"). The idle class is deliberately not
//! used: on a disk that is never idle, checking would never end.

use std::{io, thread};

/// Runs `work` on a thread of its own that has the lowest priority the system knows for it (on Linux nice 19; threads that
/// it starts have the same). The thread is not used again, because without rights a priority can't be raised back.
pub fn spawn<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> io::Result<thread::JoinHandle<T>> {
    thread::Builder::new().name("background".to_owned()).spawn(move || {
        if let Err(error) = thread_priority::set_current_thread_priority(thread_priority::ThreadPriority::Min) {
            tracing::debug!(?error, "work in the background runs like all other");
        }
        work()
    })
}

#[cfg(test)]
mod tests {
    #[test]
    #[cfg(target_os = "linux")]
    fn work_in_the_background_has_the_lowest_priority_and_this_thread_keeps_its_own() {
        let nice = || rustix::process::getpriority_process(None).unwrap();
        let before = nice();

        let behind = super::spawn(nice).unwrap().join().unwrap();

        assert_eq!((behind, nice()), (19, before));
    }
}
