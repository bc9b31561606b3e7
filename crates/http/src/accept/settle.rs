//! What to say when the leader was lost with a proposal: nothing, until the outcome is settled.

use std::time::Duration;

use miroir_cluster::{Command, Enqueue, Outcome, ProposalId, ProposeError};
use tokio::time::{Instant, timeout_at};

use crate::app::App;

/// How long a client is kept waiting for certainty.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

impl App {
    /// Proposes a write and finds out what became of it. When that cannot be had in time, it is
    /// [`ProposeError::Unknown`].
    pub(super) async fn propose_and_settle(
        &self,
        enqueue: Enqueue,
        deadline: Instant,
    ) -> Result<Outcome, ProposeError> {
        let proposal = enqueue.proposal;
        let known = timeout_at(deadline, async {
            match self.ledger().propose(Command::Enqueue(Box::new(enqueue))).await {
                Err(ProposeError::Unknown) => self.settle(proposal).await,
                known => known,
            }
        });
        known.await.unwrap_or(Err(ProposeError::Unknown))
    }

    /// Settles an attempt: accepted after all, or refused for good.
    async fn settle(&self, proposal: ProposalId) -> Result<Outcome, ProposeError> {
        loop {
            // Each try waits for a leader by itself, so this does not spin.
            match self.ledger().propose(Command::Settle { proposal }).await {
                Ok(outcome @ Outcome::Settled(_)) => return Ok(outcome),
                Err(ProposeError::Stopping) => return Err(ProposeError::Unknown),
                _ => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }
}
