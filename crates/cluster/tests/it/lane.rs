//! What an honest lane does, in the simplest form: it looks, records, and looks again.

use miroir_cluster::{
    Action, Command, CopyChange, CopyStep, Dispatch, DispatchResult, Index, LaneStep, Outcome, Part, Queue,
    QueueStep, Recheck, Slice, Stage, State, Task, Work,
};
use miroir_model::{NodeId, PhysicalId};

use crate::world::World;
use miroir_testkit::Dice;

/// The request that a queue without an open one should send now.
pub(crate) fn action(state: &State, index: &Index, node: &NodeId, dice: &mut Dice) -> Option<Action> {
    let queue = &index.queues[node];
    let settings = &index.settings;
    if index.gone {
        return (!queue.required).then_some(Action::Drop);
    }
    if let Some(task) = state.superseding(index, queue) {
        let whole = matches!(task.work, Work::DeleteIndex);
        return Some(if whole { Action::Count(task.uid) } else { Action::Alone(task.uid) });
    }
    if queue.lost.is_some() {
        return None;
    }
    if let Some(task) = state.early(index, queue).filter(|_| dice.chance(70)) {
        return Some(Action::Ahead(task.uid));
    }
    let mut pending = queue.pending.iter().filter_map(|uid| state.tasks.get(uid));
    let first = pending.next();
    if queue.stage == Stage::Absent {
        return Some(Action::Create);
    }
    let change = settings.change.as_ref().filter(|change| change.version != settings.version);
    let waits = change.is_some_and(|change| !queue.pending.contains(&change.task));
    if waits {
        return None;
    }
    if queue.installed != Some(settings.version) {
        return Some(Action::Configure { version: settings.version });
    }
    let first = first?;
    if first.recheck == Recheck::Due {
        return None;
    }
    let Some(payload) = first.work.payload() else { return barrier(index, node, first) };
    let from = queue.progress;
    if payload.frames - from.frames > 1 && dice.chance(30) {
        let to = from.frames + 1 + dice.below((payload.frames - from.frames - 1) as usize) as u32;
        return Some(Action::Send(vec![Slice { task: first.uid, from, to: Some(to) }]));
    }
    let mut slices = vec![Slice { task: first.uid, from, to: None }];
    let apart = |uid| queue.goes_alone(uid);
    let joins = pending.take_while(|task| {
        let here = !index.units_of_part(task, node, Part::Counted).is_empty();
        let frames = task.work.payload().is_some_and(|payload| payload.frames > 0);
        here && frames
            && task.recheck == Recheck::No
            && first.work.joins(&task.work)
            && !apart(first.uid)
            && !apart(task.uid)
    });
    slices.extend(joins.take(dice.below(4)).map(|task| Slice {
        task: task.uid,
        from: Default::default(),
        to: None,
    }));
    Some(Action::Send(slices))
}

/// What is sent alone, unless it waits for other nodes.
fn barrier(index: &Index, node: &NodeId, task: &Task) -> Option<Action> {
    if task.is_on_trial() {
        return task.is_to_be_tried_on(node).then_some(Action::Try(task.uid));
    }
    let undecided = index.settings.change.as_ref().is_some_and(|change| change.task != task.uid);
    let blocked = undecided && matches!(task.work, Work::Settings { .. });
    (!blocked).then_some(Action::Alone(task.uid))
}

/// The look at documents that were accepted by settings which were rolled back.
pub(crate) fn look(state: &State, index: &Index, queue: &Queue, dice: &mut Dice) -> Option<QueueStep> {
    let task = queue.pending.get_min().and_then(|uid| state.tasks.get(uid))?;
    let due = task.recheck == Recheck::Due && queue.is_ready(index) && queue.lost.is_none();
    let error = dice.chance(40).then(crate::generate::error);
    due.then_some(QueueStep::Checked { task: task.uid, settings: index.settings.version, error })
}

