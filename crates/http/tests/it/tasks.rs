//! Canceling tasks, and how many are remembered.

use axum::http::StatusCode;
use miroir_cluster::Defaults;
use miroir_testkit::{LocalCluster, adopt, defaults};
use serde_json::{Value, json};

use crate::Peer;

async fn task(peer: &Peer, uid: u64) -> (StatusCode, Value) {
    peer.call("GET", &format!("/tasks/{uid}"), &Value::Null).await
}

/// The texts are those that Meilisearch 1.50.0 was recorded to answer.
#[tokio::test]
async fn a_cancelation_needs_a_filter_that_is_one() {
    let peer = Peer::new();
    for (query, code, message) in [
        (
            "",
            "missing_task_filters",
            "Query parameters to filter the tasks to cancel are missing. Available query parameters are: `uids`, \
             `indexUids`, `statuses`, `types`, `canceledBy`, `beforeEnqueuedAt`, `afterEnqueuedAt`, \
             `beforeStartedAt`, `afterStartedAt`, `beforeFinishedAt`, `afterFinishedAt`.",
        ),
        (
            "?uids=abc",
            "invalid_task_uids",
            "Invalid value in parameter `uids`: could not parse `abc` as a positive integer",
        ),
        (
            "?limit=3",
            "bad_request",
            "Unknown parameter `limit`: expected one of `uids`, `batchUids`, `canceledBy`, `types`, `statuses`, \
             `indexUids`, `afterEnqueuedAt`, `beforeEnqueuedAt`, `afterStartedAt`, `beforeStartedAt`, \
             `afterFinishedAt`, `beforeFinishedAt`",
        ),
    ] {
        let (status, answer) = peer.post(&format!("/tasks/cancel{query}"), &Value::Null).await;
        assert_eq!(
            (status, &answer["code"], &answer["message"]),
            (StatusCode::BAD_REQUEST, &json!(code), &json!(message))
        );
    }
}

#[tokio::test]
async fn what_no_node_has_begun_is_canceled() {
    let peer = Peer::new();
    // It fails at once: it matches, and cannot be canceled any more.
    peer.call("DELETE", "/indexes/nope", &Value::Null).await;
    for batch in 0..3 {
        let documents = json!([{"id": batch}]);
        let (status, answer) = peer.post("/indexes/movies/documents?primaryKey=id", &documents).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
    }
    let (status, answer) = peer.post("/tasks/cancel?indexUids=movies,nope&uids=0,2,3", &Value::Null).await;
    assert_eq!(
        (status, &answer["type"], &answer["indexUid"]),
        (StatusCode::OK, &json!("taskCancelation"), &Value::Null)
    );
    let uid = answer["taskUid"].as_u64().expect("a uid");
    let (_, cancelation) = task(&peer, uid).await;
    assert_eq!(
        (&cancelation["status"], &cancelation["details"]),
        (
            &json!("succeeded"),
            &json!({"matchedTasks": 3, "canceledTasks": 2, "originalFilter": "?indexUids=movies,nope&uids=0,2,3"})
        )
    );
    for (number, status) in [(0, "failed"), (1, "enqueued"), (2, "canceled"), (3, "canceled")] {
        let (_, shown) = task(&peer, number).await;
        assert_eq!(shown["status"], status, "{shown}");
        if status == "canceled" {
            assert_eq!(shown["canceledBy"], uid);
            assert_eq!(shown["details"], json!({"receivedDocuments": 1, "indexedDocuments": 0}));
            assert_eq!(shown["startedAt"], shown["finishedAt"]);
        }
    }
    let (_, page) = peer.call("GET", &format!("/tasks?canceledBy={uid}"), &Value::Null).await;
    assert_eq!(page["total"], 2);
}

/// All of a new index: it is as if it had never been asked for.
#[tokio::test]
async fn an_index_whose_creation_is_canceled_is_not_there() {
    let peer = Peer::new();
    for batch in 0..2 {
        peer.post("/indexes/movies/documents?primaryKey=id", &json!([{"id": batch}])).await;
    }
    let (_, answer) = peer.post("/tasks/cancel?statuses=enqueued", &Value::Null).await;
    let (_, cancelation) = task(&peer, answer["taskUid"].as_u64().expect("a uid")).await;
    assert_eq!(cancelation["details"]["canceledTasks"], 2);
    let state = peer.cluster.state();
    assert!(state.indexes.is_empty() && state.names.ordered.is_empty() && state.tasks.is_empty());
    assert!(state.chunks.is_empty(), "their documents are let go");
}

#[tokio::test]
async fn the_oldest_tasks_are_forgotten() {
    let cluster = LocalCluster::founded(
        Defaults { history: 50, ..defaults(4) },
        [adopt("node-0", "http://127.0.0.1:9")],
    );
    let peer = Peer::of(cluster.start(1));
    // It does not end: no node answers.
    peer.post("/indexes", &json!({"uid": "movies"})).await;
    for _ in 0..30 {
        peer.call("DELETE", "/indexes/nope", &Value::Null).await;
    }
    let (_, page) = peer.call("GET", "/tasks?limit=100", &Value::Null).await;
    assert_eq!((page["total"].as_u64(), page["next"].as_u64()), (Some(31), None));
    for _ in 0..170 {
        peer.call("DELETE", "/indexes/nope", &Value::Null).await;
    }
    let (_, page) = peer.call("GET", "/tasks?limit=100&statuses=failed", &Value::Null).await;
    let uids: Vec<u64> =
        page["results"].as_array().into_iter().flatten().filter_map(|task| task["uid"].as_u64()).collect();
    assert_eq!(uids, (151..201).rev().collect::<Vec<_>>());
    assert_eq!(task(&peer, 150).await.0, StatusCode::NOT_FOUND);
    assert_eq!(task(&peer, 151).await.0, StatusCode::OK);
    let (_, open) = task(&peer, 0).await;
    assert_eq!(open["status"], "enqueued", "what has not ended is not forgotten");
    let (_, page) = peer.call("GET", "/tasks?limit=1", &Value::Null).await;
    assert_eq!(page["total"], 51);
}
