//! Documents that only nodes refuse, and nodes that stop over one index. Time is paused.

use std::collections::BTreeMap;

use miroir_cluster::{EnqueueWork, WriteMode};
use miroir_documents::slot_of_id;
use miroir_tasks::TaskStatus;
use serde_json::{Value, json};

use crate::world::{World, documents, uid};

fn movies(ids: impl IntoIterator<Item = u32>) -> Vec<Value> {
    ids.into_iter().map(|id| json!({ "id": id.to_string(), "v": 1 })).collect()
}

fn write(documents_: &[Value]) -> EnqueueWork {
    documents(WriteMode::Replace, documents_)
}

/// Three nodes, each with some of six shards twice: those that refuse the document hold others too, and the one that does
/// not hold it takes all of its own. The copies of each shard agree in the end, and none is lost.
#[tokio::test(start_paused = true)]
async fn one_bad_document_costs_its_shard_and_no_copy() {
    let (mut world, _peer, index) = World::with_movies(3, 6, 2).await;
    let mut all = movies(0..120);
    all[70]["bad"] = json!(true);
    let bad = slot_of_id("70").unit();
    let task = world.enqueue("movies", write(&all));
    let after = world.enqueue("movies", write(&movies(200..260)));
    assert_eq!(world.done(task).await.error.expect("it fails").message, "Index `movies`: bad");
    assert_eq!(world.done(after).await.status, TaskStatus::Succeeded);
    let state = world.state();
    let index = &state.indexes[&index];
    let units =
        index.shards.shards().iter().map(|shard| shard.range.units()).find(|units| units.contains(bad));
    let units = units.expect("the shards tile the slots");
    let by_id: BTreeMap<String, Value> = (all.iter())
        .filter(|document| !units.contains(slot_of_id(document["id"].as_str().expect("a text")).unit()))
        .chain(&movies(200..260))
        .map(|document| (document["id"].as_str().expect("a text").to_owned(), document.clone()))
        .collect();
    assert!(by_id.len() > 100 && by_id.len() < 180, "{}", by_id.len());
    for node in world.nodes.keys() {
        assert_eq!(world.documents(index.id, node), world.share(index.id, node, &by_id), "{node}");
        assert!(index.queues[node].lost.is_none() && index.queues[node].searchable, "{node}");
    }
}

/// The indexes of a node are one lane and not one queue.
#[tokio::test(start_paused = true)]
async fn what_stops_one_index_of_a_node_leaves_its_others_alone() {
    let (mut world, _peer, stuck) = World::with_movies(1, 1, 1).await;
    let books = world.create("books").await;
    let node = world.nodes.keys().next().expect("one").clone();
    world.nodes[&node].lock().adds_fail_for = Some("movie");
    let waits = world.enqueue("movies", write(&[json!({ "id": "1", "movie": true })]));
    for id in 0..20 {
        let goes = world.enqueue("books", write(&movies([id])));
        assert_eq!(world.done(goes).await.status, TaskStatus::Succeeded);
    }
    assert!(world.state().indexes[&stuck].queues[&node].fault.is_some());
    assert!(world.state().indexes[&books].queues[&node].fault.is_none());
    assert!(!world.state().is_done(waits));
    world.nodes[&node].lock().adds_fail_for = None;
    assert_eq!(world.done(waits).await.status, TaskStatus::Succeeded);
    assert_eq!(world.state().ordered(&uid("books")).expect("ordered").id, books);
}
