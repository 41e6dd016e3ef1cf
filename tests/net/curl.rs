//! How others test us: with curl, an Ed25519 key and nothing of ours.

use std::process::{Command, Stdio};

use axum::{Extension, Router, routing::get};
use handout::net::{
    identity::Identity,
    listen::{Caller, Limits},
};

use super::{Server, soon};

#[tokio::test(flavor = "multi_thread")]
async fn curl_talks_to_us_with_the_key_file_of_an_identity() {
    let router =
        Router::new().route("/who", get(|Extension(caller): Extension<Caller>| async move { caller.peer.to_string() }));
    let server = Server::start(router, Limits::default());
    let folder = tempfile::tempdir().unwrap();
    let (identity, _) = Identity::load_or_create(folder.path(), Some("machine")).unwrap();
    let (key, certificate) = (folder.path().join("identity.key"), folder.path().join("certificate.pem"));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-new", "-subj", "/CN=me", "-key"])
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .stderr(Stdio::null())
        .status();
    assert!(made.expect("openssl is installed (tests/run does that)").success());

    // Without ALPN, as the protocol says; with what curl offers by itself (h2 and http/1.1); and without a key.
    for (options, answered) in [(&["--no-alpn"][..], true), (&[], true), (&["--http2"], true)] {
        let mut curl = Command::new("curl");
        curl.args(["-sS", "-k", "--max-time", "10"]).args(options).arg("--cert").arg(&certificate);
        curl.arg("--key").arg(&key).arg(format!("https://{}/who", server.address));
        let output = soon(tokio::task::spawn_blocking(move || curl.output())).await.unwrap();
        let output = output.expect("curl is installed (tests/run does that)");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.success(), answered, "{options:?}: {errors}");
        assert_eq!(String::from_utf8_lossy(&output.stdout), identity.id().to_string(), "{options:?}: {errors}");
    }
}
