//! What the leader sees: which peers answer, and nodes.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::future::join_all;
use miroir_cluster::{Defaults, Found, Ledger};
use miroir_consensus::Peer;
use miroir_model::{PeerId, Timestamp};
use miroir_node::{ApiKey, Connections, HttpNode, Node};
use miroir_rebalancer::{ConfiguredNode, World};

/// How long a peer has to answer.
const ANSWER: Duration = Duration::from_millis(500);

/// The other peers, as Raft reaches them, and the way to nodes. What counts is that a peer can be reached by the group
/// and that it is itself, not that something answers at the address where users reach it.
pub(super) struct Seen {
    pub(super) peer: Arc<Peer>,
    pub(super) connections: Connections,
    /// What this peer's configuration says that a cluster is founded with.
    pub(super) defaults: Defaults,
}

#[async_trait]
impl World for Seen {
    async fn live(&self) -> BTreeSet<PeerId> {
        let (state, me) = (self.peer.state(), self.peer.me().peer);
        let others = state.peers.iter().filter(|(peer, _)| **peer != me);
        let asked = others.map(async |(peer, known)| {
            let life = self.peer.probe(*peer, ANSWER).await?;
            // A life that is over may still be answering somewhere.
            (life.boot >= known.boot).then_some(*peer)
        });
        join_all(asked).await.into_iter().flatten().chain([me]).collect()
    }

    fn now(&self) -> Timestamp {
        self.peer.now()
    }

    fn node(&self, configured: &ConfiguredNode) -> Result<Arc<dyn Node>, String> {
        let key = ApiKey::new(&configured.master_key);
        match HttpNode::new(&self.connections, &configured.url, key) {
            Ok(node) => Ok(Arc::new(node)),
            Err(error) => Err(error.to_string()),
        }
    }

    fn founding(&self) -> Option<Found> {
        let cluster = self.peer.cluster()?.to_string();
        Some(Found { cluster, defaults: self.defaults.clone() })
    }
}
