//! Every sentence that the window shows, in English. Verbs first; who and what; an error says what, which, and what now.
//! Sentences with something in them are functions, so that a language can put it elsewhere and choose its plural.
//!
//! Names are stranger's text: callers pass them through [`names::tame`](super::names::tame).

pub mod control;
pub mod files;
pub mod given;
pub mod limits;
pub mod managed;
pub mod reasons;
pub mod schedule;
pub mod seeding;

use crate::engine::snapshot::{ShareKind, TransferState, Via};

// The rail and the bar on top.
pub const ROOM: &str = "Room";
pub const TRANSFERS: &str = "Transfers";
pub const MINE: &str = "Mine";
pub const SETTINGS: &str = "Settings";
pub const FIND: &str = "Find";
pub const FIND_HINT: &str = "Find a person, a share or a file";
pub const FIND_CLEAR: &str = "Clear the search";
pub const ADD: &str = "Add";
pub const ADD_FILES: &str = "Files…";
pub const ADD_FOLDER: &str = "A folder…";
pub const ADD_PATH: &str = "Type or paste a path…";
pub const WITH_EVERYONE: &str = "With everyone here";
pub const CHOOSE_FILES: &str = "Choose files";
pub const SPEED_DOWN: &str = "Coming in, all together";
pub const SPEED_UP: &str = "Given to others, all together";

// The room.
pub const EVERYONE: &str = "Everyone here";
pub const EVERYONE_SHORT: &str = "Everyone";
pub const SHARED: &str = "Shared in the room";
pub const SHOW_ALL_PEOPLE: &str = "Show all";
pub const SHOW_FEWER_PEOPLE: &str = "Show fewer";
pub const SORT_NEWEST: &str = "Newest first";
pub const SORT_NAME: &str = "By name";
pub const SORT_LARGEST: &str = "Largest first";
pub const SORT_PERSON: &str = "By person";
pub const ADD_COMPUTER: &str = "Add a computer by its address…";
pub const GET: &str = "Get";
pub const OPEN: &str = "Open";
pub const HERE: &str = "Here";
pub const YOURS: &str = "Yours";
pub const YOU: &str = "You";
pub const SOMEBODY: &str = "Somebody";
pub const EMPTY_TITLE: &str = "Drop a file here";
pub const EMPTY_TEXT: &str =
    "Everyone in the room can have it then. Whole folders work too, and there is no limit to their size.";
pub const EMPTY_TEXT_MANAGED: &str = "Everyone in the room can have it then. Whole folders work too.";
pub const ALONE_TITLE: &str = "Nobody else is here yet";
pub const ALONE_CHECKS: [&str; 3] = [
    "Is Handout open on the other computer?",
    "Are both in the same network, by cable or the same Wi-Fi?",
    "Guest Wi-Fi often keeps computers apart. Then add the other one by its address.",
];
pub const NOTHING_FOUND: &str = "Nothing found";
pub const NOTHING_FOUND_TEXT: &str = "No person, share or file here is called that.";
pub const NOTHING_FROM_PERSON: &str = "Nothing shared";
pub const ALONE_OFF: &str = "This computer is not looking for others: it was started that way.";

// Welcome.
pub const WELCOME: &str = "Welcome to Handout";
pub const WELCOME_TEXT: &str =
    "Others in this network see this name and what you share. They see nothing else of this computer.";
pub const WELCOME_DONE: &str = "Start";
pub const YOUR_NAME: &str = "Your name here";

// Transfers.
pub const SECTION_COMING: &str = "On the way here";
pub const SECTION_GIVING: &str = "Going to others";
pub const SECTION_DONE: &str = "Done";
pub const PAUSE: &str = "Pause";
pub const RESUME: &str = "Go on";
pub const STOP_AND_DELETE: &str = "Stop";
pub const TRY_AGAIN: &str = "Try again";
pub const SHOW_IN_FOLDER: &str = "Show in folder";
pub const OFF_THE_LIST: &str = "Take off the list";
pub const NO_TRANSFERS_TITLE: &str = "Nothing on its way";
pub const NO_TRANSFERS_TEXT: &str = "What you get from others, and what they get from you, shows here while it moves.";
pub const LAST_MINUTES: &str = "Last 5 minutes";
pub const CHECKED: &str = "Checked";
pub const COUNTING: &str = "Counting…";

