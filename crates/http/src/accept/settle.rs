//! What to say when the leader was lost with a proposal: nothing, until the outcome is settled.

use std::time::Duration;

use miroir_cluster::{Command, Outcome, ProposalId, ProposeError};

use super::Accepted;
use crate::app::App;
use crate::error::ApiError;

/// How long a client is kept waiting for certainty.
const PATIENCE: Duration = Duration::from_secs(10);

impl App {
    /// Settles an attempt: accepted after all, or refused for good. When neither can be had in time, the client hears
    /// that the outcome is unknown.
    pub(super) async fn settle(&self, proposal: ProposalId) -> Result<Accepted, ApiError> {
        let settled = tokio::time::timeout(PATIENCE, async {
            loop {
                // Each try waits for a leader by itself, so this does not spin.
                match self.ledger().propose(Command::Settle { proposal }).await {
                    Ok(Outcome::Settled(outcome)) => return super::settled(outcome),
                    Err(ProposeError::Stopping) => return Err(ProposeError::Unknown.into()),
                    _ => tokio::time::sleep(Duration::from_millis(50)).await,
                }
            }
        });
        settled.await.unwrap_or_else(|_| Err(ProposeError::Unknown.into()))
    }
}
