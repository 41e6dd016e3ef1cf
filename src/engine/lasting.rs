//! Whether what was done lasts: how many facts were to be written down, how many were, and what is in the way.
//!
//! Facts are written in order, so a wish lasts when all that was noted up to its end is written. Who answers a person waits
//! for that: what is answered as done must not be undone at the next start.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use tokio::sync::watch;

/// Cheap to clone.
#[derive(Clone)]
pub struct Lasting {
    noted: Arc<AtomicU64>,
    progress: watch::Sender<Progress>,
}

#[derive(Clone, Debug, Default)]
struct Progress {
    written: u64,
    /// The last attempt failed.
    failing: Option<(u64, Unkept)>,
}

/// Why something does not last yet. It holds until Handout is closed, and is written down when that is possible.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unkept {
    pub what: String,
    pub hint: String,
}

impl Default for Lasting {
    fn default() -> Lasting {
        Lasting { noted: Arc::default(), progress: watch::Sender::new(Progress::default()) }
    }
}

impl Lasting {
    /// One more fact is to be written.
    pub fn noted(&self) {
        self.noted.fetch_add(1, Ordering::AcqRel);
    }

    /// So many facts are done with: written, or given up.
    pub fn written(&self, count: u64) {
        self.progress.send_modify(|progress| {
            progress.written += count;
            progress.failing = None;
        });
    }

    /// So many facts need no writing, since later ones replace them.
    pub fn replaced(&self, count: u64) {
        self.progress.send_modify(|progress| progress.written += count);
    }

    /// The first of the facts that wait can't be written. `waiting`: how many do, with it.
    pub fn failed(&self, waiting: u64, why: Unkept) {
        self.progress.send_modify(|progress| progress.failing = Some((progress.written + waiting, why)));
    }

    /// Waits until everything that was noted before is written; an error when an attempt at it failed.
    pub async fn lasts(&self) -> Result<(), Unkept> {
        let (noted, mut progress) = (self.noted.load(Ordering::Acquire), self.progress.subscribe());
        loop {
            let now = progress.borrow_and_update().clone();
            match now.failing {
                _ if now.written >= noted => return Ok(()),
                Some((tried, why)) if tried >= noted => return Err(why),
                _ => {}
            }
            if progress.changed().await.is_err() {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_wish_lasts_when_all_before_it_is_written_and_an_old_failure_is_not_its_own() {
        let lasting = Lasting::default();
        assert_eq!(lasting.lasts().await, Ok(()));
        lasting.noted();
        let full = Unkept { what: "The disk is full".to_owned(), hint: String::new() };
        lasting.failed(1, full.clone());
        assert_eq!(lasting.lasts().await, Err(full));

        lasting.noted();
        let (waiting, writer) = (lasting.clone(), lasting.clone());
        let wait = tokio::spawn(async move { waiting.lasts().await });
        tokio::task::yield_now().await;
        assert!(!wait.is_finished());
        writer.written(2);
        assert_eq!(wait.await.unwrap(), Ok(()));
    }
}
