//! What stands on a peer's ledger, put together.

use std::sync::Arc;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use miroir_admin::Admin;
use miroir_cluster::{Ledger, Node};
use miroir_consensus::Peer;
use miroir_http::{App, Options};
use miroir_lanes::Clients;
use miroir_node::{ApiKey, Connections, HttpNode, Timeouts};
use miroir_rebalancer::ConfiguredNode;
use miroir_search::Searcher;
use tonic::service::Routes;

use super::world::Seen;
use crate::config::PeerConfig;
use crate::exit::Exit;

/// What `/_miroir/metrics` prints.
pub(super) type Metrics = PrometheusHandle;

/// Bounds of the histograms, in seconds.
const SECONDS: [f64; 14] =
    [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 30.0];

/// Starts counting, for the whole process.
pub(super) fn metrics() -> Result<Metrics, Exit> {
    let failed = |error: metrics_exporter_prometheus::BuildError| Exit::Failed(error.to_string());
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)
        .map_err(failed)?
        .install_recorder()
        .map_err(failed)
}

/// The parts of a peer above its ledger.
pub(super) struct Parts {
    ledger: Arc<dyn Ledger>,
    searcher: Arc<Searcher>,
    connections: Connections,
    master_key: Option<String>,
    metrics: Metrics,
}

impl Parts {
    pub(super) fn new(peer: &Arc<Peer>, config: &PeerConfig, metrics: Metrics) -> Result<Self, Exit> {
        let ledger: Arc<dyn Ledger> = Arc::clone(peer) as Arc<dyn Ledger>;
        let connections =
            Connections::new(Timeouts::default()).map_err(|error| Exit::Failed(error.to_string()))?;
        let searcher = Arc::new(Searcher::new(Arc::clone(&ledger), connections.clone()));
        Ok(Self { ledger, searcher, connections, master_key: config.master_key.clone(), metrics })
    }

    /// What operators call.
    pub(super) fn grpc(&self) -> Routes {
        let admin = Admin::new(Arc::clone(&self.ledger), Arc::clone(&self.searcher), self.master_key.clone());
        Routes::new(admin.into_service())
    }

    /// What users call.
    pub(super) fn http(&self) -> axum::Router {
        let options = Options { master_key: self.master_key.clone() };
        let app =
            App::new(Arc::clone(&self.ledger), Arc::clone(&self.searcher), self.metrics.clone(), options);
        miroir_http::router(app)
    }

    /// What goes on by itself: lanes on every peer that has some, and the leader's duties.
    pub(super) fn work(
        &self,
        nodes: Vec<ConfiguredNode>,
        stopped: impl Future<Output = ()> + Send + 'static,
    ) -> Result<impl Future<Output = ()> + Send + 'static, Exit> {
        let (ledger, connections) = (Arc::clone(&self.ledger), self.connections.clone());
        let world = Seen::new(Arc::clone(&ledger), connections.clone());
        let world = Arc::new(world.map_err(|error| Exit::Failed(error.to_string()))?);
        let connect = Arc::new(move |node: &Node| clients(&connections, node));
        Ok(async move {
            let config = miroir_lanes::Config::default();
            let lanes = miroir_lanes::run(Arc::clone(&ledger), connect, config, std::future::pending());
            let leading = miroir_rebalancer::run(ledger, world, nodes, std::future::pending());
            tokio::select! {
                () = lanes => {}
                () = leading => {}
                () = stopped => {}
            }
        })
    }
}

/// The clients of a lane.
fn clients(connections: &Connections, node: &Node) -> Result<Clients, String> {
    let lane = HttpNode::new(connections, &node.url, ApiKey::new(&node.credentials.lane_key))
        .map_err(|error| error.to_string())?;
    let master = lane.with_key(ApiKey::new(&node.credentials.master_key));
    Ok(Clients { lane: Arc::new(lane), master: Arc::new(master) })
}
