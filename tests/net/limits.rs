//! What callers can't do to the listener.

use std::{net::SocketAddr, time::Duration};

use axum::{Router, body::Bytes, routing::get};
use handout::net::{
    LeastSpeed,
    call::{Client, Timeouts},
    identity::Identity,
    listen::{Limits, Listener},
    tls::{self, Expect},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{Server, soon};

fn hello() -> Router {
    Router::new().route("/", get(|| async { "hello" }).post(|body: Bytes| async move { body.len().to_string() }))
}

/// Short, so that the tests are.
fn strict() -> Limits {
    let short = Duration::from_millis(200);
    let least_speed = LeastSpeed { window: short, bytes: 1000 };
    Limits { handshake: short, header: short, least_speed, drain: short, ..Limits::default() }
}

#[tokio::test]
async fn a_caller_that_does_not_finish_its_handshake_is_let_go() {
    let server = Server::start(hello(), strict());
    let mut socket = TcpStream::connect(server.address).await.unwrap();
    assert_eq!(soon(socket.read(&mut [0; 10])).await.unwrap_or(0), 0);
}

#[tokio::test]
async fn a_caller_that_sends_its_request_letter_by_letter_is_let_go() {
    let server = Server::start(hello(), strict());
    let mut stream = connect(server.address).await;
    let slow = async {
        for letter in b"GET / HTTP/1.1\r\nHost: x\r\n".iter().cycle() {
            if stream.write_all(&[*letter]).await.is_err() || stream.flush().await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    soon(slow).await;
}

#[tokio::test]
async fn a_caller_that_sends_its_body_byte_by_byte_is_let_go() {
    let server = Server::start(hello(), strict());
    let mut stream = connect(server.address).await;
    stream.write_all(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n").await.unwrap();
    let slow = async {
        while stream.write_all(b"x").await.is_ok() && stream.flush().await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    soon(slow).await;
}

#[tokio::test]
async fn a_caller_that_keeps_a_connection_without_asking_is_let_go() {
    let server = Server::start(hello(), strict());
    let mut connection = server.call().await;
    connection.get("/", 10).await.unwrap();
    soon(async {
        while !connection.is_closed() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn one_address_has_so_many_connections_and_gets_more_when_it_gives_some_back() {
    let server = Server::start(hello(), Limits { per_loopback: 3, ..Limits::default() });
    let client = Client::new(Identity::ephemeral().unwrap());
    let connect = || client.connect(std::slice::from_ref(&server.address), Expect::Anyone, Timeouts::default());
    let mut connections = Vec::new();
    for _ in 0..3 {
        connections.push(connect().await.unwrap());
    }
    assert!(connect().await.is_err());

    connections.pop();

    soon(async { while connect().await.is_err() {} }).await;
}

#[tokio::test]
async fn the_end_waits_for_a_request_and_then_for_no_more() {
    let slow = Router::new()
        .route("/slow", get(|| async { tokio::time::sleep(Duration::from_millis(100)).await }))
        .route("/stuck", get(std::future::pending::<()>));
    let limits = Limits { drain: Duration::from_millis(500), ..Limits::default() };
    let server = Server::start(slow, limits);
    let (mut first, mut second) = (server.call().await, server.call().await);
    let first = tokio::spawn(async move { first.get("/slow", 10).await });
    let second = tokio::spawn(async move { second.get("/stuck", 10).await });
    tokio::time::sleep(Duration::from_millis(50)).await;

    server.stop().await;

    assert!(first.await.unwrap().is_ok());
    assert!(second.await.unwrap().is_err());
    assert!(TcpStream::connect(server.address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn an_address_that_is_taken_is_refused_with_a_reason() {
    let first = Listener::bind(Some("127.0.0.1:0".parse().unwrap())).unwrap();
    let error = Listener::bind(Some(first.address())).unwrap_err();
    assert!(error.to_string().contains("another program answers there"), "{error}");
    let error = Listener::bind(Some("192.0.2.77:1".parse().unwrap())).unwrap_err();
    assert!(error.to_string().contains("192.0.2.77:1"), "{error}");
}

#[tokio::test]
async fn two_programs_on_one_computer_both_listen_and_are_reached_by_ipv4() {
    let (first, second) = (Listener::bind(None).unwrap(), Listener::bind(None).unwrap());
    assert_ne!(first.address().port(), second.address().port());
    for listener in [first, second] {
        TcpStream::connect(("127.0.0.1", listener.address().port())).await.unwrap();
    }
}

async fn connect(address: SocketAddr) -> TlsStream<TcpStream> {
    let config = tls::client_config(&Identity::ephemeral().unwrap(), Expect::Anyone).unwrap();
    let socket = TcpStream::connect(address).await.unwrap();
    let name = rustls::pki_types::ServerName::try_from("localhost").unwrap();
    TlsConnector::from(std::sync::Arc::new(config)).connect(name, socket).await.unwrap()
}
