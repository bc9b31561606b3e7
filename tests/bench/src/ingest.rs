//! Loading 100,000 cities in 10 batches, until the last is done.
//!
//! Three ways in each round: through a cluster with one copy of each shard; straight to three nodes, each with the very
//! documents and settings that the cluster's node got; to one node that holds all, unstamped.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

use futures::future::join_all;
use miroir_documents::{canonical_id, slot_of_id, stamp};
use miroir_testkit::processes::Dev;
use reqwest::Method;
use serde_json::{Value, json};

use crate::corpus;
use crate::figure::{Figures, Target};
use crate::server::{Alone, Server};

const CITIES: usize = 100_000;
const BATCHES: usize = 10;

pub(crate) async fn measure(rounds: u32, figures: &mut Figures) {
    let cities = corpus::cities(CITIES);
    let (mut striped, mut direct, mut plain) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        let (rate, thirds) = through_a_cluster(&cities).await;
        striped.push(rate);
        direct.push(straight_to_nodes(&thirds).await);
        plain.push(to_one_node(&cities).await);
    }
    let ratio = |other: &[f64]| -> Vec<f64> {
        striped.iter().zip(other).map(|(striped, other)| 100.0 * striped / other).collect()
    };
    let (of_direct, of_plain) = (ratio(&direct), ratio(&plain));
    figures.add("ingest, cluster, factor 1", "docs/s", Target::None, &striped);
    figures.add("ingest, three nodes directly", "docs/s", Target::None, &direct);
    figures.add("ingest, one plain node", "docs/s", Target::None, &plain);
    figures.add("ingest, cluster / three nodes", "%", Target::AtLeast(90.0), &of_direct);
    figures.add("ingest, cluster / one plain node", "%", Target::None, &of_plain);
}

/// What one node of the cluster holds.
struct Third {
    settings: Value,
    /// By batch.
    documents: Vec<String>,
}

/// Documents per second, and what each node got.
async fn through_a_cluster(cities: &[String]) -> (f64, Vec<Third>) {
    let dev = Dev::start(&["--shards", "6", "--factor", "1"]).await;
    let peer = Server::new(dev.peer(1), None);
    let created = json!({"uid": "cities", "primaryKey": "id"}).to_string();
    let task = peer.write(Method::POST, "/indexes", "application/json", created).await;
    peer.done(task).await;
    let batches: Vec<String> = cities.chunks(CITIES / BATCHES).map(|batch| batch.join("\n")).collect();
    let rate = load(&[(peer.clone(), batches)], "cities").await;

    let topology = peer.get("/_miroir/topology").await;
    let mut thirds = Vec::new();
    for (name, slots) in slots_by_node(&topology["indexes"][0]) {
        let members = dev.manifest["nodes"].as_array().into_iter().flatten();
        let node = members.into_iter().find(|node| node["id"] == name).expect("a node of the cluster");
        thirds.push(Third { settings: settings(node).await, documents: stamped(cities, &slots) });
    }
    assert_eq!(thirds.len(), 3, "each node has a part");
    (rate, thirds)
}

/// Inclusive ranges of slots by node. With one copy of each shard no slot is on two nodes.
fn slots_by_node(index: &Value) -> BTreeMap<String, Vec<(u64, u64)>> {
    let mut nodes: BTreeMap<String, Vec<(u64, u64)>> = BTreeMap::new();
    for shard in index["shards"].as_array().into_iter().flatten() {
        let slot = |at: usize| shard["slots"][at].as_u64().expect("a slot");
        let node = shard["copies"][0]["node"].as_str().expect("a copy");
        nodes.entry(node.to_owned()).or_default().push((slot(0), slot(1)));
    }
    nodes
}

/// The settings that a node of the cluster has for its part.
async fn settings(node: &Value) -> Value {
    let text = |name: &str| node[name].as_str().expect("dev.json names it").to_owned();
    let key = std::fs::read_to_string(Path::new(&text("key_file"))).expect("the node's key");
    let node = Server::new(text("url"), Some(key.trim().to_owned()));
    let physical = node.get("/indexes").await["results"][0]["uid"].as_str().expect("an index").to_owned();
    node.get(&format!("/indexes/{physical}/settings")).await
}

/// The part of each batch that is in these slots, as the cluster's node got it.
fn stamped(cities: &[String], slots: &[(u64, u64)]) -> Vec<String> {
    let part = |batch: &[String]| -> String {
        let lines = batch.iter().filter_map(|city| {
            let id = serde_json::from_str::<Value>(city).ok()?["id"].to_string();
            let slot = slot_of_id(canonical_id(&id)?);
            let number = u64::from(u16::from(slot));
            slots.iter().any(|(from, to)| (*from..=*to).contains(&number)).then(|| stamp(city, slot))?
        });
        lines.collect::<Vec<_>>().join("\n")
    };
    cities.chunks(CITIES / BATCHES).map(part).collect()
}

async fn straight_to_nodes(thirds: &[Third]) -> f64 {
    let nodes = [Alone::start().await, Alone::start().await, Alone::start().await];
    let mut loads = Vec::new();
    for (node, third) in nodes.iter().zip(thirds) {
        create(&node.server, Some(&third.settings)).await;
        loads.push((node.server.clone(), third.documents.clone()));
    }
    load(&loads, "cities").await
}

async fn to_one_node(cities: &[String]) -> f64 {
    let node = Alone::start().await;
    create(&node.server, None).await;
    let batches = cities.chunks(CITIES / BATCHES).map(|batch| batch.join("\n")).collect();
    load(&[(node.server.clone(), batches)], "cities").await
}

async fn create(node: &Server, settings: Option<&Value>) {
    let created = json!({"uid": "cities", "primaryKey": "id"}).to_string();
    let mut task = node.write(Method::POST, "/indexes", "application/json", created).await;
    if let Some(settings) = settings {
        let path = "/indexes/cities/settings";
        task = node.write(Method::PATCH, path, "application/json", settings.to_string()).await;
    }
    node.done(task).await;
}

/// Sends each server its batches, all servers at once, and waits until the last is done; documents per second.
async fn load(loads: &[(Server, Vec<String>)], index: &str) -> f64 {
    let started = Instant::now();
    join_all(loads.iter().map(async |(server, batches)| {
        let mut last = 0;
        for batch in batches {
            last = server.load(index, batch.clone()).await;
        }
        server.done(last).await;
    }))
    .await;
    CITIES as f64 / started.elapsed().as_secs_f64()
}
