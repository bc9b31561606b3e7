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
        while let Some((at, id)) = self.state.proposals_by_age.get_min().cloned() {
            if !old(at, ATTEMPT_MILLIS, self.now) && self.state.proposals_by_age.len() <= REMEMBERED {
                break;
            }
            self.state.proposals_by_age.remove(&(at, id));
            self.state.proposals.remove(&id);
        }
        while let Some(entry) = self.state.idempotency_by_age.get_min().cloned() {
            if !old(entry.0, IDEMPOTENCY_MILLIS, self.now)
                && self.state.idempotency_by_age.len() <= REMEMBERED
            {
                break;
            }
            self.state.idempotency.remove(&entry.1);
            self.state.idempotency_by_age.remove(&entry);
        }
        self.expire_uploads();
    }

    /// What is known of this attempt, or of an earlier write with its idempotency key.
    pub(super) fn known_attempt(&self, enqueue: &Enqueue) -> Option<Result<Outcome, Refusal>> {
        if let Some((_, settled)) = self.state.proposals.get(&enqueue.proposal) {
            return Some(match *settled {
                Settled::Accepted { task, at, replayed } => Ok(Outcome::Enqueued { task, at, replayed }),
                Settled::Refused => Err(Refusal::GivenUp),
            });
        }
        let (key, request) = enqueue.idempotency.as_ref()?;
        let known = self.state.idempotency.get(key)?;
        if known.request != *request {
            return Some(Err(Refusal::IdempotencyConflict));
        }
        Some(Ok(Outcome::Enqueued { task: known.task, at: known.at, replayed: true }))
    }

    /// Remembers that an attempt was accepted. Only that binds its idempotency key.
    pub(super) fn remember_attempt(&mut self, enqueue: &Enqueue, outcome: &Outcome) {
        let Outcome::Enqueued { task, at, replayed } = *outcome else { return };
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

    fn remember(&mut self, proposal: ProposalId, settled: Settled) {
        if self.state.proposals.insert(proposal, (self.now, settled)).is_none() {
            self.state.proposals_by_age.insert((self.now, proposal));
        }
    }
}
