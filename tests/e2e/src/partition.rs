//! A peer on the wrong side of a partition: it goes on searching what it knows, and promises nothing.

use std::time::{Duration, Instant};

use miroir_testkit::processes::{Member, Mesh, ended};
use miroir_testkit::proxy::Link;
use reqwest::{Client, Method, Response};
use serde_json::{Value, json};

use crate::stage::{add, await_that, create, start, well, write};

/// So long it may take to say that there is no quorum: what is waited for it (3 s), and some time on a busy machine.
const SOON: Duration = Duration::from_secs(8);

/// How long a peer's knowledge counts as new.
const FRESH: Duration = Duration::from_secs(5);

/// Sets the links between one peer and the others; those to the nodes stay.
async fn set(mesh: &Mesh, alone: usize, link: Link) {
    for (from, to, proxy) in mesh.links() {
        if from == alone && matches!(to, Member::Peer(_)) || to == Member::Peer(alone) {
            proxy.set(link).await.expect("the proxy runs");
            if link == Link::default() {
                // What hangs on lost bytes begins again.
                proxy.reset().await.expect("the proxy runs");
            }
        }
    }
}

async fn ask(peer: &str, method: Method, path: &str, body: &Value) -> Response {
    let client = Client::builder().no_proxy().build().expect("a client");
    let request = client.request(method, format!("{peer}{path}"));
    request.json(body).send().await.expect("an answer")
}

/// Searches there: how many documents are found, and whether that may be stale.
async fn search(peer: &str) -> (u64, bool) {
    let answer = ask(peer, Method::POST, "/indexes/load/search", &json!({"q": ""})).await;
    let stale = answer.headers().contains_key("miroir-stale");
    assert_eq!(answer.status(), 200);
    let found: Value = answer.json().await.expect("JSON");
    (found["estimatedTotalHits"].as_u64().expect("a number"), stale)
}

async fn has_no_quorum(peer: &str, method: Method, path: &str, body: &Value) {
    let begun = Instant::now();
    let answer = ask(peer, method.clone(), path, body).await;
    let again = answer.headers().contains_key("retry-after");
    let (status, took) = (answer.status(), begun.elapsed());
    let said: Value = answer.json().await.expect("JSON");
    assert_eq!(
        (status.as_u16(), &said["code"]),
        (503, &json!("miroir_no_quorum")),
        "{method} {path}: {said}"
    );
    assert!(again && took < SOON, "{method} {path}: {took:?}");
}

