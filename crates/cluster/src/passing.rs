//! What may pass what stops a queue: only what cannot reorder.
//!
//! A full node can become less full only by deletions, and those wait behind the addition that does not fit. So on a
//! queue that is stopped by a fault
//!
//! - the deletion of the index, or of all its documents, goes first: nothing of what is before it would be left anyway;
//! - deletions by id are sent early and again in their place, so that what is before them cannot bring back anything.
//!
//! Deletions by filter wait: what they match depends on what is before them. Nothing is sent early past an edit, which
//! might fail for a document that is deleted behind it. And nothing passes a change of names, not even what supersedes:
//! until that is done, searches find under the old name what is to be deleted under the new one.

use miroir_model::NodeId;

use crate::index::Index;
use crate::queue::{Queue, Stage};
use crate::state::State;
use crate::task::{Task, Work};

/// The longest payload that is sent early, in bytes as stored: one request of the node's.
const EARLY_BYTES: u64 = 1 << 20;

impl State {
    /// The task of a queue that goes first, whatever is before it: it leaves nothing of that. The deletion of an index
    /// need not pass anything to go first.
    pub fn superseding(&self, index: &Index, queue: &Queue) -> Option<&Task> {
        let stopped = queue.fault.is_some() || queue.lost.is_some();
        let mut tasks = queue.pending.iter().filter_map(|uid| self.tasks.get(uid));
        if !stopped {
            return tasks.next().filter(|task| matches!(task.work, Work::DeleteIndex));
        }
        if let Some(deletion) = tasks.clone().find(|task| matches!(task.work, Work::DeleteIndex)) {
            return Some(deletion);
        }
        if queue.lost.is_some() || !queue.takes_deletions() || index.deleting {
            return None;
        }
        // Only the last one: it supersedes the others too. What is about more than documents is not superseded.
        let of_documents =
            |task: &&Task| task.work.is_of_documents() && self.renamed_before(index, task.uid).is_none();
        let clears = |task: &&Task| matches!(task.work, Work::DeleteAll);
        tasks.by_ref().take_while(of_documents).filter(clears).last()
    }

    /// The next deletion by ids that can be sent early on a stopped queue.
    pub fn early(&self, index: &Index, queue: &Queue) -> Option<&Task> {
        if queue.fault.is_none() || queue.lost.is_some() || !queue.takes_deletions() {
            return None;
        }
        let passes = |task: &&Task| {
            !matches!(task.work, Work::Edit(_)) && self.renamed_before(index, task.uid).is_none()
        };
        let pending = queue.pending.iter().filter_map(|uid| self.tasks.get(uid)).take_while(passes);
        let behind = pending.skip(1).filter(|task| queue.ahead.is_none_or(|sent| task.uid > sent));
        let early = |task: &&Task| match &task.work {
            Work::DeleteIds { payload } => payload.frames > 0 && payload.bytes <= EARLY_BYTES,
            _ => false,
        };
        behind.into_iter().find(early)
    }

    /// Whether a task is sent past what is before it, and over all that the node holds at once.
    pub fn passes(&self, index: &Index, node: &NodeId, task: &Task) -> bool {
        index.queues.get(node).is_some_and(|queue| queue.pending.get_min() != Some(&task.uid))
    }
}

impl Queue {
    fn takes_deletions(&self) -> bool {
        self.stage == Stage::Present && !self.renaming
    }
}
