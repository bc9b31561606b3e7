//! The state itself and its small parts.

use std::fmt;

use bytes::Bytes;
use imbl::{OrdMap, OrdSet};
use miroir_model::{IndexUid, NodeId, PeerId, PeerLife, PhysicalId, TaskUid, Timestamp};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128;

use crate::index::Index;
use crate::nodes::{Defaults, Node, Peer};
use crate::outcome::Settled;
use crate::task::Task;

/// A chunk of payload bytes, kept beside the state. Never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ChunkId(pub u64);

impl fmt::Display for ChunkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What the state knows of a chunk's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChunkMeta {
    /// Length in bytes.
    pub len: u32,
    /// xxh3-128 of the bytes.
    pub hash: u128,
}

impl ChunkMeta {
    /// Of these bytes.
    pub fn of(bytes: &Bytes) -> Self {
        Self { len: u32::try_from(bytes.len()).unwrap_or(u32::MAX), hash: xxh3_128(bytes) }
    }
}

/// One attempt to have a write accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ProposalId {
    /// Who attempts.
    pub life: PeerLife,
    /// Which attempt of that life.
    pub number: u64,
}

/// A payload that travels ahead of its task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct UploadId {
    /// Who uploads. When that life ends the upload is dropped.
    pub life: PeerLife,
    /// Which upload of that life.
    pub number: u64,
}

/// The chunks of an upload so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upload {
    /// In order.
    pub chunks: Vec<ChunkId>,
    /// When the last one came.
    pub last: Timestamp,
}

/// A write that was accepted with an idempotency key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Idempotency {
    /// The hash of method, path and body.
    pub request: u128,
    /// Its task.
    pub task: TaskUid,
    /// When that task was accepted.
    pub at: Timestamp,
}

/// The names of indexes in their two views.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Names {
    /// What the next task resolves against.
    pub ordered: OrdMap<IndexUid, PhysicalId>,
    /// What reads and searches see: a task's change once all before it is done. It is done when all peers go by it.
    pub served: OrdMap<IndexUid, PhysicalId>,
    /// The unfinished tasks that used a name, in order.
    pub unfinished: OrdMap<IndexUid, OrdSet<TaskUid>>,
}

/// Everything that the peers agree on. Cloning it is cheap: its maps share what did not change.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct State {
    /// How many commands were applied.
    pub(crate) version: u64,
    /// The largest stamp seen.
    pub stamp: Timestamp,
    /// The cluster's id and defaults, once founded.
    pub cluster: Option<(String, Defaults)>,
    /// The peers that have started.
    pub peers: OrdMap<PeerId, Peer>,
    /// The nodes that were adopted.
    pub nodes: OrdMap<NodeId, Node>,
    /// The names of indexes.
    pub names: Names,
    /// The physical indexes.
    pub indexes: OrdMap<PhysicalId, Index>,
    /// The tasks that are not done, and those done that a node still needs.
    pub tasks: OrdMap<TaskUid, Task>,
    /// Those that are done but for this: peers may still search what was before them. The version of the state since
    /// which searches see what they did.
    pub showing: OrdMap<TaskUid, u64>,
    /// The unfinished tasks that change what names stand for.
    pub(crate) renames: OrdSet<TaskUid>,
    /// The uid of the next task.
    pub next_task: TaskUid,
    /// Of older tasks only those are kept that ended late.
    pub history_from: TaskUid,
    /// The id of the next physical index.
    pub next_index: PhysicalId,
    /// The id of the next chunk.
    pub next_chunk: ChunkId,
    /// The chunks that a task or an upload needs.
    pub chunks: OrdMap<ChunkId, ChunkMeta>,
    /// The uploads that no task has taken.
    pub uploads: OrdMap<UploadId, Upload>,
    /// How attempts were settled, for ten minutes.
    pub proposals: OrdMap<ProposalId, (Timestamp, Settled)>,
    /// The same attempts by age.
    pub(crate) proposals_by_age: OrdSet<(Timestamp, ProposalId)>,
    /// Idempotency keys, for a day.
    pub idempotency: OrdMap<String, Idempotency>,
    /// The same keys by age.
    pub(crate) idempotency_by_age: OrdSet<(Timestamp, String)>,
    /// The experimental features that are switched on.
    pub features: Features,
}

/// Experimental features, as `/experimental-features` switches them. Those that Miroir does not have are not here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Features {
    /// Documents can be edited by functions.
    pub edit_documents: bool,
}

impl Features {
    pub(crate) fn change(&mut self, edit_documents: Option<bool>) {
        self.edit_documents = edit_documents.unwrap_or(self.edit_documents);
    }
}

impl State {
    /// The state before the first command.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many commands were applied: it names this state among a peer's own.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// The index of a name, as the next task sees it.
    pub fn ordered(&self, uid: &IndexUid) -> Option<&Index> {
        self.names.ordered.get(uid).and_then(|id| self.indexes.get(id))
    }

    /// The index of a name, as reads and searches see it.
    pub fn served(&self, uid: &IndexUid) -> Option<&Index> {
        self.names.served.get(uid).and_then(|id| self.indexes.get(id))
    }

    /// The chunks that must be kept.
    pub fn chunks(&self) -> impl Iterator<Item = (ChunkId, ChunkMeta)> + '_ {
        self.chunks.iter().map(|(id, meta)| (*id, *meta))
    }
}
