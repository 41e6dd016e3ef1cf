//! One command of the command line: asks who runs already, or starts an engine for as long as the command takes.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use super::{logging, remark_unused, runtime, setup, shutdown};
use crate::{
    cli::{
        self, Exit, Output,
        args::{Command, Common, List},
    },
    control::{self, Connection, Found, Instance, Listener, Service},
};

/// How long an engine that was started for a list looks for others: mDNS answers in a tenth of a second, a computer that
/// was asked by its address and its catalogue in less than two.
const LOOK_AROUND: Duration = Duration::from_secs(3);

/// Does the command.
pub(super) fn run(command: Command, common: &Common, output: &Output) -> Result<(), Exit> {
    logging::to_stderr(common, logging::Default::Warnings);
    let setup = setup::setup(common)?;
    let interrupt = shutdown::interrupt()?;
    let runtime = runtime()?;
    let found = runtime.block_on(async {
        tokio::select! {
            found = control::find(&setup.home) => found.map_err(|error| Exit::failed(error.to_string(), "", "")),
            () = interrupt.cancelled() => Err(Exit::Interrupted),
        }
    })?;
    let instance = match found {
        Found::Nobody(instance) => instance,
        Found::Running(endpoint) => {
            remark_unused(common, output);
            let connection = Connection::Running(endpoint);
            return runtime.block_on(cli::run(command, common.peers.clone(), &connection, output, &interrupt));
        }
    };
    // The engine starts and ends outside of our runtime: both wait on its own.
    let engine = setup::start(&setup, &common.peers, Arc::new(|| {}))?;
    let looks = setup.settings.discovery.value || !common.peers.is_empty();
    let look_around = if looks { LOOK_AROUND } else { Duration::ZERO };
    let service = Arc::new(Service::passing(engine.handle().clone(), look_around));
    let (instance, result) = runtime.block_on(here(command, common, service, instance, output, &interrupt))?;
    engine.shutdown();
    // The lock goes last: whoever gets it next must find everything saved.
    drop(instance);
    result
}

/// Does the command with an engine of our own, and takes in what other commands ask meanwhile.
async fn here(
    command: Command,
    common: &Common,
    service: Arc<Service>,
    instance: Instance,
    output: &Output,
    interrupt: &CancellationToken,
) -> Result<(Option<Instance>, Result<(), Exit>), Exit> {
    let listener = Door::open(instance, &service, goes_on(&command))?;
    let connection = Connection::Here(service);
    let result = cli::run(command, common.peers.clone(), &connection, output, interrupt).await;
    Ok((listener.close(output, interrupt).await, result))
}

/// Whether a command takes long enough that others may need its engine. The others hold the lock for a moment only.
fn goes_on(command: &Command) -> bool {
    match command {
        Command::Share(_) | Command::Get(_) | Command::Verify(_) => true,
        Command::Shares(List { watch })
        | Command::Peers(List { watch })
        | Command::Transfers(List { watch })
        | Command::Status(List { watch }) => *watch,
        _ => false,
    }
}

/// The control socket of a command, or just the lock.
enum Door {
    Open(Listener),
    Shut(Instance),
}

impl Door {
    fn open(instance: Instance, service: &Arc<Service>, goes_on: bool) -> Result<Door, Exit> {
        if !goes_on {
            return Ok(Door::Shut(instance));
        }
        // To other commands this one is a Handout that runs: it answers others, and has an address to show.
        let service = Arc::new(Service::staying(service.handle().clone(), None));
        let listener = control::listen(instance, service).map_err(|error| {
            Exit::failed("The control socket can't be opened", error.to_string(), "Try another --home DIR.")
        })?;
        Ok(Door::Open(listener))
    }

    /// Lets other commands that were handed over to this one end first.
    async fn close(self, output: &Output, interrupt: &CancellationToken) -> Option<Instance> {
        let listener = match self {
            Door::Shut(instance) => return Some(instance),
            Door::Open(listener) => listener,
        };
        if tokio::time::timeout(Duration::from_millis(10), listener.idle()).await.is_err() && !interrupt.is_cancelled()
        {
            output.remark("Another command still uses this Handout; it ends with that one, or with Ctrl-C.");
            tokio::select! {
                () = listener.idle() => {}
                () = interrupt.cancelled() => {}
            }
        }
        listener.stop().await
    }
}
