//! Nodes and shards to plan over.

use miroir_api::ApiVersion;
use miroir_model::{NodeId, PhysicalName};
use miroir_placement::{Candidate, CopyState, GroupNodes, ShardMap, assign};
use miroir_query::{IndexView, NodeView, ShardView, Shown};
use miroir_settings::UserSettings;

/// An index with two copies of each shard.
pub(crate) struct Cluster {
    map: ShardMap,
    nodes: Vec<NodeView>,
    shown: Shown,
}

impl Cluster {
    pub(crate) fn new(nodes: usize, shards: u16) -> Self {
        let index: PhysicalName = "i1-0".parse().expect("a physical name");
        let candidate = |k| Candidate { node: NodeId::new(format!("node-{k}")), weight: 1, zone: None };
        let group = GroupNodes { group: 0, nodes: (0..nodes).map(candidate).collect() };
        let mut map = ShardMap::even(shards).expect("1 to 128");
        let layout = assign(index.index, &map, std::slice::from_ref(&group), 2).expect("enough nodes");
        for (shard, node) in
            layout.iter().flat_map(|(shard, nodes)| nodes.iter().map(move |node| (shard, node)))
        {
            map.set_copy(shard, node, CopyState::Serving);
        }
        let view = |id: NodeId| NodeView { held: map.units_of(&id), id, group: 0, index, slow: false };
        let nodes = group.nodes.into_iter().map(|node| view(node.node)).collect();
        Self { nodes, map, shown: Shown::of(&UserSettings::new(ApiVersion::V1_50)) }
    }

    pub(crate) fn shards(&self) -> Vec<ShardView<'_>> {
        let view = |shard: &miroir_placement::Shard| ShardView {
            id: shard.id,
            range: shard.range,
            copies: self.nodes.iter().filter(|node| shard.copies.contains_key(&node.id)).collect(),
        };
        self.map.shards().iter().map(view).collect()
    }

    pub(crate) fn view<'a>(&'a self, shards: &'a [ShardView<'a>]) -> IndexView<'a> {
        IndexView {
            uid: "movies",
            version: ApiVersion::V1_50,
            primary_key: Some("id"),
            shown: &self.shown,
            tie_rule: true,
            shards,
        }
    }
}
