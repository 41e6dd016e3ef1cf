//! The engine's mind: everything that changes while the app runs, and what is to be done when something happens.
//!
//! It is pure: time comes in with each event, and what it wants done goes out as [`Task`]s. Nothing here waits, locks, reads
//! a file or opens a socket.
//!
//! Who owns what: `held.rs` the shares on this computer and on their way to it, `peers.rs` who is around,
//! `told.rs` addresses that others told, `offers.rs` what they say they give,
//! `imports.rs` files being read, `wishes.rs` what people ask for, `looking.rs` who has a share, `fetching.rs` a transfer's life, `opening.rs` its place on
//! disk, `swarming.rs` its swarm's effects, `verifying.rs` files read again, `aside.rs`
//! what can't be read at the moment, `relocating.rs` files moved, `controls.rs` what
//! people chose, `turns.rs` whose turn it is, `selection.rs` which files, `seeding.rs` until when something is given,
//! `ledger.rs` to whom, `clocks.rs` what time it is at others, `managed.rs` the server that manages this computer, `governing.rs` what its rules allow, `heads.rs` its audit log's, `publishing.rs` what it keeps for us and what it finds, `reasons.rs` why something is slow, `troubles.rs` how errors are worded.

mod aside;
mod clocks;
mod controls;
mod enrolled;
mod fetching;
mod governing;
mod heads;
mod held;
mod imports;
mod ledger;
mod looking;
mod managed;
mod offers;
mod opening;
mod peers;
pub(super) mod picture;
mod publishing;
mod rates;
mod reasons;
mod relocating;
mod seeding;
mod selection;
mod swarming;
mod told;
mod troubles;
mod turns;
mod verifying;
mod wishes;

