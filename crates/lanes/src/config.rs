//! What can be set.

use std::collections::BTreeMap;
use std::time::Duration;

use miroir_model::NodeId;
use miroir_node::Pace;

use crate::gather::Gather;

/// How lanes deliver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// At most so many bytes of documents or ids in one request. A single document that is longer goes alone.
    pub request_bytes: usize,
    /// At most so many tasks are joined into one request.
    pub request_tasks: usize,
    /// How long large writes wait for more.
    pub gather: Gather,
    /// How often a node is asked about a task.
    pub pace: Pace,
    /// The pause after a failure, and the longest one: each is twice the one before.
    pub retry: (Duration, Duration),
    /// For how long an embedder may fail before the tasks that need it do.
    pub embedder_patience: Duration,
    /// How many finished tasks a node keeps before its lane has it forget the oldest.
    pub history: u64,
    /// How often that is looked at.
    pub prune: Duration,
    /// How many bytes nodes may hold, by their names; any number where that is not said.
    pub capacity: BTreeMap<NodeId, u64>,
    /// How often such a node is asked how many it holds.
    pub weigh: Duration,
    /// How often each node is asked whether it is there.
    pub probe: Duration,
    /// For how long it must not answer before this peer says so.
    pub down_after: Duration,
}

impl Default for Config {
    /// 32 MiB and 1,000 tasks in a request; pauses from 100 ms to 10 s; 10 minutes for embedders; a node keeps some
    /// 10,000 tasks, looked at every minute; what it holds is looked at every 2 s; it is asked every 500 ms whether it
    /// is there, and down after 2 s.
    fn default() -> Self {
        let millis = Duration::from_millis;
        Self {
            request_bytes: 32 << 20,
            request_tasks: 1000,
            gather: Gather::default(),
            pace: Pace::default(),
            retry: (millis(100), millis(10_000)),
            embedder_patience: millis(600_000),
            history: 10_000,
            prune: millis(60_000),
            capacity: BTreeMap::new(),
            weigh: millis(2000),
            probe: millis(500),
            down_after: millis(2000),
        }
    }
}

/// Ever longer pauses.
#[derive(Debug)]
pub(crate) struct Backoff {
    next: Duration,
    bounds: (Duration, Duration),
}

impl Backoff {
    pub(crate) fn new(bounds: (Duration, Duration)) -> Self {
        Self { next: bounds.0, bounds }
    }

    /// Things go well again.
    pub(crate) fn reset(&mut self) {
        self.next = self.bounds.0;
    }

    pub(crate) async fn pause(&mut self) {
        tokio::time::sleep(self.take()).await;
    }

    /// The next pause.
    pub(crate) fn take(&mut self) -> Duration {
        let longer = (self.next * 2).min(self.bounds.1);
        std::mem::replace(&mut self.next, longer)
    }
}
