//! Limits, queue, schedule, seeding rules, selection and moving, with real engines. Speeds are measured by the benchmark; here
//! is whether each control does what it says and loses nothing.

use std::{collections::BTreeSet, fs, path::Path, sync::Arc};

use handout::{
    engine::{
        command::{Command, QueuePlace, Recipients, Selection, Unreadable},
        snapshot::{Done, TransferRow, TransferState},
        trouble::TroubleKind,
    },
    share::ShareId,
    traffic::{Class, Days, Limits, Priority, Rate, Reason, Rule, Schedule, SeedUntil, Then, reason::LimitBy},
};

use super::room::{Computer, content, unfinished};

#[test]
fn a_limited_transfer_says_so_and_arrives_when_the_limit_is_lifted() {
    let (mut ann, mut ben) = pair();
    let share = share(&mut ann, "film", 2_000_000);
    ben.send(slow_down());
    let token = ben.begin_fetch(share);

    let limit = Reason::Limit { by: LimitBy::Total, rate: Rate::new(SLOW).unwrap() };
    ben.wait("it says that a limit holds it back", |_| row(&ben, share).is_some_and(|row| row.reason == limit));
    ben.send(Command::SetTotalLimits { limits: Limits::NONE });

    ben.outcome(token).unwrap();
    assert_eq!(fs::read(ben.downloads().join("film")).unwrap(), content("film", 2_000_000));
}

#[test]
fn a_limit_on_what_is_given_is_the_givers_and_nobody_is_dropped_for_it() {
    let (mut ann, mut ben) = pair();
    let share = share(&mut ann, "film", 2_000_000);
    ann.send(Command::SetTotalLimits { limits: Limits { down: None, up: Rate::new(32 * 1024) } });
    let token = ben.begin_fetch(share);
    ben.wait("some of it comes", |_| row(&ben, share).is_some_and(|row| row.rate_down > 0));

    ann.send(Command::SetTotalLimits { limits: Limits::NONE });

    ben.outcome(token).unwrap();
    assert!(ben.snapshot().troubles.is_empty(), "{:?}", ben.snapshot().troubles);
}

/// Each change closes connections with requests on them. That is no fault of the giver's, who would otherwise be left alone
/// for longer each time: for a minute after a dozen changes.
#[test]
fn after_many_changes_of_the_limit_the_giver_is_still_asked_at_once() {
    let (mut ann, mut ben) = pair();
    let share = share(&mut ann, "film", 60_000_000);
    ben.send(slow_down());
    let token = ben.begin_fetch(share);
    let is_asked = || row(&ben, share).is_some_and(|row| row.peers.iter().any(|peer| peer.in_flight > 0));
    for change in 0..16 {
        ben.wait("the giver is asked", |_| is_asked());
        std::thread::sleep(std::time::Duration::from_millis(60));
        // Just above what needs other connections, and below.
        let limit = if change % 2 == 0 { 9 << 20 } else { SLOW };
        ben.send(Command::SetTotalLimits { limits: Limits { down: Rate::new(limit), up: None } });
    }

    ben.wait("the giver is asked", |_| is_asked());
    ben.send(Command::SetTotalLimits { limits: Limits::NONE });
    ben.outcome(token).unwrap();
}

