//! How a request to a node ended, and what follows from it.

use miroir_api::ResponseError;
use miroir_model::{PhysicalId, TaskUid};

use super::Apply;
use super::lanes::Step;
use super::settle::after_part;
use crate::command::LaneStep;
use crate::outcome::StepRefused;
use crate::queue::{Action, DispatchResult, Fault, Lost, Part, Progress, Slice, Stage};
use crate::task::Trial;

impl Apply<'_> {
    pub(super) fn end(&mut self, step: &LaneStep, number: u64, result: &DispatchResult) -> Step {
        let queue = self.queue_mut(step.index, &step.node)?;
        let open = queue.dispatch.as_ref().filter(|dispatch| dispatch.number == number).cloned();
        let (Some(dispatch), false) = (open, queue.renaming) else { return Err(StepRefused::Dispatch) };
        if !result.can_end(&dispatch.action) {
            return Err(StepRefused::Action);
        }
        queue.dispatch = None;
        if !matches!(dispatch.action, Action::Ahead(_)) {
            queue.fault = None;
            queue.ahead = None;
        }
        queue.node_task = queue.node_task.max(result.node_task());
        match result {
            DispatchResult::Done { deleted, .. } => self.done(step, &dispatch.action, deleted),
            DispatchResult::Apart { .. } => queue.apart_until = dispatch.action.tasks().last().copied(),
            DispatchResult::Refused { error, .. } => match dispatch.action {
                Action::Configure { .. } => self.unfit(step, error),
                Action::Try(uid) => self.failed_its_trial(uid, error),
                _ => self.refused(step, &dispatch.action, error),
            },
        }
        self.settle_index(step.index);
        self.drop_index_when_empty(step.index);
        Ok(())
    }

    /// Brings an index to rest after something ended: what its queues are through with, its settings, its tasks.
    pub(super) fn settle_index(&mut self, id: PhysicalId) {
        self.settle_queues(id);
        self.decide_settings(id);
        let first = self.state.indexes.get(&id).and_then(|index| index.unfinished.get_min()).copied();
        self.advance(first);
    }

    fn done(&mut self, step: &LaneStep, action: &Action, deleted: &[u64]) {
        match action {
            Action::Ahead(uid) => {
                // It also takes what deletions before it would have counted.
                let pending = self.queue_mut(step.index, &step.node).map(|queue| queue.pending.clone());
                let pending = pending.unwrap_or_default();
                pending
                    .iter()
                    .take_while(|task| *task <= uid)
                    .for_each(|task| self.count_is_lost(step, *task));
            }
            Action::Alone(uid) if self.supersedes(step, *uid) => self.count_is_lost(step, *uid),
            Action::Try(_) => {}
            _ => self.count(step, action, deleted),
        }
        match action {
            Action::Create => {
                if let Ok(queue) = self.queue_mut(step.index, &step.node) {
                    queue.stage = Stage::Present;
                }
            }
            Action::Configure { version } => self.installed(step, *version),
            Action::Send(slices) => slices.iter().for_each(|slice| self.sent(step, slice)),
            Action::Alone(uid) if self.supersedes(step, *uid) => {
                self.superseded(step, *uid);
                self.pop(step.index, &step.node, *uid);
            }
            Action::Alone(uid) => {
                let change =
                    self.state.indexes.get(&step.index).and_then(|index| index.settings.change.as_ref());
                if let Some(version) =
                    change.filter(|change| change.task == *uid).map(|change| change.version)
                {
                    self.installed(step, version);
                }
                self.through_with_part(step, *uid);
            }
            Action::Ahead(uid) => {
                if let Ok(queue) = self.queue_mut(step.index, &step.node) {
                    queue.ahead = Some(*uid);
                }
            }
            Action::Count(uid) => {
                self.superseded(step, *uid);
                self.pop(step.index, &step.node, *uid);
            }
            Action::Try(uid) => {
                if let Some(Trial::By(nodes)) = self.state.tasks.get_mut(uid).map(|task| &mut task.trial) {
                    nodes.insert(step.node.clone());
                }
            }
            Action::Drop => {
                let pending = self.queue_mut(step.index, &step.node).map(|queue| queue.pending.clone());
                pending.unwrap_or_default().iter().for_each(|uid| self.pop(step.index, &step.node, *uid));
                if let Some(index) = self.state.indexes.get_mut(&step.index) {
                    index.queues.remove(&step.node);
                }
            }
        }
    }

    /// Whether a barrier was sent past what is before it.
    fn supersedes(&mut self, step: &LaneStep, uid: TaskUid) -> bool {
        self.queue_mut(step.index, &step.node).is_ok_and(|queue| queue.pending.get_min() != Some(&uid))
    }

    /// The node is through with all that is before a task: it would leave no trace.
    fn superseded(&mut self, step: &LaneStep, uid: TaskUid) {
        let Ok(queue) = self.queue_mut(step.index, &step.node) else { return };
        let before: Vec<TaskUid> = queue.pending.iter().copied().take_while(|task| *task < uid).collect();
        for task in before {
            self.count_is_lost(step, task);
            self.passes_over(step, task);
        }
    }

    /// What this node was to count of a task is not known.
    fn count_is_lost(&mut self, step: &LaneStep, uid: TaskUid) {
        if let Some(task) = self.state.tasks.get_mut(&uid)
            && task.counts.contains_key(&step.node)
            && !task.status.is_terminal()
        {
            task.counted = None;
        }
    }

    fn installed(&mut self, step: &LaneStep, version: u64) {
        if let Ok(queue) = self.queue_mut(step.index, &step.node) {
            queue.installed = Some(version);
        }
    }

    fn sent(&mut self, step: &LaneStep, slice: &Slice) {
        match slice.to {
            Some(frames) => self.set_progress(step.index, &step.node, Progress { frames, ..slice.from }),
            None => self.through_with_part(step, slice.task),
        }
    }

    /// The node is through with the part of its first task that it was at.
    pub(super) fn through_with_part(&mut self, step: &LaneStep, uid: TaskUid) {
        let Some(after) = self.after_part(step.index, step, uid) else { return };
        match after {
            Some(progress) => self.set_progress(step.index, &step.node, progress),
            None => self.through_with(step, uid),
        }
    }

    fn after_part(&self, id: PhysicalId, step: &LaneStep, uid: TaskUid) -> Option<Option<Progress>> {
        let index = self.state.indexes.get(&id)?;
        let part = index.queues.get(&step.node)?.progress.part;
        Some(after_part(index, self.state.tasks.get(&uid)?, &step.node, part))
    }

    /// Adds what went, where this node counts it for the cluster. What was sent early or past others cannot be told.
    fn count(&mut self, step: &LaneStep, action: &Action, deleted: &[u64]) {
        let Ok(queue) = self.queue_mut(step.index, &step.node) else { return };
        // What counts an index goes over all of it.
        if queue.progress.part != Part::Counted && !matches!(action, Action::Count(_)) {
            return;
        }
        let mut deleted = deleted.iter();
        for uid in action.tasks() {
            if let Some(task) = self.state.tasks.get_mut(&uid)
                && task.counts.contains_key(&step.node)
                && !task.status.is_terminal()
            {
                task.counted = task.counted.zip(deleted.next()).map(|(sum, more)| sum.saturating_add(*more));
            }
        }
    }

    /// The node refuses settings that are decided: where another copy has them, this one is wrong.
    fn unfit(&mut self, step: &LaneStep, error: &ResponseError) {
        let index = self.state.indexes.get(&step.index);
        if index.is_some_and(|index| index.last_copy_on(&step.node).is_none()) {
            self.lose(step.index, &step.node, Lost::Settings);
            return self.shed(step.index, &step.node);
        }
        let (fault, now) = (Fault { text: format!("{}: {}", error.code, error.message) }, self.now);
        if let Ok(queue) = self.queue_mut(step.index, &step.node) {
            queue.stops(Some(fault), now);
        }
    }

    /// An edit would fail for some document: no node carries it out.
    fn failed_its_trial(&mut self, uid: TaskUid, error: &ResponseError) {
        if let Some(task) = self.state.tasks.get_mut(&uid)
            && !task.status.is_terminal()
        {
            task.trial = Trial::Failed;
            task.error.get_or_insert_with(|| error.clone());
        }
    }
}

impl DispatchResult {
    /// Whether a request for this action can end so.
    fn can_end(&self, action: &Action) -> bool {
        match (self, action) {
            (Self::Done { .. }, _) => true,
            (Self::Apart { .. }, Action::Send(slices)) => slices.len() > 1,
            (Self::Refused { .. }, Action::Send(slices)) => slices.len() == 1,
            (Self::Refused { .. }, Action::Alone(_) | Action::Configure { .. } | Action::Try(_)) => true,
            _ => false,
        }
    }

    fn node_task(&self) -> Option<u32> {
        match self {
            Self::Done { node_task, .. } | Self::Apart { node_task } | Self::Refused { node_task, .. } => {
                *node_task
            }
        }
    }
}
