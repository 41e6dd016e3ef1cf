//! Uploading, finding, downloading, giving links.

use std::io::Read as _;

use super::{Server, person};

#[test]
fn an_upload_that_was_cut_by_a_kill_goes_on_where_it_was_and_ends_equal() {
    let (mut server, owner) = Server::owned();
    let content: Vec<u8> = (0..3_000_000u32).map(|number| (number * 7 % 251) as u8).collect();
    let batch = owner.begin("Lesson", "room");
    let place = owner.announce(&batch, "Lesson/week 1/Übung.bin", content.len()).header("location").to_owned();
    assert_eq!(owner.patch(&place, 0, &content[..1_000_000]).header("upload-offset"), "1000000");

    server.kill_and_start();
    let owner = server.browser("owner");
    let known = owner.announce(&batch, "Lesson/week 1/Übung.bin", content.len());
    assert_eq!((known.header("location"), known.header("upload-offset")), (place.as_str(), "1000000"));
    assert_eq!(owner.ask("HEAD", &place, &[]).header("upload-offset"), "1000000");
    assert_eq!(owner.patch(&place, 5, b"x").status, 409, "another place than where it is");
    assert_eq!(owner.patch(&place, 1_000_000, &content[1_000_000..]).status, 204);
    let share = owner.finish(&batch);

    let found = owner.get("/api/v1/search?q=ubung").value();
    assert_eq!(found["hits"][0]["file"]["path"], "Lesson/week 1/Übung.bin");
    let entry = found["hits"][0]["file"]["entry"].to_string();
    let file = format!("/api/v1/shares/{share}/files/{entry}");
    assert_eq!(owner.get(&file).body, content);
    let part = owner.ask("GET", &file, &["-H", "Range: bytes=100-199"]);
    assert_eq!((part.status, part.header("content-range")), (206, "bytes 100-199/3000000"));
    assert_eq!(part.body, &content[100..200]);
    assert_eq!(owner.ask("GET", &file, &["-H", "Range: bytes=3000000-"]).status, 416);
    let etag = owner.get(&file).header("etag").to_owned();
    assert_eq!(owner.ask("GET", &file, &["-H", &format!("If-None-Match: {etag}")]).status, 304);

    server.kill_and_start();
    let owner = server.browser("owner");
    assert_eq!(owner.get(&file).body, content, "it is there after a restart, too");
}

