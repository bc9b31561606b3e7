//! A physical index: where its shards are, its settings in their views, its queues.

use std::sync::Arc;

use imbl::{OrdMap, OrdSet};
use miroir_model::{NodeId, PhysicalId, ShardId, TaskUid, Timestamp, UnitSet};
use miroir_placement::ShardMap;
use miroir_settings::UserSettings;
use serde::{Deserialize, Serialize};

use crate::queue::{Part, Queue};
use crate::task::Task;

/// How an index is cut and copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Shape {
    /// How many shards: 1 to 128. The cluster's default where not set.
    pub shards: Option<u16>,
    /// How many copies of each shard per group. The cluster's default where not set.
    pub factor: Option<u16>,
}

/// What a user's index is on the nodes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Index {
    /// Its id.
    pub id: PhysicalId,
    /// When the log created it.
    pub created_at: Timestamp,
    /// When the last task of it ended.
    pub updated_at: Timestamp,
    /// The primary key as ordered.
    pub primary_key: Option<String>,
    /// The primary key as served.
    pub served_primary_key: Option<String>,
    /// Its settings.
    pub settings: IndexSettings,
    /// Where its shards are.
    pub shards: Arc<ShardMap>,
    /// It was created with several shards, so its nodes order equal scores by slot. Never changes back.
    pub tie_rule: bool,
    /// Its deliveries.
    pub queues: OrdMap<NodeId, Queue>,
    /// Its tasks that are not done, in order.
    pub unfinished: OrdSet<TaskUid>,
    /// Documents were ordered since it was created or last emptied.
    pub may_hold_documents: bool,
    /// The task that deletes it is ordered.
    pub deleting: bool,
    /// No name stands for it any more, and reads and searches do not see it. What is left waits for nodes to drop it.
    pub gone: bool,
}

/// The settings of an index in their views.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexSettings {
    /// As last decided: what nodes have, or are brought to.
    pub decided: Arc<UserSettings>,
    /// Counts what was decided. A queue whose `installed` differs is brought to it first.
    pub version: u64,
    /// As served.
    pub served: Arc<UserSettings>,
    /// What comes to be served: what each task came to that is decided and not concluded.
    pub to_serve: OrdMap<TaskUid, Arc<UserSettings>>,
    /// How many settings tasks are ordered: what a write was validated against.
    pub ordered: u64,
    /// Those of them that are not decided, in order.
    pub undecided: OrdSet<TaskUid>,
    /// The change that is on its way.
    pub change: Option<SettingsChange>,
}

/// The settings task that some queue has reached and that is not decided: always the first of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingsChange {
    /// The task.
    pub task: TaskUid,
    /// The version that it becomes when every required node takes it; the present one when nodes need not hear of it.
    pub version: u64,
    /// What comes out.
    pub resulting: Arc<UserSettings>,
}

impl IndexSettings {
    /// Whether a change is on its way of which nodes need not hear.
    pub(crate) fn is_void(&self, change: &SettingsChange) -> bool {
        change.version == self.version
    }

    /// Whether nodes may differ in their settings, or have others than searches go by: a change is on its way to them, or
    /// they have one that not every peer serves yet.
    pub fn are_in_flight(&self) -> bool {
        !self.to_serve.is_empty() || self.change.as_ref().is_some_and(|change| !self.is_void(change))
    }

    /// Whether a node is through with the settings that are on their way: what comes after them depends on the others.
    pub fn awaits_decision(&self, queue: &Queue) -> bool {
        let change = self.change.as_ref().filter(|change| !self.is_void(change));
        change.is_some_and(|change| !queue.pending.contains(&change.task))
    }
}

impl Index {
    /// The units that a node holds of this index, in any state of its copies.
    pub fn units_of(&self, node: &NodeId) -> UnitSet {
        self.shards.units_of(node)
    }

    /// The units that a node is to be given of a task, in one part of it. The request for a part is limited to them
    /// when they are fewer than [`units_of`](Self::units_of) the node.
    pub fn units_of_part(&self, task: &Task, node: &NodeId, part: Part) -> UnitSet {
        let here = self.units_of(node).intersection(task.units);
        let counted = task.counts.get(node).copied().unwrap_or_default();
        match (&task.work, part) {
            (work, Part::Counted) if work.has_two_parts() => here.intersection(counted),
            (work, Part::Rest) if work.has_two_parts() => here.difference(counted),
            (_, Part::Counted) => here,
            (_, Part::Rest) => UnitSet::EMPTY,
            (_, Part::Shard { shard, .. }) => {
                let found = self.shards.shard(shard).map(|found| found.range.units());
                here.intersection(found.unwrap_or_default())
            }
        }
    }

    /// The shards that a node holds and a task touches, lowest slots first.
    pub(crate) fn shards_of_task(&self, task: &Task, node: &NodeId) -> impl Iterator<Item = ShardId> {
        let held = self.shards.shards().iter().filter(|shard| shard.copies.contains_key(node));
        held.filter(|shard| shard.range.units().intersects(task.units)).map(|shard| shard.id)
    }
}
