//! Which nodes this peer reaches.
//!
//! Every peer asks every node, whoever drives its lane: a node is down only when every live peer that tried says so,
//! and the leader gives a lane to a peer that reaches the node. What a peer finds is recorded when it changes.

use std::sync::Arc;

use miroir_cluster::{Command, Ledger};
use miroir_model::NodeId;
use miroir_node::Node;
use tokio::time::{Instant, sleep, timeout};
use tracing::{debug, info};

use crate::Config;

/// Asks a node again and again whether it is there. Never ends by itself.
pub(crate) async fn watch(ledger: Arc<dyn Ledger>, id: NodeId, node: Arc<dyn Node>, config: Config) {
    let mut answered = Instant::now();
    loop {
        let asked = Instant::now();
        let answer = timeout(config.down_after, node.health()).await;
        let reachable = match answer {
            Ok(Ok(())) => {
                answered = Instant::now();
                Some(true)
            }
            _ => (answered.elapsed() >= config.down_after).then_some(false),
        };
        if let Some(reachable) = reachable {
            report(&*ledger, &id, reachable).await;
        }
        sleep(config.probe.saturating_sub(asked.elapsed())).await;
    }
}

/// Says what was found, unless the state says so already. What is not recorded now is said again at the next probe.
async fn report(ledger: &dyn Ledger, id: &NodeId, reachable: bool) {
    let me = ledger.me();
    let known = ledger.state().nodes.get(id).map(|node| !node.unreachable_by.contains(&me.peer));
    if known.is_none_or(|known| known == reachable) {
        return;
    }
    info!(node = %id, reachable, "reachability changed");
    let seen = Command::NodeSeen { node: id.clone(), by: me, reachable };
    if let Err(error) = ledger.propose(seen).await {
        debug!(node = %id, %error, "not recorded");
    }
}
