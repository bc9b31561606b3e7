//! What a queue is through with: parts of a task that are finished, and tasks that need no request to its node.

use miroir_model::{NodeId, PhysicalId, TaskUid};

use super::{Apply, settings};
use crate::index::Index;
use crate::queue::{Part, Progress, Queue, Stage};
use crate::task::{Recheck, Task, Trial, Work};

/// Where a queue stands when it is through with a part of its first task: none when with the whole task.
pub(super) fn after_part(index: &Index, task: &Task, node: &NodeId, part: Part) -> Option<Progress> {
    match part {
        Part::Counted => {
            let rest = !index.units_of_part(task, node, Part::Rest).is_empty();
            rest.then_some(Progress { part: Part::Rest, frames: 0 })
        }
        Part::Rest => None,
        Part::Shard { shard, from } => {
            let mut others = index.shards_of_task(task, node);
            others.find(|other| *other == shard);
            others.next().map(|shard| Progress::of_shard(shard, from))
        }
    }
}

/// Where a queue stands that has this task first: past what needs no request. None when nothing of it does.
pub(crate) fn standing(index: &Index, task: &Task, node: &NodeId, progress: Progress) -> Option<Progress> {
    match &task.work {
        _ if task.is_refused_on(index, node) => None,
        Work::Nothing => None,
        Work::Documents { .. } if task.recheck == Recheck::Refused => None,
        Work::Edit(_) if task.trial == Trial::Failed => None,
        Work::Documents { payload, .. } | Work::DeleteIds { payload } if payload.frames == 0 => None,
        Work::Settings { .. } => (!settings::is_settled(index, task)).then_some(progress),
        Work::DeleteIndex | Work::SetPrimaryKey => Some(progress),
        Work::Documents { .. }
        | Work::DeleteIds { .. }
        | Work::DeleteFilter { .. }
        | Work::DeleteAll
        | Work::Edit(_) => {
            if index.units_of_part(task, node, progress.part).is_empty() {
                after_part(index, task, node, progress.part)
            } else {
                Some(progress)
            }
        }
    }
}

impl Queue {
    /// Takes a task off. How far the first one got is not that of another.
    pub(super) fn takes_off(&mut self, task: &Task) {
        if self.pending.get_min() == Some(&task.uid) {
            self.progress = Progress::default();
        }
        self.pending.remove(&task.uid);
        self.pending_bytes = self.pending_bytes.saturating_sub(task.payload_bytes());
    }

    /// What was to be sent is canceled: nothing that is left can show that what stopped the queue is over.
    pub(super) fn resumes_if_empty(&mut self) {
        if self.pending.is_empty() && self.dispatch.is_none() {
            (self.fault, self.ahead) = (None, None);
        }
    }

    /// Whether the node has the index with the settings that are decided, so that tasks can be delivered.
    pub fn is_ready(&self, index: &Index) -> bool {
        let settings = &index.settings;
        self.stage == Stage::Present && !self.renaming && self.installed == Some(settings.version)
    }
}

impl Apply<'_> {
    /// [`settle_queue`](Self::settle_queue) for every queue of an index.
    pub(super) fn settle_queues(&mut self, id: PhysicalId) {
        let Some(index) = self.state.indexes.get(&id) else { return };
        let nodes: Vec<NodeId> = index.queues.keys().cloned().collect();
        nodes.iter().for_each(|node| self.settle_queue(id, node));
    }

    /// Takes off the head of a queue what needs no request to the node, and begins the settings task that is there.
    pub(super) fn settle_queue(&mut self, id: PhysicalId, node: &NodeId) {
        while let Some((uid, is_settings)) = self.next_to_settle(id, node) {
            if is_settings {
                self.begin_settings(id, uid);
            }
            let Some(index) = self.state.indexes.get(&id) else { return };
            let Some(queue) = index.queues.get(node) else { return };
            let Some(task) = self.state.tasks.get(&uid) else { return };
            let was = queue.progress;
            match standing(index, task, node, was) {
                None => self.pop(id, node, uid),
                Some(progress) => {
                    if progress != was {
                        self.set_progress(id, node, progress);
                    }
                    break;
                }
            }
        }
        self.return_copy(id, node);
    }

    /// A copy that comes back is searched once it has finished what was ordered before.
    fn return_copy(&mut self, id: PhysicalId, node: &NodeId) {
        let Some(index) = self.state.indexes.get_mut(&id) else { return };
        let settings = index.settings.version;
        let Some(queue) = index.queues.get_mut(node) else { return };
        let Some(until) = queue.returns_at else { return };
        let finished = queue.pending.get_min().is_none_or(|first| *first >= until);
        if finished && queue.stage == Stage::Present && queue.installed == Some(settings) {
            (queue.searchable, queue.hidden, queue.returns_at) = (true, None, None);
        }
    }

    /// The first task of a queue that could send something now, and whether it changes settings.
    fn next_to_settle(&self, id: PhysicalId, node: &NodeId) -> Option<(TaskUid, bool)> {
        let index = self.state.indexes.get(&id)?;
        let queue = index.queues.get(node)?;
        if queue.dispatch.is_some() || queue.lost.is_some() || !queue.is_ready(index) {
            return None;
        }
        let task = self.state.tasks.get(queue.pending.get_min()?)?;
        Some((task.uid, matches!(task.work, Work::Settings { .. })))
    }

    pub(super) fn set_progress(&mut self, id: PhysicalId, node: &NodeId, progress: Progress) {
        if let Some(queue) = self.state.indexes.get_mut(&id).and_then(|index| index.queues.get_mut(node)) {
            queue.progress = progress;
        }
    }

    /// A node is through with a task of its queue: the first, or one that was sent past it.
    pub(super) fn pop(&mut self, id: PhysicalId, node: &NodeId, uid: TaskUid) {
        let Some(task) = self.state.tasks.get_mut(&uid) else { return };
        task.holders.remove(node);
        task.waits.remove(node);
        if let Some(queue) = self.state.indexes.get_mut(&id).and_then(|index| index.queues.get_mut(node)) {
            queue.apart_until = queue.apart_until.filter(|until| *until > uid);
            queue.takes_off(task);
        }
        if task.status.is_terminal() {
            self.forget(uid);
        }
    }
}
