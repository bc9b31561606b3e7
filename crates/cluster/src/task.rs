//! An unfinished task: what it is, what it asks of the nodes, what it waits for.

use std::collections::BTreeSet;

use imbl::{OrdMap, OrdSet};
use miroir_api::ResponseError;
use miroir_model::{IndexUid, NodeId, PhysicalId, ShardId, TaskUid, Timestamp, UnitSet};
use miroir_settings::SettingsPatch;
use miroir_tasks::{TaskDetails, TaskKind, TaskRecord, TaskStatus};
use serde::{Deserialize, Serialize};

use crate::command::NameChange;
use crate::state::ChunkId;

/// A task that some node has not finished, or that waits for an earlier one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// Its number.
    pub uid: TaskUid,
    /// Its type.
    pub kind: TaskKind,
    /// Where it stands. Terminal only while a node that nobody waits for still needs it.
    pub status: TaskStatus,
    /// The name that the client used; none for what is about names or tasks.
    pub index_uid: Option<IndexUid>,
    /// The physical index; `None` when the task failed before it had one, or is not about one.
    pub index: Option<PhysicalId>,
    /// The names that it changes, or that it failed for.
    pub names: Vec<NameChange>,
    /// Whether it creates that physical index.
    pub creates: bool,
    /// The primary key as ordered with it: its documents are sent under this one.
    pub primary_key: Option<String>,
    /// Whether it brought that key.
    pub brings_key: bool,
    /// What it asks of the nodes.
    pub work: Work,
    /// Whether it must be validated again before anything of it is sent.
    pub recheck: Recheck,
    /// Whether it must be tried before it is carried out.
    pub trial: Trial,
    /// The units that it touches.
    pub units: UnitSet,
    /// The required nodes that have not finished it.
    pub waits: OrdSet<NodeId>,
    /// All nodes that have not finished it.
    pub holders: OrdSet<NodeId>,
    /// For a deletion or an edit: which node counts which units.
    pub counts: OrdMap<NodeId, UnitSet>,
    /// Documents counted so far; none once a node could not tell.
    pub counted: Option<u64>,
    /// What it says about itself.
    pub details: TaskDetails,
    /// Why it failed, or will have failed when it is done.
    pub error: Option<ResponseError>,
    /// By shard, the nodes that refused it. Whether that is the task's failure or the node's is told when it is done;
    /// then only the refusals are left that are the task's failure.
    pub refusals: OrdMap<ShardId, OrdMap<NodeId, Refused>>,
    /// The nodes that went past it to something that left no trace of it, so that nobody knows what they would have said.
    pub passed: OrdSet<NodeId>,
    /// When the log accepted it.
    pub enqueued_at: Timestamp,
    /// When the first dispatch of it was recorded.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// The task that canceled it.
    pub canceled_by: Option<TaskUid>,
    /// What the client asked to have shown with it.
    pub custom_metadata: Option<String>,
}

/// What a node refused of a task in one shard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// The first frame of its payload that it did not take.
    pub from: u32,
    /// Why.
    pub error: ResponseError,
}

/// Whether documents must be validated again. They were validated against the settings as ordered; when a change of
/// settings before them is rolled back, those never came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Recheck {
    /// No.
    No,
    /// By the first lane that reaches it.
    Due,
    /// It was, and did not pass: no node hears of it.
    Refused,
}

/// What a task asks of the nodes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Work {
    /// Nothing but that its index be there: creations, refused writes. Needs no request of its own.
    Nothing,
    /// Documents to write.
    Documents {
        /// How.
        mode: WriteMode,
        /// Do not create documents that are not there. A barrier.
        skip_creation: bool,
        /// The documents.
        payload: Payload,
    },
    /// Ids to delete.
    DeleteIds {
        /// The ids.
        payload: Payload,
    },
    /// Delete what matches. A barrier.
    DeleteFilter {
        /// The JSON text of the filter.
        filter: String,
    },
    /// Delete all documents. A barrier.
    DeleteAll,
    /// Change settings. A barrier, decided once for all nodes.
    Settings {
        /// What the client sent.
        patch: SettingsPatch,
    },
    /// Delete the index.
    DeleteIndex,
    /// Change the primary key. A barrier where nodes have another one; metadata only where the index had none, since
    /// documents are sent with their key.
    SetPrimaryKey,
    /// Edit documents by a function. A barrier; tried everywhere first where there are several shards.
    Edit(Edit),
}

/// An edit by function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edit {
    /// The function, as the client sent it.
    pub function: String,
    /// The JSON text of the object that it is given.
    pub context: Option<String>,
    /// The JSON text of the filter that selects the documents; all of them without.
    pub filter: Option<String>,
}