#[test]
fn the_queue_lets_one_after_the_other_go_and_obeys_place_and_priority() {
    let (mut ann, mut ben) = pair();
    let [film, book] = ["film", "book"].map(|name| share(&mut ann, name, 2_000_000));
    ben.send(Command::SetActiveDownloads { count: 1 });
    ben.send(slow_down());
    let tokens = [ben.begin_fetch(film), ben.begin_fetch(book)];
    let is = |share, state: TransferState| row(&ben, share).is_some_and(|row| row.state == state);
    let turn = |first, second| {
        ben.wait("one goes and the other waits", |_| {
            is(first, TransferState::Fetching) && is(second, TransferState::Queued)
        });
        assert_eq!((row(&ben, first).unwrap().queue, row(&ben, second).unwrap().queue), (Some(1), Some(2)));
    };
    turn(film, book);
    assert_eq!(row(&ben, book).unwrap().reason, Reason::Queued { before: 1, active: 1 });

    ben.send(Command::Move { share: book, to: QueuePlace::Top });
    turn(book, film);
    ben.send(Command::SetPriority { share: film, priority: Priority::High });
    turn(film, book);
    // Who is put above something important is as important.
    ben.send(Command::Move { share: book, to: QueuePlace::Before(film) });
    turn(book, film);
    assert_eq!(row(&ben, book).unwrap().priority, Priority::High);
    ben.send(Command::PauseAll);
    ben.wait("all rest", |_| is(film, TransferState::Paused) && is(book, TransferState::Paused));
    ben.send(Command::ResumeAll);
    turn(book, film);

    ben.send(Command::SetTotalLimits { limits: Limits::NONE });
    for token in tokens {
        ben.outcome(token).unwrap();
    }
}

#[test]
fn what_is_chosen_for_a_share_of_ones_own_holds_before_anybody_fetches_it_and_after_a_restart() {
    let mut ann = Computer::start("Ann", &[]);
    let share = share(&mut ann, "film", 300_000);
    assert!(row(&ann, share).is_none());
    let limits = Limits { down: None, up: Rate::new(64 * 1024) };

    ann.send(Command::SetLimits { share, limits });

    ann.wait("it is listed", |_| row(&ann, share).is_some_and(|row| row.limits == limits));
    ann.restart();
    ann.wait("it is listed again", |_| row(&ann, share).is_some_and(|row| row.limits == limits && row.is_here()));
}

#[test]
fn what_is_shared_quietly_is_read_and_given_quietly() {
    let mut ann = Computer::start("Ann", &[]);
    let (paths, token) = (vec![ann.file("film", 3_000_000)], ann.token());
    let (audience, unreadable) = (Recipients::Everyone, Unreadable::Refuse);
    ann.send(Command::Share { token, paths, title: None, audience, unreadable, class: Class::Background });

    let Done::Shared { share, .. } = ann.outcome(token).unwrap() else { panic!() };

    ann.wait("it is listed as that", |_| row(&ann, share).is_some_and(|row| row.class == Class::Background));
    let mut ben = Computer::start("Ben", &[&ann]);
    let place = ben.fetch(share).remove(0);
    assert_eq!(fs::read(place).unwrap(), content("film", 3_000_000));
}

#[test]
fn what_was_chosen_for_a_transfer_is_there_after_a_restart() {
    let (mut ann, mut ben) = pair();
    let share = share(&mut ann, "film", 2_000_000);
    ben.send(slow_down());
    ben.begin_fetch(share);
    let limits = Limits { down: Rate::new(SLOW), up: Rate::new(1 << 20) };
    ben.wait("it comes", |_| row(&ben, share).is_some_and(|row| row.state == TransferState::Fetching));
    ben.send(Command::SetLimits { share, limits });
    ben.send(Command::SetPriority { share, priority: Priority::Low });
    ben.send(Command::SetSeeding { share, until: Some(SeedUntil::Copies(3)) });
    ben.wait("it is chosen", |_| row(&ben, share).is_some_and(|row| row.seed_until.is_some()));

    ben.restart();

    ben.wait("it is there again", |_| row(&ben, share).is_some());
    let row = row(&ben, share).unwrap();
    assert_eq!((row.limits, row.priority, row.seed_until), (limits, Priority::Low, Some(SeedUntil::Copies(3))));
}

