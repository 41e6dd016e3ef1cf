//! Telling the room our name and the number of our catalogue.

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    engine::shell::Shell,
    net::discovery::{Announcement, Discovery},
};

/// Renews our announcement; where there is no discovery, nobody is told.
pub fn announce(shell: &Shell, name: &str, revision: u64) {
    if let Some(announcement) = &shell.announcement {
        announcement.send_modify(|announcement| {
            announcement.name = name.to_owned();
            announcement.catalogue = revision;
        });
    }
}

/// Owns our voice in the room: says what changes, and goodbye at the end.
pub async fn speak(discovery: Discovery, mut announcement: watch::Receiver<Announcement>, cancel: CancellationToken) {
    loop {
        tokio::select! {
            changed = announcement.changed() => {
                if changed.is_err() {
                    break;
                }
                discovery.announce(announcement.borrow_and_update().clone());
            }
            () = cancel.cancelled() => break,
        }
    }
    discovery.shutdown().await;
}
