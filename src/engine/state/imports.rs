//! Files that are read before they can be shared.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use super::{Held, State};
use crate::{
    engine::{
        command::{Recipients, Token, Unreadable},
        event::Imported,
        fault::ImportFault,
        question::{Answer, Ask, Question},
        served::Content,
        snapshot::Done,
        task::{Keep, Task},
        trouble::TroubleKind,
    },
    share::{Bitmap, Link, Share, ShareId},
    store::Complete,
    traffic::Class,
};

/// So many files that can't be shared are named.
const NAMED_MAX: usize = 10;

/// More wishes to share at once than this are refused: each is a whole reading of files.
const IMPORTS_MAX: usize = 64;

/// Files being read, or waiting for a person's answer.
pub struct Import {
    pub paths: Vec<PathBuf>,
    pub title: Option<String>,
    pub recipients: Recipients,
    pub unreadable: Unreadable,
    pub class: Class,
    pub cancel: Arc<AtomicBool>,
    pub done_bytes: u64,
    pub size: u64,
    pub files: u32,
    /// The question that it waits for.
    pub question: Option<u64>,
}

impl Import {
    pub fn of(paths: Vec<PathBuf>, title: Option<String>, recipients: Recipients) -> Import {
        Import {
            paths,
            title,
            recipients,
            unreadable: Unreadable::default(),
            class: Class::default(),
            cancel: Arc::default(),
            done_bytes: 0,
            size: 0,
            files: 0,
            question: None,
        }
    }

    /// What it is called on screen.
    pub fn shown_title(&self) -> String {
        let first = self.paths.first().map_or(Path::new(""), PathBuf::as_path);
        let name = || first.file_name().unwrap_or(first.as_os_str()).to_string_lossy().into_owned();
        self.title.clone().unwrap_or_else(name)
    }
}

impl State {
    pub(super) fn wish_share(&mut self, token: Token, import: Import, tasks: &mut Vec<Task>) {
        if import.paths.is_empty() {
            return self.fail(token, TroubleKind::Source, "Nothing was named to share", "", "Name a file or folder.");
        }
        if self.imports.len() >= IMPORTS_MAX {
            let hint = "Wait until some of them are shared, then try again.";
            return self.fail(token, TroubleKind::Local, "Too many files are being read already", "", hint);
        }
        if let Err(refusal) = self.may_give(&import.recipients, None) {
            let about = import.title.unwrap_or_default();
            return self.fail(token, TroubleKind::Refused, &refusal.what, &about, &refusal.hint);
        }
        let leave_out = import.unreadable == Unreadable::LeaveOut;
        self.imports.insert(token, import);
        self.start_import(token, leave_out, tasks);
    }

    fn start_import(&mut self, token: Token, leave_out: bool, tasks: &mut Vec<Task>) {
        let Some(import) = self.imports.get(&token) else { return };
        tasks.push(Task::Import {
            token,
            paths: import.paths.clone(),
            title: import.title.clone(),
            audience: self.audience_for(&import.recipients),
            leave_out,
            class: import.class,
            cancel: import.cancel.clone(),
        });
        self.changed.rest = true;
    }

    pub(super) fn wish_cancel_import(&mut self, token: Token) {
        let Some(import) = self.imports.get(&token) else { return };
        import.cancel.store(true, Ordering::Relaxed);
        if let Some(question) = import.question {
            self.questions.retain(|open| open.serial != question);
            self.imports.remove(&token);
            self.import_cancelled(token);
        }
        self.changed.rest = true;
    }

    pub(super) fn import_progress(&mut self, token: Token, done_bytes: u64, size: u64, files: u32) {
        if let Some(import) = self.imports.get_mut(&token) {
            (import.done_bytes, import.size, import.files) = (done_bytes, size, files);
            self.changed.rest = true;
        }
    }

    pub(super) fn imported(&mut self, token: Token, result: Result<Imported, ImportFault>, tasks: &mut Vec<Task>) {
        self.changed.rest = true;
        match result {
            Ok(imported) => self.import_done(token, imported, tasks),
            Err(ImportFault::Cancelled) => {
                self.imports.remove(&token);
                self.import_cancelled(token);
            }
            Err(ImportFault::Unreadable { title, files, more }) => self.import_unreadable(token, title, files, more),
            Err(ImportFault::Failed { what, about, hint }) => {
                self.imports.remove(&token);
                self.fail(token, TroubleKind::Source, &what, &about, &hint);
            }
        }
    }

    fn import_cancelled(&mut self, token: Token) {
        self.fail(token, TroubleKind::Refused, "Sharing was cancelled", "", "The files stay where they are.");
    }

    fn import_unreadable(&mut self, token: Token, title: String, files: Vec<(PathBuf, String)>, more: usize) {
        let serial = self.next_serial();
        let Some(import) = self.imports.get_mut(&token) else { return };
        if import.unreadable == Unreadable::Ask {
            import.question = Some(serial);
            let ask = Ask::LeaveOut { token, title, files, more };
            self.questions.push(Arc::new(Question { serial, ask }));
            return;
        }
        self.imports.remove(&token);
        let shown = files.iter().take(NAMED_MAX).map(|(path, why)| format!("{} ({why})", path.display()));
        let mut about = shown.collect::<Vec<_>>().join(", ");
        let rest = files.len().saturating_sub(NAMED_MAX) + more;
        if rest > 0 {
            about.push_str(&format!(" and {rest} more"));
        }
        let count = files.len() + more;
        let what =
            if count == 1 { "A file can't be shared".to_owned() } else { format!("{count} files can't be shared") };
        let hint =
            "Nothing was shared. Make them readable, or share the rest without them: `--leave-out`, which names each.";
        self.fail(token, TroubleKind::Source, &what, &about, hint);
    }

