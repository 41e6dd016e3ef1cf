//! Requests to another peer: to whom exactly, for how long, and how much of an answer is taken.
//!
//! A [`Connection`] is one TLS connection with one request on its way at a time. Everything about it is bounded: how long
//! connecting and the answer's head may take, how slow a body may come, how long it may be. Whoever wants pieces
//! [upgrades](Connection::upgrade) it.

mod answer;
mod dial;
mod kept;

use std::{
    net::SocketAddr,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use axum::http::{self, HeaderMap, Method, Request, Response, StatusCode, header};
use bytes::Bytes;
use http_body_util::Full;
use hyper::{
    body::Incoming,
    client::conn::http1::{self, SendRequest},
};
use hyper_util::rt::TokioIo;
use tokio::{
    net::TcpStream,
    task::JoinHandle,
    time::{sleep, timeout},
};
use tokio_rustls::client::TlsStream;

pub use self::answer::BodyStream;
use super::{
    Acquainted, LeastSpeed, Pipe,
    identity::Identity,
    steady::{Steady, SteadyBody},
    tls::{self, Expect},
};
use crate::{
    share::PeerId,
    wire::{
        paths::{LISTEN_HEADER, MEMBERSHIP_HEADER},
        trace::{TRACEPARENT, TraceId},
    },
};

/// How long things may take.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// To reach an address and prove both keys.
    pub connect: Duration,
    /// From the request to the head of its answer.
    pub answer: Duration,
    pub least_speed: LeastSpeed,
}

impl Default for Timeouts {
    fn default() -> Timeouts {
        Timeouts {
            connect: Duration::from_secs(5),
            answer: Duration::from_secs(15),
            least_speed: LeastSpeed::default(),
        }
    }
}

/// Why a call brought nothing; the sentences tell what happened and leave out to whom, which the caller knows.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CallError {
    #[error("it can't be reached at {tried} ({reason}); check that it is switched on and in the same network")]
    Unreachable { tried: String, reason: String },
    #[error("{0}; somebody else uses its address now, or its key was replaced")]
    WrongPeer(tls::WrongPeer),
    #[error("it refused ({status}): {detail}")]
    Refused { status: u16, retry_after_ms: Option<u64>, detail: String },
    #[error("its answer is larger than the {limit} bytes that are allowed here")]
    TooLarge { limit: usize },
    #[error("it answered too slowly")]
    TooSlow,
    #[error("its answer makes no sense ({0}); it may run another version of Handout")]
    Malformed(String),
    #[error("it closed the connection; trying again may help")]
    Closed,
}

/// Calls in the name of one identity. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    identity: Arc<Identity>,
    listening: Option<u16>,
    /// What a server vouches for of us, as it is shown to everybody who is called.
    membership: Arc<RwLock<Option<http::HeaderValue>>>,
    kept: Arc<kept::Kept>,
    acquainted: Acquainted,
}

/// What a request for something that may be known already brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fetched {
    /// It is still what the given ETag stands for.
    Unchanged,
    Body {
        bytes: Bytes,
        etag: Option<String>,
    },
}

/// A connection to a peer that has proved its key.
pub struct Connection {
    requests: SendRequest<Full<Bytes>>,
    /// Moves the bytes of requests and answers; it ends with the connection.
    _driver: Driver,
    peer: PeerId,
    address: SocketAddr,
    listening: Option<u16>,
    membership: Option<http::HeaderValue>,
    timeouts: Timeouts,
    trace: Option<TraceId>,
    /// What time it was there at its last answer.
    told_s: Option<i64>,
}

