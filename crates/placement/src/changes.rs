//! What lies between a shard map and a layout.

use miroir_model::{NodeId, ShardId};

use crate::layout::Layout;
use crate::map::ShardMap;
use crate::shard::CopyState;

/// What one shard needs to get from what is to what should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The shard.
    pub shard: ShardId,
    /// Nodes that should get a copy, in the order of their names.
    pub gains: Vec<NodeId>,
    /// Nodes that should lose theirs, in the order of their names.
    pub losses: Vec<NodeId>,
}

/// The shards whose copies are not where the layout has them, lowest slots first. A `Leaving` copy counts as gone, a
/// `Joining` one as there. A shard that the layout does not name is left as it is.
pub fn changes(map: &ShardMap, layout: &Layout) -> Vec<Change> {
    let change = |shard: &crate::Shard| {
        let wanted = layout.nodes(shard.id)?;
        let held = |node: &NodeId| shard.copies.get(node).is_some_and(|state| *state != CopyState::Leaving);
        let gains: Vec<NodeId> = wanted.iter().filter(|node| !held(node)).cloned().collect();
        let losses: Vec<NodeId> =
            shard.copies.keys().filter(|node| held(node) && !wanted.contains(*node)).cloned().collect();
        (!gains.is_empty() || !losses.is_empty()).then_some(Change { shard: shard.id, gains, losses })
    };
    map.shards().iter().filter_map(change).collect()
}
