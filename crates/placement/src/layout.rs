//! Where the copies of an index should be.
//!
//! In each group every shard has `factor` copies on different nodes. Each copy goes where rendezvous hashing wants it;
//! then copies are moved from nodes above their share to nodes below it, until every node holds its share, rounded
//! down or up. A node's share is proportional to its weight, but at most one copy of each shard. Copies of a shard are
//! in different zones as far as shares allow: a zone too small for its part is not overfilled.
//!
//! [`assign`] starts from nothing: the layout of a new index. [`adapt`] starts from the copies that are there and moves
//! as few as shares ask for: a node that is added gets its share, and nothing else moves.

use std::collections::{BTreeMap, BTreeSet};

use miroir_model::{NodeId, PhysicalId, ShardId};

use crate::level::level;
use crate::map::ShardMap;
use crate::rendezvous::{Score, score};
use crate::shard::CopyState;

/// A node that can be given copies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The node.
    pub node: NodeId,
    /// Its share of the data, relative to the other nodes of its group. A node of weight 0 gets nothing.
    pub weight: u32,
    /// What fails together with it, where known: a rack, a data centre. A node without one is its own zone.
    pub zone: Option<String>,
}

/// The nodes of one replica group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupNodes {
    /// The group.
    pub group: u32,
    /// Its nodes, in any order. A node is in one group only.
    pub nodes: Vec<Candidate>,
}

/// Which nodes should have each shard.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Layout(BTreeMap<ShardId, BTreeSet<NodeId>>);

/// Why no layout exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AssignError {
    /// A group has fewer nodes (of a weight above 0) than a shard has copies.
    #[error("group {group} has {nodes} nodes that can hold data, too few for {factor} copies of each shard")]
    TooFewNodes {
        /// The group.
        group: u32,
        /// How many nodes of it have a weight.
        nodes: usize,
        /// How many copies are wanted.
        factor: u16,
    },
}

impl Layout {
    /// The nodes that should have this shard.
    pub fn nodes(&self, shard: ShardId) -> Option<&BTreeSet<NodeId>> {
        self.0.get(&shard)
    }

    /// The shards and their nodes, in the order of the ids.
    pub fn iter(&self) -> impl Iterator<Item = (ShardId, &BTreeSet<NodeId>)> {
        self.0.iter().map(|(shard, nodes)| (*shard, nodes))
    }
}

/// The layout of an index that has no copies yet; copies that the map has are not looked at. It depends on the index
/// id, the ranges, the groups and `factor` (copies of each shard in each group), not on the order of groups and nodes.
///
/// # Errors
/// When a group has fewer than `factor` nodes.
pub fn assign(
    index: PhysicalId,
    map: &ShardMap,
    groups: &[GroupNodes],
    factor: u16,
) -> Result<Layout, AssignError> {
    layout(index, map, groups, factor, false)
}

/// The layout that is nearest to the copies of the map (`Joining` and `Serving` ones) and keeps the same rules.
///
/// # Errors
/// When a group has fewer than `factor` nodes.
pub fn adapt(
    index: PhysicalId,
    map: &ShardMap,
    groups: &[GroupNodes],
    factor: u16,
) -> Result<Layout, AssignError> {
    layout(index, map, groups, factor, true)
}

fn layout(
    index: PhysicalId,
    map: &ShardMap,
    groups: &[GroupNodes],
    factor: u16,
    keep: bool,
) -> Result<Layout, AssignError> {
    let mut layout = Layout::default();
    for group in groups {
        let mut table = Table::new(index, map, group, factor)?;
        if keep {
            table.keep(map);
        }
        table.fill();
        level(&mut table);
        for (shard, holders) in map.shards().iter().zip(&table.holders) {
            let nodes = holders.iter().map(|node| table.nodes[*node].id.clone());
            layout.0.entry(shard.id).or_default().extend(nodes);
        }
    }
    Ok(layout)
}

/// One group's part of a layout while it is made. Nodes and shards are numbers here; nodes are in the order of their
/// names.
pub(crate) struct Table {
    pub(crate) nodes: Vec<Row>,
    /// The nodes of each shard.
    pub(crate) holders: Vec<BTreeSet<usize>>,
    pub(crate) factor: usize,
}

/// One node of a [`Table`].
pub(crate) struct Row {
    id: NodeId,
    pub(crate) weight: u32,
    /// Nodes of one zone have the same number.
    pub(crate) zone: usize,
    /// Its score for each shard.
    pub(crate) scores: Vec<Score>,
}

impl Table {
    fn new(index: PhysicalId, map: &ShardMap, group: &GroupNodes, factor: u16) -> Result<Self, AssignError> {
        let weighty: BTreeMap<&NodeId, &Candidate> =
            group.nodes.iter().filter(|node| node.weight > 0).map(|node| (&node.node, node)).collect();
        if weighty.len() < usize::from(factor) {
            return Err(AssignError::TooFewNodes { group: group.group, nodes: weighty.len(), factor });
        }
        let mut zones = BTreeMap::new();
        let mut zone_of = |at: usize, zone: Option<&String>| match zone {
            Some(name) => *zones.entry(name.clone()).or_insert(at),
            None => at,
        };
        let mut row = |(at, candidate): (usize, &Candidate)| {
            let scored =
                map.shards().iter().map(|s| score(index, s.range, &candidate.node, candidate.weight));
            Row {
                id: candidate.node.clone(),
                weight: candidate.weight,
                zone: zone_of(at, candidate.zone.as_ref()),
                scores: scored.collect(),
            }
        };
        let nodes = weighty.into_values().enumerate().map(&mut row).collect();
        Ok(Self { nodes, holders: vec![BTreeSet::new(); map.shards().len()], factor: factor.into() })
    }

    /// Takes over the copies that are there, the ones with the best scores where there are too many.
    fn keep(&mut self, map: &ShardMap) {
        for (at, shard) in map.shards().iter().enumerate() {
            let stays =
                |row: &Row| shard.copies.get(&row.id).is_some_and(|state| *state != CopyState::Leaving);
            let mut present: Vec<usize> =
                (0..self.nodes.len()).filter(|node| stays(&self.nodes[*node])).collect();
            present.sort_by_key(|node| std::cmp::Reverse(self.nodes[*node].scores[at]));
            self.holders[at].extend(present.into_iter().take(self.factor));
        }
    }

    /// Gives every shard the copies that it lacks, each in the zone that has the fewest of it, there on the node with
    /// the best score.
    fn fill(&mut self) {
        for shard in 0..self.holders.len() {
            while self.holders[shard].len() < self.factor {
                let free = (0..self.nodes.len()).filter(|node| !self.holders[shard].contains(node));
                let rank = |node: &usize| {
                    (std::cmp::Reverse(self.in_zone_of(shard, *node)), self.nodes[*node].scores[shard])
                };
                let best = free.max_by_key(rank).expect("there are at least as many nodes as copies");
                self.holders[shard].insert(best);
            }
        }
    }

    /// How many copies of the shard are in the node's zone.
    pub(crate) fn in_zone_of(&self, shard: usize, node: usize) -> usize {
        let zone = self.nodes[node].zone;
        self.holders[shard].iter().filter(|holder| self.nodes[**holder].zone == zone).count()
    }
}
