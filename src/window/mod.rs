//! Stands in until the window is merged: the entry that `start` calls.

use std::{
    path::PathBuf,
    sync::{Arc, mpsc::Receiver},
};

use crate::engine::Handle;

/// Starts the engine, called with what wakes the window.
pub type Make = Box<dyn FnOnce(Arc<dyn Fn() + Send + Sync>) -> Result<Handle, String> + Send>;

pub fn run(_: Make, _: Receiver<Vec<PathBuf>>) -> Result<(), String> {
    Err("the window is not built yet".to_owned())
}
