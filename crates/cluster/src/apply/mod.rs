//! `apply`: one command, one step of the state.
//!
//! Pure, total and infallible. Each file holds the commands of one subject; what they share is here: the clock of the
//! log, the ages of what expires, and what leaves the state.

mod actions;
mod attempts;
mod cancel;
mod copies;
mod enqueue;
mod finish;
mod history;
mod lanes;
mod nodes;
mod place;
mod results;
mod settings;
mod settle;
mod uploads;
mod verdict;

pub(crate) use settle::standing;

use bytes::Bytes;
use miroir_model::{TaskUid, Timestamp};

use crate::command::Command;
use crate::outcome::Outcome;
use crate::rows::Row;
use crate::state::{ChunkId, ChunkMeta, State};

/// What one command did, apart from the state itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The answer to whoever proposed it.
    pub outcome: Outcome,
    /// History to write. Writing it again is harmless.
    pub rows: Vec<Row>,
    /// History to remove first: the rows of all tasks below this one.
    pub forgotten: Option<TaskUid>,
    /// Payload bytes to keep as long as [`State::chunks`] names them.
    pub stored: Vec<(ChunkId, Bytes)>,
}

/// The state under one command.
pub(crate) struct Apply<'a> {
    pub(crate) state: &'a mut State,
    pub(crate) now: Timestamp,
    pub(crate) rows: Vec<Row>,
    pub(crate) forgotten: Option<TaskUid>,
    pub(crate) stored: Vec<(ChunkId, Bytes)>,
}

impl State {
    /// Applies one command. `stamp` is the leader's clock when it was proposed.
    pub fn apply(&mut self, stamp: Timestamp, command: &Command) -> Applied {
        self.version += 1;
        self.stamp = self.stamp.max(stamp);
        let now = self.stamp;
        let mut apply = Apply { state: self, now, rows: Vec::new(), forgotten: None, stored: Vec::new() };
        apply.expire();
        let outcome = apply.command(command);
        let Apply { rows, forgotten, stored, .. } = apply;
        #[cfg(debug_assertions)]
        crate::invariants::assert_all(self);
        Applied { outcome, rows, forgotten, stored }
    }
}

impl Apply<'_> {
    fn command(&mut self, command: &Command) -> Outcome {
        let refusable = match command {
            Command::Found(found) => self.found(found),
            Command::PeerStarted(started) => self.peer_started(started),
            Command::PeerAlive { peer, alive } => self.peer_alive(*peer, *alive),
            Command::Adopt(adopt) => self.adopt(adopt),
            Command::NodeSeen { node, by, reachable } => self.node_seen(node, *by, *reachable),
            Command::AssignLane { node, peer } => self.assign_lane(node, *peer),
            Command::TakeLane { node, life } => self.take_lane(node, *life),
            Command::Lanes(steps) => {
                Ok(Outcome::Lanes(steps.iter().map(|step| self.lane_step(step)).collect()))
            }
            Command::Chunk { upload, seq, bytes } => self.chunk(*upload, *seq, bytes),
            Command::DropUpload { upload } => {
                self.drop_upload(*upload);
                Ok(Outcome::Done)
            }
            Command::Enqueue(enqueue) => self.enqueue(enqueue),
            Command::Settle { proposal } => Ok(self.settle(*proposal)),
            Command::Copy(step) => self.copy(step),
            Command::NodeProved { node, by, proof } => self.node_proved(node, *by, *proof),
            Command::Shown { version } => {
                self.shown(*version);
                Ok(Outcome::Done)
            }
            Command::Features { edit_documents } => {
                self.state.features.change(*edit_documents);
                Ok(Outcome::Done)
            }
        };
        refusable.unwrap_or_else(Outcome::Refused)
    }

    /// Keeps bytes under a new id.
    pub(crate) fn store(&mut self, bytes: &Bytes) -> ChunkId {
        let id = self.state.next_chunk;
        self.state.next_chunk = ChunkId(id.0 + 1);
        self.state.chunks.insert(id, ChunkMeta::of(bytes));
        self.stored.push((id, bytes.clone()));
        id
    }

    /// Lets go of bytes.
    pub(crate) fn release(&mut self, chunks: &[ChunkId]) {
        for chunk in chunks {
            self.state.chunks.remove(chunk);
        }
    }
}
