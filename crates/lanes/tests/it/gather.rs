//! Bulk loads: large writes wait for each other, small ones for nothing.

use std::time::Duration;

use miroir_cluster::{EnqueueWork, WriteMode};
use miroir_lanes::Gather;
use miroir_model::TaskUid;
use miroir_node::Write;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::world::{Peer, World, delete_ids, documents};

const GATHER: Gather =
    Gather { from_bytes: 1000, pause: Duration::from_millis(60), longest: Duration::from_millis(600) };

/// One node that is at rest, and whoever drives its lane.
async fn world() -> (World, Peer) {
    let mut world = World::new(1, 1, 1);
    world.config.gather = GATHER;
    let peer = world.start(1);
    world.assign_all(1);
    world.create("movies").await;
    (world, peer)
}

/// So many documents, no two with the same letters.
fn batch(from: u32, count: u32) -> EnqueueWork {
    let letters =
        |id: u32| format!("{:x}", u128::from(id).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835));
    let movie = |id: u32| json!({ "id": id.to_string(), "v": 1, "text": letters(id) });
    documents(WriteMode::Replace, &(from..from + count).map(movie).collect::<Vec<_>>())
}

/// How many documents each request had that the node carried out.
fn requests(world: &World) -> Vec<usize> {
    let node = world.nodes.values().next().unwrap().lock();
    let lines = |write: &Write| match write {
        Write::Add(add) => {
            Some(serde_json::Deserializer::from_slice(&add.payload).into_iter::<Value>().count())
        }
        _ => None,
    };
    node.applied.iter().filter_map(|(_, _, write)| lines(write)).collect()
}

/// How long the last of the tasks took after it was accepted.
async fn took(world: &World, task: TaskUid) -> Duration {
    let accepted = Instant::now();
    world.done(task).await;
    accepted.elapsed()
}

#[tokio::test(start_paused = true)]
async fn a_row_of_large_writes_is_one_request() {
    let (mut world, _peer) = world().await;
    let mut last = None;
    for n in 0..4 {
        last = Some(world.enqueue("movies", batch(n * 100, 100)));
        sleep(Duration::from_millis(40)).await;
    }
    world.done(last.unwrap()).await;
    assert_eq!(requests(&world), [400]);
}

#[tokio::test(start_paused = true)]
async fn a_small_write_does_not_wait_and_a_large_one_not_long() {
    let (mut world, _peer) = world().await;
    let small = world.enqueue("movies", batch(0, 1));
    let small = took(&world, small).await;
    let large = world.enqueue("movies", batch(0, 100));
    let large = took(&world, large).await;
    assert!(small < GATHER.pause, "{small:?}");
    assert!(large >= GATHER.pause && large < GATHER.pause + small + Duration::from_millis(20), "{large:?}");
}

#[tokio::test(start_paused = true)]
async fn writes_that_never_end_do_not_put_the_first_off_for_ever() {
    let (mut world, _peer) = world().await;
    for n in 0..40 {
        world.enqueue("movies", batch(n * 100, 100));
        sleep(Duration::from_millis(50)).await;
    }
    let first = requests(&world)[0];
    assert!((1000..=1400).contains(&first), "{first} documents in the first request");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_grow_goes_at_once() {
    let (mut world, _peer) = world().await;
    let large = world.enqueue("movies", batch(0, 100));
    world.enqueue("movies", delete_ids(&["5".to_owned()]));
    let large = took(&world, large).await;
    assert!(large < GATHER.pause, "{large:?}");
}
