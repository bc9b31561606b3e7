//! Creating, listing, renaming and deleting indexes, and what survives a restart.

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Body, Node, films};

#[tokio::test(flavor = "multi_thread")]
async fn life_of_an_index() {
    let node = Node::start().await;
    let task =
        node.done(Method::POST, "/indexes", Body::Json(json!({ "uid": "b", "primaryKey": "key" }))).await;
    assert_eq!((&task["type"], &task["details"]), (&json!("indexCreation"), &json!({ "primaryKey": "key" })));
    node.done(Method::POST, "/indexes", Body::Json(json!({ "uid": "a" }))).await;
    let task = node.run(Method::POST, "/indexes", Body::Json(json!({ "uid": "a" }))).await;
    assert_eq!(task["error"]["message"], "Index `a` already exists.");
    assert_eq!(task["error"]["code"], "index_already_exists");

    let list = node.get("/indexes?limit=1&offset=1").await;
    assert_eq!((&list["total"], &list["results"][0]["uid"]), (&json!(2), &json!("b")));
    assert_eq!(list["results"][0]["primaryKey"], "key");

    node.done(Method::PATCH, "/indexes/a", Body::Json(json!({ "primaryKey": "isbn" }))).await;
    assert_eq!(node.get("/indexes/a").await["primaryKey"], "isbn");

    let task = node.done(Method::DELETE, "/indexes/a", Body::None).await;
    assert_eq!((&task["type"], &task["details"]["deletedDocuments"]), (&json!("indexDeletion"), &json!(0)));
    let (status, error) = node.call(Method::GET, "/indexes/a", Body::None).await;
    assert_eq!((status, &error["message"]), (404, &json!("Index `a` not found.")));
    assert_eq!(error["link"], "https://docs.meilisearch.com/errors#index_not_found");
    let task = node.run(Method::DELETE, "/indexes/a", Body::None).await;
    assert_eq!(task["error"]["code"], "index_not_found");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rename_leaves_nothing_at_the_old_name() {
    let node = Node::start().await;
    node.add("x-0", films()).await;
    let (key, _) = lane_key(&node).await;
    let rename = node.enqueue(Method::PATCH, "/indexes/x-0", Body::Json(json!({ "uid": "x-1" }))).await;
    // Enqueued behind it on the old name, by a key that cannot create indexes.
    let late = Body::Json(json!([{ "id": 100 }]));
    let (status, late) = node.call_as(Some(&key), Method::POST, "/indexes/x-0/documents", late).await;
    assert_eq!(status, 202, "{late}");
    let task = node.wait(rename).await;
    let details = json!({ "primaryKey": null, "oldIndexUid": "x-0", "newIndexUid": "x-1" });
    assert_eq!((&task["status"], &task["details"]), (&json!("succeeded"), &details));
    let late = node.wait(late["taskUid"].as_u64().expect("a uid")).await;
    assert_eq!((&late["status"], &late["error"]["code"]), (&json!("failed"), &json!("index_not_found")));
    assert_eq!(node.get("/indexes/x-1/stats").await["numberOfDocuments"], 6);
    assert_eq!(node.get("/indexes").await["total"], 1);
    // The history moved, the later task did not.
    assert_eq!(node.get("/tasks?indexUids=x-1").await["total"], 1);
    assert_eq!(node.get("/tasks?indexUids=x-0").await["total"], 2);

    node.add("y", json!([{ "id": 1 }])).await;
    let task = node.run(Method::PATCH, "/indexes/y", Body::Json(json!({ "uid": "x-1" }))).await;
    assert_eq!(task["error"]["code"], "index_already_exists");
    let task = node.run(Method::PATCH, "/indexes/nope", Body::Json(json!({ "uid": "z" }))).await;
    assert_eq!(task["error"]["code"], "index_not_found");
}

async fn lane_key(node: &Node) -> (String, String) {
    let body = json!({ "actions": ["documents.*", "tasks.get"], "indexes": ["*"], "expiresAt": null });
    let (status, key) = node.call(Method::POST, "/keys", Body::Json(body)).await;
    assert_eq!(status, 201, "{key}");
    let text = |name: &str| key[name].as_str().expect("text").to_owned();
    (text("key"), text("uid"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_keeps_everything() {
    let node = Node::start().await;
    node.add("films", films()).await;
    let (key, uid) = lane_key(&node).await;
    node.done(Method::PATCH, "/indexes/films", Body::Json(json!({ "uid": "movies" }))).await;
    let tasks = node.get("/tasks").await;
    let dir = node.stop().await.expect("its directory");

    let node = Node::start_in(dir.path()).await;
    assert_eq!(node.get("/tasks").await, tasks);
    assert_eq!(node.get("/indexes/movies/stats").await["numberOfDocuments"], 6);
    assert_eq!(node.get(&format!("/keys/{uid}")).await["key"], json!(key));
    assert_eq!(node.search("movies", json!({ "q": "carol" })).await["hits"][0]["id"], 1);
    let second =
        node.enqueue(Method::POST, "/indexes/movies/documents", Body::Json(json!([{ "id": 7 }]))).await;
    assert_eq!(Some(second), tasks["results"][0]["uid"].as_u64().map(|last| last + 1), "uids go on");
    node.wait(second).await;
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_belongs_to_one_engine() {
    use miroir_engine::{Config, ServeError, serve};
    use tokio::net::TcpListener;

    let dir = tempfile::tempdir().expect("a directory");
    let node = Node::start_in(dir.path()).await;
    node.get("/health").await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let second = serve(listener, Config::new(dir.path(), None), std::future::pending()).await;
    assert!(matches!(second, Err(ServeError::InUse(_))), "{second:?}");
    node.stop().await;

    std::fs::write(dir.path().join("FORMAT"), "something else").expect("written");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let other = serve(listener, Config::new(dir.path(), None), std::future::pending()).await;
    assert!(matches!(other, Err(ServeError::OtherData { .. })), "{other:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn stats_health_version_and_unknown_routes() {
    let node = Node::start().await;
    node.add("films", films()).await;
    let stats = node.get("/indexes/films/stats").await;
    assert_eq!(stats["numberOfDocuments"], 6);
    assert_eq!(stats["isIndexing"], false);
    assert_eq!(stats["fieldDistribution"]["title"], 6);
    assert!(
        stats["rawDocumentDbSize"].as_u64() > Some(0) && stats["avgDocumentSize"].as_u64() > Some(0),
        "{stats}"
    );
    let all = node.get("/stats").await;
    assert_eq!(all["indexes"]["films"], stats);
    assert!(all["databaseSize"].as_u64() >= all["usedDatabaseSize"].as_u64(), "{all}");
    assert_eq!(node.get("/health").await, json!({ "status": "available" }));
    assert_eq!(node.get("/version").await["pkgVersion"], "1.15.1");
    for (method, path) in [(Method::GET, "/nope"), (Method::PUT, "/health"), (Method::POST, "/dumps")] {
        let (status, error) = node.call(method, path, Body::None).await;
        assert_eq!(status, 404);
        for member in ["message", "code", "type", "link"] {
            assert!(error[member].is_string(), "{error}");
        }
    }
    assert_eq!(node.get("/indexes?limit=0").await["results"], Value::Array(Vec::new()));
}
