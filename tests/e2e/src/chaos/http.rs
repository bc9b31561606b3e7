//! Speaking to a peer or node, and telling apart what is sure from what is not.

use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder};
use serde_json::Value;

/// What a request came to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Reply {
    Answered(Answered),
    /// No connection could be made: nothing was sent.
    NotSent(String),
    /// The connection broke, or nothing came in time.
    Silent(String),
}

/// A whole answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answered {
    pub(crate) status: u16,
    pub(crate) body: Value,
    /// It is the answer of an earlier request, by its key.
    pub(crate) replayed: bool,
    /// It says that it may be stale.
    pub(crate) stale: bool,
}

impl Answered {
    pub(crate) fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }
}

/// A client that waits so long for a whole answer.
pub(crate) fn client(patience: Duration) -> Client {
    let client = Client::builder().timeout(patience).connect_timeout(Duration::from_secs(2));
    client.no_proxy().build().expect("a client")
}

/// Sends a request once.
pub(crate) async fn send(request: RequestBuilder) -> Reply {
    let failed = |error: reqwest::Error| {
        let text = format!("{error:?}");
        if error.is_connect() { Reply::NotSent(text) } else { Reply::Silent(text) }
    };
    let answer = match request.send().await {
        Ok(answer) => answer,
        Err(error) => return failed(error),
    };
    let status = answer.status().as_u16();
    let has = |name: &str| answer.headers().contains_key(name);
    let (replayed, stale) = (has("idempotent-replay"), has("miroir-stale"));
    match answer.bytes().await {
        Ok(bytes) => {
            let body = serde_json::from_slice(&bytes).unwrap_or_default();
            Reply::Answered(Answered { status, body, replayed, stale })
        }
        Err(error) => Reply::Silent(format!("{error:?}")),
    }
}

/// A JSON answer with status 200; anything else is none.
pub(crate) async fn get(client: &Client, url: &str) -> Option<Value> {
    match send(client.get(url)).await {
        Reply::Answered(Answered { status: 200, body, .. }) => Some(body),
        _ => None,
    }
}

/// A request with or without a JSON body.
pub(crate) fn request(
    client: &Client,
    (method, url, body): (Method, String, Option<&Value>),
) -> RequestBuilder {
    let request = client.request(method, url);
    match body {
        Some(body) => request.json(body),
        None => request,
    }
}
