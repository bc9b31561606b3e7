//! Where a write goes: the index that it was validated against, or a new one.

use std::collections::BTreeMap;
use std::sync::Arc;

use imbl::{OrdMap, OrdSet};
use miroir_api::ApiVersion;
use miroir_model::{IndexUid, NodeId, PhysicalId};
use miroir_placement::{Candidate, CopyState, GroupNodes, ShardMap, assign, default_shards};
use miroir_settings::UserSettings;
use miroir_tasks::TaskKind;

use super::Apply;
use crate::command::{Enqueue, EnqueueWork, NameChange, Target};
use crate::index::{Index, IndexSettings, Shape};
use crate::outcome::{Refusal, Stale};
use crate::queue::Queue;
use crate::state::State;

/// Where a write goes.
#[derive(Default)]
pub(super) struct Place {
    pub(super) index: Option<PhysicalId>,
    pub(super) creates: bool,
    /// What becomes of names.
    pub(super) names: Vec<NameChange>,
    /// The primary key as ordered from now on.
    pub(super) primary_key: Option<String>,
    pub(super) brings_key: bool,
    /// Nodes may have another key.
    pub(super) rekeys: bool,
}

impl Apply<'_> {
    /// Resolves the target. Creates the index when that is asked, which is the last thing that can be refused.
    pub(super) fn place(&mut self, enqueue: &Enqueue) -> Result<Place, Refusal> {
        let named = enqueue.index_uid.as_ref().and_then(|uid| self.state.ordered(uid));
        match (&enqueue.target, named) {
            (Target::Names(changes), named) => {
                let index = named.map(|index| index.id);
                self.change_names(changes)?;
                Ok(Place { index, names: changes.clone(), ..Place::default() })
            }
            (Target::Existing { index, settings, primary_key }, Some(named)) if named.id == *index => {
                let brings = check_existing(named, &enqueue.work, *settings, primary_key.as_ref())?;
                let (id, former) = (named.id, named.primary_key.clone());
                if let (Some(_), Some(index)) = (&brings, self.state.indexes.get_mut(&id)) {
                    index.primary_key.clone_from(&brings);
                }
                Ok(Place {
                    index: Some(id),
                    creates: false,
                    brings_key: brings.is_some(),
                    rekeys: brings.is_some() && former.is_some(),
                    primary_key: brings.or(former),
                    names: Vec::new(),
                })
            }
            (Target::Creates { primary_key, shape }, None) => {
                let id = self.create_index(primary_key.clone(), shape)?;
                if let Some(uid) = &enqueue.index_uid {
                    self.state.names.ordered.insert(uid.clone(), id);
                }
                Ok(Place {
                    index: Some(id),
                    creates: true,
                    brings_key: primary_key.is_some(),
                    primary_key: primary_key.clone(),
                    ..Place::default()
                })
            }
            (Target::Missing, None) => Ok(Place::default()),
            _ => Err(Refusal::Stale(Stale::Index)),
        }
    }

    /// Changes what names stand for, as ordered.
    fn change_names(&mut self, changes: &[NameChange]) -> Result<(), Refusal> {
        let ordered = &mut self.state.names.ordered;
        if changes.iter().any(|change| ordered.get(&change.name) != change.from.as_ref()) {
            return Err(Refusal::Stale(Stale::Index));
        }
        changes.iter().for_each(|change| change.make(ordered));
        Ok(())
    }

    fn create_index(&mut self, primary_key: Option<String>, shape: &Shape) -> Result<PhysicalId, Refusal> {
        let id = self.state.next_index;
        let shards = self.layout(id, shape)?;
        let version = self.state.api_version();
        let settings = Arc::new(UserSettings::new(version));
        let queues: OrdMap<NodeId, Queue> = (shards.shards().iter())
            .flat_map(|shard| shard.copies.keys())
            .map(|node| (node.clone(), Queue::new(self.state.version, self.state.next_task)))
            .collect();
        let index = Index {
            id,
            created_at: self.now,
            updated_at: self.now,
            primary_key,
            served_primary_key: None,
            settings: IndexSettings {
                decided: Arc::clone(&settings),
                version: 0,
                served: settings,
                to_serve: OrdMap::new(),
                ordered: 0,
                undecided: OrdSet::new(),
                change: None,
            },
            tie_rule: shards.shards().len() > 1,
            shards: Arc::new(shards),
            queues,
            unfinished: OrdSet::new(),
            may_hold_documents: false,
            deleting: false,
            gone: false,
        };
        self.state.next_index = id.next();
        self.state.indexes.insert(id, index);
        Ok(id)
    }

    /// Cuts a new index and spreads its copies, by the cluster's defaults where the shape says nothing.
    fn layout(&self, id: PhysicalId, shape: &Shape) -> Result<ShardMap, Refusal> {
        let Some((_, defaults)) = &self.state.cluster else { return Err(Refusal::NoNodes) };
        let groups = self.state.groups();
        let able = |group: &GroupNodes| group.nodes.iter().filter(|node| node.weight > 0).count();
        let smallest = groups.iter().map(able).min().unwrap_or(0);
        let factor = shape.factor.unwrap_or(defaults.factor);
        // What the cluster was founded to hold it will: its nodes are only not there yet.
        let promised = usize::from(factor.min(defaults.factor)).max(1);
        if smallest < promised || groups.len() < defaults.groups as usize {
            return Err(Refusal::NoNodes);
        }
        let count = shape.shards.or(defaults.shards).unwrap_or_else(|| default_shards(smallest));
        let mut map = ShardMap::even(count).map_err(|error| Refusal::Shape(error.to_string()))?;
        let layout = assign(id, &map, &groups, factor).map_err(|error| Refusal::Shape(error.to_string()))?;
        for (shard, nodes) in layout.iter() {
            for node in nodes {
                map.set_copy(shard, node, CopyState::Serving);
            }
        }
        Ok(map)
    }
}

