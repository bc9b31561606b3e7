//! How a request to a node ended, and what follows from it.

use miroir_api::ResponseError;
use miroir_model::{PhysicalId, TaskUid};

use super::Apply;
use super::lanes::Step;
use super::settle::after_part;
use crate::command::LaneStep;
use crate::outcome::StepRefused;
use crate::queue::{Action, DispatchResult, Part, Progress, Slice, Stage};

impl Apply<'_> {
    pub(super) fn end(&mut self, step: &LaneStep, number: u64, result: &DispatchResult) -> Step {
        let queue = self.queue_mut(step.index, &step.node)?;
        let open = queue.dispatch.as_ref().filter(|dispatch| dispatch.number == number).cloned();
        let (Some(dispatch), false) = (open, queue.renaming) else { return Err(StepRefused::Dispatch) };
        if !result.can_end(&dispatch.action) {
            return Err(StepRefused::Action);
        }
        queue.dispatch = None;
        queue.fault = None;
        queue.node_task = queue.node_task.max(result.node_task());
        match result {
            DispatchResult::Done { deleted, .. } => self.done(step, &dispatch.action, deleted),
            DispatchResult::Apart { .. } => queue.apart_until = dispatch.action.tasks().last().copied(),
            DispatchResult::Refused { error, .. } => self.refused(step, &dispatch.action, error),
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
        self.count(step, action, deleted);
        match action {
            Action::Create => {
                if let Ok(queue) = self.queue_mut(step.index, &step.node) {
                    queue.stage = Stage::Present;
                }
            }
            Action::Configure { version } => self.installed(step, *version),
            Action::Send(slices) => slices.iter().for_each(|slice| self.sent(step, slice)),
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
            Action::Drop(uid) => {
                self.pop(step.index, &step.node, *uid);
                if let Some(index) = self.state.indexes.get_mut(&step.index) {
                    index.queues.remove(&step.node);
                }
            }
        }
    }

    fn installed(&mut self, step: &LaneStep, version: u64) {
        if let Ok(queue) = self.queue_mut(step.index, &step.node) {
            queue.searchable |= queue.installed.is_none();
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
    fn through_with_part(&mut self, step: &LaneStep, uid: TaskUid) {
        let Some(after) = self.after_part(step.index, step, uid) else { return };
        match after {
            Some(progress) => self.set_progress(step.index, &step.node, progress),
            None => self.pop(step.index, &step.node, uid),
        }
    }

    fn after_part(&self, id: PhysicalId, step: &LaneStep, uid: TaskUid) -> Option<Option<Progress>> {
        let index = self.state.indexes.get(&id)?;
        let part = index.queues.get(&step.node)?.progress.part;
        Some(after_part(index, self.state.tasks.get(&uid)?, &step.node, part))
    }

    /// Adds what went, where this node counts it for the cluster.
    fn count(&mut self, step: &LaneStep, action: &Action, deleted: &[u64]) {
        let Ok(queue) = self.queue_mut(step.index, &step.node) else { return };
        if queue.progress.part != Part::Counted {
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

    /// A verdict: the user's write cannot be carried out on this node's shards.
    fn refused(&mut self, step: &LaneStep, action: &Action, error: &ResponseError) {
        for uid in action.tasks() {
            if let Some(task) = self.state.tasks.get_mut(&uid)
                && !task.status.is_terminal()
                && task.error.is_none()
            {
                task.error = Some(error.clone());
            }
            self.pop(step.index, &step.node, uid);
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
            (Self::Refused { .. }, Action::Alone(_)) => true,
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
