//! The API over a ledger in memory. No node answers here: what is tested is said before any is asked.

mod edits;
mod explain;
mod filters;
#[cfg(test)]
mod hostile;
mod in_flight;
mod limits;
mod multi_search;
mod names;
mod outcomes;
mod refused;
#[cfg(test)]
mod socket;
mod surface;
mod tasks;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode, header};
use metrics_exporter_prometheus::PrometheusBuilder;
use miroir_cluster::{Ledger, QueueLimits, State};
use miroir_http::{App, Limits, Options};
use miroir_model::Timestamp;
use miroir_node::{Connections, Pools, Timeouts};
use miroir_search::Searcher;
use miroir_testkit::{LocalCluster, LocalLedger, adopt, defaults};
use serde_json::Value;
use tower::ServiceExt;

/// A peer of a cluster with one node, which cannot be reached.
struct Peer {
    router: Router,
    cluster: LocalCluster,
}

/// The usual ones, but that nothing waits too long: the log's clock stands still here.
fn options() -> Options {
    Options { queue: QueueLimits { age: Duration::MAX, ..QueueLimits::default() }, ..Options::default() }
}

impl Peer {
    fn new() -> Self {
        let cluster = LocalCluster::founded(defaults(4), [adopt("node-0", "http://127.0.0.1:9")]);
        Self::of(cluster.start(1))
    }

    /// The state of one that serves an index, `movies`.
    async fn state_with_movies() -> State {
        let peer = Self::new();
        let (status, _) =
            peer.post("/indexes", &serde_json::json!({"uid": "movies", "primaryKey": "id"})).await;
        assert_eq!(status, StatusCode::ACCEPTED);
        let mut state = (*peer.cluster.state()).clone();
        state.names.served = state.names.ordered.clone();
        state
    }

    /// One that goes on from this state.
    fn with_state(state: State) -> Self {
        Self::of(LocalCluster::restored(state, Timestamp::default).start(1))
    }

    fn of(ledger: LocalLedger) -> Self {
        let cluster = ledger.cluster().clone();
        Self::over(Arc::new(ledger), cluster)
    }

    fn over(ledger: Arc<dyn Ledger>, cluster: LocalCluster) -> Self {
        Self::with((ledger, cluster), options(), Limits::default())
    }

    /// One that keeps so much for a node.
    fn limited(ledger: Arc<dyn Ledger>, cluster: LocalCluster, queue: QueueLimits) -> Self {
        Self::with((ledger, cluster), Options { queue, ..Options::default() }, Limits::default())
    }

    /// One that takes so much from its clients.
    fn sparing(limits: Limits) -> Self {
        let cluster = LocalCluster::founded(defaults(4), [adopt("node-0", "http://127.0.0.1:9")]);
        Self::with((Arc::new(cluster.start(1)), cluster), options(), limits)
    }

    fn with((ledger, cluster): (Arc<dyn Ledger>, LocalCluster), options: Options, limits: Limits) -> Self {
        let connections = Connections::new(Timeouts::default()).expect("a client");
        let searcher = Arc::new(Searcher::new(Arc::clone(&ledger), Pools::open(connections)));
        let metrics = PrometheusBuilder::new().build_recorder().handle();
        let app = App::with_limits(ledger, searcher, metrics, options, limits);
        Self { router: miroir_http::router(app), cluster }
    }

    async fn call(&self, method: &str, path: &str, body: &Value) -> (StatusCode, Value) {
        let (status, _, body) = self.call_for_all(method, path, body).await;
        (status, body)
    }

    async fn call_for_all(&self, method: &str, path: &str, body: &Value) -> (StatusCode, HeaderMap, Value) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body.to_string()))
            .expect("a request");
        let response = self.router.clone().oneshot(request).await.expect("an answer");
        let (status, headers) = (response.status(), response.headers().clone());
        let body = to_bytes(response.into_body(), usize::MAX).await.expect("a body");
        (status, headers, serde_json::from_slice(&body).expect("JSON"))
    }

    async fn post(&self, path: &str, body: &Value) -> (StatusCode, Value) {
        self.call("POST", path, body).await
    }
}
