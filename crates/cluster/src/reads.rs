//! What readers ask of the state beyond its fields.

use miroir_model::{NodeId, PhysicalName, TaskUid, Timestamp};
use miroir_settings::UserSettings;
use miroir_tasks::TaskRecord;

use crate::index::Index;
use crate::nodes::NodeState;
use crate::queue::Proof;
use crate::state::State;
use crate::task::{Task, Work};

/// How far the delivery to a node is behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Lag {
    /// Tasks that the node has not finished.
    pub tasks: usize,
    /// When the oldest of them was accepted.
    pub oldest: Option<Timestamp>,
}

impl State {
    /// The settings that the next task of an index resolves against: what is decided, and what is ordered behind it,
    /// as far as it can be applied. A change that a node has refused has no part in it: it will be rolled back.
    pub fn ordered_settings(&self, index: &Index) -> UserSettings {
        let mut settings = (*index.settings.decided).clone();
        for task in index.settings.undecided.iter().filter_map(|uid| self.tasks.get(uid)) {
            if let (Work::Settings { patch }, None) = (&task.work, &task.error) {
                settings = settings.apply(patch).unwrap_or(settings);
            }
        }
        settings
    }

    /// The first change of the names of an index that was ordered before this task and is not done. Searches find under
    /// each name the index that had it before, until it is; what is ordered behind it is for these indexes under their
    /// new names, and must not be found under the old ones.
    pub fn renamed_before(&self, index: &Index, uid: TaskUid) -> Option<TaskUid> {
        let touches = |task: &TaskUid| index.unfinished.contains(task);
        self.renames.range(..uid).copied().find(touches)
    }

    /// The newest task of a node that is recorded as ended, and the index that it was about.
    pub fn newest_on(&self, node: &NodeId) -> Option<(u32, PhysicalName)> {
        let queues = self.indexes.values().filter_map(|index| Some((index.id, index.queues.get(node)?)));
        queues
            .filter_map(|(id, queue)| Some((queue.node_task?, queue.name(id))))
            .max_by_key(|(task, _)| *task)
    }

    /// Whether it would change nothing to record this of a node.
    pub fn agrees(&self, node: &NodeId, proof: Proof) -> bool {
        let known = self.nodes.get(node).map(|node| node.state);
        matches!(
            (known, proof),
            (None | Some(NodeState::Lost), _)
                | (Some(NodeState::Up | NodeState::Down), Proof::Same)
                | (Some(NodeState::Unauthorized), Proof::Unauthorized)
        )
    }

    /// How far the delivery to a node is behind.
    pub fn lag(&self, node: &NodeId) -> Lag {
        let queues = self.indexes.values().filter_map(|index| index.queues.get(node));
        let mut lag = Lag::default();
        for queue in queues {
            lag.tasks += queue.pending.len();
            let first =
                queue.pending.get_min().and_then(|uid| self.tasks.get(uid)).map(|task| task.enqueued_at);
            lag.oldest = [lag.oldest, first].into_iter().flatten().min();
        }
        lag
    }

    /// The payload that some node has not finished, in bytes as stored.
    pub fn undelivered_bytes(&self) -> u64 {
        self.chunks.values().map(|chunk| u64::from(chunk.len)).sum()
    }

    /// A task that the state still has.
    pub fn record(&self, uid: TaskUid) -> Option<TaskRecord> {
        self.tasks.get(&uid).map(Task::record)
    }

    /// The tasks that have not ended, newest first.
    pub fn unfinished(&self) -> impl Iterator<Item = &Task> {
        self.tasks.values().rev().filter(|task| !task.status.is_terminal())
    }

    /// Whether a task was accepted and has ended.
    pub fn is_done(&self, uid: TaskUid) -> bool {
        uid < self.next_task && self.tasks.get(&uid).is_none_or(|task| task.status.is_terminal())
    }
}
