//! One request and what became of it.

use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::HttpNode;
use crate::NodeError;

/// A request that is being put together.
pub(super) struct Call(RequestBuilder);

impl HttpNode {
    /// A request to a path, segment by segment.
    pub(super) fn call(&self, method: Method, path: &[&str], timeout: Duration) -> Call {
        self.call_with(method, path, &[], timeout)
    }

    /// The same with a query.
    pub(super) fn call_with(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
        timeout: Duration,
    ) -> Call {
        let mut url = self.url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let request = self.connections.client.request(method, url).timeout(timeout);
        Call(request.header(AUTHORIZATION, format!("Bearer {}", self.key.expose())))
    }
}

impl Call {
    /// With a body.
    pub(super) fn body(self, content_type: &'static str, body: Bytes) -> Self {
        Self(self.0.header(CONTENT_TYPE, content_type).body(body))
    }

    /// With a body in JSON.
    pub(super) fn json(self, body: impl Into<Bytes>) -> Self {
        self.body("application/json", body.into())
    }

    /// On behalf of a user's request.
    pub(super) fn request_id(self, id: Option<&str>) -> Self {
        match id {
            Some(id) => Self(self.0.header("x-request-id", id)),
            None => self,
        }
    }

    /// Send it; the answer is read whole.
    pub(super) async fn send(self) -> Result<Bytes, NodeError> {
        let response = self.0.send().await.map_err(lost)?;
        let status = response.status();
        if status.is_success() {
            response.bytes().await.map_err(lost)
        } else {
            Err(refusal(status, response).await)
        }
    }

    /// Send it; the answer is of this shape.
    pub(super) async fn answer<T: DeserializeOwned>(self) -> Result<T, NodeError> {
        let body = self.send().await?;
        serde_json::from_slice(&body)
            .map_err(|error| NodeError::Incompatible(format!("{error}: {}", excerpt(&body))))
    }
}

/// What an error of the HTTP client says about the request.
///
/// reqwest names the phase in which it failed. `is_builder`: there was no request. `is_connect`: resolving,
/// connecting or its time-out; hyper takes a request only once it has a connection. Everything else happened, or may
/// have, with the request under way: the time-out of the whole request (which also ends one that still waits for its
/// connection, so connecting has a shorter one), a connection that broke, an answer cut short. A kept connection that
/// the node closed meanwhile also ends there: hyper sends again by itself only a request of which it has written
/// nothing.
fn lost(error: reqwest::Error) -> NodeError {
    let never_left = error.is_builder() || error.is_connect();
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    if never_left { NodeError::Unreachable(text) } else { NodeError::Unknown(text) }
}

/// The form of Meilisearch's errors.
#[derive(Deserialize)]
struct ErrorBody {
    message: String,
    code: String,
    #[serde(rename = "type")]
    kind: String,
}

/// What an answer without success says. Only a 4xx in Meilisearch's own form is a refusal: a 5xx can follow after the
/// work was done, and without the form something else may have answered.
async fn refusal(status: StatusCode, response: Response) -> NodeError {
    let body = match response.bytes().await {
        Ok(body) => body,
        Err(error) => return lost(error),
    };
    if status.is_server_error() {
        return NodeError::Unknown(format!("the node answered {status}: {}", excerpt(&body)));
    }
    match serde_json::from_slice(&body) {
        Ok(ErrorBody { message, code, kind }) if status.is_client_error() => {
            NodeError::Rejected { status: status.as_u16(), code, kind, message }
        }
        _ => NodeError::Incompatible(format!("it answered {status}: {}", excerpt(&body))),
    }
}

/// The start of an answer, for a message.
fn excerpt(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(&body[..body.len().min(200)]).into_owned();
    if body.len() > 200 { text + "…" } else { text }
}
