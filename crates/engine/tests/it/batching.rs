//! Which requests run as one.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Body, Node};

type Request = (Method, &'static str, Body);

/// Sends requests to a fresh node while a long batch holds its queue, so that they are there together. Should the machine
/// finish that batch before they are sent, again with a longer one.
async fn behind_a_long_batch(
    first: Option<Value>,
    requests: impl Fn() -> Vec<Request>,
) -> (Node, Vec<Value>) {
    for size in [20_000, 60_000, 180_000] {
        let node = Node::start().await;
        if let Some(settings) = first.clone() {
            node.done(Method::PATCH, "/indexes/a/settings", Body::Json(settings)).await;
        }
        let documents: Value =
            (0..size).map(|id| json!({ "id": id, "text": format!("word{id} of many") })).collect();
        let long = node.enqueue(Method::POST, "/indexes/long/documents", Body::Json(documents)).await;
        let mut uids = Vec::new();
        for (method, path, body) in requests() {
            uids.push(node.enqueue(method, path, body).await);
        }
        let was_long = node.get(&format!("/tasks/{long}")).await["finishedAt"].is_null();
        let mut tasks = Vec::new();
        for uid in uids {
            tasks.push(node.wait(uid).await);
        }
        if was_long {
            return (node, tasks);
        }
    }
    unreachable!("no batch was long enough to send the requests meanwhile")
}

fn batches(tasks: &[Value]) -> Vec<u64> {
    tasks.iter().filter_map(|task| task["batchUid"].as_u64()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn additions_updates_and_deletions_by_id_join() {
    let add = |id: u32| Body::Json(json!([{ "id": id, "n": 1 }]));
    let path = "/indexes/a/documents";
    let requests = || {
        vec![
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
        ]
    };
    let (node, tasks) = behind_a_long_batch(None, requests).await;
    assert_eq!(batches(&tasks), [1, 1, 2, 1, 1, 1, 1, 3, 3, 4]);
    let failed: Vec<usize> = (0..tasks.len()).filter(|at| tasks[*at]["status"] == "failed").collect();
    assert_eq!(failed, [5]);
    assert_eq!(tasks[9]["details"]["deletedDocuments"], 2);
    assert_eq!(node.get(path).await["total"], 0);
    assert_eq!(node.get("/indexes/b/documents").await["total"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_of_the_index_swallows_what_is_before_it() {
    let path = "/indexes/a/documents";
    let add = || Body::Json(json!([{ "id": 1 }]));
    let requests = || {
        vec![
            (Method::POST, path, add()),
            (Method::DELETE, path, Body::None),
            (Method::DELETE, "/indexes/a", Body::None),
            (Method::POST, path, add()),
        ]
    };
    let (node, tasks) = behind_a_long_batch(None, requests).await;
    assert_eq!(batches(&tasks), [1, 1, 1, 2]);
    assert!(tasks.iter().all(|task| task["status"] == "succeeded"), "{tasks:?}");
    assert_eq!(node.get(path).await["total"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_of_the_engine_fails_the_whole_batch() {
    let settings = json!({ "filterableAttributes": ["_geo"] });
    let path = "/indexes/a/documents";
    let requests = || {
        vec![
            (Method::POST, path, Body::Json(json!([{ "id": 1 }]))),
            (Method::POST, path, Body::Json(json!([{ "id": 2, "_geo": 3 }]))),
            (Method::POST, path, Body::Json(json!([{ "id": 3 }]))),
        ]
    };
    let (node, tasks) = behind_a_long_batch(Some(settings), requests).await;
    for task in &tasks {
        assert_eq!(
            (&task["status"], &task["error"]["code"]),
            (&json!("failed"), &json!("invalid_document_geo_field"))
        );
    }
    assert_eq!(node.get(path).await["total"], 0);
}
