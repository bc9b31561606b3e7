//! Read barriers: one round of asking the leader serves all who wait.
//!
//! A round answers "what is the last entry that may have been committed when the round began?", so a reader may only
//! join a round that begins after it came. One round runs at a time; who comes meanwhile shares the next.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use miroir_cluster::BarrierError;
use miroir_wire::peer::ReadIndexRequest;
use openraft::ReadPolicy;
use tokio::sync::{Notify, oneshot};

use crate::links::Lane;
use crate::node::{Leader, Node};
use crate::types::LogId;

/// How long one attempt may take before the leader is looked up again.
const ATTEMPT: Duration = Duration::from_secs(1);

/// Those who wait for the next round.
#[derive(Default)]
pub(crate) struct Turnstile {
    waiting: Mutex<Vec<oneshot::Sender<()>>>,
    come: Notify,
}

impl Turnstile {
    /// Waits for a round that begins from now on.
    pub(crate) async fn pass(&self, within: Duration) -> Result<(), BarrierError> {
        let (done, passed) = oneshot::channel();
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push(done);
        self.come.notify_one();
        match tokio::time::timeout(within, passed).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(BarrierError::Stopping),
            Err(_) => Err(BarrierError::NoQuorum),
        }
    }

    fn take(&self) -> Vec<oneshot::Sender<()>> {
        std::mem::take(&mut self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Runs rounds for ever.
pub(crate) async fn run(node: Arc<Node>) {
    loop {
        node.barriers.come.notified().await;
        let mut readers = Vec::new();
        loop {
            readers.extend(node.barriers.take());
            readers.retain(|reader| !reader.is_closed());
            if readers.is_empty() {
                break;
            }
            match tokio::time::timeout(ATTEMPT, read_index(&node)).await {
                Ok(Some(index)) => {
                    let readers = std::mem::take(&mut readers);
                    // Applying may take longer than an attempt, and the next round need not wait for it.
                    let shared = node.shared.clone();
                    tokio::spawn(async move {
                        shared.wait_applied(index).await;
                        for reader in readers {
                            // A reader that has given up is gone.
                            let _ = reader.send(());
                        }
                    });
                }
                Ok(None) => node.leader_may_have_changed().await,
                Err(_) => {}
            }
        }
    }
}

/// Asks the leader.
async fn read_index(node: &Node) -> Option<u64> {
    match node.leader()? {
        Leader::Here => confirm(node).await.map(|id| id.index),
        Leader::There(leader, address) => {
            let mut client = node.client(&address, Lane::Control)?;
            let request = node.links.request(ReadIndexRequest { envelope: node.links.envelope(leader) });
            client.read_index(request).await.ok()?.into_inner().index
        }
    }
}

/// As the leader: confirms by a round of heartbeats that it leads, and answers up to where a read must have applied.
/// The entry is of its own term, or of one before it when no newer one is committed.
pub(crate) async fn confirm(node: &Node) -> Option<LogId> {
    let (read, _) = node.raft.get_read_log_id(ReadPolicy::ReadIndex).await.ok()?;
    Some(*read.log_id())
}
