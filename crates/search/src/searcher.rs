//! One search from its request to its answer.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use miroir_cluster::Ledger;
use miroir_model::{IndexUid, NodeId};
use miroir_node::{GatedError, Node, Pools};
use miroir_query::{Merged, Meta, Plan, SearchRequest};
use tokio::time::Instant;
use uuid::Uuid;

use crate::clients::Clients;
use crate::error::SearchError;
use crate::scatter::{Round, Route};
use crate::scope::{CaughtUp, Scope};
use crate::touch::{self, Clock, Touch};
use crate::view::ShownCache;

/// Searches the indexes that this peer's state serves.
pub struct Searcher {
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) clients: Clients,
    pub(crate) shown: ShownCache,
    pub(crate) caught_up: CaughtUp,
    pub(crate) touch: Arc<Touch>,
}

impl Searcher {
    /// Over this peer's ledger.
    pub fn new(ledger: Arc<dyn Ledger>, pools: Pools) -> Self {
        Self::with_clock(ledger, pools, touch::clock())
    }

    /// The same, with a clock of the caller's for [`stale`](Self::stale).
    pub fn with_clock(ledger: Arc<dyn Ledger>, pools: Pools, clock: Clock) -> Self {
        Self {
            touch: Touch::new(clock),
            ledger,
            clients: Clients::new(pools),
            shown: ShownCache::default(),
            caught_up: CaughtUp::default(),
        }
    }

    /// Tells the leader which states are searched here, for as long as it is polled. Without it every answer is
    /// [`stale`](Self::stale).
    pub async fn report(&self) {
        self.touch.report(&*self.ledger).await;
    }

    /// For how long this peer has been out of touch with a leader, when it is so long that answers may lack what is
    /// reported done elsewhere. To be asked when an answer is written.
    pub fn stale(&self) -> Option<Duration> {
        self.touch.stale()
    }

    /// The client of a node, with the key of searches.
    ///
    /// # Errors
    /// When the node's address is none.
    pub fn client(&self, node: &miroir_cluster::Node) -> Result<Arc<dyn Node>, GatedError> {
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
        ids: &Ids<'_>,
    ) -> Result<String, SearchError> {
        twice(|| self.search_once(uid, request, ids)).await
    }

    async fn search_once(
        &self,
        uid: &IndexUid,
        request: &SearchRequest,
        ids: &Ids<'_>,
    ) -> Result<String, SearchError> {
        let scope = self.scope(uid).await?;
        let settings = &scope.index()?.settings.served;
        miroir_query::check_search(request, uid.as_str(), settings).map_err(SearchError::Refused)?;
        let round = Round::default();
        let mut search = Search { searcher: self, scope: &scope, ids, started: Instant::now(), round };
        // Each turn leaves out a node at least, so this ends.
        let answer = loop {
            let plan = plan(&scope, request, &search.round.failed)?;
            if let Some(answer) = search.turn(&plan).await? {
                break answer;
            }
        };
        let took = search.started.elapsed();
        metrics::histogram!("miroir_search_seconds").record(took);
        metrics::histogram!("miroir_search_overhead_seconds")
            .record(took.saturating_sub(search.round.waited));
        Ok(answer)
    }
}

/// By what a search is known.
#[derive(Debug, Clone, Copy)]
pub struct Ids<'a> {
    /// The id of the user's request, passed on to nodes.
    pub request: Option<&'a str>,
    /// What answers show as `requestUid`: one for all searches of a request.
    pub search: Uuid,
}

impl<'a> Ids<'a> {
    /// Those of a new search.
    pub fn new(request: Option<&'a str>) -> Self {
        Self { request, search: Uuid::now_v7() }
    }
}

/// An attempt that failed within this time failed for want of a connection. Whoever waited longer was let down by a node
/// that has too much to do, and gets no more of it.
const QUICKLY: Duration = Duration::from_secs(5);

/// Asks once more, of the newest state, when no copy of a shard answered and that was found out quickly: the last one may
/// have been slow to take a connection for a moment, and another copy may be searched by now.
pub(crate) async fn twice<T, F>(ask: impl Fn() -> F) -> Result<T, SearchError>
where
    F: Future<Output = Result<T, SearchError>>,
{
    let begun = Instant::now();
    match ask().await {
        Err(error) if error.is_of_a_moment() && begun.elapsed() < QUICKLY => ask().await,
        answer => answer,
    }
}

/// Whole milliseconds since then.
pub(crate) fn millis_since(started: Instant) -> u64 {
    u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// A search under way.
struct Search<'a> {
    searcher: &'a Searcher,
    scope: &'a Scope,
    ids: &'a Ids<'a>,
    started: Instant,
    round: Round,
}

impl Search<'_> {
    /// Carries out a plan. `None` when a node did not answer: it is among the failed ones from now on.
    async fn turn(&mut self, plan: &Plan) -> Result<Option<String>, SearchError> {
        let request_uid = self.ids.search.to_string();
        let started = self.started;
        let meta = || Meta { processing_time_ms: millis_since(started), request_uid: Some(&request_uid) };
        loop {
            let asked = match miroir_query::merge(plan, &self.round.answers, meta())? {
                Merged::Answer(answer) => return Ok(Some(answer)),
                Merged::Asks(requests) => requests,
            };
            let (clients, sent) = (&self.searcher.clients, (Route::Search, asked.as_slice()));
            match self.round.send(clients, self.scope.state(), sent, self.ids.request).await {
                Ok(()) if self.round.answers.lacking(&asked).next().is_none() => {}
                Ok(()) => return Ok(None),
                Err(refused) => {
                    let alone = (Route::Search, plan.user_filter_alone());
                    let refused = refused.without_ours(clients, self.scope.state(), alone).await;
                    return Err(refused.told(|node, body| plan.user_error(node, body)));
                }
            }
        }
    }
}

fn plan(scope: &Scope, request: &SearchRequest, failed: &BTreeSet<NodeId>) -> Result<Plan, SearchError> {
    let nodes = scope.nodes(failed)?;
    let shards = scope.shards(&nodes)?;
    Ok(miroir_query::plan(request, &scope.view(&shards)?)?)
}
