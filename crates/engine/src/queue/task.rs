//! What a task is, as the queue stores it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::error::ApiError;

/// One write that was accepted.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Task {
    pub(crate) uid: u32,
    pub(crate) batch_uid: Option<u32>,
    pub(crate) index_uid: Option<String>,
    pub(crate) status: Status,
    pub(crate) content: Content,
    pub(crate) counts: Counts,
    pub(crate) error: Option<ApiError>,
    #[serde(with = "time::serde::rfc3339")]
    pub(crate) enqueued_at: OffsetDateTime,
    #[serde(with = "time::serde::rfc3339::option")]
    pub(crate) started_at: Option<OffsetDateTime>,
    #[serde(with = "time::serde::rfc3339::option")]
    pub(crate) finished_at: Option<OffsetDateTime>,
    pub(crate) custom_metadata: Option<String>,
}

/// `Processing` is never stored: a task that was interrupted is enqueued again by that alone. There is no `canceled`:
/// this engine has no cancelation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Status {
    Enqueued,
    Processing,
    Succeeded,
    Failed,
}

impl Status {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Enqueued => "enqueued",
            Self::Processing => "processing",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        }
    }
}

/// How documents of a payload meet those of the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Method {
    Replace,
    Update,
}

/// What a task asks for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Content {
    Documents {
        payload: Uuid,
        bytes: u64,
        count: u64,
        method: Method,
        primary_key: Option<String>,
        /// Decided by the key that enqueued it, for good.
        may_create: bool,
        /// Documents that the index does not hold are left out.
        skip_creation: bool,
    },
    DeleteIds {
        ids: Vec<String>,
    },
    DeleteByFilter {
        filter: Value,
    },
    Clear,
    Edit {
        function: String,
        context: Option<Map<String, Value>>,
        filter: Option<Value>,
    },
    Settings {
        /// The settings named, as Meilisearch would print them; a null resets.
        patch: Value,
        may_create: bool,
    },
    IndexCreation {
        primary_key: Option<String>,
    },
    IndexUpdate {
        primary_key: Option<String>,
        new_uid: Option<String>,
    },
    IndexDeletion,
    TaskDeletion {
        uids: Vec<u32>,
        query: String,
    },
}

impl Content {
    /// The name of the task's type in the API.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Documents { .. } => "documentAdditionOrUpdate",
            Self::DeleteIds { .. } | Self::DeleteByFilter { .. } | Self::Clear => "documentDeletion",
            Self::Edit { .. } => "documentEdition",
            Self::Settings { .. } => "settingsUpdate",
            Self::IndexCreation { .. } => "indexCreation",
            Self::IndexUpdate { .. } => "indexUpdate",
            Self::IndexDeletion => "indexDeletion",
            Self::TaskDeletion { .. } => "taskDeletion",
        }
    }

    /// The file this task still needs.
    pub(crate) fn payload(&self) -> Option<Uuid> {
        match self {
            Self::Documents { payload, .. } => Some(*payload),
            _ => None,
        }
    }
}

/// What a task turned out to do; absent until it ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counts {
    pub(crate) indexed: Option<u64>,
    pub(crate) deleted: Option<u64>,
}

impl Task {
    /// Ends the task well.
    pub(crate) fn succeed(&mut self, counts: Counts) {
        self.status = Status::Succeeded;
        self.counts = counts;
    }

    /// Ends the task with an error: nothing of it was done.
    pub(crate) fn fail(&mut self, error: ApiError) {
        self.status = Status::Failed;
        self.error = Some(error);
        self.counts = Counts { indexed: Some(0), deleted: Some(0) };
    }
}
