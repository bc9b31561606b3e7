//! Disks that fill, and have room again.

use miroir_testkit::Dice;
use miroir_testkit::processes::{Member, Mesh, ended, get, post};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::stage::{
    add, await_that, copies, create, end_of, ready, start, start_with, status, total, until, verify, well,
    write,
};

/// Less than the usual `disk_reserve`, and enough to go on.
const LOW: &str = "disk.free=100000000";
/// Too little to write anything.
const NONE: &str = "disk.free=1000000";

async fn leader(mesh: &Mesh, ask: usize) -> Result<usize, Value> {
    let topology = get(&format!("{}/_miroir/topology", mesh.peer_url(ask))).await.unwrap_or_default();
    let peers = topology["peers"].as_array().into_iter().flatten();
    let mut leading = peers.filter(|peer| topology["leader"].is_u64() && peer["id"] == topology["leader"]);
    let url = leading.next().and_then(|peer| peer["http"].as_str().map(str::to_owned));
    (0..3).find(|peer| url.as_deref() == Some(&mesh.peer_url(*peer))).ok_or(topology)
}

async fn delete(url: &str) -> (StatusCode, Value) {
    let answer = reqwest::Client::new().request(Method::DELETE, url).send().await.expect("the peer answers");
    (answer.status(), answer.json().await.unwrap_or_default())
}

/// Waits until a peer refuses documents for want of room.
async fn refused(peer: &str) {
    await_that("it refuses documents", async || match write(peer, "load", [0]).await {
        (503, answer) if answer["code"] == "miroir_disk_low" => Ok(()),
        (_, answer) => Err(answer),
    })
    .await;
}

