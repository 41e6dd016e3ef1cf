//! The window: opened here, or raised where it is open already.

use std::path::PathBuf;

use super::{logging, remark_unused, runtime, setup};
use crate::{
    cli::{
        self, Exit, Output,
        args::{Command, Common, Share},
    },
    control::{self, Answers, AskError, Connection, Found},
    platform::display::has_display,
    wire::control::{Answer, Envelope, Request},
};

/// Opens the window with `paths` as if they had been dropped on it. A window that is open already takes them; a Handout
/// without a window shares them.
pub(super) fn open(common: &Common, paths: &[PathBuf], output: &Output) -> Result<(), Exit> {
    check_words(paths)?;
    let paths_text = cli::absolute(paths)?;
    let setup = setup::setup(common)?;
    let found = runtime()?.block_on(async {
        let found = control::find(&setup.home).await.map_err(|error| Exit::failed(error.to_string(), "", ""))?;
        match found {
            Found::Nobody(instance) => Ok(Some(instance)),
            Found::Running(endpoint) => {
                remark_unused(common, output);
                hand_over(Connection::Running(endpoint), paths, paths_text, common, output).await.map(|()| None)
            }
        }
    })?;
    let Some(instance) = found else { return Ok(()) };
    if !has_display() {
        let hint = "On a terminal use the commands: handout --help";
        return Err(Exit::failed("There is no display to open the window on", "", hint));
    }
    logging::to_file(&setup.home, common);
    for bad in &setup.settings.bad {
        tracing::warn!("{bad}");
    }
    shown::run(setup, common, instance, paths)
}

/// A word that is neither a command nor a file is more likely a slip than a file that is gone.
fn check_words(paths: &[PathBuf]) -> Result<(), Exit> {
    match paths.iter().find(|path| path.symlink_metadata().is_err()) {
        None => Ok(()),
        Some(path) => {
            let hint = "`handout --help` lists the commands.";
            Err(Exit::usage("There is no such command, file or folder", path.display().to_string(), hint))
        }
    }
}

/// Gives the paths to the Handout that runs already.
async fn hand_over(
    connection: Connection,
    paths: &[PathBuf],
    paths_text: Vec<String>,
    common: &Common,
    output: &Output,
) -> Result<(), Exit> {
    let mut answers: Answers = connection.ask(Envelope::new(Request::Open { paths: paths_text })).await?;
    match answers.next().await {
        Some(Ok(Answer::Opened)) => Ok(()),
        Some(Ok(Answer::NoWindow { .. })) if !paths.is_empty() => {
            let (title, recipients, paths) = (None, Vec::new(), paths.to_vec());
            let share = Share { paths, title, recipients, leave_out: false, class: None };
            let interrupt = super::shutdown::interrupt()?;
            cli::run(Command::Share(share), common.peers.clone(), &connection, output, &interrupt).await
        }
        Some(Ok(Answer::NoWindow { pid })) => {
            let what = "Handout is already running without a window";
            let hint = "End that process to open the window, or use the commands: handout --help";
            Err(Exit::failed(what, format!("process {pid}"), hint))
        }
        Some(Ok(Answer::Failure(failure))) => Err(failure.into()),
        Some(Err(error)) => Err(error.into()),
        Some(Ok(_)) | None => Err(AskError::CutOff.into()),
    }
}

#[cfg(not(feature = "window"))]
mod shown {
    use std::path::PathBuf;

    use super::{Common, Exit, setup};
    use crate::control::Instance;

    pub(super) fn run(_: setup::Setup, _: &Common, _: Instance, _: &[PathBuf]) -> Result<(), Exit> {
        let hint = "Use the commands: handout --help";
        Err(Exit::failed("This Handout was built without a window", "", hint))
    }
}

#[cfg(feature = "window")]
mod shown {
    use std::{
        path::PathBuf,
        sync::{Arc, Condvar, Mutex, PoisonError, mpsc},
        thread,
        time::Duration,
    };

    use super::{Common, Exit, setup};
    use crate::{
        control::{self, Instance, Listener, Service},
        engine::{Engine, Handle},
        platform::reveal,
        settings::{self, Change, Theme},
        start::shutdown,
        window::{self, ThemeChoice},
    };

    /// How many times paths may be handed over before the window has taken them.
    const DROPS_WAITING: usize = 64;
    /// How long an engine that is still starting may take when the window is closed already.
    const START_WAIT: Duration = Duration::from_secs(10);

    /// Shows the window until it is closed. The engine starts beside it, so that the window is there at once.
    pub(super) fn run(setup: setup::Setup, common: &Common, instance: Instance, paths: &[PathBuf]) -> Result<(), Exit> {
        let interrupt = shutdown::interrupt()?;
        let slot = Arc::new(Slot::default());
        let (drops, dropped) = mpsc::sync_channel(DROPS_WAITING);
        if !paths.is_empty() {
            let paths = paths.iter().filter_map(|path| std::path::absolute(path).ok()).collect();
            // The queue is empty yet.
            let _ = drops.try_send(paths);
        }
        end_when_told(interrupt, slot.clone())?;
        let options = options(&setup);
        let (peers, starting) = (common.peers.clone(), slot.clone());
        let make = move |wake: Arc<dyn Fn() + Send + Sync>| {
            starting.begin()?;
            let running = Running::start(&setup, &peers, instance, drops, wake);
            starting.fill(running)
        };
        let closed = window::run(Box::new(make), dropped, options);
        slot.close();
        closed.map_err(|reason| {
            Exit::failed("The window can't be opened", reason, "On a terminal use the commands: handout --help")
        })
    }

