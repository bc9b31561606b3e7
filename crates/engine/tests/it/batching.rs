//! Which requests run as one.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Body, Node};

/// Enqueues while a long batch holds the queue, so that what follows is there together.
async fn behind_a_long_batch(node: &Node, requests: Vec<(Method, &str, Body)>) -> Vec<Value> {
    let documents: Vec<Value> =
        (0..20_000).map(|id| json!({ "id": id, "text": format!("word{id} of many") })).collect();
    let long = node.enqueue(Method::POST, "/indexes/long/documents", Body::Json(json!(documents))).await;
    let mut uids = Vec::new();
    for (method, path, body) in requests {
        uids.push(node.enqueue(method, path, body).await);
    }
    let ended = node.wait(long).await;
    assert_eq!(ended["status"], "succeeded");
    let mut tasks = Vec::new();
    for uid in uids {
        tasks.push(node.wait(uid).await);
    }
    // Otherwise the machine was quicker than this test, and it shows nothing.
    assert!(
        ended["finishedAt"].as_str() > tasks.last().and_then(|task| task["enqueuedAt"].as_str()),
        "too quick"
    );
    tasks
}

fn batches(tasks: &[Value]) -> Vec<u64> {
    tasks.iter().filter_map(|task| task["batchUid"].as_u64()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn additions_updates_and_deletions_by_id_join() {
    let node = Node::start().await;
    let add = |id: u32| Body::Json(json!([{ "id": id, "n": 1 }]));
    let path = "/indexes/a/documents";
    let requests = vec![
        (Method::POST, path, add(1)),
        (Method::PUT, path, Body::Json(json!([{ "id": 1, "m": 2 }]))),
        (Method::POST, "/indexes/b/documents", add(1)),
        (Method::POST, "/indexes/a/documents/delete-batch", Body::Json(json!(["2", "1"]))),
        (Method::POST, path, add(2)),
        // Refused alone.
        (Method::POST, path, Body::Json(json!([{ "id": "no good" }]))),
        (Method::POST, path, add(3)),
        // Does not join.
        (Method::PATCH, "/indexes/a/settings", Body::Json(json!({ "filterableAttributes": ["n"] }))),
        (Method::PATCH, "/indexes/a/settings", Body::Json(json!({ "stopWords": ["x"] }))),
        (Method::POST, "/indexes/a/documents/delete", Body::Json(json!({ "filter": "n = 1" }))),
    ];
    let tasks = behind_a_long_batch(&node, requests).await;
    assert_eq!(batches(&tasks), [1, 1, 2, 1, 1, 1, 1, 3, 3, 4]);
    let failed: Vec<usize> = (0..tasks.len()).filter(|at| tasks[*at]["status"] == "failed").collect();
    assert_eq!(failed, [5]);
    assert_eq!(tasks[9]["details"]["deletedDocuments"], 2);
    assert_eq!(node.get(path).await["total"], 0);
    assert_eq!(node.get("/indexes/b/documents").await["total"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_of_the_index_swallows_what_is_before_it() {
    let node = Node::start().await;
    let path = "/indexes/a/documents";
    let add = || Body::Json(json!([{ "id": 1 }]));
    let requests = vec![
        (Method::POST, path, add()),
        (Method::DELETE, path, Body::None),
        (Method::DELETE, "/indexes/a", Body::None),
        (Method::POST, path, add()),
    ];
    let tasks = behind_a_long_batch(&node, requests).await;
    assert_eq!(batches(&tasks), [1, 1, 1, 2]);
    assert!(tasks.iter().all(|task| task["status"] == "succeeded"), "{tasks:?}");
    assert_eq!(node.get(path).await["total"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_of_the_engine_fails_the_whole_batch() {
    let node = Node::start().await;
    let settings = Body::Json(json!({ "filterableAttributes": ["_geo"] }));
    node.done(Method::PATCH, "/indexes/a/settings", settings).await;
    let path = "/indexes/a/documents";
    let requests = vec![
        (Method::POST, path, Body::Json(json!([{ "id": 1 }]))),
        (Method::POST, path, Body::Json(json!([{ "id": 2, "_geo": 3 }]))),
        (Method::POST, path, Body::Json(json!([{ "id": 3 }]))),
    ];
    let tasks = behind_a_long_batch(&node, requests).await;
    for task in &tasks {
        assert_eq!(
            (&task["status"], &task["error"]["code"]),
            (&json!("failed"), &json!("invalid_document_geo_field"))
        );
    }
    assert_eq!(node.get(path).await["total"], 0);
}
