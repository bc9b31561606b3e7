//! How many documents a deletion took, counted once per shard.
//!
//! Several copies of a shard delete the same documents; the one that `apply` chose counts them. A deletion of documents
//! goes to a node in two parts, so its task on the node says how many went of those that the node counts. An index is
//! deleted at once: what the node counts of it is asked just before, when nothing of the index is in progress.

use miroir_cluster::{Action, Part};
use serde::Deserialize;
use serde_json::json;

use crate::assemble::Place;
use crate::limit::limit;

/// Where the count of a request comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Counting {
    /// Nothing is counted.
    Nothing,
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
        let part = index.queues.get(place.node).map(|queue| queue.progress.part).unwrap_or_default();
        let Some(counted) = task.counts.get(place.node).filter(|_| part == Part::Counted) else {
            return Self::Nothing;
        };
        match (action, limit(*counted, index.units_of(place.node))) {
            (Action::Drop(_), Some(limit)) => {
                Self::ByFetch(json!({ "filter": limit, "limit": 0 }).to_string())
            }
            _ => Self::ByTask,
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
