//! When a task is done, and what is seen from then on.

use std::collections::BTreeSet;
use std::mem;

use imbl::OrdSet;
use miroir_model::{NodeId, PhysicalId, TaskUid};
use miroir_tasks::{TaskDetails, TaskStatus};

use super::Apply;
use crate::rows::task_rows;
use crate::state::State;
use crate::task::{Task, Work};

impl Apply<'_> {
    /// Ends the tasks that can end, beginning with these, and those that waited for them.
    pub(super) fn advance(&mut self, tasks: impl IntoIterator<Item = TaskUid>) {
        let mut look: BTreeSet<TaskUid> = tasks.into_iter().collect();
        while let Some(uid) = look.pop_first() {
            let Some(task) = self.state.tasks.get(&uid) else { continue };
            let showing = self.state.showing.contains_key(&uid);
            if task.status.is_terminal() || showing || !task.is_ready() || !self.state.is_next(task) {
                continue;
            }
            look.extend(self.conclude(uid));
        }
    }

    /// What a task did is what reads and searches see from now on. Where that is of names or settings, peers may search
    /// an older state for a moment, and it is done when none does. The tasks that may end next.
    fn conclude(&mut self, uid: TaskUid) -> Vec<TaskUid> {
        let Some(mut task) = self.state.tasks.get(&uid).cloned() else { return Vec::new() };
        let wrong = self.judge(&mut task);
        let (index, shows) = (task.index, self.serve(&task));
        self.state.tasks.insert(uid, task);
        let next = if shows {
            self.state.showing.insert(uid, self.state.version);
            Vec::new()
        } else {
            self.finish(uid)
        };
        for node in wrong {
            index.into_iter().for_each(|id| self.shed(id, &node));
        }
        next
    }

    /// Every peer searches this version, or a later one.
    pub(super) fn shown(&mut self, version: u64) {
        let seen = |(uid, since): (&TaskUid, &u64)| (*since <= version).then_some(*uid);
        let shown: Vec<TaskUid> = self.state.showing.iter().filter_map(seen).collect();
        for uid in shown {
            self.state.showing.remove(&uid);
            let next = self.finish(uid);
            self.advance(next);
        }
    }

    /// Ends a task. Those that may end next.
    fn finish(&mut self, uid: TaskUid) -> Vec<TaskUid> {
        let Some(mut task) = self.state.tasks.get(&uid).cloned() else { return Vec::new() };
        task.status = if task.error.is_some() { TaskStatus::Failed } else { TaskStatus::Succeeded };
        task.details = final_details(&task);
        // What was refused, those that come later are not asked.
        let spared: Vec<NodeId> =
            if task.refusals.is_empty() { Vec::new() } else { task.holders.iter().cloned().collect() };
        let index = task.index;
        let next = self.close(task);
        self.forget(uid);
        if let Some(id) = index {
            spared.iter().for_each(|node| self.settle_queue(id, node));
        }
        next
    }

    /// A task has ended as it says: it leaves the order, and becomes history. Those that may end next.
    pub(super) fn close(&mut self, mut task: Task) -> Vec<TaskUid> {
        task.finished_at = Some(self.now);
        task.started_at = task.started_at.or(Some(self.now));
        self.rows.extend(task_rows(&task.record()));
        self.leave_order(&task);
        let next = self.state.next_after(&task);
        self.state.tasks.insert(task.uid, task);
        next
    }

    /// Later tasks wait no longer for it.
    fn leave_order(&mut self, task: &Task) {
        self.state.renames.remove(&task.uid);
        for id in task.indexes_touched() {
            if let Some(index) = self.state.indexes.get_mut(&id) {
                index.unfinished.remove(&task.uid);
            }
        }
        if let Some(index) = task.index.and_then(|id| self.state.indexes.get_mut(&id)) {
            index.updated_at = self.now;
        }
        let unfinished = &mut self.state.names.unfinished;
        for name in task.names_touched() {
            if let Some(tasks) = unfinished.get_mut(name) {
                tasks.remove(&task.uid);
                if tasks.is_empty() {
                    unfinished.remove(name);
                }
            }
        }
    }

    /// What reads and searches see from now on. Whether a search of an older state answers something else.
    fn serve(&mut self, task: &Task) -> bool {
        let named = self.serve_names(task);
        let Some(id) = task.index else { return named };
        let Some(index) = self.state.indexes.get_mut(&id) else { return named };
        if task.brings_key {
            index.served_primary_key.clone_from(&task.primary_key);
        }
        match &task.work {
            Work::Settings { .. } => {
                // Not what is decided: later changes may be, while documents before them are not reported done.
                let settings = &mut index.settings;
                let Some(next) = settings.to_serve.remove(&task.uid) else { return named };
                let before = mem::replace(&mut settings.served, next);
                named || before != settings.served
            }
            Work::DeleteIndex => {
                index.gone = true;
                // Searches that began before may still use it: nodes drop it when none does.
                let version = self.state.version;
                let nodes: Vec<NodeId> = index.queues.keys().cloned().collect();
                for node in nodes {
                    index.queues[&node].hide(version);
                }
                self.drop_index_when_empty(id);
                named
            }
            _ => named,
        }
    }

    /// What names stand for from now on, and whether that is something else.
    fn serve_names(&mut self, task: &Task) -> bool {
        let served = &mut self.state.names.served;
        let before = served.clone();
        if task.error.is_none() {
            task.names.iter().for_each(|change| change.make(served));
        }
        if let (Some(id), Some(uid)) = (task.index, &task.index_uid) {
            if task.creates {
                served.insert(uid.clone(), id);
            }
            if matches!(task.work, Work::DeleteIndex) && served.get(uid) == Some(&id) {
                served.remove(uid);
            }
        }
        *served != before
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
    let details = task.details.clone();
    match details {
        _ if task.error.is_some() => details.without_effect(),
        TaskDetails::Addition { received, .. } => TaskDetails::Addition { received, indexed: Some(received) },
        TaskDetails::Deletion { provided, filter, .. } => {
            TaskDetails::Deletion { provided, filter, deleted: task.counted }
        }
        TaskDetails::Clear { .. } => TaskDetails::Clear { deleted: task.counted },
        TaskDetails::Edition { context, function, filter, .. } => {
            TaskDetails::Edition { edited: task.counted, deleted: task.counted, context, function, filter }
        }
        other => other,
    }
}

impl State {
    /// Whether every earlier task of the same names and physical indexes is done.
    pub(crate) fn is_next(&self, task: &Task) -> bool {
        let first = |tasks: Option<&OrdSet<TaskUid>>| tasks.and_then(OrdSet::get_min) == Some(&task.uid);
        let of_index = |id| self.indexes.get(&id).map(|index| &index.unfinished);
        task.names_touched().into_iter().all(|name| first(self.names.unfinished.get(name)))
            && task.indexes_touched().into_iter().all(|id| first(of_index(id)))
    }

    /// The tasks that may end next, after this one has left the order.
    fn next_after(&self, task: &Task) -> Vec<TaskUid> {
        let names = task.names_touched().into_iter().filter_map(|name| self.names.unfinished.get(name));
        let indexes = task.indexes_touched().into_iter().filter_map(|id| self.indexes.get(&id));
        let orders = names.chain(indexes.map(|index| &index.unfinished));
        orders.filter_map(|tasks| tasks.get_min()).copied().collect()
    }
}
