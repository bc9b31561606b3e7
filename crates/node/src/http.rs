//! A node over HTTP/1.1.
//!
//! What the connections are made for: many small requests to few nodes, so they are kept open and send without delay
//! (with Nagle's algorithm and delayed acknowledgements a request in two packets takes 40 ms). No redirect is
//! followed, no proxy of the environment is used, nothing is sent twice, no answer is decompressed: what is
//! between a peer and a node would only blur what an error means.

mod answer;
mod call;
mod check;
mod pools;
mod requests;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

pub use pools::Pools;
use reqwest::{Client, ClientBuilder, Url};
use tokio::sync::watch;

use crate::{ApiKey, CheckFailure, Gate};
use check::{Check, Door};

/// How long to wait for a node before giving a request up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// To make a connection, its check included. After it the request was surely not sent.
    pub connect: Duration,
    /// For the whole of a request that reads small things: tasks, settings, keys, stats.
    pub read: Duration,
    /// For the whole of a search, fetch or reading of a document.
    pub search: Duration,
    /// For the whole of a write: sending up to 100 MB and the node's storing them, not its indexing.
    pub write: Duration,
}

impl Default for Timeouts {
    /// 1 s to connect, 5 s to read, 30 s to search, 120 s to write.
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { connect: seconds(1), read: seconds(5), search: seconds(30), write: seconds(120) }
    }
}

/// Open connections, shared by all that speak over them. Clones share them.
///
/// This is the only place where connections are made: to any number of nodes, [unchecked](Self::new), or to one node,
/// each [checked](Self::gated) before it is used.
#[derive(Debug, Clone)]
pub struct Connections {
    client: Client,
    timeouts: Timeouts,
    door: Option<Arc<Door>>,
}

/// The HTTP client could not be set up.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client cannot be set up")]
pub struct ClientError(#[from] reqwest::Error);

/// Connections to a node could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum GatedError {
    /// Its address.
    #[error(transparent)]
    Url(#[from] InvalidUrl),
    /// The client.
    #[error(transparent)]
    Client(#[from] ClientError),
}

impl Connections {
    /// To any nodes, unchecked: for adoption, for judging a node, and for tests. None is open yet.
    ///
    /// # Errors
    /// When the system gives the client no resolver.
    pub fn new(timeouts: Timeouts) -> Result<Self, ClientError> {
        let client = client().connect_timeout(timeouts.connect).build()?;
        Ok(Self { client, timeouts, door: None })
    }

    /// To the node at `url` alone. Each is checked before anything else is sent over it: what fails is never used, and
    /// the request that wanted it is [`Unreachable`](crate::NodeError::Unreachable). None is open yet.
    ///
    /// # Errors
    /// When the text is no `http` URL, or the system gives the client no resolver.
    pub fn gated(timeouts: Timeouts, url: &str, gate: Arc<dyn Gate>) -> Result<Self, GatedError> {
        let last = watch::Sender::new(None);
        let door = Arc::new(Door { url: address(url)?, gate, patience: timeouts.connect, last });
        // No time-out of reqwest's around the layer: it would end a check before that can say so.
        let client = client().connector_layer(Check(Arc::clone(&door))).build().map_err(ClientError)?;
        Ok(Self { client, timeouts, door: Some(door) })
    }

    /// Why the newest connection was not used; `None` when it was, and where none is checked.
    pub fn failure(&self) -> Option<CheckFailure> {
        self.door.as_ref().and_then(|door| door.last.borrow().clone())
    }

    /// Waits until [`failure`](Self::failure) has one to tell, for whoever judges the node.
    pub async fn failed(&self) -> CheckFailure {
        if let Some(door) = &self.door
            && let Ok(failure) = door.last.subscribe().wait_for(Option::is_some).await
            && let Some(failure) = &*failure
        {
            return failure.clone();
        }
        std::future::pending().await
    }
}

fn client() -> ClientBuilder {
    Client::builder()
        .http1_only()
        .tcp_nodelay(true)
        .pool_max_idle_per_host(256)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
}

fn address(text: &str) -> Result<Url, InvalidUrl> {
    let invalid = |reason: String| InvalidUrl { url: text.to_owned(), reason };
    let url = Url::parse(text).map_err(|error| invalid(error.to_string()))?;
    if url.scheme() != "http" {
        return Err(invalid("it must start with http://".to_owned()));
    }
    Ok(url)
}

/// A path below a node's address, segment by segment.
fn below(url: &Url, path: &[&str]) -> Url {
    let mut url = url.clone();
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(path);
    }
    url
}

/// A node by its address, with the rights of one key. Clones share connections.
#[derive(Clone)]
pub struct HttpNode {
    connections: Connections,
    url: Url,
    key: ApiKey,
}

/// A text that is no address of a node.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{url}` is not the address of a node: {reason}")]
pub struct InvalidUrl {
    /// The text.
    pub url: String,
    /// What is wrong with it.
    pub reason: String,
}

impl HttpNode {
    /// The node at `url` (`http://host:port`, or with a path in front of Meilisearch's routes), spoken to with `key`.
    ///
    /// # Errors
    /// When the text is no `http` URL, or the connections are those to another node.
    pub fn new(connections: &Connections, url: &str, key: ApiKey) -> Result<Self, InvalidUrl> {
        let text = url;
        let url = address(text)?;
        if let Some(door) = connections.door.as_ref().filter(|door| door.url != url) {
            let reason = format!("these connections are to {}", door.url);
            return Err(InvalidUrl { url: text.to_owned(), reason });
        }
        Ok(Self { connections: connections.clone(), url, key })
    }

    /// The same node with the rights of another key.
    #[must_use]
    pub fn with_key(&self, key: ApiKey) -> Self {
        Self { key, ..self.clone() }
    }

    /// The node's address.
    pub fn url(&self) -> &str {
        self.url.as_str()
    }
}

impl fmt::Debug for HttpNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HttpNode({})", self.url)
    }
}
