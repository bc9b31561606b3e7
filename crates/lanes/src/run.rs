//! The lanes of one peer.

use std::collections::BTreeMap;
use std::sync::Arc;

use miroir_cluster::{Command, Ledger, Node, Outcome, State};
use miroir_model::{Epoch, NodeId};
use miroir_node::{ApiKey, HttpNode, Pools};
use tokio::task::{AbortHandle, JoinSet};
use tracing::{debug, error};

use crate::Config;
use crate::config::Backoff;
use crate::lane::{Clients, Lane};
use crate::reach;
use crate::record::{Recorder, recorder};
use crate::room::Room;

/// Makes the clients of a node from what the state knows of it. An error says what is wrong with that.
pub type Connect = dyn Fn(&Node) -> Result<Clients, String> + Send + Sync;

/// Clients over HTTP.
pub fn http(pools: Pools) -> Arc<Connect> {
    Arc::new(move |node| {
        let connections = pools.of(&node.id, &node.url).map_err(|error| error.to_string())?;
        let master_key = || ApiKey::new(&node.credentials.master_key);
        let client =
            |connections, key| HttpNode::new(connections, &node.url, key).map_err(|error| error.to_string());
        let lane = client(&connections, ApiKey::new(&node.credentials.lane_key))?;
        let bare = client(pools.bare(), master_key())?;
        let master = lane.with_key(master_key());
        Ok(Clients { lane: Arc::new(lane), master: Arc::new(master), bare: Arc::new(bare) })
    })
}

/// Drives the lanes that are assigned to this peer, and watches which nodes it reaches, until `shutdown` is ready.
/// Requests that are in progress then are left as they are: whoever takes the lane next settles them.
pub async fn run(
    ledger: Arc<dyn Ledger>,
    connect: Arc<Connect>,
    config: Config,
    shutdown: impl Future<Output = ()>,
) {
    let (recorder, proposer) = recorder();
    let peer = Peer { ledger: Arc::clone(&ledger), connect, config, recorder };
    tokio::select! {
        () = shutdown => {}
        () = peer.work() => {}
        () = proposer.run(ledger) => {}
    }
}

struct Peer {
    ledger: Arc<dyn Ledger>,
    connect: Arc<Connect>,
    config: Config,
    recorder: Recorder,
}

/// What runs for one node.
#[derive(Default)]
struct Running {
    watch: Option<AbortHandle>,
    /// The lane, and the epoch in which this run of lanes took it.
    lane: Option<(Epoch, AbortHandle)>,
}

impl Peer {
    async fn work(&self) {
        // A peer that has just started may see states that are long past, in which its former life owned lanes.
        let mut backoff = Backoff::new(self.config.retry);
        while let Err(error) = self.ledger.read_barrier().await {
            debug!(%error, "lanes wait for the present state");
            backoff.pause().await;
        }
        let mut tasks = JoinSet::new();
        let mut running: BTreeMap<NodeId, Running> = BTreeMap::new();
        loop {
            let state = self.ledger.state();
            let mut complete = true;
            for node in state.nodes.values() {
                let running = running.entry(node.id.clone()).or_default();
                complete &= self.look_after(node, running, &mut tasks).await;
            }
            tokio::select! {
                _ = self.ledger.changed(state.version()) => {}
                () = backoff.pause(), if !complete => {}
                Some(ended) = tasks.join_next() => {
                    if let Err(error) = ended.as_ref()
                        && error.is_panic()
                    {
                        error!(%error, "a lane failed");
                    }
                }
            }
            if complete {
                backoff.reset();
            }
        }
    }

    /// Brings what runs for a node to what the state wants; `false` when that is to be tried again.
    async fn look_after(&self, node: &Node, running: &mut Running, tasks: &mut JoinSet<()>) -> bool {
        let me = self.ledger.me();
        let clients = match (self.connect)(node) {
            Ok(clients) => clients,
            Err(error) => {
                error!(node = %node.id, %error, "no client");
                return false;
            }
        };
        if running.watch.as_ref().is_none_or(AbortHandle::is_finished) {
            let ledger = Arc::clone(&self.ledger);
            let watch = reach::watch(ledger, node.id.clone(), clients.clone(), self.config.clone());
            running.watch = Some(tasks.spawn(watch));
        }
        if node.lane.assigned != Some(me.peer) {
            running.lane = None;
            return true;
        }
        if let Some((epoch, lane)) = &running.lane
            && !lane.is_finished()
            && node.lane.epoch <= *epoch
        {
            return true;
        }
        // Not taken by this run, or lost since: a lane is driven only in an epoch that was taken for it.
        let Some(epoch) = self.take(&node.id).await else { return false };
        let lane = Lane {
            ledger: Arc::clone(&self.ledger),
            recorder: self.recorder.clone(),
            room: self.config.capacity.get(&node.id).copied().map(Room::new),
            config: self.config.clone(),
            node: node.id.clone(),
            epoch,
            clients,
        };
        running.lane = Some((epoch, tasks.spawn(Arc::new(lane).run())));
        true
    }

    /// Takes a lane over; the epoch in which it is this life's.
    async fn take(&self, node: &NodeId) -> Option<Epoch> {
        let take = Command::TakeLane { node: node.clone(), life: self.ledger.me() };
        let epoch = match self.ledger.propose(take).await {
            Ok(Outcome::LaneTaken { epoch }) => epoch,
            outcome => {
                debug!(%node, ?outcome, "lane not taken");
                return None;
            }
        };
        // Nothing is driven before this peer's own state shows it.
        let reached = |state: &State| state.nodes.get(node).is_none_or(|known| known.lane.epoch >= epoch);
        let mut state = self.ledger.state();
        while !reached(&state) {
            state = self.ledger.changed(state.version()).await;
        }
        Some(epoch)
    }
}
