//! What a person asks for, what the engine hears of it, and how it ends.

use std::{fs, sync::Arc};

use handout::{
    engine::{
        command::{Command, Recipients, Unreadable},
        snapshot::{Done, ImportRow, TransferState},
        trouble::TroubleKind,
    },
    traffic::Class,
};
use serde_json::json;

use super::stage::{Stage, done, empty, failed, my_share, peer, peer_id, share, share_id, show, transfer};

fn shared() -> Done {
    Done::Shared {
        share: share_id(5),
        link: "handout://link".into(),
        title: "Lesson".into(),
        size: 42,
        files: 2,
        left_out: vec![("/x/locked".into(), "no permission".into())],
    }
}

#[test]
fn share_prints_the_link_alone_and_hands_over_absolute_paths() {
    let stage = Stage::new(empty(), |command, picture| {
        if let Command::Share { token, .. } = command {
            let row = ImportRow { token: *token, title: "Lesson".into(), done_bytes: 1, size: 42, files: 2 };
            picture.imports.push(Arc::new(row));
            done(picture, *token, shared());
        }
    });
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a file.pdf"), "x").unwrap();
    let mut command = super::program::handout();
    command.current_dir(folder.path()).arg("--home").arg(stage.home.path());

    let child = command
        .args(["share", "a file.pdf", "--title", "Lesson", "--leave-out", "--class", "background"])
        .spawn()
        .unwrap();
    let ran = super::program::finish(child);

    assert_eq!((ran.code(), ran.stdout.as_str()), (Some(0), "handout://link\n"));
    assert!(ran.stderr.contains("Left out: /x/locked: no permission"), "{ran:?}");
    let asked = stage.asked();
    let Command::Share { paths, title, audience, unreadable, class, .. } = &asked[0] else { panic!("{asked:?}") };
    assert_eq!(*class, Class::Background);
    let path = folder.path().canonicalize().unwrap().join("a file.pdf");
    assert_eq!(paths.iter().map(|path| path.canonicalize().unwrap()).collect::<Vec<_>>(), [path]);
    assert_eq!(
        (title.as_deref(), audience, *unreadable),
        (Some("Lesson"), &Recipients::Everyone, Unreadable::LeaveOut)
    );
}

#[test]
fn share_in_json_has_the_stable_fields() {
    let stage = Stage::new(empty(), |command, picture| {
        if let Command::Share { token, .. } = command {
            done(picture, *token, shared());
        }
    });

    let ran = stage.run(&["share", "/", "--json", "--quiet"]);

    assert_eq!((ran.code(), ran.stderr.as_str()), (Some(0), ""));
    let expected = json!({
        "id": share_id(5).to_string(), "link": "handout://link", "title": "Lesson", "size": 42, "files": 2,
        "left_out": [{"path": "/x/locked", "reason": "no permission"}],
    });
    assert_eq!(ran.json(), expected);
}

#[test]
fn recipients_are_everyone_the_link_or_computers_that_can_be_told_apart() {
    let mut picture = empty();
    picture.peers = vec![peer(8, "Ann's PC"), peer(9, "PC"), peer(10, "PC")];
    let stage = Stage::new(picture, |command, picture| {
        if let Command::Share { token, .. } = command {
            done(picture, *token, shared());
        }
    });
    let audience = |args: &[&str]| {
        let ran = stage.run(&[&["share", "/"], args].concat());
        assert_eq!(ran.code(), Some(0), "{args:?} {ran:?}");
        let Some(Command::Share { audience, .. }) = stage.asked().pop() else { panic!("nothing was shared") };
        audience
    };

    assert_eq!(audience(&["--for", "everyone"]), Recipients::Everyone);
    assert_eq!(audience(&["--for", "link"]), Recipients::Link);
    let (full, start) = (peer_id(10).to_string(), peer_id(9).short());
    let three = audience(&["--for", "Ann's PC", "--for", &start, "--for", &full]);
    assert_eq!(three, Recipients::Peers([8, 9, 10].map(peer_id).into()));

    let before = stage.asked().len();
    let ambiguous = stage.run(&["share", "/", "--for", "PC"]);
    assert_eq!(ambiguous.code(), Some(2));
    assert!(
        ambiguous.stderr.contains("More than one computer is meant") && ambiguous.stderr.contains(&start),
        "{ambiguous:?}"
    );
    assert_eq!(stage.run(&["share", "/", "--for", "everyone", "--for", "PC"]).code(), Some(2));
    let unknown = stage.run(&["share", "/", "--for", "Nobody"]);
    assert_eq!(unknown.code(), Some(3));
    assert!(unknown.stderr.contains("handout peers"), "{unknown:?}");
    assert_eq!(stage.asked().len(), before, "nothing is shared with the wrong ones");
}

#[test]
fn a_path_that_is_not_there_is_named_and_nothing_is_asked() {
    let stage = Stage::new(empty(), |_, _| {});

    let ran = stage.run(&["share", "/", "/no/such/file"]);

    assert_eq!(ran.code(), Some(1));
    assert!(ran.stderr.contains("/no/such/file"), "{ran:?}");
    assert_eq!(stage.asked(), []);
}

