//! What is answered as done is on the disk; what is not yet says so, and is written down by itself when that is possible.

use std::fs;

use serde_json::json;

use super::main_job::{Home, end, wait_until};

#[test]
fn a_share_that_can_not_be_written_down_is_no_success_and_lasts_when_there_is_room() {
    let ann = Home::new();
    let file = ann.file("lesson.bin", 100_000);
    let runs = ann.daemon(&[]);
    assert_eq!(ann.run(&["peers"]).code(), Some(0));
    // Nothing can be made in the folder for notes, as on a full disk.
    let (state, away) = (ann.home().join("state"), ann.home().join("state.away"));
    fs::rename(&state, &away).unwrap();

    let ran = ann.run(&["share", file.to_str().unwrap()]);

    assert_eq!((ran.code(), ran.stdout.as_str()), (Some(1), ""), "{ran:?}");
    assert!(ran.stderr.contains("holds only until Handout is closed"), "{ran:?}");
    fs::rename(&away, &state).unwrap();
    let is_written =
        || fs::read_dir(&state).unwrap().flatten().any(|entry| entry.path().extension() == Some("share".as_ref()));
    wait_until("it is written down", is_written);
    assert_eq!(ann.run(&["unshare", "lesson.bin"]).code(), Some(0));
    assert_eq!(ann.run(&["share", file.to_str().unwrap()]).code(), Some(0));
    end(runs);
    let _runs = ann.daemon(&[]);
    wait_until("it is there again", || ann.json(&["shares"]) != json!([]));
}

#[test]
fn a_limit_that_can_not_be_saved_is_no_success_and_is_saved_when_that_is_possible() {
    let ann = Home::new();
    let _runs = ann.daemon(&[]);
    assert_eq!(ann.run(&["limit", "--down", "1M"]).code(), Some(0));
    let settings = ann.home().join("settings.toml");
    let before = fs::read(&settings).unwrap();
    fs::remove_file(&settings).unwrap();
    fs::create_dir(&settings).unwrap();

    let ran = ann.run(&["limit", "--down", "2M"]);

    assert_eq!(ran.code(), Some(1), "{ran:?}");
    assert!(ran.stderr.contains("holds only until Handout is closed"), "{ran:?}");
    fs::remove_dir(&settings).unwrap();
    fs::write(&settings, before).unwrap();
    let saved = fs::read(&settings).unwrap();
    wait_until("it is saved", || fs::read(&settings).unwrap() != saved);
}
