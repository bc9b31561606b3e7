//! What lanes record: requests before they are sent, and how they ended.

use std::sync::Arc;

use miroir_api::ResponseError;
use miroir_model::{NodeId, PhysicalId, TaskUid};
use miroir_tasks::TaskStatus;

use super::Apply;
use super::actions::Stand;
use crate::command::{LaneStep, QueueStep};
use crate::index::SettingsChange;
use crate::outcome::StepRefused;
use crate::queue::{Action, Dispatch, DispatchResult, Fault, Queue, Stage};
use crate::task::Work;

type Step = Result<(), StepRefused>;

impl Apply<'_> {
    pub(super) fn lane_step(&mut self, step: &LaneStep) -> Step {
        let lane = self.state.nodes.get(&step.node).map(|node| node.lane);
        if lane.is_none_or(|lane| lane.owner.is_none() || lane.epoch != step.epoch) {
            return Err(StepRefused::Epoch);
        }
        self.queue_mut(step.index, &step.node)?;
        match &step.step {
            QueueStep::Start { action, node_task } => self.start(step, action, *node_task),
            QueueStep::Finish { number, result, next } => {
                self.end(step, *number, result)?;
                if let Some(action) = next {
                    // Recorded if it still follows. If not, the lane sees it in the state and looks again.
                    let node_task = self.queue_mut(step.index, &step.node)?.node_task;
                    let _ = self.start(step, action, node_task);
                }
                Ok(())
            }
            QueueStep::Fence { number } => self.fence(step, *number),
            QueueStep::Fenced { number, arrived } => self.fenced(step, *number, *arrived),
            QueueStep::Fault { fault } => self.fault(step, fault.clone()),
        }
    }

    fn queue_mut(&mut self, id: PhysicalId, node: &NodeId) -> Result<&mut Queue, StepRefused> {
        let index = self.state.indexes.get_mut(&id).ok_or(StepRefused::NoQueue)?;
        index.queues.get_mut(node).ok_or(StepRefused::NoQueue)
    }

    fn start(&mut self, step: &LaneStep, action: &Action, node_task: Option<u32>) -> Step {
        let stand = Stand::of(self.state, step.index, &step.node).ok_or(StepRefused::NoQueue)?;
        if stand.queue.dispatch.is_some() || stand.queue.renaming {
            return Err(StepRefused::Dispatch);
        }
        if !stand.allows(action) {
            return Err(StepRefused::Action);
        }
        let epoch = step.epoch;
        let queue = self.queue_mut(step.index, &step.node)?;
        let (number, generation) = (queue.next_dispatch, queue.generation);
        queue.next_dispatch += 1;
        queue.dispatch = Some(Dispatch { number, epoch, generation, node_task, action: action.clone() });
        for uid in action.tasks() {
            self.mark_started(uid);
        }
        if let Action::Alone(uid) = action {
            self.begin_settings(step.index, *uid);
        }
        Ok(())
    }

    fn mark_started(&mut self, uid: TaskUid) {
        if let Some(task) = self.state.tasks.get_mut(&uid)
            && !task.status.is_terminal()
        {
            task.status = TaskStatus::Processing;
            task.started_at = task.started_at.or(Some(self.now));
        }
    }

    /// The first queue that reaches a settings task computes, for all of them, what comes out of it.
    fn begin_settings(&mut self, id: PhysicalId, uid: TaskUid) {
        let Some(Work::Settings { patch }) = self.state.tasks.get(&uid).map(|task| task.work.clone()) else {
            return;
        };
        if let Some(index) = self.state.indexes.get_mut(&id)
            && index.settings.change.is_none()
        {
            let settings = &mut index.settings;
            let resulting = Arc::new(settings.decided.apply(&patch));
            settings.change = Some(SettingsChange { task: uid, version: settings.version + 1, resulting });
        }
    }

    fn end(&mut self, step: &LaneStep, number: u64, result: &DispatchResult) -> Step {
        let queue = self.queue_mut(step.index, &step.node)?;
        let open = queue.dispatch.as_ref().filter(|dispatch| dispatch.number == number).cloned();
        let (Some(dispatch), false) = (open, queue.renaming) else { return Err(StepRefused::Dispatch) };
        let possible = match (&dispatch.action, result) {
            (_, DispatchResult::Done { .. }) => true,
            (Action::Send(_), DispatchResult::Apart { .. }) => true,
            (Action::Send(slices), DispatchResult::Refused { .. }) => slices.len() == 1,
            (Action::Alone(_), DispatchResult::Refused { .. }) => true,
            _ => false,
        };
        if !possible {
            return Err(StepRefused::Action);
        }
        queue.dispatch = None;
        queue.fault = None;
        queue.node_task = queue.node_task.max(result.node_task());
        match result {
            DispatchResult::Done { deleted, .. } => self.done(step, &dispatch.action, deleted),
            DispatchResult::Apart { .. } => {
                queue.apart_until = dispatch.action.tasks().last().copied();
            }
            DispatchResult::Refused { error, .. } => self.refused(step, &dispatch.action, error),
        }
        self.settle_queue(step.index, &step.node);
        self.decide_settings(step.index);
        let first = self.state.indexes.get(&step.index).and_then(|index| index.unfinished.get_min()).copied();
        self.advance(dispatch.action.tasks().into_iter().chain(first));
        self.drop_index_when_empty(step.index);
        Ok(())
    }

    fn done(&mut self, step: &LaneStep, action: &Action, deleted: &[u64]) {
        let (id, node) = (step.index, &step.node);
        match action {
            Action::Create => self.set_stage(step),
            Action::Configure { version } => self.installed(step, *version),
            Action::Send(slices) => {
                for slice in slices {
                    let after = Stand::of(self.state, id, node).and_then(|stand| stand.after(slice));
                    match after {
                        Some(progress) => self.set_progress(id, node, progress),
                        None => self.pop(id, node, slice.task),
                    }
                }
            }
            Action::Alone(uid) => {
                let change = self.state.indexes.get(&id).and_then(|index| index.settings.change.clone());
                if let Some(change) = change.filter(|change| change.task == *uid) {
                    self.installed(step, change.version);
                }
                self.pop(id, node, *uid);
            }
            Action::Drop(uid) => self.dropped(step, *uid),
        }
        self.count(step, action, deleted);
    }

    fn set_stage(&mut self, step: &LaneStep) {
        if let Ok(queue) = self.queue_mut(step.index, &step.node) {
            queue.stage = Stage::Present;
        }
    }

    fn installed(&mut self, step: &LaneStep, version: u64) {
        if let Ok(queue) = self.queue_mut(step.index, &step.node) {
            queue.searchable |= queue.installed.is_none();
            queue.installed = Some(version);
        }
    }

    /// The index is off the node: nothing of it is left to deliver there.
    fn dropped(&mut self, step: &LaneStep, uid: TaskUid) {
        self.pop(step.index, &step.node, uid);
        if let Some(index) = self.state.indexes.get_mut(&step.index) {
            index.queues.remove(&step.node);
        }
    }

    /// Adds what went, where this node counts it for the cluster.
    fn count(&mut self, step: &LaneStep, action: &Action, deleted: &[u64]) {
        for (uid, deleted) in action.counting_tasks().into_iter().zip(deleted) {
            if let Some(task) = self.state.tasks.get_mut(&uid)
                && task.counts.contains_key(&step.node)
                && !task.status.is_terminal()
            {
                task.counted += deleted;
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

    /// When every required node has answered, a settings change is decided for all: taken, or rolled back.
    fn decide_settings(&mut self, id: PhysicalId) {
        let Some(index) = self.state.indexes.get_mut(&id) else { return };
        let Some(change) = index.settings.change.clone() else { return };
        let Some(task) = self.state.tasks.get(&change.task) else { return };
        if !task.is_ready() {
            return;
        }
        let settings = &mut index.settings;
        settings.change = None;
        if task.error.is_none() {
            settings.decided = change.resulting;
            settings.version = change.version;
        } else {
            // The former settings, under a version that no node has: each is brought back to them.
            settings.version = change.version + 1;
        }
        self.settle_queues(Some(id));
    }

    fn fence(&mut self, step: &LaneStep, number: u64) -> Step {
        let queue = self.queue_mut(step.index, &step.node)?;
        let open = queue.dispatch.as_ref().is_some_and(|dispatch| dispatch.number == number);
        if !open || queue.stage == Stage::Absent {
            return Err(StepRefused::Dispatch);
        }
        queue.renaming = true;
        Ok(())
    }

    fn fenced(&mut self, step: &LaneStep, number: u64, arrived: bool) -> Step {
        let queue = self.queue_mut(step.index, &step.node)?;
        let open = queue.dispatch.as_ref().is_some_and(|dispatch| dispatch.number == number);
        // A creation is not renamed: its name is given up.
        let creating = queue.stage == Stage::Absent;
        if !open || queue.renaming == creating || (creating && arrived) {
            return Err(StepRefused::Dispatch);
        }
        queue.renaming = false;
        queue.generation = queue.generation.next();
        if !arrived {
            queue.dispatch = None;
        }
        Ok(())
    }

    fn fault(&mut self, step: &LaneStep, fault: Option<Fault>) -> Step {
        self.queue_mut(step.index, &step.node)?.fault = fault;
        Ok(())
    }
}

impl Action {
    /// The tasks that it carries, in order.
    pub fn tasks(&self) -> Vec<TaskUid> {
        match self {
            Self::Create | Self::Configure { .. } => Vec::new(),
            Self::Send(slices) => slices.iter().map(|slice| slice.task).collect(),
            Self::Alone(uid) | Self::Drop(uid) => vec![*uid],
        }
    }

    /// Of these, the ones whose deletions this request counts.
    fn counting_tasks(&self) -> Vec<TaskUid> {
        match self {
            Self::Send(slices) => {
                let counted = slices.iter().filter(|slice| slice.from.part == crate::queue::Part::Counted);
                counted.map(|slice| slice.task).collect()
            }
            other => other.tasks(),
        }
    }
}

impl DispatchResult {
    fn node_task(&self) -> Option<u32> {
        match self {
            Self::Done { node_task, .. } | Self::Apart { node_task } | Self::Refused { node_task, .. } => {
                *node_task
            }
        }
    }
}
