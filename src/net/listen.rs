//! Accepts connections, finds out who is calling, and hands requests to a router.
//!
//! Nobody who calls is trusted with our time or memory: a handshake has 5 s, a request's head 10 s, a body must keep
//! 1 KiB/s, and there is a limit of connections per address and in all. The routes see who calls as a [`Caller`] in the
//! request's extensions; whether that peer may have what it asks for is theirs to decide.
//!
//! In server mode browsers come to the same port. They show themselves by what they offer in the handshake (ALPN, RFC 7301):
//! peers offer `handout/1`, browsers offer HTTP. A browser is asked for no certificate, sees the server's own one, and gets
//! routes of its own; it is a [`Visitor`]. Who offers nothing (Node.js, scripts) sees the same certificate, and is a peer if
//! it shows a key, otherwise a visitor, too. Whoever types an address without `https` is led there.
//!
//! A connection that was upgraded (for pieces) has left this room: whoever took it ends it.

mod admission;
mod http2;
mod limits;
mod plain_http;
mod rate;

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::{Router, body::Body};
use hyper::{body::Incoming, server::conn::http1};
use hyper_util::rt::{TokioIo, TokioTimer};
use rustls::ServerConfig;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    time::{sleep, timeout},
};
use tokio_rustls::{LazyConfigAcceptor, server::TlsStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tower::ServiceExt;

pub use self::{admission::Gauge, limits::Limits, rate::Rate};
use self::{
    admission::{Admission, Place},
    rate::{HowOften, Rates, too_often},
};
use super::{
    Acquainted, socket,
    steady::{Steady, SteadyBody},
    tls,
};
use crate::share::{PeerId, Whence};

/// Where we answer when nothing else is said: in the user ports (RFC 6335 §6), and nobody's there.
pub const DEFAULT_PORT: u16 = 47_548;

/// Connections that the system keeps for us until we accept them.
const BACKLOG: i32 = 256;

/// What a connection of HTTP/1 reads ahead, and what of an answer waits for the socket; a head must fit into it.
const BUFFER: usize = 64 << 10;

/// How long to wait before accepting again when the system has no room for another connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Who sent a request: a key that was proved, and where it came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caller {
    pub peer: PeerId,
    pub address: SocketAddr,
}

/// Who sent a request from a browser: nobody who proved anything yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Visitor {
    pub address: SocketAddr,
}

/// What browsers get.
#[derive(Clone)]
pub struct Browsers {
    /// Their TLS; a newer one (with a renewed certificate) goes for connections from then on.
    pub tls: watch::Receiver<Arc<tls::SiteTls>>,
    pub router: Router,
}

/// A socket that is bound and listens.
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
    browsers: Option<Browsers>,
    gauge: Gauge,
    known: Acquainted,
}

/// A connection's place, in each of its requests: whoever upgrades one holds on to it.
#[derive(Clone)]
pub(super) struct KeepPlace(Arc<Place>);

impl KeepPlace {
    pub fn whence(&self) -> Whence {
        self.0.whence()
    }

    /// Ready when the connection has to give way to another.
    pub async fn over(&self) {
        self.0.over().await;
    }
}

/// The connection under an upgraded request.
pub(super) type ServerIo = TokioIo<Steady<TlsStream<TcpStream>>>;

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listener").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Listener {
    /// Takes exactly the address that is wanted. `None`: [`DEFAULT_PORT`] on all addresses, or any free port where that
    /// one is taken. Call it inside a tokio runtime.
    pub fn bind(wanted: Option<SocketAddr>) -> io::Result<Listener> {
        let socket = match wanted {
            Some(address) => open(address).map_err(|error| cannot_listen(address, error))?,
            None => open_everywhere(DEFAULT_PORT).or_else(|error| match error.kind() {
                io::ErrorKind::AddrInUse | io::ErrorKind::PermissionDenied => open_everywhere(0),
                _ => Err(error),
            })?,
        };
        let socket = TcpListener::from_std(socket.into())?;
        let address = socket.local_addr()?;
        Ok(Listener { socket, address, browsers: None, gauge: Gauge::default(), known: Acquainted::default() })
    }

    /// Lets browsers in, too.
    pub fn with_browsers(self, browsers: Browsers) -> Listener {
        Listener { browsers: Some(browsers), ..self }
    }

    /// Those who are known find a place also when strangers take all others.
    pub fn knowing(self, known: Acquainted) -> Listener {
        Listener { known, ..self }
    }

    /// How many connections there are.
    pub fn gauge(&self) -> Gauge {
        self.gauge.clone()
    }

    /// What is bound; `[::]` means every address, of IPv4 too.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Answers until `cancel`, then lets requests end within [`Limits::drain`]. Every connection's task is in `tracker`.