#[test]
fn the_schedule_pauses_everything_and_lets_it_go_on() {
    let (mut ann, mut ben) = pair();
    let share = share(&mut ann, "film", 2_000_000);
    let always = Rule { days: Days::ALL, from: 0, to: 0, then: Then::Pause };
    ben.send(Command::SetSchedule { schedule: Schedule(vec![always]) });
    let token = ben.begin_fetch(share);
    ben.wait("the schedule holds it", |_| row(&ben, share).is_some_and(|row| row.state == TransferState::Scheduled));
    assert!(matches!(row(&ben, share).unwrap().reason, Reason::PausedBySchedule { minutes: 1..=1440 }));

    ben.send(Command::SetSchedule { schedule: Schedule::default() });

    ben.outcome(token).unwrap();
}

#[test]
fn only_the_chosen_files_come_and_the_others_when_they_are_wanted() {
    let (mut ann, mut ben) = pair();
    let share = course(&mut ann);
    see(&ben, share);
    ben.send(slow_down());
    let fetched = ben.begin_fetch(share);
    ben.wait("its files are known", |_| row(&ben, share).is_some_and(|row| row.state == TransferState::Fetching));
    let paths: Vec<_> = row(&ben, share).unwrap().listing.as_ref().unwrap().files();
    assert_eq!(
        paths.iter().map(|file| file.path.as_str()).collect::<Vec<_>>(),
        ["course/a.bin", "course/b.bin", "course/c.bin"]
    );

    let none = select(&mut ben, share, Selection::These(BTreeSet::new()));
    assert_eq!(none.unwrap_err().kind, TroubleKind::Local);
    assert!(select(&mut ben, share, Selection::These([3].into())).is_err());
    let done = select(&mut ben, share, Selection::These([1].into())).unwrap();
    assert_eq!(done, Done::Selected { share, files: 1, bytes: 700_000 });
    ben.send(Command::SetTotalLimits { limits: Limits::NONE });
    ben.outcome(fetched).unwrap();

    let now = row(&ben, share).unwrap();
    assert_eq!(
        (now.state, now.done_bytes, now.size, now.full_size),
        (TransferState::Seeding, 700_000, 700_000, 2_100_000)
    );
    let files = now.listing.as_ref().unwrap().files();
    assert_eq!(files.iter().map(|file| (file.wanted, file.done_bytes == file.size)).nth(1), Some((true, true)));

    select(&mut ben, share, Selection::All).unwrap();
    ben.wait("all of it is here", |_| {
        row(&ben, share).is_some_and(|row| !row.places.is_empty() && row.done_bytes == 2_100_000)
    });
    ben.wait("it has its final name", |_| ben.downloads().join("course/c.bin").exists());
    assert_eq!(fs::read(ben.downloads().join("course/c.bin")).unwrap(), content("c.bin", 800_000));
}

#[test]
fn what_is_held_lets_nothing_come_before_its_files_are_chosen_also_after_a_restart() {
    let (mut ann, mut ben) = pair();
    let share = course(&mut ann);
    let hold = |ben: &mut Computer| {
        let token = ben.token();
        ben.send(Command::Fetch { token, share, into: None, hints: vec![], hold: true });
        token
    };
    let waits = |ben: &Computer| {
        let choosing = |row: Arc<TransferRow>| row.reason == Reason::Choosing && row.listing.is_some();
        ben.wait("it waits for a choice", |_| row(ben, share).is_some_and(choosing));
        assert_eq!(
            (row(ben, share).unwrap().state, fs::read_dir(ben.downloads()).is_ok()),
            (TransferState::Paused, false)
        );
    };
    hold(&mut ben);
    waits(&ben);
    ben.restart();
    waits(&ben);
    hold(&mut ben);
    std::thread::sleep(std::time::Duration::from_millis(300));
    waits(&ben);

    select(&mut ben, share, Selection::These([2].into())).unwrap();
    waits(&ben);
    // Somebody who wants it and does not want to choose lets it go on.
    ben.fetch(share);

    let there = fs::read_dir(ben.downloads().join("course")).unwrap();
    assert_eq!(there.map(|entry| entry.unwrap().file_name()).collect::<Vec<_>>(), ["c.bin"]);
    assert_eq!(row(&ben, share).unwrap().state, TransferState::Seeding);
}

