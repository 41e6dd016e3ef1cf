//! `handout daemon`: the engine with no window, in the foreground, until it is told to end. Nothing on standard output.

use std::sync::Arc;

use super::{logging, runtime, setup, shutdown};
use crate::{
    cli::{Exit, args::Common},
    control::{self, Found, Service},
};

/// Ends without fault at SIGTERM and SIGINT.
pub(super) fn run(common: &Common) -> Result<(), Exit> {
    logging::to_stderr(common, logging::Default::Doings);
    let setup = setup::setup(common)?;
    let interrupt = shutdown::interrupt()?;
    let runtime = runtime()?;
    let found = runtime.block_on(async {
        tokio::select! {
            found = control::find(&setup.home) => found.map(Some),
            () = interrupt.cancelled() => Ok(None),
        }
    });
    let instance = match found.map_err(|error| Exit::failed(error.to_string(), "", ""))? {
        Some(Found::Nobody(instance)) => instance,
        Some(Found::Running(_)) => {
            let home = setup.home.display().to_string();
            let hint = "`handout status` shows it; end it first, or choose another --home DIR.";
            return Err(Exit::failed("Handout is already running", home, hint));
        }
        None => return Ok(()),
    };
    // The engine starts and ends outside of our runtime: both wait on its own.
    let engine = setup::start(&setup, &common.peers, Arc::new(|| {}))?;
    let service = Arc::new(Service::staying(engine.handle().clone(), None));
    let listener = control::listen(instance, service).map_err(|error| {
        Exit::failed("The control socket can't be opened", error.to_string(), "Try another --home DIR.")
    })?;
    let me = engine.handle().snapshot().me.clone();
    tracing::info!(name = %me.name, id = %me.id, home = %me.home.display(), "Handout is running");
    let instance = runtime.block_on(async {
        interrupt.cancelled().await;
        tracing::info!("Handout is ending");
        listener.stop().await
    });
    engine.shutdown();
    // The lock goes last: whoever gets it next must find everything saved.
    drop(instance);
    Ok(())
}
