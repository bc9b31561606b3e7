//! A task as the list of tasks shows it.

use serde_json::Value;

use crate::chaos::op::{Number, Uid};

/// A task of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Task {
    pub(crate) uid: Uid,
    /// The note that its client gave it.
    pub(crate) number: Option<Number>,
    pub(crate) kind: String,
    /// Whether it has ended, and how.
    pub(crate) ended: Option<End>,
    /// How many documents it says that it deleted.
    pub(crate) deleted: Option<u64>,
    /// How many tasks it says that it was to cancel, and canceled.
    pub(crate) matched: Option<u64>,
    pub(crate) canceled: Option<u64>,
}

/// How a task has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    Succeeded,
    /// With this code.
    Failed(String),
    /// By this task.
    Canceled(Option<Uid>),
}

impl Task {
    /// Reads one of the list.
    pub(crate) fn read(task: &Value) -> Option<Self> {
        let ended = match task["status"].as_str()? {
            "succeeded" => Some(End::Succeeded),
            "failed" => Some(End::Failed(task["error"]["code"].as_str().unwrap_or_default().to_owned())),
            "canceled" => Some(End::Canceled(task["canceledBy"].as_u64())),
            _ => None,
        };
        let detail = |name: &str| task["details"][name].as_u64();
        Some(Self {
            uid: task["uid"].as_u64()?,
            number: task["customMetadata"].as_str().and_then(|note| note.parse().ok()),
            kind: task["type"].as_str()?.to_owned(),
            ended,
            deleted: detail("deletedDocuments"),
            matched: detail("matchedTasks"),
            canceled: detail("canceledTasks"),
        })
    }

    /// Whether it has ended in its turn, so that all earlier tasks of its names have ended too.
    pub(crate) fn is_done(&self) -> bool {
        matches!(self.ended, Some(End::Succeeded | End::Failed(_)))
    }
}
