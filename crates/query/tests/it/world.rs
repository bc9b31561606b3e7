//! Where the shards of a generated index are.

use miroir_api::ApiVersion;
use miroir_model::{NodeId, PhysicalName};
use miroir_placement::{Candidate, GroupNodes, ShardMap, assign};
use miroir_query::{IndexView, NodeView, ShardView, Shown};
use miroir_settings::{Features, Rules, SettingsPatch, UserSettings};
use proptest::prelude::*;
use serde_json::{Value, json};

/// An index over some nodes.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) nodes: Vec<NodeView>,
    pub(crate) map: ShardMap,
    pub(crate) shown: Shown,
    pub(crate) version: ApiVersion,
}

impl World {
    pub(crate) fn new(groups: u32, nodes: usize, shards: u16, factor: u16, settings: &Value) -> Self {
        let candidate = |group: u32, k: usize| Candidate {
            node: NodeId::new(format!("g{group}n{k}")),
            weight: 1,
            zone: None,
        };
        let of = |group: u32| GroupNodes { group, nodes: (0..nodes).map(|k| candidate(group, k)).collect() };
        let groups: Vec<GroupNodes> = (0..groups).map(of).collect();
        let mut map = ShardMap::even(shards).expect("1 to 128");
        let index: PhysicalName = "i1-0".parse().expect("a physical name");
        let layout = assign(index.index, &map, &groups, factor).expect("enough nodes");
        for (shard, nodes) in layout.iter() {
            for node in nodes {
                map.set_copy(shard, node, miroir_placement::CopyState::Serving);
            }
        }
        let view = |group: &GroupNodes, node: &Candidate| NodeView {
            id: node.node.clone(),
            group: group.group,
            index,
            held: map.units_of(&node.node),
            slow: false,
        };
        let nodes =
            groups.iter().flat_map(|group| group.nodes.iter().map(|node| view(group, node))).collect();
        let version = ApiVersion::V1_50;
        Self { nodes, shown: shown(version, settings), map, version }
    }

    /// The shards with the copies that may be searched.
    pub(crate) fn shards(&self, searchable: impl Fn(usize, &NodeView) -> bool) -> Vec<ShardView<'_>> {
        let copies = |(at, shard): (usize, &miroir_placement::Shard)| ShardView {
            id: shard.id,
            range: shard.range,
            copies: self
                .nodes
                .iter()
                .filter(|n| shard.copies.contains_key(&n.id) && searchable(at, n))
                .collect(),
        };
        self.map.shards().iter().enumerate().map(copies).collect()
    }

    pub(crate) fn view<'a>(&'a self, shards: &'a [ShardView<'a>]) -> IndexView<'a> {
        IndexView {
            uid: "movies",
            version: self.version,
            primary_key: Some("id"),
            shown: &self.shown,
            tie_rule: true,
            shards,
        }
    }

    /// One node that has everything.
    pub(crate) fn alone(settings: &Value) -> Self {
        Self::new(1, 1, 1, 1, settings)
    }
}

fn shown(version: ApiVersion, settings: &Value) -> Shown {
    let rules = Rules { version, features: Features::default() };
    let patch = SettingsPatch::parse(settings, rules).expect("right settings");
    Shown::of(&UserSettings::new(version).apply(&patch).expect("settings that fit"))
}

pub(crate) fn any_world(settings: impl Strategy<Value = Value>) -> impl Strategy<Value = (World, Value)> {
    (1_u32..=2, 1_usize..=5, 1_u16..=20, 1_u16..=3, settings).prop_map(
        |(groups, nodes, shards, factor, settings)| {
            let factor = factor.min(nodes as u16);
            (World::new(groups, nodes, shards, factor, &settings), settings)
        },
    )
}

pub(crate) fn any_settings() -> impl Strategy<Value = Value> {
    let order = prop_oneof![Just("alpha"), Just("count")];
    (1_u32..40, 1_u32..6, order).prop_map(|(hits, values, order)| {
        json!({
            "pagination": { "maxTotalHits": hits },
            "faceting": { "maxValuesPerFacet": values, "sortFacetValuesBy": { "*": order } }
        })
    })
}
