//! Peers and nodes, as the state knows them.

use std::fmt;

use imbl::OrdSet;
use miroir_model::{Epoch, NodeId, PeerId, PeerLife};
use serde::{Deserialize, Serialize};

/// A peer that has started at least once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peer {
    /// The name in the peers' configuration.
    pub name: String,
    /// Where it serves the Meilisearch API: a URL.
    pub http: String,
    /// Where it serves gRPC: a URL.
    pub grpc: String,
    /// Its present process life.
    pub boot: u64,
    /// Whether the leader sees it answer.
    pub alive: bool,
    /// Its attempts with smaller numbers were settled so long ago that it is forgotten how.
    pub forgotten: u64,
}

/// A Meilisearch server that holds documents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// Its name.
    pub id: NodeId,
    /// Its address: a URL without a trailing slash.
    pub url: String,
    /// The replica group that it belongs to.
    pub group: u32,
    /// Its share of the data, relative to the other nodes of its group.
    pub weight: u32,
    /// What `/version` said when it was adopted.
    pub version: String,
    /// How peers speak to it.
    pub credentials: Credentials,
    /// Whether it can be used.
    pub state: NodeState,
    /// The peers that could not reach it when they last tried.
    pub unreachable_by: OrdSet<PeerId>,
    /// The peers that reached it when they last tried. One that is in neither has not tried yet.
    pub reached_by: OrdSet<PeerId>,
    /// Who delivers to it.
    pub lane: Lane,
}

/// What peers use to speak to a node. Never shown: `Debug` redacts it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials {
    /// The node's master key, for what the lane key may not do: adoption, creating indexes, edits by function.
    pub master_key: String,
    /// The key of lanes; it cannot create indexes.
    pub lane_key: String,
    /// The key of searches.
    pub search_key: String,
    /// The uid of the lane key: new for every adoption, so it tells an adopted node from any other.
    pub adoption: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("adoption", &self.adoption).finish_non_exhaustive()
    }
}

/// Whether a node can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum NodeState {
    /// Some peer reaches it.
    Up,
    /// Every live peer that tried failed to reach it.
    Down,
    /// It is proved older or empty, or was given up: what it holds is not used until it is rebuilt.
    Lost,
    /// It refuses its master key.
    Unauthorized,
}

impl NodeState {
    /// The name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Lost => "lost",
            Self::Unauthorized => "unauthorized",
        }
    }
}

/// Who delivers to a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Lane {
    /// The peer that the leader wants to deliver.
    pub assigned: Option<PeerId>,
    /// The process life that delivers: set when it took the lane over.
    pub owner: Option<PeerLife>,
    /// Counts the take-overs. Steps of another epoch are refused.
    pub epoch: Epoch,
}

/// What an index gets whose creator names no shape, and how nodes are dealt to groups. Set once, at the first start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Defaults {
    /// Shards of a new index; by the number of nodes where not set.
    pub shards: Option<u16>,
    /// Copies of each shard in each group.
    pub factor: u16,
    /// Number of replica groups.
    pub groups: u32,
    /// How many tasks are kept, about: when there are more, the oldest that have ended are forgotten.
    pub history: u64,
}

impl Default for Defaults {
    /// One group with one copy of each shard, and as many tasks as Meilisearch keeps: a million.
    fn default() -> Self {
        Self { shards: None, factor: 1, groups: 1, history: 1_000_000 }
    }
}
