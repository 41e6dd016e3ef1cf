//! Every control: what is pressed, and the command that comes of it.

use egui::{Key, Modifiers};
use egui_kittest::kittest::Queryable;
use handout::{
    engine::{
        command::{Command, Recipients, Unreadable},
        question::Answer,
        snapshot::{Done, Outcome, Snapshot},
        trouble::TroubleKind,
    },
    traffic::Class,
    window::{Choice, Chosen, Screen, ThemeChoice, Wish},
};

use super::{made_up, person::Person};

const VIDEO: u64 = 2;
const ROBOTS: u64 = 3;
const PHOTOS: u64 = 5;
const MINE: u64 = 6;
const ISO: u64 = 9;

fn on(screen: Screen, now: Snapshot) -> Person {
    let mut person = Person::at(now);
    person.face().memory().screen = screen;
    person.harness.run();
    person
}

#[test]
fn get_brings_a_share_here() {
    let mut person = Person::at(made_up::busy());
    person.press("Get A very long title of an essay about the rivers of northern Anatolia and what became of them, final version (3).docx");
    let share = made_up::share_id(4);
    assert_eq!(person.command(), Command::Fetch { token: 100, share, into: None, hints: Vec::new(), hold: false });
}

#[test]
fn open_opens_what_is_here() {
    let mut person = Person::at(made_up::busy());
    person.press("Open Worksheet 7 – photosynthesis.pdf");
    let place = made_up::places("Worksheet 7 – photosynthesis.pdf").remove(0);
    assert_eq!(person.wishes(), [Wish::Open(place)]);
}

#[test]
fn dropped_files_are_shared_with_everyone_and_can_be_taken_back() {
    let mut person = Person::at(made_up::busy());
    person.drops(&["/home/ann/a.pdf", "/home/ann/Photos"]);
    let paths = vec!["/home/ann/a.pdf".into(), "/home/ann/Photos".into()];
    let audience = Recipients::Everyone;
    let command = Command::Share {
        token: 100,
        paths,
        title: None,
        audience,
        unreadable: Unreadable::Ask,
        class: Class::Foreground,
    };
    assert_eq!(person.command(), command);

    let mut now = made_up::busy();
    now.revision += 1;
    let (share, link, title) = (made_up::share_id(MINE), "handout://x".to_owned(), "a.pdf".to_owned());
    let done = Done::Shared { share, link, title, size: 1, files: 1, left_out: Vec::new() };
    now.outcomes = vec![Outcome { token: 100, result: Ok(done) }.into()];
    person.shown(now);
    assert!(person.sees("“a.pdf” is shared with everyone here"));
    person.press("Undo");
    assert_eq!(person.command(), Command::Unshare { share });
}

#[test]
fn what_is_dropped_while_a_persons_shares_are_looked_at_goes_to_that_person_alone() {
    let mut person = Person::at(made_up::busy());
    person.press("Ms Kaya, 3 shares");
    person.drops(&["/home/ann/marks.ods"]);
    let audience = Recipients::Peers([made_up::peer_id(1)].into());
    assert!(matches!(person.command(), Command::Share { audience: to, .. } if to == audience));
}

#[test]
fn files_go_to_the_face_on_which_they_are_let_go() {
    let mut person = Person::at(made_up::busy());
    let kaya = person.harness.get_by_label("Ms Kaya, 3 shares").rect().center();
    person.face().memory().drop_at = Some(kaya);
    person.harness.input_mut().hovered_files = vec![egui::HoveredFile::default()];
    person.harness.run_steps(2);
    assert!(person.sees("Share this with Ms Kaya only"));
    person.harness.input_mut().hovered_files.clear();
    person.drops(&["/home/ann/marks.ods"]);
    let audience = Recipients::Peers([made_up::peer_id(1)].into());
    assert!(matches!(person.command(), Command::Share { audience: to, .. } if to == audience));

    person.face().memory().person = Some(made_up::peer_id(1));
    let everyone = person.harness.get_by_label("Everyone here, 28 people").rect().center();
    person.face().memory().drop_at = Some(everyone);
    person.drops(&["/home/ann/marks.ods"]);
    assert!(matches!(person.command(), Command::Share { audience: Recipients::Everyone, .. }));

    // Beside the faces it is as everywhere in the window.
    person.face().memory().drop_at = Some(egui::pos2(600.0, 700.0));
    person.drops(&["/home/ann/marks.ods"]);
    assert!(matches!(person.command(), Command::Share { audience: to, .. } if to == audience));
}

#[test]
fn a_relative_path_that_is_dropped_is_not_shared() {
    let mut person = Person::at(made_up::busy());
    person.drops(&["a.pdf"]);
    assert_eq!(person.wishes(), []);
}

#[test]
fn add_puts_up_the_chooser_and_what_is_chosen_is_shared() {
    let mut person = Person::at(made_up::busy());
    person.press("Add");
    person.press("Files…");
    assert_eq!(person.wishes(), [Wish::Choose(Choice::Files)]);
    let now = made_up::busy();
    person.face().chosen(&now, Chosen { choice: Choice::Files, paths: vec!["/tmp/a".into()] });
    person.harness.run();
    assert!(matches!(person.command(), Command::Share { paths, .. } if paths == [std::path::PathBuf::from("/tmp/a")]));
}

