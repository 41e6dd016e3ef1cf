//! Shares files, and says when they can be had.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::time::Instant;

use super::{
    Service, choices, named,
    rows::path,
    service::{Sink, token},
};
use crate::{
    engine::{
        Handle,
        command::{Command, ForGroups, Recipients, Token, Unreadable},
        snapshot::{Done, Keeping, Role, Snapshot},
    },
    share::PeerId,
    wire::control::{Answer, Failure, FailureKind, LeftOut, Shared},
};

/// How long to look for a computer that is named as a recipient.
const RECIPIENT_WAIT: Duration = Duration::from_secs(5);
/// How often reading is reported.
const PROGRESS_EVERY: Duration = Duration::from_millis(200);

/// Which files, for whom.
pub(super) struct Wish {
    pub paths: Vec<String>,
    pub title: Option<String>,
    pub recipients: Vec<String>,
    pub leave_out: bool,
    pub class: Option<String>,
}

/// Answers when the share is live. Whoever stops listening before that stops the reading.
pub(super) async fn share(service: &Service, wish: Wish, answers: &Sink) -> Result<(), Failure> {
    let paths = absolute(wish.paths)?;
    let audience = audience(service, &wish.recipients).await?;
    let unreadable = if wish.leave_out { Unreadable::LeaveOut } else { Unreadable::Refuse };
    let class = wish.class.as_deref().map(choices::class).transpose()?.unwrap_or_default();
    let token = token();
    let audience_of_wish = audience.clone();
    let mut snapshots = service.handle().watch();
    service.handle().send(Command::Share { token, paths, title: wish.title, audience, unreadable, class })?;
    let mut reading = Reading { handle: service.handle().clone(), token, ended: false };
    let mut last = None;
    let mut next = Instant::now();
    loop {
        let snapshot = snapshots.borrow_and_update().clone();
        if let Some(outcome) = snapshot.outcomes.iter().find(|outcome| outcome.token == token) {
            reading.ended = true;
            let shared = outcome.result.as_ref().map_err(|trouble| Failure::from(trouble.as_ref())).and_then(shared)?;
            service.lasts(&shared.title).await?;
            if is_kept(&snapshot, &audience_of_wish) {
                kept(service, &shared.id).await?;
            }
            let _ = answers.send(Answer::Shared(shared)).await;
            return Ok(());
        }
        let mut pending = progress(&snapshot, token).filter(|progress| last.as_ref() != Some(progress));
        if let Some(progress) = pending.take_if(|_| Instant::now() >= next) {
            let _ = answers.send(progress.clone()).await;
            (last, next) = (Some(progress), Instant::now() + PROGRESS_EVERY);
        }
        named::next_picture(&mut snapshots, pending.map(|_| next)).await?;
    }
}

/// Files that are being read for somebody; when they go away, so does the reading.
struct Reading {
    handle: Handle,
    token: Token,
    ended: bool,
}

impl Drop for Reading {
    fn drop(&mut self) {
        if !self.ended {
            // An engine that can't hear this any more reads nothing either.
            let _ = self.handle.send(Command::CancelImport { token: self.token });
        }
    }
}

fn progress(snapshot: &Snapshot, token: Token) -> Option<Answer> {
    let row = snapshot.imports.iter().find(|row| row.token == token)?;
    Some(Answer::Reading { done_bytes: row.done_bytes, size: row.size, files: row.files })
}

fn shared(done: &Done) -> Result<Shared, Failure> {
    let Done::Shared { share, link, title, size, files, left_out } = done else {
        return Err(Failure::new(FailureKind::Failed, "The engine answered another question", "share", "Try again."));
    };
    let left_out = left_out.iter().map(|(file, reason)| LeftOut { path: path(file), reason: reason.clone() }).collect();
    Ok(Shared { id: share.to_string(), link: link.clone(), title: title.clone(), size: *size, files: *files, left_out })
}

/// The engine runs in another folder than the one who asks, so a relative path would mean something else to it.
fn absolute(paths: Vec<String>) -> Result<Vec<PathBuf>, Failure> {
    if let Some(relative) = paths.iter().find(|path| !Path::new(path).is_absolute()) {
        let hint = "Give an absolute path.";
        return Err(Failure::new(FailureKind::Usage, "The path is not absolute", relative, hint));
    }
    if paths.is_empty() {
        return Err(Failure::new(FailureKind::Usage, "Nothing was named", "share", "Name files or folders to share."));
    }
    Ok(paths.into_iter().map(PathBuf::from).collect())
}

