//! One search from its request to its answer.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use miroir_cluster::Ledger;
use miroir_model::{IndexUid, NodeId};
use miroir_node::{Connections, InvalidUrl, Node};
use miroir_query::{Merged, Meta, Plan, SearchRequest};
use serde_json::json;
use uuid::Uuid;

use crate::clients::Clients;
use crate::error::SearchError;
use crate::scatter::{Refused, Round, Route};
use crate::scope::{CaughtUp, Scope};
use crate::view::ShownCache;

/// Searches the indexes that this peer's state serves.
pub struct Searcher {
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) clients: Clients,
    pub(crate) shown: ShownCache,
    pub(crate) caught_up: CaughtUp,
}

impl Searcher {
    /// Over this peer's ledger.
    pub fn new(ledger: Arc<dyn Ledger>, connections: Connections) -> Self {
        Self {
            ledger,
            clients: Clients::new(connections),
            shown: ShownCache::default(),
            caught_up: CaughtUp::default(),
        }
    }

    /// The client of a node, with the key of searches.
    ///
    /// # Errors
    /// When the node's address is none.
    pub fn client(&self, node: &miroir_cluster::Node) -> Result<Arc<dyn Node>, InvalidUrl> {
        self.clients.of(node)
    }

    /// The answer to a search, JSON.
    ///
    /// # Errors
    /// See [`SearchError`].
    pub async fn search(
        &self,
        uid: &IndexUid,
        request: &SearchRequest,
        request_id: Option<&str>,
    ) -> Result<String, SearchError> {
        let started = Instant::now();
        let scope = self.scope(uid).await?;
        let mut round = Round::default();
        // Each turn leaves out a node at least, so this ends.
        let plan = loop {
            let plan = plan(&scope, request, &round.failed)?;
            let sent =
                round.send(&self.clients, &scope.state, (Route::Search, &plan.requests), request_id).await;
            if let Err(refused) = sent {
                return Err(self.explain(&scope, &plan, refused).await);
            }
            if let Some(answers) = round.answers(&plan.requests) {
                break self.merge(&scope, &plan, (answers, started), &mut round).await;
            }
        };
        let took = started.elapsed();
        metrics::histogram!("miroir_search_seconds").record(took);
        metrics::histogram!("miroir_search_overhead_seconds").record(took.saturating_sub(round.slowest));
        plan
    }

    async fn merge(
        &self,
        scope: &Scope,
        plan: &Plan,
        (answers, started): (Vec<(NodeId, bytes::Bytes)>, Instant),
        round: &mut Round,
    ) -> Result<String, SearchError> {
        let request_uid = Uuid::now_v7().to_string();
        let meta = || Meta {
            processing_time_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            request_uid: Some(&request_uid),
        };
        let slot = match miroir_query::merge(plan, &answers, meta())? {
            Merged::Answer(answer) => return Ok(answer),
            Merged::NeedsSlot(slot) => slot,
        };
        let asked = (Route::Search, std::slice::from_ref(&slot));
        let sent = round.send(&self.clients, &scope.state, asked, None).await;
        let answer = sent.ok().and_then(|()| round.answers(std::slice::from_ref(&slot)));
        let Some((node, answer)) = answer.and_then(|mut answers| answers.pop()) else {
            return Err(SearchError::Node(slot.node, "nothing to the second request of a search".to_owned()));
        };
        match miroir_query::merge_with_slot(plan, &answers, (&node, &answer), meta())? {
            Merged::Answer(answer) => Ok(answer),
            Merged::NeedsSlot(slot) => {
                Err(SearchError::Node(slot.node, "a slot that does not hold its ties".to_owned()))
            }
        }
    }

    /// What one Meilisearch would have said: where the text quotes a filter, the user's own.
    async fn explain(&self, scope: &Scope, plan: &Plan, refused: Refused) -> SearchError {
        let mut refused = refused;
        if let Some(alone) = plan.user_filter_alone() {
            let asked = (Route::Search, std::slice::from_ref(&alone));
            if let Err(again) = Round::default().send(&self.clients, &scope.state, asked, None).await {
                refused = again;
            }
        }
        let body = json!({"message": refused.message, "code": refused.code}).to_string();
        match plan.user_error(&refused.node, body.as_bytes()) {
            Some(error) if (400..500).contains(&refused.status) => SearchError::Refused(error),
            _ => SearchError::Node(refused.node, format!("{}: {}", refused.status, refused.message)),
        }
    }
}

fn plan(scope: &Scope, request: &SearchRequest, failed: &BTreeSet<NodeId>) -> Result<Plan, SearchError> {
    let nodes = scope.nodes(failed)?;
    let shards = scope.shards(&nodes)?;
    Ok(miroir_query::plan(request, &scope.view(&shards)?)?)
}
