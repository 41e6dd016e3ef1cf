//! What is there, for scripts and for people.

use std::{
    io::{BufRead, BufReader, Read},
    process::Stdio,
    sync::Arc,
};

use handout::engine::{
    snapshot::{Here, Snapshot, TransferState},
    trouble::TroubleKind,
};
use serde_json::json;

use super::{
    program::{finish, handout},
    stage::{Stage, empty, my_share, peer, peer_id, share, share_id, transfer, trouble},
};

#[test]
fn shares_in_json_have_the_stable_fields() {
    let mut picture = empty();
    picture.shares.push(share(2, "Worksheet.pdf"));
    picture.shares.push(my_share(3, "Mine"));
    let stage = Stage::new(picture, |_, _| {});

    let ran = stage.run(&["shares", "--json"]);

    assert_eq!((ran.code(), ran.stderr.as_str()), (Some(0), ""));
    let expected = json!({
        "id": share_id(2).to_string(), "title": "Worksheet.pdf", "kind": "file", "size": 1_234_567, "files": 1,
        "publisher": peer_id(7).to_string(), "publisher_name": "Ms Kaya", "mine": false, "seeds": 3, "leeches": 2,
        "state": "available", "created": "2026-01-02T03:04:05Z", "link": format!("handout://{}", share_id(2)),
        "recipients": null, "kept_by_server": null, "at": "3 computers", "route": [], "file": null, "places": [],
        "trouble": null,
    });
    let rows = ran.json();
    assert_eq!(rows[0], expected);
    assert_eq!((&rows[1]["mine"], &rows[1]["state"]), (&json!(true), &json!("here")));
    assert_eq!((&rows[1]["recipients"], &rows[1]["places"]), (&json!(["everyone"]), &json!(["/files/it"])));
}

#[test]
fn peers_in_json_have_the_stable_fields() {
    let mut picture = empty();
    picture.peers.push(peer(9, "Ann's PC"));
    let stage = Stage::new(picture, |_, _| {});

    let ran = stage.run(&["peers", "--json"]);

    let expected = json!([{
        "id": peer_id(9).to_string(), "name": "Ann's PC", "addresses": ["10.0.0.7:4455", "[fe80::7]:4455"],
        "role": "peer", "via": "mdns", "last_seen": "2026-01-02T03:04:05Z", "shares": 2, "trouble": null,
    }]);
    assert_eq!((ran.code(), ran.json()), (Some(0), expected));
}

#[test]
fn transfers_in_json_have_the_stable_fields() {
    let mut row = transfer(2, "Video", TransferState::Waiting);
    Arc::make_mut(&mut row).trouble = Some(trouble(TroubleKind::Disk));
    let stage = Stage::new(Snapshot { transfers: vec![row], ..empty() }, |_, _| {});

    let ran = stage.run(&["transfers", "--json"]);

    let expected = json!([{
        "share": share_id(2).to_string(), "title": "Video", "state": "waiting", "done_bytes": 640, "size": 1_000,
        "reused_files": 2, "reused_bytes": 300,
        "full_size": 1_000, "files": 1, "files_wanted": 1, "queue": null, "priority": "normal", "order": "rarest",
        "class": "foreground", "limit_down": null, "limit_up": null, "seed_until": null, "given_in_all": 99,
        "reason": { "code": "full_speed", "what": "It goes as fast as this computer's network can.", "hint": "" },
        "rate": 2_500_000, "rate_up": 1_000, "given_bytes": 77, "eta": 12, "sources": 3, "seeds": 2, "leeches": 1,
        "mine": false, "into": "/downloads", "places": [],
        "trouble": {
            "kind": "disk", "what": "It broke", "about": "Video", "hint": "Mend it.", "since": "2026-01-02T03:04:05Z",
        },
    }]);
    assert_eq!((ran.code(), ran.json()), (Some(0), expected));
}

#[test]
fn status_in_json_has_the_stable_fields_and_the_port_in_use() {
    let stage = Stage::new(empty(), |_, _| {});

    let status = stage.run(&["status", "--json"]).json();

    let expected = json!({
        "id": peer_id(1).to_string(), "name": "Lab 1", "listen": "127.0.0.1:4455", "addresses": ["127.0.0.1:4455"],
        "port": 4455, "version": "9.9.9", "home": "/home/of/handout", "downloads": "/downloads", "discovery": true,
        "running": true, "window": false, "pid": std::process::id(), "peers": 0, "shares": 0, "transfers": 0,
        "rate": 0, "rate_up": 0, "troubles": [], "managed": null,
    });
    assert_eq!(status, expected);
}

