//! What stands on a peer's ledger, put together.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use miroir_admin::Admin;
use miroir_cluster::{Defaults, Ledger};
use miroir_consensus::Peer;
use miroir_http::{App, Options};
use miroir_model::NodeId;
use miroir_node::{Connections, Pools, Timeouts};
use miroir_rebalancer::ConfiguredNode;
use miroir_search::Searcher;
use tonic::service::Routes;

use super::world::Seen;
use crate::config::{PeerConfig, PeerLimits};
use crate::exit::Exit;

/// What `/_miroir/metrics` prints.
pub(super) type Metrics = PrometheusHandle;

/// Bounds of the histograms, in seconds.
const SECONDS: [f64; 16] =
    [0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 30.0];

/// Starts counting, for the whole process.
pub(super) fn metrics() -> Result<Metrics, Exit> {
    let failed = |error: metrics_exporter_prometheus::BuildError| Exit::Failed(error.to_string());
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)
        .map_err(failed)?
        .install_recorder()
        .map_err(failed)
}

/// How often what was measured is put into the histograms.
const UPKEEP: Duration = Duration::from_secs(5);

/// Until it is put there each value that is measured takes memory; being read does that too, but nobody may read.
async fn upkeep(metrics: Metrics) {
    loop {
        tokio::time::sleep(UPKEEP).await;
        metrics.run_upkeep();
    }
}

/// The parts of a peer above its ledger.
pub(super) struct Parts {
    peer: Arc<Peer>,
    ledger: Arc<dyn Ledger>,
    searcher: Arc<Searcher>,
    pools: Pools,
    master_key: Option<String>,
    defaults: Defaults,
    limits: PeerLimits,
    capacity: BTreeMap<NodeId, u64>,
    metrics: Metrics,
}

impl Parts {
    pub(super) fn new(peer: &Arc<Peer>, config: &PeerConfig, metrics: Metrics) -> Result<Self, Exit> {
        let ledger: Arc<dyn Ledger> = Arc::clone(peer) as Arc<dyn Ledger>;
        let timeouts = Timeouts::default();
        let bare = Connections::new(timeouts).map_err(|error| Exit::Failed(error.to_string()))?;
        let pools = Pools::gated(bare, timeouts, miroir_lanes::gates(&ledger));
        let searcher = Searcher::new(Arc::clone(&ledger), pools.clone()).with_config(config.search.into());
        let searcher = Arc::new(searcher);
        let (peer, master_key) = (Arc::clone(peer), config.master_key.clone());
        let defaults = (&config.defaults.clone().unwrap_or_default()).into();
        let (limits, capacity) = (config.limits, config.capacity());
        Ok(Self { peer, ledger, searcher, pools, master_key, defaults, limits, capacity, metrics })
    }

    /// What operators call.
    pub(super) fn grpc(&self) -> Routes {
        let admin = Admin::new(Arc::clone(&self.ledger), Arc::clone(&self.searcher), self.master_key.clone());
        Routes::new(admin.into_service())
    }

    /// What users call.
    pub(super) fn http(&self) -> axum::Router {
        let options = Options { master_key: self.master_key.clone(), queue: self.limits.queue() };
        let app =
            App::new(Arc::clone(&self.ledger), Arc::clone(&self.searcher), self.metrics.clone(), options);
        miroir_http::router(app)
    }

    /// What goes on by itself: lanes on every peer that has some, and the leader's duties.
    pub(super) fn work(
        &self,
        nodes: Vec<ConfiguredNode>,
        stopped: impl Future<Output = ()> + Send + 'static,
    ) -> impl Future<Output = ()> + Send + 'static {
        let (ledger, pools) = (Arc::clone(&self.ledger), self.pools.clone());
        let (peer, defaults) = (Arc::clone(&self.peer), self.defaults.clone());
        let (searcher, metrics) = (Arc::clone(&self.searcher), self.metrics.clone());
        let world = Arc::new(Seen { peer, connections: pools.bare().clone(), defaults });
        let connect = miroir_lanes::http(pools);
        let config = miroir_lanes::Config { capacity: self.capacity.clone(), ..self.limits.lanes() };
        let policy = self.limits.policy();
        async move {
            let lanes = miroir_lanes::run(Arc::clone(&ledger), connect, config, std::future::pending());
            let leading = miroir_rebalancer::run(ledger, world, (nodes, policy), std::future::pending());
            tokio::select! {
                () = lanes => {}
                () = leading => {}
                () = searcher.report() => {}
                () = upkeep(metrics) => {}
                () = stopped => {}
            }
        }
    }
}
