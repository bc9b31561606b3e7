//! `/_miroir/`: pages that are not Meilisearch's.

mod explain;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::app::App;
pub(crate) use explain::explain;

/// The cluster as this peer sees it.
pub(crate) async fn topology(State(app): State<App>) -> Json<Value> {
    Json(app.searcher().topology().await)
}

/// Whether this peer can take reads and writes: there is a leader, this peer knows what was committed, the cluster is
/// founded, which it is when its first nodes have joined, and there is room for documents on this peer's disk.
pub(crate) async fn ready(State(app): State<App>) -> Response {
    let unready = |reason: &str| {
        (StatusCode::SERVICE_UNAVAILABLE, Json(json!({"ready": false, "reason": reason}))).into_response()
    };
    let leadership = app.ledger().leadership();
    if leadership.leader.is_none() {
        return unready("no_leader");
    }
    let me = app.ledger().me();
    let state = app.ledger().state();
    let known = state.peers.get(&me.peer).is_some_and(|peer| peer.boot == me.boot);
    if !known || state.cluster.is_none() || app.ledger().read_barrier().await.is_err() {
        return unready("catching_up");
    }
    if app.ledger().disk_low() {
        return unready("disk_low");
    }
    Json(json!({"ready": true})).into_response()
}

/// For Prometheus.
pub(crate) async fn metrics(State(app): State<App>) -> Response {
    let leadership = app.ledger().leadership();
    let state = app.ledger().state();
    metrics::gauge!("miroir_raft_term").set(leadership.term as f64);
    metrics::gauge!("miroir_raft_is_leader").set(f64::from(u8::from(leadership.is_leader)));
    metrics::gauge!("miroir_undelivered_bytes").set(state.undelivered_bytes() as f64);
    for node in state.nodes.keys() {
        let tasks = state.lag(node).tasks as f64;
        metrics::gauge!("miroir_lane_lag_tasks", "node" => node.to_string()).set(tasks);
    }
    for (node, indexes) in app.searcher().slow() {
        metrics::gauge!("miroir_search_slow_indexes", "node" => node.to_string()).set(indexes as f64);
    }
    let text = app.metrics().render();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response()
}
