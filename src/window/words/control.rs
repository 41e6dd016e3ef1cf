//! The queue, and what can be chosen for one transfer.

use crate::traffic::Priority;

pub const PAUSE_ALL: &str = "Pause all";
pub const RESUME_ALL: &str = "Go on with all";
pub const RETRY_ALL: &str = "Try all again";
pub const MORE: &str = "More for";
pub const DRAG_HINT: &str = "Drag to another place, or press Alt and an arrow";
pub const GIVE_AGAIN: &str = "Give it on again";
pub const PRIORITY: &str = "How important";
pub const TOP: &str = "To the top";
pub const UP: &str = "Up";
pub const DOWN: &str = "Down";
pub const BOTTOM: &str = "To the bottom";
pub const IN_ORDER: &str = "From its beginning on";
pub const IN_ORDER_CHIP: &str = "From the start";
pub const IN_ORDER_TEXT: &str = "To look at it while it comes. Any order is faster for everybody.";
pub const RAREST: &str = "Any order";
pub const ORDER: &str = "In which order";
pub const BACKGROUND: &str = "Quietly";
pub const BACKGROUND_TEXT: &str = "Only while nothing else needs this computer.";
pub const CHOOSE_FILES: &str = "Choose files…";
pub const MOVE: &str = "Move or rename…";
pub const RETRY: &str = "Try again now";
pub const HOW_IT_COMES: &str = "How it comes";
pub const SPEED_OVER_TIME: &str = "Speed";
pub const AT_A_TIME_TITLE: &str = "Downloads at a time";
pub const AT_A_TIME_TEXT: &str = "The others wait for their turn. Few at a time finish sooner, one after the other.";
pub const FEWER: &str = "Fewer";
pub const MORE_AT_A_TIME: &str = "More";
pub const MANAGED: &str = "Managed by your administrator";
pub const MOVE_TEXT: &str = "It goes on from where it is. What came so far moves too.";
pub const MOVE_FOLDER: &str = "Folder";
pub const MOVE_FOLDER_FIELD: &str = "Where it is";
pub const MOVE_NAME: &str = "Name";
pub const MOVE_NAME_FIELD: &str = "What it is called";
pub const NO_NAME: &str = "A name can’t be empty or have / or \\ in it.";

pub fn move_title(share: &str) -> String {
    format!("Where should {share} be?")
}

pub fn moved(share: &str, folder: &str) -> String {
    format!("{share} is in {folder} now")
}

pub fn priority(priority: Priority) -> &'static str {
    match priority {
        Priority::High => "Important",
        Priority::Normal => "Usual",
        Priority::Low => "When there is time",
    }
}

/// The place in the queue.
pub fn spoken_place(place: u32) -> String {
    format!("number {place} in the queue")
}

pub fn downloads_at_a_time(count: u32) -> String {
    format!("{} at a time", super::super::figures::count(count.into()))
}
