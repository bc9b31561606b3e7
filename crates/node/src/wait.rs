//! Waiting for a node's task.

use std::time::Duration;

use crate::{Node, NodeError, NodeTask};

/// How often to ask a node about a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Before the second question; the first is asked at once.
    pub first: Duration,
    /// At most between two questions.
    pub longest: Duration,
}

impl Default for Pace {
    /// From 1 ms, so that the end of a small task is seen soon, to 50 ms: 20 questions a second about a long one.
    fn default() -> Self {
        Self { first: Duration::from_millis(1), longest: Duration::from_millis(50) }
    }
}

/// Ask until the task has ended, ever more slowly: each pause is half as long again as the one before.
///
/// It has no end of its own: a re-index can take hours. Whoever waits bounds it.
///
/// # Errors
/// The first question that gets no answer ends it; the task goes on all the same.
pub async fn wait_for_task(node: &dyn Node, uid: u32, pace: Pace) -> Result<NodeTask, NodeError> {
    let mut pause = pace.first;
    loop {
        let task = node.task(uid).await?;
        if task.status.is_terminal() {
            return Ok(task);
        }
        tokio::time::sleep(pause).await;
        pause = (pause + pause / 2).min(pace.longest);
    }
}
