//! The owner: one task that holds everything which changes while the app runs.
//!
//! [`Engine::start`] gives threads of its own to one loop (`run.rs`) that takes events and commands, lets `state` decide,
//! and starts what is to be done (`work`), one future each. Faces hold a [`Handle`]: they send
//! [`Command`](command::Command)s and see [`Snapshot`](snapshot::Snapshot)s. What others may ask of us is in
//! `peer_routes.rs`, over the table in `served.rs`. Not here: windows, SQL, TLS, files.

mod arriving;
pub mod command;
pub mod config;
mod event;
mod fault;
mod gauge;
pub mod handle;
pub mod lasting;
pub mod managed;
mod peer_routes;
pub mod question;
mod run;
mod served;
pub mod server_time;
mod shelf;
mod shell;
pub mod snapshot;
mod start;
mod state;
mod task;
mod throttle;
pub mod trouble;
mod vouching;
mod work;

pub use arriving::Arriving;
pub use config::Config;
pub use event::Imported;
pub use fault::ImportFault;
pub use handle::{Handle, SendError};
pub use shelf::{OnShelf, Shelf};
pub use start::{At, Engine, Site, SiteDoors, StartError};
pub use work::import::make_share;
