//! `--watch`: each change as it comes, until somebody ends it.

use std::{
    io::{BufRead, BufReader},
    process::Child,
    sync::Arc,
};

use handout::engine::snapshot::TransferState;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::{
    program::{finish, handout},
    stage::{Stage, empty, peer, show, transfer},
};

#[test]
fn a_watcher_gets_one_object_a_line_for_each_row_that_changes() {
    let stage = Stage::new(empty(), |_, _| {});
    stage.snapshots.send_modify(|picture| {
        show(Arc::make_mut(picture), transfer(2, "Video", TransferState::Looking));
    });
    let mut child = watch(&stage, &["transfers", "--watch", "--json"]);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || serde_json::from_str::<Value>(&lines.next().unwrap().unwrap()).unwrap();

    let first = next();
    assert_eq!((&first["state"], &first["change"]), (&"looking".into(), &"added".into()));

    stage.snapshots.send_modify(|picture| {
        show(Arc::make_mut(picture), transfer(2, "Video", TransferState::Fetching));
    });
    let second = next();
    assert_eq!((&second["state"], &second["change"]), (&"fetching".into(), &"changed".into()));
    assert_eq!(second["share"], first["share"]);

    stage.snapshots.send_modify(|picture| Arc::make_mut(picture).transfers.clear());
    assert_eq!(next()["change"], Value::from("removed"));

    interrupt(&child);
    assert_eq!(finish(child).code(), Some(0), "ending a watch is no failure");
}

#[test]
fn a_watcher_without_a_terminal_gets_the_table_again_at_each_change() {
    let stage = Stage::new(empty(), |_, _| {});
    let mut child = watch(&stage, &["peers", "--watch"]);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);

    assert!(lines.next().unwrap().starts_with("No other computer"));
    stage.snapshots.send_modify(|picture| Arc::make_mut(picture).peers.push(peer(9, "Ann's PC")));
    assert!(lines.any(|line| line.contains("Ann's PC")));

    interrupt(&child);
    finish(child);
}

#[test]
fn a_watcher_is_told_when_the_running_handout_ends() {
    let stage = Stage::new(empty(), |_, _| {});
    let mut child = watch(&stage, &["status", "--watch", "--json"]);
    let mut first = String::new();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    lines.read_line(&mut first).unwrap();

    drop(stage);
    let ran = finish(child);

    assert!(first.contains("\"name\":\"Lab 1\""));
    assert_eq!(ran.code(), Some(1));
    assert!(ran.stderr.contains("The running Handout ended"), "{ran:?}");
}

fn watch(stage: &Stage, args: &[&str]) -> Child {
    handout().arg("--home").arg(stage.home.path()).args(args).spawn().unwrap()
}

fn interrupt(child: &Child) {
    kill_process(Pid::from_child(child), Signal::INT).unwrap();
}
