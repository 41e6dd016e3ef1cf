//! What a call brings, and how it fails.

use std::{convert::Infallible, time::Duration};

use axum::{
    Json, Router,
    body::{Body, Bytes},
    http::{HeaderMap, StatusCode},
    response::IntoResponse,
    routing::get,
};
use futures_util::{StreamExt, stream};
use handout::net::{
    LeastSpeed,
    call::{CallError, Client, Fetched, Timeouts},
    identity::Identity,
    listen::Limits,
    tls::Expect,
};

use super::{Server, soon};

#[tokio::test]
async fn a_connection_is_used_again() {
    let server = Server::start(Router::new().route("/", get(|| async { "hello" })), Limits::default());
    let mut connection = server.call().await;
    for _ in 0..20 {
        assert_eq!(connection.get("/", 5).await.unwrap(), "hello");
    }
}

#[tokio::test]
async fn what_is_too_large_is_not_taken_whether_it_says_so_or_not() {
    let endless = || async { Body::from_stream(stream::repeat(Ok::<_, Infallible>(Bytes::from_static(&[0; 100])))) };
    let router = Router::new().route("/sized", get(|| async { "123456" })).route("/endless", get(endless));
    let server = Server::start(router, Limits::default());
    for path in ["/sized", "/endless"] {
        let error = server.call().await.get(path, 5).await.unwrap_err();
        assert!(matches!(error, CallError::TooLarge { limit: 5 }), "{error}");
    }
}

#[tokio::test]
async fn a_body_or_a_head_that_does_not_come_is_too_slow() {
    let stuck = || async { Body::from_stream(stream::pending::<Result<Bytes, Infallible>>()) };
    let router = Router::new().route("/body", get(stuck)).route("/head", get(std::future::pending::<()>));
    let server = Server::start(router, Limits::default());
    let short = Duration::from_millis(100);
    let least_speed = LeastSpeed { window: short, bytes: 100 };
    let timeouts = Timeouts { answer: short, least_speed, ..Timeouts::default() };
    let client = Client::new(Identity::ephemeral().unwrap());
    for path in ["/body", "/head"] {
        let mut connection = client.connect(&[server.address], Expect::Anyone, timeouts).await.unwrap();
        let error = soon(connection.get(path, 100)).await.unwrap_err();
        assert!(matches!(error, CallError::TooSlow), "{path}: {error}");
    }
}

#[tokio::test]
async fn a_refusal_tells_its_reason_and_when_to_come_back() {
    let busy = || async {
        let problem = serde_json::json!({
            "status": 503, "title": "Busy", "detail": "all slots\u{202e} are taken", "retry_after_ms": 250,
        });
        (StatusCode::SERVICE_UNAVAILABLE, Json(problem))
    };
    let router = Router::new().route("/busy", get(busy)).route(
        "/wait",
        get(|| async { (StatusCode::SERVICE_UNAVAILABLE, [("retry-after", "2")], "not json").into_response() }),
    );
    let server = Server::start(router, Limits::default());
    let mut connection = server.call().await;

    let refused = connection.get("/busy", 100).await.unwrap_err();
    let CallError::Refused { status: 503, retry_after_ms: Some(250), detail } = refused else { panic!("{refused}") };
    assert_eq!(detail, "all slots are taken");
    let refused = connection.get("/wait", 100).await.unwrap_err();
    assert!(matches!(refused, CallError::Refused { status: 503, retry_after_ms: Some(2000), .. }), "{refused}");
    let refused = connection.get("/nowhere", 100).await.unwrap_err();
    assert!(matches!(refused, CallError::Refused { status: 404, .. }), "{refused}");
}

#[tokio::test]
async fn what_is_known_already_is_not_sent_again() {
    let tagged = |headers: HeaderMap| async move {
        assert_eq!(headers["handout-listen"], "4711");
        if headers.get("if-none-match").is_some_and(|tag| tag == "\"7\"") {
            assert_eq!(headers["prefer"], "wait=9");
            return StatusCode::NOT_MODIFIED.into_response();
        }
        ([("etag", "\"7\"")], "catalogue").into_response()
    };
    let server = Server::start(Router::new().route("/", get(tagged)), Limits::default());
    let client = Client::new(Identity::ephemeral().unwrap()).listening_at(4711);
    let mut connection = server.call_as(&client).await;

    let first = connection.get_if_changed("/", None, Duration::ZERO, 100).await.unwrap();
    let second = connection.get_if_changed("/", Some("\"7\""), Duration::from_secs(9), 100).await.unwrap();

    let body = Fetched::Body { bytes: Bytes::from_static(b"catalogue"), etag: Some("\"7\"".to_owned()) };
    assert_eq!((first, second), (body, Fetched::Unchanged));
}

#[tokio::test]
async fn a_stream_comes_as_it_is_sent_and_may_rest_but_not_for_ever() {
    let parts = || async {
        let news = stream::iter(["a", "b"]).then(|part| async move {
            tokio::time::sleep(Duration::from_millis(50)).await;
            Ok::<_, Infallible>(part)
        });
        Body::from_stream(news.chain(stream::pending()))
    };
    let server = Server::start(Router::new().route("/", get(parts)), Limits::default());
    let mut news = server.call().await.get_stream("/", Duration::from_millis(500)).await.unwrap();
    assert_eq!(soon(news.chunk()).await.unwrap().unwrap(), "a");
    assert_eq!(soon(news.chunk()).await.unwrap().unwrap(), "b");
    assert!(matches!(soon(news.chunk()).await, Err(CallError::TooSlow)));
}

#[tokio::test]
async fn a_dead_address_does_not_keep_from_the_one_that_lives() {
    let server = Server::start(Router::new().route("/", get(|| async { "hello" })), Limits::default());
    let refuses = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    // Accepts (by the system) and never says a word.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let somebody_else = Server::start(Router::new(), Limits::default());
    let addresses = [refuses, silent.local_addr().unwrap(), somebody_else.address, server.address];

    let client = Client::new(Identity::ephemeral().unwrap());
    let expect = Expect::Peer(server.identity.id());
    let connection = client.connect(&addresses, expect, Timeouts::default()).await.unwrap();

    assert_eq!(connection.address(), server.address);
}

#[tokio::test]
async fn where_nobody_answers_the_error_names_the_addresses() {
    let refuses = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = Client::new(Identity::ephemeral().unwrap());
    let timeouts = Timeouts { connect: Duration::from_millis(300), ..Timeouts::default() };
    for addresses in [vec![], vec![refuses], vec![silent.local_addr().unwrap()]] {
        let error = soon(client.connect(&addresses, Expect::Anyone, timeouts)).await.unwrap_err();
        let CallError::Unreachable { tried, .. } = &error else { panic!("{error}") };
        assert!(addresses.iter().all(|address| tried.contains(&address.to_string())), "{error}");
    }
}
