//! What a person can say about transfers: each control, and the command that comes of it, wrong input too.

use std::sync::Arc;

use egui::{Event, Key, Modifiers, PointerButton, Pos2};
use egui_kittest::kittest::{NodeT, Queryable};
use handout::{
    engine::{
        command::{Command, QueuePlace, Selection},
        snapshot::{Done, Outcome, Snapshot, TransferState},
        trouble::TroubleKind,
    },
    share::ShareId,
    traffic::{Class, Days, Limits, Order, Priority, Rate, Reason, Rule, SeedUntil, Then},
    window::{Choice, Chosen, Screen, Wish},
};

use super::{made_up, person::Person};

const VIDEO: u64 = 2;
const ROBOTS: u64 = 3;
const PHOTOS: u64 = 5;
const ATLAS: u64 = 200;

#[test]
fn everything_can_be_paused_gone_on_with_and_tried_again() {
    let mut person = transfers(made_up::queued());
    for (name, command) in
        [("Pause all", Command::PauseAll), ("Go on with all", Command::ResumeAll), ("Try all again", Command::RetryAll)]
    {
        person.press(name);
        assert_eq!(person.command(), command);
    }
}

#[test]
fn what_cannot_be_done_with_any_of_them_cannot_be_pressed() {
    let mut now = made_up::busy();
    now.transfers.retain(|row| row.state == TransferState::Seeding);
    let mut person = transfers(now);
    person.press("Pause all");
    person.press("Try all again");
    assert_eq!(person.wishes(), []);
}

#[test]
fn a_transfer_moves_in_the_queue_by_its_menu_and_by_alt_and_an_arrow() {
    let mut person = transfers(made_up::queued());
    let share = made_up::share_id(ATLAS);
    for (name, to) in [
        ("To the top", QueuePlace::Top),
        ("Up", QueuePlace::Up),
        ("Down", QueuePlace::Down),
        ("To the bottom", QueuePlace::Bottom),
    ] {
        person.press("More for Geography atlas.pdf");
        person.press(name);
        assert_eq!(person.command(), Command::Move { share, to });
    }
    person.harness.get_by_label_contains("Geography atlas.pdf, Waiting for its turn").focus();
    person.harness.run();
    for (key, to) in [(Key::ArrowUp, QueuePlace::Up), (Key::End, QueuePlace::Bottom)] {
        person.key(Modifiers::ALT, key);
        assert_eq!(person.command(), Command::Move { share, to });
    }
    assert!(person.sees_something_with("number 4 in the queue"));
}

#[test]
fn a_row_that_was_clicked_moves_by_alt_and_an_arrow() {
    let mut person = transfers(made_up::queued());
    let at = row(&person, "Geography atlas.pdf");
    let middle = Pos2::new(at.x + 300.0, at.y);
    drag(&mut person, middle, middle);
    person.key(Modifiers::ALT, Key::ArrowUp);
    assert_eq!(person.command(), Command::Move { share: made_up::share_id(ATLAS), to: QueuePlace::Up });
}

#[test]
fn what_is_here_and_rests_stands_with_what_is_done_and_cannot_be_stopped_and_deleted() {
    for state in [TransferState::Paused, TransferState::Scheduled] {
        let mut now = made_up::busy();
        now.transfers.retain(|row| row.state == TransferState::Seeding);
        now.transfers.truncate(1);
        let row = Arc::make_mut(&mut now.transfers[0]);
        (row.state, row.done_bytes) = (state, row.size);
        let (share, title) = (row.share, row.title.clone());
        let mut person = transfers(now);

        assert!(!person.sees_something_with("On the way here") && !person.sees(&format!("Stop {title}")));
        if state == TransferState::Paused {
            person.press(&format!("Go on {title}"));
            assert_eq!(person.command(), Command::Resume { share });
        }
    }
}

#[test]
fn a_transfer_can_be_dragged_before_another_and_after_the_last() {
    let mut person = transfers(made_up::queued());
    let share = made_up::share_id(ATLAS);
    let (atlas, video) = (row(&person, "Geography atlas.pdf"), row(&person, "Video lesson 4.mp4"));
    drag(&mut person, Pos2::new(atlas.x + 12.0, atlas.y), Pos2::new(atlas.x + 40.0, video.y - 20.0));
    let to = QueuePlace::Before(made_up::share_id(VIDEO));
    assert_eq!(person.command(), Command::Move { share, to });

    let last = row(&person, "Map tiles of the valley");
    drag(&mut person, Pos2::new(atlas.x + 12.0, atlas.y), Pos2::new(atlas.x + 12.0, last.y + 60.0));
    let to = QueuePlace::After(made_up::share_id(ATLAS + 3));
    assert_eq!(person.command(), Command::Move { share, to });
}