#[test]
fn what_is_held_while_nobody_who_has_it_is_here_is_held_when_somebody_comes() {
    let mut ann = Computer::start("Ann", &[]);
    let share = course(&mut ann);
    let mut ben = Computer::start("Ben", &[]);
    let token = ben.token();
    ben.send(Command::Fetch { token, share, into: None, hints: vec![], hold: true });
    ben.wait("it looks", |_| row(&ben, share).is_some());
    ben.send(Command::Pause { share });
    ben.send(Command::Resume { share });

    ben.send(Command::AddPeer { address: ann.address().to_string() });

    ben.wait("it waits for a choice", |_| row(&ben, share).is_some_and(|row| row.reason == Reason::Choosing));
    ben.send(Command::Resume { share });
    ben.outcome(token).unwrap();
    assert_eq!(row(&ben, share).unwrap().done_bytes, 2_100_000);
}

#[test]
fn what_is_tried_again_after_it_failed_is_what_was_chosen_and_is_given_on() {
    let (mut ann, mut ben) = pair();
    let share = course(&mut ann);
    let token = ben.token();
    ben.send(Command::Fetch { token, share, into: None, hints: vec![], hold: true });
    ben.wait("it waits for a choice", |_| row(&ben, share).is_some_and(|row| row.reason == Reason::Choosing));
    select(&mut ben, share, Selection::These([0].into())).unwrap();
    ben.send(Command::SetSeedingOfAll { until: SeedUntil::Copies(1) });
    ben.fetch(share);
    ben.wait("it is given no more", |_| row(&ben, share).is_some_and(|row| row.state == TransferState::Done));
    fs::remove_dir_all(ben.downloads().join("course")).unwrap();
    ben.restart();
    ben.wait("it is missed", |_| row(&ben, share).is_some_and(|row| row.trouble.is_some()));

    ben.fetch(share);

    let now = row(&ben, share).unwrap();
    assert_eq!((now.state, now.files_wanted), (TransferState::Seeding, 1));
    let there = fs::read_dir(ben.downloads().join("course")).unwrap();
    assert_eq!(there.map(|entry| entry.unwrap().file_name()).collect::<Vec<_>>(), ["a.bin"]);
}

#[test]
fn a_download_that_was_given_enough_is_given_no_more_until_a_person_wants_it_again() {
    let (mut ann, mut ben) = pair();
    let share = share(&mut ann, "film", 300_000);
    ben.send(Command::SetSeedingOfAll { until: SeedUntil::Copies(1) });
    ben.fetch(share);
    ben.wait("its rule is fulfilled", |_| row(&ben, share).is_some_and(|row| row.state == TransferState::Done));
    assert_eq!(row(&ben, share).unwrap().reason, Reason::SeedingEnded);

    ben.restart();
    ben.wait("it stays so", |_| row(&ben, share).is_some_and(|row| row.state == TransferState::Done));
    ben.send(Command::Resume { share });
    ben.wait("it is given again", |_| row(&ben, share).is_some_and(|row| row.state == TransferState::Seeding));
}

#[test]
fn what_was_given_to_whom_is_known_after_a_restart() {
    let (mut ann, mut ben) = pair();
    let share = share(&mut ann, "film", 300_000);
    ben.fetch(share);
    let told = |ann: &Computer| {
        let rows = ann.snapshot().given.iter().map(|row| (row.title.clone(), row.bytes)).collect::<Vec<_>>();
        rows == [("film".to_owned(), 300_000)]
    };
    ann.wait("it is told", |_| told(&ann));

    ann.restart();

    ann.wait("it is still told", |_| told(&ann));
}

