//! Why a search has no answer.

use std::collections::BTreeSet;
use std::time::Duration;

use miroir_api::{ErrorCode, ResponseError};
use miroir_cluster::BarrierError;
use miroir_model::NodeId;
use miroir_node::NodeError;
use miroir_query::{MergeError, PlanError};

/// Why a search has no answer.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// Nothing is served under the name.
    #[error("Index `{0}` not found.")]
    IndexNotFound(String),
    /// This peer cannot tell whether it knows everything that was committed.
    #[error("No leader could be reached, and this peer may lack what was committed before; try again.")]
    NoQuorum,
    /// A shard has no copy that answers.
    #[error("{error}{}", silent(failed))]
    Unavailable {
        /// Which shard.
        error: PlanError,
        /// The nodes that were asked and failed.
        failed: Vec<NodeId>,
    },
    /// No copy of a document answers.
    #[error("No copy of the document answers: {0} says {1}.")]
    NoAnswer(NodeId, NodeError),
    /// Its time is up.
    #[error("The search was given up after {} s.{}", deadline.as_secs_f64(), silent(nodes))]
    Late {
        /// The nodes that were waited for.
        nodes: Vec<NodeId>,
        /// For how long.
        deadline: Duration,
    },
    /// What nodes have answered takes all the memory that it may.
    #[error(
        "This peer has no memory left for what nodes answer to this search. Nothing is wrong with the index: try again, \
         or ask for fewer hits or fewer attributes. `search.memory` says how much it may take."
    )]
    NoRoom,
    /// What was asked is wrong, in the words of one Meilisearch.
    #[error("{0}")]
    Refused(ResponseError),
    /// A node's answer is none.
    #[error(transparent)]
    Merge(#[from] MergeError),
    /// A node failed in a way that another copy would not mend.
    #[error("{0} answered {1}")]
    Node(NodeId, String),
}

/// Which nodes did not answer, where that is known.
fn silent(nodes: &[NodeId]) -> String {
    let names: Vec<&str> = nodes.iter().map(NodeId::as_str).collect();
    if names.is_empty() { String::new() } else { format!(" Without an answer: {}.", names.join(", ")) }
}

impl SearchError {
    /// Whether the same may have an answer when it is asked again at once.
    pub(crate) fn is_of_a_moment(&self) -> bool {
        matches!(self, Self::Unavailable { .. } | Self::NoAnswer(..))
    }

    /// The same, where these nodes have failed before.
    pub(crate) fn after(self, nodes: &BTreeSet<NodeId>) -> Self {
        match self {
            Self::Unavailable { error, .. } => {
                Self::Unavailable { error, failed: nodes.iter().cloned().collect() }
            }
            other => other,
        }
    }
}

impl From<PlanError> for SearchError {
    fn from(error: PlanError) -> Self {
        Self::Unavailable { error, failed: Vec::new() }
    }
}

impl From<BarrierError> for SearchError {
    fn from(_: BarrierError) -> Self {
        Self::NoQuorum
    }
}

impl From<SearchError> for ResponseError {
    fn from(error: SearchError) -> Self {
        match error {
            SearchError::IndexNotFound(uid) => Self::index_not_found(&uid),
            error @ SearchError::NoQuorum => Self::new(ErrorCode::MiroirNoQuorum, error.to_string()),
            error @ (SearchError::Unavailable { .. }
            | SearchError::NoAnswer(..)
            | SearchError::Late { .. }) => Self::new(ErrorCode::MiroirShardUnavailable, error.to_string()),
            error @ SearchError::NoRoom => Self::new(ErrorCode::MiroirBackpressure, error.to_string()),
            SearchError::Refused(error) => error,
            error @ (SearchError::Merge(_) | SearchError::Node(..)) => {
                Self::new(ErrorCode::Internal, error.to_string())
            }
        }
    }
}
