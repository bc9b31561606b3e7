//! Multi-searches that cannot be answered.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::Peer;

async fn refused(peer: &Peer, queries: Value) -> (StatusCode, String, Value) {
    let (status, mut answer) = peer.post("/multi-search", &json!({ "queries": queries })).await;
    (status, answer["message"].take().as_str().unwrap_or_default().to_owned(), answer["code"].take())
}

#[tokio::test]
async fn no_queries_have_no_results() {
    let (status, answer) = Peer::new().post("/multi-search", &json!({ "queries": [] })).await;
    assert_eq!((status, answer), (StatusCode::OK, json!({ "results": [] })));
}

/// An index that is not there is a wrong request here, not a missing resource (`tests/search/multi/mod.rs` of 1.50).
#[tokio::test]
async fn the_first_error_is_told_and_where_it_is() {
    let peer = Peer::with_state(Peer::state_with_movies().await);
    let (status, message, code) =
        refused(&peer, json!([{ "indexUid": "nested" }, { "indexUid": "other" }])).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(message, "Inside `.queries[0]`: Index `nested` not found.");
    assert_eq!(code, "index_not_found");
    // The node is down, which takes longer to find out than that an index is not there.
    let (status, message, code) =
        refused(&peer, json!([{ "indexUid": "movies" }, { "indexUid": "nested" }])).await;
    assert_eq!((status, code), (StatusCode::SERVICE_UNAVAILABLE, json!("miroir_shard_unavailable")));
    assert!(message.starts_with("Inside `.queries[0]`: "), "{message}");
    let options = json!({ "weight": 2 });
    let (status, message, code) =
        refused(&peer, json!([{ "indexUid": "movies", "federationOptions": options }])).await;
    assert_eq!((status, code), (StatusCode::BAD_REQUEST, json!("invalid_multi_search_federation_options")));
    assert!(
        message.starts_with("Inside `.queries[0]`: Using `federationOptions` is not allowed"),
        "{message}"
    );
}
