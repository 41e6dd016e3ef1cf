//! Rows as the command line gets them, made from the engine's snapshot.

use std::{
    path::{Path, PathBuf},
    time::SystemTime,
};

use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    engine::{
        command::Recipients,
        snapshot::{FoundRow, Here, Keeping, PeerRow, Role, ShareKind, ShareRow, TransferRow, TransferState, Via},
        trouble::{Trouble, TroubleKind},
    },
    traffic::Rate,
    wire::control,
};

use super::manage_rows::reason_row;

impl From<&ShareRow> for control::Share {
    fn from(row: &ShareRow) -> control::Share {
        let (state, places) = match &row.here {
            Here::No => ("available", Vec::new()),
            Here::OnItsWay => ("on_its_way", Vec::new()),
            Here::Complete { places } => ("here", paths(places)),
        };
        control::Share {
            id: row.id.to_string(),
            title: row.title.clone(),
            kind: kind(row.kind).to_owned(),
            size: row.size,
            files: row.files,
            publisher: row.publisher.map(|publisher| publisher.to_string()),
            publisher_name: row.publisher_name.clone(),
            mine: row.mine,
            seeds: row.seeds,
            leeches: row.leeches,
            state: state.to_owned(),
            created: rfc3339(row.created),
            link: row.link.clone(),
            recipients: row.recipients.as_ref().map(recipients),
            kept_by_server: row.keeping.as_ref().map(|keeping| keeping_word(keeping).to_owned()),
            at: whereabouts(row),
            route: vec![],
            file: None,
            places,
            trouble: row.trouble.as_deref().map(Into::into),
        }
    }
}

impl From<&PeerRow> for control::Peer {
    fn from(row: &PeerRow) -> control::Peer {
        control::Peer {
            id: row.id.to_string(),
            name: row.name.clone(),
            addresses: row.addresses.iter().map(ToString::to_string).collect(),
            role: role(row.role).to_owned(),
            via: via(row.via).to_owned(),
            last_seen: rfc3339(row.last_seen),
            shares: row.shares,
            clock_ahead_s: row.clock_ahead_s,
            trouble: row.trouble.as_deref().map(Into::into),
        }
    }
}

impl From<&TransferRow> for control::Transfer {
    fn from(row: &TransferRow) -> control::Transfer {
        control::Transfer {
            share: row.share.to_string(),
            title: row.title.clone(),
            state: state(row.state).to_owned(),
            done_bytes: row.done_bytes,
            size: row.size,
            reused_files: row.reused_files,
            reused_bytes: row.reused_bytes,
            full_size: row.full_size,
            files: row.files,
            files_wanted: row.files_wanted,
            queue: row.queue,
            priority: row.priority.as_str().to_owned(),
            order: row.order.as_str().to_owned(),
            class: row.class.as_str().to_owned(),
            limit_down: row.limits.down.map(Rate::get),
            limit_up: row.limits.up.map(Rate::get),
            seed_until: row.seed_until.map(|until| until.to_string()),
            reason: reason_row(row),
            rate: row.rate_down,
            rate_up: row.rate_up,
            given_bytes: row.given_bytes,
            given_in_all: row.given_in_all,
            eta: row.eta.map(|eta| eta.as_secs()),
            sources: row.sources,
            seeds: row.seeds,
            leeches: row.leeches,
            mine: row.mine,
            into: path(&row.into),
            places: paths(&row.places),
            trouble: row.trouble.as_deref().map(Into::into),
        }
    }
}

impl From<&Trouble> for control::Trouble {
    fn from(trouble: &Trouble) -> control::Trouble {
        control::Trouble {
            kind: trouble_kind(trouble.kind).to_owned(),
            what: trouble.what.clone(),
            about: trouble.about.clone(),
            hint: trouble.hint.clone(),
            since: rfc3339(trouble.since),
        }
    }
}

/// A path as text; what is no text in it is shown by the replacement character.
pub(super) fn path(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

pub(super) fn paths(paths: &[PathBuf]) -> Vec<String> {
    paths.iter().map(|each| path(each)).collect()
}

/// To the second, in UTC. A clock that is set before the year 0 or after 9999 has no such time and shows none.
pub(super) fn rfc3339(time: SystemTime) -> String {
    let seconds = match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => i64::try_from(after.as_secs()).ok(),
        Err(before) => i64::try_from(before.duration().as_secs()).ok().map(|seconds| -seconds),
    };
    let time = seconds.and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok());
    time.and_then(|time| time.format(&Rfc3339).ok()).unwrap_or_default()
}

