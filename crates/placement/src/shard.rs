//! A shard and its copies.

use std::collections::BTreeMap;

use miroir_model::{NodeId, ShardId, SlotRange};
use serde::{Deserialize, Serialize};

/// How far a copy is. Whether a search may use it and whether tasks wait for it are facts of the node and the index,
/// not of the copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum CopyState {
    /// It is being filled.
    Joining,
    /// It holds the shard.
    Serving,
    /// It goes on receiving until no search uses it any more; then its documents are deleted.
    Leaving,
}

impl CopyState {
    /// The name that operators see.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Joining => "joining",
            Self::Serving => "serving",
            Self::Leaving => "leaving",
        }
    }
}

/// A contiguous run of units of one index, and the nodes that have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard {
    /// Its id, never reused within its index.
    pub id: ShardId,
    /// Its slots.
    pub range: SlotRange,
    /// Its copies: at most one on a node.
    pub copies: BTreeMap<NodeId, CopyState>,
}

impl Shard {
    /// The nodes whose copy is in this state, in the order of their names.
    pub fn nodes_in(&self, state: CopyState) -> impl Iterator<Item = &NodeId> {
        self.copies.iter().filter(move |(_, is)| **is == state).map(|(node, _)| node)
    }
}
