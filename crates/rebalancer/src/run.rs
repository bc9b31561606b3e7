//! The leader's loop: look, plan, propose.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use miroir_cluster::{Command, Ledger, Outcome, State};
use miroir_model::NodeId;
use miroir_node::Node;
use tokio::time::{sleep, timeout};
use tracing::{debug, info, warn};

use crate::adopt::{ConfiguredNode, adopt};
use crate::plan::{Observed, plan};

/// At most so long between two looks.
const LOOK: Duration = Duration::from_millis(500);
/// At least so long: each look asks the group whether this peer still leads.
const PAUSE: Duration = Duration::from_millis(100);

/// The world as the leader sees it.
#[async_trait]
pub trait World: Send + Sync {
    /// What is so now.
    async fn observe(&self) -> Observed;

    /// A node with the rights of its master key.
    ///
    /// # Errors
    /// When its address is none; the text says why.
    fn node(&self, configured: &ConfiguredNode) -> Result<Arc<dyn Node>, String>;
}

/// Adopts the configured nodes and assigns lanes whenever this peer leads, until `shutdown` is ready.
pub async fn run(
    ledger: Arc<dyn Ledger>,
    world: Arc<dyn World>,
    nodes: Vec<ConfiguredNode>,
    shutdown: impl Future<Output = ()>,
) {
    let leader = Leader { ledger, world, nodes };
    tokio::select! {
        () = shutdown => {}
        () = leader.work() => {}
    }
}

struct Leader {
    ledger: Arc<dyn Ledger>,
    world: Arc<dyn World>,
    nodes: Vec<ConfiguredNode>,
}

impl Leader {
    async fn work(&self) {
        // What was last said of a node that cannot be adopted, so that it is said once.
        let mut said: BTreeMap<NodeId, String> = BTreeMap::new();
        loop {
            let seen = self.ledger.state().version();
            // Another peer may lead by now, or this peer's state may be behind: then what is planned would be too.
            if self.ledger.leadership().is_leader && self.ledger.read_barrier().await.is_ok() {
                self.look(&mut said).await;
            }
            // Changes wake it; time does too, for what is observed outside the state.
            let _ = timeout(LOOK, self.ledger.changed(seen)).await;
            sleep(PAUSE).await;
        }
    }

    async fn look(&self, said: &mut BTreeMap<NodeId, String>) {
        let state = self.ledger.state();
        if state.cluster.is_none() {
            return;
        }
        for configured in self.nodes.iter().filter(|node| !state.nodes.contains_key(&node.id)) {
            match self.adopt(&state, configured).await {
                Ok(()) => drop(said.remove(&configured.id)),
                Err(text) => {
                    if said.get(&configured.id) != Some(&text) {
                        warn!(node = %configured.id, url = %configured.url, "not adopted: {text}");
                        said.insert(configured.id.clone(), text);
                    }
                }
            }
        }
        let observed = self.world.observe().await;
        for command in plan(&self.ledger.state(), &observed) {
            info!(?command, "proposing");
            if let Err(error) = self.ledger.propose(command).await {
                // The next look plans it again.
                debug!(%error, "not proposed");
                return;
            }
        }
    }

    async fn adopt(&self, state: &State, configured: &ConfiguredNode) -> Result<(), String> {
        let node = self.world.node(configured)?;
        let version = state.nodes.values().next().map(|_| state.api_version());
        let adopt = adopt(configured, &*node, version).await.map_err(|error| error.to_string())?;
        match self.ledger.propose(Command::Adopt(Box::new(adopt))).await {
            Ok(Outcome::Done) => {
                info!(node = %configured.id, url = %configured.url, "adopted");
                Ok(())
            }
            Ok(other) => Err(format!("refused: {other:?}")),
            Err(error) => Err(error.to_string()),
        }
    }
}
