//! What an answer says.

use std::error::Error;

use reqwest::StatusCode;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::NodeError;

/// The form of Meilisearch's errors.
#[derive(Deserialize)]
struct ErrorBody {
    message: String,
    code: String,
    #[serde(rename = "type")]
    kind: String,
}

/// The body of an answer with success.
pub(super) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, NodeError> {
    serde_json::from_slice(body)
        .map_err(|error| NodeError::Incompatible(format!("{error}: {}", excerpt(body))))
}

/// What an answer without success says. Only a 4xx in Meilisearch's own form is a refusal: a 5xx can follow after the
/// work was done, and without the form something else may have answered.
pub(super) fn refusal(status: StatusCode, body: &[u8]) -> NodeError {
    if status.is_server_error() {
        return NodeError::Unknown(format!("the node answered {status}: {}", excerpt(body)));
    }
    match serde_json::from_slice(body) {
        Ok(ErrorBody { message, code, kind }) if status.is_client_error() => {
            NodeError::Rejected { status: status.as_u16(), code, kind, message }
        }
        _ => NodeError::Incompatible(format!("it answered {status}: {}", excerpt(body))),
    }
}

/// An error with its causes.
pub(super) fn in_full(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

/// The start of an answer, for a message.
fn excerpt(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(200)]).into_owned();
    if body.len() > 200 { text + "…" } else { text }
}
