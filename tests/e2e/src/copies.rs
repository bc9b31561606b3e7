//! Nodes that go away, and nodes that come back as something else.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use miroir_testkit::processes::{Dev, PATIENCE, ended, get, post};
use serde_json::{Value, json};

/// Adds documents and waits until that is done.
async fn add(peer: &str, ids: std::ops::Range<usize>) {
    let many: Vec<Value> = ids.map(|n| json!({"id": format!("n-{n}"), "n": n})).collect();
    let (_, task) = post(&format!("{peer}/indexes/load/documents"), &json!(many)).await;
    assert_eq!(ended(peer, &task).await["status"], "succeeded");
}

async fn total(peer: &str) -> u64 {
    let (status, found) = post(&format!("{peer}/indexes/load/search"), &json!({"q": ""})).await;
    assert_eq!(status, 200, "{found}");
    found["estimatedTotalHits"].as_u64().expect("a total")
}

/// Waits until the topology says so.
async fn until(dev: &Dev, what: &str, wanted: impl Fn(&Value) -> bool) {
    let started = Instant::now();
    loop {
        let topology = dev.topology(1).await;
        if wanted(&topology) {
            return;
        }
        assert!(started.elapsed() < PATIENCE, "{what}: {topology:#}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn copies<'a>(topology: &'a Value, node: &'a str) -> impl Iterator<Item = &'a Value> {
    let shards = topology["indexes"][0]["shards"].as_array().into_iter().flatten();
    let copies = shards.flat_map(|shard| shard["copies"].as_array().into_iter().flatten());
    copies.filter(move |copy| copy["node"] == node)
}

fn searched(topology: &Value, node: &str) -> bool {
    copies(topology, node).all(|copy| copy["searchable"] == true && copy["required"] == true)
}

fn copy_all(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a directory");
    for entry in std::fs::read_dir(from).expect("it is there") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy_all(&path, &target);
        } else {
            std::fs::copy(&path, &target).expect("copied");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_dies_and_nobody_notices_but_the_operator() {
    let dev = Dev::start(&["--shards", "4"]).await;
    let peer = dev.peer(2);
    add(&peer, 0..100).await;
    dev.kill("nodes", 1);
    let killed = Instant::now();
    let mut slowest = Duration::ZERO;
    while killed.elapsed() < Duration::from_secs(3) {
        let asked = Instant::now();
        assert_eq!(total(&peer).await, 100);
        slowest = slowest.max(asked.elapsed());
    }
    eprintln!("the slowest search after the death of a node took {slowest:?}");
    let began = Instant::now();
    add(&peer, 100..200).await;
    eprintln!("a task was done without the node after {:?}", began.elapsed());
    assert_eq!(total(&peer).await, 200);
    until(&dev, "it leaves", |topology| copies(topology, "node-1").all(|copy| copy["required"] == false))
        .await;
    let status = dev.ctl(&["status"]);
    let said = String::from_utf8_lossy(&status.stdout).into_owned();
    assert_eq!(status.status.code(), Some(4), "{said}");
    assert!(said.contains("node node-1 is down") && said.contains("rest on one copy"), "{said}");
    dev.revive("nodes", 1);
    until(&dev, "it comes back", |topology| searched(topology, "node-1")).await;
    dev.verify();
    assert_eq!(dev.ctl(&["status"]).status.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_comes_back_older_or_empty_is_not_used() {
    let dev = Dev::start(&["--shards", "4"]).await;
    let peer = dev.peer(1);
    add(&peer, 0..50).await;
    // Last night's image of its disk.
    dev.kill("nodes", 1);
    let dir = PathBuf::from(dev.manifest["nodes"][1]["dir"].as_str().expect("a directory"));
    let image = dir.with_extension("image");
    copy_all(&dir, &image);
    dev.revive("nodes", 1);
    until(&dev, "it is back", |topology| searched(topology, "node-1")).await;
    add(&peer, 50..150).await;

    dev.kill("nodes", 1);
    std::fs::remove_dir_all(&dir).expect("removed");
    copy_all(&image, &dir);
    dev.revive("nodes", 1);
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(2) {
        assert_eq!(total(&peer).await, 150, "a search used the old image");
    }
    until(&dev, "it is lost", |topology| topology["nodes"][1]["state"] == "lost").await;
    add(&peer, 150..160).await;
    assert_eq!(total(&peer).await, 160);
    let said = String::from_utf8_lossy(&dev.ctl(&["status"]).stdout).into_owned();
    assert!(said.contains("node node-1 is lost") && said.contains("holds older data"), "{said}");

    // Another one comes back with nothing. Its shards that node-1 had too are nowhere else.
    dev.kill("nodes", 2);
    let dir = PathBuf::from(dev.manifest["nodes"][2]["dir"].as_str().expect("a directory"));
    for entry in std::fs::read_dir(&dir).expect("it is there") {
        let path = entry.expect("an entry").path();
        // Its configuration stays: the disk is new, the server the same.
        if path.is_dir() {
            std::fs::remove_dir_all(path).expect("removed");
        }
    }
    dev.revive("nodes", 2);
    until(&dev, "it is lost too", |topology| topology["nodes"][2]["state"] == "lost").await;
    let (status, answer) = post(&format!("{peer}/indexes/load/search"), &json!({"q": ""})).await;
    assert_eq!((status, &answer["code"]), (503, &json!("miroir_shard_unavailable")), "{answer}");
    assert!(get(&format!("{peer}/indexes/load")).await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_waits_for_the_task_that_it_names() {
    let dev = Dev::start(&[]).await;
    let (write, read) = (dev.peer(1), dev.peer(3));
    let client = reqwest::Client::new();
    for n in 0..20 {
        let (_, task) = post(&format!("{write}/indexes/load/documents"), &json!([{"id": n}])).await;
        let search = client.post(format!("{read}/indexes/load/search")).json(&json!({"q": ""}));
        let answer = search.header("Miroir-Min-Task", task["taskUid"].to_string()).send().await;
        let answer = answer.expect("an answer");
        assert!(!answer.headers().contains_key("miroir-stale"));
        let found: Value = answer.json().await.expect("JSON");
        assert_eq!(found["estimatedTotalHits"], n + 1, "{found}");
    }
    let far = client.get(format!("{read}/indexes/load/documents")).header("Miroir-Min-Task", "999999");
    let answer = far.send().await.expect("an answer");
    assert_eq!(answer.status(), 503);
    assert_eq!(answer.json::<Value>().await.expect("JSON")["code"], "miroir_not_caught_up");
}
