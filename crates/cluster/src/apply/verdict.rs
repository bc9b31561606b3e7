//! What the refusals of nodes come to.
//!
//! A node takes or refuses a request whole, so of a refused request that held documents of several shards each shard is
//! sent alone: only those go without that hold what the node refuses. When all nodes have answered, the copies of a shard
//! are compared. They must have taken the same, whatever that is: where they did not, the one that took less is wrong, and
//! lost. What no copy took is the task's failure.
//!
//! A copy that comes later is held to that. What was refused as a whole it is not given: by then it has newer settings, by
//! which it may find right what was wrong. Whatever else it says that is not what was decided makes it the wrong one.

use imbl::OrdMap;
use miroir_api::{ErrorCode, ResponseError};
use miroir_model::{NodeId, PhysicalId, ShardId, TaskUid, UnitSet};

use super::Apply;
use crate::command::LaneStep;
use crate::index::Index;
use crate::queue::{Action, Lost, Part, Progress};
use crate::task::{Refused, Task, Work};

/// How far a copy got that took everything.
const ALL: u32 = u32::MAX;

impl Apply<'_> {
    /// The user's write cannot be carried out on this node. A change of settings fails with that; of anything else it is
    /// told when the other copies have answered.
    pub(super) fn refused(&mut self, step: &LaneStep, action: &Action, error: &ResponseError) {
        for uid in action.tasks() {
            let Some(task) = self.state.tasks.get(&uid) else { continue };
            if let Work::Settings { .. } = task.work {
                if let Some(task) = self.state.tasks.get_mut(&uid).filter(|task| !task.status.is_terminal()) {
                    task.error.get_or_insert_with(|| error.clone());
                }
                self.through_with(step, uid);
            } else if let Some(first) = self.shard_by_shard(step, action, (uid, error)) {
                self.set_progress(step.index, &step.node, first);
            } else if self.refused_here(step, action, (uid, error)) {
                self.through_with_part(step, uid);
            } else {
                self.through_with(step, uid);
            }
        }
    }

    /// Where the shards of refused documents begin to go alone, when that can tell more. An embedder that fails does so
    /// for all of them.
    fn shard_by_shard(
        &self,
        step: &LaneStep,
        action: &Action,
        (uid, error): (TaskUid, &ResponseError),
    ) -> Option<Progress> {
        let (index, task) = (self.state.indexes.get(&step.index)?, self.state.tasks.get(&uid)?);
        let (Action::Send(slices), Work::Documents { .. }) = (action, &task.work) else { return None };
        let from = slices.first().filter(|slice| slice.from.part == Part::Counted)?.from.frames;
        let mut shards = index.shards_of_task(task, &step.node);
        let first = shards.next()?;
        let several = shards.next().is_some() && error.code != ErrorCode::VectorEmbeddingError;
        several.then(|| Progress::of_shard(first, from))
    }

    /// Notes what was refused of the part that the queue is at. Whether there are other shards that may be taken.
    fn refused_here(
        &mut self,
        step: &LaneStep,
        action: &Action,
        (uid, error): (TaskUid, &ResponseError),
    ) -> bool {
        let Some(index) = self.state.indexes.get(&step.index) else { return false };
        let Some(queue) = index.queues.get(&step.node) else { return false };
        let Some(task) = self.state.tasks.get_mut(&uid) else { return false };
        let at = match action {
            Action::Send(slices) => slices.first().map(|slice| slice.from).unwrap_or_default(),
            // A barrier is refused before it changes anything, and one that went past others knows no parts.
            _ if queue.pending.get_min() == Some(&uid) => Progress { frames: 0, ..queue.progress },
            _ => Progress::default(),
        };
        let of_part = |shard: &ShardId| match at.part {
            Part::Counted => true,
            Part::Rest => touches(index, *shard, index.units_of_part(task, &step.node, Part::Rest)),
            Part::Shard { shard: this, .. } => *shard == this,
        };
        let shards: Vec<ShardId> = index.shards_of_task(task, &step.node).filter(of_part).collect();
        let refused = Refused { from: at.frames, error: error.clone() };
        for shard in shards {
            task.refusals.entry(shard).or_default().insert(step.node.clone(), refused.clone());
        }
        matches!(at.part, Part::Shard { .. })
    }

    /// A node has answered all of a task that goes to it. Where it was decided without this node what becomes of the
    /// task, and the node says otherwise, its copy is not as the others.
    pub(super) fn through_with(&mut self, step: &LaneStep, uid: TaskUid) {
        let (id, node) = (step.index, &step.node);
        let (index, task) = (self.state.indexes.get(&id), self.state.tasks.get(&uid));
        let at_odds = index.zip(task).is_some_and(|(index, task)| {
            task.status.is_terminal()
                && index.shards_of_task(task, node).any(|shard| task.is_at_odds(shard, node))
        });
        self.pop(id, node, uid);
        if at_odds {
            self.lose(id, node, Lost::Disagrees(uid));
            self.shed(id, node);
        }
    }

    /// A node goes past a task, and nobody knows what it would have said.
    pub(super) fn passes_over(&mut self, step: &LaneStep, uid: TaskUid) {
        if let Some(task) = self.state.tasks.get_mut(&uid) {
            task.passed.insert(step.node.clone());
        }
        self.pop(step.index, &step.node, uid);
    }

    /// What is decided of a task that all nodes have answered: the nodes that are wrong are lost, and what is left of its
    /// refusals is its failure. The nodes that are lost, to be [shed](Self::shed).
    pub(super) fn judge(&mut self, task: &mut Task) -> Vec<NodeId> {
        let mut wrong = Vec::new();
        let Some(id) = task.index else { return wrong };
        for (shard, refusals) in task.refusals.clone() {
            for node in refusals.keys() {
                let behind = self.answers(id, task, shard).any(|(_, got)| got > task.got(shard, node));
                // One after the other: of copies that are wrong together, the last of a shard stays.
                if behind && self.may_be_lost(id, node) {
                    self.lose(id, node, Lost::Disagrees(task.uid));
                    wrong.push(node.clone());
                    task.forget_refusals_of(node);
                }
            }
        }
        // Where the last copy refused, that is what holds.
        for (shard, refusals) in &task.refusals {
            let least = refusals.values().map(|refused| refused.from).min().unwrap_or(ALL);
            let further = self.answers(id, task, *shard).filter(|(_, got)| *got > least);
            for (node, _) in further.collect::<Vec<_>>() {
                if self.may_be_lost(id, &node) {
                    self.lose(id, &node, Lost::Disagrees(task.uid));
                    wrong.push(node);
                }
            }
            if let Some(refused) = refusals.values().next() {
                task.error.get_or_insert_with(|| refused.error.clone());
            }
        }
        wrong
    }

    /// How far the copies of a shard got that tasks wait for and that are not lost.
    fn answers(&self, id: PhysicalId, task: &Task, shard: ShardId) -> impl Iterator<Item = (NodeId, u32)> {
        let index = self.state.indexes.get(&id);
        let copies = index.and_then(|index| index.shards.shard(shard));
        let nodes = copies.into_iter().flat_map(|shard| shard.copies.keys());
        let answered = nodes.filter(move |&node| {
            let queue = index.and_then(|index| index.queues.get(node));
            queue.is_some_and(|queue| queue.required && queue.lost.is_none())
                && !task.holders.contains(node)
                && !task.passed.contains(node)
        });
        answered.map(move |node| (node.clone(), task.got(shard, node)))
    }

    fn may_be_lost(&self, id: PhysicalId, node: &NodeId) -> bool {
        self.state.indexes.get(&id).is_some_and(|index| {
            index.last_copy_on(node).is_none()
                || index.queues.get(node).is_none_or(|queue| queue.lost.is_some())
        })
    }
}

