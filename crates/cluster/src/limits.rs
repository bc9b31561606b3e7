//! How much may wait for a node, and who is stopped when it is too much.

use std::time::Duration;

use miroir_model::{NodeId, Timestamp, UnitSet};

use crate::index::Index;
use crate::queue::Queue;
use crate::state::State;

/// For how long a peer may be out of touch before it says that its answers are old. What every search must have
/// stopped using is then not used any more, or is marked. One constant for the whole cluster, since the leader counts on
/// all others to mark theirs after the same time.
pub const STALE_LIMIT: Duration = Duration::from_secs(5);

/// How much one queue may hold. At any of these it is given up where its shards have other searchable copies; where
/// not, writes to those shards are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueLimits {
    /// Payload, in bytes as stored.
    pub bytes: u64,
    /// Tasks.
    pub tasks: usize,
    /// How long the oldest has waited.
    pub age: Duration,
}

impl Default for QueueLimits {
    /// 4 GiB, 200,000 tasks, 24 hours.
    fn default() -> Self {
        Self { bytes: 4 << 30, tasks: 200_000, age: Duration::from_secs(24 * 3600) }
    }
}

/// How long after something something else is.
fn since(now: Timestamp, then: Timestamp) -> Duration {
    Duration::from_millis(u64::try_from(now.millis_since(then)).unwrap_or_default())
}

impl State {
    /// For how long the first task of a queue has waited; zero where none does.
    pub fn waits(&self, queue: &Queue, now: Timestamp) -> Duration {
        let first = queue.pending.get_min().and_then(|uid| self.tasks.get(uid));
        first.map(|task| since(now, task.enqueued_at)).unwrap_or_default()
    }

    /// Whether a queue holds as much as it may.
    pub fn is_full(&self, queue: &Queue, limits: QueueLimits, now: Timestamp) -> bool {
        queue.pending_bytes >= limits.bytes
            || queue.pending.len() >= limits.tasks
            || self.waits(queue, now) >= limits.age
    }

    /// A node for which a write to these units cannot be kept: its queue is full, and it has the last copy of a shard
    /// that the write touches.
    pub fn stuck<'a>(
        &self,
        index: &'a Index,
        units: UnitSet,
        limits: QueueLimits,
        now: Timestamp,
    ) -> Option<&'a NodeId> {
        let mut full = index.queues.iter().filter(|(_, queue)| self.is_full(queue, limits, now));
        full.find(|(node, _)| index.last_copies_on(node).any(|shard| shard.range.units().intersects(units)))
            .map(|(node, _)| node)
    }
}