#[test]
fn a_transfer_that_is_put_back_where_it_was_stays() {
    let mut person = transfers(made_up::queued());
    let atlas = row(&person, "Geography atlas.pdf");
    drag(&mut person, Pos2::new(atlas.x + 12.0, atlas.y), Pos2::new(atlas.x + 30.0, atlas.y + 20.0));
    assert_eq!(person.wishes(), []);
}

#[test]
fn the_queue_is_shown_in_its_order() {
    let mut now = made_up::queued();
    for row in &mut now.transfers {
        let row = Arc::make_mut(row);
        row.queue = row.queue.map(|place| 100 - place);
    }
    let person = transfers(now);
    assert!(row(&person, "Map tiles of the valley").y < row(&person, "Geography atlas.pdf").y);
    assert!(row(&person, "Geography atlas.pdf").y < row(&person, "Video lesson 4.mp4").y);
}

#[test]
fn importance_order_and_quietness_are_chosen_in_the_menu_and_in_the_details() {
    let share = made_up::share_id(VIDEO);
    let mut person = transfers(made_up::queued());
    person.press("More for Video lesson 4.mp4");
    person.press("When there is time");
    assert_eq!(person.command(), Command::SetPriority { share, priority: Priority::Low });
    person.press("More for Video lesson 4.mp4");
    person.press("From its beginning on");
    assert_eq!(person.command(), Command::SetOrder { share, order: Order::Rarest });
    person.press("More for Video lesson 4.mp4");
    person.press("Quietly");
    assert_eq!(person.command(), Command::SetClass { share, class: Class::Background });

    let mut person = details(made_up::queued(), VIDEO);
    person.press("How important: Important");
    person.press("Usual");
    assert_eq!(person.command(), Command::SetPriority { share, priority: Priority::Normal });
    person.press("In which order: From its beginning on");
    person.press("Any order");
    assert_eq!(person.command(), Command::SetOrder { share, order: Order::Rarest });
    person.press("Quietly");
    assert_eq!(person.command(), Command::SetClass { share, class: Class::Background });
}

#[test]
fn speeds_are_limited_for_one_and_for_all() {
    let mut person = transfers(made_up::queued());
    person.press("More for Video lesson 4.mp4");
    person.press("Limit its speed…");
    assert!(person.sees("How fast may “Video lesson 4.mp4” go?"));
    person.types("Coming in, at most", "16 Mbit/s");
    assert!(person.sees("A film of 1 GB takes 8 min"));
    person.press("Given to others: 500 kB/s");
    person.press("Save");
    let limits = Limits { down: Rate::new(2_000_000), up: Rate::new(500_000) };
    assert_eq!(person.command(), Command::SetLimits { share: made_up::share_id(VIDEO), limits });
    assert!(!person.sees("How fast may “Video lesson 4.mp4” go?"));

    person.press("Change the speed…. Coming in: No limit, Given to others: 5.0 MB/s");
    person.press("Given to others: No limit");
    person.press("Save");
    assert_eq!(person.command(), Command::SetTotalLimits { limits: Limits::NONE });
}

#[test]
fn what_is_no_speed_is_not_saved_and_says_why() {
    let mut person = transfers(made_up::queued());
    person.press("More for Video lesson 4.mp4");
    person.press("Limit its speed…");
    person.types("Coming in, at most", "very fast");
    assert!(person.sees_something_with("That is no speed"));
    person.press("Save");
    person.key(Modifiers::NONE, Key::Enter);
    assert_eq!(person.wishes(), []);
    person.press("Coming in: 1 MB/s");
    person.press("Cancel");
    assert_eq!(person.wishes(), []);
}

