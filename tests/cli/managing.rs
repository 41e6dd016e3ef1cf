//! Every control of a download manager, by command: what the engine is asked, what is shown, and what wrong values get.

use std::sync::Arc;

use handout::{
    engine::{
        command::{Command, QueuePlace},
        snapshot::{GivenRow, Snapshot, TransferState},
    },
    traffic::{Class, Limits, Order, Priority, Rate, Reason, SeedUntil, Then},
};

use super::stage::{Stage, empty, moment, peer_id, share_id, transfer};

#[test]
fn a_transfers_priority_order_class_limits_and_rule_are_set_at_once() {
    let stage = stage();
    let options = ["--priority", "high", "--order", "in-order", "--class", "background"];
    let more = ["--down", "64KiB", "--up", "2M", "--seed-until", "ratio:1.5", "--json"];

    let ran = stage.run(&[&["set", "Film"][..], &options[..], &more[..]].concat());

    assert_eq!((ran.code(), ran.stderr.as_str()), (Some(0), ""));
    let (share, limits) = (share_id(2), Limits { down: Rate::new(65_536), up: Rate::new(2_000_000) });
    let expected = [
        Command::SetPriority { share, priority: Priority::High },
        Command::SetOrder { share, order: Order::InOrder },
        Command::SetClass { share, class: Class::Background },
        Command::SetLimits { share, limits },
        Command::SetSeeding { share, until: Some(SeedUntil::Ratio(1_500)) },
    ];
    assert_eq!(stage.asked(), expected);
    let row = ran.json();
    assert_eq!((row["priority"].as_str(), row["limit_down"].as_u64()), (Some("high"), Some(65_536)));
    assert_eq!(row["seed_until"].as_str(), Some("ratio:1.5"));
}

#[test]
fn one_limit_is_changed_and_the_other_stays() {
    let stage = stage();

    assert_eq!(stage.run(&["set", "Film", "--down", "1M"]).code(), Some(0));
    assert_eq!(stage.run(&["set", "Film", "--up", "none"]).code(), Some(0));

    let limits = Limits { down: Rate::new(1_000_000), up: None };
    assert_eq!(stage.asked().last(), Some(&Command::SetLimits { share: share_id(2), limits }));
}

#[test]
fn limits_of_all_are_set_and_shown() {
    let stage = stage();

    let ran = stage.run(&["limit", "--down", "100mbit", "--up", "none", "--json"]);

    assert_eq!(ran.code(), Some(0));
    let limits = Limits { down: Rate::new(12_500_000), up: None };
    assert_eq!(stage.asked(), [Command::SetTotalLimits { limits }]);
    assert_eq!((ran.json()["limit_down"].as_u64(), ran.json()["limit_up"].as_u64()), (Some(12_500_000), None));
    assert!(stage.run(&["limit"]).stdout.contains("12.5 MB/s"));
}

#[test]
fn the_queue_is_shown_changed_and_widened() {
    let mut picture = empty();
    for (n, title) in [(2, "Film"), (3, "Book")] {
        let mut row = transfer(n, title, TransferState::Queued);
        Arc::make_mut(&mut row).queue = Some(4 - u32::from(n));
        picture.transfers.push(row);
    }
    picture.transfers.push(transfer(4, "Done", TransferState::Seeding));
    let stage = Stage::new(picture, react);

    let shown = stage.run(&["queue", "--json"]).json();
    assert_eq!(shown.as_array().map(Vec::len), Some(2));
    assert_eq!((shown[0]["title"].as_str(), shown[1]["title"].as_str()), (Some("Book"), Some("Film")));
    assert_eq!(stage.run(&["queue", "Film", "--top"]).code(), Some(0));
    assert_eq!(stage.run(&["queue", "Film", "--before", "Book"]).code(), Some(0));
    assert_eq!(stage.run(&["queue", "--active", "3"]).code(), Some(0));

    let expected = [
        Command::Move { share: share_id(2), to: QueuePlace::Top },
        Command::Move { share: share_id(2), to: QueuePlace::Before(share_id(3)) },
        Command::SetActiveDownloads { count: 3 },
    ];
    assert_eq!(stage.asked(), expected);
    let ran = stage.run(&["queue", "Done", "--top"]);
    assert_eq!(ran.code(), Some(1));
    assert!(ran.stderr.contains("not in the queue"), "{}", ran.stderr);
}

