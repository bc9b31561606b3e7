//! The check on every new connection: a layer over reqwest's connector.
//!
//! The connector hands a new connection to hyper's pool, which sends requests over it without asking anybody. So the
//! check is made before that, on the connection itself: one HTTP/1.1 exchange, after which the connection is taken
//! back at the point where a request may start. What fails there was never in the pool: a request that waited for it
//! ends as if the node could not be connected to, surely not sent.

use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::Request;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{AUTHORIZATION, HOST};
use hyper::rt::{Read, Write};
use reqwest::Url;
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};
use tower::{Layer, Service};

use super::answer;
use crate::{ApiKey, CheckFailure, Gate, Known, NodeError, NodeTask, TaskPage};

type BoxError = Box<dyn Error + Send + Sync>;

/// The longest answer that is read, in bytes. A task shows what it was sent with, so what bounds it is the largest
/// request that a node takes: 100 MB.
const LONGEST: usize = 128 << 20;

/// The way to one node.
#[derive(Debug)]
pub(super) struct Door {
    /// The node's address.
    pub(super) url: Url,
    pub(super) gate: Arc<dyn Gate>,
    /// For connecting and the check together.
    pub(super) patience: Duration,
    /// How the last check failed, when it did.
    pub(super) last: watch::Sender<Option<CheckFailure>>,
}

/// The layer.
#[derive(Debug, Clone)]
pub(super) struct Check(pub(super) Arc<Door>);

/// A connector whose connections are checked.
#[derive(Debug, Clone)]
pub(super) struct Checked<S> {
    connector: S,
    door: Arc<Door>,
}

impl<S> Layer<S> for Check {
    type Service = Checked<S>;

    fn layer(&self, connector: S) -> Checked<S> {
        Checked { connector, door: Arc::clone(&self.0) }
    }
}

/// reqwest gives the address and the connection types without a name, hence the parameters.
impl<S, Address> Service<Address> for Checked<S>
where
    S: Service<Address, Error = BoxError>,
    S::Response: Read + Write + Unpin + Send + 'static,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.connector.poll_ready(cx)
    }

    fn call(&mut self, address: Address) -> Self::Future {
        let connecting = self.connector.call(address);
        let door = Arc::clone(&self.door);
        Box::pin(async move {
            let end = Instant::now() + door.patience;
            let connection = timeout_at(end, connecting).await??;
            let checked = match timeout_at(end, door.check(connection)).await {
                Ok(checked) => checked,
                Err(_) => Err(CheckFailure::Unanswered("nothing came in time".to_owned())),
            };
            door.last.send_replace(checked.as_ref().err().cloned());
            Ok(checked?)
        })
    }
}

impl Door {
    /// The connection back, when the node is the one expected and the connection can be used for more.
    async fn check<T>(&self, connection: T) -> Result<T, CheckFailure>
    where
        T: Read + Write + Unpin + Send + 'static,
    {
        let (mut sender, connection) = http1::handshake(connection).await.map_err(unanswered)?;
        let talk = async move {
            self.ask(&mut sender).await?;
            // A connection that ends with its answer is not ready again. The end of the sender ends this exchange.
            sender.ready().await.map_err(unanswered)
        };
        let (parts, talked) = tokio::join!(connection.without_shutdown(), talk);
        talked?;
        let parts = parts.map_err(unanswered)?;
        if parts.read_buf.is_empty() {
            Ok(parts.io)
        } else {
            Err(CheckFailure::Unanswered("it sent more than it was asked for".to_owned()))
        }
    }

    async fn ask(&self, sender: &mut SendRequest<Empty<Bytes>>) -> Result<(), CheckFailure> {
        let expected = self.gate.expects().ok_or(CheckFailure::NotAdopted)?;
        let mut question = Question { url: &self.url, key: &expected.key, sender };
        match &expected.newest {
            None => question.get(&["version"], None).await.map(drop).map_err(failure),
            Some(known) => question.knows(known).await,
        }
    }
}

/// The questions of one check.
struct Question<'a> {
    url: &'a Url,
    key: &'a ApiKey,
    sender: &'a mut SendRequest<Empty<Bytes>>,
}

impl Question<'_> {
    async fn knows(&mut self, known: &Known) -> Result<(), CheckFailure> {
        match self.read::<NodeTask>(&["tasks", &known.task.to_string()], None).await {
            Ok(task) if known.is(&task) => Ok(()),
            Ok(_) => Err(CheckFailure::Foreign { known: known.task }),
            Err(error) if error.code() == Some("task_not_found") => {
                let page = self.read::<TaskPage>(&["tasks"], Some("limit=1")).await.map_err(failure)?;
                let newest = page.results.first().map(|task| task.uid);
                Err(match newest {
                    Some(newest) if newest >= known.task => CheckFailure::Foreign { known: known.task },
                    _ => CheckFailure::Older { newest, known: known.task },
                })
            }
            Err(error) => Err(failure(error)),
        }
    }

    async fn read<T: DeserializeOwned>(
        &mut self,
        path: &[&str],
        query: Option<&str>,
    ) -> Result<T, NodeError> {
        answer::read(&self.get(path, query).await?)
    }

    async fn get(&mut self, path: &[&str], query: Option<&str>) -> Result<Bytes, NodeError> {
        let mut url = super::below(self.url, path);
        url.set_query(query);
        let unknown = |error: BoxError| NodeError::Unknown(answer::in_full(&*error));
        let request = Request::get(
            url.query().map_or(url.path().to_owned(), |query| format!("{}?{query}", url.path())),
        )
        .header(HOST, host(&url))
        .header(AUTHORIZATION, format!("Bearer {}", self.key.expose()))
        .body(Empty::new())
        .map_err(|error| unknown(error.into()))?;
        self.sender.ready().await.map_err(|error| unknown(error.into()))?;
        let response = self.sender.send_request(request).await.map_err(|error| unknown(error.into()))?;
        let (head, body) = response.into_parts();
        let body = Limited::new(body, LONGEST).collect().await.map_err(unknown)?.to_bytes();
        if head.status.is_success() { Ok(body) } else { Err(answer::refusal(head.status, &body)) }
    }
}

/// The node's name and port, as requests over the pool give them.
fn host(url: &Url) -> String {
    let name = url.host_str().unwrap_or_default();
    url.port().map_or(name.to_owned(), |port| format!("{name}:{port}"))
}

fn failure(error: NodeError) -> CheckFailure {
    match error {
        NodeError::Rejected { status: 401 | 403, .. } => CheckFailure::KeyRefused(error.to_string()),
        error => CheckFailure::Unanswered(error.to_string()),
    }
}

fn unanswered(error: hyper::Error) -> CheckFailure {
    CheckFailure::Unanswered(answer::in_full(&error))
}
