//! The administrator's own certificate: looked at before it holds, and taken in anew while the server runs.

use std::{path::Path, process::Command};

use time::{Duration, OffsetDateTime};

use super::Server;

/// Writes a certificate for `name` that holds from and until so many days from now, and its key.
fn write_certificate(folder: &Path, name: &str, days: std::ops::Range<i64>) {
    let mut params = rcgen::CertificateParams::new(vec![name.to_owned(), "127.0.0.1".to_owned()]).unwrap();
    let now = OffsetDateTime::now_utc();
    (params.not_before, params.not_after) = (now + Duration::days(days.start), now + Duration::days(days.end));
    let key = rcgen::KeyPair::generate().unwrap();
    std::fs::write(folder.join("own.key"), key.serialize_pem()).unwrap();
    std::fs::write(folder.join("own.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
}

fn configure(folder: &Path, more: &str) {
    let tls = format!(
        "{more}\n[metrics]\nlisten = '127.0.0.1:0'\n[tls]\ncertificate = '{0}/own.pem'\nkey = '{0}/own.key'\n",
        folder.display()
    );
    std::fs::write(folder.join("server.toml"), tls).unwrap();
}

fn check(folder: &Path) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_handout"));
    command.args(["serve", "--check", "--config"]).arg(folder.join("server.toml"));
    let output = command.arg("--home").arg(folder.join("home")).output().unwrap();
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn a_certificate_that_does_not_hold_or_fit_is_refused_before_it_is_used() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    configure(folder, "names = ['files.school.example']");
    write_certificate(folder, "files.school.example", -1..30);
    let (right, said) = check(folder);
    assert!(right && !said.contains("names:"), "{said}");

    write_certificate(folder, "files.school.example", -30..-1);
    let (right, said) = check(folder);
    assert!(!right && said.contains("ended on"), "{said}");
    write_certificate(folder, "files.school.example", 1..30);
    let (right, said) = check(folder);
    assert!(!right && said.contains("does not hold before") && said.contains("clock"), "{said}");

    write_certificate(folder, "other.example", -1..30);
    let (right, said) = check(folder);
    assert!(right && said.contains("files.school.example"), "{said}");
    std::fs::copy(folder.join("own.key"), folder.join("first.key")).unwrap();
    write_certificate(folder, "files.school.example", -1..30);
    std::fs::copy(folder.join("first.key"), folder.join("own.key")).unwrap();
    let (right, said) = check(folder);
    assert!(!right && said.contains("certificate"), "{said}");

    // Without one of its own the server says which names its authority may not certify.
    std::fs::write(folder.join("server.toml"), "names = ['files.school.example', 'files.lan']\n").unwrap();
    let (right, said) = check(folder);
    assert!(right && said.contains("files.school.example") && said.contains("tls.certificate"), "{said}");
    assert!(!said.contains("files.lan"), "{said}");
}

#[test]
fn names_outside_the_authority_are_told_and_the_others_keep_their_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let config = "names = ['files.school.example']\n[metrics]\nlisten = '127.0.0.1:0'\n";
    std::fs::write(folder.path().join("server.toml"), config).unwrap();
    let server = Server::start_in(folder);
    let owner = server.own();
    let authority = server.folder.path().join("home/tls/authority.pem");
    let port = server.address.rsplit(':').next().unwrap();
    for name in ["127.0.0.1", "localhost"] {
        let mut curl = Command::new("curl");
        curl.args(["-sS", "--max-time", "20", "--resolve", &format!("localhost:{port}:127.0.0.1"), "--cacert"]);
        let got = curl.arg(&authority).arg(format!("https://{name}:{port}/healthz")).output().unwrap();
        assert!(got.status.success(), "{name}: {}", String::from_utf8_lossy(&got.stderr));
    }
    let overview = owner.get("/admin").text();
    assert!(overview.contains("files.school.example") && overview.contains("tls.certificate"), "{overview}");
    assert!(overview.contains("Nobody else keeps where the audit log stands"), "{overview}");
}

#[test]
fn a_renewed_certificate_is_taken_in_while_the_server_runs_and_a_bad_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    configure(folder.path(), "");
    write_certificate(folder.path(), "first.test", -1..10);
    let mut server = Server::start_in(folder);
    let owner = server.own();
    let folder = server.folder.path().to_owned();
    let shown = |server: &Server| {
        let script = "openssl s_client -connect $1 -servername localhost </dev/null 2>/dev/null | openssl x509 -noout -ext subjectAltName";
        let at = server.address.trim_start_matches("https://").to_owned();
        let said = Command::new("bash").args(["-c", script, "bash", &at]).output().unwrap();
        String::from_utf8_lossy(&said.stdout).into_owned()
    };
    let hang_up = |server: &Server| {
        let sent = Command::new("kill").args(["-HUP", &server.pid().to_string()]).status().unwrap();
        assert!(sent.success());
    };
    assert!(shown(&server).contains("first.test"), "{}", shown(&server));
    assert!(owner.get("/admin").text().contains("certificate ends on"), "it has ten days left");

    write_certificate(&folder, "second.test", -1..90);
    hang_up(&server);
    super::healing::soon("the renewed certificate", || shown(&server).contains("second.test"));
    assert!(!owner.get("/admin").text().contains("certificate ends on"));

    std::fs::write(folder.join("own.pem"), "half a certif").unwrap();
    hang_up(&server);
    super::healing::soon("the log says so", || {
        std::fs::read_to_string(folder.join("log")).unwrap().contains("goes on holding")
    });
    assert!(shown(&server).contains("second.test"));
    server.stop();
}
