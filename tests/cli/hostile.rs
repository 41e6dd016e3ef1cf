//! Lines that no command line of ours would send, and sockets that others left.

use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    os::unix::{
        fs::{FileTypeExt, PermissionsExt},
        net::{UnixListener, UnixStream},
    },
    time::Duration,
};

use handout::wire::control::MAX_REQUEST_BYTES;
use serde_json::Value;

use super::stage::{Stage, empty};

#[test]
fn what_is_no_request_is_answered_with_a_failure_and_ends_nothing_else() {
    let stage = Stage::new(empty(), |_, _| {});
    let long_list =
        format!(r#"{{"version":1,"peers":{:?},"request":{{"do":"status","watch":false}}}}"#, vec!["a:1"; 65]);
    let lines: [(&[u8], &str); 9] = [
        (b"\n", "not understood"),
        (b"\xff\xfe\x00\n", "not understood"),
        (b"null\n", "not understood"),
        (br#"{"version":1,"request":{"do":"format_disk"}}"#, "not understood"),
        (br#"{"version":1,"request":{"do":"share","paths":7}}"#, "not understood"),
        (br#"{"version":99,"request":{"do":"status","watch":false}}"#, "not understood"),
        (long_list.as_bytes(), "Too many addresses"),
        (br#"{"version":1,"request":{"do":"share","paths":["../x"],"title":null,"recipients":[],"leave_out":false}}"#, "not absolute"),
        (br#"{"version":1,"request":{"do":"get","link":"x","into":"y","timeout_s":18446744073709551615}}"#, "not absolute"),
    ];
    for (line, part) in lines {
        let answer = say(&stage, line);
        assert_eq!(answer["is"], "failure", "{}", String::from_utf8_lossy(line));
        assert!(answer["what"].as_str().unwrap().contains(part), "{answer}");
    }
    assert_eq!(stage.asked(), []);
    assert_eq!(stage.run(&["status", "--json"]).code(), Some(0));
}

#[test]
fn a_line_without_end_is_cut_off_at_its_limit() {
    let stage = Stage::new(empty(), |_, _| {});
    let mut socket = connect(&stage);
    let part = vec![b'x'; 1 << 16];

    // The other side stops reading at the limit, so the writing ends there too.
    let mut sent = 0;
    while sent <= MAX_REQUEST_BYTES && socket.write_all(&part).is_ok() {
        sent += part.len();
    }

    let mut answer = String::new();
    BufReader::new(socket).read_line(&mut answer).unwrap();
    assert!(answer.contains("it is too long"), "{answer}");
    assert!(sent <= MAX_REQUEST_BYTES + (1 << 20));
}

#[test]
fn many_who_connect_and_say_nothing_keep_nobody_out_for_ever() {
    let stage = Stage::new(empty(), |_, _| {});
    let silent: Vec<_> = (0..70).map(|_| connect(&stage)).collect();

    // All places are taken until the silent ones are sent away.
    let ran = stage.run(&["status", "--json"]);

    assert_eq!(ran.code(), Some(0), "{ran:?}");
    for mut socket in silent {
        let _ = socket.read(&mut [0; 1]);
    }
}

#[test]
fn only_this_account_can_open_the_socket() {
    let stage = Stage::new(empty(), |_, _| {});

    let mode = fs::metadata(stage.socket()).unwrap().permissions().mode();

    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_socket_that_a_crash_left_is_replaced_and_one_that_ended_well_is_gone() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("control.sock");
    drop(UnixListener::bind(&path).unwrap());
    assert!(fs::metadata(&path).unwrap().file_type().is_socket(), "nobody removes it when its maker dies");

    let mut stage = Stage::at(temp, empty(), None, |_, _| {});
    assert_eq!(stage.run(&["status"]).code(), Some(0));
    stage.stop();
    assert!(!path.exists());
}

fn connect(stage: &Stage) -> UnixStream {
    let socket = UnixStream::connect(stage.socket()).unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    socket.set_write_timeout(Some(Duration::from_secs(60))).unwrap();
    socket
}

fn say(stage: &Stage, line: &[u8]) -> Value {
    let mut socket = connect(stage);
    socket.write_all(&[line.trim_ascii_end(), b"\n"].concat()).unwrap();
    let mut answer = String::new();
    BufReader::new(socket).read_line(&mut answer).unwrap();
    serde_json::from_str(&answer).unwrap()
}
