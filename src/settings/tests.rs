use std::{fs, path::PathBuf};

use super::{file::parse, *};
use crate::traffic::{Days, Limits, Rate, Rule, Schedule, SeedUntil, Then};

#[test]
fn a_bad_value_falls_back_alone_and_is_named() {
    let text = "name = 7\ndownloads = \"relative\"\nlisten_port = 70000\ndiscovery = false\ntheme = \"pink\"\nwindow_size = [1, 2]\nwelcomed = 1\n";

    let (written, bad) = parse(text);

    assert_eq!(written, Written { discovery: Some(false), ..Written::default() });
    let keys: Vec<_> = bad.iter().map(|bad| bad.key.as_str()).collect();
    assert_eq!(keys, ["name", "downloads", "listen_port", "theme", "window_size", "welcomed"]);
    assert_eq!(
        bad[3].to_string(),
        "\"theme\" in settings.toml is not used: it must be \"system\", \"light\" or \"dark\""
    );
}

#[test]
fn a_file_that_is_not_toml_is_an_empty_one_with_a_message() {
    let (written, bad) = parse("name = \"Ann\"\n]]]");

    assert_eq!(written, Written::default());
    assert_eq!(bad.len(), 1);
    assert!(bad[0].to_string().starts_with("settings.toml is not used: "), "{}", bad[0]);
}

#[test]
fn names_that_could_not_travel_or_be_shown_are_refused() {
    for name in ["", "   ", "a\\nb", "a\\u001b[31m", &"x".repeat(64)] {
        let (written, bad) = parse(&format!("name = \"{name}\""));
        assert_eq!((written.name, bad.len()), (None, 1), "{name:?}");
    }
}

#[test]
fn a_file_that_is_not_there_says_nothing_and_one_that_is_too_long_is_not_read() {
    let home = tempfile::tempdir().unwrap();
    assert_eq!(read(home.path()), (Written::default(), Vec::new()));

    let padding = "#".repeat(MAX_FILE_BYTES as usize);
    fs::write(home.path().join(FILE_NAME), format!("name = \"Ann\"\n{padding}")).unwrap();
    let (written, bad) = read(home.path());

    assert_eq!((written.name, bad.len()), (None, 1));
}

#[test]
fn an_argument_wins_over_the_file_and_the_file_over_the_default() {
    let written =
        Written { name: Some("Ann".into()), listen_port: Some(4), discovery: Some(true), ..Written::default() };
    let given = Given { listen: Some("127.0.0.1:0".parse().unwrap()), no_discovery: true };
    let defaults = || Defaults { name: "pc".into(), downloads: PathBuf::from("/d") };

    let resolved = resolve(given, Written::default(), written.clone(), Vec::new(), defaults());

    assert_eq!(resolved.name, Setting { value: "Ann".into(), source: Source::File });
    assert_eq!(resolved.downloads, Setting { value: "/d".into(), source: Source::Default });
    let given = Setting { value: Some("127.0.0.1:0".parse().unwrap()), source: Source::Argument };
    assert_eq!(resolved.listen, given);
    assert_eq!(resolved.discovery, Setting { value: false, source: Source::Argument });

    let resolved = resolve(Given::default(), Written::default(), written, Vec::new(), defaults());
    let listen = resolved.listen.value.unwrap();
    assert!(listen.ip().is_unspecified() && listen.port() == 4 && resolved.listen.source == Source::File);
}

#[test]
fn what_is_saved_is_read_again_and_what_is_unknown_stays() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join(FILE_NAME);
    fs::write(&path, "name = \"Old\"\nlisten_port = 4\n[later]\ncolour = \"blue\"\n").unwrap();
    let downloads = home.path().join("übung");

    let schedule = Schedule(vec![
        Rule { days: Days::parse("mon-fri").unwrap(), from: 480, to: 930, then: Then::Pause },
        Rule { days: Days::ALL, from: 0, to: 360, then: Then::Limit(Limits { down: None, up: Rate::new(1 << 20) }) },
    ]);
    let changes = [
        Change::Name(Some("Neu \"7\"".into())),
        Change::Downloads(Some(downloads.clone())),
        Change::ListenPort(None),
        Change::Discovery(Some(false)),
        Change::Theme(Some(Theme::Dark)),
        Change::WindowSize(Some([1024.5, 768.0])),
        Change::Welcomed(Some(true)),
        Change::Limits(Limits { down: Rate::new(65_536), up: None }),
        Change::Schedule(schedule.clone()),
        Change::ActiveDownloads(Some(3)),
        Change::SeedUntil(Some(SeedUntil::Ratio(1_500))),
        Change::StopSeedingWhenClosed(Some(true)),
    ];
    save(home.path(), &changes).unwrap();

    let (written, bad) = read(home.path());
    assert_eq!(bad, []);
    let expected = Written {
        name: Some("Neu \"7\"".into()),
        downloads: Some(downloads),
        listen_port: None,
        discovery: Some(false),
        theme: Some(Theme::Dark),
        window_size: Some([1024.5, 768.0]),
        welcomed: Some(true),
        limit_down: Rate::new(65_536),
        limit_up: None,
        schedule: Some(schedule),
        active_downloads: Some(3),
        seed_until: Some(SeedUntil::Ratio(1_500)),
        stop_seeding_when_closed: Some(true),
    };
    assert_eq!(written, expected);
    assert!(fs::read_to_string(&path).unwrap().contains("colour = \"blue\""));
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 1, "no draft stays behind");
}

