//! The server that manages this computer: becoming known there, staying in touch, keeping what it says.
//!
//! What its policy means is decided in `governing.rs`; here is only which policy holds. It is taken from the one server
//! that this computer was enrolled with, never in an older version than before, and goes on holding when the server can't
//! be reached. Where a file of the machine says that it is managed, nothing is given or fetched before there are rules.

use std::{
    net::SocketAddr,
    time::{Duration, Instant, SystemTime},
};

use tokio_util::sync::CancellationToken;

use super::{State, enrolled::Enrolled, heads::Heads};
use crate::{
    access::{Actor, Policy, Role, SignedMembership, SignedPolicy, Unfit, device},
    engine::{
        command::Token,
        managed::{Kept, Management, ServerFault, ServerFaultKind, StandingAnswer, Ticket, Welcome, by_of, checked},
        server_time::ServerTime,
        snapshot::Done,
        task::{Keep, ServerQuestion, Task},
        trouble::TroubleKind,
    },
    share::PeerId,
    wire::enrolled::Stands,
};

const RETRY_FIRST: Duration = Duration::from_secs(1);
const RETRY_LAST: Duration = Duration::from_secs(30);
/// An answer that needed no waiting is not asked for again before this.
const PAUSE: Duration = Duration::from_secs(2);

/// What manages this computer.
pub struct Managed {
    /// What a file of this machine wishes.
    wished: Option<Ticket>,
    /// Its token was refused: it is not tried again before the next start.
    pub(super) refused: Option<String>,
    /// The administrator put another token there since this computer was enrolled: it is enrolled anew, from the beginning.
    anew: bool,
    pub enrolled: Option<Enrolled>,
    /// The server took this computer off its list.
    pub removed: Option<String>,
    enrolling: bool,
    asking: Option<CancellationToken>,
    retry_at: Option<Instant>,
    failures: u32,
    /// Where its audit log stood.
    pub heads: Heads,
    /// What time it is there.
    pub time: ServerTime,
    /// Why the server can't be reached, and since when.
    pub lost: Option<(String, SystemTime)>,
}

/// By which rules this computer goes.
pub enum Rules<'a> {
    /// Nobody manages it.
    None,
    /// It is managed, and there are no rules to go by.
    Missing {
        why: String,
    },
    Policy {
        policy: &'a Policy,
        device: Actor,
        server: PeerId,
    },
}

impl Managed {
    pub fn new(origin: &Management) -> Managed {
        let mut enrolled = match &origin.kept {
            Kept::Nothing | Kept::Damaged => None,
            Kept::Record(record) => {
                checked(record).and_then(|good| origin.right(good, record)).map(|good| Enrolled::of(good, record))
            }
        };
        let mut anew = false;
        if let (Some(enrolled), Some(wished)) = (&mut enrolled, &origin.wished) {
            let mark = wished.mark();
            anew = !enrolled.ticket.is_empty() && enrolled.ticket != mark;
            if enrolled.ticket.is_empty() {
                enrolled.ticket = mark;
            }
        }
        Managed {
            wished: origin.wished.clone(),
            refused: None,
            anew,
            enrolled,
            removed: None,
            enrolling: false,
            asking: None,
            retry_at: None,
            failures: 0,
            heads: Heads::default(),
            time: ServerTime::default(),
            lost: None,
        }
    }

    /// Whether a file of this machine says by whom it is managed.
    pub fn is_wished(&self) -> bool {
        self.wished.is_some()
    }

    pub fn rules(&self, me: PeerId) -> Rules<'_> {
        match (&self.enrolled, &self.wished) {
            (Some(enrolled), _) => match &enrolled.policy {
                Ok(policy) => {
                    let own = enrolled.membership.as_ref().map(|signed| signed.membership().groups.clone());
                    let device = device(me, enrolled.role, own.unwrap_or_default());
                    Rules::Policy { policy, device, server: enrolled.server }
                }
                Err(why) => Rules::Missing { why: format!("{why}, and {} has not given new ones yet", enrolled.name) },
            },
            (None, Some(wished)) => Rules::Missing { why: self.why_missing(wished) },
            (None, None) => Rules::None,
        }
    }

    fn why_missing(&self, wished: &Ticket) -> String {
        let fault = self.refused.as_ref().or(self.removed.as_ref()).or(self.lost.as_ref().map(|(why, _)| why));
        let fault = fault.map_or(String::new(), |why| format!(": {why}"));
        format!("it is not enrolled at {} yet{fault}", wished.address)
    }

    /// Whose rules they are, as people are told.
    pub fn managed_by(&self) -> String {
        match &self.enrolled {
            Some(Enrolled { policy: Ok(policy), name, .. }) => by_of(policy, name),
            Some(enrolled) => enrolled.name.clone(),
            None => self.wished.as_ref().map_or(String::new(), |wished| wished.address.clone()),
        }
    }

    fn is_due(&self, now: Instant) -> bool {
        let wanted = self.enrolled.is_some() || self.wished.is_some() && self.refused.is_none();
        wanted && !self.enrolling && self.asking.is_none() && self.retry_at.is_none_or(|at| at <= now)
    }

    pub fn next_wakeup(&self) -> Option<(Instant, &'static str)> {
        self.retry_at.filter(|_| !self.enrolling && self.asking.is_none()).map(|at| (at, "ask the server"))
    }

    pub(super) fn later(&mut self, now: Instant) {
        self.failures = self.failures.saturating_add(1);
        let wait = RETRY_FIRST * 2u32.saturating_pow(self.failures.saturating_sub(1).min(8));
        self.retry_at = Some(now + wait.min(RETRY_LAST));
    }
}