// Mine.
pub const NOTHING_MINE_TITLE: &str = "You share nothing yet";
pub const NOTHING_MINE_TEXT: &str = "Drop files anywhere on this window, or press Add.";
pub const COPY_LINK: &str = "Copy link";
pub const STOP_SHARING: &str = "Stop sharing";
pub const NOBODY_YET: &str = "nobody has it yet";
pub const FOR_EVERYONE: &str = "Everyone here";
pub const FOR_LINK: &str = "Whoever has the link";
pub const FOR_PEOPLE: &str = "Chosen people";

// Details.
pub const DETAILS: &str = "Details";
pub const CLOSE: &str = "Close";
pub const PIECES: &str = "Pieces";
pub const MAP_NAME: &str = "Map of pieces";
pub const LEGEND_HERE: &str = "here";
pub const LEGEND_FLYING: &str = "in flight";
pub const LEGEND_COPIES: &str = "copies around";
pub const WHO_HAS_IT: &str = "Who has it";
pub const NOBODY_CONNECTED: &str = "Nobody is connected for it now.";
pub const FILES: &str = "Files";
pub const FILES_LATER: &str = "The list of files comes with the share.";
pub const FOR_CHECKING: &str = "For checking";
pub const PUBLISHER: &str = "Publisher key";
pub const SHARE_ID: &str = "Share id";
pub const LINK: &str = "Link";
pub const PIECE_SIZE: &str = "Piece size";
pub const FOLDER: &str = "Folder";
pub const SEED: &str = "seed";
pub const CHECK_AGAIN: &str = "Check every byte again";

// Settings.
pub const SETTINGS_NAME: &str = "Name";
pub const SETTINGS_NAME_TEXT: &str = "What others see beside what you share.";
pub const SETTINGS_DOWNLOADS: &str = "Downloads folder";
pub const SETTINGS_DOWNLOADS_TEXT: &str = "What you get is put here.";
pub const CHOOSE: &str = "Choose…";
pub const SETTINGS_LOOK: &str = "Look";
pub const LOOK_SYSTEM: &str = "Like the system";
pub const LOOK_LIGHT: &str = "Light";
pub const LOOK_DARK: &str = "Dark";
pub const SETTINGS_NETWORK: &str = "Network";
pub const SETTINGS_NETWORK_TEXT: &str = "Computers in the same network find each other by themselves.";
pub const SETTINGS_NETWORK_OFF: &str = "Looking for others is off: this computer was started that way.";
pub const ABOUT: &str = "About";
pub const VERSION: &str = "Version";
pub const THIS_COMPUTER: &str = "This computer's id";
pub const ADDRESSES: &str = "Answers at";
pub const HOME: &str = "Kept in";
pub const SAVE: &str = "Save";

// Dialogs, toasts, banners.
pub const KEEP_GOING: &str = "Keep going";
pub const KEEP_SHARING: &str = "Keep sharing";
pub const CANCEL: &str = "Cancel";
pub const COPY: &str = "Copy";
pub const COPIED: &str = "Copied";
pub const LINK_COPIED: &str = "Link copied. Whoever may have it can paste it into their Handout.";
pub const UNDO: &str = "Undo";
pub const CHANGE_WHO: &str = "Change who";
pub const DISMISS: &str = "Dismiss";
pub const SHARE: &str = "Share";
pub const SHARE_REST: &str = "Share the rest";
pub const SHARE_NOTHING: &str = "Share nothing";
pub const WHO_MAY_HAVE_IT: &str = "Who may have it?";
pub const NOT_A_PATH: &str = "That is not a whole path. It begins with / or with a drive, as in C:\\";
pub const PATH_TITLE: &str = "Share by path";
pub const PATH_TEXT: &str = "Type or paste where the files or folders are, one on each line.";
pub const PATH_FIELD: &str = "Path";
pub const DOWNLOADS_TITLE: &str = "Where should downloads go?";
pub const ADDRESS_TITLE: &str = "Add a computer by its address";
pub const ADDRESS_TEXT: &str = "For networks in which computers do not find each other. The address stands in the other one's Settings, under Network.";
pub const ADDRESS_FIELD: &str = "Address and port";
pub const ADDRESS_HINT: &str = "192.168.1.20:4754";
pub const ADD_IT: &str = "Add";
pub const BUSY: &str = "That was too much at once. Try again in a moment.";
pub const DROP_LET_GO: &str = "Let go anywhere";
pub const DROP_ON_A_FACE: &str = "Let go on a face to give it to that person alone";

