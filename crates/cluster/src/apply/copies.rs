//! Which copies searches use and which ones tasks wait for.
//!
//! A copy that leaves is hidden first. Only when every peer searches a state in which it is hidden do tasks stop waiting
//! for it: a search that asked it before would miss what is done without it. A copy that comes back is waited for
//! first, and searched when it has finished all that was ordered before that. That a shard's last copy never leaves is
//! checked here, whoever asks.

use miroir_model::{NodeId, PeerLife, PhysicalId, ShardId, TaskUid};
use miroir_placement::Shard;

use super::Apply;
use crate::command::{CopyChange, CopyStep};
use crate::index::Index;
use crate::nodes::NodeState;
use crate::outcome::{Outcome, Refusal};
use crate::queue::{Lost, Part, Proof, Queue};

type Answer = Result<Outcome, Refusal>;

impl Queue {
    /// Whether tasks are still delivered to it, or kept until they are.
    pub fn is_delivered(&self) -> bool {
        self.lost.is_none() || self.required
    }

    pub(super) fn hide(&mut self, version: u64) {
        if self.searchable {
            self.searchable = false;
            self.hidden = Some(version);
        }
        self.returns_at = None;
    }
}

impl Index {
    /// The shards of the node that no other node has a searchable copy of.
    pub fn last_copies_on(&self, node: &NodeId) -> impl Iterator<Item = &Shard> {
        let searchable = |other: &NodeId| self.queues.get(other).is_some_and(|queue| queue.searchable);
        let held = self.shards.shards().iter().filter(move |shard| shard.copies.contains_key(node));
        held.filter(move |shard| !shard.copies.keys().any(|other| other != node && searchable(other)))
    }

    /// The first of them.
    pub(super) fn last_copy_on(&self, node: &NodeId) -> Option<ShardId> {
        self.last_copies_on(node).next().map(|shard| shard.id)
    }
}

impl Apply<'_> {
    pub(super) fn copy(&mut self, step: &CopyStep) -> Answer {
        let version = self.state.version;
        let unknown = || Refusal::Unknown(format!("copy of index {} on {}", step.index, step.node));
        let index = self.state.indexes.get_mut(&step.index).ok_or_else(unknown)?;
        let last = index.last_copy_on(&step.node);
        let gone = index.gone;
        let queue = index.queues.get_mut(&step.node).ok_or_else(unknown)?;
        let may_leave = last.filter(|_| !gone).map_or(Ok(()), |shard| Err(Refusal::LastCopy(shard)));
        match step.change {
            CopyChange::Hide if queue.searchable => {
                may_leave?;
                queue.hide(version);
            }
            CopyChange::Release { hidden } if queue.required && queue.hidden == Some(hidden) => {
                may_leave?;
                self.let_go(step.index, &step.node);
            }
            CopyChange::GiveUp if queue.lost.is_none() && !gone => {
                may_leave?;
                self.lose(step.index, &step.node, Lost::Behind);
                self.shed(step.index, &step.node);
            }
            CopyChange::Require
                if !gone && queue.lost.is_none() && !queue.searchable && queue.returns_at.is_none() =>
            {
                // What waited for it all along misses nothing that is done.
                queue.returns_at = Some(if queue.required { TaskUid(0) } else { self.state.next_task });
                queue.required = true;
                self.settle_queue(step.index, &step.node);
                self.settle_index(step.index);
            }
            _ => return Err(Refusal::CopyChanged),
        }
        Ok(Outcome::Done)
    }

    /// What the node has of an index is not used from now on, and nothing is sent to it any more. To be
    /// [shed](Self::shed) when the index is at rest.
    pub(super) fn lose(&mut self, id: PhysicalId, node: &NodeId, lost: Lost) {
        let version = self.state.version;
        let Some(index) = self.state.indexes.get_mut(&id) else { return };
        let Some(queue) = index.queues.get_mut(node) else { return };
        queue.hide(version);
        queue.lost.get_or_insert(lost);
        queue.dispatch = None;
        queue.renaming = false;
        queue.fault = None;
        queue.ahead = None;
    }

    /// What is lost and waited for by nobody is kept for nobody.
    pub(super) fn shed(&mut self, id: PhysicalId, node: &NodeId) {
        let queue = self.state.indexes.get(&id).and_then(|index| index.queues.get(node));
        if queue.is_some_and(|queue| queue.lost.is_some() && !queue.required) {
            self.let_go(id, node);
        }
    }

    /// Tasks do not wait for the node any more. What is lost is not kept for it either.
    fn let_go(&mut self, id: PhysicalId, node: &NodeId) {
        let Some(queue) = self.state.indexes.get_mut(&id).and_then(|index| index.queues.get_mut(node)) else {
            return;
        };
        (queue.required, queue.returns_at) = (false, None);
        let (pending, part, lost) = (queue.pending.clone(), queue.progress.part, queue.lost.is_some());
        for (place, uid) in pending.iter().enumerate() {
            let Some(task) = self.state.tasks.get_mut(uid) else { continue };
            task.waits.remove(node);
            // What it was to count is not known when the task is done.
            let counts = task.counts.contains_key(node) && (place > 0 || part == Part::Counted);
            if counts && !task.status.is_terminal() {
                task.counted = None;
            }
            if lost && !matches!(task.work, crate::task::Work::DeleteIndex) {
                self.pop(id, node, *uid);
            }
        }
        self.settle_index(id);
    }

    pub(super) fn node_proved(&mut self, node: &NodeId, by: PeerLife, proof: Proof) -> Answer {
        if !self.is_present(by) {
            return Err(Refusal::Unknown(format!("peer life {by}")));
        }
        let Some(known) = self.state.nodes.get_mut(node) else {
            return Err(Refusal::Unknown(format!("node {node}")));
        };
        match proof {
            // What is lost stays lost until it is rebuilt.
            _ if known.state == NodeState::Lost => {}
            Proof::Same if known.state == NodeState::Unauthorized => {
                known.state = NodeState::Up;
                self.judge_reachability(node);
            }
            Proof::Same => {}
            Proof::Unauthorized => known.state = NodeState::Unauthorized,
            Proof::Older | Proof::Foreign => {
                known.state = NodeState::Lost;
                let indexes: Vec<PhysicalId> = self.state.indexes.keys().copied().collect();
                for id in indexes {
                    self.lose(id, node, Lost::Proved(proof));
                    self.shed(id, node);
                }
            }
        }
        Ok(Outcome::Done)
    }
}
