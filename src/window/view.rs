//! What every screen and part is given: the picture to draw, the window's memory, and a place for wishes.

use std::path::PathBuf;

use super::{
    index::Index,
    memory::{Dialog, LimitsOf, Memory, SeedKind, Sent},
    typed,
    wishes::Wish,
};
use crate::{
    engine::{
        command::{Command, Recipients, Selection, Unreadable},
        snapshot::{Here, ShareKind, ShareRow, Snapshot, TransferRow, TransferState},
    },
    share::{PeerId, ShareId},
    traffic::{Class, Limits},
};

/// One frame's view on everything.
pub struct View<'a> {
    pub now: &'a Snapshot,
    pub memory: &'a mut Memory,
    pub index: &'a Index,
    pub wishes: &'a mut Vec<Wish>,
    /// Seconds on egui's clock.
    pub time: f64,
}

impl View<'_> {
    pub fn send(&mut self, command: Command) {
        self.wishes.push(Wish::Command(command));
    }

    /// Shares what was dropped, pasted or chosen.
    pub fn share(&mut self, paths: Vec<PathBuf>, audience: Recipients) {
        if paths.is_empty() {
            return;
        }
        let token = self.memory.wish(Sent::Share { audience: audience.clone() });
        let (unreadable, class) = (Unreadable::Ask, Class::Foreground);
        self.send(Command::Share { token, paths, title: None, audience, unreadable, class });
    }

    /// Brings a share here.
    pub fn get(&mut self, share: ShareId, title: &str) {
        self.fetch(share, title, false);
    }

    /// Asks for a share and lets a person choose files before any of them comes.
    pub fn get_some(&mut self, share: ShareId, title: &str) {
        self.fetch(share, title, true);
        self.choose_files(share);
    }

    fn fetch(&mut self, share: ShareId, title: &str, hold: bool) {
        let token = self.memory.wish(Sent::Fetch { title: title.to_owned() });
        self.send(Command::Fetch { token, share, into: None, hints: Vec::new(), hold });
    }

    /// Shows the files of a transfer.
    pub fn choose_files(&mut self, share: ShareId) {
        self.memory.selected = Some(share);
        self.memory.to_files = true;
    }

    /// Wants these files of a share, and no others.
    pub fn select_files(&mut self, share: ShareId, files: Selection) {
        let token = self.memory.wish(Sent::Select);
        self.send(Command::SelectFiles { token, share, files });
    }

    /// Asks how fast a transfer may go.
    pub fn ask_limits(&mut self, row: &TransferRow) {
        let of = LimitsOf::Transfer { share: row.share, title: row.title.clone() };
        self.memory.dialog = Some(limits_dialog(of, row.limits));
    }

    /// Asks how fast everything together may go.
    pub fn ask_total_limits(&mut self) {
        self.memory.dialog = Some(limits_dialog(LimitsOf::Everything, self.now.traffic.limits));
    }

    /// Asks until when a transfer is given on.
    pub fn ask_seeding(&mut self, row: &TransferRow) {
        let (kind, number) = row.seed_until.map_or((SeedKind::AsAll, String::new()), typed::seeding_text);
        self.memory.dialog = Some(Dialog::Seeding { share: Some((row.share, row.title.clone())), kind, number });
    }

    /// Asks until when everything is given on.
    pub fn ask_seeding_of_all(&mut self) {
        let (kind, number) = typed::seeding_text(self.now.traffic.seed_until);
        self.memory.dialog = Some(Dialog::Seeding { share: None, kind, number });
    }

    /// Asks for another folder or name.
    pub fn ask_move(&mut self, row: &TransferRow) {
        let into = row.into.display().to_string();
        let name = (row.kind != ShareKind::Several).then(|| present_name(row));
        let before = (row.into.clone(), name.clone().unwrap_or_default());
        self.memory.dialog = Some(Dialog::Move { share: row.share, title: row.title.clone(), before, into, name });
    }

    pub fn verify(&mut self, share: ShareId, title: &str) {
        let token = self.memory.wish(Sent::Verify { title: title.to_owned() });
        self.send(Command::Verify { token, share });
    }

    /// Gives a transfer up; asks first when that would delete something.
    pub fn cancel(&mut self, row: &TransferRow) {
        if row.done_bytes == 0 {
            self.send(Command::Cancel { share: row.share });
            return;
        }
        let (share, title) = (row.share, row.title.clone());
        self.memory.dialog = Some(Dialog::Cancel { share, title, done_bytes: row.done_bytes });
    }

    /// Stops giving; asks first while others are getting it.
    pub fn unshare(&mut self, row: &ShareRow) {
        if row.leeches == 0 {
            self.send(Command::Unshare { share: row.id });
            return;
        }
        let (share, title) = (row.id, row.title.clone());
        self.memory.dialog = Some(Dialog::Unshare { share, title, leeches: row.leeches });
    }

    /// What Delete does to the selected share.
    pub fn give_up(&mut self, share: ShareId) {
        let transfer = self.index.transfer(self.now, &share);
        match (self.index.share(self.now, &share), transfer) {
            (Some(row), _) if row.mine => self.unshare(row),
            (_, Some(row)) if ended(row) => self.send(Command::Dismiss { share }),
            (_, Some(row)) => self.cancel(row),
            _ => {}
        }
    }

    /// The name that goes with a key, if it is known.
    pub fn name_of(&self, peer: &PeerId) -> Option<&str> {
        if *peer == self.now.me.id {
            return Some(&self.now.me.name);
        }
        self.index.peer(self.now, peer).map(|row| row.name.as_str())
    }

    pub fn open(&mut self, places: &[PathBuf]) {
        if let Some(place) = places.first() {
            self.wishes.push(Wish::Open(place.clone()));
        }
    }

    pub fn reveal(&mut self, places: &[PathBuf]) {
        if let Some(place) = places.first() {
            self.wishes.push(Wish::Reveal(place.clone()));
        }
    }
}

fn limits_dialog(of: LimitsOf, limits: Limits) -> Dialog {
    Dialog::Limits { of, down: typed::rate_text(limits.down), up: typed::rate_text(limits.up) }
}

/// What the file or folder at the top is called on this disk.
fn present_name(row: &TransferRow) -> String {
    let name = row.places.first().and_then(|place| place.file_name());
    name.map_or_else(|| row.title.clone(), |name| name.to_string_lossy().into_owned())
}

/// Whether a transfer has nothing left to lose.
pub fn ended(row: &TransferRow) -> bool {
    row.is_here() || row.state == TransferState::Failed
}

/// The files or folders of a share that is here.
pub fn places(row: &ShareRow) -> Option<&[PathBuf]> {
    match &row.here {
        Here::Complete { places } => Some(places),
        _ => None,
    }
}
