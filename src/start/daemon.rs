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
    runtime()?.block_on(async {
        let found = tokio::select! {
            found = control::find(&setup.home) => found,
            () = interrupt.cancelled() => return Ok(()),
        };
        let instance = match found.map_err(|error| Exit::failed(error.to_string(), "", ""))? {
            Found::Nobody(instance) => instance,
            Found::Running(_) => {
                let home = setup.home.display().to_string();
                let hint = "`handout status` shows it; end it first, or choose another --home DIR.";
                return Err(Exit::failed("Handout is already running", home, hint));
            }
        };
        let engine = setup::start(&setup, &common.peers, Arc::new(|| {}))?;
        let service = Arc::new(Service::staying(engine.handle().clone(), None));
        let listener = control::listen(instance, service)
            .map_err(|error| Exit::failed("The control socket can't be opened", error.to_string(), "Try another --home DIR."))?;
        let me = engine.handle().snapshot().me.clone();
        tracing::info!(name = %me.name, id = %me.id, listen = ?me.listen, home = %me.home.display(), "Handout is running");
        interrupt.cancelled().await;
        tracing::info!("Handout is ending");
        let instance = listener.stop().await;
        engine.shutdown();
        drop(instance);
        Ok(())
    })
}
