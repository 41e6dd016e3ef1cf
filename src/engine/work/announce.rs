//! Telling the room our name and the number of our catalogue.

use crate::engine::shell::Shell;

/// Renews our announcement; where there is no discovery, nobody is told.
pub fn announce(shell: &Shell, name: &str, revision: u64) {
    if let Some(discovery) = &shell.discovery {
        discovery.announce(name, revision);
    }
}
