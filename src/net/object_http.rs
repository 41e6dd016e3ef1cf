//! HTTP to an object store (S3): the transport that the crate `object_store` is given, so that its requests use the same
//! hyper and rustls as everything else here.
//!
//! Connections are kept and used again. Reaching the store, the head of an answer and each step of its body have an end in
//! time; whoever asks decides about trying again.

use std::{
    fmt, io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{StreamExt as _, future::BoxFuture};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::{
    Uri,
    body::{Frame, Incoming},
    rt::{Read, ReadBufCursor, Write},
};
use hyper_util::{
    client::legacy::{
        Client,
        connect::{Connected, Connection},
    },
    rt::{TokioExecutor, TokioIo},
};
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody, HttpResponse, HttpResponseBody,
    HttpService,
};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject as _},
};
use tokio::{
    net::TcpStream,
    time::{error::Elapsed, timeout},
};
use tokio_rustls::{TlsConnector, client::TlsStream};

/// Reaching the store, with its handshake.
const CONNECT: Duration = Duration::from_secs(5);
/// From the request, with all of its body, to the head of the answer.
const ANSWER: Duration = Duration::from_secs(60);
/// From one step of an answer's body to the next.
const STEP: Duration = Duration::from_secs(20);
/// A connection that nobody uses is kept so long.
const IDLE: Duration = Duration::from_secs(30);
const IDLE_MAX: usize = 32;

/// The way to an object store. Cheap to clone.
#[derive(Clone)]
pub struct ObjectHttp {
    client: Client<Dial, HttpRequestBody>,
}

/// Why the way can't be prepared.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ObjectHttpError {
    #[error("{path} can't be read as certificates in PEM: {reason}")]
    Authority { path: String, reason: String },
    #[error("TLS can't be prepared: {0}")]
    Tls(String),
}

impl ObjectHttp {
    /// `authority`: a PEM file of certificates to trust beside the public ones, for a store with a certificate of the
    /// network's own.
    pub fn new(authority: Option<&std::path::Path>) -> Result<ObjectHttp, ObjectHttpError> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        if let Some(path) = authority {
            let bad = |reason: String| ObjectHttpError::Authority { path: path.display().to_string(), reason };
            let certificates =
                CertificateDer::pem_file_iter(path).and_then(|found| found.collect::<Result<Vec<_>, _>>());
            for certificate in certificates.map_err(|error| bad(error.to_string()))? {
                roots.add(certificate).map_err(|error| bad(error.to_string()))?;
            }
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| ObjectHttpError::Tls(error.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let dial = Dial { tls: TlsConnector::from(Arc::new(tls)) };
        let client = Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(IDLE_MAX)
            .pool_timer(hyper_util::rt::TokioTimer::new())
            .build(dial);
        Ok(ObjectHttp { client })
    }
}

impl fmt::Debug for ObjectHttp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ObjectHttp")
    }
}

impl HttpConnector for ObjectHttp {
    fn connect(&self, _: &object_store::ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}

#[async_trait::async_trait]
impl HttpService for ObjectHttp {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let answer = timeout(ANSWER, self.client.request(request)).await.map_err(too_late)?;
        let (head, body) = answer.map_err(failed)?.into_parts();
        Ok(HttpResponse::from_parts(head, HttpResponseBody::new(steady(body))))
    }
}

/// A body whose steps must come in time.
fn steady(body: Incoming) -> impl hyper::body::Body<Data = Bytes, Error = HttpError> + Send + Sync + 'static {
    let steps = futures_util::stream::unfold(Some(body.into_data_stream()), async |steps| {
        let mut steps = steps?;
        match timeout(STEP, steps.next()).await {
            Ok(Some(Ok(bytes))) => Some((Ok(Frame::data(bytes)), Some(steps))),
            Ok(Some(Err(error))) => Some((Err(HttpError::new(HttpErrorKind::Interrupted, error)), None)),
            Ok(None) => None,
            Err(late) => Some((Err(too_late(late)), None)),
        }
    });
    // Whoever reads a body may ask again behind its end.
    StreamBody::new(sync(steps.fuse()))
}

/// What `object_store` wants to share between threads is only ever polled by one at a time.
fn sync<S: futures_util::Stream + Send>(steps: S) -> impl futures_util::Stream<Item = S::Item> + Send + Sync {
    SyncStream { steps: std::sync::Mutex::new(Box::pin(steps)) }
}

struct SyncStream<S> {
    steps: std::sync::Mutex<Pin<Box<S>>>,
}

impl<S: futures_util::Stream> futures_util::Stream for SyncStream<S> {
    type Item = S::Item;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let steps = self.steps.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
        steps.as_mut().poll_next(context)
    }
}

fn too_late(error: Elapsed) -> HttpError {
    HttpError::new(HttpErrorKind::Timeout, error)
}

fn failed(error: hyper_util::client::legacy::Error) -> HttpError {
    let kind = if error.is_connect() { HttpErrorKind::Connect } else { HttpErrorKind::Request };
    HttpError::new(kind, error)
}

/// Makes connections: plain for `http`, with TLS for `https`.
#[derive(Clone)]
struct Dial {
    tls: TlsConnector,
}

impl tower::Service<Uri> for Dial {
    type Response = Line;
    type Error = io::Error;
    type Future = BoxFuture<'static, io::Result<Line>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let tls = self.tls.clone();
        Box::pin(async move {
            let late = |_| io::Error::new(io::ErrorKind::TimedOut, "the store does not answer");
            timeout(CONNECT, dial(tls, uri)).await.map_err(late)?
        })
    }
}

async fn dial(tls: TlsConnector, uri: Uri) -> io::Result<Line> {
    let nameless = || io::Error::new(io::ErrorKind::InvalidInput, "the store's address has no host");
    let host = uri.host().ok_or_else(nameless)?.trim_start_matches('[').trim_end_matches(']');
    let encrypted = uri.scheme_str() == Some("https");
    let stream = TcpStream::connect((host, uri.port_u16().unwrap_or(if encrypted { 443 } else { 80 }))).await?;
    stream.set_nodelay(true)?;
    if !encrypted {
        return Ok(Line::Plain(TokioIo::new(stream)));
    }
    let name =
        ServerName::try_from(host.to_owned()).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    Ok(Line::Tls(Box::new(TokioIo::new(tls.connect(name, stream).await?))))
}

/// A connection.
enum Line {
    Plain(TokioIo<TcpStream>),
    Tls(Box<TokioIo<TlsStream<TcpStream>>>),
}

impl Connection for Line {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl Read for Line {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Line::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Line::Tls(stream) => Pin::new(stream.as_mut()).poll_read(context, buffer),
        }
    }
}

impl Write for Line {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Line::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Line::Tls(stream) => Pin::new(stream.as_mut()).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Line::Plain(stream) => Pin::new(stream).poll_flush(context),
            Line::Tls(stream) => Pin::new(stream.as_mut()).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Line::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Line::Tls(stream) => Pin::new(stream.as_mut()).poll_shutdown(context),
        }
    }
}
