//! What the parts of a running peer share.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use miroir_cluster::ProposeError;
use miroir_model::PeerId;
use openraft::Instant as _;
use openraft::Raft;
use openraft::async_runtime::WatchReceiver;
use openraft::error::Fatal;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::barrier::Turnstile;
use crate::config::Config;
use crate::disk::Disk;
use crate::flow::Flow;
use crate::heard::Heard;
use crate::identity::{Identity, Lives};
use crate::links::{Client, Lane, Links};
use crate::log::LogStore;
use crate::machine::{Machine, Shared};
use crate::reports::{self, Desk};
use crate::types::{Group, Member};

/// Why a peer stopped by itself. It must not go on: what is on its disk is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The disk failed, or holds something damaged.
    #[error("the disk failed: {0}")]
    Disk(String),
    /// Another process runs on a copy of the data directory, a later life of this peer is known, or its name is
    /// another's.
    #[error("this peer is not who it should be: {0}")]
    Identity(String),
    /// Raft stopped, but not because of the disk: a mistake in this program.
    #[error("Raft stopped: {0}")]
    Raft(String),
}

impl Failure {
    /// Of Raft's own end. Its storage is the disk.
    pub(crate) fn of_raft(fatal: Fatal<Group>) -> Self {
        match fatal {
            Fatal::StorageError(error) => Self::Disk(error.to_string()),
            Fatal::Panicked | Fatal::Stopped => Self::Raft(fatal.to_string()),
        }
    }

    /// The exit code of a process that ends for this reason.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Raft(_) => 1,
            Self::Identity(_) => 3,
            Self::Disk(_) => 4,
        }
    }
}

/// A running peer.
pub(crate) struct Node {
    pub(crate) config: Config,
    pub(crate) identity: Arc<Identity>,
    pub(crate) lives: Lives,
    pub(crate) links: Arc<Links>,
    pub(crate) log: LogStore,
    pub(crate) shared: Arc<Shared>,
    pub(crate) raft: Raft<Group, Machine>,
    pub(crate) barriers: Turnstile,
    pub(crate) reports: Desk,
    pub(crate) heard: Heard,
    pub(crate) flow: Flow,
    pub(crate) disk: Arc<Disk>,
    pub(crate) failure: watch::Sender<Option<Failure>>,
    pub(crate) stopping: watch::Sender<bool>,
    pub(crate) runtime: tokio::runtime::Handle,
}

/// Where a leader can be asked.
pub(crate) enum Leader {
    /// This peer.
    Here,
    /// Another.
    There(PeerId, String),
}

impl Node {
    pub(crate) fn me(&self) -> PeerId {
        self.identity.incarnation().life.peer
    }

    /// The leader, as far as this peer knows.
    pub(crate) fn leader(&self) -> Option<Leader> {
        // No two looks at metrics at once: between them one that writes may wait for the first, and the second for it.
        let leader = self.raft.server_metrics().borrow_watched().current_leader?;
        if !self.is_in_touch(PeerId(leader)) {
            return None;
        }
        if PeerId(leader) == self.me() {
            return Some(Leader::Here);
        }
        let metrics = self.raft.server_metrics();
        let metrics = metrics.borrow_watched();
        let member = metrics.membership_config.get_node(&leader)?;
        Some(Leader::There(PeerId(leader), self.address(member).to_owned()))
    }

    /// Whether a leader is one still, as far as this peer can tell: it was heard lately, or, where it is this peer
    /// itself, a quorum has acknowledged it. Otherwise another may have been elected meanwhile.
    pub(crate) fn is_in_touch(&self, leader: PeerId) -> bool {
        let lately = 2 * self.config.timing.election.1;
        if leader == self.me() { self.is_acknowledged(lately) } else { self.heard.within(leader, lately) }
    }

    /// A leader that is cut off goes on believing that it leads, and what it took into its log then might be committed,
    /// or not, when it is back: it is to take nothing.
    fn is_acknowledged(&self, lately: Duration) -> bool {
        let metrics = self.raft.metrics();
        let metrics = metrics.borrow_watched();
        // A new leader is taken for one until it is known better; one that is its own quorum asks nobody.
        let acknowledged = metrics.last_quorum_acked.is_none_or(|at| at.elapsed() < lately);
        acknowledged || metrics.membership_config.voter_ids().count() == 1
    }

    /// Waits until who leads may have changed, and not for long.
    pub(crate) async fn leader_may_have_changed(&self) {
        let mut metrics = self.raft.server_metrics();
        let _ = tokio::time::timeout(self.config.timing.heartbeat / 2, metrics.changed()).await;
        // The state may change in steps, and a caller that spins would win nothing.
        tokio::time::sleep(self.config.timing.heartbeat / 10).await;
    }

    /// The members of the group, and whether each has a vote.
    pub(crate) fn members(&self) -> BTreeMap<PeerId, (Member, bool)> {
        let metrics = self.raft.server_metrics();
        let membership = metrics.borrow_watched().membership_config.clone();
        let voters: Vec<u64> = membership.voter_ids().collect();
        let entry = |(id, member): (&u64, &Member)| (PeerId(*id), (member.clone(), voters.contains(id)));
        membership.nodes().map(entry).collect()
    }

    /// As the leader: whether so many disks are nearly full that no majority could keep payload.
    pub(crate) fn majority_low(&self) -> bool {
        let low = reports::low(self);
        let voters: Vec<PeerId> =
            self.members().into_iter().filter(|(_, (_, votes))| *votes).map(|(peer, _)| peer).collect();
        let room = voters.iter().filter(|peer| !low.contains(peer)).count();
        !voters.is_empty() && room <= voters.len() / 2
    }

    /// Where a member is reached: the configuration wins over the log.
    pub(crate) fn address<'a>(&'a self, member: &'a Member) -> &'a str {
        self.config.initial_peers.get(&member.name).unwrap_or(&member.grpc)
    }

    /// A client for an address.
    pub(crate) fn client(&self, address: &str, lane: Lane) -> Option<Client> {
        let _within = self.runtime.enter();
        self.links.client(address, lane).inspect_err(|error| tracing::warn!(%error, "a peer's address")).ok()
    }

    /// Stops the peer for good.
    pub(crate) fn fail(&self, failure: Failure) {
        let first = self.failure.send_if_modified(|held| {
            let first = held.is_none();
            held.get_or_insert(failure.clone());
            first
        });
        if first {
            tracing::error!(%failure, "this peer stops");
            self.stopping.send_replace(true);
        }
    }

    /// Whether the peer is stopping.
    ///
    /// # Errors
    /// When it is.
    pub(crate) fn running(&self) -> Result<(), ProposeError> {
        if *self.stopping.borrow() { Err(ProposeError::Stopping) } else { Ok(()) }
    }

    /// Runs a task on the peer's own threads until the peer stops.
    pub(crate) fn spawn(self: &Arc<Self>, task: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
        let mut stopping = self.stopping.subscribe();
        self.runtime.spawn(async move {
            tokio::select! {
                () = task => {}
                _ = stopping.wait_for(|stopping| *stopping) => {}
            }
        })
    }
}
