//! What must hold of a node before anything is sent to it, and how to judge one of which it does not.
//!
//! Nothing that a node says names its disk: a node restored from an older image has the same keys, indexes and
//! address. What tells is its history of tasks: uids only grow, and a task that was there once is there. So whoever
//! delivers to a node records its newest task, never has that one task forgotten, and every new connection is asked
//! for it first. A restart with another disk ends all connections, so one that passed stays good.

use std::fmt;

use uuid::Uuid;

use crate::{ApiKey, Node, NodeError, NodeTask};

/// What must hold of one node. Asked for every new connection, once it is made: an answer follows the state.
pub trait Gate: Send + Sync {
    /// What must hold now; `None` when the node is not adopted, and nothing may be sent to it.
    fn expects(&self) -> Option<Expected>;
}

/// What must hold of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// A key of the adoption, with the right to read tasks and the version.
    pub key: ApiKey,
    /// Its newest task on record; `None` before the first.
    pub newest: Option<Known>,
}

/// A task that a node gave a receipt for, and that is never forgotten there while it is the newest on record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Its uid on the node.
    pub task: u32,
    /// The index it is about, under any of its generations (`<id>-<generation>`): tasks follow a rename.
    pub index: String,
    /// The mark it was sent with, where the node keeps marks ([`Write::is_marked`](crate::Write::is_marked)).
    pub mark: Option<String>,
}

impl Known {
    /// Whether a task of the node is this one.
    pub fn is(&self, task: &NodeTask) -> bool {
        self.task == task.uid
            && match &self.mark {
                Some(mark) => task.mark.as_ref() == Some(mark),
                None => {
                    task.index_uid.as_deref().map(without_generation) == Some(without_generation(&self.index))
                }
            }
    }
}

/// The name of an index without its generation.
fn without_generation(index: &str) -> &str {
    index.rsplit_once('-').map_or(index, |(id, _)| id)
}

/// Why a new connection was not used. Only the first two say anything about the node's disk; whoever judges the node
/// looks for itself, under the master key ([`examine`]).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckFailure {
    /// Its history ends before the task on record.
    #[error(
        "the node is older than what is known of it: its newest task is {newest:?}, that on record {known}"
    )]
    Older {
        /// Its newest task; `None` on a node that has none.
        newest: Option<u32>,
        /// The newest task on record.
        known: u32,
    },
    /// Its history goes that far, but the task on record is another one there, or none.
    #[error(
        "the node is another, or an older one that others wrote to: task {known} is not the one on record"
    )]
    Foreign {
        /// The newest task on record.
        known: u32,
    },
    /// It refuses the adoption's key (401 or 403). Alone this proves nothing: its master key may have been changed.
    #[error("the node refuses the key of its adoption: {0}")]
    KeyRefused(String),
    /// The state knows no adoption of it.
    #[error("the node is not adopted")]
    NotAdopted,
    /// No answer that can be used: none in time, a fault of the node's, or a connection that ends with the answer.
    #[error("the node did not answer the check of a new connection: {0}")]
    Unanswered(String),
}

/// What a node is, compared with what is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The node that was adopted, with all that is known of it.
    Same,
    /// It was adopted, but the task on record is missing or another: an older disk.
    Older,
    /// It accepts its master key, lacks the adoption's key and has no tasks.
    Empty,
    /// It accepts its master key and lacks the adoption's key, but has a history: another node, or a disk from before
    /// the adoption.
    Foreign,
    /// It refuses its master key too. Nothing is known of its disk.
    Unauthorized,
    /// It did not say. Nothing is known of it.
    Unknown(NodeError),
}

/// Judge a node: `node` is asked under its master key, over connections that are not checked; `key` is the uid of a
/// key made by the adoption, and `newest` the newest task on record.
pub async fn examine(node: &dyn Node, key: Uuid, newest: Option<&Known>) -> Verdict {
    judge(node, key, newest).await.unwrap_or_else(|error| match error {
        NodeError::Rejected { status: 401 | 403, .. } => Verdict::Unauthorized,
        error => Verdict::Unknown(error),
    })
}

async fn judge(node: &dyn Node, key: Uuid, newest: Option<&Known>) -> Result<Verdict, NodeError> {
    if let Err(error) = node.key(key).await {
        if error.code() != Some("api_key_not_found") {
            return Err(error);
        }
        let history = node.newest_task().await?;
        return Ok(if history.is_none() { Verdict::Empty } else { Verdict::Foreign });
    }
    let Some(known) = newest else { return Ok(Verdict::Same) };
    match node.task(known.task).await {
        Ok(task) if known.is(&task) => Ok(Verdict::Same),
        Ok(_) => Ok(Verdict::Older),
        Err(error) if error.code() == Some("task_not_found") => Ok(Verdict::Older),
        Err(error) => Err(error),
    }
}

impl fmt::Debug for dyn Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gate")
    }
}