#[test]
fn rules_of_the_schedule_are_added_shown_and_taken_away() {
    let stage = stage();

    let ran = stage.run(&["schedule", "add", "--days", "weekdays", "--from", "8:00", "--to", "15:30", "--up", "1M"]);
    assert_eq!((ran.code(), ran.stderr.as_str()), (Some(0), ""));
    let ran = stage.run(&["schedule", "add", "--from", "22:00", "--to", "06:00", "--pause", "--json"]);
    let rules = &ran.json()["schedule"];
    assert_eq!(rules[0]["days"].as_str(), Some("mon-fri"));
    assert_eq!(rules[0]["limit_up"].as_u64(), Some(1_000_000));
    assert_eq!((rules[1]["from"].as_str(), rules[1]["pause"].as_bool()), (Some("22:00"), Some(true)));
    assert!(stage.run(&["schedule"]).stdout.contains("1. mon-fri 08:00-15:30: down no limit, up 1.0 MB/s"));

    assert_eq!(stage.run(&["schedule", "remove", "1"]).code(), Some(0));
    let left = stage.snapshots.borrow().traffic.schedule.clone();
    assert_eq!(left.0.iter().map(|rule| rule.then).collect::<Vec<_>>(), [Then::Pause]);
    assert_eq!(stage.run(&["schedule", "remove", "7"]).code(), Some(2));
    assert_eq!(stage.run(&["schedule", "clear"]).code(), Some(0));
    assert_eq!(stage.snapshots.borrow().traffic.schedule.0.len(), 0);
}

#[test]
fn seeding_of_all_is_chosen_and_shown() {
    let stage = stage();

    let ran = stage.run(&["seeding", "--until", "time:2h", "--stop-when-closed", "yes", "--json"]);

    let answer = ran.json();
    assert_eq!(ran.code(), Some(0));
    assert_eq!(answer["seed_until"].as_str(), Some("time:2h"));
    assert_eq!(answer["stop_seeding_when_closed"].as_bool(), Some(true));
}

#[test]
fn all_are_paused_resumed_and_tried_again() {
    let stage = stage();

    for command in ["pause", "resume", "retry"] {
        assert_eq!(stage.run(&[command, "--all"]).code(), Some(0), "{command}");
    }
    assert_eq!(stage.run(&["retry", "Film"]).code(), Some(0));

    let retry = Command::Retry { share: share_id(2) };
    assert_eq!(stage.asked(), [Command::PauseAll, Command::ResumeAll, Command::RetryAll, retry]);
}

#[test]
fn what_was_given_is_shown_in_all_and_added_up() {
    let row = |peer, share, bytes| GivenRow {
        peer: peer_id(peer),
        peer_name: format!("PC {peer}"),
        share: share_id(share),
        title: format!("Share {share}"),
        bytes,
        rate: 5,
        last: moment(),
    };
    let given = [row(1, 1, 100), row(2, 1, 20), row(1, 2, 3)].into();
    let stage = Stage::new(Snapshot { given, ..empty() }, |_, _| {});

    let all = stage.run(&["given", "--json"]).json();
    let peers = stage.run(&["given", "--by", "peer", "--json"]).json();
    let shares = stage.run(&["given", "--by", "share", "--json"]).json();

    assert_eq!((all.as_array().map(Vec::len), all[0]["bytes"].as_u64()), (Some(3), Some(100)));
    assert_eq!((peers[0]["peer_name"].as_str(), peers[0]["bytes"].as_u64()), (Some("PC 1"), Some(103)));
    assert_eq!((shares[0]["title"].as_str(), shares[0]["bytes"].as_u64()), (Some("Share 1"), Some(120)));
    let table = stage.run(&["given"]).stdout;
    assert!(table.contains("PC 2") && table.contains("LAST") && table.contains(" ago"), "{table}");
}

#[test]
fn a_transfer_says_why_it_is_slow() {
    let mut row = transfer(2, "Film", TransferState::Fetching);
    Arc::make_mut(&mut row).reason = Reason::Disk { percent: 70 };
    let stage = Stage::new(Snapshot { transfers: vec![row], ..empty() }, |_, _| {});

    let told = stage.run(&["why", "Film"]);
    let json = stage.run(&["why", "Film", "--json"]).json();

    assert!(told.stdout.contains("The disk can't write faster; 70 % of the time is spent waiting for it."));
    assert_eq!(json["transfer"]["reason"]["code"].as_str(), Some("disk"));
    assert!(json["peers"].is_array() && json["history"].is_array() && json["map"].is_array());
}

