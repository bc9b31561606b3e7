//! Someone writes to a node directly. Nobody keeps that from happening, and who looks finds it.

use miroir_testkit::processes::Mesh;
use reqwest::{Client, Method};
use serde_json::{Value, json};

use crate::stage::{add, await_that, create, found, start, verify};

/// The node that is written to, and nobody's document.
const NODE: usize = 1;

/// A request to the node past all peers, with its master key.
async fn ask(mesh: &Mesh, method: Method, path: &str, body: Option<Value>) -> Value {
    let client = Client::builder().no_proxy().build().expect("a client");
    let url = format!("{}{path}", mesh.node_url(NODE));
    let request = client.request(method, url).bearer_auth(mesh.node_key(NODE));
    let request = body.into_iter().fold(request, |request, body| request.json(&body));
    request.send().await.expect("an answer").json().await.expect("JSON")
}

/// A write to the node, done.
async fn tamper(mesh: &Mesh, method: Method, path: &str, body: Value) {
    let receipt = ask(mesh, method, path, Some(body)).await;
    let task = format!("/tasks/{}", receipt["taskUid"]);
    await_that("the node has done it", async || {
        let task = ask(mesh, Method::GET, &task, None).await;
        if task["status"] == "succeeded" { Ok(()) } else { Err(task) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_someone_wrote_to_a_node_is_found() {
    let mesh = start("").await;
    let peer = mesh.peer_url(0);
    create(&peer, "load", "shards=6&factor=2").await;
    add(&peer, "load", 0..60).await;
    verify(&mesh);
    let indexes = ask(&mesh, Method::GET, "/indexes", None).await;
    let physical = format!("/indexes/{}/documents", indexes["results"][0]["uid"].as_str().expect("a name"));
    let page = ask(&mesh, Method::GET, &format!("{physical}?limit=1"), None).await;
    let mut document = page["results"][0].clone();

    let text = document["text"].take();
    document["text"] = json!("not what anybody sent");
    tamper(&mesh, Method::PUT, &physical, json!([document])).await;
    let (said, kinds) = found(&mesh);
    assert_eq!(kinds, ["copies_differ"], "{said}");
    assert!(said.contains("load/") && said.contains("node-1"), "{said}");

    document["text"] = text;
    tamper(&mesh, Method::PUT, &physical, json!([document])).await;
    tamper(&mesh, Method::POST, &physical, json!([{"id": "foreign"}])).await;
    let (said, kinds) = found(&mesh);
    assert_eq!(kinds, ["foreign_documents"], "{said}");
    assert!(said.contains("load on node-1"), "{said}");

    tamper(&mesh, Method::POST, &format!("{physical}/delete-batch"), json!(["foreign"])).await;
    verify(&mesh);
}
