//! What a node says about itself, its tasks and its indexes.
//!
//! Only what Miroir reads; members it does not know are passed over.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What `/version` says.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Version {
    /// The version, such as `1.50.0`.
    pub pkg_version: String,
}

/// The receipt of a write: from when it is given, the node keeps the task through every crash.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Enqueued {
    /// The task's uid on this node.
    pub task_uid: u32,
}

/// A task of a node. Its uid is the node's own: one above the newest before it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeTask {
    /// Its number on this node.
    pub uid: u32,
    /// The index it is about; `None` for tasks about the node.
    pub index_uid: Option<String>,
    /// Where it stands.
    pub status: NodeTaskStatus,
    /// Its type, such as `documentDeletion`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The [mark](crate::Origin::mark) it was sent with.
    #[serde(rename = "customMetadata", default)]
    pub mark: Option<String>,
    /// What it counted.
    #[serde(default)]
    pub details: Option<Details>,
    /// Why it failed.
    #[serde(default)]
    pub error: Option<TaskError>,
    /// The batch it ran in, once it runs.
    #[serde(default)]
    pub batch_uid: Option<u32>,
}

/// Where a task of a node stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum NodeTaskStatus {
    /// Waiting.
    Enqueued,
    /// In the batch that runs.
    Processing,
    /// Ended well.
    Succeeded,
    /// Ended without effect; `error` says why.
    Failed,
    /// Ended by a cancelation.
    Canceled,
}

impl NodeTaskStatus {
    /// Whether the task has ended. One that has ended never changes again.
    pub fn is_terminal(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed | Self::Canceled)
    }
}

/// What a task counted. Members that a task of its type does not have are `None`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Details {
    /// Documents in the payload.
    pub received_documents: Option<u64>,
    /// Documents of the payload that were read, those left out by `skipCreation` included; 0 when it failed.
    pub indexed_documents: Option<u64>,
    /// Ids in a deletion by ids.
    pub provided_ids: Option<u64>,
    /// Documents that were there and went. Right only for a task that shared its batch with deletions alone.
    pub deleted_documents: Option<u64>,
    /// For a rename: the name before.
    pub old_index_uid: Option<String>,
    /// For a rename: the name after.
    pub new_index_uid: Option<String>,
}

/// Why a task of a node failed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TaskError {
    /// Meilisearch's error code.
    pub code: String,
    /// Meilisearch's error type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Meilisearch's words.
    pub message: String,
}

/// Which tasks of a node to list. The default: the newest 20.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskQuery {
    /// Only these, when not empty.
    pub uids: Vec<u32>,
    /// Only those of this index.
    pub index: Option<String>,
    /// Start at this uid, itself included.
    pub from: Option<u32>,
    /// Oldest first; otherwise newest first.
    pub oldest_first: bool,
    /// At most so many.
    pub limit: u32,
}

impl Default for TaskQuery {
    fn default() -> Self {
        Self { uids: Vec::new(), index: None, from: None, oldest_first: false, limit: 20 }
    }
}

/// A page of tasks.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TaskPage {
    /// The tasks, in the order asked for.
    pub results: Vec<NodeTask>,
    /// Where the next page starts; `None` at the end.
    pub next: Option<u32>,
    /// How many match in all.
    pub total: u64,
}

/// An index of a node.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IndexInfo {
    /// Its name.
    pub uid: String,
    /// Its primary key, once it has one.
    pub primary_key: Option<String>,
}

/// A page of indexes, by name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct IndexPage {
    /// The indexes.
    pub results: Vec<IndexInfo>,
    /// How many there are in all.
    pub total: u64,
}

/// What a node says about its size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Sizes {
    /// Bytes in use, of the files of all databases.
    pub(crate) used_database_size: u64,
}

/// What a node says about the size of an index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct IndexStats {
    /// Documents.
    pub number_of_documents: u64,
    /// Whether a task of this index runs now.
    pub is_indexing: bool,
    /// Vectors.
    #[serde(default)]
    pub number_of_embeddings: u64,
    /// Documents with vectors.
    #[serde(default)]
    pub number_of_embedded_documents: u64,
    /// How many documents have each field, the reserved one included.
    pub field_distribution: BTreeMap<String, u64>,
}
