//! What the program says before anything runs.

use std::{fs, process::Stdio};

use super::program::{finish, handout, run, run_at};

#[test]
fn wrong_usage_ends_with_2_and_says_what_is_wrong() {
    let temp = tempfile::tempdir().unwrap();
    for args in [
        &["share"][..],
        &["get"],
        &["get", "x", "--peer", "no-port"],
        &["get", "x", "--timeout", "soon"],
        &["pause"],
        &["pause", "a", "b"],
        &["search"],
        &["shares", "--loud"],
        &["--listen", "nowhere", "status"],
        &["completions", "tcsh"],
        &["shares", "extra"],
    ] {
        let ran = run_at(temp.path(), args);
        assert_eq!(ran.code(), Some(2), "{args:?} {ran:?}");
        assert!(ran.stdout.is_empty() && ran.stderr.contains("error"), "{args:?} {ran:?}");
    }
    assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 0, "a wrong command touches nothing");
}

#[test]
fn a_word_that_is_neither_command_nor_file_is_wrong_usage() {
    let temp = tempfile::tempdir().unwrap();
    for word in ["docter", "shaer", "./nothing-here.pdf"] {
        let ran = run_at(temp.path(), &[word]);
        assert_eq!(ran.code(), Some(2), "{ran:?}");
        assert!(ran.stderr.contains(word) && ran.stderr.contains("handout --help"), "{ran:?}");
    }
}

#[test]
fn help_names_every_command_and_option_and_nothing_that_is_not_there() {
    let ran = run(&["--help"]);

    assert_eq!(ran.code(), Some(0));
    for word in [
        "share",
        "get",
        "shares",
        "peers",
        "transfers",
        "status",
        "search",
        "pause",
        "resume",
        "cancel",
        "unshare",
        "verify",
        "daemon",
        "completions",
        "man",
        "policy",
        "doctor",
        "serve",
        "admin",
        "--json",
        "--quiet",
        "--verbose",
        "--home",
        "HANDOUT_HOME",
        "--listen",
        "--no-discovery",
        "--peer",
        "--version",
    ] {
        assert!(ran.stdout.contains(word), "{word} is not in the help");
    }
}

#[test]
fn each_command_has_its_own_help() {
    for (command, option) in [("share", "--title"), ("get", "--into"), ("shares", "--watch"), ("verify", "<ID>")] {
        let ran = run(&[command, "--help"]);
        assert_eq!(ran.code(), Some(0));
        assert!(ran.stdout.contains(option), "{}", ran.stdout);
    }
}

#[test]
fn the_version_is_the_package_s() {
    let ran = run(&["--version"]);

    assert_eq!((ran.code(), ran.stdout.trim()), (Some(0), concat!("handout ", env!("CARGO_PKG_VERSION"))));
}

#[test]
fn completions_are_a_script_for_each_shell() {
    for (shell, part) in [("bash", "_handout()"), ("zsh", "#compdef handout"), ("fish", "complete -c handout")] {
        let ran = run(&["completions", shell]);
        assert_eq!(ran.code(), Some(0));
        assert!(ran.stdout.contains(part) && ran.stdout.contains("keep-seeding"), "{shell}");
    }
}

#[test]
fn the_manual_is_one_page_with_every_command_and_the_exit_codes() {
    let ran = run(&["man"]);

    assert_eq!(ran.code(), Some(0));
    assert!(ran.stdout.contains(".TH handout 1"), "{}", &ran.stdout[..200]);
    let sections =
        ["handout share", "handout get", "handout verify", "handout daemon"].map(|name| format!(".SS \"{name}\""));
    for part in
        sections.iter().map(String::as_str).chain(["EXIT STATUS", "HANDOUT_HOME", "settings.toml", "keep\\-seeding"])
    {
        assert!(ran.stdout.contains(part), "{part} is not in the manual");
    }
}

#[test]
fn without_a_display_the_window_says_so_and_names_the_help() {
    let temp = tempfile::tempdir().unwrap();

    let ran = run_at(temp.path(), &[] as &[&str]);

    assert_eq!(ran.code(), Some(1), "{ran:?}");
    assert!(ran.stderr.contains("no display") && ran.stderr.contains("handout --help"), "{ran:?}");
}

#[test]
fn a_reader_that_goes_away_early_is_no_fault() {
    let mut child = handout().arg("man").stdout(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());

    let ran = finish(child);

    assert_eq!((ran.code(), ran.stderr.as_str()), (Some(0), ""));
}

#[test]
fn a_home_that_can_t_be_made_is_named() {
    let temp = tempfile::tempdir().unwrap();
    let file = temp.path().join("file");
    fs::write(&file, "").unwrap();

    let ran = run_at(&file.join("home"), &["status"]);

    assert_eq!(ran.code(), Some(1));
    assert!(ran.stderr.contains("file/home") && ran.stderr.contains("--home"), "{ran:?}");
}
