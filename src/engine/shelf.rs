//! The shares that are here, for a server that gives them to browsers: it decides itself who may have them.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::sync::mpsc;

use super::{
    arriving::Arriving,
    command::Recipients,
    event::Event,
    served::{Content, Served, ServedShare},
    shell::Shell,
};
use crate::{
    access::Admission,
    share::{Bitmap, Share, ShareId},
    store::{Complete, PieceReader, ReadError, objects::Cache},
};

/// Looks at what is served. Cheap to clone.
#[derive(Clone)]
pub struct Shelf {
    served: Arc<Served>,
    events: mpsc::Sender<Event>,
}

/// A share that is here, whole or in part.
#[derive(Clone)]
pub struct OnShelf {
    served: Arc<ServedShare>,
}

impl Shelf {
    pub(super) fn of(shell: &Shell) -> Shelf {
        Shelf { served: shell.served.clone(), events: shell.events.clone() }
    }

    /// `len` bytes of a file from `offset` on, each as soon as it is here. `entry`: its index in the manifest.
    pub fn arriving(&self, id: ShareId, entry: usize, offset: u64, len: u64) -> Arriving {
        Arriving::new(self.served.clone(), id, entry, offset..offset.saturating_add(len))
    }

    /// Takes up a share whose bytes lie in the server's storage: it is on the shelf when this returns, and the engine gives
    /// it to peers like any other. Nothing of it is remembered here for the next start.
    pub async fn adopt(&self, share: Arc<Share>, cache: Cache, recipients: Recipients) {
        if self.served.any(share.id()).is_some() {
            return;
        }
        let content = Arc::new(Complete::stored(share.clone(), cache));
        let (served, have) = (Content::Complete(content.clone()), Bitmap::full(share.pieces()));
        self.served.insert(share.clone(), recipients.clone(), true, served, have);
        self.events.send(Event::Adopted { share, content, recipients }).await.ok();
    }

    /// Lets other rules hold for whoever asks for pieces. Catalogues are told anew.
    pub async fn admit(&self, admission: Admission) {
        let same = self.served.admission().borrow().as_deref() == Some(&admission);
        if !same {
            self.served.set_admission(Arc::new(admission));
            self.events.send(Event::RulesChanged).await.ok();
        }
    }

    /// The rules that hold for whoever asks for pieces.
    pub fn admission(&self) -> Option<Arc<Admission>> {
        self.served.admission().borrow().clone()
    }

    /// The share, if anything of it is here.
    pub fn get(&self, id: ShareId) -> Option<OnShelf> {
        self.served.any(id).map(|served| OnShelf { served })
    }
}

impl OnShelf {
    pub fn share(&self) -> &Arc<Share> {
        &self.served.share
    }

    pub fn is_complete(&self) -> bool {
        matches!(self.served.content, Content::Complete(_))
    }

    /// Whether its bytes lie in the server's storage.
    pub fn is_stored(&self) -> bool {
        matches!(&self.served.content, Content::Complete(content) if content.is_stored())
    }

    /// Where a file of it is on this disk, if it is. `entry`: its index in the manifest.
    pub fn place_of(&self, entry: usize) -> Option<PathBuf> {
        match &self.served.content {
            Content::Complete(content) => content.sources().path(entry),
            Content::Partial(_) => None,
        }
    }

    /// Where its files are, at the top; nothing for shares that are not whole.
    pub fn places(&self) -> Vec<PathBuf> {
        match &self.served.content {
            Content::Complete(content) => content.sources().places(),
            Content::Partial(_) => vec![],
        }
    }

    /// Whether its files lie somewhere under a folder.
    pub fn lies_under(&self, folder: &Path) -> bool {
        self.places().iter().any(|place| place.starts_with(folder))
    }

    /// Reads `len` bytes of a file from `offset` on. `entry`: its index in the manifest. Only shares that are whole are
    /// read.
    pub fn read(&self, entry: usize, offset: u64, len: u64) -> Result<PieceReader, ReadError> {
        match &self.served.content {
            Content::Complete(content) => Ok(content.file_reader(entry, offset, len)),
            Content::Partial(_) => Err(ReadError::Missing),
        }
    }
}
