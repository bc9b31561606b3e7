//! Clusters, and what a peer knows of them.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use miroir_cluster::{
    BarrierError, Command, Defaults, Enqueue, EnqueueWork, Index, Ledger, Outcome, ProposalId, Shape, State,
    Target,
};
use miroir_model::{IndexUid, PeerId, PeerLife, Timestamp};
use miroir_node::{Connections, Pools, Timeouts};
use miroir_query::SearchRequest;
use miroir_search::Searcher;
use miroir_tasks::TaskDetails;
use miroir_testkit::{Around, Interpose, LocalCluster, LocalLedger, adopt};
use serde_json::Value;

use crate::fake::FakeNode;

/// A cluster of these nodes; each new index has this many shards, and copies of each.
pub(crate) fn cluster(nodes: &[FakeNode], shards: u16, factor: u16) -> LocalCluster {
    let defaults = Defaults { shards: Some(shards), factor, ..Defaults::default() };
    let adopted = nodes.iter().enumerate().map(|(n, node)| adopt(&format!("node-{n}"), &node.url));
    LocalCluster::founded(defaults, adopted)
}

/// The same cluster with an index `movies` that is served, changed as the test needs.
pub(crate) fn with_movies(cluster: &LocalCluster, change: impl FnOnce(&mut Index)) -> LocalCluster {
    let enqueue = Enqueue {
        proposal: ProposalId { life: PeerLife { peer: PeerId(0), boot: 1 }, number: 1 },
        idempotency: None,
        index_uid: Some(movies()),
        target: Target::Creates { primary_key: Some("id".to_owned()), shape: Shape::default() },
        work: EnqueueWork::CreateIndex,
        details: TaskDetails::Index { primary_key: None, old_uid: None, new_uid: None },
        custom_metadata: None,
    };
    let outcome = cluster.apply(&Command::Enqueue(Box::new(enqueue)));
    assert!(matches!(outcome, Outcome::Enqueued { .. }), "{outcome:?}");
    let mut state = (*cluster.state()).clone();
    state.names.served = state.names.ordered.clone();
    let id = state.names.served[&movies()];
    let index = state.indexes.get_mut(&id).expect("the index");
    index.served_primary_key = index.primary_key.clone();
    for node in index.shards.shards().iter().flat_map(|shard| shard.copies.keys()) {
        let queue = index.queues.get_mut(node).expect("each copy has a queue");
        (queue.searchable, queue.hidden, queue.returns_at) = (true, None, None);
    }
    change(index);
    LocalCluster::restored(state, Timestamp::default)
}

pub(crate) fn movies() -> IndexUid {
    "movies".parse().expect("a name")
}

pub(crate) fn request(body: &Value) -> SearchRequest {
    miroir_query::from_json(body.to_string().as_bytes()).expect("a request")
}

pub(crate) fn searcher(ledger: impl Ledger) -> Searcher {
    Searcher::new(Arc::new(ledger), Pools::open(Connections::new(Timeouts::default()).expect("a client")))
}

/// The searcher of a peer that knows everything.
pub(crate) fn searcher_of(cluster: &LocalCluster) -> Searcher {
    searcher(cluster.start(1))
}

/// A peer whose state is what it saw at the last barrier.
#[derive(Clone)]
pub(crate) struct Lagging {
    ledger: LocalLedger,
    seen: Arc<Mutex<Arc<State>>>,
}

impl Lagging {
    /// A peer that has seen this state of the cluster.
    pub(crate) fn new(cluster: &LocalCluster, seen: State) -> Around<Self> {
        Around(Self { ledger: cluster.start(1), seen: Arc::new(Mutex::new(Arc::new(seen))) })
    }

    /// Back to before anything was applied.
    pub(crate) fn forget(&self) {
        *self.seen.lock().expect("no test failed here") = Arc::default();
    }
}

#[async_trait]
impl Interpose for Lagging {
    fn inner(&self) -> &dyn Ledger {
        &self.ledger
    }

    fn state(&self) -> Arc<State> {
        Arc::clone(&self.seen.lock().expect("no test failed here"))
    }

    async fn read_barrier(&self) -> Result<(), BarrierError> {
        self.ledger.read_barrier().await?;
        *self.seen.lock().expect("no test failed here") = self.ledger.state();
        Ok(())
    }
}