fn touches(index: &Index, shard: ShardId, units: UnitSet) -> bool {
    index.shards.shard(shard).is_some_and(|shard| shard.range.units().intersects(units))
}

impl Task {
    fn forget_refusals_of(&mut self, node: &NodeId) {
        let left = self.refusals.iter().map(|(shard, nodes)| (*shard, nodes.without(node)));
        self.refusals = left.filter(|(_, nodes)| !nodes.is_empty()).collect();
    }

    /// The first frame that a node that has answered did not take in a shard.
    fn got(&self, shard: ShardId, node: &NodeId) -> u32 {
        let refused = self.refusals.get(&shard).and_then(|nodes| nodes.get(node));
        refused.map_or(ALL, |refused| refused.from)
    }

    /// Whether it was decided that nothing of it becomes of the shards that it touches on a node.
    pub(super) fn is_refused_on(&self, index: &Index, node: &NodeId) -> bool {
        let decided = self.status.is_terminal() && !self.refusals.is_empty();
        let of_shard = |shard| self.refusals.get(&shard).into_iter().flat_map(|nodes| nodes.values());
        let nothing = |shard| of_shard(shard).any(|refused| refused.from == 0);
        decided && index.shards_of_task(self, node).all(nothing)
    }

    /// Whether a node says otherwise than what was decided without it.
    fn is_at_odds(&self, shard: ShardId, node: &NodeId) -> bool {
        let others = self.refusals.get(&shard).into_iter().flat_map(OrdMap::iter);
        let decided = others.filter(|(other, _)| *other != node).map(|(_, refused)| refused.from).min();
        decided.unwrap_or(ALL) != self.got(shard, node)
    }
}
