//! Reading files, and signing what they are: a share of ours.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use super::{errors, on_own_thread};
use crate::{
    engine::{
        command::Token,
        event::{Event, Imported},
        fault::ImportFault,
        shell::Shell,
    },
    net::identity::Identity,
    share::{Audience, Manifest, PieceHashes, Share, SignedManifest},
    store::{
        Complete,
        import::{self, ImportError, ImportProgress, ImportRequest},
    },
    traffic::Class,
};

const PROGRESS_EVERY: Duration = Duration::from_millis(100);

/// What is to be read.
pub struct Wish {
    pub token: Token,
    pub paths: Vec<PathBuf>,
    pub title: Option<String>,
    /// What the manifest says.
    pub audience: Audience,
    pub leave_out: bool,
    pub class: Class,
    pub cancel: Arc<AtomicBool>,
}

pub async fn import(shell: Shell, wish: Wish) -> Event {
    let token = wish.token;
    // The place is kept until everything is read.
    let _place = shell.imports.acquire().await.ok();
    let progress = Arc::new(ImportProgress::default());
    let identity = shell.identity.clone();
    let cancel = wish.cancel.clone();
    let reading = {
        let progress = progress.clone();
        // Threads that it starts give way as it does.
        on_own_thread(wish.class == Class::Background, move || read(&identity, wish, &progress))
    };
    let mut reading = std::pin::pin!(reading);
    let result = loop {
        tokio::select! {
            result = &mut reading => break result.unwrap_or_else(|| Err(errors::import_crashed())),
            () = tokio::time::sleep(PROGRESS_EVERY) => shell.tell(report(token, &progress)).await,
            () = shell.cancel.cancelled() => cancel.store(true, Ordering::Relaxed),
        }
        if cancel.load(Ordering::Relaxed) {
            break reading.await.unwrap_or_else(|| Err(errors::import_crashed()));
        }
    };
    Event::Imported { token, result }
}

fn report(token: Token, progress: &ImportProgress) -> Event {
    Event::ImportProgress {
        token,
        done_bytes: progress.bytes_done.load(Ordering::Relaxed),
        size: progress.bytes_total.load(Ordering::Relaxed),
        files: progress.files.load(Ordering::Relaxed),
    }
}

fn read(identity: &Identity, wish: Wish, progress: &ImportProgress) -> Result<Imported, ImportFault> {
    let request = ImportRequest { paths: wish.paths, title: wish.title, leave_out_unreadable: wish.leave_out };
    make_share(identity, &request, wish.audience, progress, &wish.cancel)
}

/// Reads files and signs what they are. Blocks; uses all cores; `cancel` ends it.
pub fn make_share(
    identity: &Identity,
    request: &ImportRequest,
    audience: Audience,
    progress: &ImportProgress,
    cancel: &AtomicBool,
) -> Result<Imported, ImportFault> {
    let shown = shown_title(request);
    let imported = import::import(request, progress, cancel).map_err(|error| fault(error, &shown))?;
    let manifest = Manifest {
        title: imported.title,
        publisher: identity.public_key(),
        created_s: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64),
        audience,
        piece_len: imported.piece_len,
        entries: imported.entries,
    };
    let failed = |error: &dyn std::error::Error| ImportFault::Failed {
        what: error.to_string(),
        about: shown.clone(),
        hint: "Share its parts one by one.".to_owned(),
    };
    let hashes = PieceHashes::new(&manifest, imported.hashes).map_err(|error| failed(&error))?;
    let signed = SignedManifest::sign(manifest, |message| identity.sign(message)).map_err(|error| failed(&error))?;
    let share = Arc::new(Share::new(signed, hashes).map_err(|error| failed(&error))?);
    let places = imported.sources.places();
    let sources = Arc::new(imported.sources);
    let content = Arc::new(Complete::open(share.clone(), (*sources).clone()));
    Ok(Imported { share, content, sources, places, left_out: imported.left_out })
}

fn shown_title(request: &ImportRequest) -> String {
    let first = request.paths.first().and_then(|path| path.file_name());
    let name = first.map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    request.title.clone().unwrap_or(name)
}

fn fault(error: ImportError, title: &str) -> ImportFault {
    match error {
        ImportError::Cancelled => ImportFault::Cancelled,
        ImportError::Unreadable { files, more } => ImportFault::Unreadable { title: title.to_owned(), files, more },
        error => {
            ImportFault::Failed { what: error.to_string(), about: title.to_owned(), hint: error.hint().to_owned() }
        }
    }
}
