//! A mesh that is ready, and what clients of any cluster see.

use std::time::{Duration, Instant};

use miroir_testkit::processes::{Member, Mesh, PATIENCE, Shape, ended, get, post, verified};
use serde_json::{Value, json};

/// Three peers and three nodes, once every peer takes writes. `limits` are lines of the peers' configuration.
pub(crate) async fn start(limits: &str) -> Mesh {
    start_with(limits, "").await
}

/// The same, with more lines for each node.
pub(crate) async fn start_with(limits: &str, each_node: &str) -> Mesh {
    let log = "info,openraft=warn,raft_log=warn".to_owned();
    let mesh = Mesh::start(&Shape {
        peers: 3,
        nodes: 3,
        factor: 2,
        limits: limits.to_owned(),
        defaults: String::new(),
        each_node: each_node.to_owned(),
        log,
    })
    .await;
    for peer in 0..3 {
        ready(&mesh, peer).await;
    }
    mesh
}

/// Waits until a peer says that it can be used.
pub(crate) async fn ready(mesh: &Mesh, peer: usize) {
    let url = format!("{}/_miroir/ready", mesh.peer_url(peer));
    await_that("a peer is ready", async || {
        let answer = get(&url).await.unwrap_or_default();
        (answer["ready"] == true).then_some(()).ok_or(answer)
    })
    .await;
}

/// Tries until it is so; what was seen instead is shown when it never is.
pub(crate) async fn await_that<T>(what: &str, mut look: impl AsyncFnMut() -> Result<T, Value>) -> T {
    let started = Instant::now();
    loop {
        match look().await {
            Ok(seen) => return seen,
            Err(instead) => assert!(started.elapsed() < PATIENCE, "never: {what}: {instead:#}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Waits until the topology says so, as a peer sees it.
pub(crate) async fn until(peer: &str, what: &str, wanted: impl Fn(&Value) -> bool) {
    let url = format!("{peer}/_miroir/topology");
    await_that(what, async || {
        let topology = get(&url).await.unwrap_or_default();
        wanted(&topology).then_some(()).ok_or(topology)
    })
    .await;
}

/// Whether it is so of all copies of an index on a node, of which there are some.
pub(crate) fn copies(topology: &Value, index: &str, node: &str, so: impl Fn(&Value) -> bool) -> bool {
    let of = |value: &Value, name: &str| value[name].as_array().cloned().unwrap_or_default();
    let index = of(topology, "indexes").into_iter().filter(|known| known["uid"] == index);
    let copies = index.flat_map(|index| of(&index, "shards")).flat_map(|shard| of(&shard, "copies"));
    let here: Vec<Value> = copies.filter(|copy| copy["node"] == node).collect();
    !here.is_empty() && here.iter().all(so)
}

/// An index with a shape: `shards=6&factor=2`.
pub(crate) async fn create(peer: &str, uid: &str, shape: &str) {
    let (_, task) = post(&format!("{peer}/indexes?{shape}"), &json!({"uid": uid, "primaryKey": "id"})).await;
    assert_eq!(ended(peer, &task).await["status"], "succeeded");
}

/// Writes documents with these numbers, and gives status and answer.
pub(crate) async fn write(peer: &str, index: &str, ids: impl IntoIterator<Item = usize>) -> (u16, Value) {
    let documents: Vec<Value> =
        ids.into_iter().map(|id| json!({"id": id, "text": format!("text {id}")})).collect();
    post(&format!("{peer}/indexes/{index}/documents"), &json!(documents)).await
}

/// The same, accepted and done.
pub(crate) async fn add(peer: &str, index: &str, ids: impl IntoIterator<Item = usize>) {
    let (status, task) = write(peer, index, ids).await;
    assert_eq!(status, 202, "{task}");
    assert_eq!(ended(peer, &task).await["status"], "succeeded", "{task}");
}

/// How many documents a search finds, or its error.
pub(crate) async fn total(peer: &str, index: &str) -> Result<u64, Value> {
    let (status, found) = post(&format!("{peer}/indexes/{index}/search"), &json!({"q": ""})).await;
    if status == 200 { found["estimatedTotalHits"].as_u64().ok_or(found) } else { Err(found) }
}

/// What an operator reads, and the exit code.
pub(crate) fn status(mesh: &Mesh) -> (Option<i32>, String) {
    let output = mesh.ctl(0, &["status"]);
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Waits until an operator need not look at anything; then all copies hold the same.
pub(crate) async fn well(mesh: &Mesh) {
    await_that("all is well", async || match status(mesh) {
        (Some(0), _) => Ok(()),
        (_, said) => Err(Value::from(said)),
    })
    .await;
    verify(mesh);
}

/// `verify` finds nothing wrong.
pub(crate) fn verify(mesh: &Mesh) {
    verified(|| mesh.ctl(0, &["verify", "--json"])).expect("`verify` finds nothing wrong");
}

/// What `verify` says to people, and the kinds of what it finds.
pub(crate) fn found(mesh: &Mesh) -> (String, Vec<String>) {
    let output = mesh.ctl(0, &["verify", "--json"]);
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let violations = report["violations"].as_array().expect("an array").clone();
    assert_eq!(output.status.success(), violations.is_empty(), "{report}");
    assert_eq!(report["ok"], violations.is_empty(), "{report}");
    let kinds = violations.iter().map(|found| found["kind"].as_str().unwrap_or_default().to_owned());
    let people = mesh.ctl(0, &["verify"]);
    assert_eq!(people.status.code(), output.status.code());
    (String::from_utf8_lossy(&people.stdout).into_owned(), kinds.collect())
}

/// How a member ended by itself.
pub(crate) async fn end_of(mesh: &Mesh, member: Member) -> std::process::ExitStatus {
    await_that("it ends", async || {
        let ended = mesh.ended().into_iter().find(|(who, _)| *who == member);
        ended.map(|(_, how)| how).ok_or(Value::Null)
    })
    .await
}