#[test]
fn a_value_that_would_not_be_read_again_is_not_saved() {
    let home = tempfile::tempdir().unwrap();

    let error = save(home.path(), &[Change::Name(Some("  ".into()))]).unwrap_err();

    assert!(matches!(error, SaveError::Bad(_)), "{error}");
    assert!(!home.path().join(FILE_NAME).exists());
}

#[test]
fn a_file_that_is_not_toml_is_never_overwritten() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join(FILE_NAME);
    fs::write(&path, "not toml at all").unwrap();

    let error = save(home.path(), &[Change::Theme(None)]).unwrap_err();

    assert!(matches!(error, SaveError::NotToml { .. }), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "not toml at all");
}

#[test]
fn limits_schedules_and_rules_that_make_no_sense_are_named_and_not_used() {
    let text = "limit_down = 100\nlimit_up = \"fast\"\nactive_downloads = 0\nseed_until = \"ratio:0\"\n\
                stop_seeding_when_closed = 1\n[[schedule]]\nfrom = \"25:00\"\nto = \"08:00\"\n";

    let (written, bad) = parse(text);

    assert_eq!(written, Written::default());
    let keys: Vec<_> = bad.iter().map(|bad| bad.key.as_str()).collect();
    let expected = ["limit_down", "limit_up", "schedule", "active_downloads", "seed_until", "stop_seeding_when_closed"];
    assert_eq!(keys, expected);
    assert!(bad[0].reason.contains("at least 4096"), "{}", bad[0].reason);
}

#[test]
fn what_the_policy_says_holds_whatever_is_written_or_given_and_says_where_it_comes_from() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("policy.toml");
    fs::write(&path, "discovery = true\nlimit_down = 100000\nlimit_up = 100000\nactive_downloads = 2\nname = 7\n")
        .unwrap();
    let (policy, bad) = read_policy(&path);
    assert_eq!(bad.len(), 1);
    assert!(bad[0].to_string().starts_with(&format!("\"name\" in {}", path.display())), "{}", bad[0]);
    let written = Written {
        limit_down: Rate::new(50_000),
        limit_up: Rate::new(200_000),
        active_downloads: Some(9),
        ..Written::default()
    };
    let given = Given { no_discovery: true, ..Given::default() };

    let defaults = Defaults { name: "pc".into(), downloads: PathBuf::from("/downloads") };
    let resolved = resolve(given, policy, written, bad, defaults);

    assert_eq!(resolved.discovery, Setting { value: true, source: Source::Policy });
    assert_eq!(resolved.limit_down, Setting { value: Rate::new(50_000), source: Source::File });
    assert_eq!(resolved.limit_up, Setting { value: Rate::new(100_000), source: Source::Policy });
    assert_eq!(resolved.active_downloads, Setting { value: 2, source: Source::Policy });
    assert_eq!(resolved.fixed_limits, Limits { down: Rate::new(100_000), up: Rate::new(100_000) });
}

#[test]
fn changes_that_are_saved_at_the_same_moment_are_all_kept() {
    let home = tempfile::tempdir().unwrap();
    let changes = [
        Change::Name(Some("Ann".into())),
        Change::Welcomed(Some(true)),
        Change::Theme(Some(Theme::Dark)),
        Change::ActiveDownloads(Some(3)),
        Change::StopSeedingWhenClosed(Some(true)),
        Change::Discovery(Some(false)),
    ];

    for _ in 0..8 {
        let _ = fs::remove_file(home.path().join(FILE_NAME));
        let start = std::sync::Barrier::new(changes.len());
        std::thread::scope(|threads| {
            for change in &changes {
                threads.spawn(|| {
                    start.wait();
                    save(home.path(), std::slice::from_ref(change)).unwrap();
                });
            }
        });

        let (written, bad) = read(home.path());
        assert!(bad.is_empty(), "{bad:?}");
        let expected = Written {
            name: Some("Ann".into()),
            welcomed: Some(true),
            theme: Some(Theme::Dark),
            active_downloads: Some(3),
            stop_seeding_when_closed: Some(true),
            discovery: Some(false),
            ..Written::default()
        };
        assert_eq!(written, expected);
    }
}
