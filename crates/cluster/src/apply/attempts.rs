//! Attempts to have a write accepted: settled once, remembered for a while.

use miroir_model::{PeerLife, Timestamp};

use super::Apply;
use crate::command::Enqueue;
use crate::outcome::{Outcome, Refusal, Settled};
use crate::state::{Idempotency, ProposalId};

/// How long an attempt is remembered, in milliseconds of log time: sixty times as long as a client is kept waiting for
/// certainty, so that whoever was stopped with an attempt in hand comes back to find it settled.
const ATTEMPT_MILLIS: i64 = 600_000;
/// How long an idempotency key is remembered, in milliseconds of log time.
const IDEMPOTENCY_MILLIS: i64 = 24 * 3_600_000;
/// How many of each are remembered at most.
const REMEMBERED: usize = 1_000_000;

impl Apply<'_> {
    /// Forgets what is too old.
    pub(super) fn expire(&mut self) {
        let old = |at: Timestamp, limit: i64, now: Timestamp| now.millis_since(at) > limit;
        while let Some((at, id)) = self.state.proposals_by_age.get_min().copied() {
            if !old(at, ATTEMPT_MILLIS, self.now) && self.state.proposals_by_age.len() <= REMEMBERED {
                break;
            }
            self.state.proposals_by_age.remove(&(at, id));
            self.state.proposals.remove(&id);
            if let Some(peer) =
                self.state.peers.get_mut(&id.life.peer).filter(|peer| peer.boot == id.life.boot)
            {
                peer.forgotten = peer.forgotten.max(id.number + 1);
            }
        }
        while let Some((at, key)) = self.state.idempotency_by_age.get_min() {
            if !old(*at, IDEMPOTENCY_MILLIS, self.now) && self.state.idempotency_by_age.len() <= REMEMBERED {
                break;
            }
            self.state.idempotency.remove(key);
            let oldest = (*at, key.clone());
            self.state.idempotency_by_age.remove(&oldest);
        }
        self.expire_uploads();
    }

    /// What became of this attempt before. It stays so: a repeated entry of the log changes nothing. One that may have
    /// been settled and forgotten is refused, since nobody waits for it any more.
    pub(super) fn settled_attempt(&self, proposal: ProposalId) -> Option<Result<Outcome, Refusal>> {
        let settled = self.state.proposals.get(&proposal).map(|(_, settled)| match *settled {
            Settled::Accepted { task, at, replayed } => Ok(Outcome::Enqueued { task, at, replayed }),
            Settled::Refused => Err(Refusal::GivenUp),
        });
        settled.or_else(|| self.is_forgotten(proposal).then_some(Err(Refusal::GivenUp)))
    }

    /// Whether an attempt that is not remembered can have been settled: those of a life have rising numbers, and are
    /// forgotten in the order in which they were settled.
    fn is_forgotten(&self, proposal: ProposalId) -> bool {
        let PeerLife { peer, boot } = proposal.life;
        self.state
            .peers
            .get(&peer)
            .is_some_and(|known| boot < known.boot || boot == known.boot && proposal.number < known.forgotten)
    }

    /// The answer of an earlier write with the same idempotency key.
    pub(super) fn replay(&self, enqueue: &Enqueue) -> Option<Result<Outcome, Refusal>> {
        let (key, request) = enqueue.idempotency.as_ref()?;
        let known = self.state.idempotency.get(key)?;
        if known.request != *request {
            return Some(Err(Refusal::IdempotencyConflict));
        }
        Some(Ok(Outcome::Enqueued { task: known.task, at: known.at, replayed: true }))
    }

    /// Settles an attempt. Only an accepted one binds its idempotency key.
    pub(super) fn remember_attempt(&mut self, enqueue: &Enqueue, outcome: &Result<Outcome, Refusal>) {
        let Ok(Outcome::Enqueued { task, at, replayed }) = *outcome else {
            return self.remember(enqueue.proposal, Settled::Refused);
        };
        self.remember(enqueue.proposal, Settled::Accepted { task, at, replayed });
        if let (Some((key, request)), false) = (&enqueue.idempotency, replayed) {
            let bound = Idempotency { request: *request, task, at };
            self.state.idempotency.insert(key.clone(), bound);
            self.state.idempotency_by_age.insert((at, key.clone()));
        }
    }

    pub(super) fn settle(&mut self, proposal: ProposalId) -> Outcome {
        if let Some((_, settled)) = self.state.proposals.get(&proposal) {
            return Outcome::Settled(*settled);
        }
        if self.is_forgotten(proposal) {
            return Outcome::Refused(Refusal::Unknown(format!(
                "attempt {} of {}",
                proposal.number, proposal.life
            )));
        }
        self.remember(proposal, Settled::Refused);
        Outcome::Settled(Settled::Refused)
    }

    /// Remembers an attempt that was not known.
    fn remember(&mut self, proposal: ProposalId, settled: Settled) {
        self.state.proposals.insert(proposal, (self.now, settled));
        self.state.proposals_by_age.insert((self.now, proposal));
    }
}