/// Waits until a peer takes documents, and these are there.
async fn take_again(peer: &str, ids: std::ops::Range<usize>) {
    let task = await_that("it takes documents", async || match write(peer, "load", ids.clone()).await {
        (202, task) => Ok(task),
        (_, answer) => Err(answer),
    })
    .await;
    assert_eq!(ended(peer, &task).await["status"], "succeeded");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_without_room_takes_no_payload_then_stops_and_comes_back() {
    let mesh = start("").await;
    let full = await_that("somebody leads", async || leader(&mesh, 0).await).await;
    let (peer, other) = (mesh.peer_url(full), mesh.peer_url((full + 1) % 3));
    create(&peer, "load", "shards=4&factor=2").await;
    create(&peer, "passing", "shards=1&factor=1").await;
    add(&peer, "load", 0..40).await;

    mesh.set_faults(Member::Peer(full), LOW);
    refused(&peer).await;
    await_that("it hands over", async || {
        let leader = leader(&mesh, (full + 1) % 3).await?;
        (leader != full).then_some(()).ok_or_else(|| json!(leader))
    })
    .await;
    let answer = get(&format!("{peer}/_miroir/ready")).await.unwrap_or_default();
    assert_eq!(answer, json!({"ready": false, "reason": "disk_low"}));
    // What frees space goes on there, and so do searches; documents are taken elsewhere.
    let (accepted, task) = delete(&format!("{peer}/indexes/passing")).await;
    assert_eq!(accepted, 202, "{task}");
    assert_eq!(ended(&peer, &task).await["status"], "succeeded");
    add(&other, "load", 100..140).await;
    assert_eq!(total(&peer, "load").await, Ok(80));

    mesh.set_faults(Member::Peer(full), NONE);
    for _ in 0..2 {
        assert_eq!(end_of(&mesh, Member::Peer(full)).await.code(), Some(4));
        take_again(&other, 200..240).await;
        // Without room it does not start either.
        mesh.start_again(Member::Peer(full));
    }
    assert_eq!(end_of(&mesh, Member::Peer(full)).await.code(), Some(4));

    mesh.set_faults(Member::Peer(full), "");
    mesh.start_again(Member::Peer(full));
    ready(&mesh, full).await;
    add(&peer, "load", 300..340).await;
    assert_eq!(total(&peer, "load").await, Ok(160));
    verify(&mesh);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_majority_has_room_documents_are_refused_everywhere_until_it_has() {
    let mesh = start("").await;
    create(&mesh.peer_url(0), "load", "shards=4&factor=2").await;
    add(&mesh.peer_url(0), "load", 0..40).await;
    // Two, and never the third: it is for them that it refuses.
    (0..2).for_each(|peer| mesh.set_faults(Member::Peer(peer), LOW));
    let third = mesh.peer_url(2);
    refused(&third).await;
    assert_eq!(total(&third, "load").await, Ok(40));
    let (accepted, task) = delete(&format!("{third}/indexes/load/documents")).await;
    assert_eq!(accepted, 202, "{task}");
    assert_eq!(ended(&third, &task).await["status"], "succeeded");
    assert_eq!(total(&third, "load").await, Ok(0));

    mesh.set_faults(Member::Peer(1), "");
    take_again(&third, 0..40).await;
    assert_eq!(total(&third, "load").await, Ok(40));
    verify(&mesh);
}

/// A node on whose disk documents find no room, in one of the places where that shows.
async fn a_node_without_room(place: &str) {
    let mesh = start("lagging_after = 4").await;
    let (peer, full) = (mesh.peer_url(0), Member::Node(1));
    create(&peer, "alone", "shards=6&factor=1").await;
    create(&peer, "both", "shards=6&factor=2").await;
    add(&peer, "alone", 0..60).await;
    add(&peer, "both", 0..60).await;

    mesh.set_faults(full, &format!("{place}=enospc"));
    let (accepted, waiting) = write(&peer, "alone", 100..160).await;
    assert_eq!(accepted, 202, "{waiting}");
    until(&peer, "its queue stops and says so", |topology| {
        copies(topology, "alone", "node-1", |copy| {
            copy["fault"].as_str().is_some_and(|fault| fault.contains("no_space_left_on_device"))
        })
    })
    .await;
    let (code, said) = status(&mesh);
    assert_eq!(code, Some(4), "{said}");
    assert!(said.contains("index alone on node-1 is stopped and tries again: no_space_left"), "{said}");
    // Where another copy is, a write is done without it, and every search finds it.
    add(&peer, "both", 100..160).await;
    assert_eq!(total(&peer, "both").await, Ok(120));
    // Deletions go ahead of what waits. They are done when that is.
    let ids: Vec<usize> = (0..60).collect();
    let (_, deletion) = post(&format!("{peer}/indexes/alone/documents/delete-batch"), &json!(ids)).await;
    for id in ids {
        let url = format!("{peer}/indexes/alone/documents/{id}");
        await_that("it is deleted", async || {
            let answer = get(&url).await.unwrap_or_default();
            (answer["code"] == "document_not_found").then_some(()).ok_or(answer)
        })
        .await;
    }
    let task = get(&format!("{peer}/tasks/{}", waiting["taskUid"])).await.unwrap_or_default();
    assert!(matches!(task["status"].as_str(), Some("enqueued" | "processing")), "{task}");

    mesh.set_faults(full, "");
    for task in [&waiting, &deletion] {
        assert_eq!(ended(&peer, task).await["status"], "succeeded");
    }
    assert_eq!((total(&peer, "alone").await, total(&peer, "both").await), (Ok(60), Ok(120)));
    well(&mesh).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_cannot_keep_a_payload_catches_up_when_there_is_room() {
    a_node_without_room("engine.payload").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_cannot_index_catches_up_when_there_is_room() {
    a_node_without_room("engine.documents").await;
}

/// Documents of a thousand random digits.
fn heavy(ids: std::ops::Range<usize>, dice: &mut Dice) -> Value {
    let text = |dice: &mut Dice| (0..125).map(|_| format!("{:08x}", dice.below(1 << 32))).collect::<String>();
    ids.map(|id| json!({"id": id, "text": text(dice)})).collect()
}

/// Whether every node has stopped the queue of `load` because it has no room.
fn all_stopped(topology: &Value) -> bool {
    let stopped = |copy: &Value| {
        copy["fault"].as_str().is_some_and(|fault| fault.contains("90 % of its capacity of 6291456 bytes"))
    };
    (0..3).all(|node| copies(topology, "load", &format!("node-{node}"), stopped))
}

/// Three nodes that may hold 6 MiB each are given megabytes until all have stopped. They are looked at now and then, so
/// they take some more than they should first.
#[tokio::test(flavor = "multi_thread")]
async fn a_node_at_its_capacity_gets_deletions_and_no_documents_until_it_holds_less() {
    let mesh = start_with("lagging_after = 4", "capacity = 6291456").await;
    let (peer, mut dice) = (mesh.peer_url(0), Dice::from(1));
    create(&peer, "load", "shards=6&factor=1").await;
    let searchable = json!({"searchableAttributes": ["id"]});
    let patch = reqwest::Client::new().patch(format!("{peer}/indexes/load/settings")).json(&searchable);
    let answer = patch.send().await.expect("the peer answers").json().await.expect("JSON");
    assert_eq!(ended(&peer, &answer).await["status"], "succeeded");
    let mut tasks = Vec::new();
    await_that("all queues stop and say so", async || {
        let first = tasks.len() * 1000;
        let documents = heavy(first..first + 1000, &mut dice);
        let (accepted, task) = post(&format!("{peer}/indexes/load/documents"), &documents).await;
        assert_eq!(accepted, 202, "{task}");
        tasks.push(task);
        let topology = get(&format!("{peer}/_miroir/topology")).await.unwrap_or_default();
        if all_stopped(&topology) { Ok(()) } else { Err(topology) }
    })
    .await;
    let (code, said) = status(&mesh);
    assert_eq!(code, Some(4), "{said}");
    let ids: Vec<usize> = (0..(tasks.len() - 1) * 1000).collect();
    let (accepted, deletion) =
        post(&format!("{peer}/indexes/load/documents/delete-batch"), &json!(ids)).await;
    assert_eq!(accepted, 202, "{deletion}");
    tasks.push(deletion);
    for task in &tasks {
        assert_eq!(ended(&peer, task).await["status"], "succeeded");
    }
    assert_eq!(total(&peer, "load").await, Ok(1000));
    well(&mesh).await;
}
