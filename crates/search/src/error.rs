//! Why a search has no answer.

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
    #[error(transparent)]
    Unavailable(#[from] PlanError),
    /// No copy of a document answers.
    #[error("No copy of the document answers: {0} says {1}.")]
    NoAnswer(NodeId, NodeError),
    /// Its time is up.
    #[error("The search was given up after {} s{}.", deadline.as_secs_f64(), waited_for(nodes))]
    Late {
        /// The nodes that were waited for.
        nodes: Vec<NodeId>,
        /// For how long.
        deadline: Duration,
    },
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

fn waited_for(nodes: &[NodeId]) -> String {
    let names: Vec<&str> = nodes.iter().map(NodeId::as_str).collect();
    if names.is_empty() { String::new() } else { format!(": {} did not answer", names.join(", ")) }
}

impl SearchError {
    /// Whether the same may have an answer when it is asked again at once.
    pub(crate) fn is_of_a_moment(&self) -> bool {
        matches!(self, Self::Unavailable(_) | Self::NoAnswer(..))
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
            SearchError::Unavailable(error) => error.into(),
            error @ (SearchError::NoAnswer(..) | SearchError::Late { .. }) => {
                Self::new(ErrorCode::MiroirShardUnavailable, error.to_string())
            }
            SearchError::Refused(error) => error,
            error @ (SearchError::Merge(_) | SearchError::Node(..)) => {
                Self::new(ErrorCode::Internal, error.to_string())
            }
        }
    }
}
