//! The replicated state: commands, `apply`, invariants and the port to it.
//!
//! Every peer holds one [`State`] and feeds it the same [`Command`]s in the same order; [`State::apply`] is pure, so
//! all peers hold the same state. It does no I/O, reads no clock and draws no random numbers: the leader stamps each
//! command, and `apply` uses the largest stamp seen. A command that does not fit the state is refused: that is an
//! [`Outcome`], never an error, and changes nothing.
//!
//! State is small by construction: metadata and unfinished work. What grows with history leaves it as [`Row`]s, and
//! payload bytes leave it as stored chunks; both are part of what `apply` returns, and whoever keeps the log also
//! keeps them.
//!
//! # What delivery stands on
//!
//! For each index and node there is one [`Queue`]: the tasks that the node has not finished, in task order, and at
//! most one open [`Dispatch`]. A lane's owner records a dispatch *before* it sends the request, and records how it
//! ended before the next. A position is never stored twice: it is the first pending task, and how far that one got.
//!
//! # Two views
//!
//! Names, primary keys and settings exist *as ordered* (what the next task resolves against) and *as served* (what
//! reads and searches see, changed in task order when all before it is done). That is how "load, then search" keeps
//! its meaning.

mod apply;
mod codec;
mod command;
mod history;
mod index;
pub mod invariants;
mod ledger;
mod limits;
mod nodes;
mod outcome;
mod passing;
mod queue;
mod reads;
mod rows;
mod state;
mod task;
mod text;

pub use apply::Applied;
pub use codec::DecodeError;
pub use command::{
    Adopt, Command, CopyChange, CopyStep, Enqueue, EnqueueWork, Found, LaneStep, NameChange, PayloadSource,
    PeerStarted, QueueStep, Target,
};
pub use history::{FinishedTasks, HistoryError, finished_tasks};
pub use index::{Index, IndexSettings, SettingsChange, Shape};
pub use ledger::{
    BarrierError, Leadership, Ledger, Member, PayloadError, ProposeError, Report, Reports, Rows, RowsError,
    RowsPage,
};
pub use limits::{QueueLimits, STALE_LIMIT};
pub use nodes::{Credentials, Defaults, Lane, Node, NodeState, Peer};
pub use outcome::{Outcome, Refusal, Settled, Stale, StepRefused};
pub use queue::{Action, Dispatch, DispatchResult, Fault, Lost, Part, Progress, Proof, Queue, Slice, Stage};
pub use reads::Lag;
pub use rows::{Row, task_from_rows, task_row_range};
pub use state::{ChunkId, ChunkMeta, Features, Idempotency, Names, ProposalId, State, Upload, UploadId};
pub use task::{Edit, Payload, Recheck, Refused, Task, Trial, Work, WriteMode};
pub use text::recordable;