/// A request that the node carried out; deletions took away one document where the node counts.
pub(crate) fn done() -> DispatchResult {
    DispatchResult::Done { node_task: Some(1), deleted: vec![1] }
}

pub(crate) fn finish(dispatch: &Dispatch, result: DispatchResult) -> QueueStep {
    QueueStep::Finish { number: dispatch.number, result, next: None }
}

/// The next step of a queue whose requests all succeed; none when there is nothing to do.
fn honest(state: &State, index: &Index, node: &NodeId, queue: &Queue, dice: &mut Dice) -> Option<QueueStep> {
    match &queue.dispatch {
        Some(open) if queue.renaming => Some(QueueStep::Fenced { number: open.number, arrived: false }),
        Some(open) => Some(finish(open, done())),
        None => {
            let start = |action| QueueStep::Start { action, node_task: None };
            let step = action(state, index, node, dice).map(start);
            step.or_else(|| look(state, index, queue, dice))
        }
    }
}

pub(crate) fn command(state: &State, index: PhysicalId, node: &NodeId, step: QueueStep) -> Command {
    let epoch = state.nodes[node].lane.epoch;
    Command::Lanes(vec![LaneStep { node: node.clone(), index, epoch, step }])
}

impl World {
    /// One honest step of one queue, which must be taken. `false` when there is nothing to do.
    pub(crate) fn step(&mut self, id: PhysicalId, node: &NodeId, dice: &mut Dice) -> bool {
        let state = self.state.clone();
        let Some(index) = state.indexes.get(&id) else { return false };
        let Some(queue) = index.queues.get(node) else { return false };
        let Some(step) = honest(&state, index, node, queue, dice) else { return false };
        self.must(command(&state, id, node, step));
        true
    }

    /// Every queue goes on until nothing is left to do.
    pub(crate) fn drain(&mut self, dice: &mut Dice) {
        let free = self.state.nodes.values().filter(|node| node.lane.owner.is_none());
        let free: Vec<NodeId> = free.map(|node| node.id.clone()).collect();
        free.iter().for_each(|node| {
            self.take(node, 1);
        });
        loop {
            let queues = queues(&self.state);
            let start = dice.below(queues.len().max(1));
            let mut order = queues.iter().cycle().skip(start).take(queues.len());
            let goes_on = order.any(|(id, node)| self.step(*id, node, dice) || self.lead(*id, node));
            if !self.state.showing.is_empty() {
                self.must(Command::Shown { version: self.state.version() });
            } else if !goes_on {
                return;
            }
        }
    }

    /// What a leader does for a copy when every node is there. `false` when there is nothing to do.
    pub(crate) fn lead(&mut self, id: PhysicalId, node: &NodeId) -> bool {
        let Some(index) = self.state.indexes.get(&id) else { return false };
        let Some(queue) = index.queues.get(node) else { return false };
        let change = match queue.hidden {
            Some(hidden) if (queue.lost.is_some() || index.gone) && queue.required => {
                CopyChange::Release { hidden }
            }
            Some(_) if index.gone => return false,
            Some(_) if queue.lost.is_none() && queue.returns_at.is_none() => CopyChange::Require,
            _ => return false,
        };
        self.apply(Command::Copy(CopyStep { index: id, node: node.clone(), change })) == Outcome::Done
    }

    /// One queue goes on until it has nothing to do.
    pub(crate) fn drain_queue(&mut self, id: PhysicalId, node: &NodeId) {
        let mut dice = Dice::from(0);
        while self.step(id, node, &mut dice) || self.lead(id, node) {}
    }
}

pub(crate) fn queues(state: &State) -> Vec<(PhysicalId, NodeId)> {
    let of_index = |index: &Index| {
        let id = index.id;
        index.queues.keys().map(move |node| (id, node.clone())).collect::<Vec<_>>()
    };
    state.indexes.values().flat_map(of_index).collect()
}