#[test]
fn get_ends_with_0_only_when_the_engine_says_that_all_is_complete() {
    let stage = Stage::new(empty(), |command, picture| {
        if let Command::Fetch { token, share, .. } = command {
            show(picture, transfer(5, "Lesson", TransferState::Fetching));
            done(picture, *token, Done::Fetched { share: *share, places: vec!["/got/a.pdf".into(), "/got/b".into()] });
        }
    });
    let link = format!("handout://{}?at=10.0.0.7:4455", share_id(5));

    let ran = stage.run(&["get", &link, "--into", "/got", "--peer", "127.0.0.1:9"]);

    assert_eq!((ran.code(), ran.stdout.as_str()), (Some(0), "/got/a.pdf\n/got/b\n"));
    assert!(ran.stderr.contains("300 B of it (2 whole files) was here already and was not fetched."), "{}", ran.stderr);
    let asked = stage.asked();
    let [Command::Fetch { share, into, hints, .. }] = asked.as_slice() else { panic!("{asked:?}") };
    assert_eq!((*share, into.as_deref()), (share_id(5), Some("/got".as_ref())));
    assert_eq!(*hints, ["127.0.0.1:9".parse().unwrap(), "10.0.0.7:4455".parse().unwrap()]);

    let ran = stage.run(&["get", &link, "--json", "--quiet"]);
    let expected = json!({"id": share_id(5).to_string(), "title": "Lesson", "size": 1_000, "places": ["/got/a.pdf", "/got/b"],
            "reused_files": 2, "reused_bytes": 300});
    assert_eq!((ran.code(), ran.json(), ran.stderr.as_str()), (Some(0), expected, ""));
}

#[test]
fn get_that_finds_nobody_says_who_was_asked_takes_back_its_wish_and_ends_with_3() {
    let mut picture = empty();
    picture.peers.push(peer(8, "Ann's PC"));
    let stage = Stage::new(picture, |command, picture| match command {
        Command::Fetch { .. } => show(picture, transfer_without_sources()),
        Command::Cancel { .. } => picture.transfers.clear(),
        _ => {}
    });

    let id = share_id(5).to_string();
    let ran = stage.run(&["get", &id, "--timeout", "1", "--peer", "127.0.0.1:9"]);

    assert_eq!(ran.code(), Some(3), "{ran:?}");
    assert!(ran.stderr.contains(&id) && ran.stderr.contains("Asked: Ann's PC, 127.0.0.1:9 (no answer)"), "{ran:?}");
    assert_eq!(stage.asked().last(), Some(&Command::Cancel { share: share_id(5) }));
}

#[test]
fn get_leaves_a_transfer_that_was_looking_before_to_go_on_looking() {
    let mut picture = empty();
    picture.transfers.push(transfer_without_sources());
    let stage = Stage::new(picture, |_, _| {});

    let ran = stage.run(&["get", &share_id(5).to_string(), "--timeout", "0"]);

    assert_eq!(ran.code(), Some(3));
    assert!(ran.stderr.contains("No other computer was found"), "{ran:?}");
    assert!(!stage.asked().iter().any(|command| matches!(command, Command::Cancel { .. })));
}

#[test]
fn each_kind_of_trouble_ends_with_its_exit_code_and_its_three_parts() {
    let codes = [
        (TroubleKind::Disk, 1),
        (TroubleKind::Source, 1),
        (TroubleKind::Local, 1),
        (TroubleKind::Nobody, 3),
        (TroubleKind::Refused, 4),
        (TroubleKind::WrongContent, 5),
        (TroubleKind::BadPeer, 5),
    ];
    for (kind, code) in codes {
        let stage = Stage::new(empty(), move |command, picture| {
            if let Command::Fetch { token, .. } = command {
                failed(picture, *token, kind);
            }
        });
        let ran = stage.run(&["get", &share_id(5).to_string()]);
        assert_eq!(ran.code(), Some(code), "{kind:?}");
        assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", "handout: It broke: Video\n  Mend it.\n"));
    }
}

#[test]
fn what_is_no_link_and_no_known_title_is_not_found() {
    let stage = Stage::new(empty(), |_, _| {});

    let ran = stage.run(&["get", "handout://nonsense", "--timeout", "0"]);

    assert_eq!(ran.code(), Some(3));
    assert!(ran.stderr.contains("handout://nonsense"), "{ran:?}");
    assert_eq!(stage.asked(), []);
}

