//! This server in a chain: what it tells the servers below, what it asks of those above and of the computers of the room, and
//! how what they have comes here.
//!
//! Servers are told only of shares that are for the room, whole, not hidden and not forbidden. People are shown what is
//! above when they may search here, and each download is decided on when it is served, like that of any other share: what
//! was brought for one is not thereby open to another.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use axum::http::StatusCode;
use futures_util::FutureExt as _;
use tokio::sync::watch;

use super::{
    Config, Server, caller::Visit, keeping::Keeping, now_s, problem::Problem, relay::Room, remembered::remember,
    settings::Settings,
};
use crate::{
    access::{About, Action, Audience, Decision, Policy, ShareFacts, Who, decide},
    chain::{Answer, Ask, Asker, Chain, Find, Manner, Mode, Reason, Setup, Step, Words},
    engine::At,
    net::call::Client,
    share::{Audience as MadeFor, EntryKind, PeerId, ShareId},
    store::central::{DeviceRow, FROM_ABOVE, NewShare, ShareRow},
};

/// So many hits of the own database are looked at for a server below.
const HITS_MAX: u32 = 200;
/// Whoever has something to look at already waits this much for more.
const QUICK: Duration = Duration::from_millis(700);
const THOROUGH: Duration = Duration::from_millis(2_500);

/// What servers above have, and which of them did not say.
#[derive(Debug, Default)]
pub(crate) struct Elsewhere {
    pub finds: Vec<Find>,
    /// By the names that people know.
    pub missing: Vec<(String, Reason)>,
}

pub(super) fn start(
    keeping: &Keeping,
    config: &Config,
    settings: &watch::Sender<Arc<Settings>>,
    at: &At,
    policy: watch::Receiver<Arc<Policy>>,
) -> Chain {
    let central = &keeping.central;
    let me = at.identity.id();
    let chosen = settings.borrow().clone();
    let own = chosen.name.clone();
    let name = own.unwrap_or_else(|| at.handle.snapshot().me.name.clone());
    let rules = policy.clone();
    let client = Client::new((*at.identity).clone()).listening_at(at.bound.port());
    let room = Room { client: client.clone(), policy, keeping: keeping.clone() };
    let library = Library { room: room.clone() };
    let (below, devices, known) = (config.downstreams.clone(), central.clone(), central.clone());
    Chain::start(Setup {
        me,
        name,
        upstreams: chosen.upstreams.clone(),
        client,
        engine: at.handle.clone(),
        shelf: at.shelf.clone(),
        into: config.shared(),
        search: Arc::new(move |asker, ask| {
            let library = library.clone();
            async move { library.search(asker, ask).await }.boxed()
        }),
        remember: Arc::new(move |finds| {
            let known = known.clone();
            async move {
                if let Err(error) = remember(&known, &finds).await {
                    tracing::warn!(%error, "what a server above has could not be written down");
                }
            }
            .boxed()
        }),
        admits: Arc::new(move |peer| {
            let (listed, devices, rules) = (below.contains(&peer), devices.clone(), rules.clone());
            // A computer that was enrolled here asks like its people do.
            async move {
                let computer = if listed { None } else { devices.device(peer).await.ok().flatten() };
                listed || computer.is_some_and(|computer| may_search(&rules.borrow(), &computer))
            }
            .boxed()
        }),
        has_room: Arc::new({
            let keeping = keeping.clone();
            move |share| {
                let keeping = keeping.clone();
                // Whether there is room shows when it comes, where the database does not say how large it is.
                async move { keeping.make_room_for(share).await.unwrap_or(true) }.boxed()
            }
        }),
        may_bring: Arc::new(move |from, share| room.clone().may_bring(from, share).boxed()),
        tracker: at.tracker.clone(),
        cancel: at.cancel.clone(),
    })
}

/// What is here, for servers below.
#[derive(Clone)]
struct Library {
    room: Room,
}

impl Library {
    /// What is here is found for people by the pages, which know who may see what; they are told of the computers of the room.
    /// Servers below are not: what is given in a room stays there until it is handed over.
    async fn search(&self, asker: Asker, ask: Ask) -> Vec<Find> {
        if matches!(asker, Asker::Person(_)) {
            return self.room.offers(&ask);
        }
        match self.rows(&ask).await {
            Ok(rows) => rows.iter().filter_map(|row| self.find(row, ask.is_for_one())).collect(),
            Err(error) => {
                tracing::warn!(%error, "a server below could not be answered");
                vec![]
            }
        }
    }

    async fn rows(&self, ask: &Ask) -> Result<Vec<ShareRow>, crate::store::central::CentralError> {
        let (central, mut seen) = (&self.room.keeping.central, BTreeSet::new());
        let rows: Vec<ShareRow> = match ask {
            Ask::Share(share) => central.share(*share).await?.into_iter().collect(),
            Ask::Hash(root) => central.shares_with(*root).await?.into_iter().map(|found| found.share).collect(),
            Ask::Words(words) => {
                let found = central.find(&words.to_string(), i64::MAX, HITS_MAX).await?;
                found.into_iter().map(|found| found.share).collect()
            }
        };
        Ok(rows.into_iter().filter(|row| seen.insert(row.id)).collect())
    }