#[test]
fn without_a_chooser_one_can_type_a_path() {
    let mut person = Person::at(made_up::busy());
    person.face().no_chooser(Choice::Files);
    person.harness.run();
    person.types("Path", "photos");
    person.press("Share");
    assert_eq!(person.wishes(), [], "a path that is not whole is not shared");
    assert!(person.sees_something_with("not a whole path"));
    person.face().memory().dialog = None;
    person.face().no_chooser(Choice::Files);
    person.harness.run();
    person.types("Path", "/home/ann/photos");
    person.press("Share");
    assert!(
        matches!(person.command(), Command::Share { paths, .. } if paths == [std::path::PathBuf::from("/home/ann/photos")])
    );
}

#[test]
fn a_transfer_can_be_paused_and_resumed() {
    let mut person = on(Screen::Transfers, made_up::busy());
    person.press("Pause Video lesson 4.mp4");
    assert_eq!(person.command(), Command::Pause { share: made_up::share_id(VIDEO) });
    person.press("Go on debian-12-netinst.iso");
    assert_eq!(person.command(), Command::Resume { share: made_up::share_id(ISO) });
}

#[test]
fn stopping_a_transfer_asks_first_because_something_is_lost() {
    let mut person = on(Screen::Transfers, made_up::busy());
    person.press("Stop Video lesson 4.mp4");
    assert_eq!(person.wishes(), []);
    assert!(person.sees("Stop getting “Video lesson 4.mp4”?"));
    person.press("Keep going");
    assert_eq!(person.wishes(), []);
    person.press("Stop Video lesson 4.mp4");
    person.press("Stop");
    assert_eq!(person.command(), Command::Cancel { share: made_up::share_id(VIDEO) });
    assert!(!person.sees("Stop getting “Video lesson 4.mp4”?"));
}

#[test]
fn stopping_what_has_not_begun_does_not_ask() {
    let mut now = made_up::busy();
    let row = std::sync::Arc::make_mut(&mut now.transfers[0]);
    row.done_bytes = 0;
    let mut person = on(Screen::Transfers, now);
    person.press("Stop Video lesson 4.mp4");
    assert_eq!(person.command(), Command::Cancel { share: made_up::share_id(VIDEO) });
}

#[test]
fn what_failed_can_be_tried_again_or_taken_off_the_list() {
    let mut person = on(Screen::Transfers, made_up::busy());
    person.press("Try again Robots");
    assert!(matches!(person.command(), Command::Fetch { share, .. } if share == made_up::share_id(ROBOTS)));
    person.press("Take off the list Robots");
    assert_eq!(person.command(), Command::Dismiss { share: made_up::share_id(ROBOTS) });
}

#[test]
fn a_waiting_transfer_says_why() {
    let now = made_up::busy();
    let why = now.transfers[1].trouble.as_ref().map(|trouble| trouble.what.clone()).unwrap_or_default();
    let person = on(Screen::Transfers, now);
    assert!(person.sees_something_with(&why));
}

#[test]
fn sharing_stops_at_once_unless_somebody_is_getting_it() {
    let mut person = on(Screen::Mine, made_up::busy());
    person.press("Stop sharing Marks.ods");
    assert_eq!(person.command(), Command::Unshare { share: made_up::share_id(13) });
    person.press("Stop sharing My presentation.pptx");
    assert_eq!(person.wishes(), []);
    person.press("Stop sharing");
    assert_eq!(person.command(), Command::Unshare { share: made_up::share_id(MINE) });
}

#[test]
fn who_may_have_a_share_can_be_changed() {
    let mut person = on(Screen::Mine, made_up::busy());
    person.press("My presentation.pptx: Everyone here, Change who");
    person.press("Chosen people");
    person.press("Ms Kaya");
    person.press("Cem");
    person.press("Save");
    let audience = Recipients::Peers([made_up::peer_id(1), made_up::peer_id(3)].into());
    assert_eq!(person.command(), Command::SetRecipients { share: made_up::share_id(MINE), audience });
}

#[test]
fn a_share_for_nobody_cannot_be_saved() {
    let mut person = on(Screen::Mine, made_up::busy());
    person.press("My presentation.pptx: Everyone here, Change who");
    person.press("Chosen people");
    person.press("Save");
    assert_eq!(person.wishes(), []);
}

#[test]
fn the_link_is_copied() {
    let mut person = on(Screen::Mine, made_up::busy());
    person.press("Copy link Marks.ods");
    assert!(person.sees_something_with("Link copied"));
}

#[test]
fn reading_files_can_be_cancelled() {
    let mut person = Person::at(made_up::busy());
    person.press("Cancel Reading Excursion photos");
    assert_eq!(person.command(), Command::CancelImport { token: 77 });
}

#[test]
fn a_trouble_says_what_happened_and_can_go() {
    let mut person = Person::at(made_up::broken());
    assert!(person.sees("The network is gone"));
    person.press("Dismiss The network is gone");
    assert_eq!(person.command(), Command::DismissTrouble { serial: 7 });
}

