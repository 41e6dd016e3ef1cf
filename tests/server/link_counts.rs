//! What counts as a download: for a link that is good for so many, and for the log.

use super::{Answer, Browser, Server};

const SIZE: usize = 3_000_000;

struct Linked {
    server: Server,
    owner: Browser,
    share: String,
    /// `/l/TOKEN`
    link: String,
    file: String,
    content: Vec<u8>,
}

/// A share of one file with a link for so many downloads.
fn linked(downloads: &str) -> Linked {
    let (server, owner) = Server::owned();
    let content: Vec<u8> = (0..SIZE).map(|number| (number * 7 % 251) as u8).collect();
    let share = owner.upload("paper", "owner", "paper.bin", &content);
    let made = owner.post(&format!("/s/{share}/links"), &[("days", "1"), ("downloads", downloads)]);
    assert_eq!(made.status, 303);
    let listed = server.admin(&["links", "list", "--json"]);
    let listed: serde_json::Value = serde_json::from_slice(&listed.stdout).unwrap();
    let link = format!("/l/{}", listed[0]["token"].as_str().unwrap());
    let file = format!("{link}/f/0/paper.bin");
    Linked { server, owner, share, link, file, content }
}

impl Linked {
    fn part(&self, browser: &Browser, range: &str) -> Answer {
        browser.ask("GET", &self.file, &["-H", &format!("Range: {range}")])
    }

    /// How often the log tells a download or a look at the file.
    fn logged(&self, action: &str) -> usize {
        let log = self.owner.get(&format!("/api/v1/audit?limit=500&action={action}")).value();
        let entries = log["entries"].as_array().unwrap();
        entries.iter().filter(|entry| entry["action"] == action && entry["outcome"] == "done").count()
    }
}

#[test]
fn a_link_for_one_download_is_not_used_up_by_looking_and_gives_no_byte_after_it() {
    let linked = linked("1");
    let visitor = linked.server.browser("visitor");
    assert_eq!(visitor.get(&linked.link).status, 200);
    for _ in 0..3 {
        let head = visitor.ask("HEAD", &linked.file, &[]);
        assert_eq!((head.status, head.header("content-length")), (200, SIZE.to_string().as_str()));
    }
    let etag = visitor.ask("HEAD", &linked.file, &[]).header("etag").to_owned();
    assert_eq!(visitor.ask("GET", &linked.file, &["-H", &format!("If-None-Match: {etag}")]).status, 304);
    assert_eq!(visitor.get(&format!("{}/f/7/nothing", linked.link)).status, 404);
    assert_eq!(linked.part(&visitor, "bytes=9000000-").status, 416);

    assert_eq!(visitor.get(&linked.file).body, linked.content);

    let stranger = linked.server.browser("stranger");
    for (who, browser) in [("the same visitor", &visitor), ("another", &stranger)] {
        assert_eq!(browser.get(&linked.file).status, 410, "{who}");
        assert_eq!(browser.get(&format!("{}/zip", linked.link)).status, 410, "{who}");
        assert_eq!(browser.ask("HEAD", &linked.file, &[]).status, 410, "{who}");
        for range in ["bytes=-2000", "bytes=00-", "bytes= 0-", "bytes=1-", "bytes=0-0", "x", "bytes=-999999999"] {
            let answer = linked.part(browser, range);
            assert_eq!(answer.status, 410, "{who} {range}");
            assert!(answer.body.len() < 1_000, "{who} {range}");
        }
    }
    assert_eq!(linked.logged("share.download"), 1);
}

#[test]
fn a_split_and_a_broken_download_are_one() {
    let linked = linked("1");
    let visitor = linked.server.browser("visitor");
    let broken = visitor.ask("GET", &linked.file, &["--max-filesize", "1", "--http1.1"]);
    assert!(broken.body.len() < SIZE);
    let first = linked.part(&visitor, "bytes=1-999999");
    assert_eq!(first.body, linked.content[1..1_000_000]);
    assert_eq!(linked.part(&visitor, "bytes=0-0").body, linked.content[..1]);
    assert_eq!(linked.part(&visitor, "bytes=1000000-").body, linked.content[1_000_000..]);
    assert_eq!(linked.logged("share.download"), 1);
    let known = linked.server.admin(&["links", "list", "--json"]);
    let known: serde_json::Value = serde_json::from_slice(&known.stdout).unwrap();
    assert_eq!(known[0]["downloads"], 1);
}

#[test]
fn the_log_tells_each_download_from_whatever_byte_and_no_look_at_a_page() {
    let linked = linked("");
    let file = format!("/api/v1/shares/{}/files/0", linked.share);
    assert_eq!(linked.owner.ask("HEAD", &file, &[]).status, 200);
    assert_eq!(linked.logged("share.download"), 0);
    assert_eq!(linked.owner.ask("GET", &file, &["-H", "Range: bytes=1-"]).body.len(), SIZE - 1);
    assert_eq!(linked.logged("share.download"), 1);
    assert_eq!(linked.owner.ask("GET", &file, &["-H", "Range: bytes=0-0"]).body.len(), 1);
    assert_eq!(linked.logged("share.download"), 1, "it is the rest of the same");
    assert_eq!(linked.owner.get(&file).body.len(), SIZE);
    assert_eq!(linked.logged("share.download"), 2);

    let text = linked.owner.upload("note", "room", "note.txt", b"hello");
    let shown = linked.owner.get(&format!("/s/{text}/f/0/note.txt?inline=1"));
    assert!(shown.header("content-disposition").starts_with("inline"));
    assert_eq!((linked.logged("share.download"), linked.logged("share.preview")), (2, 1));
}