    fn find(&self, row: &ShareRow, with_proof: bool) -> Option<Find> {
        if row.audience != Audience::Room || row.quarantined {
            return None;
        }
        let share = self.room.keeping.shelf.get(row.id).filter(|share| share.is_complete())?;
        let signed = share.share().signed();
        let blocked = &self.room.policy.borrow().blocked;
        let forbidden = |kind: &EntryKind| matches!(kind, EntryKind::File { root, .. } if blocked.contains_key(root));
        let manifest = signed.manifest();
        if manifest.audience == MadeFor::Peers || manifest.entries.iter().any(|entry| forbidden(&entry.kind)) {
            return None;
        }
        let small = signed.to_wire().len() <= crate::wire::server::MANIFEST_INLINE_MAX;
        Some(if with_proof && small { Find::of(Arc::new(signed.clone())) } else { Find::listed(signed) })
    }
}

impl Server {
    /// What servers above have by these words. `quick`: there is something to look at already.
    pub(super) async fn elsewhere(&self, visit: &Visit, query: &str, quick: bool) -> Result<Elsewhere, Problem> {
        let in_exam = visit.actor.exam(&self.policy(), now_s()).is_some();
        let Some(words) = Words::parse(query).filter(|_| !in_exam) else {
            return Ok(Elsewhere::default());
        };
        let manner = Manner { budget: if quick { QUICK } else { THOROUGH }, ..Manner::default() };
        match self.chain.ask(asker_of(visit), Ask::Words(words), manner).await {
            Answer::Found { finds, missing } => {
                let policy = self.policy();
                let mut new = vec![];
                for find in finds {
                    let known = self.central.share(find.share).await?;
                    let here = known.is_some_and(|row| row.here || row.quarantined || row.origin != FROM_ABOVE);
                    if !here && !is_forbidden(&policy, &find) {
                        new.push(find);
                    }
                }
                Ok(Elsewhere { finds: new, missing: self.named(missing).await })
            }
            Answer::NotFound { .. } => Ok(Elsewhere::default()),
            Answer::Unknown { reason, at } => {
                Ok(Elsewhere { finds: vec![], missing: self.named(vec![(at, reason)]).await })
            }
        }
    }

    /// A share that a server above has.
    pub(super) async fn find_above(&self, visit: &Visit, share: ShareId) -> Result<Find, Problem> {
        drop(self.allow(visit, Action::SeeShare, About::Share(&ShareFacts::of_room(share)), &share.to_string()).await?);
        let manner = Manner { budget: THOROUGH, mode: Mode::Parents, ..Manner::default() };
        match self.chain.ask(asker_of(visit), Ask::Share(share), manner).await {
            Answer::Found { finds, .. } => {
                let find = finds.into_iter().next().filter(|find| !is_forbidden(&self.policy(), find));
                find.ok_or_else(|| Problem::no_such("share"))
            }
            Answer::NotFound { .. } => {
                // It was withdrawn, so it is not to be found any more.
                self.central.forget(share).await?;
                Err(Problem::no_such("share"))
            }
            Answer::Unknown { reason, at } => Err(self.above_failed(at, reason).await),
        }
    }

    /// The row of a share that can be given out: one that only a server above has is brought first. Returns as soon as its
    /// list of files is here; the bytes come while they are given on.
    pub(super) async fn present(&self, visit: &Visit, share: &str) -> Result<ShareRow, Problem> {
        let id: ShareId = share.parse().map_err(|_| Problem::no_such("share"))?;
        let row = self.central.share(id).await?;
        // A caller without access learns neither title nor size, and must not trigger a fetch.
        let (facts, named) = match &row {
            Some(row) => (row.facts(), format!("share:{}", id.short())),
            None => (ShareFacts::of_room(id), id.to_string()),
        };
        drop(self.allow(visit, Action::Download, About::Share(&facts), &named).await?);
        let whole = || self.shelf.get(id).is_some_and(|share| share.is_complete());
        let present = match row {
            Some(row) if row.origin != FROM_ABOVE || row.stored || whole() => {
                self.take_up(&row).await?;
                row
            }
            _ => self.bring(visit, id).await?,
        };
        self.keeping.asked(id);
        Ok(present)
    }

