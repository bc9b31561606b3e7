//! From the replicated state to what a plan reads.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use miroir_cluster::{Index, NodeState, State};
use miroir_model::{NodeId, PhysicalId};
use miroir_placement::CopyState;
use miroir_query::{NodeView, ShardView, Shown};
use miroir_settings::UserSettings;

/// The nodes of an index, as a plan sees them. Those that just failed a request are left out.
pub(crate) fn nodes(state: &State, index: &Index, failed: &BTreeSet<NodeId>) -> BTreeMap<NodeId, NodeView> {
    let usable = index.queues.iter().filter(|(id, queue)| queue.searchable && !failed.contains(*id));
    usable
        .filter_map(|(id, queue)| {
            let node = state.nodes.get(id)?;
            let view = NodeView {
                id: id.clone(),
                group: node.group,
                index: queue.name(index.id),
                held: index.units_of(id),
                slow: node.state != NodeState::Up,
            };
            matches!(node.state, NodeState::Up | NodeState::Down).then(|| (id.clone(), view))
        })
        .collect()
}

/// The shards of an index, each with the nodes that can be asked for it.
pub(crate) fn shards<'a>(index: &Index, nodes: &'a BTreeMap<NodeId, NodeView>) -> Vec<ShardView<'a>> {
    (index.shards.shards().iter())
        .map(|shard| ShardView {
            id: shard.id,
            range: shard.range,
            copies: shard.nodes_in(CopyState::Serving).filter_map(|node| nodes.get(node)).collect(),
        })
        .collect()
}

/// What settings say about answers, kept as long as the settings stay: reading it costs more than a plan.
#[derive(Debug, Default)]
pub(crate) struct ShownCache(Mutex<BTreeMap<PhysicalId, Entry>>);

/// Settings, and what they say.
type Entry = (Arc<UserSettings>, Arc<Shown>);

impl ShownCache {
    pub(crate) fn of(&self, state: &State, index: &Index) -> Arc<Shown> {
        let served = &index.settings.served;
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((settings, shown)) = known.get(&index.id)
            && Arc::ptr_eq(settings, served)
        {
            return Arc::clone(shown);
        }
        let shown = Arc::new(Shown::of(served));
        // Where indexes come and go, what is kept of them goes too.
        known.retain(|id, _| state.indexes.contains_key(id));
        known.insert(index.id, (Arc::clone(served), Arc::clone(&shown)));
        shown
    }
}