#[test]
fn a_question_of_the_engine_is_answered() {
    let mut person = Person::at(made_up::asking());
    assert!(person.sees("/home/ann/Project/private.key"));
    person.press("Share the rest");
    assert_eq!(person.command(), Command::Answer { question: 31, answer: Answer::Yes });
    person.press("Share nothing");
    assert_eq!(person.command(), Command::Answer { question: 31, answer: Answer::No });
}

#[test]
fn the_search_finds_people_shares_and_files() {
    let mut person = Person::at(made_up::busy());
    person.types("Find", "photo 007");
    assert!(person.sees_something_with("Class photos"));
    assert!(!person.sees_something_with("Worksheet"));
    person.press("Clear the search");
    person.types("Find", "kaya");
    assert!(person.sees("Ms Kaya, 3 shares"));
    assert!(person.sees_something_with("Worksheet"));
    assert!(!person.sees_something_with("Choir"));
}

#[test]
fn a_link_in_the_search_is_offered_to_be_got() {
    let mut person = Person::at(made_up::busy());
    let share = made_up::share_id(99);
    person.types("Find", &format!("handout://{share}?at=10.0.0.7:4754"));
    person.press("Get");
    let hints = vec![std::net::SocketAddr::from(([10, 0, 0, 7], 4754))];
    assert_eq!(person.command(), Command::Fetch { token: 100, share, into: None, hints, hold: false });
}

#[test]
fn a_face_shows_only_that_persons_shares() {
    let mut person = Person::at(made_up::busy());
    person.press("Cem, 1 share");
    assert!(person.sees_something_with("Class photos"));
    assert!(!person.sees_something_with("Worksheet"));
    person.press("Everyone here, 28 people");
    assert!(person.sees_something_with("Worksheet"));
}

#[test]
fn the_first_start_asks_for_a_name_once() {
    let mut person = Person::at(made_up::empty());
    person.face().welcome("Lab 3");
    person.harness.run();
    person.press("Start");
    let rename = Wish::Command(Command::Rename { name: "Lab 3".to_owned() });
    assert_eq!(person.wishes(), [rename, Wish::Welcomed]);
    assert!(!person.sees("Welcome to Handout"));
}

#[test]
fn settings_change_name_folder_look_and_network() {
    let mut person = Person::before(made_up::empty(), [1280.0, 1600.0]);
    person.face().memory().screen = Screen::Settings;
    person.harness.run();
    person.types("Your name here", " (Ann)");
    person.press("Save");
    assert_eq!(person.command(), Command::Rename { name: "Lab 3 · PC 07 (Ann)".to_owned() });
    person.press("Dark");
    assert_eq!(person.wishes(), [Wish::Theme(ThemeChoice::Dark)]);
    person.press("Choose… Downloads folder");
    assert_eq!(person.wishes(), [Wish::Choose(Choice::Downloads)]);
    person.press("Add a computer by its address…");
    person.types("Address and port", "10.0.0.9:4754");
    person.key(Modifiers::NONE, Key::Enter);
    assert_eq!(person.command(), Command::AddPeer { address: "10.0.0.9:4754".to_owned() });
}

#[test]
fn details_show_what_engineers_ask_for_and_nothing_else_does() {
    let mut person = Person::at(made_up::busy());
    for word in ["seed", "leech", "swarm", "hash", "BLAKE3"] {
        assert!(!person.sees_something_with(word), "{word} belongs under Details");
    }
    person.face().memory().selected = Some(made_up::share_id(VIDEO));
    person.harness.run();
    assert!(person.sees_something_with("4 seeds  ·  19 leeches"));
    assert!(person.sees_something_with("leech 80 %"));
    assert!(person.sees("Map of pieces"));
    person.press("Close Details");
    assert!(!person.sees("Map of pieces"));
}

#[test]
fn what_is_complete_can_be_checked_again() {
    let mut person = Person::at(made_up::busy());
    person.face().memory().selected = Some(made_up::share_id(1));
    person.harness.run();
    person.press("Check every byte again");
    assert_eq!(person.command(), Command::Verify { token: 100, share: made_up::share_id(1) });
    let mut now = made_up::busy();
    let full = made_up::trouble(TroubleKind::Disk, "The disk is full", "a.pdf", "Make room.");
    now.outcomes = vec![Outcome { token: 100, result: Err(full) }.into()];
    person.shown(now);
    assert!(person.sees("The disk is full: a.pdf"));
}

#[test]
fn the_outcome_of_somebody_elses_wish_is_not_told() {
    let mut now = made_up::busy();
    now.outcomes = super::outcomes();
    let person = Person::at(now);
    assert!(!person.sees_something_with("is shared with"));
    assert!(!person.sees("Undo"));
}

#[test]
fn a_share_that_is_gone_takes_its_details_with_it() {
    let mut person = Person::at(made_up::busy());
    person.face().memory().selected = Some(made_up::share_id(PHOTOS));
    person.harness.run();
    person.shown(made_up::empty());
    assert!(!person.sees("Close Details"));
}
