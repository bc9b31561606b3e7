//! What can be asked of the state. Each command carries what it expects, so that one that was decided on an older
//! state is refused instead of doing harm.
//!
//! A stored format: variants are only ever added at the end. A change of fields is a new version of the encoding.

use bytes::Bytes;
use miroir_api::ResponseError;
use miroir_model::{Epoch, IndexUid, NodeId, PeerId, PeerLife, PhysicalId, TaskUid, UnitSet};
use miroir_settings::SettingsPatch;
use miroir_tasks::TaskDetails;
use serde::{Deserialize, Serialize};

use crate::index::Shape;
use crate::nodes::{Credentials, Defaults};
use crate::queue::{Action, DispatchResult, Fault, Proof};
use crate::state::{ProposalId, UploadId};
use crate::task::{Edit, WriteMode};

/// One entry of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Founds the cluster: its id and defaults. Repeating it with the same defaults changes nothing.
    Found(Found),
    /// A peer has started: a new process life. What its former life left open is dropped.
    PeerStarted(PeerStarted),
    /// The leader sees a peer answer, or not.
    PeerAlive {
        /// Which peer.
        peer: PeerId,
        /// Whether it answers.
        alive: bool,
    },
    /// A node joins.
    Adopt(Box<Adopt>),
    /// A peer could, or could not, reach a node.
    NodeSeen {
        /// Which node.
        node: NodeId,
        /// Who tried.
        by: PeerLife,
        /// Whether it answered.
        reachable: bool,
    },
    /// The leader wants this peer to deliver to a node.
    AssignLane {
        /// Which node.
        node: NodeId,
        /// Which peer; nobody when there is none.
        peer: Option<PeerId>,
    },
    /// The assigned peer begins to deliver: a new epoch.
    TakeLane {
        /// Which node.
        node: NodeId,
        /// The life that will deliver.
        life: PeerLife,
    },
    /// Steps of the lanes of one peer. Each is accepted or refused by itself.
    Lanes(Vec<LaneStep>),
    /// A part of a payload that travels ahead of its task.
    Chunk {
        /// Which upload.
        upload: UploadId,
        /// Its place in it, from 0.
        seq: u32,
        /// At most 1 MiB.
        bytes: Bytes,
    },
    /// The upload's task will not come.
    DropUpload {
        /// Which upload.
        upload: UploadId,
    },
    /// A client's write.
    Enqueue(Box<Enqueue>),
    /// Settles an attempt whose outcome is unknown: what is not found is refused from then on.
    Settle {
        /// Which attempt.
        proposal: ProposalId,
    },
    /// What a node has of an index is to be used in another way.
    Copy(CopyStep),
    /// A peer has looked at a node and found what it is.
    NodeProved {
        /// Which node.
        node: NodeId,
        /// Who looked.
        by: PeerLife,
        /// What was found.
        proof: Proof,
    },
    /// Every peer searches this version of the state or a later one, or is out of touch for so long that it says so.
    Shown {
        /// The version.
        version: u64,
    },
    /// Experimental features are switched on or off; what is not named stays.
    Features {
        /// Edits of documents by functions.
        edit_documents: Option<bool>,
    },
}

/// See [`Command::Copy`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopyStep {
    /// Which index.
    pub index: PhysicalId,
    /// On which node.
    pub node: NodeId,
    /// What changes.
    pub change: CopyChange,
}

/// A change in how an index on a node is used. All of its shards there must have another searchable copy, or it is
/// refused; only what the node has lost is hidden whatever else there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CopyChange {
    /// Searches do not use it any more.
    Hide,
    /// Tasks do not wait for it any more. Every peer searches the state in which it was hidden, or a later one, or is
    /// out of touch for so long that it says so.
    Release {
        /// The version of that state.
        hidden: u64,
    },
    /// Tasks wait for it again; searches use it once it has finished all that was ordered before.
    Require,
    /// It is given up: what it has not finished is not kept for it, until it is rebuilt.
    GiveUp,
}

/// See [`Command::Found`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// The id of the cluster, made by the peer that founds it.
    pub cluster: String,
    /// Its defaults.
    pub defaults: Defaults,
}

/// See [`Command::PeerStarted`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerStarted {
    /// The new life.
    pub life: PeerLife,
    /// The name in the peers' configuration.
    pub name: String,
    /// Where it serves the Meilisearch API: a URL.
    pub http: String,
    /// Where it serves gRPC: a URL.
    pub grpc: String,
}

/// See [`Command::Adopt`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adopt {
    /// The node's name.
    pub node: NodeId,
    /// Its address: a URL without a trailing slash.
    pub url: String,
    /// The replica group.
    pub group: u32,
    /// Its share of the data, relative to the other nodes of its group.
    pub weight: u32,
    /// What `/version` said.
    pub version: String,
    /// How peers speak to it.
    pub credentials: Credentials,
}

/// One step of one queue of a lane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LaneStep {
    /// Which node.
    pub node: NodeId,
    /// Which index.
    pub index: PhysicalId,
    /// The epoch in which the sender owns the lane.
    pub epoch: Epoch,
    /// What happened, or is about to.
    pub step: QueueStep,
}

