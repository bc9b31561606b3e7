//! What searches share: the state, the nodes, and what is known of them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use miroir_cluster::Ledger;
use miroir_model::NodeId;
use miroir_node::{GatedError, Node, Pools};
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use crate::clients::Clients;
use crate::error::SearchError;
use crate::room::Room;
use crate::scope::CaughtUp;
use crate::tail::{Config, Tail};
use crate::touch::{self, Clock, Touch};
use crate::view::ShownCache;

/// Searches the indexes that this peer's state serves.
pub struct Searcher {
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) clients: Clients,
    pub(crate) shown: ShownCache,
    pub(crate) caught_up: CaughtUp,
    pub(crate) touch: Arc<Touch>,
    pub(crate) tail: Arc<Tail>,
    /// For the answers of nodes.
    pub(crate) room: Arc<Room>,
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
            tail: Arc::default(),
            room: Arc::new(Room::new(Config::default().memory)),
        }
    }

    /// The same, searching as configured.
    #[must_use]
    pub fn with_config(self, config: Config) -> Self {
        Self { tail: Arc::new(Tail::new(config)), room: Arc::new(Room::new(config.memory)), ..self }
    }

    /// For how many indexes each node is avoided since it is slow: those that were asked lately.
    pub fn slow(&self) -> BTreeMap<NodeId, usize> {
        if self.tail.config.adaptive { self.tail.paces.slow_indexes() } else { BTreeMap::new() }
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

    /// What comes of it within the deadline of what began then.
    pub(crate) async fn in_time<T>(
        &self,
        began: Instant,
        work: impl Future<Output = Result<T, SearchError>>,
    ) -> Result<T, SearchError> {
        let deadline = self.tail.config.deadline;
        let late = |_| Err(SearchError::Late { nodes: Vec::new(), deadline });
        timeout_at(began + deadline, work).await.unwrap_or_else(late)
    }

    /// The client of a node, with the key of searches.
    ///
    /// # Errors
    /// When the node's address is none.
    pub fn client(&self, node: &miroir_cluster::Node) -> Result<Arc<dyn Node>, GatedError> {
        self.clients.of(node)
    }
}

/// By what a search is known.
#[derive(Debug, Clone, Copy)]
pub struct Ids<'a> {
    /// The id of the user's request, passed on to nodes.
    pub request: Option<&'a str>,
    /// What answers show as `requestUid`: one for all searches of a request.
    pub search: Uuid,
    /// Whether answers tell what their searches were: `metadata`.
    pub described: bool,
}

impl<'a> Ids<'a> {
    /// Those of a new search.
    pub fn new(request: Option<&'a str>) -> Self {
        Self { request, search: Uuid::now_v7(), described: false }
    }

    /// The same, for answers that tell what their searches were, if so.
    #[must_use]
    pub fn describing(self, described: bool) -> Self {
        Self { described, ..self }
    }

    /// New uids for so many searches of an answer; none where it does not tell of them.
    pub(crate) fn of_queries(&self, searches: usize) -> Vec<String> {
        let searches = if self.described { searches } else { 0 };
        (0..searches).map(|_| Uuid::now_v7().to_string()).collect()
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