/// The peer that leads.
async fn leader(mesh: &Mesh) -> usize {
    await_that("there is a leader", async || {
        for peer in 0..3 {
            let metrics = ask(&mesh.peer_url(peer), Method::GET, "/_miroir/metrics", &Value::Null).await;
            if metrics.text().await.expect("a text").contains("\nmiroir_raft_is_leader 1\n") {
                return Ok(peer);
            }
        }
        Err(Value::Null)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_cut_off_searches_what_it_knows_and_promises_nothing() {
    let mesh = start("").await;
    let leads = leader(&mesh).await;
    create(&mesh.peer_url(0), "load", "shards=6&factor=2").await;
    // The leader last: then there is another.
    for (round, alone) in [(0, (leads + 1) % 3), (1, leads)] {
        let (here, there) = (mesh.peer_url(alone), mesh.peer_url((alone + 1) % 3));
        cut_off(&mesh, alone, (&here, &there), round * 31).await;
    }
    well(&mesh).await;
}

/// One peer is cut off when there are so many documents, and comes back.
async fn cut_off(mesh: &Mesh, alone: usize, (here, there): (&str, &str), before: u64) {
    let known = before + 20;
    let id = |n: u64| usize::try_from(n).expect("small");
    let (_, task) = write(there, "load", id(before)..id(known)).await;
    assert_eq!(ended(there, &task).await["status"], "succeeded");
    let over = format!("/tasks/{}", task["taskUid"]);
    await_that("it knows", async || match search(here).await {
        (found, false) if found == known => Ok(()),
        other => Err(json!(other)),
    })
    .await;

    set(mesh, alone, Link::PARTITION).await;
    let begun = Instant::now();
    // What it takes before it knows may be in the log or not, so it is what is written in the end.
    let one = json!([{"id": id(known) + 10}]);
    await_that("it knows that it can promise nothing", async || {
        let answer = ask(here, Method::POST, "/indexes/load/documents", &one).await;
        if answer.status() == 503 { Ok(()) } else { Err(answer.json().await.expect("JSON")) }
    })
    .await;
    has_no_quorum(here, Method::POST, "/indexes/load/documents", &one).await;
    has_no_quorum(here, Method::GET, "/indexes/load/settings", &Value::Null).await;
    has_no_quorum(here, Method::GET, "/tasks?limit=1", &Value::Null).await;
    let told = ask(here, Method::GET, &over, &Value::Null).await;
    assert_eq!(told.status(), 200, "what is over cannot change");
    // The others go on. What they report done, a search here may miss, and says so.
    await_that("the others take writes", async || {
        let (status, task) = write(there, "load", id(known)..id(known) + 10).await;
        if status == 202 { Ok(ended(there, &task).await) } else { Err(task) }
    })
    .await;
    let (found, stale) = search(here).await;
    assert!((known..=known + 10).contains(&found) && stale, "{found}, stale: {stale}");
    assert!(begun.elapsed() >= FRESH, "nothing is done before it says so");

    set(mesh, alone, Link::default()).await;
    await_that("it is back", async || match search(here).await {
        (found, false) if found == known + 10 => Ok(()),
        other => Err(json!(other)),
    })
    .await;
    let task = await_that("it takes writes", async || match write(here, "load", [id(known) + 10]).await {
        (202, task) => Ok(task),
        (_, answer) => Err(answer),
    })
    .await;
    assert_eq!(ended(there, &task).await["status"], "succeeded");
    assert_eq!(search(here).await, (known + 11, false));
}

/// The peer that delivers to a node, as another sees it.
async fn delivering(mesh: &Mesh, node: usize) -> Result<usize, Value> {
    let answer = ask(&mesh.peer_url(0), Method::GET, "/_miroir/topology", &Value::Null).await;
    let topology: Value = answer.json().await.expect("JSON");
    let owner = &topology["nodes"][node]["lane"]["owner"];
    let peers = topology["peers"].as_array().into_iter().flatten();
    let http = peers.into_iter().find(|peer| &peer["id"] == owner).map(|peer| peer["http"].clone());
    (0..3).find(|peer| http == Some(mesh.peer_url(*peer).into())).ok_or(topology)
}

/// Who delivers to a node cannot reach it any more, and the others can: one of them delivers, what was on its way
/// included. Of each shard there is only one copy, so nothing is done without the node.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_its_peer_cannot_reach_gets_its_writes_from_another() {
    let mesh = start("").await;
    create(&mesh.peer_url(0), "load", "shards=6&factor=1").await;
    let owner = await_that("somebody delivers", || delivering(&mesh, 0)).await;
    let other = mesh.peer_url((owner + 1) % 3);
    add(&other, "load", 0..30).await;

    let cut = mesh.link(owner, Member::Node(0));
    cut.set(Link::PARTITION).await.expect("the proxy runs");
    add(&other, "load", 30..60).await;
    assert_eq!(search(&other).await, (60, false));
    let next = delivering(&mesh, 0).await.expect("somebody delivers");
    assert_ne!(next, owner);
    add(&mesh.peer_url(owner), "load", 60..90).await;

    cut.set(Link::default()).await.expect("the proxy runs");
    cut.reset().await.expect("the proxy runs");
    well(&mesh).await;
    assert_eq!(search(&mesh.peer_url(owner)).await, (90, false));
}
