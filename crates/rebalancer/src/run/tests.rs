//! Time is paused: it passes when all wait for it, so what takes long says how long it would take.

use miroir_cluster::{Enqueue, EnqueueWork, ProposalId, Refusal, State, Target};
use miroir_model::{PeerId, PeerLife};
use miroir_tasks::TaskDetails;
use miroir_testkit::LocalCluster;
use tokio::time::timeout;

use super::fake::Meets::{Gone, Hangs, Well};
use super::fake::{Fake, copies, mark, until};
use super::*;

/// Asks for an index of the default shape.
fn create(cluster: &LocalCluster, name: &str) -> Outcome {
    let life = PeerLife { peer: PeerId(1), boot: 1 };
    cluster.apply(&Command::Enqueue(Box::new(Enqueue {
        proposal: ProposalId { life, number: cluster.state().version() },
        idempotency: None,
        index_uid: name.parse().ok(),
        target: Target::Creates { primary_key: None, shape: Default::default() },
        work: EnqueueWork::CreateIndex,
        details: TaskDetails::Index { primary_key: None, old_uid: None, new_uid: None },
        custom_metadata: None,
    })))
}

fn assigned(state: &State, peer: u64) -> usize {
    state.nodes.values().filter(|node| node.lane.assigned == Some(PeerId(peer))).count()
}

#[tokio::test(start_paused = true)]
async fn no_index_is_made_before_the_first_nodes_are_complete() {
    let world = Fake::new(1, &[Well, Well, Gone], copies(1));
    let cluster = world.lead(1);
    until(&cluster, |state| state.nodes.len() == 2).await;
    sleep(Duration::from_secs(20)).await;
    assert_eq!(create(&cluster, "early"), Outcome::Refused(Refusal::NoNodes));
    world.meets(2, Well);
    until(&cluster, |state| state.cluster.is_some()).await;
    assert!(matches!(create(&cluster, "whole"), Outcome::Enqueued { .. }));
    let state = cluster.state();
    let index = state.ordered(&"whole".parse().expect("a name")).expect("it is ordered");
    assert_eq!(index.queues.len(), 3, "the index is on every node");
}

#[tokio::test(start_paused = true)]
async fn a_node_that_never_comes_is_not_waited_for_when_the_others_are_enough() {
    let world = Fake::new(1, &[Well, Gone, Hangs], copies(2));
    let cluster = world.lead(1);
    let founded = until(&cluster, |state| state.cluster.is_some());
    assert!(timeout(Duration::from_secs(600), founded).await.is_err(), "one node cannot hold two copies");
    world.meets(1, Well);
    let began = Instant::now();
    until(&cluster, |state| state.cluster.is_some()).await;
    let waited = began.elapsed();
    assert!((30..33).contains(&waited.as_secs()), "the patience begins anew with each node: {waited:?}");
    assert!(matches!(create(&cluster, "two"), Outcome::Enqueued { .. }));
}

#[tokio::test(start_paused = true)]
async fn a_node_that_hangs_delays_no_lane() {
    let world = Fake::new(3, &[Well, Well, Well, Hangs], copies(1));
    let cluster = world.lead(3);
    until(&cluster, |state| (1..=3).all(|peer| assigned(state, peer) == 1)).await;
    world.answers(2, false);
    let began = Instant::now();
    until(&cluster, |state| assigned(state, 2) == 0).await;
    assert!(
        began.elapsed() < Duration::from_secs(3),
        "the lane of a dead peer moves in {:?}",
        began.elapsed()
    );
    assert_eq!(assigned(&cluster.state(), 1) + assigned(&cluster.state(), 3), 3);
}

#[tokio::test(start_paused = true)]
async fn one_slow_answer_ends_no_peer_however_long_ago_the_last_one_was() {
    let world = Fake::new(3, &[Well, Well, Well], copies(1));
    let cluster = world.lead(3);
    until(&cluster, |state| (1..=3).all(|peer| assigned(state, peer) == 1)).await;
    // A miss, then another leads for an hour.
    world.answers(2, false);
    sleep(LOOK + PAUSE).await;
    cluster.elect(Some(3));
    sleep(Duration::from_secs(3600)).await;
    let before = cluster.state().version();
    cluster.elect(Some(1));
    sleep(LOOK + PAUSE).await;
    world.answers(2, true);
    sleep(Duration::from_secs(60)).await;
    assert_eq!(cluster.state().version(), before, "nothing had to be changed");
}

#[tokio::test(start_paused = true)]
async fn a_new_leader_gives_a_dead_peer_nothing() {
    let world = Fake::new(3, &[Well, Well], copies(1));
    world.answers(2, false);
    let cluster = world.lead(3);
    mark(&cluster, 2, false);
    until(&cluster, |state| (1..=3).map(|peer| assigned(state, peer)).sum::<usize>() == 2).await;
    assert_eq!(assigned(&cluster.state(), 2), 0);
    assert!(!cluster.state().peers[&PeerId(2)].alive);
    world.answers(2, true);
    until(&cluster, |state| state.peers[&PeerId(2)].alive).await;
}
