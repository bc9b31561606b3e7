//! What every client meets: parameters in Meilisearch's words, and pages of other origins.

use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use serde_json::json;
use tower::ServiceExt;

use crate::Peer;

#[tokio::test]
async fn sizes_are_asked_for_as_on_meilisearch() {
    let peer = Peer::new();
    for (path, code, told) in [
        (
            "/stats?sizeFormat=Human",
            "invalid_stats_size_format",
            "Unknown value `Human` for parameter `sizeFormat`: did you mean `human`? expected one of `human`, `raw`",
        ),
        (
            "/indexes/movies/stats?foo=x",
            "bad_request",
            "Unknown parameter `foo`: expected one of `showInternalDatabaseSizes`, `sizeFormat`",
        ),
        (
            "/stats?showInternalDatabaseSizes=1",
            "invalid_stats_show_internal_database_sizes",
            "Invalid value in parameter `showInternalDatabaseSizes`: could not parse `1` as a boolean, expected either `true` or `false`",
        ),
    ] {
        let (status, answer) = peer.call("GET", path, &json!(null)).await;
        assert_eq!((status, &answer["code"]), (StatusCode::BAD_REQUEST, &json!(code)), "{path}");
        assert_eq!(answer["message"], told);
    }
    let (_, raw) = peer.call("GET", "/stats?sizeFormat=raw", &json!(null)).await;
    let (_, human) = peer.call("GET", "/stats?sizeFormat=human", &json!(null)).await;
    assert_eq!((&raw["databaseSize"], &human["databaseSize"]), (&json!(0), &json!("0 B")));
}

#[tokio::test]
async fn whether_a_write_may_create_its_index_is_said_in_any_case() {
    let peer = Peer::new();
    let write = |value: &str| format!("/indexes/movies/documents?skipCreation={value}");
    let (status, answer) = peer.post(&write("maybe"), &json!([])).await;
    assert_eq!((status, &answer["code"]), (StatusCode::BAD_REQUEST, &json!("invalid_skip_creation")));
    assert_eq!(answer["message"], "skipCreation must be either `true` or `false`. Found: `maybe`");
    for value in ["True", "FALSE"] {
        let (status, answer) = peer.post(&write(value), &json!([{"id": 1}])).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
    }
}

async fn headers(peer: &Peer, method: &str) -> HeaderMap {
    let request = Request::builder()
        .method(method)
        .uri("/health")
        .header("origin", "https://shop.example")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization,x-own")
        .body(Body::empty())
        .expect("a request");
    peer.router.clone().oneshot(request).await.expect("an answer").headers().clone()
}

/// As Meilisearch 1.50 answers; above all no credentials that a browser adds by itself.
#[tokio::test]
async fn pages_of_any_origin_may_ask_without_credentials() {
    let peer = Peer::new();
    let asked = headers(&peer, "OPTIONS").await;
    assert_eq!(asked["access-control-allow-origin"], "*");
    assert_eq!(asked["access-control-allow-headers"], "authorization,x-own");
    assert_eq!(asked["access-control-max-age"], "86400");
    let answered = headers(&peer, "GET").await;
    assert_eq!(answered["access-control-allow-origin"], "*");
    for headers in [asked, answered] {
        assert!(!headers.contains_key("access-control-allow-credentials"), "{headers:?}");
    }
}
