//! What peers find of nodes, and what follows. And the log's time, which is of no clock.

use miroir_cluster::{Command, NodeState, Proof, WriteMode};
use miroir_model::{NodeId, PeerId, PeerLife, Timestamp, UnitSet};

use crate::world::{Layout, TWO, World, documents, node_id, started};
use miroir_testkit::Dice;

fn seen(world: &mut World, peer: u64, reachable: bool) {
    let peer = PeerId(peer);
    let by = PeerLife { peer, boot: world.state.peers[&peer].boot };
    world.must(Command::NodeSeen { node: node_id(0), by, reachable });
}

fn proved(world: &mut World, proof: Proof) {
    let by = PeerLife { peer: PeerId(1), boot: world.state.peers[&PeerId(1)].boot };
    world.must(Command::NodeProved { node: node_id(0), by, proof });
}

fn state(world: &World) -> NodeState {
    world.state.nodes[&node_id(0)].state
}

#[test]
fn a_node_is_down_when_every_living_peer_that_tried_says_so() {
    let mut world = World::new(TWO);
    assert_eq!(state(&world), NodeState::Up, "nobody has tried since it was adopted");
    seen(&mut world, 1, true);
    seen(&mut world, 2, false);
    assert_eq!(state(&world), NodeState::Up, "one reaches it");
    seen(&mut world, 1, false);
    assert_eq!(state(&world), NodeState::Down);
    seen(&mut world, 2, true);
    assert_eq!(state(&world), NodeState::Up);
    world.must(Command::PeerAlive { peer: PeerId(2), alive: false });
    assert_eq!(state(&world), NodeState::Down, "who reached it is gone");
}

/// A peer that begins says nothing of a node before it has tried.
#[test]
fn a_peer_that_starts_again_does_not_bring_a_dead_node_back() {
    let mut world = World::new(TWO);
    [1, 2].into_iter().for_each(|peer| seen(&mut world, peer, false));
    for (peer, boot) in [(2, 2), (1, 2)] {
        world.must(Command::PeerStarted(started(peer, boot)));
        assert_eq!(state(&world), NodeState::Down, "peer {peer} has not tried");
    }
    seen(&mut world, 1, true);
    assert_eq!(state(&world), NodeState::Up);
}

/// Who refuses the master key is there, and may be let in again: nothing that it has is given up.
#[test]
fn a_node_that_lets_nobody_in_is_not_used_and_not_lost() {
    let mut world = World::new(Layout { nodes: 2, groups: 1, factor: 2, shards: 2 });
    world.enqueue("a", documents(WriteMode::Replace, UnitSet::ALL, 2), Some("id"));
    world.drain(&mut Dice::from(1));
    proved(&mut world, Proof::Unauthorized);
    assert_eq!(state(&world), NodeState::Unauthorized);
    [1, 2].into_iter().for_each(|peer| seen(&mut world, peer, true));
    assert_eq!(state(&world), NodeState::Unauthorized, "that it answers changes nothing");
    let lost = |world: &World, node: &NodeId| {
        world.state.indexes.values().any(|index| index.queues[node].lost.is_some())
    };
    assert!(!lost(&world, &node_id(0)));
    proved(&mut world, Proof::Same);
    assert_eq!(state(&world), NodeState::Up);
    proved(&mut world, Proof::Foreign);
    assert_eq!(state(&world), NodeState::Lost);
    assert!(lost(&world, &node_id(0)) && !lost(&world, &node_id(1)));
    proved(&mut world, Proof::Same);
    assert_eq!(state(&world), NodeState::Lost, "until it is rebuilt");
}

/// Another leader's clock may be behind. The log's time stands still then, and never goes back.
#[test]
fn the_time_of_the_log_does_not_go_back() {
    let mut world = World::new(TWO);
    world.clock = Timestamp(5_000_000);
    let first = world.enqueue("a", documents(WriteMode::Replace, UnitSet::ALL, 1), Some("id"));
    world.clock = Timestamp(2_000_000);
    let second = world.enqueue("a", documents(WriteMode::Replace, UnitSet::ALL, 1), None);
    world.drain(&mut Dice::from(0));
    for task in [first, second] {
        let ended = world.ended(task);
        let times = [Some(ended.enqueued_at), ended.started_at, ended.finished_at];
        assert_eq!(times, [Some(Timestamp(5_000_000)); 3], "task {task}");
    }
}
