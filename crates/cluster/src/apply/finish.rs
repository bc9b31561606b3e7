//! When a task is done, and what is seen from then on.

use std::collections::BTreeSet;
use std::sync::Arc;

use miroir_model::{IndexUid, PhysicalId, TaskUid};
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
        if task.brings_key {
            index.served_primary_key.clone_from(&task.primary_key);
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
