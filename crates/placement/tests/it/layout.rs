//! The rules of a layout hold for any cluster, and a node that is added takes its part and moves nothing else.

use std::collections::BTreeMap;

use miroir_model::{NodeId, PhysicalId};
use miroir_placement::{
    AssignError, Candidate, CopyState, GroupNodes, Layout, ShardMap, adapt, assign, changes,
};
use proptest::prelude::*;

fn candidate(name: String, weight: u32, zone: Option<u8>) -> Candidate {
    Candidate { node: NodeId::new(name), weight, zone: zone.map(|zone| format!("z{zone}")) }
}

fn equal_nodes(group: u32, nodes: usize, zones: Option<usize>) -> GroupNodes {
    let node = |k: usize| candidate(format!("g{group}n{k}"), 1, zones.map(|zones| (k % zones) as u8));
    GroupNodes { group, nodes: (0..nodes).map(node).collect() }
}

fn any_group(group: u32) -> impl Strategy<Value = GroupNodes> {
    let node = (1_u32..6, proptest::option::of(0_u8..4));
    proptest::collection::vec(node, 3..12).prop_map(move |nodes| {
        let nodes = nodes.into_iter().enumerate();
        GroupNodes {
            group,
            nodes: nodes.map(|(k, (w, z))| candidate(format!("g{group}n{k}"), w, z)).collect(),
        }
    })
}

fn loads(layout: &Layout, group: &GroupNodes) -> Vec<usize> {
    let held = |node: &Candidate| layout.iter().filter(|(_, nodes)| nodes.contains(&node.node)).count();
    group.nodes.iter().map(held).collect()
}

fn with_copies(map: &ShardMap, layout: &Layout) -> ShardMap {
    let mut map = map.clone();
    for (shard, nodes) in layout.iter() {
        for node in nodes {
            map.set_copy(shard, node, CopyState::Serving);
        }
    }
    map
}

/// A node's share with the part of each node limited to one copy of every shard: the reference, in floating point.
fn shares(group: &GroupNodes, shards: f64, factor: f64) -> Vec<f64> {
    let mut level = 0.0;
    let mut step = shards * factor;
    let at = |level: f64| {
        group.nodes.iter().map(|n| (level * f64::from(n.weight)).min(shards)).collect::<Vec<_>>()
    };
    for _ in 0..80 {
        if at(level + step).iter().sum::<f64>() <= shards * factor {
            level += step;
        }
        step /= 2.0;
    }
    at(level)
}

