//! A world of nodes and peers that answer as a test says.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use miroir_cluster::{Command, Defaults, Found, Ledger, Outcome, State};
use miroir_model::{NodeId, PeerId, PeerLife, Timestamp};
use miroir_node::{
    ById, Enqueued, IndexInfo, IndexPage, IndexStats, KeyInfo, NewKey, Node, NodeError, NodeTask, Origin,
    TaskPage, TaskQuery, Version, Write,
};
use miroir_testkit::{LocalCluster, defaults};
use tokio::time::timeout;
use uuid::Uuid;

use super::{ConfiguredNode, Policy, World, run};

/// How a node meets its adoption.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meets {
    /// As it should.
    Well,
    /// It never answers.
    Hangs,
    /// Nothing listens there.
    Gone,
}

/// The world. Nodes are `node-0`, `node-1` and so on.
pub(super) struct Fake {
    nodes: Mutex<Vec<Meets>>,
    answering: Mutex<BTreeSet<PeerId>>,
    founding: Option<Found>,
}

impl Fake {
    /// Peers 1 to `peers` answer. The cluster, which no node has joined, is founded with these defaults.
    pub(super) fn new(peers: u64, nodes: &[Meets], defaults: Defaults) -> Arc<Self> {
        Arc::new(Self {
            nodes: Mutex::new(nodes.to_vec()),
            answering: Mutex::new((1..=peers).map(PeerId).collect()),
            founding: Some(Found { cluster: "test".to_owned(), defaults }),
        })
    }

    pub(super) fn meets(&self, node: usize, how: Meets) {
        self.nodes.lock().expect("no test panicked")[node] = how;
    }

    /// Whether a peer answers from now on.
    pub(super) fn answers(&self, peer: u64, answers: bool) {
        let mut answering = self.answering.lock().expect("no test panicked");
        if answers {
            answering.insert(PeerId(peer));
        } else {
            answering.remove(&PeerId(peer));
        }
    }

    /// Starts what leads, as peer 1 of a cluster of these peers. It ends with the test.
    pub(super) fn lead(self: &Arc<Self>, peers: u64) -> LocalCluster {
        let cluster = LocalCluster::new(Default::default);
        let ledgers: Vec<_> = (1..=peers).map(|peer| cluster.start(peer)).collect();
        let first: Arc<dyn Ledger> = Arc::new(ledgers[0].clone());
        let nodes = (0..self.nodes.lock().expect("no test panicked").len()).map(configured).collect();
        tokio::spawn(run(first, Arc::clone(self) as _, (nodes, Policy::default()), std::future::pending()));
        cluster
    }
}

fn configured(number: usize) -> ConfiguredNode {
    ConfiguredNode {
        id: NodeId::new(format!("node-{number}")),
        url: format!("http://node-{number}"),
        group: 0,
        weight: 1,
        master_key: "a master key of a node".to_owned(),
    }
}

/// Factor copies of each shard; shards by the number of nodes.
pub(super) fn copies(factor: u16) -> Defaults {
    Defaults { shards: None, factor, ..defaults(1) }
}

/// Waits until the state is as wanted, an hour at most.
pub(super) async fn until(cluster: &LocalCluster, wanted: impl Fn(&State) -> bool) {
    let handle = cluster.handle(PeerLife { peer: PeerId(1), boot: 1 });
    let seen = async {
        while !wanted(&cluster.state()) {
            handle.changed(cluster.state().version()).await;
        }
    };
    timeout(Duration::from_secs(3600), seen).await.expect("it comes to that");
}

/// Marks a peer, as an earlier leader would have.
pub(super) fn mark(cluster: &LocalCluster, peer: u64, alive: bool) {
    assert_eq!(cluster.apply(&Command::PeerAlive { peer: PeerId(peer), alive }), Outcome::Done);
}

#[async_trait]
impl World for Fake {
    async fn live(&self) -> BTreeSet<PeerId> {
        self.answering.lock().expect("no test panicked").clone()
    }

    fn now(&self) -> Timestamp {
        Timestamp::default()
    }

    fn node(&self, configured: &ConfiguredNode) -> Result<Arc<dyn Node>, String> {
        let number: usize = configured.id.as_str()["node-".len()..].parse().map_err(|_| "no node")?;
        Ok(Arc::new(FakeNode(self.nodes.lock().expect("no test panicked")[number])))
    }

    fn founding(&self) -> Option<Found> {
        self.founding.clone()
    }
}

/// An empty node, as far as adoption asks.
#[derive(Debug)]
struct FakeNode(Meets);

fn unasked<T>() -> Result<T, NodeError> {
    Err(NodeError::Incompatible("adoption does not ask that".to_owned()))
}

#[async_trait]
impl Node for FakeNode {
    async fn version(&self) -> Result<Version, NodeError> {
        match self.0 {
            Meets::Well => Ok(Version { pkg_version: "1.50.0".to_owned() }),
            Meets::Hangs => std::future::pending().await,
            Meets::Gone => Err(NodeError::Unreachable("planned".to_owned())),
        }
    }

    async fn indexes(&self, _: u64, _: u64) -> Result<IndexPage, NodeError> {
        Ok(IndexPage { results: Vec::new(), total: 0 })
    }

    async fn create_key(&self, key: &NewKey) -> Result<KeyInfo, NodeError> {
        Ok(KeyInfo { uid: key.uid, name: None, actions: Vec::new(), indexes: Vec::new() })
    }

    async fn enable_edits(&self) -> Result<(), NodeError> {
        Ok(())
    }

    async fn health(&self) -> Result<(), NodeError> {
        unasked()
    }

    async fn task(&self, _: u32) -> Result<NodeTask, NodeError> {
        unasked()
    }

    async fn tasks(&self, _: &TaskQuery) -> Result<TaskPage, NodeError> {
        unasked()
    }

    async fn forget_tasks(&self, _: &[u32]) -> Result<Enqueued, NodeError> {
        unasked()
    }

    async fn key(&self, _: Uuid) -> Result<KeyInfo, NodeError> {
        unasked()
    }

    async fn delete_key(&self, _: Uuid) -> Result<(), NodeError> {
        unasked()
    }

    async fn enqueue(&self, _: &str, _: &Write, _: Origin<'_>) -> Result<Enqueued, NodeError> {
        unasked()
    }

    async fn index(&self, _: &str) -> Result<IndexInfo, NodeError> {
        unasked()
    }

    async fn settings(&self, _: &str) -> Result<Bytes, NodeError> {
        unasked()
    }

    async fn used_bytes(&self) -> Result<u64, NodeError> {
        unasked()
    }

    async fn stats(&self, _: &str) -> Result<IndexStats, NodeError> {
        unasked()
    }

    async fn search(&self, _: &str, _: Bytes, _: Option<&str>) -> Result<Bytes, NodeError> {
        unasked()
    }

    async fn facet_search(&self, _: &str, _: Bytes, _: Option<&str>) -> Result<Bytes, NodeError> {
        unasked()
    }

    async fn similar(&self, _: &str, _: Bytes, _: Option<&str>) -> Result<Bytes, NodeError> {
        unasked()
    }

    async fn multi_search(&self, _: Bytes, _: Option<&str>) -> Result<Bytes, NodeError> {
        unasked()
    }

    async fn fetch(&self, _: &str, _: Bytes, _: Option<&str>) -> Result<Bytes, NodeError> {
        unasked()
    }

    async fn document(&self, _: &str, _: ById<'_>, _: Option<&str>) -> Result<Bytes, NodeError> {
        unasked()
    }
}