// Starting and failing.
pub const STARTING: &str = "Getting ready…";
pub const CANT_START: &str = "Handout can't start";
pub const STOPPED: &str = "Handout has stopped working";
pub const STOPPED_TEXT: &str =
    "Close this window and start Handout again. What was on its way goes on from where it was.";
pub const COPY_MESSAGE: &str = "Copy this message";
pub const CLOSE_WINDOW: &str = "Close the window";

/// `1 file`, `12 files`.
pub fn files(count: u64) -> String {
    plural(count, "file", "files")
}

pub fn people(count: u64) -> String {
    plural(count, "person", "people")
}

fn plural(count: u64, one: &str, many: &str) -> String {
    format!("{} {}", super::figures::count(count), if count == 1 { one } else { many })
}

pub fn things(count: u64) -> String {
    plural(count, "thing", "things")
}

pub fn show_more_people(count: usize) -> String {
    format!("{count} more")
}

/// Who has a share, in a column of its own.
pub fn have_it(seeds: u32) -> String {
    match seeds {
        0 => "nobody has all".to_owned(),
        1 => "1 has it".to_owned(),
        _ => format!("{} have it", super::figures::count(seeds.into())),
    }
}

/// How much of it can be had although nobody has it all.
pub fn part_around(percent: u32) -> String {
    match percent {
        100 => "all of it is around".to_owned(),
        _ => format!("{percent} % is around"),
    }
}

pub fn getting_it(leeches: u32) -> String {
    format!("{} getting it", super::figures::count(leeches.into()))
}

/// What kind of thing a share is, under its title.
pub fn kind_of(kind: ShareKind, files: u32) -> Option<String> {
    match kind {
        ShareKind::File => None,
        ShareKind::Folder => Some(format!("folder, {}", self::files(files.into()))),
        ShareKind::Several => Some(self::files(files.into())),
    }
}

pub fn in_it(file: &str) -> String {
    format!("in it: {file}")
}

pub fn state(state: TransferState) -> &'static str {
    match state {
        TransferState::Looking => "Looking for somebody who has it",
        TransferState::Fetching => "On its way",
        TransferState::Paused => "Paused",
        TransferState::Queued => "Waiting for its turn",
        TransferState::Scheduled => "Waiting for a better hour",
        TransferState::Done => "Here, not given any more",
        TransferState::Waiting => "Waiting",
        TransferState::Finishing => "Nearly done: putting it in its place",
        TransferState::Verifying => "Checking every byte",
        TransferState::Seeding => "Here",
        TransferState::Failed => "Did not work",
    }
}

pub fn of(done: &str, whole: &str) -> String {
    format!("{done} of {whole}")
}

pub fn left(time: &str) -> String {
    format!("{time} left")
}

pub fn from_people(count: u32) -> String {
    format!("from {}", people(count.into()))
}

pub fn to_people(count: u32) -> String {
    format!("to {}", people(count.into()))
}

pub fn given(bytes: &str) -> String {
    format!("{bytes} given to others")
}

/// Nobody has all of it, but together they may.
pub fn is_around(percent: u32) -> String {
    match percent {
        100 => "Nobody here has all of it, but together they do".to_owned(),
        _ => format!("Nobody here has all of it yet: {percent} % is around"),
    }
}

pub fn someones_shares(name: &str) -> String {
    format!("Shared by {name}")
}

pub fn nothing_from(name: &str) -> String {
    format!("{name} shares nothing with you at the moment.")
}

pub fn person_shares(name: &str, shares: u32) -> String {
    match shares {
        0 => format!("{name}, shares nothing"),
        1 => format!("{name}, 1 share"),
        _ => format!("{name}, {shares} shares"),
    }
}

