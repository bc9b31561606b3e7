//! The body of an error.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{ErrorCode, ErrorType};

/// An error as users see it, in an answer or in a task.
///
/// All four members are Meilisearch's. It is a stored format: the log and the history of tasks hold it (postcard).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResponseError {
    /// What happened, in words.
    pub message: String,
    /// What happened, as a name.
    pub code: ErrorCode,
    /// Who must act; follows from the code.
    #[serde(rename = "type")]
    pub error_type: ErrorType,
    /// Where the code is documented; follows from the code.
    pub link: String,
}

impl ResponseError {
    /// The error with this code and message.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        let mut message = message.into();
        if code == ErrorCode::IoError {
            // Meilisearch's words, for this code only.
            message.push_str(
                ". This error generally happens when you have no space left on device or when your database \
                 doesn't have read or write right.",
            );
        }
        Self { message, code, error_type: code.error_type(), link: code.link() }
    }

    /// A 404 for an index of this name.
    pub fn index_not_found(uid: &str) -> Self {
        Self::new(ErrorCode::IndexNotFound, format!("Index `{uid}` not found."))
    }

    /// The HTTP status of an answer with this body.
    pub fn http_status(&self) -> u16 {
        self.code.http_status()
    }
}

impl fmt::Display for ResponseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ResponseError {}

#[cfg(test)]
mod tests {
    use super::*;

    /// The body of a real server.
    const BODY: &str = r#"{"message":"Index `test` not found.","code":"index_not_found","type":"invalid_request","link":"https://docs.meilisearch.com/errors#index_not_found"}"#;

    #[test]
    fn serialises_as_meilisearch_does() {
        let error = ResponseError::index_not_found("test");
        assert_eq!(serde_json::to_string(&error).unwrap(), BODY);
        assert_eq!(serde_json::from_str::<ResponseError>(BODY).unwrap(), error);
        assert_eq!(error.http_status(), 404);
    }

    #[test]
    fn the_log_can_store_it() {
        let error = ResponseError::new(ErrorCode::MiroirNoQuorum, "no leader");
        let bytes = postcard::to_stdvec(&error).unwrap();
        assert_eq!(postcard::from_bytes::<ResponseError>(&bytes).unwrap(), error);
        assert_eq!((error.http_status(), error.code.retry_after_seconds()), (503, Some(1)));
    }
}
