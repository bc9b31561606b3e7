//! Which nodes this peer reaches.
//!
//! Every peer asks every node, whoever drives its lane: a node is down only when every live peer that tried says so,
//! and the leader gives a lane to a peer that reaches the node. What a peer finds is recorded when it changes. A node that
//! does not let this peer in may be there all the same, as another than it was: it is [looked at](crate::identity).

use std::sync::Arc;

use miroir_cluster::{Command, Ledger, NodeState, State};
use miroir_model::NodeId;
use tokio::time::{Instant, sleep, timeout};
use tracing::{debug, info};

use crate::Config;
use crate::lane::Clients;

/// Asks a node again and again whether it is there. Never ends by itself.
pub(crate) async fn watch(ledger: Arc<dyn Ledger>, id: NodeId, clients: Clients, config: Config) {
    let node = clients.lane;
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
        if !matches!(answer, Ok(Ok(()))) || is_unauthorized(&ledger.state(), &id) {
            let look = crate::identity::look(&*ledger, &id, &*clients.bare);
            // One that hangs is asked again.
            let _ = timeout(config.down_after, look).await;
        }
        sleep(config.probe.saturating_sub(asked.elapsed())).await;
    }
}

fn is_unauthorized(state: &State, id: &NodeId) -> bool {
    state.nodes.get(id).is_some_and(|node| node.state == NodeState::Unauthorized)
}

/// Says what was found, unless the state says so already. What is not recorded now is said again at the next probe.
async fn report(ledger: &dyn Ledger, id: &NodeId, reachable: bool) {
    let me = ledger.me();
    let state = ledger.state();
    let Some(known) = state.nodes.get(id) else { return };
    let found = if reachable { &known.reached_by } else { &known.unreachable_by };
    if found.contains(&me.peer) {
        return;
    }
    info!(node = %id, reachable, "reachability changed");
    let seen = Command::NodeSeen { node: id.clone(), by: me, reachable };
    if let Err(error) = ledger.propose(seen).await {
        debug!(node = %id, %error, "not recorded");
    }
}