impl State {
    /// A person shows a token.
    pub(super) fn wish_enrol(&mut self, token: Token, ticket: Ticket, tasks: &mut Vec<Task>) {
        if self.managed.is_wished() {
            let (what, about) = ("This computer is enrolled by its administrator", self.managed.managed_by());
            return self.fail(token, TroubleKind::Refused, what, &about, "Ask the administrator of this computer.");
        }
        if self.managed.enrolling {
            let (what, hint) = ("This computer is being enrolled already", "Try again in a moment.");
            return self.fail(token, TroubleKind::Local, what, "", hint);
        }
        self.managed.enrolling = true;
        tasks.push(Task::Enrol { token: Some(token), ticket });
    }

    /// A person wants no server to manage this computer any more.
    pub(super) fn wish_leave(&mut self, token: Token, tasks: &mut Vec<Task>) {
        if self.managed.is_wished() {
            let (what, about) = ("This computer is managed by its administrator", self.managed.managed_by());
            return self.fail(token, TroubleKind::Refused, what, &about, "Ask the administrator of this computer.");
        }
        let Some(enrolled) = &self.managed.enrolled else {
            let hint = "`handout status` shows whether it is.";
            return self.fail(token, TroubleKind::Nobody, "This computer is enrolled nowhere", "", hint);
        };
        let (server, name) = (enrolled.server, enrolled.name.clone());
        self.not_enrolled(tasks);
        self.conclude(token, Ok(Done::Left { server, name }));
    }

    fn not_enrolled(&mut self, tasks: &mut Vec<Task>) {
        if let Some(asking) = self.managed.asking.take() {
            asking.cancel();
        }
        self.managed.enrolled = None;
        (self.managed.lost, self.managed.failures, self.managed.retry_at) = (None, 0, None);
        tasks.push(Task::Remember(Keep::Enrolment(None)));
        tasks.push(Task::Vouch(None));
        self.managed.time = ServerTime::default();
        tasks.push(Task::KeepTime(self.managed.time));
        self.rules_changed();
    }

    pub(super) fn enrolled(
        &mut self,
        token: Option<Token>,
        result: Result<Box<Welcome>, ServerFault>,
        tasks: &mut Vec<Task>,
    ) {
        self.managed.enrolling = false;
        self.changed.rest = true;
        match result {
            Ok(welcome) => self.welcomed(token, *welcome, tasks),
            Err(fault) => self.enrolling_failed(token, &fault),
        }
    }

    fn welcomed(&mut self, token: Option<Token>, welcome: Welcome, tasks: &mut Vec<Task>) {
        let Welcome { server, at, stands, policy } = welcome;
        let address = self.managed.wished.as_ref().map_or_else(|| at.to_string(), |wished| wished.address.clone());
        // Who enrols again with the same server can't go back to an older policy by that; only the administrator can.
        let anew = std::mem::take(&mut self.managed.anew);
        let before = self.managed.enrolled.take().filter(|enrolled| enrolled.server == server && !anew);
        let new = || Enrolled {
            server,
            name: String::new(),
            address: String::new(),
            role: Role::Student,
            groups: vec![],
            policy: Err("it has no rules"),
            membership: None,
            wire: vec![],
            floor: 0,
            ticket: String::new(),
            enrolled_s: super::seconds(self.clock.wall),
            kept: None,
            etag: None,
            reached: true,
        };
        let mut enrolled = before.unwrap_or_else(new);
        enrolled.address = address;
        enrolled.reached = true;
        enrolled.ticket = self.managed.wished.as_ref().map_or_else(String::new, Ticket::mark);
        let taken = enrolled.take(&policy);
        enrolled.stands(stands);
        let name = enrolled.name.clone();
        tasks.extend(enrolled.keep());
        tasks.push(Task::Vouch(enrolled.membership.clone().map(|signed| (server, signed))));
        self.managed.enrolled = Some(enrolled);
        (self.managed.removed, self.managed.lost, self.managed.failures) = (None, None, 0);
        self.managed.retry_at = Some(self.clock.now);
        if let Err(unfit) = taken {
            self.not_taken(&name, unfit);
        }
        tasks.push(Task::KeepTime(self.rules_time()));
        self.call_it(server);
        self.meet_server(server, &name, at, tasks);
        self.rules_changed();
        if let Some(token) = token {
            let managed_by = self.managed.managed_by();
            self.conclude(token, Ok(Done::Enrolled { server, name, managed_by }));
        }
    }

