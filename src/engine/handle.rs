//! How everybody else talks to the engine: commands in, snapshots out. Cheap to clone.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use super::{
    command::Command,
    lasting::{Lasting, Unkept},
    snapshot::Snapshot,
};

/// A line to the engine. Nothing here waits, except where a name says so.
#[derive(Clone)]
pub struct Handle {
    commands: mpsc::Sender<Command>,
    snapshots: watch::Receiver<Arc<Snapshot>>,
    runtime: tokio::runtime::Handle,
    lasting: Lasting,
}

/// Why a wish was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    #[error("Handout has more wishes waiting than it can take; try again in a moment")]
    Busy,
    #[error("Handout's engine has stopped; start Handout again")]
    Stopped,
}

impl Handle {
    /// A handle over the given ends; faces can be tested with ends of their own.
    pub fn new(
        commands: mpsc::Sender<Command>,
        snapshots: watch::Receiver<Arc<Snapshot>>,
        runtime: tokio::runtime::Handle,
    ) -> Handle {
        Handle { commands, snapshots, runtime, lasting: Lasting::default() }
    }

    /// The same, that also tells whether what was done lasts.
    pub fn knowing(self, lasting: Lasting) -> Handle {
        Handle { lasting, ..self }
    }

    /// Waits until everything that was done up to the newest picture is on the disk.
    pub async fn lasts(&self) -> Result<(), Unkept> {
        self.lasting.lasts().await
    }

    /// Hands a wish over. Its result shows in a later snapshot.
    pub fn send(&self, command: Command) -> Result<(), SendError> {
        self.commands.try_send(command).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => SendError::Busy,
            mpsc::error::TrySendError::Closed(_) => SendError::Stopped,
        })
    }

    /// The newest picture.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshots.borrow().clone()
    }

    /// Tells of every newer picture.
    pub fn watch(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshots.clone()
    }

    /// Where services beside the engine run their tasks.
    pub fn runtime(&self) -> &tokio::runtime::Handle {
        &self.runtime
    }
}
