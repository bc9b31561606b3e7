//! Canceling: tasks of which nothing was recorded for sending end without effect.
//!
//! What was recorded may have arrived at some node, and goes on to its end (Meilisearch interrupts it, which a cluster
//! cannot do everywhere at once). So does what later tasks were validated against: the creation of an index, its primary
//! key, a change of names, while later tasks that are not canceled themselves build on it.

use std::collections::BTreeSet;

use miroir_model::{PhysicalId, TaskUid};
use miroir_tasks::{TaskDetails, TaskStatus};

use super::Apply;
use crate::queue::Stage;
use crate::state::State;
use crate::task::{Task, Work};

impl Apply<'_> {
    /// Takes what can be taken of these tasks, for the cancelation `by`. The newest first: what nothing builds on any
    /// more can be taken too.
    pub(super) fn cancel(&mut self, by: TaskUid, runs: &[(TaskUid, TaskUid)]) {
        let mut canceled = 0;
        let mut at_rest = BTreeSet::new();
        for (first, last) in runs.iter().rev() {
            let matching: Vec<TaskUid> =
                self.state.tasks.range(*first..=*last).map(|(uid, _)| *uid).collect();
            for uid in matching.into_iter().rev().filter(|uid| *uid < by) {
                let Some(task) =
                    self.state.tasks.get(&uid).filter(|task| self.state.can_cancel(task)).cloned()
                else {
                    continue;
                };
                at_rest.extend(task.indexes_touched());
                self.take_back(&task);
                self.end_canceled(task, by);
                canceled += 1;
            }
        }
        if let Some(TaskDetails::Cancelation { canceled: count, .. }) =
            self.state.tasks.get_mut(&by).map(|task| &mut task.details)
        {
            *count = Some(canceled);
        }
        at_rest.into_iter().for_each(|id| self.settle_index(id));
    }

    /// What the task ordered is as it was before.
    fn take_back(&mut self, task: &Task) {
        for change in task.names.iter().filter(|change| change.from != change.to) {
            change.reversed().make(&mut self.state.names.ordered);
        }
        let Some(id) = task.index else { return };
        let names = &mut self.state.names.ordered;
        let Some(index) = self.state.indexes.get_mut(&id) else { return };
        for node in &task.holders {
            if let Some(queue) = index.queues.get_mut(node) {
                queue.takes_off(task);
                queue.resumes_if_empty();
            }
        }
        match &task.work {
            Work::DeleteIndex => {
                index.deleting = false;
                if let Some(uid) = &task.index_uid {
                    names.insert(uid.clone(), id);
                }
            }
            // Whether there were any before is not known any more: then the key stays as it is.
            Work::DeleteAll => index.may_hold_documents = true,
            _ => {}
        }
        if task.brings_key {
            let earlier = index.unfinished.iter().rev().filter(|uid| **uid < task.uid);
            let mut brought =
                earlier.filter_map(|uid| self.state.tasks.get(uid)).filter(|task| task.brings_key);
            let former = brought.next().map(|task| &task.primary_key);
            index.primary_key.clone_from(former.unwrap_or(&index.served_primary_key));
        }
        if matches!(task.work, Work::Settings { .. }) {
            index.settings.undecided.remove(&task.uid);
            if index.settings.change.as_ref().is_some_and(|change| change.task == task.uid) {
                index.settings.change = None;
            }
            self.recheck_after(id, task.uid);
        }
        if task.creates {
            if let Some(uid) = &task.index_uid {
                self.state.names.ordered.remove(uid);
            }
            self.state.indexes.remove(&id);
        }
    }

    fn end_canceled(&mut self, mut task: Task, by: TaskUid) {
        let uid = task.uid;
        task.status = TaskStatus::Canceled;
        task.canceled_by = Some(by);
        task.error = None;
        task.details = task.details.without_effect();
        task.holders.clear();
        task.waits.clear();
        task.counts.clear();
        let next = self.close(task);
        self.forget(uid);
        self.advance(next);
    }
}

impl State {
    /// Whether nothing of a task has begun, and nothing builds on it.
    fn can_cancel(&self, task: &Task) -> bool {
        // A task that was recorded for sending to any node is not `Enqueued` any more.
        let sent = task.status != TaskStatus::Enqueued || self.showing.contains_key(&task.uid);
        let begun = sent || self.is_decided(task);
        let last_of_names = || {
            let last =
                |name| self.names.unfinished.get(name).and_then(|tasks| tasks.get_max()) == Some(&task.uid);
            task.names_touched().into_iter().all(last)
        };
        let last_of_indexes = || {
            let unfinished = |id: PhysicalId| self.indexes.get(&id).map(|index| &index.unfinished);
            let last = |id| unfinished(id).and_then(|tasks| tasks.get_max()) == Some(&task.uid);
            task.indexes_touched().into_iter().all(last)
        };
        let builds = task.creates || task.brings_key || matches!(task.work, Work::DeleteIndex);
        let orders = builds || !task.names.is_empty();
        !begun
            && (!orders || (last_of_names() && last_of_indexes()))
            && (!task.creates || self.is_untouched(task))
    }

    /// Whether it changes settings, and what comes out is known: no node had to be asked.
    fn is_decided(&self, task: &Task) -> bool {
        let index = task.index.and_then(|id| self.indexes.get(&id));
        matches!(task.work, Work::Settings { .. })
            && index.is_some_and(|index| !index.settings.undecided.contains(&task.uid))
    }

    /// Whether no node was asked to make the index of a task yet.
    fn is_untouched(&self, task: &Task) -> bool {
        let index = task.index.and_then(|id| self.indexes.get(&id));
        index.is_some_and(|index| {
            index
                .queues
                .values()
                .all(|queue| queue.stage == Stage::Absent && queue.dispatch.is_none() && queue.lost.is_none())
        })
    }
}
