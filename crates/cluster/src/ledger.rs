//! The port through which everything outside reads and changes the state.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use miroir_model::{PeerId, PeerLife, Timestamp};

use crate::command::Command;
use crate::outcome::Outcome;
use crate::state::{ChunkId, State};

/// One peer's view of the log. `consensus` implements it over Raft, `testkit` in memory.
#[async_trait]
pub trait Ledger: Send + Sync + 'static {
    /// The process life of this peer.
    fn me(&self) -> PeerLife;

    /// This peer's wall clock, for what the log's is too old for: that stands still while nobody writes.
    fn now(&self) -> Timestamp;

    /// What this peer has applied.
    fn state(&self) -> Arc<State>;

    /// Waits until this peer has applied more than `since` commands.
    async fn changed(&self, since: u64) -> Arc<State>;

    /// Has a command committed and applied, by way of the leader.
    ///
    /// # Errors
    /// [`ProposeError::Unknown`] when it may have been, or may be yet; every other error when it surely was not.
    async fn propose(&self, command: Command) -> Result<Outcome, ProposeError>;

    /// Waits until this peer has applied everything that was committed when it was asked.
    ///
    /// # Errors
    /// When no leader confirms it in time.
    async fn read_barrier(&self) -> Result<(), BarrierError>;

    /// Tells the leader the oldest version of the state that this peer's searches use, running ones included. Answers
    /// when the leader has noted it and is known to lead since: until then this peer may be out of touch. A leader notes
    /// its own.
    ///
    /// # Errors
    /// When no leader confirms it in time.
    async fn report(&self, version: u64) -> Result<(), BarrierError>;

    /// What peers have reported to this one as the leader. Forgotten when it leads no more, or anew.
    fn reports(&self) -> Reports;

    /// Waits until more than `since` reports were noted ([`Reports::noted`]).
    async fn reported(&self, since: u64);

    /// The bytes of a chunk.
    ///
    /// # Errors
    /// When the chunk is not kept any more, or cannot be read.
    async fn payload(&self, chunk: ChunkId) -> Result<Bytes, PayloadError>;

    /// The history beside the state.
    fn rows(&self) -> Arc<dyn Rows>;

    /// Who leads, and how far the log got.
    fn leadership(&self) -> Leadership;

    /// The members of the group, as this peer knows them.
    fn members(&self) -> Vec<Member>;

    /// Whether this peer's disk is nearly full, so that it takes no payload.
    fn disk_low(&self) -> bool {
        false
    }
}

/// Rows of history, as [`Row`](crate::Row)s wrote them. They may be newer than the state, so a reader looks in the
/// state first.
pub trait Rows: Send + Sync {
    /// The value of a key.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, RowsError>;

    /// The rows `first..=last`, lowest first, or highest first when `reverse`; at most `limit`.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn scan(&self, range: (&[u8], &[u8]), limit: usize, reverse: bool) -> RowsPage;
}

/// What a scan gives: pairs of key and value.
pub type RowsPage = Result<Vec<(Vec<u8>, Vec<u8>)>, RowsError>;

/// The store of rows failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the history cannot be read: {0}")]
pub struct RowsError(pub String);

/// Why a command was not, or may not have been, committed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProposeError {
    /// No leader took it in time: it surely was not proposed.
    #[error("no leader could be reached")]
    NoQuorum,
    /// It was proposed, and no answer came: it may be committed yet.
    #[error("the outcome is unknown")]
    Unknown,
    /// The leader is low on disk and takes only what frees space. It was not proposed.
    #[error("the disk of the leader is nearly full")]
    DiskLow,
    /// There is a leader, but too much is under way to it already. It was not proposed.
    #[error("too many writes are under way")]
    Busy,
    /// Its encoding is larger than any command's may be, which every peer must be able to pass on. It was not proposed.
    #[error("the command has {bytes} bytes, and none may have more than {limit}")]
    TooLarge {
        /// Its length, encoded, in bytes.
        bytes: usize,
        /// The largest length, in bytes.
        limit: usize,
    },
    /// The leader cannot read it, since it runs another version. It was not proposed.
    #[error("the leader runs a version that does not know this command")]
    NotUnderstood,
    /// This peer is stopping. It was not proposed.
    #[error("this peer is stopping")]
    Stopping,
}

/// Why a barrier was not passed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BarrierError {
    /// No leader confirmed it in time.
    #[error("no leader could be reached")]
    NoQuorum,
    /// This peer is stopping.
    #[error("this peer is stopping")]
    Stopping,
}

/// Why a chunk cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// Nothing needs it any more.
    #[error("chunk {0} is not kept any more")]
    Gone(ChunkId),
    /// It cannot be read, or is not what was written.
    #[error("chunk {0} cannot be read: {1}")]
    Damaged(ChunkId, String),
}

/// What peers have told their leader.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reports {
    /// For how long this peer leads; `None` when it does not.
    pub leading_for: Option<Duration>,
    /// How many were noted in this process life.
    pub noted: u64,
    /// The last report of each peer that made one since.
    pub peers: BTreeMap<PeerId, Report>,
}

/// A peer's last report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    /// The peer's process life.
    pub life: PeerLife,
    /// The oldest version of the state that its searches use.
    pub version: u64,
    /// How long ago it was received.
    pub age: Duration,
}

/// A member of the group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// Which peer.
    pub peer: PeerId,
    /// Whether it votes; a learner only follows.
    pub voter: bool,
    /// The last entry that it is known to have: of itself every peer knows what it applied, of the others only the
    /// leader what they have in their log.
    pub applied: Option<u64>,
}

/// Who leads, and how far the log got, as this peer sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Leadership {
    /// The leader.
    pub leader: Option<PeerId>,
    /// Whether this peer is the leader.
    pub is_leader: bool,
    /// The term.
    pub term: u64,
    /// The last entry that is known to be committed.
    pub committed: u64,
    /// The last entry that was applied here.
    pub applied: u64,
}