impl NameChange {
    /// The way back.
    pub(super) fn reversed(&self) -> Self {
        Self { name: self.name.clone(), from: self.to, to: self.from }
    }

    /// Makes it in one view of the names.
    pub(super) fn make(&self, names: &mut OrdMap<IndexUid, PhysicalId>) {
        match self.to {
            Some(index) => names.insert(self.name.clone(), index),
            None => names.remove(&self.name),
        };
    }
}

impl State {
    /// The nodes by group, as placement sees them.
    pub fn groups(&self) -> Vec<GroupNodes> {
        let mut groups: BTreeMap<u32, Vec<Candidate>> = BTreeMap::new();
        for node in self.nodes.values() {
            let candidate = Candidate { node: node.id.clone(), weight: node.weight, zone: None };
            groups.entry(node.group).or_default().push(candidate);
        }
        groups.into_iter().map(|(group, nodes)| GroupNodes { group, nodes }).collect()
    }

    /// The version of Meilisearch that the cluster speaks: its nodes'.
    pub fn api_version(&self) -> ApiVersion {
        let first = self.nodes.values().next();
        first.and_then(|node| ApiVersion::of_node(&node.version)).unwrap_or(ApiVersion::V1_50)
    }
}

/// Whether what the write was validated against still holds; the primary key that it brings.
fn check_existing(
    index: &Index,
    work: &EnqueueWork,
    settings: u64,
    key: Option<&String>,
) -> Result<Option<String>, Refusal> {
    let documents = work.kind() == TaskKind::DocumentAdditionOrUpdate;
    if documents && index.settings.ordered != settings {
        return Err(Refusal::Stale(Stale::Settings));
    }
    let brings = matches!(work, EnqueueWork::Documents { .. } | EnqueueWork::SetPrimaryKey);
    let sets = matches!(work, EnqueueWork::SetPrimaryKey);
    match (&index.primary_key, key) {
        (None, key) => Ok(key.filter(|_| brings).cloned()),
        (Some(old), Some(new)) if old == new => Ok(None),
        // As in Meilisearch, a key can be changed while there are no documents.
        (Some(_), Some(new)) if sets && !index.may_hold_documents => Ok(Some(new.clone())),
        (Some(_), None) if !documents => Ok(None),
        (Some(_), _) => Err(Refusal::Stale(Stale::PrimaryKey)),
    }
}
