//! Who is let in, and who is not.

use std::{
    process::{Command, Stdio},
    sync::Arc,
};

use axum::{Extension, Router, routing::get};
use handout::net::{
    call::{CallError, Client, Timeouts},
    identity::Identity,
    listen::{Caller, Limits},
    tls::{self, Expect},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::TlsConnector;

use super::{Server, soon};

fn who() -> Router {
    Router::new().route("/who", get(|Extension(caller): Extension<Caller>| async move { caller.peer.to_string() }))
}

#[tokio::test]
async fn both_sides_know_whom_they_talk_to() {
    let server = Server::start(who(), Limits::default());
    let me = Identity::ephemeral().unwrap();
    let mut connection = server.call_as(&Client::new(me.clone())).await;
    assert_eq!(connection.peer(), server.identity.id());
    assert_eq!(connection.get("/who", 100).await.unwrap(), me.id().to_string());
}

#[tokio::test]
async fn an_address_that_was_typed_tells_who_answers_there() {
    let server = Server::start(who(), Limits::default());
    let client = Client::new(Identity::ephemeral().unwrap());
    let connection = client.connect(&[server.address], Expect::Anyone, Timeouts::default()).await.unwrap();
    assert_eq!(connection.peer(), server.identity.id());
}

#[tokio::test]
async fn somebody_else_at_a_peers_address_is_refused_and_named() {
    let server = Server::start(who(), Limits::default());
    let expected = Identity::ephemeral().unwrap().id();
    let client = Client::new(Identity::ephemeral().unwrap());

    let error = client.connect(&[server.address], Expect::Peer(expected), Timeouts::default()).await.unwrap_err();

    let wrong = tls::WrongPeer { expected, found: server.identity.id() };
    assert!(matches!(error, CallError::WrongPeer(named) if named == wrong), "{error}");
}

#[tokio::test]
async fn nobody_gets_in_without_a_key() {
    let server = Server::start(who(), Limits::default());
    assert!(!gets_an_answer(&server, stranger()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_in_with_tls_12() {
    let server = Server::start(who(), Limits::default());
    let greets = |version| {
        let address = server.address.to_string();
        let mut openssl = Command::new("openssl");
        openssl.args(["s_client", version, "-connect", &address]).stdin(Stdio::null());
        soon(tokio::task::spawn_blocking(move || openssl.output()))
    };
    // TLS 1.2 is not even compiled into our TLS library, so only another one can try.
    let output = greets("-tls1_2").await.unwrap().expect("openssl is installed (tests/run does that)");
    let said = |output: &std::process::Output| String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!said(&output).contains("Handout"), "no certificate was shown");
    assert!(said(&greets("-tls1_3").await.unwrap().unwrap()).contains("Handout"), "but it is with TLS 1.3");
}

#[tokio::test]
async fn nobody_gets_in_who_speaks_only_http_2() {
    let server = Server::start(who(), Limits::default());
    let mut config = tls::client_config(&Identity::ephemeral().unwrap(), Expect::Anyone).unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    assert!(!gets_an_answer(&server, config.clone()).await);
    for offered in [vec![], vec![b"h2".to_vec(), b"http/1.1".to_vec()], vec![b"handout/1".to_vec()]] {
        config.alpn_protocols = offered;
        assert!(gets_an_answer(&server, config.clone()).await);
    }
}

/// Whether a request over this connection is answered.
async fn gets_an_answer(server: &Server, config: rustls::ClientConfig) -> bool {
    let socket = TcpStream::connect(server.address).await.unwrap();
    let name = rustls::pki_types::ServerName::try_from("localhost").unwrap();
    let talk = async {
        let mut stream = TlsConnector::from(Arc::new(config)).connect(name, socket).await?;
        stream.write_all(b"GET /who HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        std::io::Result::Ok(answer)
    };
    soon(talk).await.is_ok_and(|answer| answer.starts_with(b"HTTP/1.1 200"))
}

/// A caller without a key, who believes everything.
fn stranger() -> rustls::ClientConfig {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    rustls::ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Believes(provider)))
        .with_no_client_auth()
}

#[derive(Debug)]
struct Believes(Arc<rustls::crypto::CryptoProvider>);

impl rustls::client::danger::ServerCertVerifier for Believes {
    fn verify_server_cert(
        &self,
        _: &rustls::pki_types::CertificateDer<'_>,
        _: &[rustls::pki_types::CertificateDer<'_>],
        _: &rustls::pki_types::ServerName<'_>,
        _: &[u8],
        _: rustls::pki_types::UnixTime,
    ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
        Ok(rustls::client::danger::ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &rustls::pki_types::CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &rustls::pki_types::CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