pub fn everyone_count(people: usize) -> String {
    format!("{EVERYONE}, {}", self::people(people as u64))
}

pub fn about_action(verb: &str, title: &str) -> String {
    format!("{verb} {title}")
}

/// How a drop or a paste will be shared, while it can still be taken back.
pub fn drop_title(count: usize, person: Option<&str>) -> String {
    let what = if count > 1 { format!("these {count}") } else { "this".to_owned() };
    match person {
        Some(name) => format!("Share {what} with {name} only"),
        None => format!("Share {what} with everyone here"),
    }
}

pub fn with_only(name: &str) -> String {
    format!("With {name} only")
}

pub fn share_with_only(name: &str) -> String {
    format!("Share with {name} only…")
}

/// Where downloads go, on the card of the first start.
pub fn put_into(folder: &str) -> String {
    format!("What you get is put into {folder}")
}

pub fn shared_with(title: &str, whom: &str) -> String {
    format!("{title} is shared with {whom}")
}

pub fn left_out(count: usize) -> String {
    format!("{} could not be read and {} left out", files(count as u64), if count == 1 { "was" } else { "were" })
}

pub fn is_here(title: &str) -> String {
    format!("{title} is here, checked")
}

pub fn verified(title: &str, wrong: u32) -> String {
    match wrong {
        0 => format!("{title}: every byte is right"),
        1 => format!("{title}: 1 piece was wrong and is fetched again"),
        _ => format!("{title}: {wrong} pieces were wrong and are fetched again"),
    }
}

pub fn reading(title: &str) -> String {
    format!("Reading {title}")
}

pub fn cancel_question(title: &str) -> String {
    format!("Stop getting {title}?")
}

pub fn cancel_text(done: &str) -> String {
    format!("The {done} that came so far are deleted.")
}

pub fn unshare_question(title: &str) -> String {
    format!("Stop sharing {title}?")
}

pub fn unshare_text(leeches: u32) -> String {
    let who = if leeches == 1 { "1 person is".to_owned() } else { format!("{leeches} people are") };
    format!("{who} still getting it. Your files stay where they are.")
}

pub fn leave_out_question(title: &str) -> String {
    format!("Some of {title} can't be read")
}

pub fn leave_out_text(count: usize) -> String {
    format!(
        "{} can't be shared. Share the rest without {}?",
        files(count as u64),
        if count == 1 { "it" } else { "them" }
    )
}

pub fn and_more(count: usize) -> String {
    format!("and {count} more")
}

pub fn mine_summary(shares: usize, given: &str) -> String {
    format!("You share {}. {given} given since Handout was opened.", things(shares as u64))
}

pub fn seeds_and_leeches(seeds: u32, leeches: u32) -> String {
    format!("{}  ·  {}", plural(seeds.into(), "seed", "seeds"), plural(leeches.into(), "leech", "leeches"))
}

pub fn leech(percent: &str) -> String {
    format!("leech {percent}")
}

pub fn pieces_done(done: u32, all: u32) -> String {
    format!("{} of {}", super::figures::count(done.into()), super::figures::count(all.into()))
}

/// What of a share needed no fetching; `all`: how many files it has.
pub fn here_already(files: u32, all: u32, bytes: u64) -> String {
    if files == 0 {
        return format!("{} were here already", super::figures::bytes(bytes));
    }
    format!("{} of {} were here already", super::figures::count(files.into()), plural(all.into(), "file", "files"))
}

pub fn in_flight(count: u32) -> String {
    format!("{count} in flight")
}

pub fn got_from(bytes: &str) -> String {
    format!("got {bytes}")
}

pub fn gave_to(bytes: &str) -> String {
    format!("gave {bytes}")
}

pub fn via(via: Via) -> &'static str {
    match via {
        Via::Mdns => "found in the network",
        Via::Typed => "added by its address",
        Via::Link => "found through a link",
        Via::Inbound => "called us",
        Via::Peer => "named by another computer",
    }
}

pub fn link_found(id: &str) -> String {
    format!("A link to share {id}")
}

pub fn cannot_open(place: &str, why: &str) -> String {
    format!("Can't open {place}: {why}")
}
