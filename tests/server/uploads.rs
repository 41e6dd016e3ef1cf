//! Many uploads at once, and a server that is killed among them.

use std::{
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use super::{Browser, Server, make_key};

const UPLOADS: usize = 30;
const SIZE: usize = 1 << 20;

/// Each upload's bytes are its own.
fn content(number: usize) -> Vec<u8> {
    (0..SIZE).map(|place| (place * 31 + number * 17 + place / 251) as u8).collect()
}

/// curl, sending a file from an offset on; as slowly as a busy Wi-Fi where `slowly`.
fn send(owner: &Browser, place: &str, offset: usize, file: &std::path::Path, slowly: bool) -> Child {
    let mut command = Command::new("curl");
    command.args(["-sk", "--max-time", "60", "-X", "PATCH", "-H", "Expect:", "-H", "Tus-Resumable: 1.0.0"]);
    command.args(["-H", "Content-Type: application/offset+octet-stream", "-o", "/dev/null", "-w", "%{http_code}"]);
    command.arg("-H").arg(format!("Authorization: Bearer {}", owner.key.as_deref().unwrap()));
    command.arg("-H").arg(format!("Upload-Offset: {offset}"));
    if slowly {
        command.args(["--limit-rate", "256k"]);
    }
    command.arg("--data-binary").arg(format!("@{}", file.display()));
    command.arg(format!("{}{place}", owner.address)).stdout(Stdio::piped()).stderr(Stdio::null());
    command.spawn().unwrap()
}

fn offset(owner: &Browser, place: &str) -> usize {
    owner.ask("HEAD", place, &[]).header("upload-offset").parse().unwrap()
}

#[test]
fn thirty_uploads_at_once_go_on_after_the_server_was_killed_and_end_equal() {
    let (mut server, owner) = Server::owned();
    let key = make_key(&owner, "read write");
    let owner = owner.with_key(&key);
    let folder = tempfile::tempdir().unwrap();
    let mut uploads = vec![];
    for number in 0..UPLOADS {
        let batch = owner.begin(&format!("work {number}"), "owner");
        let place = owner.announce(&batch, &format!("work {number}.bin"), SIZE).header("location").to_owned();
        let file = folder.path().join(format!("{number}"));
        std::fs::write(&file, content(number)).unwrap();
        uploads.push((number, batch, place, file));
    }
    let mut sending: Vec<Child> =
        uploads.iter().map(|(_, _, place, file)| send(&owner, place, 0, file, true)).collect();
    // All are on their way, and none is there, when the server goes.
    let begun = Instant::now();
    let parts = server.folder.path().join("home/uploads");
    let on_their_way = || {
        let lengths = std::fs::read_dir(&parts).unwrap().map(|part| part.unwrap().metadata().unwrap().len());
        lengths.filter(|length| *length > 0).count()
    };
    while on_their_way() < UPLOADS {
        assert!(begun.elapsed() < Duration::from_secs(20), "only {} uploads began", on_their_way());
        std::thread::sleep(Duration::from_millis(20));
    }
    server.kill_and_start();
    for child in &mut sending {
        assert!(!matches!(child.wait(), Ok(status) if status.success()), "an upload was through before the kill");
    }

    let owner = server.browser("owner").with_key(&key);
    let mut goes_on = 0;
    let mut sending = vec![];
    for (number, _, place, _) in &uploads {
        let from = offset(&owner, place);
        assert!(from < SIZE, "upload {number} says that it is complete");
        goes_on += usize::from(from > 0);
        let rest = folder.path().join(format!("{number}.rest"));
        std::fs::write(&rest, &content(*number)[from..]).unwrap();
        sending.push(send(&owner, place, from, &rest, false));
    }
    assert_eq!(goes_on, UPLOADS, "what had come was kept");
    for child in sending {
        let output = child.wait_with_output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), "204");
    }
    for (number, batch, _, _) in &uploads {
        let share = owner.finish(batch);
        assert!(owner.get(&format!("/api/v1/shares/{share}/files/0")).body == content(*number), "upload {number}");
    }
}

#[test]
fn an_upload_that_is_on_its_way_when_the_server_ends_in_order_goes_on_where_it_was() {
    let (mut server, owner) = Server::owned();
    let key = make_key(&owner, "read write");
    let owner = owner.with_key(&key);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("work");
    std::fs::write(&file, content(1)).unwrap();
    let batch = owner.begin("work", "owner");
    let place = owner.announce(&batch, "work.bin", SIZE).header("location").to_owned();
    let mut sending = send(&owner, &place, 0, &file, true);
    let begun = Instant::now();
    while offset(&owner, &place) == 0 {
        assert!(begun.elapsed() < Duration::from_secs(20), "nothing came");
    }
    server.end_and_start();
    sending.wait().unwrap();
    let owner = server.browser("owner").with_key(&key);
    let from = offset(&owner, &place);
    assert!(from > 0 && from < SIZE, "{from}");
    let rest = folder.path().join("rest");
    std::fs::write(&rest, &content(1)[from..]).unwrap();
    assert_eq!(send(&owner, &place, from, &rest, false).wait_with_output().unwrap().stdout, b"204");
    let share = owner.finish(&batch);
    assert!(owner.get(&format!("/api/v1/shares/{share}/files/0")).body == content(1));
}

