//! A peer that is a cluster of its own, with both services.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use miroir_admin::Admin;
use miroir_cluster::{Ledger, State};
use miroir_consensus::{Config, Limits, Peer, Timing};
use miroir_node::{Connections, Pools, Timeouts};
use miroir_search::Searcher;
use miroir_wire::Secret;
use tonic::service::Routes;

pub(crate) const SECRET: &str = "a-secret-for-tests-only";
pub(crate) const MASTER_KEY: &str = "the master key";

/// It ends when it is dropped.
pub(crate) struct Server {
    pub(crate) peer: Arc<Peer>,
    pub(crate) address: SocketAddr,
    _dir: tempfile::TempDir,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("binds");
        let address = listener.local_addr().expect("an address");
        let dir = tempfile::tempdir().expect("a directory");
        let config = Config {
            data_dir: dir.path().to_owned(),
            name: "a".to_owned(),
            advertised: address.to_string(),
            initial_peers: BTreeMap::from([("a".to_owned(), address.to_string())]),
            secret: Secret::new(SECRET).expect("strong enough"),
            timing: Timing::default(),
            limits: Limits { disk_reserve: 0, ..Limits::default() },
            platform: std::sync::Arc::new(miroir_consensus::Os),
        };
        let peer = Arc::new(Peer::start(config).await.expect("it starts"));
        let ledger = Arc::clone(&peer) as Arc<dyn Ledger>;
        let connections = Connections::new(Timeouts::default()).expect("a client");
        let searcher = Arc::new(Searcher::new(Arc::clone(&ledger), Pools::open(connections)));
        let admin = Admin::new(ledger, searcher, Some(MASTER_KEY.to_owned()));
        peer.serve(listener, Routes::new(admin.into_service())).expect("serves");
        while peer.read_barrier().await.is_err() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Self { peer, address, _dir: dir }
    }

    /// What no call may change: the state, and who leads since when.
    pub(crate) fn effects(&self) -> (Arc<State>, u64, bool) {
        let leadership = self.peer.leadership();
        (self.peer.state(), leadership.term, leadership.is_leader)
    }
}