use std::{
    collections::{BTreeMap, VecDeque},
    net::SocketAddr,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

pub(super) use held::kind_of;
use held::{Held, Stage};
use imports::Import;
use peers::{Peer, Typed};

use super::{
    command::Token,
    event::{Clock, Event},
    managed::Management,
    question::Question,
    snapshot::{Done, Outcome, Speed, Traffic},
    task::Task,
    throttle::Plan,
    trouble::Trouble,
};
use crate::{
    nearby::{self, Nearby},
    net::interfaces::Subnet,
    platform::link::Link,
    share::{PeerId, ShareId},
    store::Partial,
};

/// While something is moving, speeds and snapshots are renewed this often.
pub(super) const BEAT: Duration = Duration::from_millis(250);
const OUTCOMES_MAX: usize = 256;
const TROUBLES_MAX: usize = 32;

/// Who we are; settled before the first event.
#[derive(Clone, Debug)]
pub struct Origin {
    pub id: PeerId,
    pub name: String,
    pub home: PathBuf,
    pub downloads: PathBuf,
    pub discovery: bool,
    pub typed: Vec<String>,
    pub traffic: Traffic,
    /// Which server manages this computer, as far as is known beforehand.
    pub management: Management,
    /// Chance for swarms' decisions.
    pub seed: u64,
    /// Whether browsers are served, too: then it decides for itself who may have what it holds of others'.
    pub server: bool,
    /// Tells this run of the program from another with the same key.
    pub instance: u64,
}

/// Everything that changes while the app runs.
pub struct State {
    origin: Origin,
    clock: Clock,
    listen: Vec<SocketAddr>,
    /// The networks that this computer is in.
    subnets: Vec<Subnet>,
    nearby: Nearby,
    peers: BTreeMap<PeerId, Peer>,
    /// Names of peers met before, for shares whose publisher is away.
    names: BTreeMap<PeerId, String>,
    typed: BTreeMap<String, Typed>,
    told: told::Told,
    held: BTreeMap<ShareId, Held>,
    imports: BTreeMap<Token, Import>,
    questions: Vec<Arc<Question>>,
    troubles: VecDeque<Arc<Trouble>>,
    outcomes: VecDeque<Arc<Outcome>>,
    /// Numbers given to what must be told apart: troubles, questions, runs, lanes.
    serial: u64,
    /// Grows when what we give changes; neighbours see it and ask again.
    catalogue_revision: u64,
    announced: Option<(String, u64)>,
    last_beat: Option<Instant>,
    beats: u64,
    total: rates::Rates,
    history: VecDeque<Speed>,
    /// What holds for all transfers together.
    controls: controls::Controls,
    /// What was given to whom.
    ledger: ledger::Ledger,
    /// The places of downloads in the queue, from 1.
    places: BTreeMap<ShareId, u32>,
    /// Whose turn it is must be decided anew.
    turns_due: bool,
    turns_at: Option<Instant>,
    /// What holds for those who move bytes.
    plan: Arc<Plan>,
    link: Link,
    /// Processor time of the program at the last beat, and how much of all processors that was, in hundredths.
    used: Option<Duration>,
    program_percent: u8,
    /// The server that manages this computer.
    managed: managed::Managed,
    /// What is told of a clock that is wrong, by its serial.
    clock_trouble: Option<u64>,
    governing: governing::Governing,
    changed: picture::Changed,
}

impl State {
    /// The first state. `clock.wall` in milliseconds begins the catalogue's revision, so that it never goes back.
    pub fn new(origin: Origin, clock: Clock) -> State {
        let since_1970 = clock.wall.duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        let nearby = Nearby::new(nearby::Limits::default(), origin.id, origin.instance);
        let typed = origin.typed.iter().map(|address| (address.clone(), Typed::new(clock.now))).collect();
        let controls = controls::Controls::new(&origin.traffic);
        let managed = managed::Managed::new(&origin.management);
        let mut state = State {
            origin,
            clock,
            listen: vec![],
            subnets: vec![],
            nearby,
            peers: BTreeMap::new(),
            names: BTreeMap::new(),
            typed,
            told: told::Told::default(),
            held: BTreeMap::new(),
            imports: BTreeMap::new(),
            questions: vec![],
            troubles: VecDeque::new(),
            outcomes: VecDeque::new(),
            serial: 0,
            catalogue_revision: since_1970.as_millis() as u64,
            announced: None,
            last_beat: None,
            beats: 0,
            total: rates::Rates::default(),
            history: VecDeque::new(),
            controls,
            ledger: ledger::Ledger::default(),
            places: BTreeMap::new(),
            turns_due: true,
            turns_at: None,
            plan: Arc::default(),
            link: Link::default(),
            used: None,
            program_percent: 0,
            managed,
            clock_trouble: None,
            governing: governing::Governing::default(),
            changed: picture::Changed::all(),
        };
        state.rules_changed();
        state
    }

    /// Takes an event; `tasks` gets what is to be done because of it.
    pub fn handle(&mut self, clock: Clock, event: Event, tasks: &mut Vec<Task>) {
        let jumped = self.clock_jumped(&clock);
        self.clock = clock;
        if jumped {
            self.clock_set();
        }
        self.turns_due |= turns::may_change(&event);
        match event {
            Event::Command(command) => self.wish(command, tasks),
            Event::Restored { shares, names, given } => {
                self.ledger.restore(given);
                self.restored(shares, names, tasks);
            }
            Event::Listening { addresses, link, subnets } => self.listening(addresses, link, subnets),
            Event::Met { share, peer } => self.met(share, peer, tasks),
            Event::Around(input) => self.around(input, tasks),
            Event::TimeTold { peer, told_s } => self.time_told(peer, told_s, tasks),
            Event::Catalogue { peer, result } => self.catalogue_answered(peer, result, tasks),
            Event::Greeted { address, result } => self.greeted(&address, result, tasks),
            Event::ImportProgress { token, done_bytes, size, files } => {
                self.import_progress(token, done_bytes, size, files);
            }
            Event::Imported { token, result } => self.imported(token, result, tasks),
            Event::RulesChanged => self.catalogue_changed(),
            Event::Adopted { share, content, recipients } => self.adopted(&share, content, recipients, tasks),
            Event::Transfer { share, run, fact } => self.transfer_fact(share, run, fact, tasks),
            Event::SourceTrouble { share, error } => self.source_trouble(share, error, tasks),
            Event::Enrolled { token, result } => self.enrolled(token, result, tasks),
            Event::Searched { token, words, found, silent } => {
                let (found, silent) = (found.into(), silent.into());
                self.conclude(token, Ok(Done::Searched { words, found, silent }));
            }
            Event::Published { share, result } => self.published(share, result, tasks),
            Event::Heads { result } => self.heads_told(result),
            Event::Stands { result } => self.stands(result, tasks),
            Event::Uploads(readings) => self.uploads_read(&readings),
            Event::Failed { what, about, hint } => self.add_local_trouble(what, about, hint),
            Event::Healed { what } => self.healed(&what),
            Event::Tick => {}
        }
        self.keep_time(tasks);
        self.announce_if_changed(tasks);
    }

    /// When [`Event::Tick`] is wanted at the latest, and why.
    pub fn next_wakeup(&self, moving: bool) -> Option<(Instant, &'static str)> {
        let beat = moving.then(|| (self.last_beat.map_or(self.clock.now, |last| last + BEAT), "speeds"));
        let swarms = self.held.values().filter_map(Held::next_wakeup);
        let peers = self.peers.values().filter_map(Peer::next_wakeup);
        let typed = self.typed.values().filter_map(Typed::next_wakeup);
        beat.into_iter()
            .chain(self.turns_wakeup())
            .chain(self.nearby.next_wakeup())
            .chain(self.managed.next_wakeup())
            .chain(self.managed.heads.next_wakeup())
            .chain(self.govern_wakeup())
            .chain(self.publish_wakeup())
            .chain(swarms)
            .chain(peers)
            .chain(typed)
            .min_by_key(|at| at.0)
    }

    /// Whether bytes move in or out of this computer, so that speeds change.
    pub fn moving(&self) -> bool {
        !self.imports.is_empty() || self.total.moving() || self.held.values().any(Held::moving)
    }

    /// The places on disk of downloads under way.
    pub fn unfinished(&self) -> Vec<Arc<Partial>> {
        let staging = |held: &Held| match &held.stage {
            Stage::Fetching(fetching) => Some(fetching.staging.clone()),
            _ => None,
        };
        self.held.values().filter_map(staging).collect()
    }

    fn keep_time(&mut self, tasks: &mut Vec<Task>) {
        if self.last_beat.is_none_or(|last| self.clock.now >= last + BEAT) {
            self.beat();
            self.end_seeding(tasks);
            self.turns_due = true;
        }
        self.around(nearby::Input::Tick, tasks);
        self.peers_due(tasks);
        self.typed_due(tasks);
        self.tell_of_clock();
        self.managed_due(tasks);
        self.heads_due(tasks);
        self.govern(tasks);
        self.publish_due(tasks);
        self.transfers_due(tasks);
        self.take_turns(tasks);
        self.gate(tasks);
        self.save_given(tasks);
    }

    fn announce_if_changed(&mut self, tasks: &mut Vec<Task>) {
        let now = (self.origin.name.clone(), self.catalogue_revision);
        if self.announced.as_ref() != Some(&now) {
            tasks.push(Task::Announce { name: now.0.clone(), revision: now.1 });
            self.announced = Some(now);
        }
    }

    /// Neighbours will ask again what we give.
    fn catalogue_changed(&mut self) {
        self.catalogue_revision += 1;
        self.changed.shares = true;
        self.changed.transfers = true;
    }

    fn next_serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    fn conclude(&mut self, token: Token, result: Result<Done, Arc<Trouble>>) {
        if self.outcomes.len() == OUTCOMES_MAX {
            self.outcomes.pop_front();
        }
        self.outcomes.push_back(Arc::new(Outcome { token, result }));
        (self.changed.rest, self.changed.outcome) = (true, true);
    }

    fn listening(&mut self, addresses: Vec<SocketAddr>, link: Link, subnets: Vec<Subnet>) {
        (self.listen, self.link, self.subnets) = (addresses, link, subnets);
        self.changed.all_rows();
    }
}

/// Seconds since 1970.
fn seconds(at: std::time::SystemTime) -> i64 {
    at.duration_since(std::time::UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}
