//! A cluster in this process: nodes, one peer with its lanes, searches and HTTP API, and a log in memory.

use std::sync::Arc;
use std::time::SystemTime;

use axum::serve::ListenerExt;
use metrics_exporter_prometheus::PrometheusBuilder;
use miroir_cluster::{Adopt, Command, Defaults, Ledger, Outcome};
use miroir_documents::slot_of_id;
use miroir_http::{App, Options};
use miroir_model::{NodeId, PeerId, ShardId, TaskUid, Timestamp};
use miroir_node::{Connections, Pools, Timeouts};
use miroir_rebalancer::ConfiguredNode;
use miroir_search::Searcher;
use miroir_testkit::{Around, LocalCluster};
use tokio::net::TcpListener;

use crate::dead::Dead;
use crate::server::{MASTER_KEY, Program, Server};

pub(crate) struct Cluster {
    /// Where the Meilisearch API is served, by a peer that asks the same copies each time.
    pub(crate) url: String,
    /// Where it is served by a peer that asks other copies of what is late, as peers usually do; where there are any.
    pub(crate) usual: Option<String>,
    /// Where it is served by a peer to which one node is dead: node by node, where another one has all that it has.
    pub(crate) with_dead: Vec<String>,
    log: LocalCluster,
    nodes: Vec<Server>,
}

impl Cluster {
    /// So many nodes in one group, and one peer.
    pub(crate) async fn start(program: &Program, nodes: usize, defaults: Defaults) -> Self {
        let mut servers = Vec::new();
        let mut adopted = Vec::new();
        for number in 0..nodes {
            let server = Server::start(program).await;
            adopted.push(adopt(NodeId::new(format!("node-{number}")), &server).await);
            servers.push(server);
        }
        let names: Vec<NodeId> = adopted.iter().map(|node| node.node.clone()).collect();
        let log = LocalCluster::new(now);
        let factor = defaults.factor;
        log.found(defaults, adopted);
        let ledger = log.start(1);
        for node in names.clone() {
            let assigned = log.apply(&Command::AssignLane { node, peer: Some(PeerId(1)) });
            assert_eq!(assigned, Outcome::Done);
        }
        let connect = Connections::new(Timeouts::default()).unwrap();
        let whole: Arc<dyn Ledger> = Arc::new(ledger.clone());
        let pools = Pools::gated(connect.clone(), Timeouts::default(), miroir_lanes::gates(&whole));
        let (lanes, config) = (miroir_lanes::http(pools.clone()), miroir_lanes::Config::default());
        tokio::spawn(miroir_lanes::run(Arc::clone(&whole), lanes, config, std::future::pending()));
        let steady = miroir_search::Config { hedge: false, adaptive: false, ..Default::default() };
        let url = serve(Arc::clone(&whole), pools.clone(), steady).await;
        let usual = match factor {
            1 => None,
            _ => Some(serve(whole, pools, miroir_search::Config::default()).await),
        };
        let mut with_dead = Vec::new();
        for node in names.into_iter().filter(|_| factor > 1) {
            let ledger: Arc<dyn Ledger> = Arc::new(Around(Dead::new(&ledger, node)));
            let gates = miroir_lanes::gates(&ledger);
            let pools = Pools::gated(connect.clone(), Timeouts::default(), gates);
            // Each search is to ask that node first where it would: it is not avoided for having failed.
            with_dead.push(serve(ledger, pools, steady).await);
        }
        Self { url, usual, with_dead, log, nodes: servers }
    }

    /// Nothing is delivered to a node any more, or it is again.
    pub(crate) fn hold(&self, node: usize, held: bool) {
        let (node, peer) = (NodeId::new(format!("node-{node}")), (!held).then_some(PeerId(1)));
        assert_eq!(self.log.apply(&Command::AssignLane { node, peer }), Outcome::Done);
    }

    /// Whether all nodes but this one have carried out a task.
    pub(crate) fn is_done_elsewhere(&self, node: usize, index: &str, task: u64) -> bool {
        let (state, node) = (self.log.state(), NodeId::new(format!("node-{node}")));
        let index = state.served(&index.parse().unwrap()).expect("the index is served");
        let mut others = index.queues.iter().filter(|(id, _)| **id != node);
        others.all(|(_, queue)| !queue.pending.contains(&TaskUid(task)))
    }

    /// Where a node is, past the peer.
    pub(crate) fn node_url(&self, node: usize) -> &str {
        &self.nodes[node].url
    }

    /// What nodes call an index.
    pub(crate) fn name_on_nodes(&self, index: &str) -> String {
        let state = self.log.state();
        let index = state.served(&index.parse().unwrap()).expect("the index is served");
        let queue = index.queues.values().next().expect("some node has it");
        queue.name(index.id).to_string()
    }

    /// The shard that a document is in.
    pub(crate) fn shard_of(&self, index: &str, id: &str) -> ShardId {
        let state = self.log.state();
        let index = state.served(&index.parse().unwrap()).expect("the index is served");
        index.shards.shard_of(slot_of_id(id)).id
    }

    /// How many shards an index has, and how many nodes have copies.
    pub(crate) fn shape_of(&self, index: &str) -> (usize, usize) {
        let state = self.log.state();
        let index = state.served(&index.parse().unwrap()).expect("the index is served");
        assert!(index.queues.len() <= self.nodes.len());
        (index.shards.shards().len(), index.queues.len())
    }
}

fn now() -> Timestamp {
    SystemTime::now().into()
}

/// Adopts a node, as a leader does.
async fn adopt(id: NodeId, server: &Server) -> Adopt {
    let (url, master_key) = (server.url.clone(), MASTER_KEY.to_owned());
    let configured = ConfiguredNode { id, url, group: 0, weight: 1, master_key };
    miroir_rebalancer::adopt(&configured, &server.node(), None).await.unwrap()
}

/// Starts the HTTP API of a peer; where that is.
async fn serve(ledger: Arc<dyn Ledger>, pools: Pools, config: miroir_search::Config) -> String {
    let searcher = Arc::new(Searcher::new(Arc::clone(&ledger), pools).with_config(config));
    let metrics = PrometheusBuilder::new().build_recorder().handle();
    let router = miroir_http::router(App::new(ledger, searcher, metrics, Options::default()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let listener = listener.tap_io(|stream| {
        // Without it each answer waits 40 ms.
        let _ = stream.set_nodelay(true);
    });
    tokio::spawn(async move { axum::serve(listener, router).await });
    url
}
