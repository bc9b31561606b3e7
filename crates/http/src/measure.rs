//! Counts and times of requests, by route.

use axum::extract::{MatchedPath, Request};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;

/// Says what each metric is, once per process.
pub(crate) fn describe() {
    use metrics::{describe_counter, describe_gauge, describe_histogram};
    describe_counter!("miroir_http_requests_total", "Requests that were answered.");
    describe_histogram!("miroir_write_ack_seconds", "From a write's arrival to its 202.");
    describe_histogram!("miroir_search_seconds", "A search, on this peer.");
    describe_histogram!("miroir_search_node_seconds", "One node's part of a search.");
    describe_histogram!("miroir_search_overhead_seconds", "A search without its slowest node's part.");
    describe_counter!("miroir_search_hedges_total", "Searches in which a node was late, by what came of it.");
    describe_counter!("miroir_search_hedge_requests_total", "Requests to other copies of what was late.");
    describe_counter!("miroir_search_probes_total", "Requests to slow nodes, to see whether they still are.");
    describe_counter!("miroir_search_shared_total", "Requests to nodes that another search sent.");
    describe_counter!("miroir_search_partial_total", "Answers that lack shards, under the policy `partial`.");
    describe_counter!("miroir_search_cut_short_total", "Answers of nodes that ran out of `searchCutoffMs`.");
    describe_gauge!("miroir_search_slow_indexes", "Indexes for which a node is avoided since it is slow.");
    describe_gauge!("miroir_lane_lag_tasks", "Tasks that wait for a node.");
    describe_gauge!("miroir_undelivered_bytes", "Payloads that some node does not have yet.");
    describe_gauge!("miroir_raft_term", "The current term.");
    describe_gauge!("miroir_raft_is_leader", "1 on the leader.");
}

/// Counts a request under its route, method and status, and logs it.
pub(crate) async fn requests(request: Request, next: Next) -> Response {
    let started = std::time::Instant::now();
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let (method, path) = (known(request.method()), request.uri().path().to_owned());
    let response = next.run(request).await;
    let status = response.status().as_u16();
    let labels = [("route", route), ("method", method.to_owned()), ("status", status.to_string())];
    metrics::counter!("miroir_http_requests_total", &labels).increment(1);
    tracing::debug!(method, path, status, took = ?started.elapsed(), "request");
    response
}

/// The method, when it is one of those that there are: anybody can make others up, and each would be counted for ever.
fn known(method: &Method) -> &'static str {
    let all = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    all.into_iter().find(|known| *known == method.as_str()).unwrap_or("other")
}
