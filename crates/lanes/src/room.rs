//! Whether a node has room for more documents.
//!
//! A node whose disk is full can become less full only by deletions, and those need room themselves. So additions stop
//! at nine tenths of what the node may hold, as the configuration says (architecture §3.6), and go on when it holds less:
//! until then the queue is stopped by a fault, which deletions pass. What counts is what the node uses and not the
//! length of its files, which deletions do not shorten.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use miroir_cluster::{State, Work};
use tracing::{debug, info};

use crate::decide::Step;
use crate::lane::Lane;

/// So much of the capacity is for additions, in percent.
const FOR_ADDITIONS: u64 = 90;

/// What is known of a node's room.
#[derive(Debug)]
pub(crate) struct Room {
    /// Bytes that the node may hold; nobody looks when that is not said.
    capacity: Option<u64>,
    full: AtomicBool,
}

impl Room {
    pub(crate) fn new(capacity: Option<u64>) -> Self {
        Self { capacity, full: AtomicBool::new(false) }
    }

    /// Why a request is not sent, when it would add documents to a node that has no room for them.
    pub(crate) fn refuses(&self, state: &State, step: &Step) -> Option<String> {
        let Step::Send { tasks, .. } = step else { return None };
        let first = tasks.first().and_then(|uid| state.tasks.get(uid))?;
        let adds = matches!(first.work, Work::Documents { .. });
        (adds && self.full.load(Ordering::Relaxed)).then(|| self.words())
    }

    /// The same whenever it is full, so that it is recorded once.
    fn words(&self) -> String {
        format!(
            "the node holds more than {FOR_ADDITIONS} % of its capacity of {} bytes: it gets no more documents until \
             some are deleted, or `capacity` is raised",
            self.capacity.unwrap_or_default()
        )
    }

    /// The node uses so many bytes. Whether it became full, or has room again.
    fn weighed(&self, used: u64) -> Option<bool> {
        let full = self.capacity.is_some_and(|capacity| used >= capacity / 100 * FOR_ADDITIONS);
        let before = self.full.swap(full, Ordering::Relaxed);
        (before != full).then_some(full)
    }
}

impl Lane {
    /// Looks at what the node uses for ever, where that matters.
    pub(crate) async fn weigh(self: Arc<Self>) {
        let Some(capacity) = self.room.capacity else { return std::future::pending().await };
        loop {
            match self.clients.lane.used_bytes().await {
                Ok(used) => {
                    if let Some(full) = self.room.weighed(used) {
                        info!(node = %self.node, used, capacity, full, "its room changed");
                    }
                }
                Err(error) => debug!(node = %self.node, %error, "its size is not known"),
            }
            tokio::time::sleep(self.config.weigh).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenth_is_kept_free() {
        let room = Room::new(Some(1000));
        assert_eq!([899, 900, 1000, 0].map(|used| room.weighed(used)), [None, Some(true), None, Some(false)]);
        assert_eq!(Room::new(None).weighed(u64::MAX), None, "nobody said how much it may hold");
    }
}