/// How far the server is with keeping a share of ours.
fn keeping_word(keeping: &Keeping) -> &'static str {
    match keeping {
        Keeping::Waiting => "waiting",
        Keeping::Fetching { .. } => "fetching",
        Keeping::Kept => "kept",
        Keeping::Refused { .. } => "refused",
    }
}

/// Where a share is, in words.
fn whereabouts(row: &ShareRow) -> String {
    match (&row.here, row.seeds) {
        (Here::Complete { .. }, _) => "this computer".to_owned(),
        (_, 0) => row.publisher_name.clone().unwrap_or_else(|| "nobody here".to_owned()),
        (_, 1) => "1 computer".to_owned(),
        (_, seeds) => format!("{seeds} computers"),
    }
}

/// A share that a server told of.
impl From<&FoundRow> for control::Share {
    fn from(row: &FoundRow) -> control::Share {
        let route: Vec<String> = match row.route.is_empty() {
            true => vec![],
            false => std::iter::once("you".to_owned()).chain(row.route.iter().cloned()).collect(),
        };
        control::Share {
            id: row.share.to_string(),
            title: row.title.clone(),
            kind: if row.files == 1 { "file" } else { "several" }.to_owned(),
            size: row.size,
            files: row.files,
            publisher: None,
            publisher_name: row.owner.clone(),
            mine: false,
            seeds: 1,
            leeches: 0,
            state: "available".to_owned(),
            created: rfc3339(row.created),
            link: crate::share::Link { share: row.share, at: vec![] }.to_string(),
            recipients: None,
            kept_by_server: None,
            at: if route.is_empty() { row.server_name.clone() } else { route.join(" → ") },
            route,
            file: row.file.clone(),
            places: vec![],
            trouble: None,
        }
    }
}

fn recipients(recipients: &Recipients) -> Vec<String> {
    match recipients {
        Recipients::Everyone => vec!["everyone".to_owned()],
        Recipients::Link => vec!["link".to_owned()],
        Recipients::Peers(peers) => peers.iter().map(ToString::to_string).collect(),
        Recipients::Groups(of) => {
            let server = of.keep.then(|| of.server.to_string());
            of.groups.iter().map(|group| format!("group {}", group.0)).chain(server).collect()
        }
    }
}

fn kind(kind: ShareKind) -> &'static str {
    match kind {
        ShareKind::File => "file",
        ShareKind::Folder => "folder",
        ShareKind::Several => "several",
    }
}

fn role(role: Role) -> &'static str {
    match role {
        Role::Peer => "peer",
        Role::Server => "server",
    }
}

fn via(via: Via) -> &'static str {
    match via {
        Via::Mdns => "mdns",
        Via::Typed => "typed",
        Via::Link => "link",
        Via::Inbound => "inbound",
        Via::Peer => "peer",
    }
}

pub(super) fn state(state: TransferState) -> &'static str {
    match state {
        TransferState::Looking => "looking",
        TransferState::Fetching => "fetching",
        TransferState::Paused => "paused",
        TransferState::Waiting => "waiting",
        TransferState::Finishing => "finishing",
        TransferState::Verifying => "verifying",
        TransferState::Queued => "queued",
        TransferState::Scheduled => "scheduled",
        TransferState::Done => "done",
        TransferState::Seeding => "seeding",
        TransferState::Failed => "failed",
    }
}

fn trouble_kind(kind: TroubleKind) -> &'static str {
    match kind {
        TroubleKind::Disk => "disk",
        TroubleKind::Source => "source",
        TroubleKind::BadPeer => "bad_peer",
        TroubleKind::Nobody => "nobody",
        TroubleKind::Refused => "refused",
        TroubleKind::WrongContent => "wrong_content",
        TroubleKind::Local => "local",
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::rfc3339;

    #[test]
    fn times_are_rfc_3339_and_an_impossible_clock_shows_none() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);

        assert_eq!(rfc3339(at(1_700_000_000)), "2023-11-14T22:13:20Z");
        assert_eq!(rfc3339(SystemTime::UNIX_EPOCH - Duration::from_secs(1)), "1969-12-31T23:59:59Z");
        assert_eq!(rfc3339(at(1 << 40)), "");
    }
}