#[test]
fn the_timetable_gets_changes_loses_and_reorders_lines() {
    let mut person = settings(made_up::queued());
    let before = made_up::queued().traffic.schedule.clone();

    person.press("Add hours…");
    person.press("Friday");
    person.press("Pause everything");
    person.press("Save");
    let rule = Rule { days: Days::parse("mon-thu").unwrap(), from: 480, to: 930, then: Then::Pause };
    let mut wanted = before.clone();
    wanted.0.push(rule);
    assert_eq!(person.command(), Command::SetSchedule { schedule: wanted });

    person.press("Change Mon–Fri  08:00–15:30");
    person.press("Saturday");
    person.retypes("Coming in, at most", "5");
    person.press("Save");
    let mut wanted = before.clone();
    wanted.0[0].days = Days::parse("mon-sat").unwrap();
    wanted.0[0].then = Then::Limit(Limits { down: Rate::new(5_000_000), up: Rate::new(500_000) });
    assert_eq!(person.command(), Command::SetSchedule { schedule: wanted });

    person.press("Remove Every day  22:00–06:00");
    let Command::SetSchedule { schedule } = person.command() else { panic!("a schedule was expected") };
    assert_eq!(schedule.0, [before.0[0], before.0[2]]);
    person.press("Move up Sat, Sun  10:00–12:00");
    let Command::SetSchedule { schedule } = person.command() else { panic!("a schedule was expected") };
    assert_eq!(schedule.0, [before.0[0], before.0[2], before.0[1]]);
}

#[test]
fn hours_that_are_none_are_not_saved() {
    let mut person = settings(made_up::queued());
    person.press("Add hours…");
    person.types("Begins at", "99");
    assert!(person.sees_something_with("Write times like"));
    person.press("Save");
    assert_eq!(person.wishes(), []);
    person.press("Cancel");
    person.press("Add hours…");
    for day in ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"] {
        person.press(day);
    }
    assert!(person.sees("Choose one day at least."));
    person.press("Save");
    assert_eq!(person.wishes(), []);
}

#[test]
fn how_many_come_at_a_time_is_chosen_in_two_places() {
    let mut person = settings(made_up::queued());
    person.press("Fewer");
    assert_eq!(person.command(), Command::SetActiveDownloads { count: 2 });
    person.press("More");
    assert_eq!(person.command(), Command::SetActiveDownloads { count: 4 });
    let mut person = transfers(made_up::queued());
    person.press("Downloads at a time: 3 at a time");
    person.press("10 at a time");
    assert_eq!(person.command(), Command::SetActiveDownloads { count: 10 });
}

#[test]
fn how_long_things_are_given_on_is_chosen_for_all_and_for_one() {
    let mut person = settings(made_up::queued());
    assert!(person.sees("Until it was given twice"));
    person.press("Change how long…");
    person.press("For some days");
    person.press("Save");
    let week = SeedUntil::parse("time:7d").unwrap();
    assert_eq!(person.command(), Command::SetSeedingOfAll { until: week });
    person.press("Stop giving on when I close Handout");
    assert_eq!(person.command(), Command::SetStopSeedingWhenClosed { stop: true });

    let mut person = details(made_up::queued(), VIDEO);
    person.press("Giving on: As everything else");
    person.press("Until some people have it from here");
    person.types("How many", "x");
    assert!(person.sees("Write a number, such as 2."));
    person.press("Save");
    assert_eq!(person.wishes(), []);
    person.press("As long as it is here");
    person.press("Save");
    let share = made_up::share_id(VIDEO);
    assert_eq!(person.command(), Command::SetSeeding { share, until: Some(SeedUntil::ForEver) });
    person.press("Giving on: As everything else");
    person.press("Save");
    assert_eq!(person.command(), Command::SetSeeding { share, until: None });
}

#[test]
fn files_and_whole_folders_are_wanted_or_not() {
    let mut person = details(made_up::busy(), PHOTOS);
    person.press("day 1, folder, 40 files, 432 MB");
    let (share, token) = (made_up::share_id(PHOTOS), 100);
    let rest = Selection::These((40..214).collect());
    assert_eq!(person.command(), Command::SelectFiles { token, share, files: rest });
    // The tick shows at once, before the engine has answered.
    assert!(person.sees("174 of 214") || person.sees_something_with("174 of 214"));
    person.press("All Files");
    assert_eq!(person.command(), Command::SelectFiles { token: 101, share, files: Selection::All });
}

