//! Processes that die.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use miroir_testkit::processes::{Dev, PATIENCE, ended, get, post};
use serde_json::{Value, json};

/// Writes one document after the other through a peer until told to stop; gives the ids that were acknowledged.
async fn write_until(stop: Arc<AtomicBool>, peers: Vec<String>, prefix: &'static str) -> Vec<String> {
    let client = reqwest::Client::builder().timeout(Duration::from_secs(20)).build().expect("a client");
    let mut acknowledged = Vec::new();
    let mut number = 0_usize;
    while !stop.load(Ordering::Relaxed) {
        let id = format!("{prefix}-{number}");
        let peer = &peers[number % peers.len()];
        number += 1;
        let sent =
            client.post(format!("{peer}/indexes/load/documents")).json(&json!([{"id": id}])).send().await;
        if sent.is_ok_and(|answer| answer.status() == 202) {
            acknowledged.push(id);
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    acknowledged
}

/// Searches through these peers until told to stop; how often. Each search must find something.
async fn search_until(stop: Arc<AtomicBool>, peers: Vec<String>) -> usize {
    let mut searches = 0;
    while !stop.load(Ordering::Relaxed) {
        let peer = &peers[searches % peers.len()];
        let (status, found) =
            post(&format!("{peer}/indexes/load/search"), &json!({"q": "", "limit": 1})).await;
        assert_eq!(status, 200, "{found}");
        assert_eq!(found["hits"].as_array().map(Vec::len), Some(1), "{found}");
        searches += 1;
    }
    searches
}

async fn leader(dev: &Dev, ask: usize) -> Option<usize> {
    let topology = dev.topology(ask).await;
    let leader = topology["leader"].as_u64()?;
    let peer = topology["peers"].as_array()?.iter().find(|peer| peer["id"] == leader)?.clone();
    (1..=3).find(|number| peer["http"] == dev.peer(*number).as_str())
}

/// Every acknowledged document is there, on every copy.
async fn all_there(dev: &Dev, ask: usize, acknowledged: &[String]) {
    let peer = dev.peer(ask);
    let (_, task) = post(&format!("{peer}/indexes/load/documents"), &json!([{"id": "the-last"}])).await;
    assert_eq!(ended(&peer, &task).await["status"], "succeeded");
    for id in acknowledged {
        let document = get(&format!("{peer}/indexes/load/documents/{id}")).await.unwrap_or_default();
        assert_eq!(document["id"], id.as_str(), "an acknowledged write is lost");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_leader_is_killed() {
    let dev = Dev::start(&["--shards", "4"]).await;
    let (_, task) = post(&format!("{}/indexes/load/documents", dev.peer(1)), &json!([{"id": "first"}])).await;
    ended(&dev.peer(1), &task).await;
    let first = leader(&dev, 1).await.expect("a leader");
    let others: Vec<usize> = (1..=3).filter(|number| *number != first).collect();

    let stop = Arc::new(AtomicBool::new(false));
    let peers: Vec<String> = others.iter().map(|number| dev.peer(*number)).collect();
    let searcher = tokio::spawn(search_until(Arc::clone(&stop), peers.clone()));
    let writer = tokio::spawn(write_until(Arc::clone(&stop), peers, "w"));
    tokio::time::sleep(Duration::from_millis(500)).await;
    let killed = Instant::now();
    dev.kill("peers", first - 1);
    let next = loop {
        match leader(&dev, others[0]).await {
            Some(next) if next != first => break next,
            _ => assert!(killed.elapsed() < PATIENCE, "no new leader"),
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    let pause = killed.elapsed();
    eprintln!("peer {first} killed, peer {next} leads after {pause:?}");
    tokio::time::sleep(Duration::from_millis(1500)).await;
    stop.store(true, Ordering::Relaxed);
    let acknowledged = writer.await.expect("the writer ends");
    assert!(acknowledged.len() > 20, "only {} writes were acknowledged", acknowledged.len());
    let searches = searcher.await.expect("every search is answered, whoever leads");
    assert!(searches > 20, "only {searches} searches were answered");
    all_there(&dev, others[0], &acknowledged).await;

    // It comes back, by hand, and knows everything.
    dev.revive("peers", first - 1);
    let started = Instant::now();
    while get(&format!("{}/_miroir/ready", dev.peer(first))).await.is_none_or(|ready| ready["ready"] != true)
    {
        assert!(started.elapsed() < PATIENCE, "peer {first} does not come back");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let id = acknowledged.last().expect("some");
    let document = get(&format!("{}/indexes/load/documents/{id}", dev.peer(first))).await.unwrap_or_default();
    assert_eq!(document["id"], id.as_str());
    dev.verify();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_is_killed_and_catches_up() {
    let dev = Dev::start(&["--shards", "4"]).await;
    let peer = dev.peer(2);
    let (_, task) = post(&format!("{peer}/indexes/load/documents"), &json!([{"id": "first", "n": 0}])).await;
    ended(&peer, &task).await;
    dev.kill("nodes", 1);
    let (status, task) = {
        let many: Vec<Value> = (0..200).map(|n| json!({"id": format!("n-{n}"), "n": n})).collect();
        post(&format!("{peer}/indexes/load/documents"), &json!(many)).await
    };
    assert_eq!(status, 202, "writes go on while a node is away");
    let (status, found) = post(&format!("{peer}/indexes/load/search"), &json!({"q": ""})).await;
    assert_eq!(status, 200, "searches go on while another copy is there: {found}");
    dev.revive("nodes", 1);
    assert_eq!(ended(&peer, &task).await["status"], "succeeded");
    let acknowledged: Vec<String> = (0..200).map(|n| format!("n-{n}")).collect();
    all_there(&dev, 3, &acknowledged).await;
    dev.verify();
}
