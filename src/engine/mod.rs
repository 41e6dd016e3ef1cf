pub mod command;
pub mod config;
pub mod handle;
pub mod question;
pub mod snapshot;
pub mod trouble;

use std::sync::Arc;

pub use config::Config;
pub use handle::{Handle, SendError};

/// A running engine: its handle, and the way to end it.
pub struct Engine {
    handle: Handle,
}

/// Why the engine can't start; each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("{0}")]
    Todo(String),
}

impl Engine {
    /// Starts the engine on threads of its own. `wake` is called after each new snapshot.
    pub fn start(config: Config, wake: Arc<dyn Fn() + Send + Sync>) -> Result<Engine, StartError> {
        let _ = (config, wake);
        todo!()
    }

    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Says goodbye, lets requests end, saves what is had; takes 5 s at most.
    pub fn shutdown(self) {
        todo!()
    }
}
