//! How many documents a deletion took, or an edit selected, counted once per shard.
//!
//! Several copies of a shard delete the same documents; the one that `apply` chose counts them. A deletion of documents,
//! and an edit, goes to a node in two parts, so its task on the node says how many went of those that the node counts. An index is
//! deleted when its deletion is done and no search uses it any more: what the node counts of it is asked before, when
//! nothing of the index is in progress.

use miroir_cluster::{Action, Part, Stage};
use miroir_placement::limiting_filter;
use serde::Deserialize;
use serde_json::json;

use crate::assemble::Place;

/// Where the count of a request comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Counting {
    /// Nothing is counted.
    Nothing,
    /// There is nothing.
    Zero,
    /// The node's task says it.
    ByTask,
    /// The answer to this body of `POST …/documents/fetch` says it.
    ByFetch(String),
}

impl Counting {
    /// How the node counts what an action deletes.
    pub(crate) fn of(place: Place<'_>, action: &Action) -> Self {
        let index = place.state.indexes.get(&place.index);
        let task = action.tasks().first().and_then(|uid| place.task(*uid));
        let (Some(index), Some(task)) = (index, task) else { return Self::Nothing };
        let Some(queue) = index.queues.get(place.node) else { return Self::Nothing };
        // Sent early it is not the last word, and past others it takes what they would have.
        let passes = place.state.passes(index, place.node, task);
        if matches!(action, Action::Ahead(_) | Action::Try(_))
            || (passes && matches!(action, Action::Alone(_)))
        {
            return Self::Nothing;
        }
        let Some(counted) = task.counts.get(place.node) else { return Self::Nothing };
        match action {
            Action::Count(_) if queue.lost.is_some() => Self::Nothing,
            Action::Count(_) if queue.stage == Stage::Absent => Self::Zero,
            Action::Count(_) => Self::ByFetch(match limiting_filter(*counted, index.units_of(place.node)) {
                Some(limit) => json!({ "filter": limit, "limit": 0 }).to_string(),
                None => json!({ "limit": 0 }).to_string(),
            }),
            _ if queue.progress.part == Part::Counted => Self::ByTask,
            _ => Self::Nothing,
        }
    }
}

/// The number in the answer to a fetch.
pub(crate) fn total(answer: &[u8]) -> Option<u64> {
    #[derive(Deserialize)]
    struct Page {
        total: u64,
    }
    serde_json::from_slice::<Page>(answer).ok().map(|page| page.total)
}
