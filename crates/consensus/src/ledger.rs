//! The port that the rest of the process uses.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use miroir_cluster::{
    BarrierError, ChunkId, Command, Leadership, Ledger, Member, Outcome, PayloadError, ProposeError, Reports,
    Rows, State,
};
use miroir_model::{PeerId, PeerLife, Timestamp};
use openraft::async_runtime::WatchReceiver;

use crate::fetch;
use crate::peer::Peer;
use crate::propose;
use crate::reports;

#[async_trait]
impl Ledger for Peer {
    fn me(&self) -> PeerLife {
        self.node.identity.incarnation().life
    }

    fn now(&self) -> Timestamp {
        self.node.config.platform.now()
    }

    fn state(&self) -> Arc<State> {
        self.node.shared.state()
    }

    async fn changed(&self, since: u64) -> Arc<State> {
        self.node.shared.changed(since).await
    }

    async fn propose(&self, command: Command) -> Result<Outcome, ProposeError> {
        propose::propose(&self.node, &command).await
    }

    async fn read_barrier(&self) -> Result<(), BarrierError> {
        self.node.running().map_err(|_| BarrierError::Stopping)?;
        self.node.barriers.pass(self.node.config.timing.barrier_wait).await
    }

    async fn report(&self, version: u64) -> Result<(), BarrierError> {
        self.node.running().map_err(|_| BarrierError::Stopping)?;
        reports::report(&self.node, version).await
    }

    fn reports(&self) -> Reports {
        reports::seen(&self.node)
    }

    async fn reported(&self, since: u64) {
        self.node.reports.reported(since).await;
    }

    /// From this peer's disk, or else from another peer's.
    async fn payload(&self, chunk: ChunkId) -> Result<Bytes, PayloadError> {
        let segments = self.node.shared.segments.clone();
        let read = self.node.runtime.spawn_blocking(move || segments.read(chunk)).await;
        let why = match read {
            Ok(Ok(Some(bytes))) => return Ok(bytes),
            Ok(Ok(None)) => "it is missing here, and no other peer has it".to_owned(),
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        let Some(meta) = self.node.shared.state().chunks.get(&chunk).copied() else {
            return Err(PayloadError::Gone(chunk));
        };
        tracing::warn!(chunk = chunk.0, why, "payload cannot be read here");
        fetch::one(&self.node, chunk, meta, None).await.ok_or(PayloadError::Damaged(chunk, why))
    }

    fn rows(&self) -> Arc<dyn Rows> {
        Arc::new(self.node.shared.rows.clone())
    }

    fn leadership(&self) -> Leadership {
        let known = self.node.raft.metrics().borrow_watched().current_leader;
        let leader = known.map(PeerId).filter(|leader| self.node.is_in_touch(*leader));
        let metrics = self.node.raft.metrics();
        let metrics = metrics.borrow_watched();
        Leadership {
            leader,
            is_leader: leader == Some(self.node.me()),
            term: metrics.current_term,
            committed: metrics.cluster_committed.map_or(0, |id| id.index),
            applied: self.node.shared.applied(),
        }
    }

    fn members(&self) -> Vec<Member> {
        let metrics = self.node.raft.metrics().borrow_watched().clone();
        let voters: Vec<u64> = metrics.membership_config.voter_ids().collect();
        let applied = |peer: u64| match &metrics.replication {
            _ if peer == metrics.id => Some(self.node.shared.applied()),
            Some(followers) => followers.get(&peer).copied().flatten().map(|id| id.index),
            None => None,
        };
        let member = |(id, _): (&u64, _)| Member {
            peer: PeerId(*id),
            voter: voters.contains(id),
            applied: applied(*id),
        };
        metrics.membership_config.nodes().map(member).collect()
    }

    fn disk_low(&self) -> bool {
        self.node.disk.low()
    }
}
