//! How a request to a node can fail.

/// Why a request to a node has no good answer.
///
/// What matters to a sender is whether the node may have done what was asked. Only [`Unreachable`](Self::Unreachable)
/// and [`Rejected`](Self::Rejected) mean that it did not and never will; after the other two the request may already
/// be done, or may still land. No error says more than that, a time-out least of all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NodeError {
    /// The request surely never left: its address did not resolve, the connection was refused or not made in time,
    /// or the request could not be written down at all.
    #[error("the node cannot be reached: {0}")]
    Unreachable(String),
    /// The request was or may have been sent and no whole answer came back (time-out, reset, a cut answer), or the
    /// node answered with a fault of its own (5xx), which says nothing about what was done before it.
    #[error("the outcome is not known: {0}")]
    Unknown(String),
    /// The node refused the request (4xx, in Meilisearch's form). It did nothing.
    #[error("{code} ({status}): {message}")]
    Rejected {
        /// The HTTP status.
        status: u16,
        /// Meilisearch's error code, such as `index_not_found`.
        code: String,
        /// Meilisearch's error type, such as `invalid_request`.
        kind: String,
        /// Meilisearch's words.
        message: String,
    },
    /// The answer is not one that this contract knows: whatever answers is no Meilisearch, or another version of it.
    /// It may have done anything.
    #[error("the answer is not that of a node: {0}")]
    Incompatible(String),
}

impl NodeError {
    /// Whether the node surely did not do what was asked, and never will.
    pub fn did_not_happen(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::Rejected { .. })
    }

    /// Meilisearch's error code, when the node refused.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Rejected { code, .. } => Some(code),
            _ => None,
        }
    }
}
