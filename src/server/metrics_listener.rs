//! Where `/metrics` is answered: a listener of its own without TLS, on this computer alone unless somebody chose otherwise.

use std::{
    convert::Infallible,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use http::{Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::{body::Bytes, server::conn::http1};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{net::TcpListener, sync::Semaphore, time::timeout};

use super::{
    Server, ServerError,
    config::{METRICS_PORT, Metrics},
};

/// Whoever watches asks one thing at a time.
const CONNECTIONS: usize = 8;
const HEADER: Duration = Duration::from_secs(5);
/// A connection is over then, whatever is asked on it.
const LIFE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(200);
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Binds the listener. `None`: there is none.
pub(super) async fn bind(wanted: Metrics) -> Result<Option<TcpListener>, ServerError> {
    let (address, chosen) = match wanted {
        Metrics::Off => return Ok(None),
        Metrics::Usual => (SocketAddr::from((Ipv4Addr::LOCALHOST, METRICS_PORT)), false),
        Metrics::At(address) => (address, true),
    };
    match TcpListener::bind(address).await {
        Ok(listener) => Ok(Some(listener)),
        Err(error) if chosen => Err(ServerError::Metrics { address, reason: error.to_string() }),
        Err(error) => {
            // Another server on this computer has it; this one works without.
            tracing::info!(%address, %error, "figures are not told: set metrics.listen in server.toml");
            Ok(None)
        }
    }
}

/// Answers until the server ends.
pub(super) async fn serve(listener: TcpListener, server: Arc<Server>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = server.cancel.cancelled() => return,
        };
        let Ok((socket, _)) = accepted else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        // Who comes when all places are taken, comes again.
        let Ok(place) = places.clone().try_acquire_owned() else { continue };
        let asked = server.clone();
        server.tracker.spawn(async move {
            let cancel = asked.cancel.clone();
            let service = hyper::service::service_fn(move |request| {
                let server = asked.clone();
                async move { Ok::<_, Infallible>(answer(&server, &request).await) }
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEADER)
                .serve_connection(TokioIo::new(socket), service);
            tokio::select! {
                _ = timeout(LIFE, connection) => {}
                () = cancel.cancelled() => {}
            }
            drop(place);
        });
    }
}

async fn answer<B>(server: &Server, request: &Request<B>) -> Response<Full<Bytes>> {
    let (status, kind, text) = match (request.method().as_str(), request.uri().path()) {
        ("GET", "/metrics") => (StatusCode::OK, OPENMETRICS, server.figures().await),
        _ => (StatusCode::NOT_FOUND, "text/plain; charset=utf-8", "The figures are at /metrics.\n".to_owned()),
    };
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(kind));
    response
}