pub async fn serve(
    listener: Listener,
    tls: ServerConfig,
    router: Router,
    limits: Limits,
    cancel: CancellationToken,
    tracker: TaskTracker,
) {
    let Listener { socket: listener, browsers, gauge, known, .. } = listener;
    let admission = Admission::new(limits, gauge.clone(), known);
    let server =
        Arc::new(Server { tls: Arc::new(tls), router, browsers, limits, gauge, cancel, asked: Arc::default() });
    loop {
        let accepted = tokio::select! {
            () = server.cancel.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((socket, address)) => {
                // Whoever has too many connections gets none more; those it has go on.
                if let Some(place) = admission.enter(address.ip()) {
                    tracker.spawn(server.clone().connection(socket, address, place));
                }
            }
            // The caller gave up before we came to it: the next one may be waiting.
            Err(error) if is_the_callers(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "a connection can't be accepted; trying again");
                tokio::select! { () = server.cancel.cancelled() => return, () = sleep(ACCEPT_PAUSE) => {} }
            }
        }
    }
}

/// What all connections share.
struct Server {
    tls: Arc<ServerConfig>,
    router: Router,
    browsers: Option<Browsers>,
    limits: Limits,
    gauge: Gauge,
    cancel: CancellationToken,
    /// What each network asked for, and each peer on this computer.
    asked: Arc<Rates<(IpAddr, Option<PeerId>)>>,
}

impl Server {
    /// One connection, from its handshake to its end.
    async fn connection(self: Arc<Self>, socket: TcpStream, address: SocketAddr, place: Place) {
        let place = KeepPlace(Arc::new(place));
        let address = plain(address);
        let stream = tokio::select! {
            () = self.cancel.cancelled() => return,
            () = place.over() => return,
            handshake = timeout(self.limits.handshake, self.handshake(socket)) => match handshake {
                Ok(Ok(Some(stream))) => stream,
                Ok(Ok(None)) => return,
                Ok(Err(error)) => {
                    self.gauge.handshake_failed();
                    return tracing::debug!(%address, %error, "a caller's handshake failed");
                }
                Err(_) => {
                    self.gauge.handshake_failed();
                    return tracing::debug!(%address, "a caller did not finish its handshake in time");
                }
            },
        };
        let key = match &stream {
            Met::Peer(stream) => tls::peer_of(stream.get_ref().1.peer_certificates()),
            Met::Browser(..) => None,
        };
        if !place.0.proved(key) {
            return;
        }
        match stream {
            Met::Peer(stream) => {
                // The verifier has read this certificate, so there always is a peer.
                let Some(peer) = key else { return };
                let stream = Steady::new(stream, self.limits.least_speed);
                let often = self.how_often(peer, address.ip());
                self.requests(stream, (&self.router, Some(often)), Caller { peer, address }, place).await;
            }
            Met::Browser(stream, router) if stream.get_ref().1.alpn_protocol() == Some(tls::ALPN_HTTP2) => {
                http2::requests(stream, router, Visitor { address }, place, self.limits, &self.cancel).await;
            }
            Met::Browser(stream, router) => {
                // An upload that is refused in its middle is told why.
                let stream = Steady::new(stream, self.limits.least_speed).lingering();
                self.requests(stream, (&router, None), Visitor { address }, place).await;
            }
        }
    }

    fn how_often(&self, peer: PeerId, address: IpAddr) -> HowOften {
        let whence = Whence::of(address);
        let (who, rate) = match whence.is_here() {
            true => ((whence.net, Some(peer)), self.limits.requests_here),
            false => ((whence.net, None), self.limits.requests),
        };
        HowOften { asked: self.asked.clone(), who, rate }
    }

