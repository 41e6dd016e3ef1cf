//! What is found, and that a newer picture is never answered with an older one's list.

use std::sync::Arc;

use handout::window::Sort;

use super::{made_up, person::Person};

#[test]
fn a_letter_more_finds_fewer_and_a_letter_less_finds_them_again() {
    let mut person = Person::at(made_up::crowded(300));
    search(&mut person, "group 01");
    assert!(person.sees_something_with("Work of group 010"));
    search(&mut person, "group 012");
    assert!(!person.sees_something_with("Work of group 010"));
    assert!(person.sees_something_with("Work of group 012"));
    search(&mut person, "group 01");
    assert!(person.sees_something_with("Work of group 010"));
    search(&mut person, "");
    assert!(person.sees_something_with("Worksheet 7"));
}

#[test]
fn a_title_and_its_giver_can_be_searched_for_together() {
    let mut person = Person::at(made_up::busy());
    search(&mut person, "KAYA work");
    assert!(person.sees_something_with("Worksheet 7"));
    assert!(!person.sees_something_with("Results.xlsx"));
}

#[test]
fn what_only_servers_have_is_not_called_nothing() {
    let mut person = Person::at(made_up::by_server(|_| {}));
    person.face().memory().search = "nobody here has this".to_owned();
    person.face().memory().at_servers.asked = "nobody here has this".to_owned();
    person.harness.run();
    assert!(person.sees("Nothing found"));

    person.face().memory().at_servers.found = made_up::found();
    person.harness.run();
    assert!(!person.sees("Nothing found"));
    assert!(person.sees("On servers"));
}

#[test]
fn an_empty_room_does_not_promise_what_the_rules_forbid() {
    let mut now = made_up::by_server(|_| {});
    now.shares.clear();
    let person = Person::at(now);
    assert!(person.sees_something_with("Students may not give files to the whole room here"));
    assert!(!person.sees_something_with("Everyone in the room can have it"));
}

#[test]
fn what_was_renamed_appeared_or_went_meanwhile_is_found_as_it_is_now() {
    let mut person = Person::at(made_up::busy());
    search(&mut person, "choir");
    assert!(person.sees_something_with("Choir rehearsal.mp3"));

    let mut now = made_up::busy();
    now.revision += 1;
    let at = now.shares.iter().position(|row| row.title.starts_with("Choir")).unwrap();
    Arc::make_mut(&mut now.shares[at]).title = "Concert.mp3".to_owned();
    person.shown(now.clone());
    assert!(!person.sees_something_with("Concert.mp3"));

    now.revision += 1;
    let kind = handout::engine::snapshot::ShareKind::File;
    now.shares.insert(0, Arc::new(made_up::share(500, "Choir, second voice.mp3", kind, 9_000_000, 5)));
    person.shown(now.clone());
    assert!(person.sees_something_with("Choir, second voice.mp3"));

    now.revision += 1;
    now.shares.remove(0);
    person.shown(now);
    assert!(!person.sees_something_with("Choir, second voice.mp3"));
}

#[test]
fn a_file_is_found_as_soon_as_the_list_of_files_is_there() {
    let mut now = made_up::busy();
    let at = now.transfers.iter().position(|row| row.title == "Class photos").unwrap();
    let facts = Arc::make_mut(&mut now.transfers[at]).facts.take();
    let mut person = Person::at(now.clone());
    search(&mut person, "photo 007");
    assert!(!person.sees_something_with("Class photos"));

    now.revision += 1;
    Arc::make_mut(&mut now.transfers[at]).facts = facts;
    person.shown(now);
    assert!(person.sees_something_with("Class photos"));
}

#[test]
fn a_sorted_list_stays_sorted_while_transfers_move() {
    let mut person = Person::at(made_up::hectic(200, 40));
    person.face().memory().sort = Sort::Name;
    person.harness.run();
    let first = person.first_row();
    let later = made_up::a_moment_later(&person.harness.state().now);
    person.shown(later);
    assert_eq!(person.first_row(), first);
    assert!(first.starts_with("A very long title"), "{first}");
}

fn search(person: &mut Person, text: &str) {
    person.face().memory().search = text.to_owned();
    person.harness.run();
}
