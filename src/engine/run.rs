//! The engine's loop: the only place that waits for events, starts what is to be done, and publishes pictures.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use tokio::sync::{mpsc, watch};

use super::{
    command::Command,
    event::{Clock, Event},
    shell::Shell,
    snapshot::Snapshot,
    state::State,
    task::Task,
    work,
};
use crate::{
    platform::{local_time::weekday_and_minute, processor, since_boot::since_boot},
    traffic::LocalTime,
};

/// Pictures are made at most this often.
const PICTURE_EVERY: Duration = Duration::from_millis(100);
/// The same where a wish has ended, which somebody waits for.
const OUTCOME_EVERY: Duration = Duration::from_millis(5);
/// So many events are taken at once before tasks are started and a picture is made.
const EVENTS_AT_ONCE: usize = 64;

/// The loop and what it holds.
pub struct Loop {
    pub state: State,
    pub shell: Shell,
    /// What is to be done before anything happens.
    pub first: Vec<Task>,
    pub commands: mpsc::Receiver<Command>,
    pub events: mpsc::Receiver<Event>,
    pub snapshots: watch::Sender<Arc<Snapshot>>,
    pub wake: Arc<dyn Fn() + Send + Sync>,
}

impl Loop {
    /// Runs until it is cancelled.
    pub async fn run(mut self) {
        let mut tasks = vec![];
        let first = std::mem::take(&mut self.first);
        let mut at_once: VecDeque<Event> = first.into_iter().filter_map(|task| self.start(task)).collect();
        let mut pictured_at = Instant::now();
        let mut clocks = Clocks { last: clock() };
        loop {
            let Some(event) = self.next_event(pictured_at).await else { break };
            at_once.push_back(event);
            while at_once.len() < EVENTS_AT_ONCE {
                let Ok(more) = self.events.try_recv() else { break };
                at_once.push_back(more);
            }
            while let Some(event) = at_once.pop_front() {
                self.state.handle(clocks.read(), event, &mut tasks);
                for task in tasks.drain(..) {
                    at_once.extend(self.start(task));
                }
            }
            self.picture(&mut pictured_at);
        }
        self.save().await;
    }

    /// Saves what is had of unfinished downloads, for the next start.
    async fn save(&mut self) {
        for staging in self.state.unfinished() {
            let saved = tokio::task::spawn_blocking(move || staging.save_have()).await;
            if let Ok(Err(error)) = saved {
                tracing::warn!(%error, "what is had of a download could not be saved");
            }
        }
        if let Some(given) = self.state.given_unsaved() {
            work::remember::remember(&self.shell, given);
        }
        self.shell.last_fact.cancel();
    }

    /// The next thing that happens; people's wishes first. `None`: the end.
    async fn next_event(&mut self, pictured_at: Instant) -> Option<Event> {
        let uploading = self.shell.served.open_uploads() > 0;
        let moving = uploading || self.state.moving();
        let wakeup = self.state.next_wakeup(moving).map(|(at, _)| at);
        let picture = self.state.has_changed().then_some(pictured_at + self.picture_every());
        let due = wakeup.into_iter().chain(picture).min();
        tokio::select! {
            biased;
            () = self.shell.cancel.cancelled() => None,
            Some(command) = self.commands.recv() => Some(Event::Command(command)),
            () = self.shell.served.uploads_changed.notified() => Some(Event::Uploads(self.shell.served.readings())),
            Some(event) = self.events.recv() => Some(event),
            () = sleep_until(due) => Some(if uploading {
                Event::Uploads(self.shell.served.readings())
            } else {
                Event::Tick
            }),
        }
    }

    /// Starts a task. What can be told at once comes back as events.
    fn start(&mut self, task: Task) -> Option<Event> {
        match task {
            Task::Serve { share, recipients, mine, content, have } => {
                self.shell.served.insert(share, recipients, mine, content, have);
                None
            }
            Task::Gained { share, piece } => {
                self.shell.served.gained(share, piece);
                None
            }
            Task::Met { share, peer } => {
                self.shell.served.met(share, peer);
                None
            }
            Task::Withdraw { share } => {
                self.shell.served.remove(share);
                None
            }
            Task::Throttle(plan) => {
                let each = plan.each.iter().map(|(id, (limits, priority))| (*id, limits.down, *priority));
                self.shell.fetching.set(plan.total.down, each);
                self.shell.served.set_plan(plan);
                None
            }
            Task::Vouch(vouched) => {
                self.shell.vouched(vouched.as_ref());
                None
            }
            Task::KeepTime(time) => {
                self.shell.served.vouching.go_by(time);
                None
            }
            Task::Announce { name, revision } => {
                self.shell.served.set_revision(revision);
                work::announce::announce(&self.shell, &name, revision);
                None
            }
            task => work::start(&self.shell, task),
        }
    }

    fn picture_every(&self) -> Duration {
        if self.state.owes_outcome() { OUTCOME_EVERY } else { PICTURE_EVERY }
    }

    fn picture(&mut self, pictured_at: &mut Instant) {
        if !self.state.has_changed() || pictured_at.elapsed() < self.picture_every() {
            return;
        }
        let before = self.snapshots.borrow().clone();
        let picture = Arc::new(self.state.picture(Some(&before)));
        self.snapshots.send_replace(picture);
        *pictured_at = Instant::now();
        (self.wake)();
    }
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due.into()).await,
        None => std::future::pending().await,
    }
}

/// The time of what happens at this moment.
pub(super) fn clock() -> Clock {
    let (now, wall) = (Instant::now(), SystemTime::now());
    Clock { now, wall, local: local_time(wall), used: processor::used_by_program(), since_boot: since_boot() }
}

fn local_time(wall: SystemTime) -> LocalTime {
    let (weekday, minute) = weekday_and_minute(wall);
    LocalTime { weekday, minute }
}

/// Reads the clocks. The slow ones are looked at a few times a second, however much happens.
struct Clocks {
    last: Clock,
}

impl Clocks {
    fn read(&mut self) -> Clock {
        let now = Instant::now();
        if now.saturating_duration_since(self.last.now) >= Duration::from_millis(100) || self.last.now > now {
            self.last = clock();
        }
        Clock { now, wall: SystemTime::now(), since_boot: since_boot(), ..self.last }
    }
}
