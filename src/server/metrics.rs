//! Figures for whoever watches over servers, in the text format that Prometheus reads (OpenMetrics 1.0).
//!
//! What happens is counted where it happens; what is a state (queues, health of servers above) is looked up when somebody
//! asks. No figure has a name, address or share of anybody in it, and every label has few values: routes are told by their
//! pattern.

use std::{sync::Arc, time::Duration};

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};
use tokio::sync::Semaphore;

use super::{Server, serving::AHEAD_MAX};
use crate::{chain::Health, net::listen, store::central::BatchState};

/// How often, and how long it took.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    route: String,
    method: &'static str,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    route: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Refusal {
    action: &'static str,
    reason: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Limit {
    limit: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Above {
    upstream: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Queue {
    queue: &'static str,
}

/// What the server counts. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Metrics {
    registry: Arc<Registry>,
    requests: Family<Answered, Counter>,
    durations: Family<Route, Histogram>,
    sent_bytes: Counter,
    received_bytes: Counter,
    downloads: Gauge,
    refusals: Family<Refusal, Counter>,
    limits: Family<Limit, Counter>,
    states: States,
    /// Who may have a step of a file read ahead.
    pub(super) read_ahead: Arc<Semaphore>,
}

/// What is looked up when somebody asks.
#[derive(Clone, Default)]
struct States {
    connections: Gauge,
    turned_away: Counter,
    handshakes_failed: Counter,
    uploads: Gauge,
    queues: Family<Queue, Gauge>,
    disk_free: Gauge,
    kept_bytes: Gauge,
    kept_shares: Gauge,
    upstream_up: Family<Above, Gauge>,
    upstream_answered: Family<Above, Counter>,
    upstream_failed: Family<Above, Counter>,
    upstream_lies: Family<Above, Counter>,
    questions: Gauge,
    bringing: Gauge,
    database: Counter<f64, std::sync::atomic::AtomicU64>,
    statements: Counter,
}

/// A body that is being sent; counted until it is dropped.
pub(super) struct Download {
    open: Gauge,
    sent: Counter,
}

impl Download {
    /// An equal part of something, for each that is being sent now.
    pub fn share_of(&self, total: usize) -> usize {
        total / usize::try_from(self.open.get()).unwrap_or(1).max(1)
    }

    pub fn sent(&self, bytes: usize) {
        self.sent.inc_by(bytes as u64);
    }
}

impl Drop for Download {
    fn drop(&mut self) {
        self.open.dec();
    }
}

impl Metrics {
    pub(super) fn new() -> Metrics {
        // 1 ms to 16 s.
        let histogram: fn() -> Histogram = || Histogram::new(exponential_buckets(0.001, 2.0, 15));
        let mut metrics = Metrics {
            registry: Arc::default(),
            requests: Family::default(),
            durations: Family::new_with_constructor(histogram),
            sent_bytes: Counter::default(),
            received_bytes: Counter::default(),
            downloads: Gauge::default(),
            refusals: Family::default(),
            limits: Family::default(),
            states: States::default(),
            read_ahead: Arc::new(Semaphore::new(AHEAD_MAX)),
        };
        let mut registry = Registry::with_prefix("handout");
        metrics.register(&mut registry);
        metrics.states.register(&mut registry);
        metrics.registry = Arc::new(registry);
        metrics
    }

    fn register(&self, to: &mut Registry) {
        to.register("requests", "Requests that were answered", self.requests.clone());
        to.register("request_duration_seconds", "Time until an answer begins", self.durations.clone());
        to.register("sent_bytes", "Bytes of files and zips that were sent to browsers", self.sent_bytes.clone());
        to.register("received_bytes", "Bytes of uploads that were written to disk", self.received_bytes.clone());
        to.register("downloads_open", "Files and zips that are being sent now", self.downloads.clone());
        to.register("refusals", "What was asked for and refused, by action and reason", self.refusals.clone());
        to.register("limit_refusals", "Requests that met a limit of the server", self.limits.clone());
    }

    /// One answer. `route`: the pattern, not the address.
    pub(super) fn answered(&self, route: &str, method: &http::Method, status: u16, took: Duration) {
        let method = match method.as_str() {
            "GET" => "GET",
            "HEAD" => "HEAD",
            "POST" => "POST",
            "PATCH" => "PATCH",
            "PUT" => "PUT",
            "DELETE" => "DELETE",
            "OPTIONS" => "OPTIONS",
            _ => "other",
        };
        let route = route.to_owned();
        self.requests.get_or_create(&Answered { route: route.clone(), method, status }).inc();
        self.durations.get_or_create(&Route { route }).observe(took.as_secs_f64());
        let limit = match status {
            413 => "size",
            423 => "upload-lock",
            429 => "sign-in",
            503 => "busy",
            507 => "disk",
            _ => return,
        };
        self.limits.get_or_create(&Limit { limit }).inc();
    }

    pub(super) fn refused(&self, action: &'static str, reason: &'static str) {
        self.refusals.get_or_create(&Refusal { action, reason }).inc();
    }

    pub(super) fn received(&self, bytes: usize) {
        self.received_bytes.inc_by(bytes as u64);
    }

    pub(super) fn download(&self) -> Download {
        self.downloads.inc();
        Download { open: self.downloads.clone(), sent: self.sent_bytes.clone() }
    }
}

impl States {
    fn register(&self, to: &mut Registry) {
        to.register("connections_open", "Connections of browsers, programs and peers", self.connections.clone());
        to.register(
            "connections_turned_away",
            "Connections beyond what an address, or all together, may have",
            self.turned_away.clone(),
        );
        to.register(
            "handshakes_failed",
            "Connections whose handshake failed or took too long",
            self.handshakes_failed.clone(),
        );
        to.register("uploads_writing", "Uploads that are being written to now", self.uploads.clone());
        to.register("queue_length", "What waits, by queue", self.queues.clone());
        to.register("disk_free_bytes", "Free on the disk of the home folder", self.disk_free.clone());
        to.register("kept_bytes", "Size of all shares", self.kept_bytes.clone());
        to.register("kept_shares", "Number of all shares", self.kept_shares.clone());
        to.register("upstream_up", "Whether a server above answers", self.upstream_up.clone());
        to.register("upstream_answers", "Questions that a server above answered", self.upstream_answered.clone());
        to.register("upstream_failures", "Questions that it did not answer", self.upstream_failed.clone());
        to.register("upstream_lies", "What it said and was not so", self.upstream_lies.clone());
        to.register("upstream_questions_open", "Questions to servers above on their way", self.questions.clone());
        to.register("bringing", "Shares on their way here from servers above", self.bringing.clone());
        to.register("database_seconds", "Time that statements took, added up", self.database.clone());
        to.register("database_statements", "Statements that the database was asked", self.statements.clone());
    }

    async fn look_up(&self, server: &Server, connections: &listen::Gauge) {
        self.connections.set(signed(connections.open()));
        store(&self.turned_away, connections.turned_away());
        store(&self.handshakes_failed, connections.handshakes_failed());
        self.uploads.set(signed(server.writing.busy() as u64));
        self.disk_free.set(signed(server.free_bytes().unwrap_or(0)));
        let (statements, took) = crate::store::central::statements();
        store(&self.statements, statements);
        self.database.inner().store(took.as_secs_f64().to_bits(), std::sync::atomic::Ordering::Relaxed);
        let queue = |queue: &'static str, length: usize| {
            self.queues.get_or_create(&Queue { queue }).set(signed(length as u64));
        };
        queue("passwords", server.hashing.waiting());
        // Where the database does not answer, its figures stay as they were, and /readyz tells.
        if let Ok(usage) = server.central.total_usage().await {
            self.kept_bytes.set(signed(usage.bytes));
            self.kept_shares.set(signed(usage.shares));
        }
        if let Ok(sealing) = server.central.batches_in(BatchState::Sealing).await {
            queue("sealing", sealing.len());
        }
        self.look_up_chain(server).await;
    }

    async fn look_up_chain(&self, server: &Server) {
        let upstreams = server.chain.upstreams().await;
        self.questions.set(signed(upstreams.iter().map(|upstream| upstream.open as u64).sum()));
        self.bringing.set(signed(server.chain.bringing().await.len() as u64));
        // One that was taken away is not told of any more.
        self.upstream_up.clear();
        for upstream in upstreams {
            let label = Above { upstream: upstream.name };
            self.upstream_up.get_or_create(&label).set(i64::from(upstream.health == Health::Up));
            store(&self.upstream_answered.get_or_create(&label), upstream.answered);
            store(&self.upstream_failed.get_or_create(&label), upstream.failed);
            store(&self.upstream_lies.get_or_create(&label), upstream.lies.into());
        }
    }
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn store(counter: &Counter, count: u64) {
    counter.inner().store(count, std::sync::atomic::Ordering::Relaxed);
}

impl Server {
    /// All figures, as text.
    pub(super) async fn figures(&self) -> String {
        self.metrics.states.look_up(self, &self.connections).await;
        let mut text = String::new();
        // Writing to memory does not fail.
        encode(&mut text, &self.metrics.registry).ok();
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_told_in_the_format() {
        let metrics = Metrics::new();
        metrics.answered("/s/{share}", &http::Method::GET, 200, Duration::from_millis(3));
        metrics.answered("/sign-in", &http::Method::POST, 429, Duration::from_millis(1));
        metrics.refused("audit.see", "role");
        let download = metrics.download();
        download.sent(10);
        let text = || {
            let mut text = String::new();
            encode(&mut text, &metrics.registry).unwrap();
            text
        };
        for line in [
            "handout_requests_total{route=\"/s/{share}\",method=\"GET\",status=\"200\"} 1",
            "handout_request_duration_seconds_count{route=\"/s/{share}\"} 1",
            "handout_limit_refusals_total{limit=\"sign-in\"} 1",
            "handout_refusals_total{action=\"audit.see\",reason=\"role\"} 1",
            "handout_sent_bytes_total 10",
            "handout_downloads_open 1",
        ] {
            assert!(text().lines().any(|told| told == line), "{line}\n{}", text());
        }
        drop(download);
        assert!(text().contains("handout_downloads_open 0") && text().ends_with("# EOF\n"));
    }
}
