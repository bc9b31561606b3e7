//! What a task is, apart from the work that it causes.
//!
//! [`TaskRecord`] is a stored format (rows of finished tasks, snapshots): it is written by postcard, so variants are only
//! ever added at the end, and another field needs another version of the encoding (`cluster`'s `codec`).

use miroir_api::ResponseError;
use miroir_model::{IndexUid, PhysicalId, TaskUid, Timestamp};
use serde::{Deserialize, Serialize};

/// The type of a task, in Meilisearch's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum TaskKind {
    /// Documents added, replaced or updated.
    DocumentAdditionOrUpdate,
    /// Documents deleted: one, by ids, by filter, or all.
    DocumentDeletion,
    /// The settings of an index changed.
    SettingsUpdate,
    /// An index created by name.
    IndexCreation,
    /// An index deleted.
    IndexDeletion,
    /// The primary key or the name of an index changed.
    IndexUpdate,
    /// Names of indexes exchanged, or indexes renamed with them.
    IndexSwap,
    /// Tasks canceled.
    TaskCancelation,
    /// Documents edited by a function.
    DocumentEdition,
}

impl TaskKind {
    /// Every kind, in the order in which Meilisearch lists them in its error texts where both know them.
    pub const ALL: [Self; 9] = [
        Self::DocumentAdditionOrUpdate,
        Self::DocumentEdition,
        Self::DocumentDeletion,
        Self::SettingsUpdate,
        Self::IndexCreation,
        Self::IndexDeletion,
        Self::IndexUpdate,
        Self::IndexSwap,
        Self::TaskCancelation,
    ];

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::DocumentAdditionOrUpdate => "documentAdditionOrUpdate",
            Self::DocumentEdition => "documentEdition",
            Self::DocumentDeletion => "documentDeletion",
            Self::SettingsUpdate => "settingsUpdate",
            Self::IndexCreation => "indexCreation",
            Self::IndexDeletion => "indexDeletion",
            Self::IndexUpdate => "indexUpdate",
            Self::IndexSwap => "indexSwap",
            Self::TaskCancelation => "taskCancelation",
        }
    }
}

/// Where a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum TaskStatus {
    /// Accepted: committed in the log with its documents.
    Enqueued,
    /// A part of it was sent to a node.
    Processing,
    /// Done on every node that it must be done on, and so is every earlier task of its index.
    Succeeded,
    /// Ended without effect, or with a part of it refused; the error says why.
    Failed,
    /// Ended by a cancelation.
    Canceled,
}

impl TaskStatus {
    /// Every status.
    pub const ALL: [Self; 5] =
        [Self::Enqueued, Self::Processing, Self::Succeeded, Self::Failed, Self::Canceled];

    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Enqueued => "enqueued",
            Self::Processing => "processing",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
        }
    }

    /// Whether the task has ended. A task that has ended never changes again.
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Canceled)
    }
}

/// What a task says about itself. Numbers are documents; `None` where the number is not known (yet): it shows as
/// `null`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum TaskDetails {
    /// Of an addition or update.
    Addition {
        /// In the payload.
        received: u64,
        /// Indexed: all that were received, or none when the task failed.
        indexed: Option<u64>,
    },
    /// Of a deletion by ids or by filter (with the filter's JSON text).
    Deletion {
        /// How many ids the client sent; 0 for a filter.
        provided: u64,
        /// How many documents were there and went.
        deleted: Option<u64>,
        /// The JSON text of the filter.
        filter: Option<String>,
    },
    /// Of a deletion of all documents, or of the index.
    Clear {
        /// How many documents went.
        deleted: Option<u64>,
    },
    /// Of a settings update: the JSON text of an object with what the client sent.
    Settings {
        /// That text.
        sent: String,
    },
    /// Of the creation or update of an index.
    Index {
        /// The primary key that the client named.
        primary_key: Option<String>,
        /// The name before, when it changed.
        old_uid: Option<IndexUid>,
        /// The name after, when it changed.
        new_uid: Option<IndexUid>,
    },
    /// Of a swap.
    Swap {
        /// In order.
        swaps: Vec<IndexSwap>,
    },
    /// Of a cancelation.
    Cancelation {
        /// How many tasks matched, ended ones too.
        matched: u64,
        /// How many of them it canceled.
        canceled: Option<u64>,
        /// What the client asked for: the query with its `?`.
        filter: String,
    },
    /// Of an edit by function.
    Edition {
        /// How many documents the filter selected, whatever the function did to them.
        edited: Option<u64>,
        /// The same number once more, as Meilisearch has it; not known when the task failed.
        deleted: Option<u64>,
        /// The JSON text of the object that the function was given.
        context: Option<String>,
        /// The function.
        function: String,
        /// The JSON text of the filter.
        filter: Option<String>,
    },
}

/// Two names that change places, or the new name of an index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexSwap {
    /// The first name.
    pub first: IndexUid,
    /// The other one.
    pub second: IndexUid,
    /// The index of the first name gets the other one, which nothing has.
    pub rename: bool,
}

impl TaskDetails {
    /// What a task says that had no effect, because it failed or was canceled.
    #[must_use]
    pub fn without_effect(self) -> Self {
        match self {
            Self::Addition { received, .. } => Self::Addition { received, indexed: Some(0) },
            Self::Deletion { provided, filter, .. } => Self::Deletion { provided, filter, deleted: Some(0) },
            Self::Clear { .. } => Self::Clear { deleted: Some(0) },
            Self::Edition { context, function, filter, .. } => {
                Self::Edition { edited: Some(0), deleted: None, context, function, filter }
            }
            other => other,
        }
    }
}

/// A task as history keeps it and as users ask for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskRecord {
    /// Its number and place in the order.
    pub uid: TaskUid,
    /// Its type.
    pub kind: TaskKind,
    /// Where it stands.
    pub status: TaskStatus,
    /// The physical index that it worked on. Its name is resolved when the task is read.
    pub index: Option<PhysicalId>,
    /// The name that the client used; shown when the physical index has no name any more.
    pub index_uid: Option<IndexUid>,
    /// What it says about itself.
    pub details: TaskDetails,
    /// Why it failed.
    pub error: Option<ResponseError>,
    /// The task that canceled it.
    pub canceled_by: Option<TaskUid>,
    /// When the log accepted it.
    pub enqueued_at: Timestamp,
    /// When the first part of it was recorded for sending; of a task that no node sees, when it ended.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// What the client asked to have shown with it.
    pub custom_metadata: Option<String>,
}
