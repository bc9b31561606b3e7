//! The types that the group is made of, fixed once: no other file names openraft's generics.

use std::fmt;

use bytes::Bytes;
use miroir_cluster::Outcome;
use miroir_model::Timestamp;
use serde::{Deserialize, Serialize};

openraft::declare_raft_types!(
    /// Raft as Miroir uses it.
    pub(crate) Group:
        D = Proposal,
        R = Reply,
        NodeId = u64,
        Node = Member,
);

/// One entry: a command as bytes, stamped by the leader that took it.
///
/// It stays encoded until it is applied: leaders and followers pass megabytes of payload on without looking inside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Proposal {
    /// When the leader took it, by its clock.
    pub(crate) stamp: Timestamp,
    /// [`Command::encode`](miroir_cluster::Command::encode).
    pub(crate) command: Bytes,
}

impl fmt::Display for Proposal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes at {}", self.command.len(), self.stamp.to_rfc3339())
    }
}

/// What applying an entry answers; nothing for the entries of Raft itself.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Reply(pub(crate) Option<Outcome>);

/// A member of the group, as the log knows it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its name in the peers' configuration.
    pub name: String,
    /// Where it serves gRPC: `host:port`.
    pub grpc: String,
}

pub(crate) type Entry = openraft::alias::EntryOf<Group>;
pub(crate) type Payload = openraft::alias::PayloadOf<Group>;
pub(crate) type LogId = openraft::alias::LogIdOf<Group>;
pub(crate) type Vote = openraft::alias::VoteOf<Group>;
pub(crate) type LeaderId = openraft::alias::LeaderIdOf<Group>;
pub(crate) type Membership = openraft::alias::StoredMembershipOf<Group>;
pub(crate) type SnapshotMeta = openraft::alias::SnapshotMetaOf<Group>;
pub(crate) type Flushed = openraft::storage::IOFlushed<Group>;
pub(crate) type Snapshot = openraft::alias::SnapshotOf<Group, crate::snapshot::SnapshotData>;