    pub(super) fn answered(&mut self, question: u64, answer: Answer, tasks: &mut Vec<Task>) {
        let Some(at) = self.questions.iter().position(|open| open.serial == question) else { return };
        let Ask::LeaveOut { token, .. } = self.questions.remove(at).ask;
        self.changed.rest = true;
        match answer {
            Answer::Yes => {
                if let Some(import) = self.imports.get_mut(&token) {
                    import.question = None;
                    import.unreadable = Unreadable::LeaveOut;
                }
                self.start_import(token, true, tasks);
            }
            Answer::No => {
                self.imports.remove(&token);
                self.import_cancelled(token);
            }
        }
    }

    fn import_done(&mut self, token: Token, imported: Imported, tasks: &mut Vec<Task>) {
        let import = self.imports.remove(&token);
        let (recipients, class) = import.map(|import| (import.recipients, import.class)).unwrap_or_default();
        let id = match self.twin_of(&imported, &recipients) {
            Some(twin) => twin,
            None => {
                let manifest = imported.share.manifest();
                if let Err(refusal) = self.may_give(&recipients, Some(manifest)) {
                    return self.fail(token, TroubleKind::Refused, &refusal.what, &manifest.title, &refusal.hint);
                }
                self.hold_import(&imported, recipients, tasks)
            }
        };
        if class == Class::Background {
            self.choose(id, tasks, |options| options.class = class);
        }
        let Some(held) = self.held.get(&id) else { return };
        let done = Done::Shared {
            share: id,
            link: self.link_of(id),
            title: held.title.clone(),
            size: held.size,
            files: held.files,
            left_out: imported.left_out,
        };
        self.conclude(token, Ok(done));
    }

    /// A share of mine with the same content and places: dropping a file twice does not give it out twice.
    fn twin_of(&self, imported: &Imported, recipients: &Recipients) -> Option<ShareId> {
        let entries = &imported.share.manifest().entries;
        let twin = self.held.values().find(|held| {
            let same = |share: &crate::share::Share| share.manifest().entries == *entries;
            held.mine
                && held.trouble.is_none()
                && held.places == imported.places
                && held.recipients == *recipients
                && held.title == imported.share.manifest().title
                && held.share.as_deref().is_some_and(same)
        });
        twin.map(|held| held.id)
    }

    fn hold_import(&mut self, imported: &Imported, recipients: Recipients, tasks: &mut Vec<Task>) -> ShareId {
        let share = &imported.share;
        let begun = self.next_serial();
        let mut held = Held::complete(share, imported.content.clone(), imported.places.clone(), begun);
        held.mine = true;
        held.recipients = recipients.clone();
        held.into = imported.places.first().and_then(|place| place.parent()).unwrap_or(Path::new("")).to_owned();
        tasks.push(Task::Remember(Keep::Share {
            share: share.clone(),
            mine: true,
            recipients: recipients.clone(),
            into: held.into.clone(),
            sources: Some(imported.sources.clone()),
        }));
        tasks.push(Task::Serve {
            share: share.clone(),
            recipients,
            mine: true,
            content: Content::Complete(imported.content.clone()),
            have: Bitmap::full(share.pieces()),
        });
        self.held.insert(share.id(), held);
        self.rules_changed();
        self.catalogue_changed();
        share.id()
    }

    /// A share of the server's that needs no place on this disk. One that is here already stays as it is.
    pub(super) fn adopted(
        &mut self,
        share: &Arc<Share>,
        content: Arc<Complete>,
        recipients: Recipients,
        tasks: &mut Vec<Task>,
    ) {
        if self.held.contains_key(&share.id()) {
            return;
        }
        let begun = self.next_serial();
        let mut held = Held::complete(share, content.clone(), vec![], begun);
        held.mine = true;
        held.recipients = recipients.clone();
        tasks.push(Task::Serve {
            share: share.clone(),
            recipients,
            mine: true,
            content: Content::Complete(content),
            have: Bitmap::full(share.pieces()),
        });
        self.held.insert(share.id(), held);
        self.catalogue_changed();
    }

    /// The link to a share, with our own addresses as hints.
    pub(super) fn link_of(&self, share: ShareId) -> String {
        let useful = self.listen.iter().filter(|address| !address.ip().is_unspecified());
        // Link-local addresses mean nothing on another computer, because they lack its interface.
        let useful =
            useful.filter(|address| !matches!(address.ip(), std::net::IpAddr::V6(ip) if ip.is_unicast_link_local()));
        let (loopback, outer): (Vec<_>, Vec<_>) = useful.copied().partition(|address| address.ip().is_loopback());
        let at = if outer.is_empty() { loopback } else { outer };
        Link { share, at: at.into_iter().take(4).collect() }.to_string()
    }
}
