//! How much payload may be under way, so that uploads never fill the log's queues and small proposals stay quick.

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::config::Limits;

/// Proposals up to this size, in bytes, do not count: they pass at any time.
pub(crate) const SMALL: usize = 64 << 10;
const UNIT: usize = 1 << 10;

/// The budgets of one peer.
pub(crate) struct Flow {
    own: Budget,
    leader: Budget,
}

struct Budget {
    free: Semaphore,
    all: u32,
}

impl Budget {
    fn new(bytes: usize) -> Self {
        let all = u32::try_from(bytes / UNIT).unwrap_or(u32::MAX).max(1);
        Self { free: Semaphore::new(all as usize), all }
    }

    /// What is larger than the whole budget takes it all and goes alone.
    async fn admit(&self, bytes: usize) -> Option<SemaphorePermit<'_>> {
        if bytes <= SMALL {
            return None;
        }
        let units = u32::try_from(bytes.div_ceil(UNIT)).unwrap_or(u32::MAX).min(self.all);
        // The semaphore is never closed.
        self.free.acquire_many(units).await.ok()
    }
}

impl Flow {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self { own: Budget::new(limits.in_flight), leader: Budget::new(limits.in_flight_leader) }
    }

    /// Waits until this peer may send so much to the leader. Hold the permit until it is answered.
    pub(crate) async fn own(&self, bytes: usize) -> Option<SemaphorePermit<'_>> {
        self.own.admit(bytes).await
    }

    /// Waits until this peer, as the leader, may propose so much. Hold the permit until it is applied.
    pub(crate) async fn leader(&self, bytes: usize) -> Option<SemaphorePermit<'_>> {
        self.leader.admit(bytes).await
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[test]
    fn small_ones_pass_while_large_ones_wait() {
        let budget = Budget::new(1 << 20);
        let all = budget.admit(5 << 20).now_or_never();
        assert!(matches!(all, Some(Some(_))), "what is larger than all goes alone");
        assert!(budget.admit(SMALL).now_or_never().is_some());
        assert!(budget.admit(SMALL + 1).now_or_never().is_none());
        drop(all);
        assert!(budget.admit(SMALL + 1).now_or_never().is_some());
    }
}
