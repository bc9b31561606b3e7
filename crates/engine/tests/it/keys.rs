//! Keys: their values, what they allow, and what they refuse.

use reqwest::Method;
use serde_json::json;

use crate::harness::{Body, MASTER, Node, films};

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_made_listed_and_deleted() {
    let node = Node::start().await;
    let uid = "6062abda-a5aa-4414-ac91-ecd7944c0f8d";
    let body =
        json!({ "uid": uid, "name": "n", "actions": ["search"], "indexes": ["fil*"], "expiresAt": null });
    let (status, key) = node.call(Method::POST, "/keys", Body::Json(body.clone())).await;
    assert_eq!((status, &key["uid"], &key["name"]), (201, &json!(uid), &json!("n")));
    let value = key["key"].as_str().expect("a value").to_owned();
    assert_eq!(value.len(), 64);
    let (status, error) = node.call(Method::POST, "/keys", Body::Json(body)).await;
    assert_eq!((status, &error["code"]), (409, &json!("api_key_already_exists")));
    assert_eq!(node.get("/keys").await["results"], json!([key]));
    assert_eq!(node.get(&format!("/keys/{value}")).await, key);

    node.add("films", films()).await;
    node.add("books", json!([{ "id": 1 }])).await;
    let search = |index: &str| format!("/indexes/{index}/search");
    let query = || Body::Json(json!({}));
    assert_eq!(node.call_as(Some(&value), Method::POST, &search("films"), query()).await.0, 200);
    assert_eq!(node.call_as(Some(&value), Method::POST, &search("books"), query()).await.0, 403);
    assert_eq!(node.call_as(Some(&value), Method::GET, "/indexes/films/documents", Body::None).await.0, 403);
    assert_eq!(node.call_as(Some(&value), Method::GET, "/keys", Body::None).await.0, 403);

    assert_eq!(node.call(Method::DELETE, &format!("/keys/{uid}"), Body::None).await.0, 204);
    let (status, error) = node.call_as(Some(&value), Method::POST, &search("films"), query()).await;
    assert_eq!((status, &error["code"], &error["type"]), (403, &json!("invalid_api_key"), &json!("auth")));
    let (status, error) = node.call(Method::GET, &format!("/keys/{uid}"), Body::None).await;
    assert_eq!((status, &error["code"]), (404, &json!("api_key_not_found")));
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_without_a_right_key_are_refused() {
    let node = Node::start().await;
    let (status, error) = node.call_as(None, Method::GET, "/indexes", Body::None).await;
    assert_eq!((status, &error["code"]), (401, &json!("missing_authorization_header")));
    let (status, error) = node.call_as(Some("nope"), Method::GET, "/indexes", Body::None).await;
    assert_eq!((status, &error["code"]), (403, &json!("invalid_api_key")));
    assert_eq!(node.call_as(None, Method::GET, "/health", Body::None).await.0, 200);
    assert_eq!(node.call_as(Some(MASTER), Method::GET, "/version", Body::None).await.0, 200);
    for (body, code) in [
        (json!({ "indexes": ["*"], "expiresAt": null }), "missing_api_key_actions"),
        (json!({ "actions": ["*"], "expiresAt": null }), "missing_api_key_indexes"),
        (json!({ "actions": ["*"], "indexes": ["*"] }), "missing_api_key_expires_at"),
        (json!({ "actions": ["fly"], "indexes": ["*"], "expiresAt": null }), "invalid_api_key_actions"),
        (
            json!({ "actions": ["*"], "indexes": ["*"], "expiresAt": "2001-01-01" }),
            "invalid_api_key_expires_at",
        ),
        (json!({ "uid": "x", "actions": ["*"], "indexes": ["*"], "expiresAt": null }), "invalid_api_key_uid"),
    ] {
        let (status, error) = node.call(Method::POST, "/keys", Body::Json(body)).await;
        assert_eq!((status, error["code"].as_str()), (400, Some(code)), "{error}");
    }
}

/// A lane's key writes documents but creates no index; that is decided when the task is enqueued.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_without_the_right_creates_no_index() {
    let node = Node::start().await;
    let actions = ["documents.*", "tasks.*", "settings.*", "indexes.get", "indexes.update", "indexes.delete"];
    let body = json!({ "actions": actions, "indexes": ["*"], "expiresAt": null });
    let (_, key) = node.call(Method::POST, "/keys", Body::Json(body)).await;
    let lane = key["key"].as_str();
    for (method, path, body) in [
        (Method::POST, "/indexes/new/documents", json!([{ "id": 1 }])),
        (Method::PATCH, "/indexes/new/settings", json!({ "stopWords": ["a"] })),
    ] {
        let (status, task) = node.call_as(lane, method, path, Body::Json(body)).await;
        assert_eq!(status, 202, "{task}");
        let task = node.wait(task["taskUid"].as_u64().expect("a uid")).await;
        assert_eq!(task["error"]["code"], "index_not_found");
    }
    let create = Body::Json(json!({ "uid": "new" }));
    assert_eq!(node.call_as(lane, Method::POST, "/indexes", create).await.0, 403);
    assert_eq!(node.get("/indexes").await["total"], 0);
}
