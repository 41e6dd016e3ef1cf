//! The window without a mouse.

use egui::{Event, Key, Modifiers};
use egui_kittest::kittest::{NodeT, Queryable};
use handout::{
    engine::command::Command,
    traffic::Priority,
    window::{Choice, Screen, Wish},
};

use super::{made_up, person::Person};

const CTRL: Modifiers = Modifiers::COMMAND;

#[test]
fn everything_in_the_room_is_reached_by_tab() {
    let mut person = Person::at(made_up::busy());
    let mut reached = std::collections::BTreeSet::new();
    for _ in 0..80 {
        person.key(Modifiers::NONE, Key::Tab);
        reached.extend(focused(&person));
    }
    for name in [
        "Room",
        "Transfers, 3",
        "Mine",
        "Settings",
        "Find",
        "Add",
        "Ms Kaya, 3 shares",
        "Newest first",
        "Get Robots",
        "Cancel Reading Excursion photos",
    ] {
        assert!(reached.contains(name), "{name} is not reached: {reached:?}");
    }
}

#[test]
fn enter_presses_what_has_the_keyboard() {
    let mut person = Person::at(made_up::busy());
    person.harness.get_by_label("Get Robots").focus();
    person.harness.run();
    person.key(Modifiers::NONE, Key::Enter);
    assert!(matches!(person.command(), Command::Fetch { share, .. } if share == made_up::share_id(3)));
}

#[test]
fn a_menu_that_was_opened_without_a_mouse_has_the_keyboard_until_it_closes() {
    let mut person = Person::at(made_up::busy());
    person.face().memory().screen = Screen::Transfers;
    person.harness.run();
    let more = "More for Video lesson 4.mp4";
    person.harness.get_by_label(more).focus();
    person.harness.run();
    person.key(Modifiers::NONE, Key::Enter);
    assert_eq!(focused(&person).as_deref(), Some("Important"));
    person.key(Modifiers::NONE, Key::ArrowDown);
    assert_eq!(focused(&person).as_deref(), Some("Usual"));
    person.key(Modifiers::NONE, Key::Escape);
    assert!(!person.sees("Important"));
    assert_eq!(focused(&person).as_deref(), Some(more));

    person.key(Modifiers::NONE, Key::Enter);
    person.key(Modifiers::NONE, Key::Enter);
    assert!(matches!(person.command(), Command::SetPriority { priority: Priority::High, .. }));
    assert!(!person.sees("Important"), "what was chosen closes the menu");
    assert_eq!(focused(&person).as_deref(), Some(more));
}

#[test]
fn arrows_walk_through_a_list_beyond_what_is_seen() {
    let mut person = Person::before(made_up::crowded(500), [900.0, 600.0]);
    person.key(Modifiers::NONE, Key::F6);
    person.key(Modifiers::NONE, Key::F6);
    let first = focused(&person).unwrap_or_default();
    assert!(first.starts_with("Worksheet 7"), "{first}");
    for _ in 0..40 {
        person.key(Modifiers::NONE, Key::ArrowDown);
    }
    let there = focused(&person).unwrap_or_default();
    assert!(there.starts_with("Work of group 003"), "{there}");
    person.key(Modifiers::NONE, Key::End);
    let last = focused(&person).unwrap_or_default();
    assert!(last.starts_with("Work of group 071, part 3"), "{last}");
    person.key(Modifiers::NONE, Key::Home);
    assert_eq!(focused(&person).unwrap_or_default(), first);
}

#[test]
fn f6_walks_between_the_parts_of_the_window() {
    let mut person = Person::at(made_up::busy());
    person.key(Modifiers::NONE, Key::F6);
    assert_eq!(focused(&person).as_deref(), Some("Find"));
    person.key(Modifiers::NONE, Key::F6);
    assert!(focused(&person).is_some_and(|name| name.starts_with("Worksheet")));
    person.key(Modifiers::NONE, Key::F6);
    assert_eq!(focused(&person).as_deref(), Some("Room"));
    person.key(Modifiers::SHIFT, Key::F6);
    assert!(focused(&person).is_some_and(|name| name.starts_with("Worksheet")));
}

#[test]
fn find_and_add_have_their_keys() {
    let mut person = Person::at(made_up::busy());
    person.key(CTRL, Key::F);
    assert_eq!(focused(&person).as_deref(), Some("Find"));
    person.key(CTRL, Key::O);
    assert_eq!(person.wishes(), [Wish::Choose(Choice::Files)]);
}

#[test]
fn pasted_files_are_shared_and_pasted_links_are_offered() {
    let mut person = Person::at(made_up::busy());
    person.harness.event(Event::Paste("file:///home/ann/a%20b.pdf".to_owned()));
    person.harness.run();
    let path = std::path::PathBuf::from("/home/ann/a b.pdf");
    assert!(matches!(person.command(), Command::Share { paths, .. } if paths == [path]));
    person.harness.event(Event::Paste(format!("handout://{}", made_up::share_id(99))));
    person.harness.run();
    assert!(person.sees_something_with("A link to share"));
}

#[test]
fn what_is_pasted_into_a_field_stays_there() {
    let mut person = Person::at(made_up::busy());
    person.key(CTRL, Key::F);
    person.harness.event(Event::Paste("/home/ann/secret".to_owned()));
    person.harness.run();
    assert_eq!(person.wishes(), []);
    assert_eq!(person.face().memory().search, "/home/ann/secret");
}

#[test]
fn delete_gives_up_what_has_the_keyboard_and_asks_when_something_is_lost() {
    let mut person = Person::at(made_up::busy());
    person.face().memory().screen = Screen::Transfers;
    person.harness.run();
    person.key(Modifiers::NONE, Key::F6);
    person.key(Modifiers::NONE, Key::F6);
    person.key(Modifiers::NONE, Key::Delete);
    assert!(person.sees("Stop getting “Video lesson 4.mp4”?"));
    person.key(Modifiers::NONE, Key::Escape);
    assert!(!person.sees("Stop getting “Video lesson 4.mp4”?"));
    assert_eq!(person.wishes(), []);
}

#[test]
fn escape_closes_one_thing_at_a_time() {
    let mut person = Person::at(made_up::busy());
    person.face().memory().selected = Some(made_up::share_id(1));
    person.face().memory().search = "kaya".to_owned();
    person.harness.run();
    person.key(Modifiers::NONE, Key::Escape);
    assert_eq!(person.face().memory().selected, None);
    assert_eq!(person.face().memory().search, "kaya");
    person.key(Modifiers::NONE, Key::Escape);
    assert_eq!(person.face().memory().search, "");
}

fn focused(person: &Person) -> Option<String> {
    let root = person.harness.root();
    let node = root.children_recursive().find(|node| node.accesskit_node().is_focused())?;
    node.accesskit_node().label()
}
