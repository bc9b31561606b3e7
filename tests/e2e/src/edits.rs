//! Edits by function: everywhere or nowhere, and once whatever dies meanwhile.

use miroir_testkit::processes::{Dev, Member, Mesh, ended, get, post};
use serde_json::{Value, json};

use crate::stage::{create, end_of, start, verify, well};

async fn patch(url: &str, body: &Value) -> (u16, Value) {
    let answer = reqwest::Client::new().patch(url).json(body).send().await.expect("an answer");
    (answer.status().as_u16(), answer.json().await.expect("JSON"))
}

/// Edits an index, and gives the task as it ended.
async fn edit(peer: &str, index: &str, body: &Value) -> Value {
    let (status, task) = post(&format!("{peer}/indexes/{index}/documents/edit"), body).await;
    assert_eq!(status, 202, "{task}");
    ended(peer, &task).await
}

async fn documents(peer: &str, index: &str) -> Vec<Value> {
    let mut all = get(&format!("{peer}/indexes/{index}/documents?limit=1000")).await.unwrap_or_default();
    let mut all = all["results"].take().as_array().cloned().unwrap_or_default();
    all.sort_by_key(|document| document["id"].as_u64());
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_is_done_on_every_shard_or_on_none() {
    let dev = Dev::start(&["--shards", "6"]).await;
    let peers = [1, 2, 3].map(|peer| dev.peer(peer));
    create(&peers[0], "m", "").await;
    let (status, _) =
        patch(&format!("{}/indexes/m/settings", peers[0]), &json!({"filterableAttributes": ["n"]})).await;
    assert_eq!(status, 202);
    let loaded: Value = (0..60).map(|id| json!({"id": id, "n": id})).collect();
    post(&format!("{}/indexes/m/documents", peers[1]), &loaded).await;
    let (status, _) =
        patch(&format!("{}/experimental-features", peers[1]), &json!({"editDocumentsByFunction": true}))
            .await;
    assert_eq!(status, 200);

    // On at one peer, on at all.
    let body = json!({"function": "doc.n += context.by; doc.keys = doc.keys().len();", "context": {"by": 100},
                      "filter": "n < 50"});
    let task = edit(&peers[2], "m", &body).await;
    assert_eq!((&task["status"], &task["type"]), (&json!("succeeded"), &json!("documentEdition")), "{task}");
    assert_eq!(
        (&task["details"]["editedDocuments"], &task["details"]["deletedDocuments"]),
        (&json!(50), &json!(50))
    );
    let wanted = |id: u64| match id {
        0..50 => json!({"id": id, "n": id + 100, "keys": 2}),
        _ => json!({"id": id, "n": id}),
    };
    assert_eq!(documents(&peers[0], "m").await, (0..60).map(wanted).collect::<Vec<_>>());

    // One document that it fails for: nothing of it is done anywhere.
    let body = json!({"function": "doc.n += 1;\nif doc.id == 42 { doc.n += missing; }"});
    let task = edit(&peers[0], "m", &body).await;
    assert_eq!(task["status"], "failed");
    assert_eq!(
        task["error"]["message"],
        "Index `m`: Document edition runtime error encountered while running the function: Variable not found: missing \
         (line 2, position 28)"
    );
    assert_eq!(task["error"]["code"], "edit_documents_by_function_error");
    for body in
        [json!({"function": "doc.id = 7"}), json!({"function": "doc = 5"}), json!({"function": "exit()"})]
    {
        assert_eq!(edit(&peers[0], "m", &body).await["error"]["code"], "edit_documents_by_function_error");
    }
    let task = edit(&peers[0], "m", &json!({"function": "doc.remove(\"id\");", "filter": "n = 55"})).await;
    assert_eq!(task["error"]["message"], "Index `m`: Document doesn't have a `id` attribute: `{\"n\":55}`.");
    let vectors = edit(&peers[0], "m", &json!({"function": "doc._vectors = 5"})).await;
    assert_eq!(vectors["status"], "failed", "a node would take it for its own fault: {vectors}");
    assert_eq!(documents(&peers[1], "m").await, (0..60).map(wanted).collect::<Vec<_>>());

    // Deletions, and a script with functions and an early end of its own.
    let script = "fn is_even(x) { return x % 2 == 0; }\nif is_even(doc.id) { doc = (); return; }\ndoc.n = 0;";
    let task = edit(&peers[1], "m", &json!({"function": script})).await;
    assert_eq!(task["details"]["editedDocuments"], 60);
    let left: Vec<Value> = documents(&peers[2], "m").await;
    assert!(left.len() == 30 && left.iter().all(|document| document["n"] == 0), "{left:?}");
    dev.verify();
}

/// A node dies between the commit of its index and that of its task, and does the task again.
#[tokio::test(flavor = "multi_thread")]
async fn an_edit_that_a_node_does_again_has_its_effect_once() {
    let mesh: Mesh = start("").await;
    let peer = mesh.peer_url(0);
    create(&peer, "m", "shards=6&factor=2").await;
    let loaded: Value = (0..60).map(|id| json!({"id": id, "n": 0})).collect();
    let (_, task) = post(&format!("{peer}/indexes/m/documents"), &loaded).await;
    ended(&peer, &task).await;
    patch(&format!("{peer}/experimental-features"), &json!({"editDocumentsByFunction": true})).await;
    // The first time that a node comes there is the trial, which changes nothing.
    let nodes = [0, 1, 2].map(Member::Node);
    nodes.iter().for_each(|node| mesh.set_faults(*node, "engine.edited=kill@2"));
    let body = json!({"function": "doc.n += 1"});
    let (status, task) = post(&format!("{peer}/indexes/m/documents/edit"), &body).await;
    assert_eq!(status, 202, "{task}");
    for node in nodes {
        end_of(&mesh, node).await;
        mesh.set_faults(node, "");
        mesh.start_again(node);
    }
    let task = ended(&peer, &task).await;
    assert_eq!(task["status"], "succeeded");
    let edited = &task["details"]["editedDocuments"];
    assert!(edited.is_null() || *edited == 60, "{task}");
    well(&mesh).await;
    let times =
        |all: &[Value], times: u64| all.len() == 60 && all.iter().all(|document| document["n"] == times);
    let all = documents(&peer, "m").await;
    assert!(times(&all, 1), "{all:?}");
    // The mark of one edit does not stop the next.
    assert_eq!(edit(&peer, "m", &body).await["status"], "succeeded");
    let all = documents(&peer, "m").await;
    assert!(times(&all, 2), "{all:?}");
    verify(&mesh);
}
