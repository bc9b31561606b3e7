//! Whether a node is the one that was adopted, with all that its lane has recorded.
//!
//! No connection to a node is used before it has passed the gate ([`gates`]): so a node that comes back with an older
//! disk, or as someone else, answers nothing. To every peer it is then as if it were not there, until one of them has
//! looked at it under its master key and said what it found ([`look`]).

use std::sync::{Arc, Weak};

use miroir_cluster::{Command, Ledger, Outcome, Proof, State};
use miroir_model::NodeId;
use miroir_node::{ApiKey, Expected, Gate, Known, Node, Verdict, examine};
use tracing::{debug, warn};
use uuid::Uuid;

/// The gate of each node, by what this peer's state says of it.
pub fn gates(ledger: &Arc<dyn Ledger>) -> impl Fn(&NodeId) -> Arc<dyn Gate> + Send + Sync + 'static {
    // Connections outlive nothing: they are made for requests, and whoever makes those has the ledger.
    let ledger = Arc::downgrade(ledger);
    move |node| Arc::new(NodeGate { ledger: Weak::clone(&ledger), node: node.clone() })
}

struct NodeGate {
    ledger: Weak<dyn Ledger>,
    node: NodeId,
}

impl Gate for NodeGate {
    fn expects(&self) -> Option<Expected> {
        let state = self.ledger.upgrade()?.state();
        let node = state.nodes.get(&self.node)?;
        Some(Expected { key: ApiKey::new(&node.credentials.lane_key), newest: known(&state, &self.node) })
    }
}

fn known(state: &State, node: &NodeId) -> Option<Known> {
    let (task, name) = state.newest_on(node)?;
    Some(Known { task, index: name.to_string(), mark: None })
}

/// Looks at a node that does not let this peer in, and records what it is, unless that is known. `bare` speaks to it
/// under its master key, over connections that pass no gate.
pub(crate) async fn look(ledger: &dyn Ledger, id: &NodeId, bare: &dyn Node) {
    // By what everybody knows of it: an old state's record may be forgotten on the node.
    if ledger.read_barrier().await.is_err() {
        return;
    }
    let state = ledger.state();
    let Some(node) = state.nodes.get(id) else { return };
    let Ok(key) = Uuid::parse_str(&node.credentials.adoption) else { return };
    let proof = match examine(bare, key, known(&state, id).as_ref()).await {
        Verdict::Same => Proof::Same,
        Verdict::Older => Proof::Older,
        Verdict::Empty | Verdict::Foreign => Proof::Foreign,
        Verdict::Unauthorized => Proof::Unauthorized,
        Verdict::Unknown(error) => return debug!(node = %id, %error, "not looked at"),
    };
    if state.agrees(id, proof) {
        return;
    }
    warn!(node = %id, ?proof, "the node is not what it was");
    let command = Command::NodeProved { node: id.clone(), by: ledger.me(), proof };
    match ledger.propose(command).await {
        Ok(Outcome::Done) => {}
        answer => debug!(node = %id, ?answer, "not recorded"),
    }
}
