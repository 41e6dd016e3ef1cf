//! A server above another, as enrolled computers of the lower one meet it.

use std::{path::Path, process::Command, time::Duration};

use super::{
    Server,
    apps::{App, policy, token},
    computer_key,
    console::soon,
    machine::is_root,
};
use crate::loopback::room::content;

/// A school's server and the lab's below it, which may ask it.
pub fn chained() -> [Server; 2] {
    chained_with(None)
}

/// `disk_mib`: the lab's server has a disk of its own, of which 8 MiB stay free; this needs root.
fn chained_with(disk_mib: Option<u32>) -> [Server; 2] {
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let ids = [0, 1].map(|which: usize| {
        let folder = folders[which].path();
        let (key, id) = computer_key(folder, "identity");
        std::fs::create_dir(folder.join("home")).unwrap();
        std::fs::copy(key, folder.join("home/identity.key")).unwrap();
        id
    });
    let [upper, lower] = folders;
    let begin = |name: &str| format!("name = '{name}'\n[metrics]\nlisten = 'off'\n");
    let below = format!("{}[[downstreams]]\nid = '{}'\n", begin("School"), ids[1]);
    std::fs::write(upper.path().join("server.toml"), below).unwrap();
    let upper = Server::start_in(upper);
    let (begin, address) = (begin("Lab"), upper.at());
    let begin = if disk_mib.is_some() { format!("{begin}[storage]\nreserve_mib = 8\n") } else { begin };
    if let Some(mib) = disk_mib {
        std::fs::write(lower.path().join("disk-mib"), mib.to_string()).unwrap();
    }
    let above = format!("{begin}[[upstreams]]\naddress = '{address}'\nid = '{}'\nname = 'School'\n", ids[0]);
    std::fs::write(lower.path().join("server.toml"), above).unwrap();
    let lower = Server::start_in(lower);
    [upper, lower]
}

