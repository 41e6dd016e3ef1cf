//! Pieces from sides that lie, stall or send anything at all. Each ends with an error that names what was done.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::Arc,
    time::Duration,
};

use handout::net::{
    LeastSpeed,
    call::{Client, Timeouts},
    identity::Identity,
    piece_stream::{Lane, LaneEnd, LaneError, LaneHandle, LaneLimits, PROTOCOL, PieceEnd, ServeEnd, ServeLimits},
    tls::{self, Expect},
};
use rustls::{ServerConnection, StreamOwned};

use super::{
    SOON,
    pieces::{Content, Kept, SLOW, serving},
    soon,
};

/// Short, so that the tests are.
const LEAST: LeastSpeed = LeastSpeed { window: Duration::from_millis(300), bytes: 300 };

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_length_is_refused_before_a_byte_of_it_is_taken() {
    let error = meets(|mut peer| peer.write_all(&head(0, 1, 10)).unwrap()).await;
    assert!(matches!(error, LaneError::WrongLength { piece: 1, expected: 9, sent: 10 }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_without_end_is_cut_at_the_length_of_the_piece() {
    let error = meets(|mut peer| {
        peer.write_all(&head(0, 1, 9)).unwrap();
        while peer.write_all(&[0xee; 4096]).is_ok() {}
    })
    .await;
    assert!(matches!(error, LaneError::Garbage { status: 0xee }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_piece_that_was_not_asked_for_is_refused() {
    let error = meets(|mut peer| peer.write_all(&head(0, 77, 9)).unwrap()).await;
    assert!(matches!(error, LaneError::Unasked { piece: 77 }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pieces_in_another_order_are_refused() {
    let error = meets(|mut peer| peer.write_all(&head(2, 2, 0)).unwrap()).await;
    assert!(matches!(error, LaneError::Unasked { piece: 2 }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_in_the_place_of_an_answer_is_refused() {
    let error = meets(|mut peer| peer.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap()).await;
    assert!(matches!(error, LaneError::Garbage { status: b'H' }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_are_not_tls_are_refused() {
    let error = meets(|mut peer| peer.sock.write_all(&[0x55; 100]).unwrap()).await;
    assert!(matches!(error, LaneError::Encryption(_)), "{error}");
    assert!(error.breaks_the_rules());
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_ends_the_lane() {
    let error = meets(wait_for_the_end).await;
    assert!(matches!(error, LaneError::Stalled(window) if window == LEAST.window), "{error}");
    assert!(!error.breaks_the_rules(), "slow is not a crime");
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_in_the_middle_of_a_piece_ends_the_lane() {
    let error = meets(|mut peer| {
        peer.write_all(&head(0, 1, 9)).unwrap();
        peer.write_all(b"half").unwrap();
        wait_for_the_end(peer);
    })
    .await;
    assert!(matches!(error, LaneError::Stalled(_)), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trickle_ends_the_lane() {
    let error = meets(|mut peer| {
        peer.write_all(&head(0, 1, 9)).unwrap();
        while peer.write_all(b"x").and_then(|()| peer.flush()).is_ok() {
            std::thread::sleep(LEAST.window / 4);
        }
    })
    .await;
    // Nine bytes of a piece, and then something that is no answer, would take longer than the window.
    assert!(matches!(error, LaneError::TooSlow { .. }), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_closes_in_the_middle_of_a_piece_is_named() {
    let error = meets(|mut peer| {
        peer.write_all(&head(0, 1, 9)).unwrap();
        peer.write_all(b"half").unwrap();
        peer.conn.send_close_notify();
        let _ = peer.flush();
    })
    .await;
    assert!(matches!(error, LaneError::Closed), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_takes_nothing_is_let_go() {
    let server = serving(Content, ServeLimits { least_speed: LEAST, ..ServeLimits::default() });
    let mut pipe = server.call().await.upgrade("/stream", PROTOCOL).await.unwrap();

    pipe.queue(&SLOW.to_be_bytes()).unwrap();
    pipe.flush().unwrap();

    // The buffers between us fill up, and then nothing moves.
    assert!(matches!(server.ended.next().await, ServeEnd::Caller(_)));
    drop(pipe);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_of_a_caller_that_takes_no_answers_are_not_read_without_end() {
    let server = serving(Content, ServeLimits { least_speed: LEAST, ..ServeLimits::default() });
    let mut pipe = server.call().await.upgrade("/stream", PROTOCOL).await.unwrap();
    let closer = pipe.closer().unwrap();
    let thread = tokio::task::spawn_blocking(move || {
        let requests: Vec<u8> = (0..10_000u32).flat_map(|_| 1u32.to_be_bytes()).collect();
        pipe.hold_to(LEAST).unwrap();
        (0..10_000).any(|_| pipe.queue(&requests).and_then(|()| pipe.flush()).is_err())
    });
    assert!(soon(thread).await.unwrap(), "the requests are not taken without end");
    closer.close();
    server.ended.next().await;
}

type Peer = StreamOwned<ServerConnection, TcpStream>;

/// Asks `hostile` for pieces 1 and 2 (of 9 and 16,375 bytes), and tells how the lane failed.
async fn meets(hostile: impl FnOnce(Peer) + Send + 'static) -> LaneError {
    let (handle, kept, end) = lane_to(hostile).await;
    let end = soon(end).await.unwrap();
    let ends = kept.left();
    assert_eq!(ends.iter().map(|(piece, _)| *piece).collect::<Vec<_>>(), [1, 2], "each job ends once");
    assert_eq!(ends[1].1, PieceEnd::Failed);
    assert!(handle.fetch(3).is_err());
    match end {
        LaneEnd::Failed(error) => error,
        end => panic!("{end:?}"),
    }
}

async fn lane_to(hostile: impl FnOnce(Peer) + Send + 'static) -> (LaneHandle, Kept, tokio::task::JoinHandle<LaneEnd>) {
    let (address, identity) = hostile_server(hostile);
    let client = Client::new(Identity::ephemeral().unwrap());
    let connection = client.connect(&[address], Expect::Peer(identity.id()), Timeouts::default()).await.unwrap();
    let pipe = connection.upgrade("/stream", PROTOCOL).await.unwrap();
    let kept = Kept::default();
    let limits = LaneLimits { least_speed: LEAST, ..LaneLimits::default() };
    let (handle, lane) = Lane::new(pipe, Box::new(kept.clone()), limits).unwrap();
    handle.fetch(1).unwrap();
    handle.fetch(2).unwrap();
    (handle, kept, tokio::task::spawn_blocking(move || lane.run()))
}

/// Accepts one connection, switches protocols, waits for the first request, and then does what `hostile` does.
fn hostile_server(hostile: impl FnOnce(Peer) + Send + 'static) -> (SocketAddr, Identity) {
    let identity = Identity::ephemeral().unwrap();
    let config = Arc::new(tls::server_config(&identity).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let (socket, _) = listener.accept().unwrap();
        socket.set_read_timeout(Some(SOON)).unwrap();
        socket.set_write_timeout(Some(SOON)).unwrap();
        let mut peer = StreamOwned::new(ServerConnection::new(config).unwrap(), socket);
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            peer.read_exact(&mut byte).unwrap();
            request.extend(byte);
        }
        let answer = format!("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: {PROTOCOL}\r\n\r\n");
        peer.write_all(answer.as_bytes()).unwrap();
        peer.read_exact(&mut [0; 4]).unwrap();
        hostile(peer);
    });
    (address, identity)
}

fn head(status: u8, piece: u32, number: u32) -> Vec<u8> {
    [&[status][..], &piece.to_be_bytes(), &number.to_be_bytes()].concat()
}

fn wait_for_the_end(mut peer: Peer) {
    let _ = peer.read_to_end(&mut Vec::new());
}
