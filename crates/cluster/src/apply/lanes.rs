//! What lanes record: requests before they are sent, and what becomes of those whose outcome is unknown.

use miroir_model::{NodeId, PhysicalId, TaskUid, Timestamp};
use miroir_tasks::TaskStatus;

use super::Apply;
use super::actions::Stand;
use crate::command::{LaneStep, QueueStep};
use crate::outcome::StepRefused;
use crate::queue::{Action, Dispatch, Fault, Queue, Stage};

pub(super) type Step = Result<(), StepRefused>;

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
                if let (Some(action), Ok(queue)) = (next, self.queue_mut(step.index, &step.node)) {
                    let node_task = queue.node_task;
                    // Recorded if it still follows. If not, the lane sees it in the state and looks again.
                    let _ = self.start(step, action, node_task);
                }
                Ok(())
            }
            QueueStep::Fence { number } => self.fence(step, *number),
            QueueStep::Fenced { number, arrived } => self.fenced(step, *number, *arrived),
            QueueStep::Fault { fault } => self.fault(step, fault.clone()),
            QueueStep::Checked { task, settings, error } => {
                self.checked(step.index, *task, *settings, error.as_ref())
            }
            QueueStep::Stop { number, fault } => self.stop(step, *number, fault),
        }
    }

    pub(super) fn queue_mut(&mut self, id: PhysicalId, node: &NodeId) -> Result<&mut Queue, StepRefused> {
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
        let queue = self.queue_mut(step.index, &step.node)?;
        queue.dispatch = Some(Dispatch {
            number: queue.next_dispatch,
            epoch: step.epoch,
            generation: queue.generation,
            node_task,
            action: action.clone(),
        });
        queue.next_dispatch += 1;
        action.tasks().into_iter().for_each(|uid| self.mark_started(uid));
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
            self.settle_index(step.index);
        }
        Ok(())
    }

    fn fault(&mut self, step: &LaneStep, fault: Option<Fault>) -> Step {
        let now = self.now;
        let queue = self.queue_mut(step.index, &step.node)?;
        if queue.lost.is_some() {
            return Err(StepRefused::NoQueue);
        }
        queue.stops(fault, now);
        Ok(())
    }

    fn stop(&mut self, step: &LaneStep, number: u64, fault: &Fault) -> Step {
        let now = self.now;
        let queue = self.queue_mut(step.index, &step.node)?;
        let open = queue.dispatch.as_ref().is_some_and(|dispatch| dispatch.number == number);
        if !open || queue.renaming {
            return Err(StepRefused::Dispatch);
        }
        queue.dispatch = None;
        queue.stops(Some(fault.clone()), now);
        self.settle_index(step.index);
        Ok(())
    }
}

impl Queue {
    /// The queue is stopped since it first was.
    pub(super) fn stops(&mut self, fault: Option<Fault>, now: Timestamp) {
        let since = self.fault.as_ref().map_or(now, |(_, since)| *since);
        self.fault = fault.map(|fault| (fault, since));
    }
}

impl Action {
    /// The tasks that it carries, in order.
    pub fn tasks(&self) -> Vec<TaskUid> {
        match self {
            Self::Create | Self::Configure { .. } | Self::Drop => Vec::new(),
            Self::Send(slices) => slices.iter().map(|slice| slice.task).collect(),
            Self::Alone(uid) | Self::Count(uid) | Self::Ahead(uid) | Self::Try(uid) => vec![*uid],
        }
    }
}