    fn options(setup: &setup::Setup) -> window::Options {
        let settings = &setup.settings;
        window::Options {
            theme: match settings.theme.value {
                Theme::System => ThemeChoice::System,
                Theme::Light => ThemeChoice::Light,
                Theme::Dark => ThemeChoice::Dark,
            },
            size: settings.window_size,
            first_start: !settings.welcomed,
            open: reveal::open,
            reveal: reveal::show_in_folder,
            keep: keep(setup.home.clone()),
        }
    }

    /// Saves what the next start of the window should know.
    fn keep(home: PathBuf) -> Arc<dyn Fn(window::Kept) + Send + Sync> {
        Arc::new(move |kept| {
            let theme = match kept.theme {
                ThemeChoice::System => Theme::System,
                ThemeChoice::Light => Theme::Light,
                ThemeChoice::Dark => Theme::Dark,
            };
            let mut changes = vec![Change::Theme(Some(theme)), Change::Welcomed(Some(kept.welcomed))];
            // A maximized window has no size of its own, and keeps the one it had.
            changes.extend(kept.size.map(|size| Change::WindowSize(Some(size))));
            if let Err(error) = settings::save(&home, &changes) {
                tracing::warn!(%error, "the window's settings were not saved");
            }
        })
    }

    /// SIGTERM and a closed session end the engine as properly as a closed window does.
    fn end_when_told(interrupt: tokio_util::sync::CancellationToken, slot: Arc<Slot>) -> Result<(), Exit> {
        let runtime = super::runtime()?;
        let wait = move || {
            runtime.block_on(interrupt.cancelled());
            slot.close();
            // The window itself can't be told; with the engine saved nothing is lost.
            std::process::exit(0);
        };
        thread::Builder::new().name("ending".to_owned()).spawn(wait)?;
        Ok(())
    }

    /// The engine and its control socket.
    struct Running {
        engine: Engine,
        listener: Listener,
    }

    impl Running {
        fn start(
            setup: &setup::Setup,
            peers: &[String],
            instance: Instance,
            drops: mpsc::SyncSender<Vec<PathBuf>>,
            wake: Arc<dyn Fn() + Send + Sync>,
        ) -> Result<Running, String> {
            let engine = setup::start(setup, peers, wake.clone()).map_err(sentence)?;
            let show = move |paths| {
                let taken = drops.try_send(paths).is_ok();
                wake();
                taken
            };
            let service = Arc::new(Service::staying(engine.handle().clone(), Some(Arc::new(show))));
            match control::listen(instance, service) {
                Ok(listener) => Ok(Running { engine, listener }),
                Err(error) => {
                    engine.shutdown();
                    Err(format!("The control socket can't be opened: {error}"))
                }
            }
        }

        fn stop(self) {
            let runtime = self.engine.handle().runtime().clone();
            let instance = runtime.block_on(self.listener.stop());
            self.engine.shutdown();
            drop(instance);
        }
    }

    fn sentence(exit: Exit) -> String {
        match exit {
            Exit::Failed(failure) => failure.about,
            Exit::BrokenPipe | Exit::Interrupted => String::new(),
        }
    }

    /// Where the thread that starts the engine leaves it for the one that ends it.
    #[derive(Default)]
    struct Slot {
        state: Mutex<State>,
        changed: Condvar,
    }

    #[derive(Default)]
    enum State {
        /// The window has not asked for an engine.
        #[default]
        Idle,
        Starting,
        Running(Box<Running>),
        /// It could not be started, or it was ended.
        Ended,
    }

    impl Slot {
        fn begin(&self) -> Result<(), String> {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            match *state {
                State::Idle => {
                    *state = State::Starting;
                    Ok(())
                }
                State::Starting | State::Running(_) | State::Ended => Err("Handout is ending".to_owned()),
            }
        }

        /// Keeps what was started, or ends it where the window is closed already.
        fn fill(&self, started: Result<Running, String>) -> Result<Handle, String> {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            let result = match started {
                Ok(running) if matches!(*state, State::Starting) => {
                    let handle = running.engine.handle().clone();
                    *state = State::Running(Box::new(running));
                    Ok(handle)
                }
                Ok(running) => {
                    drop(state);
                    running.stop();
                    return Err("Handout is ending".to_owned());
                }
                Err(reason) => {
                    *state = State::Ended;
                    Err(reason)
                }
            };
            self.changed.notify_all();
            result
        }

        /// Ends what runs. Whoever comes second waits until the first is through.
        fn close(&self) {
            let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            let waited = self.changed.wait_timeout_while(state, START_WAIT, |state| matches!(state, State::Starting));
            let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
            if let State::Running(running) = std::mem::replace(&mut *state, State::Ended) {
                running.stop();
            }
        }
    }
}