#[test]
fn wrong_values_are_wrong_usage_and_nothing_is_asked() {
    let stage = stage();
    let wrong: &[&[&str]] = &[
        &["set", "Film"],
        &["set", "Film", "--priority", "urgent"],
        &["set", "Film", "--order", "random"],
        &["set", "Film", "--class", "idle"],
        &["set", "Film", "--down", "fast"],
        &["set", "Film", "--down", "1"],
        &["set", "Film", "--down", "-5"],
        &["set", "Film", "--seed-until", "ratio:0"],
        &["limit", "--down", "0"],
        &["limit", "--up", "9999999999999999"],
        &["queue", "Film"],
        &["queue", "--top"],
        &["queue", "Film", "--top", "--bottom"],
        &["queue", "--active", "0"],
        &["queue", "--active", "1001"],
        &["schedule", "add", "--from", "08:00", "--to", "09:00"],
        &["schedule", "add", "--from", "8", "--to", "09:00", "--pause"],
        &["schedule", "add", "--from", "08:00", "--to", "25:00", "--pause"],
        &["schedule", "add", "--days", "someday", "--from", "08:00", "--to", "09:00", "--pause"],
        &["schedule", "add", "--from", "08:00", "--to", "09:00", "--pause", "--up", "1M"],
        &["schedule", "remove", "0"],
        &["seeding", "--until", "never"],
        &["seeding", "--stop-when-closed", "maybe"],
        &["pause"],
        &["pause", "Film", "--all"],
        &["retry"],
        &["files", "Film", "--all", "--only", "1"],
        &["move", "Film"],
        &["rename", "Film"],
        &["given", "--by", "day"],
        &["why"],
    ];
    for args in wrong {
        let ran = stage.run(args);
        assert_eq!(ran.code(), Some(2), "{args:?}: {}", ran.stderr);
        assert!(!ran.stderr.is_empty() && ran.stdout.is_empty(), "{args:?}");
    }
    assert_eq!(stage.run(&["set", "Nothing", "--priority", "low"]).code(), Some(3));
    assert_eq!(stage.run(&["files", "Film"]).code(), Some(1));
    assert_eq!(stage.asked(), []);
}

#[test]
fn what_an_administrator_fixed_is_refused() {
    let mut picture = empty();
    let traffic = Arc::make_mut(&mut picture.traffic);
    traffic.fixed.limits.up = Rate::new(1_000_000);
    (traffic.fixed.schedule, traffic.fixed.seed_until, traffic.fixed.active_downloads) = (true, true, true);
    let stage = Stage::new(picture, react);

    for args in [
        &["limit", "--up", "2M"][..],
        &["schedule", "clear"],
        &["seeding", "--until", "forever"],
        &["queue", "--active", "9"],
    ] {
        let ran = stage.run(args);
        assert_eq!(ran.code(), Some(4), "{args:?}: {}", ran.stderr);
        assert!(ran.stderr.contains("administrator"), "{}", ran.stderr);
    }
    assert_eq!(stage.asked(), []);
    assert_eq!(stage.run(&["limit", "--up", "500k"]).code(), Some(0));
}

#[test]
fn policy_names_every_setting_and_where_it_comes_from() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("settings.toml"), "limit_up = 65536\nactive_downloads = \"many\"\n").unwrap();

    let ran = super::program::run_at(home.path(), &["policy", "--json"]);

    assert_eq!(ran.code(), Some(0), "{}", ran.stderr);
    let answer = ran.json();
    let of = |name: &str| {
        let rows = answer["settings"].as_array().unwrap();
        rows.iter().find(|row| row["name"] == name).unwrap_or_else(|| panic!("{name} is missing")).clone()
    };
    assert_eq!(
        (of("limit_up")["value"].as_str(), of("limit_up")["source"].as_str()),
        (Some("65536 bytes/s"), Some("file"))
    );
    assert_eq!(of("active_downloads")["source"].as_str(), Some("default"));
    assert!(answer["errors"][0].as_str().unwrap().contains("active_downloads"));
}

/// A film is on its way, in an engine that does what it is told.
fn stage() -> Stage {
    let row = transfer(2, "Film", TransferState::Fetching);
    Stage::new(Snapshot { transfers: vec![row], ..empty() }, react)
}

fn react(command: &Command, picture: &mut Snapshot) {
    let traffic = Arc::make_mut(&mut picture.traffic);
    let row = picture.transfers.first_mut().map(Arc::make_mut);
    match (command.clone(), row) {
        (Command::SetPriority { priority, .. }, Some(row)) => row.priority = priority,
        (Command::SetOrder { order, .. }, Some(row)) => row.order = order,
        (Command::SetClass { class, .. }, Some(row)) => row.class = class,
        (Command::SetLimits { limits, .. }, Some(row)) => row.limits = limits,
        (Command::SetSeeding { until, .. }, Some(row)) => row.seed_until = until,
        (Command::PauseAll, Some(row)) => row.state = TransferState::Paused,
        (Command::ResumeAll, Some(row)) => row.state = TransferState::Fetching,
        (Command::SetTotalLimits { limits }, _) => (traffic.limits, traffic.limits_now) = (limits, limits),
        (Command::SetSchedule { schedule }, _) => traffic.schedule = schedule,
        (Command::SetActiveDownloads { count }, _) => traffic.active_downloads = count,
        (Command::SetSeedingOfAll { until }, _) => traffic.seed_until = until,
        (Command::SetStopSeedingWhenClosed { stop }, _) => traffic.stop_seeding_when_closed = stop,
        _ => {}
    }
}
