//! What `apply` answers.

use miroir_model::{Epoch, ShardId, TaskUid, Timestamp};
use serde::{Deserialize, Serialize};

/// The answer to a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// It took effect, or had already.
    Done,
    /// A write was accepted.
    Enqueued {
        /// Its task.
        task: TaskUid,
        /// When it was accepted.
        at: Timestamp,
        /// An earlier write with the same idempotency key was, and this one was not.
        replayed: bool,
    },
    /// A lane has a new owner.
    LaneTaken {
        /// The epoch of its steps.
        epoch: Epoch,
    },
    /// Of each step: taken, or why not.
    Lanes(Vec<Result<(), StepRefused>>),
    /// How an attempt stands, for good.
    Settled(Settled),
    /// It had no effect.
    Refused(Refusal),
}

/// How an attempt to have a write accepted stands. It never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Settled {
    /// It was accepted.
    Accepted {
        /// Its task.
        task: TaskUid,
        /// When.
        at: Timestamp,
        /// See [`Outcome::Enqueued`].
        replayed: bool,
    },
    /// It was not, and never will be.
    Refused,
}

/// Why a command had no effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    /// The write was validated against something that has changed: validate it again.
    #[error("the index changed while the write was validated: {0}")]
    Stale(Stale),
    /// The attempt was refused before, or settled before it arrived.
    #[error("this attempt was refused or given up before")]
    GivenUp,
    /// The idempotency key belongs to another request.
    #[error("the idempotency key was used for another request")]
    IdempotencyConflict,
    /// The upload is gone or not whole.
    #[error("the upload is not whole: it has {have} of {want} chunks")]
    UploadBroken {
        /// Chunks that came.
        have: u32,
        /// Chunks that were sent.
        want: u32,
    },
    /// There is no node to hold an index.
    #[error("the cluster has no nodes yet")]
    NoNodes,
    /// The shape cannot be had.
    #[error("{0}")]
    Shape(String),
    /// The cluster was founded with other defaults.
    #[error("the cluster was founded with other defaults: {0}")]
    OtherDefaults(String),
    /// The command speaks of a peer, a life or a node that is not (or no longer) there.
    #[error("unknown or former {0}")]
    Unknown(String),
    /// A node of this name is there, at another address or in another group.
    #[error("a node named {0} is there already, with another address or group")]
    NodeExists(String),
    /// The lane is another peer's.
    #[error("the lane is assigned to another peer")]
    NotAssigned,
    /// The copy is not in the state that the change begins with.
    #[error("the copy is used in another way by now")]
    CopyChanged,
    /// A shard of it has no other searchable copy.
    #[error("shard {0} has no other searchable copy")]
    LastCopy(ShardId),
    /// The command contradicts itself.
    #[error("malformed: {0}")]
    Malformed(String),
}

/// What changed under a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Stale {
    /// The name stands for another index, or for none.
    #[error("its name stands for another index now")]
    Index,
    /// Another settings task is ordered.
    #[error("its settings changed")]
    Settings,
    /// Another primary key was brought.
    #[error("its primary key is set now")]
    PrimaryKey,
}

/// Why a step of a lane was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum StepRefused {
    /// The lane has another owner.
    #[error("the lane has another owner")]
    Epoch,
    /// There is no such queue any more.
    #[error("there is no such queue")]
    NoQueue,
    /// Another dispatch is open, or this one is not.
    #[error("the dispatch is not the open one")]
    Dispatch,
    /// The action does not follow from where the queue stands.
    #[error("the action does not follow from where the queue stands")]
    Action,
}
