//! Sending the requests of a plan, and asking elsewhere what a node does not answer.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use futures::future::join_all;
use miroir_api::ResponseError;
use miroir_cluster::State;
use miroir_model::{Generation, NodeId, PhysicalName};
use miroir_node::NodeError;
use miroir_query::{Answers, NodeRequest};
use serde_json::json;
use tokio::time::Instant;

use crate::clients::Clients;
use crate::error::SearchError;

/// Which route of a node answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    Search,
    FacetSearch,
    Fetch,
}

/// What a round of requests came to.
#[derive(Debug, Default)]
pub(crate) struct Round {
    /// The answers: a later round with another plan uses those that it asks again.
    pub(crate) answers: Answers<Bytes>,
    /// The nodes that did not answer.
    pub(crate) failed: BTreeSet<NodeId>,
    /// How long nodes took: of requests that were sent together, the slowest.
    pub(crate) waited: Duration,
}

/// A node refused what the user asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) node: NodeId,
    pub(crate) status: u16,
    pub(crate) code: String,
    pub(crate) message: String,
}

impl Refused {
    /// What a node says to the user's request with the user's filter alone: where its text quotes a filter, it quotes
    /// ours with it.
    pub(crate) async fn without_ours(
        self,
        clients: &Clients,
        state: &State,
        (route, alone): (Route, Option<NodeRequest>),
    ) -> Self {
        let Some(alone) = alone else { return self };
        let asked = (route, std::slice::from_ref(&alone));
        Round::default().send(clients, state, asked, None).await.err().unwrap_or(self)
    }

    /// What the user is told: `worded` words the body of the node's answer for the user's index.
    pub(crate) fn told(self, worded: impl FnOnce(&NodeId, &[u8]) -> Option<ResponseError>) -> SearchError {
        let body = json!({"message": self.message, "code": self.code}).to_string();
        match worded(&self.node, body.as_bytes()) {
            Some(error) if (400..500).contains(&self.status) => SearchError::Refused(error),
            _ => SearchError::Node(self.node, format!("{}: {}", self.status, self.message)),
        }
    }
}

impl Round {
    /// The answers of a plan's requests, once all of them are there.
    pub(crate) fn answers(&self, requests: &[NodeRequest]) -> Option<Vec<(NodeId, Bytes)>> {
        let answer = |request: &NodeRequest| Some((request.node.clone(), self.answers.to(request)?.clone()));
        requests.iter().map(answer).collect()
    }

    /// Sends what is not answered yet, all at once.
    pub(crate) async fn send(
        &mut self,
        clients: &Clients,
        state: &State,
        (route, requests): (Route, &[NodeRequest]),
        request_id: Option<&str>,
    ) -> Result<(), Refused> {
        let lacking = self.answers.lacking(requests);
        let sent: Vec<_> =
            lacking.map(|request| timed(clients, state, (route, request), request_id)).collect();
        let came = join_all(sent).await;
        self.waited += came.iter().map(|(_, _, took)| *took).max().unwrap_or_default();
        for (request, answer, took) in came {
            let node = request.node.clone();
            metrics::histogram!("miroir_search_node_seconds", "node" => node.to_string()).record(took);
            match answer {
                Ok(answer) => {
                    self.answers.insert(request, answer);
                }
                Err(NodeError::Rejected { status, code, message, .. }) if blames_user(status, &code) => {
                    return Err(Refused { node, status, code, message });
                }
                Err(error) => {
                    tracing::warn!(%node, %error, "a node does not answer a search");
                    self.failed.insert(node);
                }
            }
        }
        Ok(())
    }
}

/// Whether every copy would refuse it so: all but a key or a name that this node does not take.
fn blames_user(status: u16, code: &str) -> bool {
    !matches!(status, 401 | 403) && code != "index_not_found"
}

/// One request, and how long it took.
async fn timed<'r>(
    clients: &Clients,
    state: &State,
    (route, request): (Route, &'r NodeRequest),
    request_id: Option<&str>,
) -> (&'r NodeRequest, Result<Bytes, NodeError>, Duration) {
    let started = Instant::now();
    let answer = ask(clients, state, (route, request), request_id).await;
    (request, answer, started.elapsed())
}

/// One request, under whichever name the index has on the node now.
pub(crate) async fn ask(
    clients: &Clients,
    state: &State,
    (route, request): (Route, &NodeRequest),
    request_id: Option<&str>,
) -> Result<Bytes, NodeError> {
    let unknown = || NodeError::Unreachable(format!("no node is named {}", request.node));
    let node = state.nodes.get(&request.node).ok_or_else(unknown)?;
    let client = clients.of(node).map_err(|error| NodeError::Unreachable(error.to_string()))?;
    by_name(request.index, |name| async {
        let (name, body) = (name, Bytes::from(request.body.clone()));
        match route {
            Route::Search => client.search(&name, body, request_id).await,
            Route::FacetSearch => client.facet_search(&name, body, request_id).await,
            Route::Fetch => client.fetch(&name, body, request_id).await,
        }
    })
    .await
}

/// Asks under the name of an index, and under the next one where its lane has just given it that.
///
/// Never under the one before: the state gets a name when the node has it, so no node is behind. But a creation that was
/// given up and arrived late has left an empty index there.
pub(crate) async fn by_name<T, F>(index: PhysicalName, ask: impl Fn(String) -> F) -> Result<T, NodeError>
where
    F: Future<Output = Result<T, NodeError>>,
{
    let answer = ask(index.to_string()).await;
    let Generation(present) = index.generation;
    match (&answer, present.checked_add(1)) {
        (Err(error), Some(next)) if error.code() == Some("index_not_found") => {
            ask(PhysicalName { generation: Generation(next), ..index }.to_string()).await
        }
        _ => answer,
    }
}
