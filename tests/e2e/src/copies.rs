//! Nodes that go away, and nodes that come back as something else.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use miroir_testkit::processes::{Dev, PATIENCE, get, post};
use serde_json::{Value, json};

use crate::stage::{add, copies, total, until};

/// How long a read waits for the task that it names.
const WAIT: Duration = Duration::from_secs(5);

fn searched(topology: &Value, node: &str) -> bool {
    copies(topology, "load", node, |copy| copy["searchable"] == true && copy["required"] == true)
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
    let (peer, first) = (dev.peer(2), dev.peer(1));
    add(&peer, "load", 0..100).await;
    dev.kill("nodes", 1);
    let killed = Instant::now();
    let mut slowest = Duration::ZERO;
    while killed.elapsed() < Duration::from_secs(3) {
        let asked = Instant::now();
        assert_eq!(total(&peer, "load").await, Ok(100));
        slowest = slowest.max(asked.elapsed());
    }
    eprintln!("the slowest search after the death of a node took {slowest:?}");
    let began = Instant::now();
    add(&peer, "load", 100..200).await;
    eprintln!("a task was done without the node after {:?}", began.elapsed());
    assert_eq!(total(&peer, "load").await, Ok(200));
    until(&first, "it leaves", |topology| {
        copies(topology, "load", "node-1", |copy| copy["required"] == false)
    })
    .await;
    let status = dev.ctl(&["status"]);
    let said = String::from_utf8_lossy(&status.stdout).into_owned();
    assert_eq!(status.status.code(), Some(4), "{said}");
    assert!(said.contains("node node-1 is down") && said.contains("rest on one copy"), "{said}");
    let verified = dev.ctl(&["verify", "--json"]);
    let report: Value = serde_json::from_slice(&verified.stdout).expect("JSON");
    assert_eq!(verified.status.code(), Some(1), "{report}");
    let found = report["violations"].as_array().expect("an array");
    assert!(!found.is_empty() && found.iter().all(|found| found["kind"] == "copy_not_read"), "{report}");
    assert!(found.iter().all(|found| found["where"] == "load on node-1"), "{report}");
    dev.revive("nodes", 1);
    until(&first, "it comes back", |topology| searched(topology, "node-1")).await;
    dev.verify();
    assert_eq!(dev.ctl(&["status"]).status.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_comes_back_older_or_empty_is_not_used() {
    let dev = Dev::start(&["--shards", "4"]).await;
    let peer = dev.peer(1);
    add(&peer, "load", 0..50).await;
    // Last night's image of its disk.
    dev.kill("nodes", 1);
    let dir = PathBuf::from(dev.manifest["nodes"][1]["dir"].as_str().expect("a directory"));
    let image = dir.with_extension("image");
    copy_all(&dir, &image);
    dev.revive("nodes", 1);
    until(&peer, "it is back", |topology| searched(topology, "node-1")).await;
    add(&peer, "load", 50..150).await;

    dev.kill("nodes", 1);
    std::fs::remove_dir_all(&dir).expect("removed");
    copy_all(&image, &dir);
    dev.revive("nodes", 1);
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(2) {
        assert_eq!(total(&peer, "load").await, Ok(150), "a search used the old image");
    }
    until(&peer, "it is lost", |topology| topology["nodes"][1]["state"] == "lost").await;
    add(&peer, "load", 150..160).await;
    assert_eq!(total(&peer, "load").await, Ok(160));
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
    until(&peer, "it is lost too", |topology| topology["nodes"][2]["state"] == "lost").await;
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
        let written = Instant::now();
        let found = loop {
            let asked = Instant::now();
            let search = client.post(format!("{read}/indexes/load/search")).json(&json!({"q": ""}));
            let answer = search.header("Miroir-Min-Task", task["taskUid"].to_string()).send().await;
            let answer = answer.expect("an answer");
            assert!(!answer.headers().contains_key("miroir-stale"));
            let found: Value = answer.json().await.expect("JSON");
            if found["code"] != "miroir_not_caught_up" {
                break found;
            }
            // A machine may be busy for longer than a read waits, but not for ever.
            assert!(asked.elapsed() >= WAIT, "it did not wait: {:?}", asked.elapsed());
            assert!(written.elapsed() < PATIENCE, "{found}");
        };
        assert_eq!(found["estimatedTotalHits"], n + 1, "{found}");
    }
    let far = client.get(format!("{read}/indexes/load/documents")).header("Miroir-Min-Task", "999999");
    let answer = far.send().await.expect("an answer");
    assert_eq!(answer.status(), 503);
    assert_eq!(answer.json::<Value>().await.expect("JSON")["code"], "miroir_not_caught_up");
}
