//! What a peer is told at its start.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use miroir_wire::Secret;

use crate::platform::Platform;

/// The configuration of one peer's consensus.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where everything is kept. One process at a time uses it.
    pub data_dir: PathBuf,
    /// This peer's name in `initial_peers`.
    pub name: String,
    /// Where other peers reach this one: `host:port`.
    pub advertised: String,
    /// The peers that found the cluster: name and `host:port`. Where a name is a member already, this address is used
    /// and not the one that the log knows, so that a peer may move.
    pub initial_peers: BTreeMap<String, String>,
    /// What authenticates calls between peers.
    pub secret: Secret,
    /// How long things take.
    pub timing: Timing,
    /// How large things get.
    pub limits: Limits,
    /// What it takes from its surroundings.
    pub platform: Arc<dyn Platform>,
}

/// How long things take. A new leader is there after about one to two times the longer election timeout.
#[derive(Debug, Clone)]
pub struct Timing {
    /// How often a leader shows that it is there.
    pub heartbeat: Duration,
    /// A follower that heard nothing for a random time in this range asks for votes. The longer one is also how long
    /// a leader may take writes without hearing from a majority.
    pub election: (Duration, Duration),
    /// How long reads and writes wait for a leader. Longer than an election.
    pub barrier_wait: Duration,
    /// How long a proposal may be under way before its outcome is called unknown.
    pub outcome_wait: Duration,
    /// How often a peer looks after its disk and the length of its log.
    pub upkeep: Duration,
}

/// How large things get, in bytes.
#[derive(Debug, Clone)]
pub struct Limits {
    /// A snapshot is made when so much of the log is behind the last one; so much log is also kept behind it.
    pub snapshot: u64,
    /// So much log is kept for a follower that is behind; beyond, it gets a snapshot.
    pub log: u64,
    /// One file of the log.
    pub log_file: usize,
    /// One file of payload.
    pub segment_file: u64,
    /// With less free space than this the peer takes no payload: commands that free space go on.
    pub disk_reserve: u64,
    /// So much of the disk is held by a file of the peer's own, to be given up for the last commands when the disk is
    /// full, whatever filled it.
    pub disk_ballast: u64,
    /// Payload that this peer has under way to the leader.
    pub in_flight: usize,
    /// Payload that a leader has under way, from all peers.
    pub in_flight_leader: usize,
}

impl Default for Timing {
    /// For machines in one network, whose disks take up to 100 ms to sync now and then.
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_millis(100),
            election: (Duration::from_millis(300), Duration::from_millis(600)),
            barrier_wait: Duration::from_secs(3),
            outcome_wait: Duration::from_secs(5),
            upkeep: Duration::from_secs(1),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            snapshot: 64 << 20,
            log: 256 << 20,
            log_file: 16 << 20,
            segment_file: 64 << 20,
            disk_reserve: 256 << 20,
            disk_ballast: 256 << 20,
            in_flight: 4 << 20,
            in_flight_leader: 8 << 20,
        }
    }
}

/// A peer cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Another process uses the data directory.
    #[error("the data directory {} is in use by another process", .0.display())]
    InUse(PathBuf),
    /// The data directory belongs to another peer, or lost what it held.
    #[error("the data directory {} is not this peer's: {why}", dir.display())]
    Identity {
        /// Which directory.
        dir: PathBuf,
        /// How that shows.
        why: String,
    },
    /// A file cannot be read or written, or is damaged.
    #[error("{}: {source}", dir.display())]
    Disk {
        /// The data directory.
        dir: PathBuf,
        /// What failed.
        source: io::Error,
    },
    /// The configuration makes no sense.
    #[error("{0}")]
    Config(String),
    /// A mistake in this program.
    #[error("starting broke off: {0}")]
    Broken(String),
}

impl StartError {
    /// The exit code of a process that cannot start for this reason.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Broken(_) => 1,
            Self::Config(_) => 2,
            Self::InUse(_) | Self::Identity { .. } => 3,
            Self::Disk { .. } => 4,
        }
    }
}

impl Config {
    pub(crate) fn raft(&self) -> Result<openraft::Config, StartError> {
        let millis = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let (min, max) = self.timing.election;
        let config = openraft::Config {
            cluster_name: "miroir".to_owned(),
            heartbeat_interval: millis(self.timing.heartbeat),
            election_timeout_min: millis(min),
            election_timeout_max: millis(max),
            enable_pre_vote: Some(true),
            // A leader that only one side of a broken network reaches falls silent, so that the others can elect.
            quorum_loss_probe_interval: Some(4 * millis(max)),
            // What was committed is not synced, so a restarted leader waits for an election.
            enable_leader_restore: Some(false),
            // Snapshots and purges are asked for by the bytes of the log (`upkeep`), never by entries.
            snapshot_policy: openraft::SnapshotPolicy::Never,
            max_in_snapshot_log_to_keep: u64::MAX,
            // One transfer may fetch gigabytes of payload; a dead link is noticed by its keep-alive.
            install_snapshot_timeout: 3_600_000,
            ..openraft::Config::default()
        };
        config.validate().map_err(|error| StartError::Config(error.to_string()))
    }
}
