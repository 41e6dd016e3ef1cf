//! The system's file chooser, on a thread of its own, one at a time.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::Sender,
    },
    time::{Duration, Instant},
};

use super::{
    wishes::{Choice, Chosen},
    words,
};

/// Nobody gives up a dialog this fast: an answer that came sooner means that none could be put up. The library does not
/// tell the two apart.
const TOO_FAST: Duration = Duration::from_millis(400);

/// What came of putting one up.
#[derive(Debug)]
pub enum Answer {
    Chosen(Chosen),
    /// There is none on this system.
    Unavailable(Choice),
}

/// Puts choosers up.
#[derive(Default)]
pub struct Chooser {
    open: Arc<AtomicBool>,
}

impl Chooser {
    /// Puts one up; the answer goes to `answers`, then `wake` is called. While one is open, nothing happens.
    pub fn put_up(&self, choice: Choice, answers: Sender<Answer>, wake: impl FnOnce() + Send + 'static) {
        if self.open.swap(true, Ordering::SeqCst) {
            return;
        }
        let (failed_answers, open) = (answers.clone(), self.open.clone());
        let spawned = std::thread::Builder::new().name("chooser".to_owned()).spawn(move || {
            let _ = answers.send(ask(choice));
            open.store(false, Ordering::SeqCst);
            wake();
        });
        if spawned.is_err() {
            self.open.store(false, Ordering::SeqCst);
            let _ = failed_answers.send(Answer::Unavailable(choice));
        }
    }
}

fn ask(choice: Choice) -> Answer {
    let asked = Instant::now();
    let dialog = rfd::FileDialog::new();
    let paths = match choice {
        Choice::Files => dialog.set_title(words::ADD_FILES).pick_files(),
        Choice::Folder => dialog.set_title(words::ADD_FOLDER).pick_folders(),
        Choice::Downloads => dialog.set_title(words::SETTINGS_DOWNLOADS).pick_folder().map(|folder| vec![folder]),
        Choice::Move => dialog.set_title(words::control::MOVE_FOLDER).pick_folder().map(|folder| vec![folder]),
    };
    match paths {
        Some(paths) => Answer::Chosen(Chosen { choice, paths }),
        None if asked.elapsed() < TOO_FAST => Answer::Unavailable(choice),
        None => Answer::Chosen(Chosen { choice, paths: Vec::new() }),
    }
}
