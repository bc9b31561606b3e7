//! Whether a node has room for more documents.
//!
//! A node whose disk is full can become less full only by deletions, and those need room themselves. So additions stop
//! at nine tenths of what the node may hold, as the configuration says, and go on when it holds less:
//! until then the queue is stopped by a fault, which deletions pass. What counts is what the node uses and not the
//! length of its files, which deletions do not shorten.

use std::sync::Arc;

use miroir_cluster::{State, Work};
use tokio::sync::watch;
use tracing::{debug, info, warn};

use crate::decide::Step;
use crate::lane::Lane;

/// So much of the capacity is for additions, in percent.
const FOR_ADDITIONS: u64 = 90;

/// What is known of the room of a node whose capacity is configured.
#[derive(Debug)]
pub(crate) struct Room {
    /// Bytes that the node may hold.
    capacity: u64,
    /// Whether it holds too much for more; nothing until it was weighed.
    full: watch::Sender<Option<bool>>,
}

/// Whether a request may be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fits {
    /// It may.
    Yes,
    /// It adds documents, and the node was not weighed yet.
    Unknown,
    /// It adds documents to a node that has no room for them, in words.
    No(String),
}

impl Room {
    pub(crate) fn new(capacity: u64) -> Self {
        Self { capacity, full: watch::Sender::new(None) }
    }

    /// The node uses so many bytes. Whether it became full, or has room again.
    fn weighed(&self, used: u64) -> Option<bool> {
        let full = used >= self.capacity / 100 * FOR_ADDITIONS;
        let before = self.full.send_replace(Some(full));
        (before.unwrap_or(false) != full).then_some(full)
    }

    fn fits(&self) -> Fits {
        match *self.full.borrow() {
            None => Fits::Unknown,
            Some(false) => Fits::Yes,
            // The same whenever it is full, so that it is recorded once.
            Some(true) => Fits::No(format!(
                "the node holds more than {FOR_ADDITIONS} % of its capacity of {} bytes: it gets no more documents \
                 until some are deleted by id or all of them are, or `capacity` is raised",
                self.capacity
            )),
        }
    }
}

impl Lane {
    /// Whether the node has room for a request.
    pub(crate) fn fits(&self, state: &State, step: &Step) -> Fits {
        let (Some(room), Step::Send { tasks, .. }) = (&self.room, step) else { return Fits::Yes };
        let first = tasks.first().and_then(|uid| state.tasks.get(uid));
        let adds = first.is_some_and(|task| matches!(task.work, Work::Documents { .. }));
        if adds { room.fits() } else { Fits::Yes }
    }

    /// Waits until the node was weighed once.
    pub(crate) async fn until_weighed(&self) {
        if let Some(room) = &self.room {
            // Its sender lives as long as the lane.
            let _ = room.full.subscribe().wait_for(Option::is_some).await;
        }
    }

    /// Looks at what the node uses for ever.
    pub(crate) async fn weigh(self: Arc<Self>) {
        let Some(room) = &self.room else { return };
        let mut told = false;
        loop {
            match self.clients.lane.used_bytes().await {
                Ok(used) => {
                    told = false;
                    if let Some(full) = room.weighed(used) {
                        info!(node = %self.node, used, capacity = room.capacity, full, "its room changed");
                    }
                }
                Err(error) if told => debug!(node = %self.node, %error, "its size is not known"),
                Err(error) => {
                    told = true;
                    warn!(
                        node = %self.node,
                        %error,
                        "what it uses is not known: it gets no documents before it was weighed once, and may pass \
                         its `capacity` after"
                    );
                }
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
        let room = Room::new(1000);
        assert_eq!(room.fits(), Fits::Unknown);
        assert_eq!([899, 900, 1000, 0].map(|used| room.weighed(used)), [None, Some(true), None, Some(false)]);
        assert_eq!(room.fits(), Fits::Yes);
    }
}