#[test]
fn a_folder_comes_as_one_zip_that_opens() {
    let (_server, owner) = Server::owned();
    let batch = owner.begin("Work", "room");
    for (path, content) in [("Work/a.txt", "one"), ("Work/in/b é.txt", "two"), ("Work/empty", "")] {
        let place = owner.announce(&batch, path, content.len()).header("location").to_owned();
        owner.patch(&place, 0, content.as_bytes());
    }
    let share = owner.finish(&batch);
    let answer = owner.get(&format!("/s/{share}/zip"));
    assert!(answer.header("content-disposition").contains("Work.zip"));
    assert_eq!(answer.header("content-length"), answer.body.len().to_string());
    let head = owner.ask("HEAD", &format!("/s/{share}/zip"), &[]);
    assert_eq!((head.status, head.header("content-length")), (200, answer.header("content-length")));
    // A program that can't look ahead finds name, sizes and sum of each file before its bytes.
    let mut stream = std::io::Cursor::new(&answer.body);
    while let Some(mut file) = zip::read::read_zipfile_from_stream(&mut stream).unwrap() {
        std::io::copy(&mut file, &mut std::io::sink()).unwrap();
    }
    let mut zip = zip::ZipArchive::new(std::io::Cursor::new(answer.body)).unwrap();
    let mut found = vec![];
    for place in 0..zip.len() {
        let mut file = zip.by_index(place).unwrap();
        let mut text = String::new();
        file.read_to_string(&mut text).unwrap();
        found.push((file.name().unwrap().into_owned(), text));
    }
    found.sort();
    let pair = |name: &str, text: &str| (name.to_owned(), text.to_owned());
    let expected = [
        pair("Work/", ""),
        pair("Work/a.txt", "one"),
        pair("Work/empty", ""),
        pair("Work/in/", ""),
        pair("Work/in/b é.txt", "two"),
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_file_of_a_strangers_runs_nothing_in_the_browser() {
    let (_server, owner) = Server::owned();
    let page = owner.upload("page", "room", "evil.html", b"<script>alert(1)</script>");
    let file = format!("/s/{page}/f/0/evil.html");
    for path in [file.clone(), format!("{file}?inline=1")] {
        let answer = owner.get(&path);
        assert_eq!(answer.header("content-type"), "application/octet-stream");
        assert!(answer.header("content-disposition").starts_with("attachment"));
        assert!(answer.header("content-security-policy").starts_with("sandbox; default-src 'none'"));
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
    }
    let title = owner.upload("<img src=x onerror=alert(1)>", "room", "a.txt", b"text <b>\x26");
    let shown = owner.get(&format!("/s/{title}")).text();
    assert!(shown.contains("&lt;img src=x") && !shown.contains("<img src=x"), "{shown}");
    let text = owner.get(&format!("/s/{title}/view/0")).text();
    assert!(text.contains("text &lt;b&gt;&amp;"), "{text}");
    assert!(owner.get("/").header("content-security-policy").starts_with("default-src 'none'; script-src 'self'"));
}

#[test]
fn names_that_lead_out_of_the_folder_are_refused() {
    let (_server, owner) = Server::owned();
    let batch = owner.begin("x", "room");
    for path in ["../x", "a/../../x", "/etc/passwd", "a//b", ".", "a/./b", "", "a\\b", "a\0b", "x/\u{202E}y"] {
        assert_eq!(owner.announce(&batch, path, 1).status, 422, "{path:?}");
    }
}

#[test]
fn a_private_share_is_not_there_for_others_and_a_removed_one_for_nobody() {
    let (server, owner) = Server::owned();
    let sam = person(&server, "sam", "student");
    let tom = person(&server, "tom", "student");
    let share = sam.upload("mine", "owner", "diary.txt", b"dear diary");
    let file = format!("/api/v1/shares/{share}/files/0");
    assert_eq!(sam.get(&file).body, b"dear diary");
    for path in [file.clone(), format!("/s/{share}"), format!("/s/{share}/zip"), format!("/s/{share}/view/0")] {
        assert_eq!(tom.get(&path).status, 404, "{path}");
    }
    assert_eq!(tom.get("/api/v1/search?q=diary").value()["hits"].as_array().unwrap().len(), 0);
    assert_eq!(tom.post(&format!("/s/{share}/remove"), &[("sure", "yes")]).status, 404);

    assert_eq!(owner.post(&format!("/s/{share}/quarantine"), &[("hide", "yes"), ("note", "look at it")]).status, 303);
    assert_eq!(sam.get(&file).status, 404, "hidden from its owner, too");
    assert_eq!(sam.post(&format!("/s/{share}/remove"), &[("sure", "yes")]).status, 303);
    assert_eq!(owner.get(&file).status, 404);
    let left = std::fs::read_dir(server.folder.path().join("home/shared")).unwrap().count();
    assert_eq!(left, 0, "its files are deleted");
}

#[test]
fn a_link_lets_strangers_in_to_one_share_as_long_and_as_often_as_it_says() {
    let (server, owner) = Server::owned();
    let share = owner.upload("slides", "owner", "slides.txt", b"slide one");
    let made = owner.post(&format!("/s/{share}/links"), &[("days", "1"), ("downloads", "2"), ("password", "open it")]);
    assert_eq!(made.status, 303, "{}", made.text());
    let page = owner.get(&format!("/s/{share}")).text();
    let token = page.split("/l/").nth(1).unwrap().split('"').next().unwrap().to_owned();
    assert!(page.contains("QR code of the link"));

    let stranger = server.browser("stranger");
    let file = format!("/l/{token}/f/0/slides.txt");
    assert_eq!(stranger.get(&file).status, 404, "before the password");
    assert_eq!(
        stranger.post(&format!("/l/{token}"), &[("password", "wrong")]).header("location"),
        format!("/l/{token}?wrong=yes")
    );
    stranger.post(&format!("/l/{token}"), &[("password", "open it")]);
    assert!(stranger.get(&format!("/l/{token}")).text().contains("slides.txt"));
    assert_eq!(stranger.get(&file).body, b"slide one");
    assert_eq!(stranger.get(&file).status, 200);
    assert_eq!(stranger.get(&file).status, 410, "it was used twice");
    assert_eq!(stranger.get(&format!("/s/{share}")).status, 401, "the link opens nothing else");
}

#[test]
fn content_that_is_forbidden_is_given_to_nobody_whatever_its_name() {
    let (_server, owner) = Server::owned();
    let share = owner.upload("a", "room", "harmless.txt", b"the test of next week");
    let root = blake3::hash(b"the test of next week").to_hex().to_string();
    assert_eq!(owner.post("/admin/policy/block", &[("root", &root), ("note", "leaked"), ("do", "block")]).status, 303);
    let answer = owner.get(&format!("/api/v1/shares/{share}/files/0"));
    assert_eq!((answer.status, answer.value()["code"].as_str()), (403, Some("blocked")));
    owner.post("/admin/policy/block", &[("root", &root), ("do", "allow")]);
    assert_eq!(owner.get(&format!("/api/v1/shares/{share}/files/0")).status, 200);
}

#[test]
fn a_form_that_was_refused_comes_back_as_it_was_filled_in_and_overwrites_nobody() {
    let (_server, owner) = Server::owned();
    let share = owner.upload("lesson", "owner", "lesson.txt", b"one");
    let post = |path: &str, fields: &[(&str, &str)]| {
        let fields: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let page = ["-H", "Accept: text/html", "-H", "Sec-Fetch-Site: same-origin", "--data-raw", &fields.join("&")];
        owner.ask("POST", &format!("/s/{share}/{path}"), &page)
    };
    let refused = post("change", &[("title", "Fractions"), ("audience", "groups")]);
    assert_eq!(refused.status, 422);
    assert!(refused.text().contains("value=\"Fractions\"") && refused.text().contains("at least one group"));
    assert!(refused.text().contains("lesson"), "the page is that of the share");

    let refused = post("links", &[("days", "30"), ("downloads", "0")]);
    assert_eq!(refused.status, 422);
    assert!(refused.text().contains("<option value=\"30\" selected>"));

    let page = owner.get(&format!("/s/{share}")).text();
    let seen = page.split("name=\"seen\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let changed = post("change", &[("title", "mine"), ("audience", "room"), ("seen", seen)]);
    assert_eq!(changed.status, 303);
    let outdated = post("change", &[("title", "theirs"), ("audience", "owner"), ("seen", seen)]);
    assert_eq!(outdated.status, 409);
    assert!(outdated.text().contains("value=\"theirs\"") && outdated.text().contains("while you were editing"));
    let now = owner.get(&format!("/api/v1/shares/{share}")).value();
    assert_eq!((now["title"].as_str(), now["audience"].as_str()), (Some("mine"), Some("room")));
}
