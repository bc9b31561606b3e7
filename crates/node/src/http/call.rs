//! One request and what became of it.

use std::time::Duration;

use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use reqwest::{Method, RequestBuilder};
use serde::de::DeserializeOwned;

use super::{HttpNode, answer};
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
        let mut url = super::below(&self.url, path);
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
        let body = response.bytes().await.map_err(lost)?;
        if status.is_success() { Ok(body) } else { Err(answer::refusal(status, &body)) }
    }

    /// Send it; the answer is of this shape.
    pub(super) async fn answer<T: DeserializeOwned>(self) -> Result<T, NodeError> {
        answer::read(&self.send().await?)
    }
}

/// What an error of the HTTP client says about the request.
///
/// reqwest names the phase in which it failed. `is_builder`: there was no request. `is_connect`: resolving,
/// connecting, the check of a new connection, or the time-out for these; hyper takes a request only once it has a connection. Everything else happened, or may
/// have, with the request under way: the time-out of the whole request (which also ends one that still waits for its
/// connection, so connecting has a shorter one), a connection that broke, an answer cut short. A kept connection that
/// the node closed meanwhile also ends there: hyper sends again by itself only a request of which it has written
/// nothing.
fn lost(error: reqwest::Error) -> NodeError {
    let never_left = error.is_builder() || error.is_connect();
    let text = answer::in_full(&error.without_url());
    if never_left { NodeError::Unreachable(text) } else { NodeError::Unknown(text) }
}