    /// The server is a computer like others, also where it can't announce itself.
    fn meet_server(&mut self, server: PeerId, name: &str, at: SocketAddr, tasks: &mut Vec<Task>) {
        if self.peers.get(&server).is_some_and(|peer| peer.addresses.contains(&at)) {
            return;
        }
        let mut met = super::peers::seen(crate::nearby::Source::Typed, server, name.to_owned(), vec![at]);
        met.role = crate::nearby::Role::Server;
        self.around(crate::nearby::Input::Seen(met), tasks);
    }

    /// The server said where this computer stands, or did not.
    pub(super) fn stands(&mut self, result: Result<StandingAnswer, ServerFault>, tasks: &mut Vec<Task>) {
        self.managed.asking = None;
        self.changed.rest = true;
        let now = self.clock.now;
        match result {
            Ok(answer) => {
                (self.managed.failures, self.managed.retry_at) = (0, Some(now + PAUSE));
                self.managed.lost = None;
                if let Some(enrolled) = &mut self.managed.enrolled {
                    enrolled.reached = true;
                }
                if let StandingAnswer::New { etag, at, stands, policy } = answer {
                    self.stands_anew(etag, at, *stands, policy, tasks);
                }
            }
            Err(fault) if fault.kind == ServerFaultKind::Refused => self.taken_off(&fault, tasks),
            Err(fault) => {
                self.managed.later(now);
                // Whoever comes back is asked for everything anew.
                if let Some(enrolled) = &mut self.managed.enrolled {
                    enrolled.etag = None;
                }
                let since = self.managed.lost.take().map_or(self.clock.wall, |(_, since)| since);
                self.managed.lost = Some((fault.what, since));
            }
        }
    }

    fn stands_anew(
        &mut self,
        etag: Option<String>,
        at: SocketAddr,
        stands: Stands,
        policy: Option<Box<SignedPolicy>>,
        tasks: &mut Vec<Task>,
    ) {
        let Some(enrolled) = &mut self.managed.enrolled else { return };
        let (server, told) = (enrolled.server, stands.policy_version);
        enrolled.stands(stands);
        enrolled.etag = etag;
        let name = enrolled.name.clone();
        tasks.push(Task::Vouch(enrolled.membership.clone().map(|signed| (server, signed))));
        let floor = enrolled.floor;
        let older = (told < floor).then_some(Unfit::Older { version: told, floor });
        let unfit = policy.and_then(|signed| enrolled.take(&signed).err()).or(older);
        tasks.extend(enrolled.keep());
        if let Some(unfit) = unfit {
            self.not_taken(&name, unfit);
        }
        tasks.push(Task::KeepTime(self.rules_time()));
        self.meet_server(server, &name, at, tasks);
        self.rules_changed();
    }

    /// The server does not know this computer any more.
    fn taken_off(&mut self, fault: &ServerFault, tasks: &mut Vec<Task>) {
        let Some(name) = self.managed.enrolled.as_ref().map(|enrolled| enrolled.name.clone()) else { return };
        self.not_enrolled(tasks);
        self.managed.removed = Some(format!("{name} took this computer off its list"));
        let hint = match self.managed.is_wished() {
            true => "Nothing is given or fetched until it is enrolled again. Tell whoever manages this computer.",
            false => "Its rules do not hold here any more. `handout enrol` enrols it again.",
        };
        let what = format!("{name} took this computer off its list");
        let trouble = self.trouble(TroubleKind::Refused, &what, &fault.what, hint);
        self.add_trouble(trouble);
    }

    /// Asks the server when it is time to.
    pub(super) fn managed_due(&mut self, tasks: &mut Vec<Task>) {
        if !self.managed.is_due(self.clock.now) {
            return;
        }
        self.managed.retry_at = None;
        let half_s = self.rules_s().saturating_add(crate::access::MEMBERSHIP_S / 2);
        let managed = &mut self.managed;
        let Some(enrolled) = managed.enrolled.as_mut().filter(|_| !managed.anew || managed.refused.is_some()) else {
            if let Some(ticket) = managed.wished.clone() {
                managed.enrolling = true;
                tasks.push(Task::Enrol { token: None, ticket });
            }
            return;
        };
        // What is vouched for is renewed when half of its time is over.
        let fresh = enrolled.membership.as_ref().is_some_and(|signed| signed.membership().until_s > half_s);
        let cancel = CancellationToken::new();
        managed.asking = Some(cancel.clone());
        let server = enrolled.server;
        let question = ServerQuestion {
            server,
            addresses: self.peers.get(&server).map(|peer| peer.addresses.clone()).unwrap_or_default(),
            address: enrolled.address.clone(),
            known: enrolled.etag.clone().filter(|_| fresh && enrolled.policy.is_ok()),
            policy: enrolled.policy.as_ref().map_or(0, |policy| policy.version),
            cancel,
        };
        tasks.push(Task::AskStanding(Box::new(question)));
    }

    /// What others are shown as a proof, and which server's word is taken.
    pub fn vouched(&self) -> Option<(PeerId, SignedMembership)> {
        let enrolled = self.managed.enrolled.as_ref()?;
        Some((enrolled.server, enrolled.membership.clone()?))
    }
}
