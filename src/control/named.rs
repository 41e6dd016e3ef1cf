//! Which share or computer is meant by what a person typed.

use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};

use super::failure::stopped;
use crate::{
    engine::snapshot::{ShareRow, Snapshot},
    share::{Link, PeerId, ShareId},
    wire::control::{Failure, FailureKind},
};
use std::sync::Arc;

/// The fewest characters of an id that count as its beginning; fewer are more likely a slip.
const MIN_PREFIX: usize = 4;
/// How many candidates a message names.
const MAX_NAMED: usize = 5;

pub(super) type Snapshots = watch::Receiver<Arc<Snapshot>>;

/// What came of waiting for something to show in the snapshot.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Waited<T> {
    Found(T),
    TimedOut,
    /// The engine ended.
    Stopped,
}

/// Looks at this snapshot and each later one until `look` finds something or the time is over.
pub(super) async fn until<T>(
    snapshots: &mut Snapshots,
    end: Instant,
    mut look: impl FnMut(&Snapshot) -> Option<T>,
) -> Waited<T> {
    loop {
        let snapshot = snapshots.borrow_and_update().clone();
        if let Some(found) = look(&snapshot) {
            return Waited::Found(found);
        }
        match timeout_at(end, snapshots.changed()).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return Waited::Stopped,
            Err(_) => return Waited::TimedOut,
        }
    }
}

/// Waits for the next snapshot, or until `at`, when something that was held back is to be said.
pub(super) async fn next_picture(snapshots: &mut Snapshots, at: Option<Instant>) -> Result<(), Failure> {
    let changed = match at {
        Some(at) => timeout_at(at, snapshots.changed()).await.unwrap_or(Ok(())),
        None => snapshots.changed().await,
    };
    changed.map_err(|_| stopped())
}

/// The share that `text` means: a link, an id, the beginning of an id, or a title. What is not known yet is waited for.
pub(super) async fn share(snapshots: &mut Snapshots, text: &str, wait: Duration) -> Result<ShareId, Failure> {
    if let Ok(link) = text.parse::<Link>() {
        return Ok(link.share);
    }
    let found = until(snapshots, Instant::now() + wait, |snapshot| match share_in(snapshot, text) {
        Match::None => None,
        found => Some(found),
    });
    match found.await {
        Waited::Found(Match::One(share)) => Ok(share),
        Waited::Found(Match::Several(ids)) => Err(ambiguous("share", text, shares_told(&snapshots.borrow(), &ids))),
        Waited::Found(Match::None) | Waited::TimedOut => Err(no_share(text)),
        Waited::Stopped => Err(stopped()),
    }
}

/// The computer that `text` means: an id, the beginning of one, or a name. Waits as [`share`] does.
pub(super) async fn peer(snapshots: &mut Snapshots, text: &str, wait: Duration) -> Result<PeerId, Failure> {
    if let Ok(id) = text.parse() {
        return Ok(id);
    }
    let found = until(snapshots, Instant::now() + wait, |snapshot| match peer_in(snapshot, text) {
        Match::None => None,
        found => Some(found),
    });
    match found.await {
        Waited::Found(Match::One(peer)) => Ok(peer),
        Waited::Found(Match::Several(ids)) => Err(ambiguous("computer", text, peers_told(&snapshots.borrow(), &ids))),
        Waited::Found(Match::None) | Waited::TimedOut => Err(no_peer(text)),
        Waited::Stopped => Err(stopped()),
    }
}

/// How many things a text can mean.
#[derive(Debug, PartialEq, Eq)]
enum Match<T> {
    None,
    One(T),
    Several(Vec<T>),
}

fn share_in(snapshot: &Snapshot, text: &str) -> Match<ShareId> {
    let shares = snapshot.shares.iter().map(|row| (row.id, row.title.as_str()));
    let transfers = snapshot.transfers.iter().map(|row| (row.share, row.title.as_str()));
    matching(shares.chain(transfers), text)
}

fn peer_in(snapshot: &Snapshot, text: &str) -> Match<PeerId> {
    matching(snapshot.peers.iter().map(|row| (row.id, row.name.as_str())), text)
}

/// The beginning of an id counts before a name: an id can be given exactly, and a name can be made to look like one.
fn matching<'a, I: Ord + Copy + ToString>(known: impl Iterator<Item = (I, &'a str)>, text: &str) -> Match<I> {
    let known: BTreeMap<I, &str> = known.collect();
    let by_id =
        pick(&known, |id, _| text.len() >= MIN_PREFIX && id.to_string().starts_with(&text.to_ascii_lowercase()));
    match by_id {
        Match::None => pick(&known, |_, name| name == text),
        found => found,
    }
}

fn pick<I: Copy + ToString>(known: &BTreeMap<I, &str>, is_meant: impl Fn(&I, &str) -> bool) -> Match<I> {
    let meant: Vec<_> = known.iter().filter(|(id, name)| is_meant(id, name)).collect();
    match meant.as_slice() {
        [] => Match::None,
        [(id, _)] => Match::One(**id),
        several => Match::Several(several.iter().map(|(id, _)| **id).collect()),
    }
}

