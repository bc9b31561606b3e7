//! One peer's handle of a [`LocalCluster`].

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use miroir_cluster::{
    BarrierError, ChunkId, Command, Leadership, Ledger, Member, Outcome, PayloadError, ProposeError, Reports,
    Rows, State,
};
use miroir_model::{PeerId, PeerLife, Timestamp};

use crate::cluster::LocalCluster;

/// How the answer to a proposal is lost. The proposer sees [`ProposeError::Unknown`] either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lost {
    /// The command was not applied, and will not be.
    BeforeApply,
    /// The command was applied.
    AfterApply,
}

/// One process life of a peer on a [`LocalCluster`]. Clones are the same life.
#[derive(Debug, Clone)]
pub struct LocalLedger {
    cluster: LocalCluster,
    life: PeerLife,
    faults: Arc<Faults>,
}

#[derive(Debug, Default)]
struct Faults {
    losses: Mutex<VecDeque<Lost>>,
    stopped: AtomicBool,
    /// How long the answer to a report is on its way.
    way: Mutex<Duration>,
}

impl LocalLedger {
    pub(crate) fn new(cluster: LocalCluster, life: PeerLife) -> Self {
        Self { cluster, life, faults: Arc::default() }
    }

    /// The cluster that it is a handle of.
    pub fn cluster(&self) -> &LocalCluster {
        &self.cluster
    }

    /// Loses the answers to the next proposals of this life, one for each entry.
    pub fn lose(&self, losses: impl IntoIterator<Item = Lost>) {
        self.losses().extend(losses);
    }

    /// The answers to reports are on their way for so long from now on. What is reported is noted at once.
    pub fn delay_answers(&self, by: Duration) {
        *self.way() = by;
    }

    fn way(&self) -> MutexGuard<'_, Duration> {
        self.faults.way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Stops this life: from now on it can neither propose nor pass a barrier.
    pub fn stop(&self) {
        self.faults.stopped.store(true, Ordering::SeqCst);
    }

    fn stopped(&self) -> bool {
        self.faults.stopped.load(Ordering::SeqCst)
    }

    fn losses(&self) -> MutexGuard<'_, VecDeque<Lost>> {
        self.faults.losses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Ledger for LocalLedger {
    fn me(&self) -> PeerLife {
        self.life
    }

    fn now(&self) -> Timestamp {
        self.cluster.now()
    }

    fn state(&self) -> Arc<State> {
        self.cluster.state()
    }

    async fn changed(&self, since: u64) -> Arc<State> {
        let mut published = self.cluster.subscribe();
        let newer = published.wait_for(|state| state.version() > since).await;
        // The sender lives as long as `self`, so waiting ends only with a newer state.
        newer.map(|state| Arc::clone(&state)).unwrap_or_else(|_| self.state())
    }

    async fn propose(&self, command: Command) -> Result<Outcome, ProposeError> {
        if self.stopped() {
            return Err(ProposeError::Stopping);
        }
        if self.cluster.leader().is_none() {
            return Err(ProposeError::NoQuorum);
        }
        let lost = self.losses().pop_front();
        match lost {
            Some(Lost::BeforeApply) => Err(ProposeError::Unknown),
            Some(Lost::AfterApply) => {
                self.cluster.apply(&command);
                Err(ProposeError::Unknown)
            }
            None => Ok(self.cluster.apply(&command)),
        }
    }

    async fn read_barrier(&self) -> Result<(), BarrierError> {
        if self.stopped() {
            return Err(BarrierError::Stopping);
        }
        self.cluster.leader().map(|_| ()).ok_or(BarrierError::NoQuorum)
    }

    async fn report(&self, version: u64) -> Result<(), BarrierError> {
        self.read_barrier().await?;
        self.cluster.note(self.life, version);
        let way = *self.way();
        if !way.is_zero() {
            tokio::time::sleep(way).await;
        }
        Ok(())
    }

    async fn reported(&self, since: u64) {
        self.cluster.reported(since).await;
    }

    fn reports(&self) -> Reports {
        if self.leadership().is_leader { self.cluster.reports() } else { Reports::default() }
    }

    async fn payload(&self, chunk: ChunkId) -> Result<Bytes, PayloadError> {
        self.cluster.chunk(chunk).ok_or(PayloadError::Gone(chunk))
    }

    fn rows(&self) -> Arc<dyn Rows> {
        self.cluster.rows()
    }

    fn leadership(&self) -> Leadership {
        let (version, leader) = (self.state().version(), self.cluster.leader());
        let is_leader = leader == Some(self.life.peer);
        Leadership { leader, is_leader, term: 1, committed: version, applied: version }
    }

    /// Every peer that has started, as a voter that has applied everything.
    fn members(&self) -> Vec<Member> {
        let state = self.state();
        let member = |peer: &PeerId| Member { peer: *peer, voter: true, applied: Some(state.version()) };
        state.peers.keys().map(member).collect()
    }
}
