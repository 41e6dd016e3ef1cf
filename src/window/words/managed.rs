//! The server that manages this computer.

use crate::{
    engine::{
        command::ForGroups,
        snapshot::{FoundRow, Keeping, Snapshot},
    },
    window::names,
};

pub const TITLE: &str = "Managed computer";
pub const TEXT_NONE: &str = "A school's or company's server can look after this computer: it gives the rules, keeps what you \
                             give to it, and finds what others have there.";
pub const ENROL: &str = "Enrol at a server…";
pub const LEAVE: &str = "Leave…";
pub const ENROL_TITLE: &str = "Enrol this computer";
pub const ENROL_TEXT: &str = "Whoever runs the server gives you a token. From then on the server’s rules hold here.";
pub const SERVER_FIELD: &str = "Where the server answers";
pub const SERVER_HINT: &str = "10.0.0.2:47548";
pub const TOKEN_FIELD: &str = "Token";
pub const TOKEN_HINT: &str = "he_…";
pub const ENROL_IT: &str = "Enrol";
pub const LEAVE_TEXT: &str =
    "Its rules do not hold here any more, and it does not know this computer. What you share stays.";
pub const LEAVE_IT: &str = "Leave";
pub const STAY: &str = "Stay";
pub const REACHABLE: &str = "The server is reachable";
pub const NOT_ASKED: &str = "The server has not been asked yet";
pub const GOES_ON: &str = "What moves between computers goes on, and its rules go on holding.";
pub const NO_RULES_TITLE: &str = "There are no rules yet, so nothing is given or fetched";
pub const EXAM_TEXT: &str = "Only what was handed out for it is open. It ends by itself.";
pub const BY_MACHINE: &str = "The administrator of this computer chose this server.";

pub fn managed_by(name: &str) -> String {
    format!("Managed by {name}")
}

/// What a person can do in an empty room where nothing may be given to everyone.
pub fn empty_room(why: &str, by: &str) -> String {
    format!("{why}. Let go on a face: on a person's, or on the server's. {}.", managed_by(by))
}

pub fn managed_now(name: &str) -> String {
    format!("This computer is managed by {name} from now on")
}

pub fn left(name: &str) -> String {
    format!("{name} does not manage this computer any more")
}

pub fn leave_question(name: &str) -> String {
    format!("Leave {name}?")
}

pub fn server_lost(name: &str) -> String {
    format!("{name} can’t be reached")
}

pub fn rules_of(name: &str, version: u64) -> String {
    format!("Rules of {name}, version {version}")
}

/// `hour`, `minute`: of this place.
pub fn exam(hour: u16, minute: u16) -> String {
    format!("Exam until {hour}:{minute:02}")
}

pub fn rule(title: &str, value: &str) -> String {
    format!("{title}: {value}")
}

pub const FOR_SERVER: &str = "The server keeps it, for everyone";
pub const FOR_GROUPS: &str = "Groups";
pub const A_SERVER: &str = "A central server";
pub const AT_SERVERS: &str = "On servers";
pub const ASKING: &str = "Asking the servers…";

/// The names of groups, as far as they are known here.
pub fn groups(now: &Snapshot, of: &ForGroups) -> String {
    let known = now.managed.as_deref().map_or(&[][..], |managed| &managed.groups);
    let named = known.iter().filter(|(id, _)| of.groups.contains(id)).map(|(_, name)| names::tame(name));
    let named: Vec<String> = named.collect();
    if named.is_empty() { FOR_GROUPS.to_owned() } else { named.join(", ") }
}

/// Where a share is that a server told of: on it, or on the way that leads to it.
pub fn route(row: &FoundRow) -> String {
    if row.route.is_empty() {
        return format!("On {}", names::tame(&row.server_name));
    }
    let way = std::iter::once("you".to_owned()).chain(row.route.iter().map(|name| names::tame(name)));
    way.collect::<Vec<_>>().join(" → ")
}

/// A server that did not say.
pub fn silent(name: &str, why: &str) -> String {
    format!("{} did not say: {}", names::tame(name), names::tame(why))
}

/// How far the server is with keeping something.
pub fn keeping(keeping: &Keeping) -> String {
    match keeping {
        Keeping::Waiting => "waits for the server".to_owned(),
        Keeping::Fetching { done_bytes } => format!("the server has {}", crate::window::figures::bytes(*done_bytes)),
        Keeping::Kept => "the server keeps it".to_owned(),
        Keeping::Refused { .. } => "the server does not keep it".to_owned(),
    }
}