/// What tells shares of one name from each other, the newest first.
fn shares_told(snapshot: &Snapshot, ids: &[ShareId]) -> Vec<String> {
    let row = |id: &ShareId| snapshot.shares.iter().find(|row| row.id == *id);
    let mut known: Vec<(ShareId, Option<&ShareRow>)> =
        ids.iter().map(|id| (*id, row(id).map(std::ops::Deref::deref))).collect();
    known.sort_by_key(|(_, row)| std::cmp::Reverse(row.map(|row| row.created)));
    let newest = known.first().and_then(|(_, row)| Some(row.as_ref()?.created));
    let alone = known.iter().filter(|(_, row)| row.is_some_and(|row| Some(row.created) == newest)).count() == 1;
    let told = known.iter().map(|(id, row)| {
        let short = shorten(&id.to_string());
        let Some(row) = row else { return short };
        let from = match (row.mine, &row.publisher_name) {
            (true, _) => "yours".to_owned(),
            (false, Some(name)) => format!("from {name}"),
            (false, None) => {
                row.publisher.map_or_else(|| "from somebody".to_owned(), |id| format!("from {}", id.short()))
            }
        };
        let mark = if alone && Some(row.created) == newest { ", the newest" } else { "" };
        format!("{short} ({}, {from}, {}, made {}{mark})", row.title, size(row.size), moment(row.created))
    });
    told.collect()
}

/// What tells computers of one name from each other, who was seen last first.
fn peers_told(snapshot: &Snapshot, ids: &[PeerId]) -> Vec<String> {
    let row = |id: &PeerId| snapshot.peers.iter().find(|row| row.id == *id);
    let mut known: Vec<_> = ids.iter().map(|id| (*id, row(id))).collect();
    known.sort_by_key(|(_, row)| std::cmp::Reverse(row.map(|row| row.last_seen)));
    let told = known.iter().map(|(id, row)| {
        let short = shorten(&id.to_string());
        let Some(row) = row else { return short };
        let at = row.addresses.first().map_or_else(|| "no address".to_owned(), |address| format!("at {address}"));
        let shares = if row.shares == 1 { "1 share".to_owned() } else { format!("{} shares", row.shares) };
        format!("{short} ({}, {at}, {shares}, seen {})", row.name, moment(row.last_seen))
    });
    told.collect()
}

/// A time to the minute, as it is told apart from others.
fn moment(at: SystemTime) -> String {
    let text = super::rows::rfc3339(at);
    match (text.get(..10), text.get(11..16)) {
        (Some(day), Some(minute)) => format!("{day} {minute} UTC"),
        _ => text,
    }
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{} kB", bytes / 1_000),
        1_000_000..1_000_000_000 => format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10),
        _ => format!("{}.{} GB", bytes / 1_000_000_000, bytes / 100_000_000 % 10),
    }
}

fn shorten(id: &str) -> String {
    id.chars().take(12).collect()
}

fn ambiguous(thing: &str, text: &str, mut names: Vec<String>) -> Failure {
    let more = names.len().saturating_sub(MAX_NAMED);
    names.truncate(MAX_NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let what = format!("More than one {thing} is meant");
    let hint = format!("Give more of the id: {}{more}.", names.join("; "));
    Failure::new(FailureKind::Usage, what, text, hint)
}

fn no_share(text: &str) -> Failure {
    let hint = "`handout shares` lists what is known; give a link, an id, at least 4 letters of one, or a whole title.";
    Failure::new(FailureKind::NotFound, "No such share is known", text, hint)
}

fn no_peer(text: &str) -> Failure {
    let hint = "`handout peers` lists who is around; give an id, at least 4 letters of one, or a whole name.";
    Failure::new(FailureKind::NotFound, "No such computer is around", text, hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Match<ShareId>) {
        // 0x00… shows as aaaa…, 0x08… as baaa…, and [0, 1, …] as aaaa eaaa….
        let (zero, one, close) = (ShareId([0; 32]), ShareId([8; 32]), close_to_zero());
        let known = [(zero, "Worksheet"), (one, "Worksheet"), (close, "Video"), (one, "Worksheet")];
        assert_eq!(matching(known.into_iter(), text), expected, "{text}");
    }

    fn close_to_zero() -> ShareId {
        let mut id = [0; 32];
        id[31] = 1;
        ShareId(id)
    }

    #[test]
    fn a_beginning_or_a_title_that_only_one_has_is_that_one() {
        let one = ShareId([8; 32]);
        check(&one.to_string()[..4], Match::One(one));
        check(&one.to_string().to_uppercase()[..9], Match::One(one));
        check("Video", Match::One(close_to_zero()));
    }

    #[test]
    fn what_several_have_is_never_guessed() {
        check("aaaa", Match::Several(vec![ShareId([0; 32]), close_to_zero()]));
        check("Worksheet", Match::Several(vec![ShareId([0; 32]), ShareId([8; 32])]));
    }

    #[test]
    fn too_little_of_an_id_and_part_of_a_title_mean_nothing() {
        check(&ShareId([8; 32]).to_string()[..3], Match::None);
        check("Vid", Match::None);
        check("", Match::None);
    }

    #[test]
    fn a_long_list_of_candidates_is_cut() {
        let failure = ambiguous("share", "x", (0..8).map(|number| number.to_string()).collect());

        assert_eq!(failure.hint, "Give more of the id: 0; 1; 2; 3; 4 and 3 more.");
        assert_eq!(failure.kind, FailureKind::Usage);
    }
}