#[test]
fn tables_line_up_and_show_what_a_person_asks_for() {
    let mut picture = empty();
    picture.shares = vec![share(2, "Worksheet.pdf"), my_share(3, "Mine")];
    picture.peers = vec![peer(9, "Ann's PC")];
    picture.transfers = vec![transfer(2, "Worksheet.pdf", TransferState::Fetching)];
    let stage = Stage::new(picture, |_, _| {});

    let shares = stage.run(&["shares"]).stdout;
    let (two, three) = (share_id(2).short(), share_id(3).short());
    let expected = format!(
        "ID        TITLE            SIZE  FILES  FROM     HAVE IT  HERE\n\
         {two}  Worksheet.pdf  1.2 MB      1  Ms Kaya        3\n\
         {three}  Mine           1.2 MB      1  me             4  yes\n"
    );
    assert_eq!(shares, expected);

    let transfers = stage.run(&["transfers"]).stdout;
    let row = format!("{two}  Worksheet.pdf  fetching  64 %  1.0 KB  2.5 MB/s  1.0 KB/s  12 s     3");
    assert_eq!(transfers.lines().nth(1), Some(row.as_str()));

    let peers = stage.run(&["peers"]).stdout;
    assert!(peers.lines().nth(1).unwrap().contains("Ann's PC  10.0.0.7:4455 +1       2  itself"), "{peers}");

    let status = stage.run(&["status"]).stdout;
    assert!(status.contains("Name          Lab 1\n") && status.contains("Answers at    127.0.0.1:4455\n"), "{status}");
}

#[test]
fn empty_lists_say_what_to_do_next() {
    let stage = Stage::new(empty(), |_, _| {});

    assert!(stage.run(&["shares"]).stdout.contains("handout share PATH"));
    assert!(stage.run(&["transfers"]).stdout.contains("handout get LINK"));
    assert!(stage.run(&["peers"]).stdout.contains("--peer HOST:PORT"));
    for list in ["shares", "peers", "transfers"] {
        assert_eq!(stage.run(&[list, "--json"]).stdout, "[]\n");
    }
}

#[test]
fn a_hostile_title_can_t_steer_the_terminal() {
    let picture = Snapshot { shares: vec![share(2, "x\u{1b}[2J\n\u{202e}fdp")], ..empty() };
    let stage = Stage::new(picture, |_, _| {});

    let ran = stage.run(&["shares"]);

    assert!(!ran.stdout.contains(['\u{1b}', '\u{202e}']), "{ran:?}");
    assert_eq!(ran.stdout.lines().count(), 2);
}

#[test]
fn search_needs_every_word_and_finding_nothing_ends_with_3() {
    let mut here = share(4, "Maths Worksheet");
    Arc::make_mut(&mut here).here = Here::Complete { places: vec!["/x".into()] };
    let picture = Snapshot { shares: vec![share(2, "Worksheet 4.pdf"), share(3, "Video"), here], ..empty() };
    let stage = Stage::new(picture, |_, _| {});

    let found = stage.run(&["search", "WORKSHEET", "kaya", "4", "--json"]);
    let titles: Vec<_> = found.json().as_array().unwrap().iter().map(|row| row["title"].clone()).collect();
    assert_eq!((found.code(), titles), (Some(0), vec![json!("Worksheet 4.pdf")]));

    let nothing = stage.run(&["search", "worksheet", "physics", "--json"]);
    assert_eq!((nothing.code(), nothing.stdout.as_str()), (Some(3), "[]\n"));
    assert!(nothing.stderr.contains("Nothing was found"), "{nothing:?}");
}

#[test]
fn a_list_is_cut_off_quietly_when_its_reader_goes_away() {
    let shares = (0..200).flat_map(|byte| [share(byte, &"long title ".repeat(100))]).collect();
    let stage = Stage::new(Snapshot { shares, ..empty() }, |_, _| {});
    let mut child =
        handout().arg("--home").arg(stage.home.path()).arg("shares").stdout(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    let mut reader = BufReader::with_capacity(64, child.stdout.take().unwrap());
    reader.read_line(&mut first).unwrap();
    drop(reader);

    let ran = finish(child);

    assert!(first.starts_with("ID"));
    assert_eq!((ran.code(), ran.stderr.as_str()), (Some(0), ""));
}

#[test]
fn a_long_list_arrives_whole() {
    let title = "t".repeat(1_000);
    let shares = (0..=255).map(|byte| share(byte, &title)).collect();
    let stage = Stage::new(Snapshot { shares, ..empty() }, |_, _| {});
    let mut child = handout().arg("--home").arg(stage.home.path()).args(["shares", "--json"]).spawn().unwrap();

    let mut text = String::new();
    child.stdout.take().unwrap().read_to_string(&mut text).unwrap();

    assert_eq!(finish(child).code(), Some(0));
    assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap().as_array().unwrap().len(), 256);
}