struct Driver(JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The connection under an upgraded answer.
type ClientIo = TokioIo<Steady<TlsStream<TcpStream>>>;

impl Client {
    pub fn new(identity: Identity) -> Client {
        let (membership, kept) = (Arc::default(), Arc::default());
        Client { identity: Arc::new(identity), listening: None, membership, kept, acquainted: Acquainted::default() }
    }

    /// Those who were called and proved their keys.
    pub fn acquainted(&self) -> Acquainted {
        self.acquainted.clone()
    }

    /// Tells those who are called at which port we answer ourselves.
    pub fn listening_at(self, port: u16) -> Client {
        Client { listening: Some(port), ..self }
    }

    /// Shows this from the next connection on to everybody who is called.
    pub fn show(&self, membership: Option<&[u8]>) {
        let text = membership.map(|wire| data_encoding::BASE64.encode(wire));
        let value = text.and_then(|text| http::HeaderValue::try_from(text).ok());
        *self.membership.write().unwrap_or_else(PoisonError::into_inner) = value;
        self.kept.clear();
    }

    /// Connects to the first of `addresses` (at most 16 are tried, each a moment after the one before) at which `expect`
    /// proves its key. A connection to that peer that was [kept](Client::keep) is used again.
    pub async fn connect(
        &self,
        addresses: &[SocketAddr],
        expect: Expect,
        timeouts: Timeouts,
    ) -> Result<Connection, CallError> {
        if let Expect::Peer(peer) = expect
            && let Some(mut kept) = self.kept.take(peer)
        {
            kept.timeouts = timeouts;
            return Ok(kept);
        }
        self.connect_anew(addresses, expect, timeouts).await
    }

    /// Connects as [`Client::connect`] does, and uses none that was kept.
    pub async fn connect_anew(
        &self,
        addresses: &[SocketAddr],
        expect: Expect,
        timeouts: Timeouts,
    ) -> Result<Connection, CallError> {
        let config = tls::client_config(&self.identity, expect).map_err(|error| CallError::Unreachable {
            tried: "any address".to_owned(),
            reason: format!("this computer's key can't be used: {error}"),
        })?;
        let (stream, address) = dial::first(addresses, Arc::new(config), timeouts.connect).await?;
        let membership = self.membership.read().unwrap_or_else(PoisonError::into_inner).clone();
        let connection = Connection::begin(stream, address, (self.listening, membership), timeouts).await?;
        self.acquainted.met(connection.peer);
        Ok(connection)
    }

    /// Its answers were taken whole: the next request to the same peer may use it, for some seconds.
    pub fn keep(&self, connection: Connection) {
        self.kept.put(connection);
    }
}

impl Connection {
    async fn begin(
        stream: TlsStream<TcpStream>,
        address: SocketAddr,
        (listening, membership): (Option<u16>, Option<http::HeaderValue>),
        timeouts: Timeouts,
    ) -> Result<Connection, CallError> {
        let peer = tls::peer_of(stream.get_ref().1.peer_certificates())
            .ok_or_else(|| CallError::Malformed("no key was shown".to_owned()))?;
        let io: ClientIo = TokioIo::new(Steady::new(stream, timeouts.least_speed));
        let (requests, connection) = http1::handshake(io).await.map_err(|error| call_error(&error))?;
        let driver = tokio::spawn(async move {
            if let Err(error) = connection.with_upgrades().await {
                tracing::debug!(%address, %error, "a connection to a peer ended");
            }
        });
        Ok(Connection {
            requests,
            _driver: Driver(driver),
            peer,
            address,
            listening,
            membership,
            timeouts,
            trace: None,
            told_s: None,
        })
    }

    /// Sends a request's id with all that is asked from here on, so that the other side logs the same one.
    pub fn carry(&mut self, trace: TraceId) {
        self.trace = Some(trace);
    }

    /// Who answered.
    pub fn peer(&self) -> PeerId {
        self.peer
    }

    /// Where.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What time it was there when it last answered, in seconds since 1970, if it says.
    pub fn told_s(&self) -> Option<i64> {
        self.told_s
    }

    /// Whether another request can't succeed, because the connection has ended.
    pub fn is_closed(&self) -> bool {
        self.requests.is_closed()
    }

    /// The whole body of `path`, at most `limit` bytes.
    pub async fn get(&mut self, path: &str, limit: usize) -> Result<Bytes, CallError> {
        match self.get_if_changed(path, None, Duration::ZERO, limit).await? {
            Fetched::Body { bytes, .. } => Ok(bytes),
            Fetched::Unchanged => Err(CallError::Malformed("304 to an unconditional request".to_owned())),
        }
    }

    /// The whole body of `path`, at most `limit` bytes, and the value of a header of the answer.
    pub async fn get_with(
        &mut self,
        path: &str,
        name: &'static str,
        limit: usize,
    ) -> Result<(Bytes, Option<String>), CallError> {
        let request = self.request(path)?;
        let response = self.send(request, Duration::ZERO).await?;
        match response.status() {
            StatusCode::OK => {
                let value = text_header(response.headers(), header::HeaderName::from_static(name));
                Ok((answer::whole(response.into_body(), limit, self.timeouts.least_speed).await?, value))
            }
            _ => Err(answer::refusal(response, self.timeouts.least_speed).await),
        }
    }

    /// The whole body of `path`, at most `limit` bytes, unless it is still the one that `etag` stands for. The other side may
    /// `wait` for it to change (RFC 7240), in whole seconds.
    pub async fn get_if_changed(
        &mut self,
        path: &str,
        etag: Option<&str>,
        wait: Duration,
        limit: usize,
    ) -> Result<Fetched, CallError> {
        let mut request = self.request(path)?;
        if let Some(etag) = etag {
            let etag = http::HeaderValue::from_str(etag).map_err(|_| CallError::Malformed("its ETag".to_owned()))?;
            request.headers_mut().insert(header::IF_NONE_MATCH, etag);
        }
        if wait.as_secs() > 0 {
            let prefer = http::HeaderValue::try_from(format!("wait={}", wait.as_secs()));
            request.headers_mut().extend(prefer.map(|prefer| (http::HeaderName::from_static("prefer"), prefer)));
        }
        let response = self.send(request, wait).await?;
        match response.status() {
            StatusCode::NOT_MODIFIED => Ok(Fetched::Unchanged),
            StatusCode::OK => {
                let etag = text_header(response.headers(), header::ETAG);
                let bytes = answer::whole(response.into_body(), limit, self.timeouts.least_speed).await?;
                Ok(Fetched::Body { bytes, etag })
            }
            _ => Err(answer::refusal(response, self.timeouts.least_speed).await),
        }
    }

    /// The answer to JSON that is sent to `path`, at most `limit` bytes. The other side may think for `wait` beyond the usual.
    pub async fn post(&mut self, path: &str, json: Vec<u8>, wait: Duration, limit: usize) -> Result<Bytes, CallError> {
        let mut request = self.request(path)?;
        *request.method_mut() = Method::POST;
        request.headers_mut().insert(header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
        *request.body_mut() = Full::new(json.into());
        let response = self.send(request, wait).await?;
        match response.status() {
            StatusCode::OK => answer::whole(response.into_body(), limit, self.timeouts.least_speed).await,
            _ => Err(answer::refusal(response, self.timeouts.least_speed).await),
        }
    }

    /// The body of `path` as it comes, for as long as it comes: it may be silent for `silence`, and is not held to the least
    /// speed. The connection belongs to it.
    pub async fn get_stream(mut self, path: &str, silence: Duration) -> Result<BodyStream, CallError> {
        let request = self.request(path)?;
        let response = self.send(request, Duration::ZERO).await?;
        if response.status() != StatusCode::OK {
            return Err(answer::refusal(response, self.timeouts.least_speed).await);
        }
        let body = SteadyBody::new(response.into_body(), LeastSpeed { window: silence, bytes: 1 });
        Ok(BodyStream::new(body, self))
    }

    /// Leaves HTTP for `protocol`; the other side must answer `101`.
    pub async fn upgrade(mut self, path: &str, protocol: &'static str) -> Result<Pipe, CallError> {
        let mut request = self.request(path)?;
        request.headers_mut().insert(header::CONNECTION, http::HeaderValue::from_static("upgrade"));
        request.headers_mut().insert(header::UPGRADE, http::HeaderValue::from_static(protocol));
        let response = self.send(request, Duration::ZERO).await?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Err(answer::refusal(response, self.timeouts.least_speed).await);
        }
        if text_header(response.headers(), header::UPGRADE).as_deref() != Some(protocol) {
            return Err(CallError::Malformed("it switched to another protocol than was asked for".to_owned()));
        }
        let upgraded = timeout(self.timeouts.answer, hyper::upgrade::on(response)).await;
        let upgraded = upgraded.map_err(|_| CallError::TooSlow)?.map_err(|error| call_error(&error))?;
        let parts = upgraded.downcast::<ClientIo>().map_err(|_| CallError::Closed)?;
        let (socket, tls) = parts.io.into_inner().into_inner().into_inner();
        Pipe::new(socket, tls.into(), parts.read_buf).map_err(|_| CallError::Closed)
    }

    fn request(&self, path: &str) -> Result<Request<Full<Bytes>>, CallError> {
        let request = Request::builder().method(Method::GET).uri(path).header(header::HOST, self.address.to_string());
        let request = self.listening.iter().fold(request, |request, port| request.header(LISTEN_HEADER, *port));
        let shown = self.membership.iter();
        let request = shown.fold(request, |request, shown| request.header(MEMBERSHIP_HEADER, shown));
        let request =
            self.trace.iter().fold(request, |request, trace| request.header(TRACEPARENT, trace.header(span())));
        request
            .body(Full::default())
            .map_err(|error| CallError::Malformed(format!("{path} can't be asked for: {error}")))
    }

    async fn send(&mut self, request: Request<Full<Bytes>>, wait: Duration) -> Result<Response<Incoming>, CallError> {
        let exchange = async {
            // A connection that was used before may still be busy with the end of its last answer.
            self.requests.ready().await?;
            self.requests.send_request(request).await
        };
        match timeout(self.timeouts.answer + wait, exchange).await {
            Ok(Ok(response)) => {
                self.told_s = text_header(response.headers(), header::DATE).and_then(|date| answer::seconds_of(&date));
                Ok(response)
            }
            Ok(Err(error)) => Err(call_error(&error)),
            Err(_) => Err(CallError::TooSlow),
        }
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").field("peer", &self.peer).field("address", &self.address).finish_non_exhaustive()
    }
}

/// This call in its trace.
fn span() -> [u8; 8] {
    let mut span = [0; 8];
    // Without chance the calls of a trace look alike, and nothing else.
    aws_lc_rs::rand::fill(&mut span).ok();
    span
}

/// What hyper's error means to us.
fn call_error(error: &hyper::Error) -> CallError {
    use std::error::Error as _;
    let io = error.source().and_then(|cause| cause.downcast_ref::<std::io::Error>());
    match io.map(std::io::Error::kind) {
        Some(std::io::ErrorKind::TimedOut) => CallError::TooSlow,
        _ if error.is_parse() || error.is_parse_too_large() => CallError::Malformed(error.to_string()),
        _ => CallError::Closed,
    }
}

fn text_header(headers: &HeaderMap, name: header::HeaderName) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}
