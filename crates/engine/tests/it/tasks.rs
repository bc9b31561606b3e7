//! The task queue as the API shows it.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Body, Node};

fn uids(page: &Value) -> Vec<u64> {
    page["results"].as_array().expect("results").iter().filter_map(|task| task["uid"].as_u64()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn listing_filters_and_pages() {
    let node = Node::start().await;
    for index in ["a", "b", "a"] {
        node.add(index, json!([{ "id": 1 }])).await;
    }
    node.done(Method::DELETE, "/indexes/a/documents/1", Body::None).await;
    let failed = node.run(Method::DELETE, "/indexes/nope", Body::None).await;
    assert_eq!(failed["uid"], 4);

    let all = node.get("/tasks").await;
    assert_eq!(uids(&all), [4, 3, 2, 1, 0]);
    assert_eq!(
        (&all["total"], &all["from"], &all["next"], &all["limit"]),
        (&json!(5), &json!(4), &Value::Null, &json!(20))
    );
    let page = node.get("/tasks?limit=2").await;
    assert_eq!((uids(&page), &page["next"]), (vec![4, 3], &json!(2)));
    let page = node.get("/tasks?limit=2&from=2").await;
    assert_eq!((uids(&page), &page["next"]), (vec![2, 1], &json!(0)));
    assert_eq!(uids(&node.get("/tasks?reverse=true&from=3").await), [3, 4]);
    let page = node.get("/tasks?limit=0").await;
    assert_eq!((uids(&page), &page["from"], &page["total"]), (vec![], &Value::Null, &json!(5)));

    for (filter, expected) in [
        ("indexUids=a", vec![3, 2, 0]),
        ("indexUids=a,b&types=documentAdditionOrUpdate", vec![2, 1, 0]),
        ("statuses=failed", vec![4]),
        ("statuses=enqueued,processing", vec![]),
        ("uids=0,3,99", vec![3, 0]),
        ("types=indexSwap", vec![]),
        ("batchUids=1", vec![1]),
        ("afterEnqueuedAt=2001-01-01", vec![4, 3, 2, 1, 0]),
        ("beforeFinishedAt=2001-01-01T00:00:00Z", vec![]),
        ("statuses=*", vec![4, 3, 2, 1, 0]),
    ] {
        assert_eq!(uids(&node.get(&format!("/tasks?{filter}")).await), expected, "{filter}");
    }
    for (query, code) in [
        ("uids=x", "invalid_task_uids"),
        ("statuses=done", "invalid_task_statuses"),
        ("types=x", "invalid_task_types"),
        ("limit=x", "invalid_task_limit"),
        ("afterStartedAt=now", "invalid_task_after_started_at"),
        ("nope=1", "bad_request"),
    ] {
        let (status, error) = node.call(Method::GET, &format!("/tasks?{query}"), Body::None).await;
        assert_eq!((status, error["code"].as_str()), (400, Some(code)), "{error}");
    }
    let (status, error) = node.call(Method::GET, "/tasks/99", Body::None).await;
    assert_eq!((status, &error["message"]), (404, &json!("Task `99` not found.")));
    assert_eq!(node.call(Method::GET, "/tasks/x", Body::None).await.1["code"], "invalid_task_uid");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_is_shown_as_meilisearch_shows_it() {
    let node = Node::start().await;
    let documents = Body::Json(json!([{ "id": 1 }]));
    let (status, summary) = node.call(Method::POST, "/indexes/a/documents", documents).await;
    assert_eq!(status, 202);
    let members: Vec<&String> = summary.as_object().expect("an object").keys().collect();
    assert_eq!(members, ["taskUid", "indexUid", "status", "type", "enqueuedAt"]);
    assert_eq!(summary["status"], "enqueued");
    let task = node.wait(0).await;
    let members: Vec<&String> = task.as_object().expect("an object").keys().collect();
    assert_eq!(
        members,
        [
            "uid",
            "batchUid",
            "indexUid",
            "status",
            "type",
            "canceledBy",
            "details",
            "error",
            "duration",
            "enqueuedAt",
            "startedAt",
            "finishedAt"
        ]
    );
    assert!(
        task["duration"].as_str().is_some_and(|text| text.starts_with("PT") && text.ends_with('S')),
        "{task}"
    );
    assert_eq!(
        (&task["batchUid"], &task["error"], &task["canceledBy"]),
        (&json!(0), &Value::Null, &Value::Null)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn ended_tasks_can_be_forgotten() {
    let node = Node::start().await;
    for id in 0..4 {
        node.add("a", json!([{ "id": id }])).await;
    }
    let (status, error) = node.call(Method::DELETE, "/tasks", Body::None).await;
    assert_eq!((status, &error["code"]), (400, &json!("missing_task_filters")));
    let (status, summary) = node.call(Method::DELETE, "/tasks?uids=0,1,3,77", Body::None).await;
    assert_eq!((status, &summary["type"], &summary["indexUid"]), (200, &json!("taskDeletion"), &Value::Null));
    let task = node.wait(4).await;
    assert_eq!(
        task["details"],
        json!({ "matchedTasks": 3, "deletedTasks": 3, "originalFilter": "?uids=0,1,3,77" })
    );
    assert_eq!(uids(&node.get("/tasks").await), [4, 2]);
    assert_eq!(node.call(Method::GET, "/tasks/3", Body::None).await.0, 404);
    assert_eq!(node.add("a", json!([{ "id": 9 }])).await["uid"], 5, "uids are never used again");
}
