//! The delivery of one index's tasks to one node, as the state records it.

use std::fmt;

use imbl::OrdSet;
use miroir_api::ResponseError;
use miroir_model::{Epoch, Generation, PhysicalId, PhysicalName, ShardId, TaskUid, Timestamp};
use serde::{Deserialize, Serialize};

/// The tasks of one index that one node has not finished, and how far delivery got.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queue {
    /// The generation of the index's name on the node.
    pub generation: Generation,
    /// A rename to the next generation was recorded, and may have happened.
    pub renaming: bool,
    /// Whether the index is there.
    pub stage: Stage,
    /// The version of the settings that the node has, once it has any of ours.
    pub installed: Option<u64>,
    /// The unfinished tasks, in order.
    pub pending: OrdSet<TaskUid>,
    /// The bytes of their payloads, as stored. A payload counts whole although the node gets a part of it.
    pub pending_bytes: u64,
    /// How far the first pending task got.
    pub progress: Progress,
    /// The request that is recorded and not known to have ended.
    pub dispatch: Option<Dispatch>,
    /// The number of the next dispatch. Never reused on this queue.
    pub next_dispatch: u64,
    /// A joined request failed: up to this task, each goes alone.
    pub apart_until: Option<TaskUid>,
    /// Why the queue is stopped, when it is, and since when.
    pub fault: Option<(Fault, Timestamp)>,
    /// The last deletion by ids that was sent early, past what stops the queue. It is sent again in its place.
    pub ahead: Option<TaskUid>,
    /// Whether searches may use this node for the index.
    pub searchable: bool,
    /// Since which version of the state they may not: as long as some peer searches an older one, tasks wait.
    pub hidden: Option<u64>,
    /// It becomes searchable once every task before this one is finished.
    pub returns_at: Option<TaskUid>,
    /// Whether tasks wait for this node.
    pub required: bool,
    /// What the node has of the index is not to be used any more.
    pub lost: Option<Lost>,
    /// The node's last task that is recorded as ended.
    pub node_task: Option<u32>,
}

/// Whether a physical index is on a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// Not created yet.
    Absent,
    /// Created.
    Present,
}

/// How far the first pending task of a queue got. Everything before is finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Progress {
    /// The part that is being delivered.
    pub part: Part,
    /// Frames of the payload that are finished in this part.
    pub frames: u32,
}

/// A deletion or an edit of documents goes to a node in two parts: first over the units that this node counts for the
/// whole cluster, then over the others that it holds; a part without units is left out. Everything else has only the
/// first part, unless the node refuses some of its documents: then those of each shard go alone, so that only the shards
/// that hold what it refuses go without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub enum Part {
    /// The documents that this node counts; all of them where nothing is counted.
    #[default]
    Counted,
    /// The other documents that it holds.
    Rest,
    /// The documents of one shard, of a task that was refused as a whole.
    Shard {
        /// The shard.
        shard: ShardId,
        /// The frame that was refused: what is before it, the node has.
        from: u32,
    },
}

impl Progress {
    /// Before the first document of a shard that the node does not have.
    pub(crate) fn of_shard(shard: ShardId, from: u32) -> Self {
        Self { part: Part::Shard { shard, from }, frames: from }
    }
}

/// One request to the node, recorded before it is sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dispatch {
    /// Its number on this queue; part of its [mark](Dispatch::mark).
    pub number: u64,
    /// The epoch of the lane that recorded it. An owner sends only its own.
    pub epoch: Epoch,
    /// The generation of the name that it speaks to.
    pub generation: Generation,
    /// The node's newest task when it was recorded: the request's own task is newer.
    pub node_task: Option<u32>,
    /// What it asks.
    pub action: Action,
}

impl Dispatch {
    /// The text by which the request's task is known on the node, where the node keeps one.
    pub fn mark(&self, index: PhysicalId) -> String {
        format!("miroir:{}:{}", PhysicalName { index, generation: self.generation }, self.number)
    }
}

