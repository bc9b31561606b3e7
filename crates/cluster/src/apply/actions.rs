//! Which request a queue may record next. That an action follows from where the queue stands is checked here, once,
//! so that no lane can reorder, skip or repeat anything, whatever it believes.

use miroir_model::{NodeId, PhysicalId, TaskUid};

use crate::index::Index;
use crate::queue::{Action, Progress, Queue, Slice, Stage};
use crate::state::State;
use crate::task::{Recheck, Task, Work};

/// A queue with what its actions are judged by.
pub(super) struct Stand<'a> {
    pub(super) state: &'a State,
    pub(super) index: &'a Index,
    pub(super) node: &'a NodeId,
    pub(super) queue: &'a Queue,
}

impl<'a> Stand<'a> {
    pub(super) fn of(state: &'a State, id: PhysicalId, node: &'a NodeId) -> Option<Self> {
        let index = state.indexes.get(&id)?;
        Some(Self { state, index, node, queue: index.queues.get(node)? })
    }

    fn first(&self) -> Option<&'a Task> {
        self.queue.pending.get_min().and_then(|uid| self.state.tasks.get(uid))
    }

    /// The task that goes first whatever is before it, and whether it deletes the whole index.
    fn superseding(&self) -> Option<(TaskUid, bool)> {
        let task = self.state.superseding(self.index, self.queue)?;
        Some((task.uid, matches!(task.work, Work::DeleteIndex)))
    }

    /// Whether the action follows from where the queue stands.
    pub(super) fn allows(&self, action: &Action) -> bool {
        let settings = &self.index.settings;
        // What is lost or gone is only deleted.
        let (lost, gone) = (self.queue.lost.is_some(), self.index.gone);
        if (lost || gone) && !matches!(action, Action::Count(_) | Action::Drop) {
            return false;
        }
        match action {
            Action::Create => self.queue.stage == Stage::Absent,
            Action::Configure { version } => {
                self.queue.stage == Stage::Present
                    && *version == settings.version
                    && self.queue.installed != Some(settings.version)
                    && !self.index.settings.awaits_decision(self.queue)
            }
            Action::Send(slices) => self.queue.is_ready(self.index) && self.allows_slices(slices),
            Action::Alone(uid) if self.superseding() == Some((*uid, false)) => true,
            Action::Alone(uid) => self.queue.is_ready(self.index) && self.allows_alone(*uid),
            Action::Count(uid) => !gone && self.superseding() == Some((*uid, true)),
            Action::Drop => gone && !self.queue.required,
            Action::Ahead(uid) => {
                self.state.early(self.index, self.queue).is_some_and(|task| task.uid == *uid)
            }
            Action::Try(uid) => {
                let to_be_tried = |task: &&Task| task.uid == *uid && task.is_to_be_tried_on(self.node);
                self.queue.is_ready(self.index) && self.first().filter(to_be_tried).is_some()
            }
        }
    }

    fn allows_alone(&self, uid: TaskUid) -> bool {
        let Some(task) = self.first().filter(|task| task.uid == uid) else { return false };
        match task.work {
            Work::Settings { .. } => {
                self.index.settings.change.as_ref().is_some_and(|change| change.task == uid)
            }
            Work::DeleteFilter { .. } | Work::DeleteAll | Work::SetPrimaryKey => true,
            Work::Edit(_) => !task.is_on_trial(),
            _ => false,
        }
    }

    fn allows_slices(&self, slices: &[Slice]) -> bool {
        let mut pending = self.queue.pending.iter();
        let mut previous: Option<&Task> = None;
        for (i, slice) in slices.iter().enumerate() {
            let task = pending.next().and_then(|uid| self.state.tasks.get(uid));
            let Some(task) = task.filter(|task| task.uid == slice.task) else { return false };
            let start = if i == 0 { self.queue.progress } else { Progress::default() };
            let last = i + 1 == slices.len();
            if slice.from != start || !self.fits(task, slice) || (slice.to.is_some() && !last) {
                return false;
            }
            let alone = self.queue.goes_alone(task.uid);
            if previous.is_some_and(|first| !first.work.joins(&task.work)) || (alone && slices.len() > 1) {
                return false;
            }
            previous = Some(task);
        }
        previous.is_some()
    }

    fn fits(&self, task: &Task, slice: &Slice) -> bool {
        let Some(payload) = task.work.payload() else { return false };
        if task.recheck != Recheck::No {
            return false;
        }
        let sane = slice.to.is_none_or(|to| slice.from.frames < to && to < payload.frames);
        sane && !self.index.units_of_part(task, self.node, slice.from.part).is_empty()
    }
}
