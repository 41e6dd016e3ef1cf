//! Shares that enrolled computers give to everyone, for those who can't reach these computers: whoever may search here finds
//! them, and when somebody wants one, it is brought here like one from a server above and given on while it arrives.
//!
//! Only what a computer's catalogue says is for everyone is told of, and only of computers on the list. Before a byte of a file
//! is fetched, the list of files is, and the policy judges it like what the computer gives to the room itself.

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;

use super::{keeping::Keeping, now_s};
use crate::{
    access::{Actor, Admission, Given, Giving, Policy, may_give, may_have},
    chain::{Ask, Find, FindKind, Reason, Step},
    engine::snapshot::{Here, ShareKind, ShareRow, Snapshot},
    net::{
        call::{CallError, Client, Timeouts},
        tls::Expect,
    },
    share::{Audience, PeerId, ShareId, SignedManifest},
    wire::paths,
};

/// So many are told of at once; who looks for one of more adds a word.
const FINDS_MAX: usize = 50;
/// A computer has so long to give its list of files.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the computers of the room give, as this server sees it.
#[derive(Clone)]
pub(super) struct Room {
    pub client: Client,
    pub policy: watch::Receiver<Arc<Policy>>,
    pub keeping: Keeping,
}

impl Room {
    /// What enrolled computers give to everyone and is not here, by its id or by words of its title.
    pub fn offers(&self, ask: &Ask) -> Vec<Find> {
        let Some(rules) = self.keeping.shelf.admission() else { return vec![] };
        let picture = self.keeping.engine.snapshot();
        let wanted = |row: &ShareRow| match ask {
            Ask::Share(share) => row.id == *share,
            Ask::Words(words) => words.fit(&row.title),
            Ask::Hash(_) => false,
        };
        let rows = picture.shares.iter().filter(|row| !row.mine && !matches!(row.here, Here::Complete { .. }));
        let rows = rows.filter(|row| !row.givers.is_empty() && wanted(row));
        rows.filter_map(|row| self.find(row, &picture, &rules)).take(FINDS_MAX).collect()
    }

    fn find(&self, row: &ShareRow, picture: &Snapshot, rules: &Admission) -> Option<Find> {
        let (policy, now) = (self.policy.borrow().clone(), now_s());
        let may = |giver: &&PeerId| {
            rules.computer(**giver).is_some_and(|computer| may_give(&policy, computer, Giving::Room, None, now).is_ok())
        };
        let mut ways =
            row.givers.iter().filter(may).map(|giver| vec![Step { server: *giver, name: name(picture, *giver) }]);
        Some(Find {
            share: row.id,
            title: row.title.clone(),
            size: row.size,
            files: row.files,
            kind: match row.kind {
                ShareKind::File => FindKind::File,
                ShareKind::Folder => FindKind::Folder,
                ShareKind::Several => FindKind::Several,
            },
            // What a computer says of another is told to nobody.
            publisher: row.publisher?,
            created_s: row.created.duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64),
            audience: Audience::Everyone,
            manifest: None,
            route: ways.next()?,
            detours: ways.collect(),
        })
    }

    /// Asks a computer for the list of files of a share, and judges whether it may be brought.
    pub async fn may_bring(self, from: PeerId, share: ShareId) -> Result<(), Reason> {
        let rules = self.keeping.shelf.admission().ok_or(Reason::Denied)?;
        let computer = rules.computer(from).ok_or(Reason::Unreachable)?;
        let picture = self.keeping.engine.snapshot();
        let gives = picture.shares.iter().any(|row| row.id == share && row.givers.contains(&from));
        let row = picture.peer(from).filter(|_| gives).ok_or(Reason::Unreachable)?;
        let asked = manifest_of(&self.client, from, &row.addresses, share);
        let signed = tokio::time::timeout(PATIENCE, asked).await.unwrap_or(Err(Reason::Timeout))?;
        let others = picture.shares.iter().filter(|row| row.id != share && row.publisher == Some(from));
        let others = others.filter(|row| row.givers.contains(&from));
        let used = others.fold((0u64, 0u32), |(bytes, files), row| {
            (bytes.saturating_add(row.size), files.saturating_add(row.files))
        });
        self.judge(from, computer, &signed, used)?;
        match self.keeping.make_room(signed.manifest().size()).await {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(Reason::Overloaded),
        }
    }

    /// `used`: bytes and files of what else the computer gives to everyone. Its own program counts them as well; another
    /// program might not.
    fn judge(&self, from: PeerId, computer: &Actor, signed: &SignedManifest, used: (u64, u32)) -> Result<(), Reason> {
        let (manifest, policy, now) = (signed.manifest(), self.policy.borrow().clone(), now_s());
        let judged = match manifest.publisher.peer_id() == from {
            true => {
                let given = Given { manifest, used_bytes: used.0, used_files: used.1 };
                may_give(&policy, computer, Giving::Room, Some(given), now)
            }
            false => may_have(&policy, computer, signed.id(), Some(manifest), now),
        };
        if let Err(reason) = judged {
            tracing::info!(share = %signed.id(), %reason, "a share of computer {} is not brought for others", from.short());
            return Err(Reason::Denied);
        }
        if manifest.audience != Audience::Everyone {
            return Err(Reason::Denied);
        }
        Ok(())
    }
}

fn name(picture: &Snapshot, peer: PeerId) -> String {
    picture.peer(peer).map_or_else(|| peer.short(), |row| row.name.clone())
}

async fn manifest_of(
    client: &Client,
    from: PeerId,
    at: &[std::net::SocketAddr],
    share: ShareId,
) -> Result<SignedManifest, Reason> {
    let failed = |error: CallError| {
        tracing::debug!(share = %share, %error, "computer {} could not be asked for a list of files", from.short());
        Reason::Unreachable
    };
    let mut connection = client.connect(at, Expect::Peer(from), Timeouts::default()).await.map_err(failed)?;
    let wire = connection.get(&paths::manifest(share), SignedManifest::BYTES_MAX).await.map_err(failed)?;
    SignedManifest::parse_expected(&wire, share).map_err(|_| Reason::Corrupt)
}
