//! When a task is done, and what is seen from then on.

use std::collections::BTreeSet;
use std::sync::Arc;

use miroir_model::{IndexUid, NodeId, PhysicalId, TaskUid};
use miroir_tasks::{TaskDetails, TaskStatus};

use super::Apply;
use crate::index::Index;
use crate::queue::Lost;
use crate::rows::task_rows;
use crate::state::State;
use crate::task::{Task, Work};

impl Apply<'_> {
    /// Ends the tasks that can end, beginning with these, and those that waited for them.
    pub(super) fn advance(&mut self, tasks: impl IntoIterator<Item = TaskUid>) {
        let mut look: BTreeSet<TaskUid> = tasks.into_iter().collect();
        while let Some(uid) = look.pop_first() {
            let Some(task) = self.state.tasks.get(&uid) else { continue };
            if task.status.is_terminal() || !task.is_ready() || !self.state.is_next(task) {
                continue;
            }
            let (index, name) = (task.index, task.index_uid.clone());
            self.finish(uid);
            look.extend(self.state.next_of(index, &name));
        }
    }

    fn finish(&mut self, uid: TaskUid) {
        let Some(mut task) = self.state.tasks.get(&uid).cloned() else { return };
        let wrong = self.judge(&mut task);
        task.status = if task.error.is_some() { TaskStatus::Failed } else { TaskStatus::Succeeded };
        task.finished_at = Some(self.now);
        task.started_at = task.started_at.or(Some(self.now));
        task.details = final_details(&task);
        self.rows.extend(task_rows(&task.record()));
        self.leave_order(&task);
        self.serve(&task);
        let index = task.index;
        self.state.tasks.insert(uid, task);
        self.forget(uid);
        for node in wrong {
            index.into_iter().for_each(|id| self.shed(id, &node));
        }
    }

    /// What the refusals of nodes come to. A node that refused what another copy of the same documents took is the one
    /// that is wrong; any other refusal is the task's failure. The nodes that are wrong.
    fn judge(&mut self, task: &mut Task) -> Vec<NodeId> {
        let mut lost = Vec::new();
        let Some(id) = task.index else { return lost };
        for (node, error) in &task.refusals {
            let index = self.state.indexes.get(&id);
            // One after the other: of copies that are wrong together, the last of a shard stays.
            let wrong = index
                .is_some_and(|index| index.is_contradicted(task, node) && index.last_copy_on(node).is_none());
            if wrong {
                self.lose(id, node, Lost::Disagrees(task.uid));
                lost.push(node.clone());
            } else {
                task.error.get_or_insert_with(|| error.clone());
            }
        }
        lost
    }

    /// Later tasks wait no longer for it.
    fn leave_order(&mut self, task: &Task) {
        if let Some(index) = task.index.and_then(|id| self.state.indexes.get_mut(&id)) {
            index.unfinished.remove(&task.uid);
            index.updated_at = self.now;
        }
        let unfinished = &mut self.state.names.unfinished;
        if let Some(tasks) = unfinished.get_mut(&task.index_uid) {
            tasks.remove(&task.uid);
            if tasks.is_empty() {
                unfinished.remove(&task.index_uid);
            }
        }
    }

    /// What reads and searches see from now on.
    fn serve(&mut self, task: &Task) {
        let Some(id) = task.index else { return };
        if task.creates {
            self.state.names.served.insert(task.index_uid.clone(), id);
        }
        let Some(index) = self.state.indexes.get_mut(&id) else { return };
        if task.brings_key {
            index.served_primary_key.clone_from(&task.primary_key);
        }
        match &task.work {
            Work::Settings { .. } => index.settings.served = Arc::clone(&index.settings.decided),
            Work::DeleteIndex => {
                index.gone = true;
                // Searches that began before may still use it: nodes drop it when none does.
                let version = self.state.version;
                let nodes: Vec<NodeId> = index.queues.keys().cloned().collect();
                for node in nodes {
                    index.queues[&node].hide(version);
                }
                let served = &mut self.state.names.served;
                if served.get(&task.index_uid) == Some(&id) {
                    served.remove(&task.index_uid);
                }
                self.drop_index_when_empty(id);
            }
            _ => {}
        }
    }

    /// An index is forgotten when its deletion is done and no node has it any more.
    pub(super) fn drop_index_when_empty(&mut self, id: PhysicalId) {
        if self.state.indexes.get(&id).is_some_and(|index| index.gone && index.queues.is_empty()) {
            self.state.indexes.remove(&id);
        }
    }

    /// Lets go of a task that has ended and that no node needs.
    pub(super) fn forget(&mut self, uid: TaskUid) {
        if self.state.tasks.get(&uid).is_none_or(|task| !task.holders.is_empty()) {
            return;
        }
        if let Some(task) = self.state.tasks.remove(&uid)
            && let Some(payload) = task.work.payload()
        {
            self.release(&payload.chunks);
        }
    }
}

/// What the task says about itself for good. A count that some node could not give stays unknown.
fn final_details(task: &Task) -> TaskDetails {
    let failed = task.error.is_some();
    let counted = if failed { Some(0) } else { task.counted };
    match task.details.clone() {
        TaskDetails::Addition { received, .. } => {
            TaskDetails::Addition { received, indexed: Some(if failed { 0 } else { received }) }
        }
        TaskDetails::Deletion { provided, filter, .. } => {
            TaskDetails::Deletion { provided, filter, deleted: counted }
        }
        TaskDetails::Clear { .. } => TaskDetails::Clear { deleted: counted },
        other => other,
    }
}

impl Index {
    /// Whether another copy of some documents of a task took what this node refused.
    fn is_contradicted(&self, task: &Task, node: &NodeId) -> bool {
        let took = |other: &NodeId| {
            let required = self.queues.get(other).is_some_and(|queue| queue.required && queue.lost.is_none());
            required && !task.refusals.contains_key(other) && !task.holders.contains(other)
        };
        let touched = self.shards.shards().iter().filter(|shard| shard.range.units().intersects(task.units));
        let mut on_node = touched.filter(|shard| shard.copies.contains_key(node));
        on_node.any(|shard| shard.copies.keys().any(|other| other != node && took(other)))
    }
}

impl State {
    /// Whether every earlier task of the same name or physical index is done.
    pub(crate) fn is_next(&self, task: &Task) -> bool {
        let first = |tasks: Option<&imbl::OrdSet<TaskUid>>| tasks.and_then(|set| set.get_min()).copied();
        let of_name = first(self.names.unfinished.get(&task.index_uid));
        let of_index = task.index.and_then(|id| self.indexes.get(&id)).map(|index| &index.unfinished);
        of_name == Some(task.uid) && (task.index.is_none() || first(of_index) == Some(task.uid))
    }

    /// The tasks that may end next, after one of this index and name ended.
    fn next_of(&self, index: Option<PhysicalId>, name: &IndexUid) -> Vec<TaskUid> {
        let of_name = self.names.unfinished.get(name);
        let of_index = index.and_then(|id| self.indexes.get(&id)).map(|index| &index.unfinished);
        [of_name, of_index].into_iter().flatten().filter_map(|set| set.get_min()).copied().collect()
    }
}