/// What lies at the top of a server's folder of shares.
fn shared(server: &Server) -> Vec<String> {
    let entries = std::fs::read_dir(server.folder.path().join("home/shared")).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn an_enrolled_computer_finds_and_gets_what_only_the_server_above_its_own_has_and_sees_the_way() {
    let [school, lab] = chained();
    let (head, owner) = (school.own(), lab.own());
    policy(&owner, &[]);
    let bytes = content("lesson", 3_000_000);
    let lesson = head.upload("Cell biology.bin", "room", "Cell biology.bin", &bytes);
    let own = head.upload("Biology marks.txt", "owner", "Biology marks.txt", b"for the staff");
    let batch = head.begin("Levers", "room");
    for (path, text) in [("levers.txt", b"one"), ("pulleys.txt", b"two")] {
        let place = head.announce(&batch, path, text.len()).header("location").to_owned();
        head.patch(&place, 0, text);
    }
    let levers = head.finish(&batch);
    let ben = App::enrolled(&lab, &token(&owner, &[]));

    let search = ["search", "biology", "--json"];
    let found = ben.wait("he finds it", &search, |rows| !rows[0].is_null());
    assert_eq!(found.as_array().unwrap().len(), 1, "what is not for everyone stays above: {found}");
    assert_eq!((&found[0]["id"], &found[0]["title"]), (&lesson.clone().into(), &"Cell biology.bin".into()));
    assert_eq!(found[0]["route"], serde_json::json!(["you", "Lab", "School"]));
    let shown = ben.run(&["search", "biology"]).stdout;
    assert!(shown.contains("Cell biology.bin") && shown.contains("you → Lab → School"), "{shown}");
    assert_eq!(shared(&lab), Vec::<String>::new(), "nothing is brought before somebody wants it");

    let places = |share: &str| {
        let got = ben.json(&["get", share, "--timeout", "30"]);
        let places = got["places"].as_array().unwrap().clone();
        places.into_iter().map(|place| std::fs::read(Path::new(place.as_str().unwrap())).unwrap()).collect::<Vec<_>>()
    };
    assert!(places(&lesson) == [bytes.clone()]);
    assert_eq!(places(&levers), [b"one", b"two"]);
    let refused = ben.run(&["get", &own, "--timeout", "3"]);
    assert_eq!(refused.code(), Some(3), "{refused:?}");

    // What was brought stays at the lab's server until somebody removes it there, and then it goes whole.
    assert_eq!(shared(&lab), ["Cell biology.bin", "levers.txt", "pulleys.txt"]);
    for share in [&lesson, &levers] {
        let removed = owner.post(&format!("/s/{share}/remove"), &[("sure", "yes")]);
        assert_eq!(removed.status, 303, "{}", removed.text());
    }
    assert_eq!(shared(&lab), Vec::<String>::new());
    assert!(head.get(&format!("/api/v1/shares/{lesson}/files/0")).body == bytes, "above it stays");
}

#[test]
fn copies_of_what_is_above_make_room_for_what_is_wanted_now_and_come_again() {
    if !is_root(module_path!(), "copies_of_what_is_above_make_room_for_what_is_wanted_now_and_come_again") {
        return;
    }
    let [school, lab] = chained_with(Some(96));
    let (head, owner) = (school.own(), lab.own());
    let lesson = |number: usize| {
        let bytes = content(&format!("lesson {number}"), 24 << 20);
        let name = format!("lesson-{number}.bin");
        (head.upload(&name, "room", &name, &bytes), bytes)
    };
    let lessons: Vec<_> = (0..4).map(lesson).collect();
    let huge = head.upload("huge.bin", "room", "huge.bin", &content("huge", 100 << 20));
    let get = |number: usize| {
        let (share, bytes) = &lessons[number];
        let answer = owner.get(&format!("/api/v1/shares/{share}/files/0"));
        assert_eq!((answer.status, answer.body == *bytes), (200, true), "lesson {number}");
        // What was asked for in one second is not told apart.
        std::thread::sleep(Duration::from_millis(1_100));
    };
    let here = || {
        let of = |(share, _): &(String, Vec<u8>)| owner.get(&format!("/api/v1/shares/{share}")).value()["here"] == true;
        (0..lessons.len()).filter(|number| of(&lessons[*number])).collect::<Vec<_>>()
    };
    let is_here = |wanted: &[usize]| soon(&format!("only {wanted:?} are here"), || here() == wanted);

    get(0);
    get(1);
    get(0);
    is_here(&[0, 1]);
    get(2);
    get(3);
    is_here(&[0, 2, 3]);
    get(1);
    is_here(&[1, 2, 3]);
    let search = owner.get("/api/v1/search?q=lesson").value();
    for (share, _) in &lessons {
        assert!(search.to_string().contains(share), "what went is found as before: {search}");
    }

    // What will not fit in any case costs nothing.
    let refused = owner.get(&format!("/api/v1/shares/{huge}/files/0"));
    assert_eq!((refused.status, refused.value()["code"].as_str()), (507, Some("disk-full")), "{}", refused.text());
    is_here(&[1, 2, 3]);

    // An upload makes room, too, and never goes itself.
    let own = content("own", 30 << 20);
    let uploaded = owner.upload("Own work", "room", "own.bin", &own);
    is_here(&[1, 3]);
    get(2);
    get(0);
    is_here(&[0, 2]);
    assert!(owner.get(&format!("/api/v1/shares/{uploaded}/files/0")).body == own);

    // What somebody is getting stays, though the other one was asked for later.
    let address = format!("{}/api/v1/shares/{}/files/0", lab.address, lessons[2].0);
    let mut slow = Command::new("curl")
        .args(["-sk", "--limit-rate", "200K", "-o", "/dev/null", "-b"])
        .arg(&owner.jar)
        .arg(address)
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(1_500));
    get(0);
    get(1);
    is_here(&[1, 2]);
    assert!(slow.try_wait().unwrap().is_none(), "it is still on its way");
    slow.kill().unwrap();
    slow.wait().unwrap();
    let storage = owner.get("/admin/storage").text();
    assert!(storage.contains("50 MB are copies of what other servers"), "{storage}");
}

#[test]
fn another_server_at_the_address_is_told_when_a_server_above_is_added_and_shown_where_it_stands_in_the_file() {
    let school = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let (_, wrong) = computer_key(folder.path(), "other");
    let address = school.at();
    let config = format!("[metrics]\nlisten = 'off'\n[[upstreams]]\naddress = '{address}'\nid = '{wrong}'\n");
    std::fs::write(folder.path().join("server.toml"), config).unwrap();
    let lab = Server::start_in(folder);
    let owner = lab.own();
    let health = |at: usize| {
        let listed = owner.get("/api/v1/upstreams").value()["upstreams"][at].clone();
        (listed["health"].as_str().unwrap_or_default().to_owned(), listed["last_trouble"].to_string())
    };
    soon("nobody has to search before it is seen", || health(0).0 == "down" && health(0).1.contains("another server"));

    let keys = tempfile::tempdir().unwrap();
    let (_, third) = computer_key(keys.path(), "third");
    let added = owner.post("/admin/upstreams", &[("address", &address), ("id", &third), ("name", "School")]);
    assert_eq!(added.status, 409, "{}", added.text());
    assert!(added.text().contains("Another server answers"), "{}", added.text());
    let (code, said) = super::console::fails(&lab, &["upstreams", "add", &address, &third]);
    assert!(code != 0 && said.contains("Another server answers"), "{said}");

    // Nobody at all may be there later.
    let added = owner.post("/admin/upstreams", &[("address", "127.0.0.1:9"), ("id", &third), ("name", "Away")]);
    assert_eq!((added.status, added.header("location")), (303, "/admin/upstreams?done=added-away"));
    soon("its state is true", || health(1).0 == "down");
}