/// What a dispatch asks of the node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// Create the physical index.
    Create,
    /// Install the decided settings of this version: at first, and to roll back.
    Configure {
        /// That version.
        version: u64,
    },
    /// Send documents, or ids to delete: slices of tasks of one kind, in order.
    Send(Vec<Slice>),
    /// Send a barrier: settings, a primary key, an edit, or a deletion by filter or of all. Of an edit or a deletion,
    /// only over the units of the part that the queue is at ([`Index::units_of_part`](crate::Index::units_of_part)).
    Alone(TaskUid),
    /// Ask how many documents the node counts of an index that is about to be deleted. Changes nothing.
    Count(TaskUid),
    /// Delete the physical index: its deletion is done, and no search uses it any more.
    Drop,
    /// Send a deletion by ids early, past what stops the queue.
    Ahead(TaskUid),
    /// Try an edit over all that the node holds: it changes nothing, and fails where the edit would.
    Try(TaskUid),
}

/// A run of a task's payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slice {
    /// The task.
    pub task: TaskUid,
    /// Where it starts.
    pub from: Progress,
    /// The frame after its last; `None` when it goes to the end of the part.
    pub to: Option<u32>,
}

/// Why a queue is stopped: a fault of the node, never of a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// The node's own words, or what happened on the way to it.
    pub text: String,
}

/// Why what a node has of an index is not used any more. It stays so until it is rebuilt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Lost {
    /// It was away, or stopped, for longer than its tasks are kept.
    Behind,
    /// The node proved to hold older data, none, or someone else's.
    Proved(Proof),
    /// It refused a task that another copy of the same documents took.
    Disagrees(TaskUid),
    /// It refused settings that every required copy took.
    Settings,
}

impl fmt::Display for Lost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Behind => f.write_str("it was away for longer than its tasks are kept"),
            Self::Proved(Proof::Older) => f.write_str("the node holds older data than it had"),
            Self::Proved(_) => f.write_str("the node is another, or empty"),
            Self::Disagrees(task) => write!(f, "it refused task {task}, which another copy took"),
            Self::Settings => f.write_str("it refused settings that the other copies took"),
        }
    }
}

/// What the look at a node has shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Proof {
    /// It is the node that was adopted, as new as its lane's record.
    Same,
    /// It takes its master key, and lacks what the record says it has done.
    Older,
    /// It takes its master key, and lacks the key of its adoption.
    Foreign,
    /// It refuses its master key.
    Unauthorized,
}

/// How a dispatch ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum DispatchResult {
    /// The node did it.
    Done {
        /// The node's task.
        node_task: Option<u32>,
        /// For each deletion in it, in order, how many documents went; fewer entries when it cannot be told. Of an
        /// index, only the documents of the units that the node counts ([`Task::counts`](crate::Task::counts)).
        deleted: Vec<u64>,
    },
    /// The node refused a request that held several tasks: each is sent again alone.
    Apart {
        /// The node's task.
        node_task: Option<u32>,
    },
    /// The node refused a request that held one task, for a reason that is the user's: a verdict on the shards of the
    /// request, where they are one; otherwise each goes alone. What the node took of the task before stays.
    Refused {
        /// The node's task.
        node_task: Option<u32>,
        /// What the node said.
        error: ResponseError,
    },
}

impl Queue {
    /// The queue of an index that the node does not have yet: searchable when the task that creates it is finished.
    pub fn new(hidden: u64, creating: TaskUid) -> Self {
        Self {
            generation: Generation::default(),
            renaming: false,
            stage: Stage::Absent,
            installed: None,
            pending: OrdSet::new(),
            pending_bytes: 0,
            progress: Progress::default(),
            dispatch: None,
            next_dispatch: 0,
            apart_until: None,
            fault: None,
            ahead: None,
            searchable: false,
            hidden: Some(hidden),
            returns_at: Some(creating.next()),
            required: true,
            lost: None,
            node_task: None,
        }
    }

    /// Whether a task that has a place in this queue is joined with no other: it was refused with others, or other shards
    /// of the first task come before the next.
    pub fn goes_alone(&self, task: TaskUid) -> bool {
        let by_shards = matches!(self.progress.part, Part::Shard { .. });
        by_shards || self.apart_until.is_some_and(|until| task <= until)
    }

    /// The index's name on the node.
    pub fn name(&self, index: PhysicalId) -> PhysicalName {
        PhysicalName { index, generation: self.generation }
    }
}
