//! What happens when a queue has finished a task, and when a task is done.

use std::collections::BTreeSet;
use std::sync::Arc;

use miroir_model::{IndexUid, NodeId, PhysicalId, TaskUid, UnitSet};
use miroir_tasks::{TaskDetails, TaskStatus};

use super::Apply;
use crate::index::Index;
use crate::queue::{Part, Progress, Queue, Stage};
use crate::rows::task_rows;
use crate::state::State;
use crate::task::{Task, Work};

/// The units that a task touches on a node in one part.
pub(crate) fn part_units(index: &Index, task: &Task, node: &NodeId, part: Part) -> UnitSet {
    let here = index.units_of(node).intersection(task.units);
    let counted = task.counts.get(node).copied().unwrap_or_default();
    match (&task.work, part) {
        (Work::DeleteIds { .. }, Part::Counted) => here.intersection(counted),
        (Work::DeleteIds { .. }, Part::Rest) => here.difference(counted),
        (_, Part::Counted) => here,
        (_, Part::Rest) => UnitSet::EMPTY,
    }
}

/// Whether a node has nothing to do for a task from this progress on.
fn is_idle(index: &Index, task: &Task, node: &NodeId, progress: Progress) -> bool {
    match &task.work {
        Work::Nothing | Work::SetPrimaryKey => true,
        Work::Documents { payload, .. } | Work::DeleteIds { payload } => {
            let left = |part| !part_units(index, task, node, part).is_empty();
            payload.frames == 0
                || match progress.part {
                    Part::Counted => !left(Part::Counted) && !left(Part::Rest),
                    Part::Rest => !left(Part::Rest),
                }
        }
        _ => false,
    }
}

impl Apply<'_> {
    /// [`settle_queue`](Self::settle_queue) for every queue of an index.
    pub(super) fn settle_queues(&mut self, index: Option<PhysicalId>) {
        let Some(id) = index else { return };
        let nodes: Vec<NodeId> = self
            .state
            .indexes
            .get(&id)
            .map(|index| index.queues.keys().cloned().collect())
            .unwrap_or_default();
        nodes.iter().for_each(|node| self.settle_queue(id, node));
    }

    /// Takes off the head of a queue what needs no request to the node.
    pub(super) fn settle_queue(&mut self, id: PhysicalId, node: &NodeId) {
        loop {
            let Some(index) = self.state.indexes.get(&id) else { return };
            let Some(queue) = index.queues.get(node) else { return };
            let Some(task) = queue.pending.get_min().and_then(|uid| self.state.tasks.get(uid)) else {
                return;
            };
            if queue.dispatch.is_some() || !queue.is_ready(index) {
                return;
            }
            let (uid, progress) = (task.uid, queue.progress);
            if is_idle(index, task, node, progress) {
                self.pop(id, node, uid);
            } else if progress == Progress::default()
                && task.work.payload().is_some()
                && part_units(index, task, node, Part::Counted).is_empty()
            {
                self.set_progress(id, node, Progress { part: Part::Rest, frames: 0 });
                return;
            } else {
                return;
            }
        }
    }

    pub(super) fn set_progress(&mut self, id: PhysicalId, node: &NodeId, progress: Progress) {
        if let Some(queue) = self.state.indexes.get_mut(&id).and_then(|index| index.queues.get_mut(node)) {
            queue.progress = progress;
        }
    }

    /// A node has finished a task.
    pub(super) fn pop(&mut self, id: PhysicalId, node: &NodeId, uid: TaskUid) {
        if let Some(queue) = self.state.indexes.get_mut(&id).and_then(|index| index.queues.get_mut(node)) {
            queue.pending.remove(&uid);
            queue.progress = Progress::default();
            if queue.apart_until.is_some_and(|until| until <= uid) {
                queue.apart_until = None;
            }
        }
        let Some(task) = self.state.tasks.get_mut(&uid) else { return };
        task.holders.remove(node);
        task.waits.remove(node);
        if task.status.is_terminal() {
            self.forget(uid);
        }
    }

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
        task.status = if task.error.is_some() { TaskStatus::Failed } else { TaskStatus::Succeeded };
        task.finished_at = Some(self.now);
        task.started_at = task.started_at.or(Some(self.now));
        task.details = final_details(&task);
        self.rows.extend(task_rows(&task.record()));
        self.leave_order(&task);
        self.serve(&task);
        self.state.tasks.insert(uid, task);
        self.forget(uid);
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
        if let Some(key) = &task.brings_key {
            index.served_primary_key = Some(key.clone());
        }
        match &task.work {
            Work::Settings { .. } => index.settings.served = Arc::clone(&index.settings.decided),
            Work::DeleteIndex => {
                index.gone = true;
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
    fn forget(&mut self, uid: TaskUid) {
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

fn final_details(task: &Task) -> TaskDetails {
    let failed = task.error.is_some();
    match task.details.clone() {
        TaskDetails::Addition { received, .. } => {
            TaskDetails::Addition { received, indexed: Some(if failed { 0 } else { received }) }
        }
        TaskDetails::Deletion { provided, filter, .. } => {
            TaskDetails::Deletion { provided, filter, deleted: Some(if failed { 0 } else { task.counted }) }
        }
        TaskDetails::Clear { .. } => {
            TaskDetails::Clear { deleted: Some(if failed { 0 } else { task.counted }) }
        }
        other => other,
    }
}

impl State {
    /// Whether every earlier task of the same name or physical index is done.
    fn is_next(&self, task: &Task) -> bool {
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

impl Queue {
    /// Whether the node has the index with the settings that are decided, so that tasks can be delivered.
    pub fn is_ready(&self, index: &Index) -> bool {
        let settings = &index.settings;
        self.stage == Stage::Present && !self.renaming && self.installed == Some(settings.version)
    }
}
