//! Waiting for company: a bulk load comes as a row of writes, each behind the answer to the one before.
//!
//! What a request costs a node is for a good part the same whether it holds one large write or ten, so a request of
//! large writes waits while more of them keep coming, as long as it could still grow. Small writes never wait.

use std::time::Duration;

use miroir_cluster::{Queue, State};
use miroir_model::TaskUid;
use tokio::time::Instant;

/// How long large writes wait for more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gather {
    /// Less than so many bytes, as stored, go at once.
    pub from_bytes: u64,
    /// So long after the last write came.
    pub pause: Duration,
    /// And in all.
    pub longest: Duration,
}

impl Default for Gather {
    /// From 128 KiB, of which a node makes some thousand documents; 60 ms, in which a client that waits for each answer
    /// sends the next batch; 600 ms in all, what a node needs for a few thousand documents.
    fn default() -> Self {
        let millis = Duration::from_millis;
        Self { from_bytes: 128 << 10, pause: millis(60), longest: millis(600) }
    }
}

/// What one queue has seen come.
#[derive(Debug, Default)]
pub(crate) struct Gathering {
    /// The newest write, since when it is known, and since when any is waited for.
    seen: Option<(TaskUid, Instant, Instant)>,
}

impl Gathering {
    /// Until when a request of these tasks, in the order of the queue, waits; `None` when it goes now.
    pub(crate) fn until(
        &mut self,
        (state, queue): (&State, &Queue),
        tasks: &[TaskUid],
        limit: u64,
        gather: Gather,
    ) -> Option<Instant> {
        let until = self.wait(state, queue, tasks, (gather, limit));
        if until.is_none() {
            self.seen = None;
        }
        until
    }

    fn wait(
        &mut self,
        state: &State,
        queue: &Queue,
        tasks: &[TaskUid],
        (gather, limit): (Gather, u64),
    ) -> Option<Instant> {
        let newest = *tasks.last()?;
        // Something of another kind is behind them: nothing more can join.
        if queue.pending.get_max() != Some(&newest) {
            return None;
        }
        let payloads = tasks.iter().filter_map(|uid| state.tasks.get(uid)?.work.payload());
        let bytes: u64 = payloads.map(|payload| payload.bytes).sum();
        if bytes < gather.from_bytes || bytes >= limit {
            return None;
        }
        let now = Instant::now();
        let (since, began) = match self.seen {
            Some((uid, since, began)) if uid == newest => (since, began),
            Some((_, _, began)) => (now, began),
            None => (now, now),
        };
        self.seen = Some((newest, since, began));
        let until = (since + gather.pause).min(began + gather.longest);
        (until > now).then_some(until)
    }
}
