//! Plans of searches, for operators.

use axum::http::StatusCode;
use serde_json::json;

use crate::Peer;

/// What cannot be answered has a plan all the same.
#[tokio::test]
async fn a_plan_comes_with_the_error_of_its_search() {
    let mut state = Peer::state_with_movies().await;
    for id in state.indexes.keys().copied().collect::<Vec<_>>() {
        let index = state.indexes.get_mut(&id).expect("it is there");
        for node in index.queues.keys().cloned().collect::<Vec<_>>() {
            let queue = index.queues.get_mut(&node).expect("it is there");
            (queue.searchable, queue.hidden, queue.returns_at) = (true, None, None);
        }
    }
    let peer = Peer::with_state(state);
    let body = json!({"q": "a", "filter": "genre = b"});
    let (status, plan) = peer.post("/_miroir/indexes/movies/explain", &body).await;
    assert_eq!((status, plan.get("error"), plan.get("answer")), (StatusCode::OK, None, None), "{plan}");
    assert_eq!(plan["requests"][0]["node"], "node-0");
    assert_eq!(plan["warnings"][0]["kind"], "filter");
    let (status, plan) = peer.post("/_miroir/indexes/movies/explain?execute=true", &body).await;
    assert_eq!(
        (status, &plan["error"]["code"]),
        (StatusCode::OK, &json!("miroir_shard_unavailable")),
        "{plan}"
    );
    assert!(plan["tookMs"].is_number(), "{plan}");
    let (status, error) = peer.post("/_miroir/indexes/movies/explain?run=true", &body).await;
    assert_eq!((status, &error["code"]), (StatusCode::BAD_REQUEST, &json!("bad_request")));
    let (status, _) = peer.post("/_miroir/indexes/other/explain", &body).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}
