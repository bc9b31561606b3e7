//! The leader's loop: look, plan, propose.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use miroir_api::ApiVersion;
use miroir_cluster::{Adopt, Command, Found, Ledger, Outcome, ProposeError};
use miroir_model::{PeerId, Timestamp};
use miroir_node::Node;
use tokio::time::{Instant, sleep};
use tracing::{debug, info, warn};

use crate::adopt::{AdoptError, ConfiguredNode};
use crate::adoptions::{self, Adoptions};
use crate::copies::Policy;
use crate::founding;
use crate::patience::Patience;
use crate::plan::{Observed, plan};
use crate::show;

/// At most so long between two looks.
const LOOK: Duration = Duration::from_millis(500);
/// At least so long: each look asks the group whether this peer still leads.
const PAUSE: Duration = Duration::from_millis(100);

/// The world as the leader sees it.
#[async_trait]
pub trait World: Send + Sync {
    /// The peers that answer now. That one did not answer once says little: [`run`] is patient.
    async fn live(&self) -> BTreeSet<PeerId>;

    /// The time.
    fn now(&self) -> Timestamp;

    /// A node with the rights of its master key.
    ///
    /// # Errors
    /// When its address is none; the text says why.
    fn node(&self, configured: &ConfiguredNode) -> Result<Arc<dyn Node>, String>;

    /// What this peer would found the cluster with; nothing where another has founded it, or will.
    fn founding(&self) -> Option<Found> {
        None
    }
}

/// Adopts the configured nodes, founds the cluster on them and assigns lanes whenever this peer leads, until
/// `shutdown` is ready.
pub async fn run(
    ledger: Arc<dyn Ledger>,
    world: Arc<dyn World>,
    (nodes, policy): (Vec<ConfiguredNode>, Policy),
    shutdown: impl Future<Output = ()>,
) {
    let leader = Leader { ledger, world, nodes, policy };
    tokio::select! {
        () = shutdown => {}
        () = leader.work() => {}
        () = show::run(&*leader.ledger) => {}
    }
}

struct Leader {
    ledger: Arc<dyn Ledger>,
    world: Arc<dyn World>,
    nodes: Vec<ConfiguredNode>,
    policy: Policy,
}

/// What a leader remembers from look to look, and forgets when it leads no more.
struct Leading {
    patience: Patience,
    adoptions: Adoptions,
    /// When it began to lead, or a node last joined.
    joined: Instant,
}

impl Leading {
    fn new() -> Self {
        Self { patience: Patience::default(), adoptions: Adoptions::default(), joined: Instant::now() }
    }
}

impl Leader {
    async fn work(&self) {
        let mut leading = None;
        loop {
            let seen = self.ledger.state().version();
            // Another peer may lead by now, or this peer's state may be behind: then what is planned would be too.
            if self.ledger.leadership().is_leader && self.ledger.read_barrier().await.is_ok() {
                let leading = leading.get_or_insert_with(Leading::new);
                if let Err(error) = self.look(leading).await {
                    // The next look plans it again.
                    debug!(%error, "not proposed");
                }
            } else {
                leading = None;
            }
            let adopting = async {
                match &leading {
                    Some(leading) => leading.adoptions.ended().await,
                    None => std::future::pending().await,
                }
            };
            // What happens wakes it; time does too, for what is observed outside the state.
            tokio::select! {
                _ = self.ledger.changed(seen) => {}
                () = adopting => {}
                () = sleep(LOOK) => {}
            }
            sleep(PAUSE).await;
        }
    }

    /// Lanes first: what serves goes on before anything joins.
    async fn look(&self, leading: &mut Leading) -> Result<(), ProposeError> {
        let answered = self.world.live().await;
        let state = self.ledger.state();
        let live = leading.patience.live(&state, &answered, Instant::now());
        let observed = Observed { live, reports: self.ledger.reports(), now: self.world.now() };
        for command in plan(&state, &observed, &self.policy) {
            match &command {
                Command::PeerAlive { peer, alive } => {
                    let name = state.peers.get(peer).map_or("", |peer| &peer.name);
                    info!(name, alive, "whether a peer is up has changed");
                }
                command => info!(?command, "proposing"),
            }
            self.ledger.propose(command).await?;
        }
        while let Some(adopt) = leading.adoptions.ready() {
            self.adopt(leading, adopt).await?;
        }
        leading.adoptions.begin(&self.ledger.state(), &self.nodes, &*self.world);
        self.found(leading).await
    }

    async fn adopt(&self, leading: &mut Leading, adopt: Adopt) -> Result<(), ProposeError> {
        let (node, url) = (adopt.node.clone(), adopt.url.clone());
        // Another node may have joined since this one was asked, and brought the cluster its version.
        let cluster = adoptions::version(&self.ledger.state());
        if let (Some(cluster), Some(known)) = (cluster, ApiVersion::of_node(&adopt.version))
            && cluster != known
        {
            leading.adoptions.failed(&node, AdoptError::OtherVersion(known, cluster).to_string());
            return Ok(());
        }
        match self.ledger.propose(Command::Adopt(Box::new(adopt))).await? {
            Outcome::Done => {
                info!(%node, url, "adopted");
                leading.joined = Instant::now();
            }
            other => leading.adoptions.failed(&node, format!("refused: {other:?}")),
        }
        Ok(())
    }

    async fn found(&self, leading: &Leading) -> Result<(), ProposeError> {
        let state = self.ledger.state();
        if state.cluster.is_some() {
            return Ok(());
        }
        let Some(found) = self.world.founding() else { return Ok(()) };
        if !founding::complete(&state, &self.nodes, &found.defaults, leading.joined.elapsed()) {
            return Ok(());
        }
        for node in self.nodes.iter().filter(|node| !state.nodes.contains_key(&node.id)) {
            warn!(node = %node.id, "the cluster is founded without it: indexes made before it joins leave it out");
        }
        info!(nodes = state.nodes.len(), "the cluster has its first nodes");
        self.ledger.propose(Command::Found(found)).await.map(drop)
    }
}

#[cfg(test)]
mod fake;
#[cfg(test)]
mod tests;
