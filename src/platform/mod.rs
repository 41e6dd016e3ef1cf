//! What this computer is like: its folders, its name, its number, whether it has a display, and its file manager.
//!
//! Everything the rest of the app needs to know about the operating system and does not get from std. Nothing here knows
//! the engine or the settings; what is found here is handed upwards as plain values. Deliberately not here: sockets
//! (`net`), and the files of shares (`store`).

pub mod background;
pub mod device_name;
pub mod display;
pub mod firewall;
pub mod folders;
pub mod link;
pub mod local_time;
pub mod machine_id;
pub mod policy;
pub mod private;
pub mod processor;
pub mod reveal;
pub mod scope;
pub mod since_boot;
