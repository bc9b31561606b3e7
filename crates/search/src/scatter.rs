//! Sending requests to nodes.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::{FutureExt, join_all, ready};
use miroir_api::ResponseError;
use miroir_cluster::State;
use miroir_model::{Generation, NodeId, PhysicalName};
use miroir_node::{Node, NodeError};
use miroir_query::{Answers, NodeRequest, ran_out_of_time};
use serde_json::json;
use tokio::time::{Instant, timeout};

use crate::error::SearchError;
use crate::searcher::Searcher;
use crate::tail::{Answer, Flight, Outcome, Unanswered};

/// Which route of a node answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Route {
    Search,
    FacetSearch,
    /// Several searches of one index, counted together.
    Union,
    Fetch,
    /// Documents like one of the node's own.
    Similar,
}

/// What came of requests.
#[derive(Debug, Default)]
pub(crate) struct Round {
    /// The answers: a later round with another plan uses those that it asks again.
    pub(crate) answers: Answers<Bytes>,
    /// The nodes that did not answer.
    pub(crate) failed: BTreeSet<NodeId>,
}

/// Why there is no point in going on.
#[derive(Debug)]
pub(crate) enum Halt {
    Refused(Refused),
    NoRoom,
}

impl Halt {
    /// As an error, where `told` says what a refusal is to the user.
    pub(crate) fn told(self, told: impl FnOnce(Refused) -> SearchError) -> SearchError {
        match self {
            Self::Refused(refused) => told(refused),
            Self::NoRoom => SearchError::NoRoom,
        }
    }
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
        searcher: &Searcher,
        state: &State,
        (route, alone): (Route, Option<NodeRequest>),
    ) -> Self {
        let Some(alone) = alone else { return self };
        let asked = (route, std::slice::from_ref(&alone));
        match Round::default().send(searcher, state, asked, None).await {
            Err(Halt::Refused(refused)) => refused,
            Ok(()) | Err(Halt::NoRoom) => self,
        }
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
        searcher: &Searcher,
        state: &State,
        (route, requests): (Route, &[NodeRequest]),
        request_id: Option<&str>,
    ) -> Result<(), Halt> {
        let send = |request| {
            let flight = searcher.send(state, (route, request), request_id);
            flight.answer.map(move |came| (request, came))
        };
        let flights: Vec<_> = self.answers.lacking(requests).map(send).collect();
        for (request, came) in join_all(flights).await {
            self.take(request, came)?;
        }
        Ok(())
    }

    /// What came of one request.
    pub(crate) fn take(&mut self, request: &NodeRequest, came: Answer) -> Result<(), Halt> {
        let node = request.node.clone();
        match came {
            Ok(answer) => self.answers.insert(request, answer),
            Err(Unanswered::NoRoom) => return Err(Halt::NoRoom),
            Err(Unanswered::Node(NodeError::Rejected { status, code, message, .. }))
                if blames_user(status, &code) =>
            {
                return Err(Halt::Refused(Refused { node, status, code, message }));
            }
            Err(Unanswered::Node(error)) => {
                tracing::warn!(%node, %error, "a node does not answer a search");
                self.failed.insert(node);
            }
        }
        Ok(())
    }
}

/// Whether every copy would refuse it so: all but a key or a name that this node does not take.
fn blames_user(status: u16, code: &str) -> bool {
    !matches!(status, 401 | 403) && code != "index_not_found"
}

impl Searcher {
    /// Sends one request, under whichever name the index has on the node now.
    pub(crate) fn send(
        &self,
        state: &State,
        (route, request): (Route, &NodeRequest),
        request_id: Option<&str>,
    ) -> Flight {
        let client = match self.client_of(state, &request.node) {
            Ok(client) => client,
            Err(error) => return Flight::new(ready(Err(error.into()))),
        };
        let (index, body) = (request.index, Bytes::from(request.body.clone()));
        let request_id = request_id.map(str::to_owned);
        let (tail, room, node) = (Arc::clone(&self.tail), Arc::clone(&self.room), request.node.clone());
        let send = async move {
            tail.budget.earn(1);
            // Other routes cost other times.
            let timing = (route == Route::Search).then(|| tail.paces.begin(index.index, &node));
            let (began, patience) = (Instant::now(), tail.config.patience());
            let ask = |name: String| {
                let body = if route == Route::Union { named(&body, index, &name) } else { body.clone() };
                ask(&*client, (route, name), body, request_id.as_deref())
            };
            let late = |_| Err(NodeError::Unknown(format!("no answer within {patience:?}")));
            let answer = timeout(patience, by_name(index, ask)).await.unwrap_or_else(late);
            metrics::histogram!("miroir_search_node_seconds", "node" => node.to_string())
                .record(began.elapsed());
            if route == Route::Search && answer.as_ref().is_ok_and(|body| ran_out_of_time(body)) {
                metrics::counter!("miroir_search_cut_short_total", "node" => node.to_string()).increment(1);
            }
            match (&answer, timing) {
                (Ok(_), Some(timing)) => timing.end(Outcome::Answered),
                (Err(NodeError::Rejected { .. }), _) | (_, None) => {}
                (Err(_), Some(timing)) => timing.end(Outcome::Failed),
            }
            room.keep(answer?).ok_or(Unanswered::NoRoom)
        };
        let flight = Flight::new(send);
        if self.tail.config.share { self.tail.shares.join((route, request.clone()), flight) } else { flight }
    }

    fn client_of(&self, state: &State, node: &NodeId) -> Result<Arc<dyn Node>, NodeError> {
        let unknown = || NodeError::Unreachable(format!("no node is named {node}"));
        let node = state.nodes.get(node).ok_or_else(unknown)?;
        self.clients.of(node).map_err(|error| NodeError::Unreachable(error.to_string()))
    }
}

async fn ask(
    client: &dyn Node,
    (route, name): (Route, String),
    body: Bytes,
    id: Option<&str>,
) -> Result<Bytes, NodeError> {
    match route {
        Route::Search => client.search(&name, body, id).await,
        Route::FacetSearch => client.facet_search(&name, body, id).await,
        Route::Union => client.multi_search(body, id).await,
        Route::Similar => client.similar(&name, body, id).await,
        Route::Fetch => client.fetch(&name, body, id).await,
    }
}

/// The body of a union, which names its index itself, with another name.
fn named(body: &Bytes, index: PhysicalName, name: &str) -> Bytes {
    if *name == index.to_string() {
        return body.clone();
    }
    miroir_query::union_renamed(&String::from_utf8_lossy(body), index, name).into()
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
