//! What the leader observes: which peers answer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures::future::join_all;
use miroir_cluster::Ledger;
use miroir_model::PeerId;
use miroir_node::{ApiKey, Connections, HttpNode, Node};
use miroir_rebalancer::{ConfiguredNode, Observed, World};

/// How long a peer has to answer.
const ANSWER: Duration = Duration::from_millis(500);
/// A peer that has not answered for so long is gone.
const GONE: Duration = Duration::from_secs(2);

/// The peers by their HTTP addresses, and the way to nodes.
pub(super) struct Seen {
    ledger: Arc<dyn Ledger>,
    connections: Connections,
    /// Speaks to peers' `/health`.
    client: reqwest::Client,
    answered: Mutex<BTreeMap<PeerId, Instant>>,
}

impl Seen {
    pub(super) fn new(ledger: Arc<dyn Ledger>, connections: Connections) -> Result<Self, reqwest::Error> {
        let client = reqwest::Client::builder().timeout(ANSWER).no_proxy().build()?;
        Ok(Self { ledger, connections, client, answered: Mutex::default() })
    }

    async fn ask(&self, peer: PeerId, http: &str) -> (PeerId, bool) {
        let answer = self.client.get(format!("{http}/health")).send().await;
        (peer, answer.is_ok_and(|answer| answer.status().is_success()))
    }
}

#[async_trait]
impl World for Seen {
    async fn observe(&self) -> Observed {
        let (state, me) = (self.ledger.state(), self.ledger.me().peer);
        let mut asked = Vec::new();
        for (peer, known) in state.peers.iter().filter(|(peer, _)| **peer != me) {
            asked.push(self.ask(*peer, &known.http));
        }
        let answers = join_all(asked).await;
        let now = Instant::now();
        let mut answered = self.answered.lock().unwrap_or_else(PoisonError::into_inner);
        let mut live = BTreeSet::from([me]);
        for (peer, answers) in answers {
            // One that was never asked before is given the same patience.
            let last = answered.entry(peer).or_insert(now);
            if answers {
                *last = now;
            }
            if now.duration_since(*last) < GONE {
                live.insert(peer);
            }
        }
        Observed { live }
    }

    fn node(&self, configured: &ConfiguredNode) -> Result<Arc<dyn Node>, String> {
        let key = ApiKey::new(&configured.master_key);
        match HttpNode::new(&self.connections, &configured.url, key) {
            Ok(node) => Ok(Arc::new(node)),
            Err(error) => Err(error.to_string()),
        }
    }
}