    async fn bring(&self, visit: &Visit, id: ShareId) -> Result<ShareRow, Problem> {
        let routes = self.routes_to(visit, id).await?;
        let owner_name =
            routes.first().and_then(|route| route.last()).map_or_else(String::new, |step| step.name.clone());
        if let Err(refusal) = self.chain.bring(id, routes).await {
            return Err(self.above_failed(refusal.at, refusal.reason).await);
        }
        let on_shelf = self.shelf.get(id).ok_or_else(|| Problem::no_such("share"))?;
        let new = NewShare {
            id,
            manifest: on_shelf.share().manifest(),
            owner: None,
            owner_name: &owner_name,
            audience: Audience::Room,
            added_s: now_s(),
            origin: FROM_ABOVE,
            here: false,
        };
        self.central.add_share(&new).await?;
        if self.shelf.get(id).is_some_and(|share| share.is_complete()) {
            self.central.set_here(id, true).await?;
        }
        self.central.share(id).await?.ok_or_else(|| Problem::no_such("share"))
    }

    /// The ways by which a share can be brought. One that is on its way already needs no other question.
    async fn routes_to(&self, visit: &Visit, id: ShareId) -> Result<Vec<Vec<Step>>, Problem> {
        if let Some(bringing) = self.chain.bringing().await.into_iter().find(|bringing| bringing.share == id) {
            return Ok(vec![bringing.route]);
        }
        let find = self.find_above(visit, id).await?;
        self.make_room(find.size).await?;
        Ok(find.routes().cloned().collect())
    }

    async fn above_failed(&self, at: PeerId, reason: Reason) -> Problem {
        let name = self.name_above(at).await;
        if reason == Reason::Denied && self.shelf.admission().is_some_and(|rules| rules.computer(at).is_some()) {
            let detail = format!("{name} gives something that this server's rules do not let it give to everyone.");
            return Problem::of_upstream(StatusCode::FORBIDDEN, detail);
        }
        let (status, what) = match reason {
            Reason::Timeout => (StatusCode::GATEWAY_TIMEOUT, "did not answer in time. Try again in a moment."),
            Reason::Unreachable => (StatusCode::BAD_GATEWAY, "can't be reached. Try again later."),
            Reason::Overloaded => (StatusCode::SERVICE_UNAVAILABLE, "has too much to do. Try again in a moment."),
            Reason::Denied => (StatusCode::BAD_GATEWAY, "does not let this server ask. Tell whoever runs this server."),
            Reason::Corrupt => (StatusCode::BAD_GATEWAY, "sent something wrong, which was thrown away."),
            Reason::HopLimit => (StatusCode::BAD_GATEWAY, "was as far as the question went; it may be further up."),
            Reason::Loop => {
                (StatusCode::BAD_GATEWAY, "was asked by itself: the servers are above each other in a ring.")
            }
        };
        Problem::of_upstream(status, format!("{name} {what}"))
    }

    async fn named(&self, missing: Vec<(PeerId, Reason)>) -> Vec<(String, Reason)> {
        let mut named = vec![];
        for (at, reason) in missing {
            named.push((self.name_above(at).await, reason));
        }
        named
    }

    /// How people here call a server above, or this one.
    pub(super) async fn name_above(&self, at: PeerId) -> String {
        if at == self.identity.id() {
            return self.name();
        }
        let known = self.chain.upstreams().await.into_iter().find(|upstream| upstream.id == at);
        let neighbour = || self.engine.snapshot().peer(at).map(|row| row.name.clone());
        let known = known.map(|upstream| upstream.name).or_else(neighbour);
        known.unwrap_or_else(|| format!("A server further up ({})", at.short()))
    }
}

fn may_search(policy: &Policy, computer: &DeviceRow) -> bool {
    matches!(decide(policy, &computer.actor(), Action::Search, About::Nothing, now_s()), Decision::Allow(_))
}

fn is_forbidden(policy: &Policy, find: &Find) -> bool {
    let Some(signed) = &find.manifest else { return false };
    let forbidden =
        |kind: &EntryKind| matches!(kind, EntryKind::File { root, .. } if policy.blocked.contains_key(root));
    signed.manifest().entries.iter().any(|entry| forbidden(&entry.kind))
}

/// Whose questions are counted together.
fn asker_of(visit: &Visit) -> Asker {
    let who = match visit.actor.who {
        Who::Person(person) => format!("person {}", person.0),
        Who::Device(peer) => format!("device {peer}"),
        Who::Nobody | Who::Console => format!("address {}", visit.address),
    };
    let hash = blake3::hash(who.as_bytes());
    let first = hash.as_bytes().first_chunk::<8>().copied().unwrap_or_default();
    Asker::Person(u64::from_be_bytes(first))
}

/// A way in words: `you → lab → school`.
pub(crate) fn route_words(route: &[Step]) -> String {
    let names = std::iter::once("you").chain(route.iter().map(|step| step.name.as_str()));
    names.collect::<Vec<_>>().join(" → ")
}

/// A reason in words, after the name of a server.
pub(crate) fn reason_words(reason: Reason) -> &'static str {
    match reason {
        Reason::Loop => "was asked already",
        Reason::HopLimit => "has servers above it that were not asked",
        Reason::Timeout => "did not answer in time",
        Reason::Overloaded => "has too much to do",
        Reason::Unreachable => "can't be reached",
        Reason::Denied => "does not let this server ask",
        Reason::Corrupt => "answered nonsense",
    }
}