/// What a queue records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum QueueStep {
    /// A request is about to be sent.
    Start {
        /// What it asks.
        action: Action,
        /// The node's newest task now.
        node_task: Option<u32>,
    },
    /// A request has ended. The next may be recorded with it.
    Finish {
        /// Which dispatch.
        number: u64,
        /// How.
        result: DispatchResult,
        /// The next request.
        next: Option<Action>,
    },
    /// A request's outcome is unknown and it is not on the node: the index is about to be renamed there.
    Fence {
        /// Which dispatch.
        number: u64,
    },
    /// The rename has happened, and the dispatch's request either arrived before it or never will. Of a creation:
    /// the name is given up for the next.
    Fenced {
        /// Which dispatch.
        number: u64,
        /// The request's task is on the node: the dispatch stays open. Otherwise it is dropped, to be recorded again.
        arrived: bool,
    },
    /// The queue stops for a fault of the node, or goes on.
    Fault {
        /// The fault; none when it goes on.
        fault: Option<Fault>,
    },
    /// The documents of the first task were validated again: the first word counts.
    Checked {
        /// The task.
        task: TaskUid,
        /// The version of the settings that they were validated against: those that are decided.
        settings: u64,
        /// What is wrong with them.
        error: Option<ResponseError>,
    },
    /// A request failed without effect, for a fault of the node, and nothing of it can come any more: the queue stops,
    /// and what the request carried is decided anew.
    Stop {
        /// Which dispatch.
        number: u64,
        /// The fault.
        fault: Fault,
    },
}

/// See [`Command::Enqueue`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enqueue {
    /// This attempt.
    pub proposal: ProposalId,
    /// The client's idempotency key, with the hash of its method, path and body.
    pub idempotency: Option<(String, u128)>,
    /// The name that the client used; none for what is about names or tasks.
    pub index_uid: Option<IndexUid>,
    /// What the write was validated against.
    pub target: Target,
    /// What it asks.
    pub work: EnqueueWork,
    /// What the task says about itself.
    pub details: TaskDetails,
    /// What the client asked to have shown with it.
    pub custom_metadata: Option<String>,
}

/// What a write was validated against. When the state differs, the write is refused as stale and validated again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Target {
    /// The name stands for this index.
    Existing {
        /// The physical index.
        index: PhysicalId,
        /// How many settings tasks were ordered on it.
        settings: u64,
        /// The primary key by which ids were read; brought to an index that has none.
        primary_key: Option<String>,
    },
    /// The name stands for nothing: the write creates the index.
    Creates {
        /// Its primary key.
        primary_key: Option<String>,
        /// How it is cut and copied.
        shape: Shape,
    },
    /// The name stands for nothing, and the task fails for it.
    Missing,
    /// These names stand for these indexes. Each index has one name after the write as before it.
    Names(Vec<NameChange>),
}

/// What becomes of a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NameChange {
    /// The name.
    pub name: IndexUid,
    /// What it stands for.
    pub from: Option<PhysicalId>,
    /// What it stands for afterwards.
    pub to: Option<PhysicalId>,
}

/// What a write asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum EnqueueWork {
    /// A write that failed its validation: a task that fails in its turn, before any node sees it.
    Refused {
        /// Its type.
        kind: miroir_tasks::TaskKind,
        /// Why.
        error: ResponseError,
    },
    /// Add documents.
    Documents {
        /// How.
        mode: WriteMode,
        /// Leave out documents that are not there.
        skip_creation: bool,
        /// The documents.
        payload: PayloadSource,
        /// The units that they touch.
        units: UnitSet,
    },
    /// Delete by ids.
    DeleteIds {
        /// The ids.
        payload: PayloadSource,
        /// The units that they touch.
        units: UnitSet,
    },
    /// Delete what matches.
    DeleteFilter {
        /// The JSON text of the filter.
        filter: String,
    },
    /// Delete all documents.
    DeleteAll,
    /// Change settings.
    Settings {
        /// What the client sent.
        patch: SettingsPatch,
    },
    /// Create the index.
    CreateIndex,
    /// Delete the index.
    DeleteIndex,
    /// Set the primary key: the one that [`Target::Existing`] names.
    SetPrimaryKey,
    /// Give one index another name, as [`Target::Names`] says.
    Rename,
    /// Change several names at once, as [`Target::Names`] says.
    Swap,
    /// Cancel what has not begun of these unfinished tasks: first and last of each run.
    Cancel {
        /// The runs.
        tasks: Vec<(TaskUid, TaskUid)>,
    },
    /// Edit documents by a function.
    Edit(Edit),
}

/// Where the bytes of a payload are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayloadSource {
    /// How many frames.
    pub frames: u32,
    /// The chunks themselves, when they are small; none when an upload brought them.
    pub inline: Vec<Bytes>,
    /// The upload that brought them, with how many chunks it must have.
    pub upload: Option<(UploadId, u32)>,
}
