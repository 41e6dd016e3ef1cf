//! A second start for a home where Handout is running already.

use std::{
    fs,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use handout::{
    control::ShowWindow,
    engine::{
        command::{Command, Recipients},
        snapshot::Done,
    },
};

use super::{
    program::{finish, handout},
    stage::{Stage, done, empty, share_id},
};

#[test]
fn paths_go_to_the_window_that_is_open_and_the_second_start_ends_with_0() {
    let shown = Arc::new(Mutex::new(Vec::new()));
    let stage = Stage::with_window(empty(), Some(window(&shown)), |_, _| {});
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("share"), "x").unwrap();
    let mut command = handout();
    command.current_dir(folder.path()).arg("--home").arg(stage.home.path());

    let ran = finish(command.arg("./share").spawn().unwrap());

    assert_eq!((ran.code(), ran.stdout.as_str(), ran.stderr.as_str()), (Some(0), "", ""));
    let taken = shown.lock().unwrap().concat();
    assert_eq!(taken.len(), 1);
    assert!(taken[0].is_absolute() && taken[0].canonicalize().unwrap().ends_with("share"));
    assert_eq!(stage.asked(), [], "the window shares them, not the one who brought them");
}

#[test]
fn a_start_without_paths_raises_the_window() {
    let shown = Arc::new(Mutex::new(Vec::new()));
    let stage = Stage::with_window(empty(), Some(window(&shown)), |_, _| {});

    let ran = stage.run(&[]);

    assert_eq!((ran.code(), ran.stderr.as_str()), (Some(0), ""));
    assert_eq!(*shown.lock().unwrap(), [Vec::<PathBuf>::new()]);
}

#[test]
fn a_handout_without_a_window_shares_the_paths_and_prints_the_link() {
    let stage = Stage::new(empty(), |command, picture| {
        if let Command::Share { token, .. } = command {
            let (link, title) = ("handout://link".into(), "x".into());
            done(
                picture,
                *token,
                Done::Shared { share: share_id(5), link, title, size: 1, files: 1, left_out: vec![] },
            );
        }
    });

    let ran = stage.run(&["/"]);

    assert_eq!((ran.code(), ran.stdout.as_str()), (Some(0), "handout://link\n"));
    let asked = stage.asked();
    let [Command::Share { paths, audience, .. }] = asked.as_slice() else { panic!("{asked:?}") };
    assert_eq!((paths.as_slice(), audience), ([PathBuf::from("/")].as_slice(), &Recipients::Everyone));
}

#[test]
fn a_handout_without_a_window_says_so_and_names_its_process() {
    let stage = Stage::new(empty(), |_, _| {});

    let ran = stage.run(&[]);

    assert_eq!(ran.code(), Some(1));
    assert!(ran.stderr.contains("without a window") && ran.stderr.contains(&std::process::id().to_string()), "{ran:?}");
}

#[test]
fn a_second_daemon_says_that_one_is_running() {
    let stage = Stage::new(empty(), |_, _| {});

    let ran = stage.run(&["daemon"]);

    assert_eq!((ran.code(), ran.stdout.as_str()), (Some(1), ""));
    assert!(ran.stderr.contains("already running") && ran.stderr.contains("--home"), "{ran:?}");
}

#[test]
fn an_address_for_an_engine_that_runs_already_is_said_to_change_nothing() {
    let stage = Stage::new(empty(), |_, _| {});

    let ran = stage.run(&["status", "--listen", "127.0.0.1:0"]);

    assert_eq!(ran.code(), Some(0));
    assert!(ran.stderr.contains("--listen"), "{ran:?}");
}

fn window(shown: &Arc<Mutex<Vec<Vec<PathBuf>>>>) -> ShowWindow {
    let shown = shown.clone();
    Arc::new(move |paths| {
        shown.lock().unwrap().push(paths);
        true
    })
}
