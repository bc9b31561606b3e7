//! A change of settings: computed once, sent to every node, decided once for all of them.
//!
//! The first queue that reaches a settings task computes what comes out of it. The next one waits until it is decided,
//! so a change always follows from what was decided before it. A change that alters nothing, or that cannot be made of
//! the settings before it, is void: no node hears of it, and nothing waits for it.

use std::sync::Arc;

use miroir_api::ResponseError;
use miroir_model::{PhysicalId, TaskUid};

use super::Apply;
use super::lanes::Step;
use crate::index::{Index, SettingsChange};
use crate::outcome::StepRefused;
use crate::task::{Recheck, Task, Work};

/// Whether a queue that reached this settings task has nothing to send for it. A node that nobody waited for is brought
/// to what was decided, and not given the task in its turn: later ones may hold by then.
pub(super) fn is_settled(index: &Index, task: &Task) -> bool {
    let change = index.settings.change.as_ref().filter(|change| change.task == task.uid);
    let decided = !index.settings.undecided.contains(&task.uid);
    decided || change.is_some_and(|change| index.settings.is_void(change) || task.error.is_some())
}

impl Apply<'_> {
    /// Computes what comes out of a settings task, if no other is on its way.
    pub(super) fn begin_settings(&mut self, id: PhysicalId, uid: TaskUid) {
        let Some(index) = self.state.indexes.get_mut(&id) else { return };
        let Some(task) = self.state.tasks.get_mut(&uid) else { return };
        let settings = &mut index.settings;
        let Work::Settings { patch } = &task.work else { return };
        if settings.change.is_some() || !settings.undecided.contains(&uid) {
            return;
        }
        let (version, resulting) = match settings.decided.apply(patch) {
            Ok(resulting) if resulting != *settings.decided => (settings.version + 1, Arc::new(resulting)),
            Ok(_) => (settings.version, Arc::clone(&settings.decided)),
            Err(error) => {
                task.error = Some(error);
                (settings.version, Arc::clone(&settings.decided))
            }
        };
        settings.change = Some(SettingsChange { task: uid, version, resulting });
    }

    /// When every required node has answered, a settings change is decided for all: taken, or rolled back.
    pub(super) fn decide_settings(&mut self, id: PhysicalId) {
        while let Some(uid) = self.answered(id) {
            self.begin_settings(id, uid);
            let Some(index) = self.state.indexes.get_mut(&id) else { return };
            let Some(change) = index.settings.change.take() else { return };
            let failed = self.state.tasks.get(&uid).is_some_and(|task| task.error.is_some());
            let settings = &mut index.settings;
            settings.undecided.remove(&uid);
            if change.version != settings.version {
                // Rolled back: the former settings, under a version that no node has, so that each is brought to them.
                settings.version = change.version + u64::from(failed);
                if !failed {
                    settings.to_serve.insert(uid, Arc::clone(&change.resulting));
                    settings.decided = change.resulting;
                }
            }
            if failed {
                self.recheck_after(id, uid);
            }
            self.settle_queues(id);
        }
    }

    /// A settings task failed. What was validated against settings with it is validated again: writes that are on their
    /// way here are stale, and the documents behind it, of which nothing was sent yet, are looked at by a lane.
    pub(super) fn recheck_after(&mut self, id: PhysicalId, failed: TaskUid) {
        let Some(index) = self.state.indexes.get_mut(&id) else { return };
        index.settings.ordered += 1;
        let behind: Vec<TaskUid> = index.unfinished.iter().copied().filter(|uid| *uid > failed).collect();
        for uid in behind {
            if let Some(task) = self.state.tasks.get_mut(&uid)
                && matches!(task.work, Work::Documents { .. })
            {
                task.recheck = Recheck::Due;
            }
        }
    }

    /// The first lane that reached documents which were to be validated again has done so.
    pub(super) fn checked(
        &mut self,
        id: PhysicalId,
        uid: TaskUid,
        version: u64,
        error: Option<&ResponseError>,
    ) -> Step {
        let index = self.state.indexes.get(&id).ok_or(StepRefused::NoQueue)?;
        let decided = index.settings.version == version;
        let of_index = |task: &&mut Task| task.index == Some(id) && task.recheck == Recheck::Due;
        let Some(task) = self.state.tasks.get_mut(&uid).filter(of_index).filter(|_| decided) else {
            return Err(StepRefused::Action);
        };
        task.recheck = if error.is_some() { Recheck::Refused } else { Recheck::No };
        task.error = error.cloned();
        self.settle_index(id);
        Ok(())
    }

    /// The first settings task that is not decided, once no required node has it before itself.
    fn answered(&self, id: PhysicalId) -> Option<TaskUid> {
        let first = *self.state.indexes.get(&id)?.settings.undecided.get_min()?;
        self.state.tasks.get(&first)?.is_ready().then_some(first)
    }
}
