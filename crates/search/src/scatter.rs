//! Sending the requests of a plan, and asking elsewhere what a node does not answer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures::future::join_all;
use miroir_cluster::State;
use miroir_model::{Generation, NodeId, PhysicalName};
use miroir_node::{Node, NodeError};
use miroir_query::NodeRequest;

use crate::clients::Clients;

/// Which route of a node answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    Search,
    Fetch,
}

/// What a round of requests came to.
#[derive(Debug, Default)]
pub(crate) struct Round {
    /// The answers, by request: a later round with another plan uses those that it asks again.
    answers: BTreeMap<(NodeId, String), Bytes>,
    /// The nodes that did not answer.
    pub(crate) failed: BTreeSet<NodeId>,
    /// The longest that a node took.
    pub(crate) slowest: Duration,
}

/// A node refused what the user asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) node: NodeId,
    pub(crate) status: u16,
    pub(crate) code: String,
    pub(crate) message: String,
}

impl Round {
    /// The answers of a plan's requests, once all of them are there.
    pub(crate) fn answers(&self, requests: &[NodeRequest]) -> Option<Vec<(NodeId, Bytes)>> {
        let answer = |request: &NodeRequest| {
            let answer = self.answers.get(&(request.node.clone(), request.body.clone()))?;
            Some((request.node.clone(), answer.clone()))
        };
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
        let mut sent = Vec::new();
        for request in requests {
            if !self.answers.contains_key(&(request.node.clone(), request.body.clone())) {
                sent.push(timed(clients, state, (route, request), request_id));
            }
        }
        for (request, answer, took) in join_all(sent).await {
            self.slowest = self.slowest.max(took);
            let node = request.node.clone();
            metrics::histogram!("miroir_search_node_seconds", "node" => node.to_string()).record(took);
            match answer {
                Ok(answer) => {
                    self.answers.insert((node, request.body.clone()), answer);
                }
                // A key or a name that this node does not take is this node's trouble, not the user's.
                Err(NodeError::Rejected { status, code, message, .. })
                    if status != 403 && status != 401 && status != 503 && code != "index_not_found" =>
                {
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

async fn ask(
    clients: &Clients,
    state: &State,
    (route, request): (Route, &NodeRequest),
    request_id: Option<&str>,
) -> Result<Bytes, NodeError> {
    let unknown = || NodeError::Unreachable(format!("no node is named {}", request.node));
    let node = state.nodes.get(&request.node).ok_or_else(unknown)?;
    let client = clients.of(node).map_err(|error| NodeError::Unreachable(error.to_string()))?;
    let mut answer = Err(unknown());
    for name in names(request.index) {
        let body = Bytes::from(request.body.clone());
        answer = match route {
            Route::Search => client.search(&name, body, request_id).await,
            Route::Fetch => client.fetch(&name, body, request_id).await,
        };
        if !is_renamed(&answer) {
            break;
        }
    }
    answer
}

/// One document of a node.
pub(crate) async fn ask_document(
    client: &Arc<dyn Node>,
    index: PhysicalName,
    id: &str,
    request_id: Option<&str>,
) -> Result<Bytes, NodeError> {
    let mut answer = Err(NodeError::Unreachable("it was not asked".to_owned()));
    for name in names(index) {
        answer = client.document(&name, id, request_id).await;
        if !is_renamed(&answer) {
            break;
        }
    }
    answer
}

fn is_renamed(answer: &Result<Bytes, NodeError>) -> bool {
    matches!(answer, Err(error) if error.code() == Some("index_not_found"))
}

/// The name of an index on a node, and those that its lane may just have given it.
fn names(name: PhysicalName) -> Vec<String> {
    let Generation(present) = name.generation;
    let generations = [Some(present), present.checked_add(1), present.checked_sub(1)];
    let named = |generation| PhysicalName { generation: Generation(generation), ..name }.to_string();
    generations.into_iter().flatten().map(named).collect()
}
