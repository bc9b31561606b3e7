//! When the cluster has its first nodes, so that indexes can be laid out.
//!
//! An index is cut and spread over the nodes that there are when it is created. The nodes of a new cluster join one by
//! one, so the leader founds the cluster last, when those that its configuration names have joined: before, no index
//! can be created. That the first nodes are complete is thus decided by one and recorded in the log, and each creation
//! is judged by that record, whatever the configuration of the peer that took the request says.

use std::collections::BTreeMap;
use std::time::Duration;

use miroir_cluster::{Defaults, State};

use crate::adopt::ConfiguredNode;

/// How long the nodes that lack are waited for after the last one joined, when those that joined are enough.
const PATIENCE: Duration = Duration::from_secs(30);

/// Whether the first nodes have joined: all of them, or enough of them for the defaults while for `quiet` no other
/// did. A node that joins after that is one that is added.
pub(crate) fn complete(
    state: &State,
    configured: &[ConfiguredNode],
    defaults: &Defaults,
    quiet: Duration,
) -> bool {
    configured.iter().all(|node| state.nodes.contains_key(&node.id))
        || (quiet >= PATIENCE && enough(state, defaults))
}

/// Whether each group has a node for each copy of a shard.
fn enough(state: &State, defaults: &Defaults) -> bool {
    let mut nodes: BTreeMap<u32, usize> = (0..defaults.groups).map(|group| (group, 0)).collect();
    for node in state.nodes.values().filter(|node| node.weight > 0) {
        *nodes.entry(node.group).or_default() += 1;
    }
    nodes.values().all(|nodes| *nodes >= usize::from(defaults.factor))
}
