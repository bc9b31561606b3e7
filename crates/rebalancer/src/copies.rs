//! Which copies leave, and which come back.
//!
//! A copy leaves when its node is not there or proved to be another, or when it lags behind the other copies of its
//! shards; when it lags beyond what is kept for it, it is given up. It comes back when its node is there and it has
//! nearly caught up. The copies of an index that was deleted all leave. Each step is one that `apply` would take now:
//! it alone judges whether a copy may leave.

use std::time::Duration;

use miroir_cluster::{
    Command, CopyChange, CopyStep, Index, NodeState, Outcome, Queue, QueueLimits, Stage, State,
};
use miroir_model::NodeId;

use crate::plan::Observed;
use crate::show::searched_by_all;

/// When copies leave and come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// A copy lags when its oldest task has waited for so long and other copies have passed it.
    pub lagging: Duration,
    /// It has nearly caught up when its oldest task has waited no longer than this.
    pub back: Duration,
    /// How much is kept for a copy.
    pub queue: QueueLimits,
}

impl Default for Policy {
    /// 30 s and 10 s.
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { lagging: seconds(30), back: seconds(10), queue: QueueLimits::default() }
    }
}

/// The steps that copies take now.
pub(crate) fn plan(state: &State, observed: &Observed, policy: &Policy) -> Vec<Command> {
    let mut after = state.clone();
    let mut commands = Vec::new();
    for (id, index) in &state.indexes {
        for (node, queue) in &index.queues {
            let look = Look { state, index, node, queue, observed, policy };
            let Some(change) = look.change() else { continue };
            let command = Command::Copy(CopyStep { index: *id, node: node.clone(), change });
            let stamp = after.stamp;
            if after.apply(stamp, &command).outcome == Outcome::Done {
                commands.push(command);
            }
        }
    }
    commands
}

/// One copy, and by what it is judged.
struct Look<'a> {
    state: &'a State,
    index: &'a Index,
    node: &'a NodeId,
    queue: &'a Queue,
    observed: &'a Observed,
    policy: &'a Policy,
}

impl Look<'_> {
    fn change(&self) -> Option<CopyChange> {
        let queue = self.queue;
        let lost = queue.lost.is_some();
        if !lost && !self.index.gone && self.state.is_full(queue, self.policy.queue, self.observed.now) {
            return Some(CopyChange::GiveUp);
        }
        let leaves = lost || self.index.gone || !self.is_up() || self.lags();
        match queue.hidden {
            None => leaves.then_some(CopyChange::Hide),
            Some(hidden) if leaves && queue.required => {
                let searched = searched_by_all(self.state, &self.observed.reports);
                searched.filter(|version| *version >= hidden).map(|_| CopyChange::Release { hidden })
            }
            Some(_) if leaves || queue.returns_at.is_some() => None,
            // What tasks waited for all along has nothing to catch up with.
            Some(_) => (queue.required || self.is_nearly_there()).then_some(CopyChange::Require),
        }
    }

    fn is_up(&self) -> bool {
        self.state.nodes.get(self.node).is_some_and(|node| node.state == NodeState::Up)
    }

    fn waits(&self) -> Duration {
        self.state.waits(self.queue, self.observed.now)
    }

    /// Whether its first task is old, and a searchable copy of each of its shards is through with that.
    fn lags(&self) -> bool {
        let Some(first) = self.queue.pending.get_min().filter(|_| self.waits() >= self.policy.lagging) else {
            return false;
        };
        let passed = |other: &NodeId| {
            let queue = self.index.queues.get(other).filter(|queue| queue.searchable);
            queue.is_some_and(|queue| queue.pending.get_min().is_none_or(|theirs| theirs > first))
        };
        let shards = self.index.shards.shards().iter();
        shards
            .filter(|shard| shard.copies.contains_key(self.node))
            .all(|shard| shard.copies.keys().any(|other| other != self.node && passed(other)))
    }

    fn is_nearly_there(&self) -> bool {
        let has_settings = self.queue.installed == Some(self.index.settings.version);
        self.queue.stage == Stage::Present && has_settings && self.waits() <= self.policy.back
    }
}

#[cfg(test)]
mod tests;
