//! Counts and times of requests, by route.

use axum::extract::{MatchedPath, Request};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;

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
