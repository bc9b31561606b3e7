//! Unknown outcomes, take-overs, and requests that land when nobody waits for them any more.

use std::time::Duration;

use miroir_cluster::{EnqueueWork, WriteMode};
use miroir_model::{Generation, NodeId, PhysicalId};
use miroir_tasks::TaskStatus;
use serde_json::json;
use tokio::time::sleep;

use crate::world::{Peer, World, documents};

const LONG: Duration = Duration::from_secs(30);

fn version(version: u64) -> EnqueueWork {
    documents(WriteMode::Replace, &[json!({ "id": "x", "v": version })])
}

struct One {
    world: World,
    peer: Peer,
    index: PhysicalId,
    node: NodeId,
}

/// One node with an index, driven by peer 1.
async fn one() -> One {
    let (world, peer, index) = World::with_movies(1, 1, 1).await;
    let node = world.nodes.keys().next().unwrap().clone();
    One { world, peer, index, node }
}

impl One {
    fn generation(&self) -> Generation {
        self.world.state().indexes[&self.index].queues[&self.node].generation
    }

    /// Every version of the document, in the order in which the node got them.
    fn versions(&self) -> Vec<u64> {
        let name = self.world.state().indexes[&self.index].queues[&self.node].name(self.index).to_string();
        self.world.nodes[&self.node].lock().indexes[&name].versions["x"].clone()
    }

    fn plan(&self, change: impl FnOnce(&mut crate::fake::Inner)) {
        change(&mut self.world.nodes[&self.node].lock());
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_arrived_is_found_and_not_sent_again() {
    for marks in [true, false] {
        let mut one = one().await;
        one.plan(|node| (node.marks, node.plan.lost_answer) = (marks, 100));
        for v in 1..4 {
            let task = one.world.enqueue("movies", version(v));
            assert_eq!(one.world.done(task).await.status, TaskStatus::Succeeded);
        }
        assert_eq!((one.versions(), one.generation()), (vec![1, 2, 3], Generation(0)));
    }
}

/// Hazard F1: the owner's request hangs on its way, another peer takes over, and the request lands in the end.
#[tokio::test(start_paused = true)]
async fn a_request_that_lands_after_a_take_over_changes_nothing() {
    let mut one = one().await;
    one.plan(|node| (node.held, node.plan.late) = (true, 100));
    let first = one.world.enqueue("movies", version(1));
    sleep(Duration::from_millis(10)).await;
    one.plan(|node| node.plan.late = 0);
    let _other = one.world.start(2);
    one.world.assign_all(2);
    let second = one.world.enqueue("movies", version(2));
    for task in [first, second] {
        assert_eq!(one.world.done(task).await.status, TaskStatus::Succeeded);
    }
    assert_eq!(one.generation(), Generation(1));
    one.plan(crate::fake::Inner::land);
    assert_eq!(one.versions(), [1, 2]);
    assert_eq!(one.world.nodes[&one.node].lock().indexes.len(), 1);
}

/// Hazard F2: a peer that starts again does not trust what its former life left open.
#[tokio::test(start_paused = true)]
async fn a_restarted_peer_settles_what_its_former_life_left() {
    let mut one = one().await;
    one.plan(|node| (node.held, node.plan.late) = (true, 100));
    let first = one.world.enqueue("movies", version(1));
    sleep(Duration::from_millis(10)).await;
    one.plan(|node| node.plan.late = 0);
    one.peer.ledger.stop();
    one.peer.lanes.abort();
    one.peer = one.world.start(1);
    let second = one.world.enqueue("movies", version(2));
    for task in [first, second] {
        assert_eq!(one.world.done(task).await.status, TaskStatus::Succeeded);
    }
    one.plan(crate::fake::Inner::land);
    assert_eq!((one.versions(), one.generation()), (vec![1, 2], Generation(1)));
}

/// A request that arrives before the rename, while the lane makes up its mind, is found behind the fence.
#[tokio::test(start_paused = true)]
async fn a_request_that_arrives_before_the_rename_is_found() {
    let mut one = one().await;
    one.plan(|node| (node.held, node.plan.late) = (true, 100));
    let first = one.world.enqueue("movies", version(1));
    sleep(LONG).await;
    // Everything is held back, the renames too: they land in the order in which they were sent.
    assert!(one.world.state().indexes[&one.index].queues[&one.node].renaming);
    one.plan(|node| {
        node.land();
        node.plan.late = 0;
    });
    let second = one.world.enqueue("movies", version(2));
    for task in [first, second] {
        assert_eq!(one.world.done(task).await.status, TaskStatus::Succeeded);
    }
    assert_eq!((one.versions(), one.generation()), (vec![1, 2], Generation(1)));
}

/// Hazard G9: the node is killed between the two commits of a rename, and its task fails although it happened.
#[tokio::test(start_paused = true)]
async fn the_name_tells_whether_a_rename_happened_not_its_task() {
    let mut one = one().await;
    one.plan(|node| node.plan.vanished = 100);
    let first = one.world.enqueue("movies", version(1));
    sleep(Duration::from_millis(10)).await;
    one.plan(|node| (node.plan.vanished, node.plan.rerun) = (0, 100));
    assert_eq!(one.world.done(first).await.status, TaskStatus::Succeeded);
    assert_eq!(one.generation(), Generation(1));
}

#[tokio::test(start_paused = true)]
async fn a_creation_of_unknown_outcome_is_repeated_under_the_next_name() {
    let mut world = World::new(1, 1, 1);
    let node = world.nodes.keys().next().unwrap().clone();
    let _peer = world.start(1);
    world.assign_all(1);
    (world.nodes[&node].lock().held, world.nodes[&node].lock().plan.late) = (true, 100);
    let created = world.enqueue("movies", EnqueueWork::CreateIndex);
    sleep(Duration::from_millis(10)).await;
    world.nodes[&node].lock().plan.late = 0;
    world.done(created).await;
    let index = world.state().ordered(&crate::world::uid("movies")).unwrap().id;
    let generation = world.state().indexes[&index].queues[&node].generation;
    assert!(generation > Generation(0));
    world.nodes[&node].lock().land();
    let task = world.enqueue("movies", version(1));
    assert_eq!(world.done(task).await.status, TaskStatus::Succeeded);
    assert_eq!(world.documents(index, &node).len(), 1);
}

/// A proposal's answer that is lost, whether or not it was applied, neither repeats a request nor loses one.
#[tokio::test(start_paused = true)]
async fn lost_answers_of_the_log_do_no_harm() {
    use miroir_testkit::Lost::{AfterApply, BeforeApply};
    let mut one = one().await;
    for v in 1..20 {
        let losses = if v % 2 == 0 {
            [AfterApply, BeforeApply, AfterApply]
        } else {
            [BeforeApply, AfterApply, BeforeApply]
        };
        one.peer.ledger.lose(losses);
        let task = one.world.enqueue("movies", version(v));
        assert_eq!(one.world.done(task).await.status, TaskStatus::Succeeded);
    }
    assert_eq!((one.versions(), one.generation()), ((1..20).collect(), Generation(0)));
}
