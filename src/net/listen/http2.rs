//! Browsers that speak HTTP/2: many requests at once on one connection, each a stream of its own.
//!
//! What a connection may hold is bounded: streams, the head of a request, and what is taken in ahead of whoever reads it.
//! A connection on which nothing is asked for a while is told to end, as those of HTTP/1 are.

use std::{
    convert::Infallible,
    io,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use axum::{Router, body::Body};
use http::{HeaderValue, Request, Response, header};
use http_body_util::BodyExt as _;
use hyper::{
    body::{Bytes, Frame, Incoming, SizeHint},
    server::conn::http2,
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::{
    super::{held::holding, steady::Steady},
    KeepPlace, Limits, SteadyBody, Visitor,
};

/// Requests at once on one connection; browsers wait with the others.
const STREAMS_MAX: u32 = 64;
/// The head of a request, unpacked (RFC 9113 §6.5.2).
const HEAD_MAX: u32 = 32 << 10;
/// What an upload may be ahead of whoever writes it to disk, for each stream and for all of a connection.
const STREAM_WINDOW: u32 = 512 << 10;
const CONNECTION_WINDOW: u32 = 1 << 20;
/// What waits to be sent on one stream.
const SEND_BUFFER: usize = 128 << 10;
/// Streams that were reset and are still remembered: more end the connection (CVE-2023-44487).
const RESETS_MAX: usize = 32;
/// What is read of a body after the answer is known, in bytes, and for how long.
const REST_MAX: usize = 64 << 10;
const REST_WAIT: Duration = Duration::from_millis(500);
/// How often is looked whether a connection is still used.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// So many looks in a row at which nothing was going on end a connection.
const IDLE_LOOKS: u32 = 12;

/// Requests that are being answered on one connection.
#[derive(Clone, Default)]
struct Open(Arc<AtomicUsize>);

/// One of them; its body counts, too.
struct OpenRequest(Open, #[allow(dead_code, reason = "held, not read")] Shared);

/// A request's body, which lives until its answer was sent. A stream whose body is let go of before counts as cancelled, and
/// the client would throw the answer away (RFC 9113 §8.1).
#[derive(Clone)]
struct Shared(Arc<Mutex<SteadyBody<Incoming>>>);

impl Shared {
    fn body(&self) -> MutexGuard<'_, SteadyBody<Incoming>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Throws away the rest of a body that the answer did not need, unless it is long: who is still sending would be told to
    /// stop, and curl before 8.0 loses the answer over that.
    async fn read_to_its_end(mut self) {
        let reading = async {
            let mut left = REST_MAX;
            while let Some(Ok(frame)) = self.frame().await {
                left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
                if left == 0 {
                    break;
                }
            }
        };
        timeout(REST_WAIT, reading).await.ok();
    }
}

impl hyper::body::Body for Shared {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        Pin::new(&mut *self.body()).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body().is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body().size_hint()
    }
}

impl Open {
    fn one(&self, body: Shared) -> OpenRequest {
        self.0.fetch_add(1, Ordering::Relaxed);
        OpenRequest(self.clone(), body)
    }

    fn is_none(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 0
    }
}

impl Drop for OpenRequest {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Answers requests until the connection ends.
pub(super) async fn requests(
    stream: TlsStream<TcpStream>,
    router: Router,
    visitor: Visitor,
    place: KeepPlace,
    limits: Limits,
    cancel: &CancellationToken,
) {
    let (least_speed, given) = (limits.least_speed, place.clone());
    let open = Open::default();
    let counted = open.clone();
    let service = hyper::service::service_fn(move |request: Request<Incoming>| {
        let (parts, body) = request.into_parts();
        let body = Shared(Arc::new(Mutex::new(SteadyBody::new(body, least_speed))));
        let mut request = Request::from_parts(parts, Body::new(body.clone()));
        name_host(&mut request);
        request.extensions_mut().insert(visitor);
        request.extensions_mut().insert(place.clone());
        let (router, rest, one) = (router.clone(), body.clone(), counted.one(body));
        async move {
            let response: Response<Body> = router.oneshot(request).await?;
            rest.read_to_its_end().await;
            Ok::<_, Infallible>(response.map(|body| holding(body, one)))
        }
    });
    let connection = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(HEAD_MAX)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .max_pending_accept_reset_streams(RESETS_MAX)
        .keep_alive_interval(Some(2 * limits.header))
        .keep_alive_timeout(limits.header)
        .serve_connection(TokioIo::new(Steady::new(stream, least_speed)), service);
    let mut connection = std::pin::pin!(connection);
    let mut idle = 0;
    let result = loop {
        tokio::select! {
            result = connection.as_mut() => break result,
            () = given.over() => break Ok(()),
            () = cancel.cancelled() => {
                connection.as_mut().graceful_shutdown();
                break timeout(limits.drain, connection).await.unwrap_or(Ok(()));
            }
            () = tokio::time::sleep(LOOK_EVERY) => {
                idle = if open.is_none() { idle + 1 } else { 0 };
                if idle == IDLE_LOOKS {
                    connection.as_mut().graceful_shutdown();
                }
                if idle > IDLE_LOOKS {
                    break Ok(());
                }
            }
        }
    };
    if let Err(error) = result {
        tracing::debug!(address = %visitor.address, %error, "a caller's connection ended");
    }
}

/// HTTP/2 names the host in a field of its own (RFC 9113 §8.3.1); everything behind here reads `Host`.
fn name_host<B>(request: &mut Request<B>) {
    let named = request.uri().authority().and_then(|name| HeaderValue::from_str(name.as_str()).ok());
    if let Some(name) = named {
        request.headers_mut().insert(header::HOST, name);
    }
}
