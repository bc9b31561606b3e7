//! Writes that nobody could keep.

use std::sync::Arc;
use std::time::Duration;

use axum::http::{StatusCode, header};
use miroir_cluster::QueueLimits;
use miroir_testkit::{LocalCluster, adopt, defaults};
use serde_json::json;

use crate::Peer;

#[tokio::test]
async fn what_cannot_be_kept_for_the_only_copy_is_refused_with_its_node() {
    let nodes = [adopt("node-0", "http://127.0.0.1:9")];
    let cluster = LocalCluster::founded(defaults(4), nodes);
    let queue = QueueLimits { tasks: 3, age: Duration::MAX, ..QueueLimits::default() };
    let peer = Peer::limited(Arc::new(cluster.start(1)), cluster.clone(), queue);
    let path = "/indexes/movies/documents";
    for id in 0..3 {
        let (status, answer) = peer.call("POST", path, &json!([{ "id": id }])).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
    }
    let (status, headers, answer) = peer.call_for_all("POST", path, &json!([{ "id": 9 }])).await;
    assert_eq!((status, &answer["code"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("miroir_backpressure")));
    assert!(answer["message"].as_str().is_some_and(|text| text.contains("`node-0`")), "{answer}");
    assert!(headers.contains_key(header::RETRY_AFTER));
    // Others go on, and so does what makes room.
    let (status, _) = peer.call("POST", "/indexes/books/documents", &json!([{ "id": 1 }])).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    let (status, _) = peer.call("DELETE", path, &json!(null)).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    let (status, _) = peer.call("DELETE", "/indexes/movies", &json!(null)).await;
    assert_eq!(status, StatusCode::ACCEPTED);
}
