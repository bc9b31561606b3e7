//! What is wrong with a payload before any document of it is judged.

use miroir_api::{ErrorCode, ResponseError};
use serde_json::error::Category;

use crate::Format;

/// Why a request with documents is refused at once. No task comes of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PayloadError {
    /// No `Content-Type`.
    #[error(
        "A Content-Type header is missing. Accepted values for the Content-Type header are: `application/json`, \
         `application/x-ndjson`, `text/csv`"
    )]
    MissingContentType,
    /// A `Content-Type` that is no format of ours.
    #[error(
        "The Content-Type `{0}` is invalid. Accepted values for the Content-Type header are: `application/json`, \
         `application/x-ndjson`, `text/csv`"
    )]
    InvalidContentType(String),
    /// `csvDelimiter` beside another format.
    #[error(
        "The Content-Type `{0}` does not support the use of a csv delimiter. The csv delimiter can only be used \
         with the Content-Type `text/csv`."
    )]
    DelimiterWithoutCsv(String),
    /// A `csvDelimiter` that is no ASCII character; with the whole text.
    #[error("{0}")]
    InvalidDelimiter(String),
    /// An empty body.
    #[error("A {0} payload is missing.")]
    Missing(Format),
    /// The body is not in its format; with the whole text.
    #[error("{0}")]
    Malformed(String),
    /// Something in a list of documents is no object; with the parser's text. Meilisearch answers 500 here.
    #[error("{0}")]
    NotAnObject(String),
}

impl PayloadError {
    /// Meilisearch's code for it.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::MissingContentType => ErrorCode::MissingContentType,
            Self::InvalidContentType(_) | Self::DelimiterWithoutCsv(_) => ErrorCode::InvalidContentType,
            Self::InvalidDelimiter(_) => ErrorCode::InvalidDocumentCsvDelimiter,
            Self::Missing(_) => ErrorCode::MissingPayload,
            Self::Malformed(_) => ErrorCode::MalformedPayload,
            Self::NotAnObject(_) => ErrorCode::Internal,
        }
    }

    /// An error of the JSON parser about the payload itself.
    pub(crate) fn malformed(format: Format, error: &serde_json::Error) -> Self {
        let text = match error.classify() {
            Category::Data => "data are neither an object nor a list of objects".to_owned(),
            _ => shortened(error.to_string()),
        };
        Self::Malformed(format!(
            "The `{format}` payload provided is malformed. `Couldn't serialize document value: {text}`."
        ))
    }

    /// An error of the JSON parser about one item of a list of documents.
    pub(crate) fn item(format: Format, error: &serde_json::Error) -> Self {
        match error.classify() {
            Category::Data => Self::NotAnObject(error.to_string()),
            _ => Self::malformed(format, error),
        }
    }

    /// What another parser says.
    pub(crate) fn other(format: Format, error: impl std::fmt::Display) -> Self {
        Self::Malformed(format!("The `{format}` payload provided is malformed: `{error}`."))
    }
}

impl From<PayloadError> for ResponseError {
    fn from(error: PayloadError) -> Self {
        Self::new(error.code(), error.to_string())
    }
}

/// Meilisearch keeps the first 50 and the last 85 bytes of long texts, which may quote the payload.
fn shortened(mut text: String) -> String {
    const HEAD: usize = 50;
    const TAIL: usize = 85;
    const DOTS: &str = "...";
    if text.len() > HEAD + TAIL + DOTS.len() {
        let boundary = |from: usize| (from..text.len()).find(|at| text.is_char_boundary(*at));
        let (start, end) = (boundary(HEAD), boundary(text.len() - TAIL));
        text.replace_range(start.unwrap_or(0)..end.unwrap_or(text.len()), DOTS);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_lose_their_middle_between_characters() {
        assert_eq!(shortened("a".repeat(138)), "a".repeat(138));
        assert_eq!(shortened("a".repeat(139)), format!("{}...{}", "a".repeat(50), "a".repeat(85)));
        let cut = shortened("é".repeat(100) + "x");
        assert!(cut.starts_with('é') && cut.ends_with('x') && cut.len() <= 140);
    }
}