#[test]
fn a_share_is_meant_by_its_beginning_its_link_or_its_title() {
    let mut picture = empty();
    picture.transfers.push(transfer(5, "Video", TransferState::Fetching));
    let stage = Stage::new(picture, |command, picture| match command {
        Command::Pause { .. } => show(picture, transfer(5, "Video", TransferState::Paused)),
        Command::Resume { .. } => show(picture, transfer(5, "Video", TransferState::Fetching)),
        _ => {}
    });
    let (start, link) = (share_id(5).short(), format!("handout://{}", share_id(5)));

    for name in [start.as_str(), link.as_str(), "Video"] {
        for (command, change) in [("pause", "paused"), ("resume", "resumed")] {
            let ran = stage.run(&[command, name, "--json"]);
            let expected = json!({"id": share_id(5).to_string(), "title": "Video", "change": change});
            assert_eq!((ran.code(), ran.json()), (Some(0), expected));
        }
    }
    assert_eq!(stage.asked().len(), 6);
    assert_eq!(stage.run(&["pause", "Vid"]).code(), Some(3));
    assert_eq!(stage.run(&["pause", &start[..3]]).code(), Some(3));
}

#[test]
fn cancel_and_unshare_end_when_it_is_so() {
    let mut picture = empty();
    picture.transfers.push(transfer(5, "Video", TransferState::Fetching));
    picture.shares = vec![share(5, "Video"), my_share(6, "Mine")];
    let stage = Stage::new(picture, |command, picture| match command {
        Command::Cancel { .. } => picture.transfers.clear(),
        Command::Unshare { .. } => picture.shares.retain(|row| !row.mine),
        _ => {}
    });

    assert_eq!(stage.run(&["cancel", "Video"]).code(), Some(0));
    let ran = stage.run(&["unshare", "Mine"]);
    assert_eq!((ran.code(), ran.stderr.as_str()), (Some(0), "Mine is not given out any more; its files stay.\n"));
    assert_eq!(stage.asked(), [Command::Cancel { share: share_id(5) }, Command::Unshare { share: share_id(6) }]);
}

#[test]
fn a_change_that_makes_no_sense_is_refused_with_what_to_do_instead() {
    let mut picture = empty();
    picture.transfers.push(transfer(5, "Video", TransferState::Seeding));
    picture.shares.push(share(6, "Theirs"));
    let stage = Stage::new(picture, |_, _| {});

    let ran = stage.run(&["cancel", "Video"]);
    assert_eq!(ran.code(), Some(1));
    assert!(ran.stderr.contains("complete already") && ran.stderr.contains("handout unshare"), "{ran:?}");
    assert_eq!(stage.run(&["pause", "Theirs"]).code(), Some(1));
    assert_eq!(stage.run(&["unshare", "Theirs"]).code(), Some(1));
    assert_eq!(stage.asked(), []);
}

#[test]
fn verify_ends_with_5_when_a_piece_is_wrong() {
    let mut picture = empty();
    picture.shares.push(my_share(6, "Mine"));
    let mut wrong = 1;
    let stage = Stage::new(picture, move |command, picture| {
        if let Command::Verify { token, share } = command {
            done(picture, *token, Done::Verified { share: *share, wrong, pieces: 3 });
            wrong = 0;
        }
    });

    let bad = stage.run(&["verify", "Mine", "--json"]);
    assert_eq!((bad.code(), bad.json()["wrong"].clone()), (Some(5), json!(1)));
    assert!(bad.stderr.contains("Mine, 1 of 3 pieces"), "{bad:?}");

    let good = stage.run(&["verify", "Mine"]);
    assert_eq!((good.code(), good.stderr.as_str()), (Some(0), "Mine: every byte is right.\n"));
}

#[test]
fn peers_given_with_a_list_become_known_to_the_running_handout() {
    let stage = Stage::new(empty(), |_, _| {});

    stage.run(&["peers", "--peer", "pc-7:4455", "--peer", "10.0.0.1:1"]);

    let addresses = ["pc-7:4455", "10.0.0.1:1"].map(|address| Command::AddPeer { address: address.into() });
    assert_eq!(stage.asked(), addresses);
}

#[test]
fn a_reading_that_nobody_waits_for_any_more_is_stopped() {
    let stage = Stage::new(empty(), |command, picture| {
        if let Command::Share { token, .. } = command {
            let row = ImportRow { token: *token, title: "Lesson".into(), done_bytes: 1, size: 42, files: 2 };
            picture.imports.push(Arc::new(row));
        }
    });
    let mut child = super::program::handout();
    let child = child.arg("--home").arg(stage.home.path()).args(["share", "/"]).spawn().unwrap();
    wait_until(|| stage.asked().len() == 1);

    rustix::process::kill_process(rustix::process::Pid::from_child(&child), rustix::process::Signal::INT).unwrap();
    let ran = super::program::finish(child);

    assert_eq!(ran.code(), Some(1));
    wait_until(|| stage.asked().len() == 2);
    let asked = stage.asked();
    let [Command::Share { token, .. }, Command::CancelImport { token: cancelled }] = asked.as_slice() else {
        panic!("{asked:?}")
    };
    assert_eq!(token, cancelled);
}

/// Waits for what another thread does; a minute means that it does not.
fn wait_until(is_so: impl Fn() -> bool) {
    for _ in 0..6_000 {
        if is_so() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("it did not happen");
}

fn transfer_without_sources() -> Arc<handout::engine::snapshot::TransferRow> {
    let mut row = transfer(5, "Video", TransferState::Looking);
    Arc::make_mut(&mut row).sources = 0;
    row
}
