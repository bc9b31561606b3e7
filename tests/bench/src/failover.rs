//! How long writes pause when the leader goes, and what searches notice of a node's death.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use miroir_testkit::processes::{Dev, PATIENCE};
use reqwest::{Client, StatusCode};
use serde_json::json;

use crate::figure::{Figures, Target, percentile};
use crate::server::Server;

/// How long a pause is looked for after each death.
const WATCH: Duration = Duration::from_secs(4);

/// Each round kills or stops the leader so often.
const PER_ROUND: u32 = 20;

pub(crate) async fn measure(rounds: u32, figures: &mut Figures) {
    let dev = Dev::start(&["--shards", "4"]).await;
    let first = Server::new(dev.peer(1), None);
    let task = first.load("load", json!({"id": 0}).to_string()).await;
    first.done(task).await;
    for (what, killed, target) in [("its death", true, 1500.0), ("a planned stop", false, 200.0)] {
        let mut pauses = Vec::new();
        for _ in 0..rounds * PER_ROUND {
            pauses.push(leader_goes(&dev, killed).await * 1e3);
        }
        for (percent, target) in [(50, Target::None), (99, Target::AtMost(target)), (100, Target::None)] {
            let name = format!("pause of acknowledged writes after {what}, p{percent}");
            figures.add(&name, "ms", target, &[percentile(&pauses, percent)]);
        }
    }
    node_dies(&dev, rounds, figures).await;
}

async fn leader(dev: &Dev) -> usize {
    let started = Instant::now();
    loop {
        for ask in 1..=3 {
            let topology = dev.topology(ask).await;
            let peers = topology["peers"].as_array().cloned().unwrap_or_default();
            let leads = peers.iter().find(|peer| peer["id"] == topology["leader"]);
            if let Some(found) =
                leads.and_then(|leads| (1..=3).find(|peer| leads["http"] == dev.peer(*peer).as_str()))
            {
                return found;
            }
        }
        assert!(started.elapsed() < PATIENCE, "no leader");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Writes one document after the other; the moments at which they were acknowledged.
async fn write(peer: String, stop: Arc<AtomicBool>) -> Vec<Instant> {
    let client = Client::builder().no_proxy().timeout(Duration::from_secs(10)).build().expect("a client");
    let mut acknowledged = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let sent =
            client.post(format!("{peer}/indexes/load/documents")).json(&json!([{"id": 1}])).send().await;
        if sent.is_ok_and(|answer| answer.status() == StatusCode::ACCEPTED) {
            acknowledged.push(Instant::now());
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    acknowledged
}

/// The leader goes, while others write through the other peers: the longest time without an acknowledgement on either.
async fn leader_goes(dev: &Dev, killed: bool) -> f64 {
    let going = leader(dev).await;
    let stop = Arc::new(AtomicBool::new(false));
    let others = (1..=3).filter(|peer| *peer != going);
    let writers: Vec<_> = others.map(|peer| tokio::spawn(write(dev.peer(peer), Arc::clone(&stop)))).collect();
    tokio::time::sleep(Duration::from_millis(500)).await;
    let gone = Instant::now();
    if killed {
        dev.kill("peers", going - 1);
    } else {
        dev.terminate("peers", going - 1);
    }
    tokio::time::sleep(WATCH.saturating_sub(gone.elapsed())).await;
    stop.store(true, Ordering::Relaxed);
    let mut longest = Duration::ZERO;
    for writer in writers {
        let moments = writer.await.expect("the writer ends");
        let from = moments.iter().rposition(|at| *at <= gone).unwrap_or(0);
        let gaps = moments[from..].windows(2).map(|pair| pair[1] - pair[0]);
        let tail = moments.last().map_or(WATCH, |last| (gone + WATCH).saturating_duration_since(*last));
        longest = gaps.chain([tail]).fold(longest, Duration::max);
    }
    dev.revive("peers", going - 1);
    let back = Server::new(dev.peer(going), None);
    let started = Instant::now();
    while back.get("/_miroir/ready").await["ready"] != true {
        assert!(started.elapsed() < PATIENCE, "the peer does not come back");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    longest.as_secs_f64()
}

/// Searches go on while a node dies; how long each takes in the three seconds after.
async fn node_dies(dev: &Dev, rounds: u32, figures: &mut Figures) {
    let peer = Server::new(dev.peer(1), None);
    let mut times = Vec::new();
    for round in 0..rounds {
        let node = round as usize % 3;
        dev.kill("nodes", node);
        let killed = Instant::now();
        while killed.elapsed() < Duration::from_secs(3) {
            times.push(peer.search("load", &json!({"q": ""})).await * 1e3);
        }
        dev.revive("nodes", node);
        let started = Instant::now();
        while !all_searched(dev).await {
            assert!(started.elapsed() < 4 * PATIENCE, "the node does not come back");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    let found = percentile(&times, 99);
    figures.add("a search within 3 s of a node's death, p99", "ms", Target::AtMost(1000.0), &[found]);
    figures.add(
        "a search within 3 s of a node's death, most",
        "ms",
        Target::None,
        &[percentile(&times, 100)],
    );
}

async fn all_searched(dev: &Dev) -> bool {
    let topology = dev.topology(1).await;
    let indexes = topology["indexes"].as_array().cloned().unwrap_or_default();
    let shards = indexes.iter().flat_map(|index| index["shards"].as_array().into_iter().flatten());
    let mut copies = shards.flat_map(|shard| shard["copies"].as_array().into_iter().flatten());
    copies.all(|copy| copy["searchable"] == true)
}