#[test]
fn an_upload_that_says_less_than_it_sends_or_more_than_the_disk_has_is_refused_and_what_came_stays() {
    let (_server, owner) = Server::owned();
    let batch = owner.begin("work", "owner");
    let place = owner.announce(&batch, "work.bin", 10).header("location").to_owned();
    assert_eq!(owner.patch(&place, 0, b"12345").status, 204);
    assert_eq!(owner.patch(&place, 5, b"1234567").status, 413);
    assert_eq!(offset(&owner, &place), 5, "nothing of what was too much was taken");
    let huge = owner.announce(&batch, "huge.bin", 15 << 40);
    assert_eq!((huge.status, huge.value()["code"].as_str()), (507, Some("disk-full")));
}

#[test]
fn whoever_is_still_sending_when_an_upload_is_refused_is_told_why() {
    let (_server, owner) = Server::owned();
    let batch = owner.begin("work", "owner");
    // More than what waits in sockets on the way.
    let long = content(1).repeat(16);
    let place = owner.announce(&batch, "work.bin", long.len()).header("location").to_owned();
    for _ in 0..20 {
        let refused = owner.patch(&place, 1, &long[1..]);
        assert_eq!((refused.status, refused.value()["code"].as_str()), (409, Some("conflict")));
    }
    assert_eq!(offset(&owner, &place), 0);
}

/// Announces a file as tus clients do, with further metadata.
fn announced(owner: &Browser, told: &[(&str, &str)], size: usize) -> super::Answer {
    let pairs: Vec<String> =
        told.iter().map(|(name, value)| format!("{name} {}", data_encoding::BASE64.encode(value.as_bytes()))).collect();
    let (origin, told) = (format!("Origin: {}", owner.address), format!("Upload-Metadata: {}", pairs.join(",")));
    let length = format!("Upload-Length: {size}");
    owner.ask("POST", "/tus", &["-H", &origin, "-H", "Tus-Resumable: 1.0.0", "-H", &length, "-H", &told])
}

#[test]
fn a_half_is_never_glued_to_another_file_of_the_same_name_and_size() {
    let (_server, owner) = Server::owned();
    let batch = owner.begin("Essay", "owner");
    let told = |mtime| [("batch", batch.as_str()), ("relativePath", "essay.txt"), ("mtime", mtime)];
    let first = announced(&owner, &told("1000"), 8).header("location").to_owned();
    owner.patch(&first, 0, b"aaaa");
    let same = announced(&owner, &told("1000"), 8);
    assert_eq!((same.header("location"), same.header("upload-offset")), (first.as_str(), "4"));
    assert_eq!(announced(&owner, &told("2000"), 8).status, 409, "it was changed since");
    assert_eq!(announced(&owner, &told("1000"), 9).status, 409);
    let shown = owner.get(&format!("/api/v1/uploads/{batch}")).value();
    assert_eq!((&shown["audience"], &shown["files"][0]["modified_s"]), (&"owner".into(), &1000.into()));
}

#[test]
fn a_batch_ends_when_its_sender_says_so_and_a_file_that_came_alone_with_itself() {
    let (_server, owner) = Server::owned();
    // A title that looks like the first file's name closes nothing.
    let batch = owner.begin("a.txt", "owner");
    for path in ["a.txt", "b.txt"] {
        let place = owner.announce(&batch, path, 1).header("location").to_owned();
        assert_eq!(owner.patch(&place, 0, b"x").status, 204, "{path}");
    }
    let share = owner.finish(&batch);
    assert_eq!(owner.get(&format!("/api/v1/shares/{share}")).value()["files"], 2);

    let alone = announced(&owner, &[("filename", "alone.txt")], 1).header("location").to_owned();
    owner.patch(&alone, 0, b"x");
    let begun = Instant::now();
    // It is read before it is a share.
    while owner.get("/api/v1/uploads").value() != serde_json::json!([]) {
        assert!(begun.elapsed() < Duration::from_secs(30), "nothing is unfinished");
    }
}

#[test]
fn what_was_refused_or_taken_back_leaves_nothing_that_counts() {
    let (server, owner) = Server::owned();
    let rules = [("managed_by", "School"), ("upload", "yes"), ("refused_types", "exe"), ("quota_mib", "1")];
    assert_eq!(owner.post("/admin/policy", &rules).status, 303);
    let sam = super::person(&server, "sam", "student");
    for _ in 0..3 {
        assert_eq!(announced(&sam, &[("filename", "game.exe")], 1).status, 403);
        assert_eq!(announced(&sam, &[("filename", "big.bin")], 2 << 20).status, 413);
        let place = announced(&sam, &[("filename", "a.txt")], 5).header("location").to_owned();
        let origin = format!("Origin: {}", sam.address);
        let args = ["-H", &origin, "-H", "Tus-Resumable: 1.0.0"];
        assert_eq!(sam.ask("DELETE", &place, &args).status, 204);
    }
    assert_eq!(sam.get("/api/v1/uploads").value(), serde_json::json!([]));

    let begin = serde_json::json!({ "title": "t", "audience": "owner" });
    let many: Vec<u16> = std::thread::scope(|scope| {
        let jar = std::fs::read(server.folder.path().join("sam.cookies")).unwrap();
        let sent: Vec<_> = (0..60)
            .map(|number| {
                let name = format!("sam{number}");
                std::fs::write(server.folder.path().join(format!("{name}.cookies")), &jar).unwrap();
                let (browser, begin) = (server.browser(&name), begin.clone());
                scope.spawn(move || browser.json("POST", "/api/v1/uploads", &begin).status)
            })
            .collect();
        sent.into_iter().map(|sent| sent.join().unwrap()).collect()
    });
    assert_eq!(many.iter().filter(|status| **status == 201).count(), 50, "{many:?}");
}
