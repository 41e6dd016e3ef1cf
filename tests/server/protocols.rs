//! What others' tools see: versions of TLS with openssl, ranges with curl.

use std::process::{Command, Stdio};

use super::Server;

/// What `openssl s_client` says of a connection.
fn s_client(server: &Server, options: &[&str]) -> String {
    let address = server.address.strip_prefix("https://").unwrap();
    let mut command = Command::new("openssl");
    command.args(["s_client", "-connect", address, "-servername", "localhost"]).args(options);
    let output = command.stdin(Stdio::null()).output().expect("openssl is installed (tests/run does that)");
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn only_tls_1_3_is_spoken_with_strong_ciphers_and_the_protocol_that_is_offered() {
    let server = Server::start();
    let authority = server.folder.path().join("home/tls/authority.pem");
    let trusting = ["-CAfile", authority.to_str().unwrap(), "-verify_return_error", "-verify_hostname", "localhost"];
    let with = |options: &[&str]| s_client(&server, &[&trusting[..], options].concat());
    for (offered, spoken) in [("h2,http/1.1", "ALPN protocol: h2"), ("http/1.1", "ALPN protocol: http/1.1")] {
        let said = with(&["-tls1_3", "-alpn", offered]);
        assert!(said.contains("New, TLSv1.3, Cipher is TLS_") && said.contains(spoken), "{said}");
        assert!(said.contains("Verify return code: 0 (ok)"), "the authority that is given out certifies it: {said}");
        assert!(!said.contains("Acceptable client certificate CA names"), "no browser is asked for a certificate");
    }
    assert!(with(&["-tls1_3"]).contains("No ALPN negotiated"));
    // openssl itself must be asked to speak the old ones at all.
    for old in [&["-tls1_2"][..], &["-tls1_1", "-cipher", "ALL:@SECLEVEL=0"], &["-tls1", "-cipher", "ALL:@SECLEVEL=0"]]
    {
        let said = s_client(&server, old);
        assert!(said.contains("Cipher is (NONE)") && said.contains("alert"), "{old:?}: {said}");
    }
    let wrong = s_client(&server, &["-tls1_3", "-alpn", "spdy/3"]);
    assert!(wrong.contains("alert no application protocol"), "{wrong}");
    let weak = s_client(&server, &["-tls1_3", "-ciphersuites", "TLS_AES_128_CCM_8_SHA256", "-alpn", "http/1.1"]);
    assert!(weak.contains("Cipher is (NONE)"), "{weak}");
}

#[test]
fn curl_gets_the_part_that_it_asks_for_and_goes_on_where_it_was() {
    let (server, owner) = Server::owned();
    let content: Vec<u8> = (0..100_000u32).map(|number| (number % 251) as u8).collect();
    let share = owner.upload("lesson", "room", "lesson.bin", &content);
    let file = format!("/api/v1/shares/{share}/files/0");
    let etag = owner.ask("HEAD", &file, &[]).header("etag").to_owned();
    let part = |range: &str| owner.ask("GET", &file, &["-r", range]);
    for (range, from, to) in [("0-0", 0, 1), ("10-19", 10, 20), ("99999-", 99_999, 100_000), ("-7", 99_993, 100_000)] {
        let answer = part(range);
        assert_eq!((answer.status, answer.body.as_slice()), (206, &content[from..to]), "{range}");
        let told = format!("bytes {from}-{}/100000", to - 1);
        assert_eq!((answer.header("content-range"), answer.header("etag")), (told.as_str(), etag.as_str()), "{range}");
    }
    // Several parts at once, and what makes no sense, get the whole (RFC 9110 §14.2 lets a server do that).
    for range in ["0-1,5-6", "5-4"] {
        let answer = owner.ask("GET", &file, &["-H", &format!("Range: bytes={range}")]);
        assert!(answer.status == 200 && answer.body == content, "{range}");
    }
    let beyond = part("100000-");
    assert_eq!((beyond.status, beyond.header("content-range")), (416, "bytes */100000"));
    assert_eq!(beyond.header("content-type"), "application/problem+json");
    let head = owner.ask("HEAD", &file, &[]);
    assert_eq!((head.status, head.header("content-length"), head.header("accept-ranges")), (200, "100000", "bytes"));

    // A part of another content would be glued to the wrong half.
    let same = owner.ask("GET", &file, &["-r", "5-9", "-H", &format!("If-Range: {etag}")]);
    assert_eq!((same.status, same.body.as_slice()), (206, &content[5..10]));
    let other = owner.ask("GET", &file, &["-r", "5-9", "-H", "If-Range: \"another\""]);
    assert_eq!((other.status, other.body.len()), (200, content.len()));

    // As somebody does it whose download broke off.
    let begun = server.folder.path().join("begun.bin");
    std::fs::write(&begun, &content[..40_000]).unwrap();
    let resumed = Command::new("curl")
        .args(["-skf", "-C", "-", "--max-time", "20", "-b"])
        .arg(&owner.jar)
        .arg("-o")
        .arg(&begun)
        .arg(format!("{}{file}", server.address))
        .status();
    assert!(resumed.unwrap().success());
    assert!(std::fs::read(&begun).unwrap() == content);
}
