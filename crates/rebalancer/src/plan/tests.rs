use miroir_model::{NodeId, PeerLife};
use miroir_testkit::{LocalCluster, adopt, defaults};
use proptest::prelude::*;

use super::*;

fn cluster(peers: u64, nodes: usize) -> LocalCluster {
    let names: Vec<String> = (0..nodes).map(|n| format!("node-{n:02}")).collect();
    let cluster = LocalCluster::founded(defaults(1), names.iter().map(|name| adopt(name, "http://node")));
    (1..=peers).for_each(|peer| drop(cluster.start(peer)));
    cluster
}

fn live(peers: impl IntoIterator<Item = u64>) -> Observed {
    Observed { live: peers.into_iter().map(PeerId).collect(), ..Observed::default() }
}

/// Proposes what is planned; how many lanes were given.
fn follow(cluster: &LocalCluster, observed: &Observed) -> usize {
    let commands = plan(&cluster.state(), observed, &Policy::default());
    commands.iter().for_each(|command| drop(cluster.apply(command)));
    assert_eq!(plan(&cluster.state(), observed, &Policy::default()), [], "a plan that was followed is done");
    commands.iter().filter(|command| matches!(command, Command::AssignLane { .. })).count()
}

fn lanes(cluster: &LocalCluster) -> BTreeMap<u64, usize> {
    let mut lanes = BTreeMap::new();
    for node in cluster.state().nodes.values() {
        *lanes.entry(node.lane.assigned.expect("somebody").0).or_default() += 1;
    }
    lanes
}

fn cut_off(cluster: &LocalCluster, node: &str, peer: u64) {
    let by = PeerLife { peer: PeerId(peer), boot: 1 };
    cluster.apply(&Command::NodeSeen { node: NodeId::new(node), by, reachable: false });
}

#[test]
fn lanes_are_spread_over_live_peers_and_stay() {
    let cluster = cluster(3, 7);
    follow(&cluster, &live([1]));
    assert_eq!(lanes(&cluster), [(1, 7)].into());
    // Those that start later get their share, and nobody is asked to give up more than that.
    assert_eq!(follow(&cluster, &live([1, 2, 3])), 4);
    assert_eq!(lanes(&cluster), [(1, 3), (2, 2), (3, 2)].into());
    assert_eq!(follow(&cluster, &live([1, 3])), 2);
    assert!(!cluster.state().peers[&PeerId(2)].alive);
    assert_eq!(lanes(&cluster).values().sum::<usize>(), 7);
}

#[test]
fn a_lane_goes_to_a_peer_that_reaches_its_node() {
    let cluster = cluster(2, 2);
    follow(&cluster, &live([1, 2]));
    let assigned = || cluster.state().nodes[&NodeId::new("node-00")].lane.assigned;
    assert_eq!(assigned(), Some(PeerId(1)));
    cut_off(&cluster, "node-00", 1);
    // The other lane goes the other way, so that each peer has one.
    assert_eq!(follow(&cluster, &live([1, 2])), 2);
    assert_eq!(assigned(), Some(PeerId(2)));
    // When nobody reaches it, it stays where it is.
    cut_off(&cluster, "node-00", 2);
    assert_eq!(follow(&cluster, &live([1, 2])), 0);
}

#[test]
fn nobody_drives_when_nobody_lives() {
    let cluster = cluster(2, 2);
    follow(&cluster, &live([1, 2]));
    follow(&cluster, &live([]));
    assert!(cluster.state().nodes.values().all(|node| node.lane.assigned.is_none()));
}

proptest! {
    #[test]
    fn whatever_happens_lanes_are_even_where_peers_reach_all(
        peers in 1..6u64,
        nodes in 0..12usize,
        alive in prop::collection::vec(1..64u32, 1..6),
    ) {
        let cluster = cluster(peers, nodes);
        for bits in alive {
            let observed = live((1..=peers).filter(|peer| bits & (1 << peer) != 0));
            let moved = follow(&cluster, &observed);
            if observed.live.is_empty() {
                continue;
            }
            prop_assert!(moved <= nodes);
            let lanes = lanes(&cluster);
            prop_assert!(lanes.keys().all(|peer| observed.live.contains(&PeerId(*peer))));
            let share = nodes / observed.live.len();
            prop_assert!(lanes.values().all(|lanes| (share..=share + 1).contains(lanes)), "{lanes:?}");
        }
    }
}