#[test]
fn a_download_is_moved_and_named_while_it_comes_and_when_it_is_here() {
    let (mut ann, mut ben) = pair();
    let share = share(&mut ann, "film", 2_000_000);
    ben.send(slow_down());
    let fetched = ben.begin_fetch(share);
    ben.wait("it comes", |_| row(&ben, share).is_some_and(|row| row.rate_down > 0));
    let [there, further] = ["there", "further"].map(|name| ben.folder.path().join(name));

    relocate(&mut ben, share, Some(&there), Some("movie.bin")).unwrap();
    assert_eq!(unfinished(&ben.downloads()), Vec::<std::path::PathBuf>::new());
    assert_eq!(unfinished(&there).len(), 1);
    ben.send(Command::SetTotalLimits { limits: Limits::NONE });
    ben.outcome(fetched).unwrap();
    assert_eq!(fs::read(there.join("movie.bin")).unwrap(), content("film", 2_000_000));

    fs::create_dir_all(&further).unwrap();
    fs::write(further.join("movie.bin"), "somebody's own").unwrap();
    relocate(&mut ben, share, Some(&further), None).unwrap();
    assert_eq!(fs::read(further.join("movie (2).bin")).unwrap(), content("film", 2_000_000));
    assert_eq!(fs::read(further.join("movie.bin")).unwrap(), b"somebody's own");
    assert!(!there.join("movie.bin").exists());

    ben.restart();
    ben.wait("it is still given", |_| row(&ben, share).is_some_and(|row| row.state == TransferState::Seeding));
    assert_eq!(row(&ben, share).unwrap().places, [further.join("movie (2).bin")]);
    fs::write(ben.folder.path().join("a file"), "x").unwrap();
    for nowhere in [ben.folder.path().join("a file"), ben.folder.path().join("a file/below"), "/proc/nowhere".into()] {
        let said = relocate(&mut ben, share, Some(&nowhere), None).unwrap_err();
        assert!(said.what.contains("can't be made") && said.hint == "Choose another folder.", "{said:?}");
        assert!(further.join("movie (2).bin").exists());
    }
    assert!(relocate(&mut ben, share, None, Some("../x")).is_err());
    assert!(relocate(&mut ben, share, Some(Path::new("relative")), None).is_err());
    assert!(relocate(&mut ann, share, Some(&there), None).is_err(), "a person's own files stay where they are");
}

const SLOW: u64 = 16 * 1024;

fn slow_down() -> Command {
    Command::SetTotalLimits { limits: Limits { down: Rate::new(SLOW), up: None } }
}

fn pair() -> (Computer, Computer) {
    let ann = Computer::start("Ann", &[]);
    let ben = Computer::start("Ben", &[&ann]);
    (ann, ben)
}

fn share(ann: &mut Computer, name: &str, bytes: usize) -> ShareId {
    let file = ann.file(name, bytes);
    ann.share(&[file])
}

/// A folder of three files, 2.1 MB in all.
fn course(ann: &mut Computer) -> ShareId {
    let folder = ann.folder.path().join("own").join("course");
    fs::create_dir_all(&folder).unwrap();
    for (name, size) in [("a.bin", 600_000), ("b.bin", 700_000), ("c.bin", 800_000)] {
        fs::write(folder.join(name), content(name, size)).unwrap();
    }
    ann.share(&[folder])
}

fn see(ben: &Computer, share: ShareId) {
    ben.wait("it sees the share", |snapshot| snapshot.shares.iter().any(|row| row.id == share));
}

fn row(computer: &Computer, share: ShareId) -> Option<Arc<TransferRow>> {
    computer.transfer(share)
}

fn select(
    computer: &mut Computer,
    share: ShareId,
    files: Selection,
) -> Result<Done, Arc<handout::engine::trouble::Trouble>> {
    let token = computer.token();
    computer.send(Command::SelectFiles { token, share, files });
    computer.outcome(token)
}

fn relocate(
    computer: &mut Computer,
    share: ShareId,
    into: Option<&Path>,
    name: Option<&str>,
) -> Result<Done, Arc<handout::engine::trouble::Trouble>> {
    let token = computer.token();
    let (into, name) = (into.map(Path::to_owned), name.map(str::to_owned));
    computer.send(Command::Relocate { token, share, into, name });
    computer.outcome(token)
}