    /// `None`: what came was no TLS, and was answered.
    async fn handshake(&self, mut socket: TcpStream) -> io::Result<Option<Met>> {
        socket::tune(&socket)?;
        if self.browsers.is_some() && plain_http::is_no_tls(&socket).await? {
            plain_http::lead_to_https(&mut socket).await?;
            return Ok(None);
        }
        let start = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), socket).await?;
        let offers = offered(&start.client_hello());
        let Some(browsers) = self.browsers.as_ref().filter(|_| offers != Offers::Handout) else {
            return Ok(Some(Met::Peer(start.into_stream(self.tls.clone()).await?)));
        };
        let site = browsers.tls.borrow().clone();
        let tls = if offers == Offers::Http { &site.browsers } else { &site.programs };
        let stream = start.into_stream(tls.clone()).await?;
        Ok(Some(match stream.get_ref().1.peer_certificates() {
            Some(_) => Met::Peer(stream),
            None => Met::Browser(stream, browsers.router.clone()),
        }))
    }

    /// Answers requests until the connection ends. `who` is in the extensions of each.
    async fn requests<W>(
        &self,
        stream: Steady<TlsStream<TcpStream>>,
        (router, often): (&Router, Option<HowOften>),
        who: W,
        place: KeepPlace,
    ) where
        W: Clone + std::fmt::Debug + Send + Sync + 'static,
    {
        let (least_speed, said, given) = (self.limits.least_speed, who.clone(), place.clone());
        let service = hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
            let mut request = request.map(|body| Body::new(SteadyBody::new(body, least_speed)));
            request.extensions_mut().insert(who.clone());
            request.extensions_mut().insert(place.clone());
            let (router, may) = (router.clone(), often.as_ref().is_none_or(HowOften::may_again));
            async move { if may { router.oneshot(request).await } else { Ok(too_often()) } }
        });
        let io: ServerIo = TokioIo::new(stream);
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.limits.header)
            .max_buf_size(BUFFER)
            .serve_connection(io, service)
            .with_upgrades();
        let mut connection = std::pin::pin!(connection);
        let result = tokio::select! {
            result = connection.as_mut() => result,
            () = given.over() => Ok(()),
            () = self.cancel.cancelled() => {
                connection.as_mut().graceful_shutdown();
                timeout(self.limits.drain, connection).await.unwrap_or(Ok(()))
            }
        };
        if let Err(error) = result {
            tracing::debug!(caller = ?said, %error, "a caller's connection ended");
        }
    }
}

/// Who is at the other end.
enum Met {
    Peer(TlsStream<TcpStream>),
    Browser(TlsStream<TcpStream>, Router),
}

/// What a caller offers to speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Offers {
    Handout,
    Http,
    Nothing,
}

/// Browsers and HTTP tools offer HTTP, peers our own protocol, some programs nothing.
fn offered(hello: &rustls::server::ClientHello<'_>) -> Offers {
    let Some(mut offered) = hello.alpn() else { return Offers::Nothing };
    if offered.any(|protocol| protocol == super::ALPN) { Offers::Handout } else { Offers::Http }
}

/// Every address of IPv6 and IPv4 in one socket, or of IPv4 alone where there is no IPv6.
fn open_everywhere(port: u16) -> io::Result<Socket> {
    match open(SocketAddr::from((Ipv6Addr::UNSPECIFIED, port))) {
        Err(error) if error.kind() != io::ErrorKind::AddrInUse => open(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port))),
        opened => opened,
    }
}

fn open(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A port whose last connections are still closing is free; on Windows the option would share a port that is in use.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket)
}

fn cannot_listen(address: SocketAddr, error: io::Error) -> io::Error {
    let advice = match error.kind() {
        io::ErrorKind::AddrInUse => "another program answers there; choose another port",
        io::ErrorKind::AddrNotAvailable => "this computer has no such address; choose one of its own",
        io::ErrorKind::PermissionDenied => "that is not allowed here; choose a port from 1024 up",
        _ => "choose another address",
    };
    io::Error::new(error.kind(), format!("can't listen on {address} ({error}): {advice}"))
}

/// Errors of one connection that never came about, after which accepting goes on at once.
fn is_the_callers(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

/// An IPv4 caller on a socket of both families comes as `::ffff:a.b.c.d`.
fn plain(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        IpAddr::V4(ip) => SocketAddr::from((ip, address.port())),
        IpAddr::V6(_) => address,
    }
}