#[test]
fn a_folder_opens_and_closes_by_arrow_keys_and_tells_its_state() {
    let mut person = details(made_up::busy(), PHOTOS);
    person.harness.get_by_label("day 6, folder, 14 files, 151 MB").focus();
    person.harness.run();
    assert!(!person.sees_something_with("photo 200.jpg"));
    person.key(Modifiers::NONE, Key::ArrowRight);
    assert!(person.sees_something_with("photo 200.jpg"));
    person.key(Modifiers::NONE, Key::ArrowDown);
    person.key(Modifiers::NONE, Key::Space);
    let wanted = Selection::These((0..214).filter(|n| *n != 200).collect());
    assert!(matches!(person.command(), Command::SelectFiles { files, .. } if files == wanted));
    let folder = person.harness.get_by_label("day 6, folder, 14 files, 151 MB");
    assert_eq!(folder.accesskit_node().toggled(), Some(egui::accesskit::Toggled::Mixed));
    person.key(Modifiers::NONE, Key::ArrowLeft);
    person.key(Modifiers::NONE, Key::ArrowLeft);
    assert!(!person.sees_something_with("photo 200.jpg"));
}

#[test]
fn a_selection_that_the_engine_refuses_is_taken_back() {
    let mut person = details(made_up::busy(), PHOTOS);
    person.press("day 1, folder, 40 files, 432 MB");
    person.wishes();
    let mut now = made_up::busy();
    now.revision += 1;
    let refused = made_up::trouble(TroubleKind::Refused, "It is too late for that", "Class photos", "");
    now.outcomes = vec![Arc::new(Outcome { token: 100, result: Err(refused) })];
    person.shown(now);
    assert!(!person.sees_something_with("174 of 214"));
    assert!(person.sees_something_with("It is too late for that"));
}

#[test]
fn files_can_be_chosen_before_any_of_them_comes() {
    let mut now = made_up::busy();
    let share = made_up::share_id(ROBOTS);
    now.transfers.retain(|row| row.share != share);
    let mut person = details(now, ROBOTS);
    person.press("Choose files…");
    assert_eq!(person.command(), Command::Fetch { token: 100, share, into: None, hints: Vec::new(), hold: true });
    assert!(!person.sees_something_with("Get 214 files"));

    // The list of files is there, and the engine holds it.
    person.shown(held(1));
    assert!(person.sees_something_with("Waiting until you have chosen its files"));
    person.press("day 1, folder, 40 files, 16 MB");
    assert!(matches!(person.command(), Command::SelectFiles { .. }));
    person.press("Get 174 files, 88 MB");
    assert_eq!(person.command(), Command::Resume { share });
    person.shown(coming(TransferState::Fetching, 2));
    assert!(!person.sees_something_with("Get 174 files"));
}

#[test]
fn of_twenty_thousand_files_only_those_in_sight_are_drawn() {
    let mut now = made_up::busy();
    let row = Arc::make_mut(now.transfers.iter_mut().find(|row| row.title == "Class photos").unwrap());
    let root = handout::share::Root([0; 32]);
    let files: Vec<_> = (0..20_000).map(|n| (format!("folder {:03}/file {n}.txt", n % 200), 4096, root)).collect();
    row.listing = Some(made_up::listing("Class photos", &files, 0.5, None));
    (row.files, row.files_wanted) = (20_000, 20_000);
    let person = details(now, PHOTOS);
    let rows = person.harness.query_all_by_role(egui::Role::TreeItem).count();
    assert!((1..60).contains(&rows), "{rows} rows were drawn");
}

#[test]
fn a_transfer_moves_to_another_folder_and_name() {
    let mut person = details(made_up::queued(), VIDEO);
    person.press("Folder: /home/ann/Downloads/Handout");
    person.press("Save");
    assert_eq!(person.wishes(), [], "nothing was changed");
    person.press("Choose…");
    assert_eq!(person.wishes(), [Wish::Choose(Choice::Move)]);
    let now = made_up::queued();
    person.face().chosen(&now, Chosen { choice: Choice::Move, paths: vec!["/media/stick".into()] });
    person.harness.run();
    person.press("Save");
    let (share, into) = (made_up::share_id(VIDEO), Some("/media/stick".into()));
    assert_eq!(person.command(), Command::Relocate { token: 100, share, into, name: None });
    let mut now = made_up::queued();
    now.revision += 1;
    let done = Done::Relocated { share, into: "/media/stick".into() };
    now.outcomes = vec![Arc::new(Outcome { token: 100, result: Ok(done) })];
    person.shown(now);
    assert!(person.sees_something_with("is in /media/stick now"));

    person.press("Folder: /home/ann/Downloads/Handout");
    person.types("What it is called", "/../x");
    assert!(person.sees_something_with("A name can’t"));
    person.press("Save");
    assert_eq!(person.wishes(), []);
}

