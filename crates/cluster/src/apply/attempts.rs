//! Attempts to have a write accepted: settled once, remembered for a while.

use miroir_model::Timestamp;

use super::Apply;
use crate::command::Enqueue;
use crate::outcome::{Outcome, Refusal, Settled};
use crate::state::{Idempotency, ProposalId};

/// How long an attempt is remembered, in milliseconds of log time.
const ATTEMPT_MILLIS: i64 = 3_600_000;
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

    /// What became of this attempt before. It stays so: a repeated entry of the log changes nothing.
    pub(super) fn settled_attempt(&self, proposal: ProposalId) -> Option<Result<Outcome, Refusal>> {
        self.state.proposals.get(&proposal).map(|(_, settled)| match *settled {
            Settled::Accepted { task, at, replayed } => Ok(Outcome::Enqueued { task, at, replayed }),
            Settled::Refused => Err(Refusal::GivenUp),
        })
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
        self.remember(proposal, Settled::Refused);
        Outcome::Settled(Settled::Refused)
    }

    /// Remembers an attempt that was not known.
    fn remember(&mut self, proposal: ProposalId, settled: Settled) {
        self.state.proposals.insert(proposal, (self.now, settled));
        self.state.proposals_by_age.insert((self.now, proposal));
    }
}
