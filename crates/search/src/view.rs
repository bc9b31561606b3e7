//! From the replicated state to what a plan reads.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

use miroir_cluster::{Index, NodeState, State};
use miroir_model::{NodeId, PhysicalId};
use miroir_placement::CopyState;
use miroir_query::{NodeView, ShardView, Shown};
use miroir_settings::UserSettings;

/// What a search knows of nodes that the state does not say.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Marks<'a> {
    /// They are not asked: they failed, or are late.
    pub(crate) out: &'a BTreeSet<NodeId>,
    /// They are asked only where nothing else has a shard.
    pub(crate) slow: &'a BTreeSet<NodeId>,
}

impl<'a> Marks<'a> {
    pub(crate) fn out(out: &'a BTreeSet<NodeId>) -> Self {
        Self { out, slow: &NONE }
    }
}

static NONE: BTreeSet<NodeId> = BTreeSet::new();

/// The nodes of an index, as a plan sees them.
pub(crate) fn nodes(state: &State, index: &Index, marks: Marks<'_>) -> BTreeMap<NodeId, NodeView> {
    let usable = index.queues.iter().filter(|(id, queue)| queue.searchable && !marks.out.contains(*id));
    usable
        .filter_map(|(id, queue)| {
            let node = state.nodes.get(id)?;
            let view = NodeView {
                id: id.clone(),
                group: node.group,
                index: queue.name(index.id),
                held: index.units_of(id),
                slow: node.state != NodeState::Up || marks.slow.contains(id),
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
