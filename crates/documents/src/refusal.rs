//! Why a task fails because of its documents.

use miroir_api::{ErrorCode, ResponseError};

/// What is wrong with a batch of documents. It becomes the error of the task, which then has no effect.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// Meilisearch's code.
    pub code: ErrorCode,
    /// Meilisearch's text.
    pub message: String,
}

impl Refusal {
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// A refusal that Meilisearch finds while it indexes, after all ids were read: its text names the index.
    pub(crate) fn while_indexing(index_uid: &str, code: ErrorCode, message: impl std::fmt::Display) -> Self {
        Self::new(code, format!("Index `{index_uid}`: {message}"))
    }
}

impl From<Refusal> for ResponseError {
    fn from(refusal: Refusal) -> Self {
        Self::new(refusal.code, refusal.message)
    }
}
