//! A node over HTTP/1.1.
//!
//! What the connections are made for: many small requests to few nodes, so they are kept open and send without delay
//! (with Nagle's algorithm and delayed acknowledgements a request in two packets takes 40 ms). No redirect is
//! followed, no proxy of the environment is used, nothing is sent twice, no answer is decompressed: what is
//! between a peer and a node would only blur what an error means.

mod call;
mod requests;

use std::fmt;
use std::time::Duration;

use reqwest::{Client, Url};

use crate::ApiKey;

/// How long to wait for a node before giving a request up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// To make a connection. After it the request was surely not sent.
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

/// Open connections to any number of nodes, shared by all that speak to them. Clones share them.
///
/// This is the only place where connections are made. What must come first on every new connection (the check of the
/// node's newest task, architecture §4.10) belongs here, as a layer over reqwest's connector.
#[derive(Debug, Clone)]
pub struct Connections {
    client: Client,
    timeouts: Timeouts,
}

/// The HTTP client could not be set up.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client cannot be set up")]
pub struct ClientError(#[from] reqwest::Error);

impl Connections {
    /// None open yet.
    ///
    /// # Errors
    /// When the system gives the client no resolver.
    pub fn new(timeouts: Timeouts) -> Result<Self, ClientError> {
        let client = Client::builder()
            .http1_only()
            .tcp_nodelay(true)
            .pool_max_idle_per_host(256)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(timeouts.connect)
            .build()?;
        Ok(Self { client, timeouts })
    }
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
    /// When the text is no `http` URL.
    pub fn new(connections: &Connections, url: &str, key: ApiKey) -> Result<Self, InvalidUrl> {
        let invalid = |reason: String| InvalidUrl { url: url.to_owned(), reason };
        let url = Url::parse(url).map_err(|error| invalid(error.to_string()))?;
        if url.scheme() != "http" {
            return Err(invalid("it must start with http://".to_owned()));
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
