//! Which node answers for which shard.
//!
//! One group is preferred, so that a search meets one set of documents and caches; groups are mixed only where no group
//! has every shard on a node that is not slow. In what is left the fewest nodes are taken: the one with the most units
//! that are still missing, again and again. Whatever is equal is decided by a hash of the search without its paging, so
//! that all pages of it meet the same copies, while different searches spread.
//!
//! A plan can be made around another one, of whose nodes some are not there any more: what the others were asked stays as
//! it is, so that their answers count, and only what was asked of the missing ones is chosen anew.

use std::collections::BTreeSet;

use miroir_model::{NodeId, UnitSet};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::PlanError;
use crate::view::{NodeView, ShardView};

/// What one node is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part<'a> {
    pub(crate) node: &'a NodeView,
    pub(crate) wanted: UnitSet,
}

/// What the nodes of a plan are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layout(Vec<(NodeId, UnitSet)>);

impl Layout {
    pub(crate) fn of(parts: &[Part<'_>]) -> Self {
        Self(parts.iter().map(|part| (part.node.id.clone(), part.wanted)).collect())
    }

    /// The parts whose nodes still have what they were asked for.
    fn kept<'a>(&self, shards: &[ShardView<'a>]) -> Vec<Part<'a>> {
        let node_of = |id: &NodeId, wanted: UnitSet| {
            let mut asked = shards.iter().filter(|shard| shard.range.units().intersects(wanted));
            let first = asked.next()?.copies.iter().copied().find(|copy| copy.id == *id)?;
            asked.all(|shard| shard.copies.iter().any(|copy| copy.id == *id)).then_some(first)
        };
        let part =
            |(id, wanted): &(NodeId, UnitSet)| Some(Part { node: node_of(id, *wanted)?, wanted: *wanted });
        self.0.iter().filter_map(part).collect()
    }
}

/// The parts for some shards of an index, around those of another plan where there is one: together they want every unit
/// of these shards once.
///
/// # Errors
/// When no copy of a shard can be searched.
pub(crate) fn choose_around<'a>(
    uid: &str,
    shards: &[ShardView<'a>],
    seed: u64,
    around: Option<&Layout>,
) -> Result<Vec<Part<'a>>, PlanError> {
    let mut parts = around.map(|layout| layout.kept(shards)).unwrap_or_default();
    let kept = parts.iter().fold(UnitSet::EMPTY, |units, part| units.union(part.wanted));
    let left: Vec<ShardView<'a>> =
        shards.iter().filter(|shard| !shard.range.units().intersects(kept)).cloned().collect();
    parts.extend(choose(uid, &left, seed)?);
    parts.sort_by(|a, b| a.node.id.cmp(&b.node.id));
    Ok(parts)
}

/// The parts for some shards of an index, in the order of the nodes' names: together they want every unit of these once.
///
/// # Errors
/// When no copy of one of them can be searched.
pub(crate) fn choose<'a>(uid: &str, shards: &[ShardView<'a>], seed: u64) -> Result<Vec<Part<'a>>, PlanError> {
    if let Some(lost) = shards.iter().find(|shard| shard.copies.is_empty()) {
        return Err(PlanError::ShardUnavailable { index: uid.to_owned(), shard: lost.id });
    }
    let group = best_group(shards, seed);
    let mut missing: Vec<&ShardView<'a>> = shards.iter().collect();
    let mut parts: Vec<Part<'a>> = Vec::new();
    while !missing.is_empty() {
        let Some(node) = best_node(&missing, group, seed) else { break };
        let (taken, left): (Vec<_>, Vec<_>) =
            missing.into_iter().partition(|shard| usable(shard, group).any(|copy| copy.id == node.id));
        let wanted = taken.iter().fold(UnitSet::EMPTY, |units, shard| units.union(shard.range.units()));
        parts.push(Part { node, wanted });
        missing = left;
    }
    parts.sort_by(|a, b| a.node.id.cmp(&b.node.id));
    Ok(parts)
}

/// The copies of a shard that come into question: those of the group, else all; of these the ones that are not slow,
/// if there are any.
fn usable<'a>(shard: &ShardView<'a>, group: Option<u32>) -> impl Iterator<Item = &'a NodeView> {
    let in_group = move |copy: &&NodeView| group.is_none_or(|group| copy.group == group);
    let any_fast = shard.copies.iter().copied().filter(in_group).any(|copy| !copy.slow);
    let copies = shard.copies.clone().into_iter();
    copies.filter(in_group).filter(move |copy| !any_fast || !copy.slow)
}

/// A group that has every shard on a node that is not slow.
fn best_group(shards: &[ShardView<'_>], seed: u64) -> Option<u32> {
    let groups: BTreeSet<u32> =
        shards.iter().flat_map(|shard| &shard.copies).map(|copy| copy.group).collect();
    let covers = |group: &u32| {
        shards.iter().all(|shard| shard.copies.iter().any(|copy| copy.group == *group && !copy.slow))
    };
    groups.into_iter().filter(covers).max_by_key(|group| xxh3_64_with_seed(&group.to_le_bytes(), seed))
}

/// The node that has the most units of the missing shards.
fn best_node<'a>(missing: &[&ShardView<'a>], group: Option<u32>, seed: u64) -> Option<&'a NodeView> {
    let mut nodes: Vec<(&'a NodeView, u32)> = Vec::new();
    for shard in missing {
        for copy in usable(shard, group) {
            let units = u32::from(shard.range.len());
            match nodes.iter_mut().find(|(node, _)| node.id == copy.id) {
                Some((_, sum)) => *sum += units,
                None => nodes.push((copy, units)),
            }
        }
    }
    let rank = |node: &NodeView| xxh3_64_with_seed(node.id.as_str().as_bytes(), seed);
    nodes.into_iter().max_by_key(|(node, units)| (*units, rank(node))).map(|(node, _)| node)
}