impl Edit {
    /// What its task says about itself until it is done.
    pub fn details(&self) -> TaskDetails {
        let Self { function, context, filter } = self.clone();
        TaskDetails::Edition { edited: None, deleted: None, context, function, filter }
    }
}

/// Whether nodes try an edit before any carries it out: one document that the function fails for fails the whole task,
/// and nothing must have been edited elsewhere by then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Trial {
    /// It needs none: it is no edit, or each node that it goes to has all documents, and so fails as a whole.
    None,
    /// These nodes have tried it, and would not fail. It is carried out when all that it waits for have.
    By(OrdSet<NodeId>),
    /// It failed: no node carries it out.
    Failed,
}

/// How documents are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum WriteMode {
    /// The whole document.
    Replace,
    /// Its top-level members.
    Update,
}

/// The documents or ids of a task: a stream of frames in chunks (the format is the `documents` crate's).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payload {
    /// The chunks, in order.
    pub chunks: Vec<ChunkId>,
    /// Their length together, in bytes as stored.
    pub bytes: u64,
    /// How many frames.
    pub frames: u32,
}

impl Work {
    /// The payload, where there is one.
    pub fn payload(&self) -> Option<&Payload> {
        match self {
            Self::Documents { payload, .. } | Self::DeleteIds { payload } => Some(payload),
            _ => None,
        }
    }

    /// Whether a node gets it in two parts: what it counts, and the rest. An index is counted before it is deleted.
    pub(crate) fn has_two_parts(&self) -> bool {
        self.is_counted() && !matches!(self, Self::DeleteIndex)
    }

    /// Whether it changes nothing but documents, so that nothing of it is left when all are deleted behind it.
    pub(crate) fn is_of_documents(&self) -> bool {
        match self {
            Self::Documents { .. }
            | Self::DeleteIds { .. }
            | Self::DeleteFilter { .. }
            | Self::DeleteAll
            | Self::Edit(_) => true,
            Self::Nothing | Self::Settings { .. } | Self::DeleteIndex | Self::SetPrimaryKey => false,
        }
    }

    /// Whether two tasks' payloads may travel in one request.
    pub fn joins(&self, other: &Self) -> bool {
        match (self, other) {
            (
                Self::Documents { mode: a, skip_creation: false, .. },
                Self::Documents { mode: b, skip_creation: false, .. },
            ) => a == b,
            _ => false,
        }
    }

    /// Whether how many documents went, or were edited, is counted, once per shard.
    pub fn is_counted(&self) -> bool {
        matches!(
            self,
            Self::DeleteIds { .. }
                | Self::DeleteFilter { .. }
                | Self::DeleteAll
                | Self::DeleteIndex
                | Self::Edit(_)
        )
    }
}

impl Task {
    /// Whether nothing is left to wait for but earlier tasks.
    pub fn is_ready(&self) -> bool {
        self.waits.is_empty()
    }

    /// Whether a node is still to try it.
    pub fn is_to_be_tried_on(&self, node: &NodeId) -> bool {
        matches!(&self.trial, Trial::By(nodes) if self.waits.contains(node) && !nodes.contains(node))
    }

    /// Whether it is not carried out yet, since some node is still to try it.
    pub fn is_on_trial(&self) -> bool {
        self.waits.iter().any(|node| self.is_to_be_tried_on(node))
    }

    /// The name that the client used; nothing for what is about names or tasks.
    pub fn name(&self) -> &str {
        self.index_uid.as_ref().map_or("", IndexUid::as_str)
    }

    /// Whether some name is to stand for something else.
    pub(crate) fn renames(&self) -> bool {
        self.names.iter().any(|change| change.from != change.to)
    }

    /// The names that it has a place in the order of.
    pub(crate) fn names_touched(&self) -> BTreeSet<&IndexUid> {
        self.index_uid.iter().chain(self.names.iter().map(|change| &change.name)).collect()
    }

    /// The physical indexes that it has a place in the order of.
    pub(crate) fn indexes_touched(&self) -> BTreeSet<PhysicalId> {
        self.index.into_iter().chain(self.names.iter().filter_map(|change| change.from)).collect()
    }

    /// The bytes of its payload, as stored.
    pub(crate) fn payload_bytes(&self) -> u64 {
        self.work.payload().map_or(0, |payload| payload.bytes)
    }

    /// The task as users ask for it.
    pub fn record(&self) -> TaskRecord {
        TaskRecord {
            uid: self.uid,
            kind: self.kind,
            status: self.status,
            index: self.index,
            index_uid: self.index_uid.clone(),
            details: self.details.clone(),
            error: if self.status.is_terminal() { self.error.clone() } else { None },
            canceled_by: self.canceled_by,
            enqueued_at: self.enqueued_at,
            started_at: self.started_at,
            finished_at: self.finished_at,
            custom_metadata: self.custom_metadata.clone(),
        }
    }
}
