//! What a peer holds, and for how long it waits: the section `[limits]`.
//!
//! None of it is agreed on, and nothing breaks when peers differ: `apply` reads none of it, it only judges what is
//! proposed. Who acts goes by its own values, so where they differ it matters who leads, or who delivers to a node. For
//! how long a peer may be out of touch before it marks its answers is not among them: who leaves a copy out counts on
//! all others to mark theirs after the same time, so that one is a constant (`miroir_cluster::STALE_LIMIT`).

use std::time::Duration;

use miroir_cluster::QueueLimits;
use miroir_http::PAYLOAD_BYTES;
use miroir_rebalancer::Policy;
use serde::Deserialize;

/// Sizes in bytes, times in seconds. What is not set is as the crates say that use it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PeerLimits {
    /// So much payload of one index is kept for a node, as stored. Of the leader, which gives nodes up, and of the peer
    /// that is asked to write.
    queue_bytes: Option<u64>,
    /// So many tasks, likewise.
    queue_tasks: Option<usize>,
    /// For so long, likewise.
    queue_age: Option<u64>,
    /// A node that answers nothing for so long is down. Of the peer that delivers to it.
    down_after: Option<u64>,
    /// A copy whose oldest task has waited for so long, while others have passed it, is left out. Of the leader.
    lagging_after: Option<u64>,
    /// For so long an embedder may fail before tasks do. Of the peer that delivers to the node.
    embedder_patience: Option<u64>,
    /// So many finished tasks a node keeps. Of the peer that delivers to it.
    node_history: Option<u64>,
    /// A snapshot is made when so much of the log is behind the last one.
    snapshot: Option<u64>,
    /// So much log is kept for a follower that is behind.
    log: Option<u64>,
    /// One file of the log.
    log_file: Option<usize>,
    /// One file of payload.
    segment_file: Option<u64>,
    /// With less free space than this no payload is taken.
    disk_reserve: Option<u64>,
    /// So much is held by a file that goes when the disk is full.
    disk_ballast: Option<u64>,
}

/// With fewer a node would be given up for being busy.
const FEWEST_TASKS: usize = 16;
/// What a healthy node may take for a large write.
const SHORTEST_LAG: Duration = Duration::from_secs(3);
/// Two of the largest writes.
const FEWEST_BYTES: u64 = 2 * PAYLOAD_BYTES as u64;

fn seconds(set: Option<u64>, usual: Duration) -> Duration {
    set.map_or(usual, Duration::from_secs)
}

impl PeerLimits {
    /// How much is kept for a node.
    pub(crate) fn queue(&self) -> QueueLimits {
        let usual = QueueLimits::default();
        QueueLimits {
            bytes: self.queue_bytes.unwrap_or(usual.bytes),
            tasks: self.queue_tasks.unwrap_or(usual.tasks),
            age: seconds(self.queue_age, usual.age),
        }
    }

    /// When copies leave. One that comes back is nearer than the one that leaves, or copies would come and go.
    pub(crate) fn policy(&self) -> Policy {
        let usual = Policy::default();
        let lagging = seconds(self.lagging_after, usual.lagging);
        Policy { lagging, back: usual.back.min(lagging / 3), queue: self.queue() }
    }

    /// How nodes are delivered to.
    pub(crate) fn lanes(&self) -> miroir_lanes::Config {
        let usual = miroir_lanes::Config::default();
        miroir_lanes::Config {
            down_after: seconds(self.down_after, usual.down_after),
            embedder_patience: seconds(self.embedder_patience, usual.embedder_patience),
            history: self.node_history.unwrap_or(usual.history),
            ..usual
        }
    }

    /// How large things get on this peer's disk.
    pub(crate) fn disk(&self) -> miroir_consensus::Limits {
        let usual = miroir_consensus::Limits::default();
        miroir_consensus::Limits {
            snapshot: self.snapshot.unwrap_or(usual.snapshot),
            log: self.log.unwrap_or(usual.log),
            log_file: self.log_file.unwrap_or(usual.log_file),
            segment_file: self.segment_file.unwrap_or(usual.segment_file),
            disk_reserve: self.disk_reserve.unwrap_or(usual.disk_reserve),
            disk_ballast: self.disk_ballast.unwrap_or(usual.disk_ballast),
            ..usual
        }
    }