async fn audience(service: &Service, recipients: &[String]) -> Result<Recipients, Failure> {
    match recipients {
        [] => return Ok(Recipients::Everyone),
        [one] if one == "everyone" => return Ok(Recipients::Everyone),
        [one] if one == "link" => return Ok(Recipients::Link),
        _ => {}
    }
    let (mut peers, mut groups) = (BTreeSet::new(), None::<ForGroups>);
    let mut snapshots = service.handle().watch();
    for recipient in recipients {
        if recipient == "everyone" || recipient == "link" {
            let hint = "Use `everyone` or `link` alone, or name computers only.";
            return Err(Failure::new(
                FailureKind::Usage,
                "Recipients contradict each other",
                recipients.join(", "),
                hint,
            ));
        }
        match named_groups(&service.handle().snapshot(), recipient) {
            Some(of) => match &mut groups {
                Some(ForGroups { groups, .. }) => groups.extend(of.groups),
                None => groups = Some(of),
            },
            None => drop(peers.insert(named::peer(&mut snapshots, recipient, RECIPIENT_WAIT).await?)),
        }
    }
    together(&service.handle().snapshot(), recipients, peers, groups)
}

/// The groups of the server that manages this computer that are called so; `server` is that server.
fn named_groups(snapshot: &Snapshot, name: &str) -> Option<ForGroups> {
    let managed = snapshot.managed.as_deref()?;
    let server = managed.server?;
    let group = managed.groups.iter().find(|(_, known)| known == name)?;
    Some(ForGroups { server, groups: [group.0].into(), keep: false })
}

/// Groups and the server go together; groups and other computers do not.
fn together(
    snapshot: &Snapshot,
    recipients: &[String],
    peers: BTreeSet<PeerId>,
    groups: Option<ForGroups>,
) -> Result<Recipients, Failure> {
    let own = snapshot.managed.as_deref().and_then(|managed| managed.server);
    let usage = |what: &str, hint: &str| Err(Failure::new(FailureKind::Usage, what, recipients.join(", "), hint));
    let servers = snapshot.peers.iter().filter(|row| row.role == Role::Server && peers.contains(&row.id));
    if let Some(other) = servers.filter(|row| Some(row.id) != own).map(|row| row.name.clone()).next() {
        let hint =
            "Whoever runs it gives you a token: `handout enrol`. Everyone in the room can have what is for everyone.";
        let what = "A server keeps only what its own computers give it";
        return Err(Failure::new(FailureKind::Refused, what, other, hint));
    }
    match groups {
        None if own.is_some_and(|own| peers.contains(&own)) && peers.len() > 1 => {
            usage("What the server keeps is for everyone", "Name the server alone, or with groups.")
        }
        None => Ok(Recipients::Peers(peers)),
        Some(of) if peers.is_empty() => Ok(Recipients::Groups(of)),
        Some(of) if peers.iter().eq(&own) => Ok(Recipients::Groups(ForGroups { keep: true, ..of })),
        Some(_) => usage("Groups and computers can't be mixed", "Share it twice."),
    }
}

/// Whether the server that manages this computer shall keep it.
fn is_kept(snapshot: &Snapshot, audience: &Recipients) -> bool {
    let own = snapshot.managed.as_deref().and_then(|managed| managed.server);
    match audience {
        Recipients::Peers(peers) => own.is_some_and(|own| peers.contains(&own)),
        Recipients::Groups(of) => of.keep,
        Recipients::Everyone | Recipients::Link => false,
    }
}

/// Waits until the server has all of it, or says why it will not.
async fn kept(service: &Service, share: &str) -> Result<(), Failure> {
    let mut snapshots = service.handle().watch();
    loop {
        let snapshot = snapshots.borrow_and_update().clone();
        let row = snapshot.shares.iter().find(|row| row.id.to_string() == share);
        match row.and_then(|row| row.keeping.as_ref().map(|keeping| (keeping, row))) {
            Some((Keeping::Kept, _)) => return Ok(()),
            Some((Keeping::Refused { why }, row)) => {
                let failure = row.trouble.as_deref().map(Failure::from);
                let said = || Failure::new(FailureKind::Refused, "The server does not keep it", why.clone(), "");
                return Err(failure.unwrap_or_else(said));
            }
            _ => {}
        }
        named::next_picture(&mut snapshots, None).await?;
    }
}
