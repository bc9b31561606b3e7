//! A node that is away for longer than its tasks are kept.

use miroir_testkit::processes::{Member, ended, post};
use serde_json::json;

use crate::stage::{add, await_that, copies, create, found, start, status, total, until, well, write};

/// So many tasks are kept of an index for a node.
const KEPT: usize = 20;

/// So many documents a write has: enough for all shards.
const BATCH: usize = 30;

const AWAY: Member = Member::Node(1);

fn limits() -> String {
    format!("queue_tasks = {KEPT}")
}

#[tokio::test(flavor = "multi_thread")]
async fn where_another_copy_is_it_is_given_up_and_nobody_waits() {
    let mesh = start(&limits()).await;
    let peer = mesh.peer_url(0);
    create(&peer, "load", "shards=6&factor=2").await;
    add(&peer, "load", 0..BATCH).await;
    mesh.kill(AWAY);
    // One at a time, so that too much waits for nobody else.
    for n in 1..=KEPT {
        add(&peer, "load", n * BATCH..(n + 1) * BATCH).await;
    }
    until(&peer, "it is given up", |topology| {
        copies(topology, "load", "node-1", |copy| {
            copy["lost"].as_str().is_some_and(|why| why.contains("longer than its tasks are kept"))
        })
    })
    .await;
    let (code, said) = status(&mesh);
    assert_eq!(code, Some(4), "{said}");
    assert!(said.contains("index load on node-1 is lost and must be rebuilt"), "{said}");
    // Far more than is kept, and nobody minds.
    for n in 0..KEPT {
        add(&mesh.peer_url(n % 3), "load", [10_000 + n]).await;
    }
    let all = (BATCH * (KEPT + 1) + KEPT) as u64;
    assert_eq!(total(&peer, "load").await, Ok(all));
    // What it holds is old: it stays out when it is back.
    mesh.start_again(AWAY);
    until(&peer, "it is back", |topology| topology["nodes"][1]["state"] == "up").await;
    add(&peer, "load", [20_000]).await;
    assert_eq!(total(&peer, "load").await, Ok(all + 1));
    until(&peer, "it is not used", |topology| {
        copies(topology, "load", "node-1", |copy| copy["searchable"] == false)
    })
    .await;
    // The others hold the same, and of this one nobody says so.
    let (said, kinds) = found(&mesh);
    assert_eq!(kinds, ["copy_not_read"], "{said}");
    assert!(said.contains("load on node-1") && said.contains("lost"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_it_has_the_only_copy_writes_are_refused_until_it_is_back() {
    let mesh = start(&limits()).await;
    let peer = mesh.peer_url(0);
    create(&peer, "load", "shards=6&factor=1").await;
    add(&peer, "load", 0..BATCH).await;
    mesh.kill(AWAY);
    let mut accepted = Vec::new();
    let refusal = await_that("its queue is full", async || {
        let next = accepted.len() + 1;
        let (status, answer) = write(&peer, "load", next * BATCH..(next + 1) * BATCH).await;
        if status != 202 {
            return Ok((status, answer));
        }
        accepted.push(answer.clone());
        // Too much is to wait for nobody else.
        until(&peer, "the others have it", |topology| {
            [0, 2].iter().all(|node| topology["nodes"][node]["lane"]["lag_tasks"] == 0)
        })
        .await;
        assert!(accepted.len() <= KEPT, "more than is kept: {answer}");
        Err(answer)
    })
    .await;
    assert_eq!(accepted.len(), KEPT);
    assert_eq!((refusal.0, &refusal.1["code"]), (503, &json!("miroir_backpressure")), "{}", refusal.1);
    assert!(refusal.1["message"].as_str().is_some_and(|text| text.contains("`node-1`")), "{}", refusal.1);
    // Other peers say so too, other shards take writes, and so do other indexes.
    let mut taken = 0;
    for n in 0..24 {
        let (status, answer) = write(&mesh.peer_url(n % 3), "load", [50_000 + n]).await;
        match status {
            202 => taken += 1,
            _ => assert_eq!(answer["code"], "miroir_backpressure", "{answer}"),
        }
    }
    assert!((1..24).contains(&taken), "{taken} of 24 documents were for other shards");
    let (_, found) = post(&format!("{peer}/indexes/load/search"), &json!({"q": ""})).await;
    assert_eq!(found["code"], "miroir_shard_unavailable", "{found}");
    create(&peer, "others", "shards=1&factor=2").await;
    add(&peer, "others", 0..10).await;
    assert_eq!(total(&peer, "others").await, Ok(10));

    mesh.start_again(AWAY);
    for task in &accepted {
        assert_eq!(ended(&peer, task).await["status"], "succeeded");
    }
    let all = (BATCH * (KEPT + 1) + taken) as u64;
    add(&peer, "load", 90_000..90_000 + BATCH).await;
    assert_eq!(total(&peer, "load").await, Ok(all + BATCH as u64));
    well(&mesh).await;
}