    /// What cannot be meant.
    ///
    /// # Errors
    /// Which value, and what it may be.
    pub(crate) fn check(&self) -> Result<(), String> {
        let (queue, policy, lanes) = (self.queue(), self.policy(), self.lanes());
        if queue.tasks < FEWEST_TASKS {
            return Err(format!(
                "`limits.queue_tasks` is {}; it must be at least {FEWEST_TASKS}, or nodes are given up for being busy",
                queue.tasks
            ));
        }
        if queue.bytes < FEWEST_BYTES {
            return Err(format!(
                "`limits.queue_bytes` is {}; it must be at least {FEWEST_BYTES}, two of the largest writes",
                queue.bytes
            ));
        }
        if lanes.down_after <= lanes.probe {
            return Err(
                "`limits.down_after` must be at least 1 second, since nodes are asked every half".to_owned()
            );
        }
        if policy.lagging < SHORTEST_LAG {
            return Err(format!(
                "`limits.lagging_after` is {} s; it must be at least {} s, or copies come and go with every write",
                policy.lagging.as_secs(),
                SHORTEST_LAG.as_secs()
            ));
        }
        if queue.age <= policy.lagging {
            return Err(format!(
                "`limits.queue_age` is {} s; it must be more than `limits.lagging_after`, {} s: a copy is left out \
                 before it is given up",
                queue.age.as_secs(),
                policy.lagging.as_secs()
            ));
        }
        if lanes.history == 0 {
            return Err(
                "`limits.node_history` must be at least 1: a node is known by its newest task".to_owned()
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<PeerLimits, String> {
        let limits: PeerLimits = toml::from_str(text).map_err(|error| error.to_string())?;
        limits.check().map(|()| limits)
    }

    #[test]
    fn what_is_not_set_is_as_usual() {
        let limits = read("").expect("nothing is wrong with nothing");
        assert_eq!(limits.queue(), QueueLimits::default());
        assert_eq!(limits.policy(), Policy::default());
        assert_eq!(limits.lanes(), miroir_lanes::Config::default());
    }

    #[test]
    fn what_is_set_reaches_who_acts_on_it() {
        let text = "queue_bytes = 300000000\nqueue_tasks = 20\nqueue_age = 60\ndown_after = 9\nlagging_after = 7\n\
                    embedder_patience = 0\nnode_history = 11\nlog = 12\ndisk_reserve = 13\n";
        let limits = read(text).expect("all of it can be meant");
        let queue = QueueLimits { bytes: 300_000_000, tasks: 20, age: Duration::from_secs(60) };
        assert_eq!((limits.queue(), limits.policy().queue), (queue, queue));
        assert_eq!(limits.policy().lagging, Duration::from_secs(7));
        assert!(limits.policy().back < Duration::from_secs(3));
        let lanes = limits.lanes();
        assert_eq!((lanes.down_after, lanes.embedder_patience), (Duration::from_secs(9), Duration::ZERO));
        assert_eq!((lanes.history, limits.disk().log, limits.disk().disk_reserve), (11, 12, 13));
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_what_can() {
        let wrong = [
            ("queue_tasks = 0", "at least 16"),
            ("queue_bytes = 1000", "at least 209715200"),
            ("down_after = 0", "at least 1 second"),
            ("lagging_after = 2", "at least 3 s"),
            ("queue_age = 30", "more than `limits.lagging_after`, 30 s"),
            ("lagging_after = 100000", "`limits.queue_age` is 86400 s"),
            ("node_history = 0", "at least 1"),
            ("queue_age = -1", "queue_age"),
            ("down_after = \"2s\"", "down_after"),
            ("stale_limit = 9", "unknown field `stale_limit`, expected one of `queue_bytes`"),
        ];
        for (text, said) in wrong {
            let refused = read(text).expect_err(text);
            assert!(refused.contains(said), "{text}: {refused}");
        }
    }
}
