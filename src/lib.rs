//! Handout: hand files out across the room.
//!
//! Pure cores decide; a shell acts. One engine task owns everything that changes while the app runs; it takes events from
//! one inbox and gives out tasks as data. Bytes never pass through the engine: they go from socket to disk and from disk
//! to socket in workers, and only the fact ("piece 17 from Ann is verified") goes to the engine. The window and the
//! command line see one immutable snapshot and send commands; they never wait.
//!
//! # The layers
//!
//! A room may use only rooms on lines below its own; `tests/layers.rs` holds the same table.
//!
//! | layer | rooms | may not know |
//! |---|---|---|
//! | 7 door | `main.rs` | – |
//! | 6 | `start`: puts the rooms together | – |
//! | 5 faces | `window`, `cli` | network, database, files; they know `engine`'s commands and snapshots, and `control` |
//! | 4 services | `control`, `server` | the window |
//! | 3½ | `chain`: asks servers above and has shares brought | pages, accounts |
//! | 3 owner | `engine` | web pages, window, SQL text |
//! | 2 shell | `store`, `net`, `platform`, `settings` | one another, the engine |
//! | 1 rules (pure) | `swarm`, `lookup`, `nearby`, `traffic`, `wire`, `doctor` | one another, clocks, sockets, files, tokio |
//! | 0½ a server's rules (pure) | `access` | everything but `share` |
//! | 0 nouns (pure) | `share` | everything else |

pub mod access;
pub mod chain;
pub mod cli;
pub mod control;
pub mod doctor;
pub mod engine;
pub mod lookup;
pub mod nearby;
pub mod net;
pub mod platform;
pub mod server;
pub mod settings;
pub mod share;
pub mod start;
pub mod store;
pub mod swarm;
pub mod traffic;
#[cfg(feature = "window")]
pub mod window;
pub mod wire;
