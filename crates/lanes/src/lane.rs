//! A lane: what the queues of one node share, and the task that keeps a driver per queue.

use std::collections::BTreeMap;
use std::sync::Arc;

use miroir_cluster::{Ledger, State};
use miroir_model::{Epoch, NodeId, PhysicalId};
use miroir_node::Node;
use tokio::task::{AbortHandle, JoinSet};
use tracing::{error, info};

use crate::Config;
use crate::queue::Driver;
use crate::record::Recorder;
use crate::room::Room;

/// A node, with the rights of the two keys that lanes use.
#[derive(Debug, Clone)]
pub struct Clients {
    /// The lane key: everything but what needs the master key.
    pub lane: Arc<dyn Node>,
    /// The master key: creating indexes and edits by function, nothing else.
    pub master: Arc<dyn Node>,
    /// The master key over connections that pass no gate: looking at what the node is, nothing else.
    pub bare: Arc<dyn Node>,
}

/// A lane that this process life took over.
pub(crate) struct Lane {
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) recorder: Recorder,
    pub(crate) config: Config,
    pub(crate) node: NodeId,
    pub(crate) epoch: Epoch,
    pub(crate) clients: Clients,
    pub(crate) room: Option<Room>,
}

impl Lane {
    /// Whether it is still this life's to drive.
    pub(crate) fn is_ours(&self, state: &State) -> bool {
        let me = self.ledger.me();
        state.nodes.get(&self.node).is_some_and(|node| {
            let lane = node.lane;
            (lane.owner, lane.assigned, lane.epoch) == (Some(me), Some(me.peer), self.epoch)
        })
    }

    fn queues(&self, state: &State) -> Vec<PhysicalId> {
        let indexes = state.indexes.values().filter(|index| index.queues.contains_key(&self.node));
        indexes.map(|index| index.id).collect()
    }

    /// Drives every queue of the node until the lane is another's.
    pub(crate) async fn run(self: Arc<Self>) {
        info!(node = %self.node, epoch = %self.epoch, "delivering");
        let mut drivers = JoinSet::new();
        drivers.spawn(Arc::clone(&self).prune());
        if self.room.is_some() {
            drivers.spawn(Arc::clone(&self).weigh());
        }
        let mut running: BTreeMap<PhysicalId, AbortHandle> = BTreeMap::new();
        loop {
            let state = self.ledger.state();
            if !self.is_ours(&state) {
                break;
            }
            running.retain(|_, driver| !driver.is_finished());
            for index in self.queues(&state) {
                running
                    .entry(index)
                    .or_insert_with(|| drivers.spawn(Driver::new(Arc::clone(&self), index).run()));
            }
            tokio::select! {
                _ = self.ledger.changed(state.version()) => {}
                Some(ended) = drivers.join_next() => {
                    if let Err(error) = ended {
                        // A new driver takes what is open for inherited, so nothing is sent twice.
                        error!(node = %self.node, %error, "the driver of a queue failed");
                    }
                    // The queue is gone, or the lane another's: this peer's state may be behind and not show it yet.
                    tokio::time::sleep(self.config.retry.0).await;
                }
            }
        }
        // Dropping the drivers leaves the outcome of what they were sending unknown: the next owner settles it.
        info!(node = %self.node, epoch = %self.epoch, "no longer delivering");
    }
}