#[test]
fn what_an_administrator_fixed_is_shown_with_who_manages_it_and_cannot_be_changed() {
    let mut person = settings(made_up::managed());
    let locks = person.harness.query_all_by_label("Managed by your administrator").count();
    assert_eq!(locks, 4, "timetable, how many, how long, when closed");
    assert!(person.sees("Given to others: Your administrator allows 5.0 MB/s at most"));
    assert!(!person.sees("Add hours…"));
    for name in ["Fewer", "More", "Change how long…", "Stop giving on when I close Handout"] {
        person.press(name);
    }
    assert_eq!(person.wishes(), []);
}

#[test]
fn each_transfer_says_in_words_why_it_is_no_faster() {
    let person = transfers(made_up::queued());
    assert!(person.sees_something_with("Ann's PC can’t give it faster"));
    assert!(person.sees_something_with("3 are before it, 3 come at a time"));
    let person = transfers(made_up::managed());
    assert!(person.sees_something_with("Your administrator lets everything go at 5.0 MB/s at most"));
    assert!(
        person.sees_something_with("The timetable holds for 95 min more") || person.sees_something_with("1 h 35 min")
    );
}

#[test]
fn who_got_what_from_me_is_told_person_by_person() {
    let mut now = made_up::queued();
    let mut person = on(Screen::Mine, now.clone());
    person.press("Who got it from me");
    let of = made_up::peer_id(1);
    let (mut bytes, mut things) = (0, 0);
    for row in now.given.iter().filter(|row| row.peer == of) {
        (bytes, things) = (bytes + row.bytes, things + 1);
    }
    assert!(bytes > 0 && things > 1);
    let name = person.harness.get_by_label_contains("Ms Kaya, ").accesskit_node().label().unwrap_or_default();
    assert!(name.starts_with(&format!("Ms Kaya, {things} things, ")), "{name}");
    assert!(!person.sees_something_with("My presentation.pptx, "));
    person.press(&name);
    assert!(person.sees_something_with("presentation.pptx, ") || person.sees_something_with("lesson 4.mp4, "));
    now.given = Arc::from([]);
    now.revision += 1;
    person.shown(now);
    assert!(person.sees("Nobody got anything from you yet"));
}

/// The folder of robots while it comes.
fn coming(state: TransferState, later: u64) -> Snapshot {
    let mut now = made_up::busy();
    now.revision += later;
    let row = now.transfers.iter_mut().find(|row| row.share == made_up::share_id(ROBOTS)).unwrap();
    let row = Arc::make_mut(row);
    (row.state, row.trouble, row.queue) = (state, None, Some(4));
    now
}

/// The same while it waits for a choice.
fn held(later: u64) -> Snapshot {
    let mut now = coming(TransferState::Paused, later);
    let row = now.transfers.iter_mut().find(|row| row.share == made_up::share_id(ROBOTS)).unwrap();
    Arc::make_mut(row).reason = Reason::Choosing;
    now
}

fn on(screen: Screen, now: Snapshot) -> Person {
    let mut person = Person::before(now, [1280.0, 1600.0]);
    person.face().memory().screen = screen;
    person.harness.run();
    person
}

fn transfers(now: Snapshot) -> Person {
    on(Screen::Transfers, now)
}

fn settings(now: Snapshot) -> Person {
    on(Screen::Settings, now)
}

fn details(now: Snapshot, number: u64) -> Person {
    let mut person = Person::before(now, [1280.0, 2000.0]);
    let share: ShareId = made_up::share_id(number);
    person.face().memory().selected = Some(share);
    person.harness.run();
    person
}

/// Where a row is: its left edge and its middle.
fn row(person: &Person, title: &str) -> Pos2 {
    let rows = person.harness.query_all_by_role(egui::Role::ListItem);
    let mut of = rows.filter(|node| node.accesskit_node().label().is_some_and(|label| label.starts_with(title)));
    let rect = of.next().expect("the row is there").rect();
    Pos2::new(rect.left(), rect.center().y)
}

fn drag(person: &mut Person, from: Pos2, to: Pos2) {
    let press = |pos, pressed| Event::PointerButton {
        pos,
        button: PointerButton::Primary,
        pressed,
        modifiers: Modifiers::NONE,
    };
    let steps = [
        vec![Event::PointerMoved(from)],
        vec![press(from, true)],
        vec![Event::PointerMoved(from + (to - from) * 0.5)],
        vec![Event::PointerMoved(to)],
        vec![press(to, false)],
    ];
    for events in steps {
        for event in events {
            person.harness.event(event);
        }
        person.harness.step();
    }
    person.harness.run();
}
