//! What every node must have been given, worked out from the accepted writes alone.

use std::collections::{BTreeMap, BTreeSet};

use miroir_cluster::{
    Action, Command, DispatchResult, Enqueue, EnqueueWork, Index, Outcome, Part, Queue, QueueStep, State,
    Task, Work,
};
use miroir_model::{NodeId, PhysicalId, TaskUid};
use miroir_tasks::TaskStatus;

type Place = (PhysicalId, NodeId);

/// One frame of one part of a task; of a task without frames, its only one.
type Item = (TaskUid, Part, u32);

#[derive(Default)]
pub(crate) struct Model {
    expected: BTreeMap<Place, Vec<Item>>,
    delivered: BTreeMap<Place, Vec<Item>>,
    /// The rest of these tasks may be missing: the node refused them, or nobody has to hear of them.
    optional: BTreeSet<(Place, TaskUid)>,
    failed: BTreeSet<TaskUid>,
}

impl Model {
    pub(crate) fn observe(&mut self, before: &State, command: &Command, outcome: &Outcome, after: &State) {
        self.lost(before, after);
        self.decided(before, after);
        match (command, outcome) {
            (Command::Enqueue(enqueue), Outcome::Enqueued { task, replayed: false, .. })
                if before.next_task == *task =>
            {
                self.accepted(enqueue, *task, before, after);
            }
            (Command::Lanes(steps), Outcome::Lanes(taken)) => {
                for (step, _) in steps.iter().zip(taken).filter(|(_, taken)| taken.is_ok()) {
                    let place = (step.index, step.node.clone());
                    match &step.step {
                        QueueStep::Finish { result, .. } => {
                            self.goes_shard_by_shard(&place, after);
                            self.ended(before, place, result);
                        }
                        QueueStep::Checked { task, error: Some(_), .. } => self.refused(before, *task),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }

    /// What did not pass when it was looked at again, no node is given.
    fn refused(&mut self, before: &State, uid: TaskUid) {
        let Some(task) = before.tasks.get(&uid) else { return };
        let index = task.index.unwrap_or_default();
        self.optional.extend(task.holders.iter().map(|node| ((index, node.clone()), uid)));
    }

    /// Of what is canceled, nobody has to hear.
    fn canceled(&mut self, before: &State, after: &State) {
        let open = before.tasks.values().filter(|task| task.status == TaskStatus::Enqueued);
        for task in open.filter(|task| !after.tasks.contains_key(&task.uid)) {
            let index = task.index.unwrap_or_default();
            self.optional.extend(task.holders.iter().map(|node| ((index, node.clone()), task.uid)));
        }
    }

    /// A task has ended with an error.
    pub(crate) fn fails(&mut self, uid: TaskUid) {
        self.failed.insert(uid);
    }

    /// What was refused, a copy that comes later need not be given. One that has it next is spared at once.
    fn decided(&mut self, before: &State, after: &State) {
        let refused = |task: &&Task| task.status.is_terminal() && !task.refusals.is_empty();
        let spared = |task: &&Task| self.failed.contains(&task.uid) && !after.tasks.contains_key(&task.uid);
        let tasks = after.tasks.values().filter(refused).chain(before.tasks.values().filter(spared));
        self.optional.extend(tasks.flat_map(|task| {
            let index = task.index.unwrap_or_default();
            task.holders.iter().map(move |node| ((index, node.clone()), task.uid))
        }));
    }

    /// What a lost copy was still to be given, it need not be.
    fn lost(&mut self, before: &State, after: &State) {
        for (id, index) in &after.indexes {
            let over = |queue: &Queue| queue.lost.is_some() || index.gone;
            for (node, queue) in index.queues.iter().filter(|(_, queue)| over(queue)) {
                let was = before.indexes.get(id).and_then(|index| index.queues.get(node));
                let pending = was.into_iter().chain([queue]).flat_map(|queue| queue.pending.iter());
                self.optional.extend(pending.map(|uid| ((*id, node.clone()), *uid)));
            }
        }
    }

    fn accepted(&mut self, enqueue: &Enqueue, uid: TaskUid, before: &State, after: &State) {
        if let EnqueueWork::Cancel { .. } = enqueue.work {
            return self.canceled(before, after);
        }
        let Some(uid_of_index) = &enqueue.index_uid else { return };
        let named = after.ordered(uid_of_index).or_else(|| before.ordered(uid_of_index));
        let Some(index) = named else { return };
        let (units, frames) = match &enqueue.work {
            EnqueueWork::Documents { units, payload, .. } | EnqueueWork::DeleteIds { units, payload } => {
                (*units, payload.frames)
            }
            EnqueueWork::Refused { .. } | EnqueueWork::CreateIndex | EnqueueWork::Rename => return,
            EnqueueWork::SetPrimaryKey => {
                let former = before.ordered(uid_of_index).and_then(|index| index.primary_key.clone());
                if former.is_none() || former == index.primary_key {
                    return;
                }
                (miroir_model::UnitSet::ALL, 1)
            }
            _ => (miroir_model::UnitSet::ALL, 1),
        };
        for (node, parts) in parts(index, &enqueue.work, units) {
            let lost = index.queues.get(&node).is_none_or(|queue| queue.lost.is_some());
            let place = (index.id, node);
            if lost {
                self.optional.insert((place.clone(), uid));
            }
            if let EnqueueWork::Settings { .. } = enqueue.work {
                self.optional.insert((place.clone(), uid));
            }
            let items = parts.into_iter().flat_map(|part| (0..frames).map(move |frame| (uid, part, frame)));
            self.expected.entry(place).or_default().extend(items);
        }
    }

    /// What a node refused together is delivered once more, each shard alone; the node may refuse those too.
    fn goes_shard_by_shard(&mut self, (id, node): &Place, after: &State) {
        let Some(index) = after.indexes.get(id) else { return };
        let Some(queue) = index.queues.get(node) else { return };
        let task = queue.pending.get_min().and_then(|uid| after.tasks.get(uid));
        let (Some(task), Part::Shard { from, .. }) = (task, queue.progress.part) else { return };
        let place = (*id, node.clone());
        let expected = self.expected.entry(place.clone()).or_default();
        let of_task = |item: &Item| item.0 == task.uid;
        if expected.iter().any(|item| of_task(item) && matches!(item.1, Part::Shard { .. })) {
            return;
        }
        let held = index.shards.shards().iter().filter(|shard| shard.copies.contains_key(node));
        let touched = held.filter(|shard| shard.range.units().intersects(task.units));
        let items = touched.flat_map(|shard| {
            let part = Part::Shard { shard: shard.id, from };
            (from..frames(task)).map(move |frame| (task.uid, part, frame))
        });
        let items: Vec<Item> = items.collect();
        let behind = expected.iter().rposition(of_task).map_or(0, |last| last + 1);
        expected.splice(behind..behind, items);
        self.optional.insert((place, task.uid));
    }

    fn ended(&mut self, before: &State, place: Place, result: &DispatchResult) {
        let queue = &before.indexes[&place.0].queues[&place.1];
        let action = &queue.dispatch.as_ref().expect("it was open").action;
        if let Action::Alone(last) | Action::Count(last) = action {
            // What they passed leaves no trace.
            let passed = queue.pending.iter().take_while(|uid| *uid <= last);
            self.optional.extend(passed.map(|uid| (place.clone(), *uid)));
        }
        match result {
            // No node carries it out.
            DispatchResult::Refused { .. } if matches!(action, Action::Try(_)) => {
                let tried = action.tasks();
                let places = self.expected.keys().filter(|(index, _)| *index == place.0).cloned();
                self.optional
                    .extend(places.flat_map(|place| tried.iter().map(move |uid| (place.clone(), *uid))));
            }
            DispatchResult::Refused { .. } => {
                self.optional.extend(action.tasks().into_iter().map(|uid| (place.clone(), uid)));
            }
            DispatchResult::Apart { .. } => {}
            DispatchResult::Done { .. } => {
                let part = self.part_of(&place, action, queue);
                let items = self.delivered.entry(place).or_default();
                match action {
                    Action::Create
                    | Action::Configure { .. }
                    | Action::Ahead(_)
                    | Action::Drop
                    | Action::Try(_) => {}
                    Action::Alone(uid) | Action::Count(uid) => items.push((*uid, part, 0)),
                    Action::Send(slices) => {
                        for slice in slices {
                            let frames = frames(&before.tasks[&slice.task]);
                            let run = slice.from.frames..slice.to.unwrap_or(frames);
                            items.extend(run.map(|frame| (slice.task, slice.from.part, frame)));
                        }
                    }
                }
            }
        }
    }

    /// The part that a barrier is in; one that passes others goes over all parts at once, and counts as its first.
    fn part_of(&self, place: &Place, action: &Action, queue: &Queue) -> Part {
        let first = |uid| self.expected.get(place)?.iter().find(|item| item.0 == uid).map(|item| item.1);
        match action {
            Action::Count(_) => Some(Part::Counted),
            Action::Alone(uid) if queue.pending.get_min() != Some(uid) => first(*uid),
            _ => None,
        }
        .unwrap_or(queue.progress.part)
    }

    /// Every node was given each frame that it must have, once, in the order of the tasks.
    pub(crate) fn check(&self) {
        for (place, expected) in &self.expected {
            let delivered = self.delivered.get(place).cloned().unwrap_or_default();
            let missing_is_right =
                |item: &&Item| delivered.contains(item) || !self.optional.contains(&(place.clone(), item.0));
            let expected: Vec<_> = expected.iter().filter(missing_is_right).copied().collect();
            assert_eq!(delivered, expected, "{place:?}");
        }
        let sent = self.delivered.iter().filter(|(_, items)| !items.is_empty());
        for (place, items) in sent {
            assert!(self.expected.contains_key(place), "{place:?} was given {items:?}");
        }
    }

    /// Whether a node carried out some of a task.
    pub(crate) fn was_given(&self, id: PhysicalId, node: &NodeId, uid: TaskUid) -> bool {
        let items = self.delivered.get(&(id, node.clone()));
        items.is_some_and(|items| items.iter().any(|item| item.0 == uid))
    }

    /// On how many nodes a settings task was carried out.
    pub(crate) fn carried_out(&self, uid: TaskUid) -> usize {
        self.delivered.values().flatten().filter(|item| item.0 == uid).count()
    }
}

fn frames(task: &Task) -> u32 {
    match &task.work {
        Work::Documents { payload, .. } | Work::DeleteIds { payload } => payload.frames,
        _ => 1,
    }
}

/// The parts that each node is to be given: a deletion of documents is counted by the first required copy of each
/// shard, and goes first over what the node counts, then over the rest.
fn parts(index: &Index, work: &EnqueueWork, units: miroir_model::UnitSet) -> Vec<(NodeId, Vec<Part>)> {
    let in_parts = matches!(
        work,
        EnqueueWork::DeleteIds { .. }
            | EnqueueWork::DeleteFilter { .. }
            | EnqueueWork::DeleteAll
            | EnqueueWork::Edit(_)
    );
    let mut of_node: BTreeMap<NodeId, BTreeSet<Part>> = BTreeMap::new();
    for shard in index.shards.shards().iter().filter(|shard| shard.range.units().intersects(units)) {
        let required = |node: &&NodeId| index.queues.get(*node).is_some_and(|queue| queue.required);
        let counter = shard.copies.keys().find(required);
        for node in shard.copies.keys() {
            let part = if in_parts && counter != Some(node) { Part::Rest } else { Part::Counted };
            of_node.entry(node.clone()).or_default().insert(part);
        }
    }
    of_node.into_iter().map(|(node, parts)| (node, parts.into_iter().collect())).collect()
}