proptest! {
    #[test]
    fn every_rule_holds(a in any_group(0), b in any_group(1), shards in 1_u16..=128, factor in 1_u16..=3, index: u64) {
        let map = ShardMap::even(shards).unwrap();
        let layout = assign(PhysicalId(index), &map, &[a.clone(), b.clone()], factor).unwrap();
        for group in [&a, &b] {
            for (_, nodes) in layout.iter() {
                // A set of names: never two copies on one node.
                let here = group.nodes.iter().filter(|node| nodes.contains(&node.node)).count();
                prop_assert_eq!(here, usize::from(factor));
            }
            let shares = shares(group, shards.into(), factor.into());
            for (load, share) in loads(&layout, group).into_iter().zip(shares) {
                prop_assert!((load as f64 - share).abs() < 1.0 + 1e-6, "{load} for {share}");
            }
        }
    }

    #[test]
    fn the_order_of_the_input_is_nothing(mut group in any_group(0), shards in 1_u16..=128, factor in 1_u16..=3, by in 0_usize..12) {
        let map = ShardMap::even(shards).unwrap();
        let first = assign(PhysicalId(1), &map, &[group.clone()], factor);
        let turn = by % group.nodes.len();
        group.nodes.rotate_left(turn);
        prop_assert_eq!(&first, &assign(PhysicalId(1), &map, &[group.clone()], factor));
        group.nodes.reverse();
        prop_assert_eq!(&first, &assign(PhysicalId(1), &map, &[group], factor));
    }

    #[test]
    fn copies_are_in_different_zones_where_zones_are_equal(zones in 2_usize..5, per_zone in 1_usize..4, shards in 1_u16..=128, index: u64) {
        let (map, group) = (ShardMap::even(shards).unwrap(), equal_nodes(0, zones * per_zone, Some(zones)));
        for factor in 1..=zones.min(3) {
            let layout = assign(PhysicalId(index), &map, std::slice::from_ref(&group), factor as u16).unwrap();
            for (shard, nodes) in layout.iter() {
                let zones = group.nodes.iter().filter(|node| nodes.contains(&node.node)).map(|node| &node.zone);
                prop_assert_eq!(zones.collect::<std::collections::BTreeSet<_>>().len(), factor, "shard {}", shard);
            }
        }
    }

    #[test]
    fn a_new_node_takes_its_part_and_nothing_else_moves(nodes in 3_usize..12, shards in 1_u16..=128, factor in 1_u16..=3, index: u64) {
        let map = ShardMap::even(shards).unwrap();
        let before = assign(PhysicalId(index), &map, &[equal_nodes(0, nodes, None)], factor).unwrap();
        let map = with_copies(&map, &before);
        let after = adapt(PhysicalId(index), &map, &[equal_nodes(0, nodes + 1, None)], factor).unwrap();
        let new = NodeId::new(format!("g0n{nodes}"));
        let moved = changes(&map, &after);
        for change in &moved {
            prop_assert_eq!(&change.gains, std::slice::from_ref(&new));
            prop_assert_eq!(change.losses.len(), 1);
        }
        let share = usize::from(shards) * usize::from(factor) / (nodes + 1);
        prop_assert!((share..=share + 1).contains(&moved.len()), "{} moved, share {share}", moved.len());
    }

    #[test]
    fn what_is_right_already_stays(group in any_group(0), shards in 1_u16..=128, factor in 1_u16..=3) {
        let map = ShardMap::even(shards).unwrap();
        let layout = assign(PhysicalId(3), &map, std::slice::from_ref(&group), factor).unwrap();
        let map = with_copies(&map, &layout);
        let again = adapt(PhysicalId(3), &map, &[group], factor).unwrap();
        prop_assert_eq!(changes(&map, &again), []);
    }

    #[test]
    fn a_node_that_goes_leaves_the_others_theirs(nodes in 4_usize..12, shards in 1_u16..=128, factor in 1_u16..=3, gone in 0_usize..12) {
        let (map, mut group) = (ShardMap::even(shards).unwrap(), equal_nodes(0, nodes, None));
        let before = assign(PhysicalId(5), &map, std::slice::from_ref(&group), factor).unwrap();
        let map = with_copies(&map, &before);
        let gone = group.nodes.remove(gone % nodes).node;
        let after = adapt(PhysicalId(5), &map, std::slice::from_ref(&group), factor).unwrap();
        let lost: BTreeMap<&NodeId, usize> = changes(&map, &after).iter().flat_map(|change| &change.losses)
            .map(|node| group.nodes.iter().map(|n| &n.node).chain([&gone]).find(|n| *n == node).unwrap())
            .fold(BTreeMap::new(), |mut lost, node| { *lost.entry(node).or_default() += 1; lost });
        let others: usize = lost.iter().filter(|(node, _)| **node != &gone).map(|(_, count)| count).sum();
        // The others only even out what rendezvous dealt unevenly: never as much as what the node left behind.
        let left = before.iter().filter(|(_, nodes)| nodes.contains(&gone)).count();
        prop_assert!(others <= left, "{others} copies of other nodes moved for {left}");
    }
}

#[test]
fn a_group_too_small_is_refused() {
    let (map, mut group) = (ShardMap::even(4).unwrap(), equal_nodes(7, 2, None));
    group.nodes[0].weight = 0;
    let refused = AssignError::TooFewNodes { group: 7, nodes: 1, factor: 2 };
    assert_eq!(assign(PhysicalId(1), &map, &[group], 2), Err(refused));
}

/// Peers of different builds must agree, and a change moves data: this layout never changes.
#[test]
fn a_layout_is_pinned() {
    let groups = [equal_nodes(0, 3, None), equal_nodes(1, 2, None)];
    let layout = assign(PhysicalId(12), &ShardMap::even(6).unwrap(), &groups, 2).unwrap();
    let text = layout.iter().map(|(shard, nodes)| {
        format!("{shard}: {}", nodes.iter().map(NodeId::as_str).collect::<Vec<_>>().join(" "))
    });
    let pinned = [
        "0: g0n1 g0n2 g1n0 g1n1",
        "1: g0n0 g0n2 g1n0 g1n1",
        "2: g0n1 g0n2 g1n0 g1n1",
        "3: g0n0 g0n1 g1n0 g1n1",
        "4: g0n0 g0n1 g1n0 g1n1",
        "5: g0n0 g0n2 g1n0 g1n1",
    ];
    assert_eq!(text.collect::<Vec<_>>(), pinned);
}
