//! How much history is kept.

use miroir_model::TaskUid;

use super::Apply;

/// The history that may be above its limit is this part of it: rows go a few at a time.
const SLACK: u64 = 1000;

impl Apply<'_> {
    /// When there are too many tasks, the oldest that have ended are forgotten. One that ends after its neighbours were
    /// forgotten is kept until the next go.
    pub(super) fn forget_history(&mut self) {
        let Some(kept) = self.state.cluster.as_ref().map(|(_, defaults)| defaults.history) else { return };
        let tasks = self.state.next_task.0 - self.state.history_from.0;
        if tasks > kept.saturating_add(kept / SLACK) {
            self.state.history_from = TaskUid(self.state.next_task.0 - kept);
            self.forgotten = Some(self.state.history_from);
        }
    }
}
