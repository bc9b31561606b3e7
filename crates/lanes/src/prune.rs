//! A node forgets nothing by itself before it has a million tasks, and a rename costs it as much as the index has tasks
//! in its history. So its lane has it forget, by uid, what is recorded as ended: never the last task of an index on
//! record, by which the node is known again, and never what is too new for every peer to know its successor.

use std::sync::Arc;

use miroir_cluster::State;
use miroir_model::{NodeId, PhysicalName};
use miroir_node::{Node, NodeError, NodeTask, TaskQuery};
use tracing::{debug, info};

use crate::lane::Lane;

/// At most so many in one request, which names them all.
const AT_ONCE: u32 = 500;

impl Lane {
    /// Looks at the node's history for ever.
    pub(crate) async fn prune(self: Arc<Self>) {
        loop {
            tokio::time::sleep(self.config.prune).await;
            match sweep(&*self.clients.lane, &self.ledger.state(), &self.node, self.config.history).await {
                Ok(0) => {}
                Ok(count) => info!(node = %self.node, count, "finished tasks forgotten"),
                Err(error) => debug!(node = %self.node, %error, "its history stays as it is"),
            }
        }
    }
}

/// Has the node forget the oldest of what has ended, down to `keep` tasks. How many it was asked to forget.
pub(crate) async fn sweep(
    node: &dyn Node,
    state: &State,
    id: &NodeId,
    keep: u64,
) -> Result<usize, NodeError> {
    let mut asked = 0;
    let mut from = None;
    loop {
        let query = TaskQuery { oldest_first: true, from, limit: AT_ONCE, ..TaskQuery::default() };
        let page = node.tasks(&query).await?;
        let spare = page.total.saturating_sub(keep);
        if spare < u64::from(AT_ONCE) {
            return Ok(asked);
        }
        let ended = page.results.iter().filter(|task| has_ended(state, id, task));
        let uids: Vec<u32> = ended.map(|task| task.uid).collect();
        if !uids.is_empty() {
            let deletion = node.forget_tasks(&uids).await?;
            let pace = miroir_node::Pace::default();
            miroir_node::wait_for_task(node, deletion.task_uid, pace).await?;
            asked += uids.len();
        }
        match page.next {
            Some(next) => from = Some(next),
            None => return Ok(asked),
        }
    }
}

/// Whether the log knows how a task of the node ended, and a later one of the same index too.
fn has_ended(state: &State, id: &NodeId, task: &NodeTask) -> bool {
    if !task.status.is_terminal() {
        return false;
    }
    let Some(name) = &task.index_uid else {
        // The forgetting of others, ours or the node's own.
        return task.kind == "taskDeletion";
    };
    let Ok(name) = name.parse::<PhysicalName>() else { return false };
    match state.indexes.get(&name.index) {
        // Ids are never used again.
        None => name.index < state.next_index,
        Some(index) => {
            let queue = index.queues.get(id);
            let last = queue.and_then(|queue| queue.node_task);
            // What an open dispatch came to is looked for among what is newer than this.
            let open = queue.and_then(|queue| queue.dispatch.as_ref()).map(|open| open.node_task);
            let before = |bound: Option<u32>| bound.is_some_and(|bound| task.uid < bound);
            before(last) && open.is_none_or(before)
        }
    }
}
