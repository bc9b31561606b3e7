//! Names that change, and tasks that are canceled.

use miroir_cluster::{
    Action, Command, Enqueue, EnqueueWork, Fault, NameChange, Outcome, QueueStep, Target, WriteMode,
};
use miroir_model::{IndexUid, PhysicalId, TaskUid, UnitSet};
use miroir_tasks::{TaskDetails, TaskStatus};

use crate::lane;
use crate::world::{Layout, TWO, World, documents, node_id, patch};
use miroir_testkit::Dice;

fn name(text: &str) -> IndexUid {
    text.parse().expect("a valid name")
}

impl World {
    fn ordered(&self, text: &str) -> Option<PhysicalId> {
        self.state.names.ordered.get(&name(text)).copied()
    }

    fn served(&self, text: &str) -> Option<PhysicalId> {
        self.state.names.served.get(&name(text)).copied()
    }

    /// A write without an index of its own.
    fn about(&mut self, changes: Vec<NameChange>, work: EnqueueWork) -> Enqueue {
        let enqueue = self.write("a", work, None);
        Enqueue { index_uid: None, target: Target::Names(changes), ..enqueue }
    }

    /// Two names change places.
    pub(crate) fn swap(&mut self, one: &str, other: &str) -> Enqueue {
        let (first, second) = (self.ordered(one), self.ordered(other));
        let change = |text, from, to| NameChange { name: name(text), from, to };
        self.about(vec![change(one, first, second), change(other, second, first)], EnqueueWork::Swap)
    }

    pub(crate) fn accept(&mut self, enqueue: Enqueue) -> TaskUid {
        match self.must(Command::Enqueue(Box::new(enqueue))) {
            Outcome::Enqueued { task, .. } => task,
            other => unreachable!("{other:?}"),
        }
    }

    pub(crate) fn cancel(&mut self, first: TaskUid, last: TaskUid) -> TaskUid {
        let enqueue = self.about(Vec::new(), EnqueueWork::Cancel { tasks: vec![(first, last)] });
        self.accept(enqueue)
    }

    fn canceled(&self, uid: TaskUid) -> u64 {
        match self.ended(uid).details {
            TaskDetails::Cancelation { canceled: Some(count), .. } => count,
            ref other => unreachable!("{other:?}"),
        }
    }

    /// A change of names for a history: mostly one that fits.
    pub(crate) fn names(&mut self, dice: &mut Dice) -> Command {
        let all = ["a", "b", "c", "d"];
        let at = dice.below(4);
        let (one, other) = (all[at], all[(at + 1 + dice.below(3)) % 4]);
        let mut enqueue = self.swap(one, other);
        if self.ordered(one).is_some() && self.ordered(other).is_none() && dice.chance(50) {
            enqueue.work = EnqueueWork::Rename;
            enqueue.index_uid = Some(name(one));
        }
        if let Target::Names(changes) = &mut enqueue.target {
            match dice.below(20) {
                0 => changes[0].from = Some(PhysicalId(7)),
                1 => changes[1].to = changes[0].to,
                2 => changes[1] = changes[0].clone(),
                3 => {
                    enqueue.work = crate::generate::refused(dice);
                    enqueue.index_uid = None;
                    changes.iter_mut().for_each(|change| change.to = change.from);
                }
                _ => {}
            }
        }
        Command::Enqueue(Box::new(enqueue))
    }

    /// A cancelation of some of the newest tasks.
    pub(crate) fn cancelation(&mut self, dice: &mut Dice) -> Command {
        let last = self.state.next_task.0.saturating_sub(dice.below(4) as u64);
        let first = last.saturating_sub(dice.below(12) as u64);
        let tasks = vec![(TaskUid(0), TaskUid(dice.below(3) as u64)), (TaskUid(first), TaskUid(last))];
        Command::Enqueue(Box::new(self.about(Vec::new(), EnqueueWork::Cancel { tasks })))
    }
}

/// "Load, then swap" without waiting: nobody sees a half-loaded index under the old name.
#[test]
fn a_swap_is_seen_when_all_that_was_ordered_before_is_done() {
    let mut world = World::new(TWO);
    world.enqueue("a", EnqueueWork::CreateIndex, Some("id"));
    world.drain(&mut Dice::from(1));
    let old = world.served("a");
    let load = world.enqueue("b", documents(WriteMode::Replace, UnitSet::ALL, 3), Some("id"));
    let swap = world.swap("a", "b");
    let swap = world.accept(swap);
    let after = world.enqueue("a", documents(WriteMode::Replace, UnitSet::ALL, 1), None);
    assert_eq!((world.ordered("b"), world.served("a"), world.served("b")), (old, old, None));
    let new = world.ordered("a");
    assert_eq!(world.state.tasks[&after].index, new, "the next task is for what the name will stand for");
    world.drain_queue(new.expect("it is ordered"), &node_id(0));
    assert_eq!(world.served("a"), old, "one node has not loaded it yet");
    world.drain(&mut Dice::from(1));
    assert_eq!((world.served("a"), world.served("b")), (new, old));
    let order: Vec<TaskUid> = world.finished.iter().map(|task| task.uid).collect();
    assert!(order.ends_with(&[load, swap, after]), "{order:?}");
}

/// A peer that is behind would answer from the index that had the name before.
#[test]
fn what_a_search_of_an_older_state_would_miss_is_not_done() {
    let mut world = World::new(TWO);
    for name in ["a", "b"] {
        world.enqueue(name, EnqueueWork::CreateIndex, Some("id"));
    }
    world.drain(&mut Dice::from(1));
    world.shows = false;
    let swap = world.swap("a", "b");
    let swap = world.accept(swap);
    let seen_since = world.state.version();
    assert!(!world.state.is_done(swap));
    world.must(Command::Shown { version: seen_since - 1 });
    assert!(!world.state.is_done(swap));
    world.must(Command::Shown { version: seen_since });
    assert!(world.state.is_done(swap));
    assert_eq!(world.ended(swap).status, TaskStatus::Succeeded);
}

#[test]
fn names_that_would_get_lost_or_double_are_refused() {
    let mut world = World::new(TWO);
    world.enqueue("a", EnqueueWork::CreateIndex, None);
    let id = world.ordered("a");
    let change = |text: &str, from, to| NameChange { name: name(text), from, to };
    for changes in [
        vec![change("a", id, None)],
        vec![change("b", None, id)],
        vec![change("a", id, id), change("b", None, id)],
        vec![change("a", id, None), change("a", id, id)],
        vec![change("a", None, id), change("b", id, None)],
    ] {
        let enqueue = world.about(changes.clone(), EnqueueWork::Swap);
        let outcome = world.apply(Command::Enqueue(Box::new(enqueue)));
        assert!(matches!(outcome, Outcome::Refused(_)), "{changes:?}: {outcome:?}");
        assert_eq!(world.ordered("a"), id);
    }
}

/// Half a task is never canceled: what one node may have is given to all.
#[test]
fn what_was_recorded_for_sending_is_not_canceled() {
    let mut world = World::new(TWO);
    world.enqueue("a", EnqueueWork::CreateIndex, Some("id"));
    world.drain(&mut Dice::from(1));
    let index = world.ordered("a").expect("it is there");
    let tasks: Vec<TaskUid> =
        (0..3).map(|_| world.enqueue("a", documents(WriteMode::Replace, UnitSet::ALL, 1), None)).collect();
    let mut dice = Dice::from(0);
    let action = lane::action(&world.state, &world.state.indexes[&index], &node_id(0), &mut dice);
    let action = action.filter(|action| action.tasks() == tasks[..1]).unwrap_or_else(|| {
        let slice = miroir_cluster::Slice { task: tasks[0], from: Default::default(), to: None };
        miroir_cluster::Action::Send(vec![slice])
    });
    let start = QueueStep::Start { action, node_task: None };
    world.must(lane::command(&world.state, index, &node_id(0), start));
    let by = world.cancel(TaskUid(0), TaskUid(99));
    assert_eq!(world.canceled(by), 2);
    world.drain(&mut Dice::from(3));
    assert_eq!(world.ended(tasks[0]).status, TaskStatus::Succeeded);
    for uid in &tasks[1..] {
        let task = world.ended(*uid);
        assert_eq!((task.status, task.canceled_by), (TaskStatus::Canceled, Some(by)));
        assert_eq!(task.details, TaskDetails::Addition { received: 1, indexed: Some(0) });
    }
    world.model.check();
}

#[test]
fn what_is_canceled_is_as_if_it_had_not_been_ordered() {
    let mut world = World::new(TWO);
    for name in ["a", "b"] {
        world.enqueue(name, EnqueueWork::CreateIndex, None);
    }
    world.drain(&mut Dice::from(1));
    let before = world.state.clone();
    // Holds everything up: nothing of what follows can be recorded for sending.
    let first = world.enqueue("a", documents(WriteMode::Replace, UnitSet::ALL, 1), Some("id"));
    world.enqueue("c", documents(WriteMode::Replace, UnitSet::ALL, 1), Some("id"));
    let swap = world.swap("a", "c");
    world.accept(swap);
    let stop_words = EnqueueWork::Settings { patch: patch(r#"{"stopWords":["x"]}"#) };
    world.enqueue("a", stop_words, None);
    world.enqueue("b", EnqueueWork::DeleteIndex, None);
    let last = world.state.next_task;
    let by = world.cancel(first, last);
    assert_eq!(world.canceled(by), 5);
    assert_eq!(world.state.names, before.names);
    let keys = |state: &miroir_cluster::State| -> Vec<_> {
        state.indexes.values().map(|index| (index.id, index.primary_key.clone(), index.deleting)).collect()
    };
    assert_eq!(keys(&world.state), keys(&before));
    assert!(world.state.tasks.is_empty() && world.state.chunks.is_empty());
    // The names are free, and the settings those of before.
    world.enqueue("c", EnqueueWork::CreateIndex, None);
    world.drain(&mut Dice::from(2));
    let a = &world.state.indexes[&world.served("a").expect("it is there")];
    assert_eq!(a.settings.served, before.indexes[&a.id].settings.served);
}

/// A later task was validated against the index that the first one creates: that one goes on.
#[test]
fn what_later_tasks_build_on_is_not_canceled() {
    let mut world = World::new(TWO);
    let creation = world.enqueue("a", EnqueueWork::CreateIndex, Some("id"));
    let load = world.enqueue("a", documents(WriteMode::Replace, UnitSet::ALL, 1), None);
    let by = world.cancel(creation, creation);
    assert_eq!(world.canceled(by), 0);
    world.drain(&mut Dice::from(1));
    assert_eq!(world.ended(creation).status, TaskStatus::Succeeded);
    assert_eq!(world.ended(load).status, TaskStatus::Succeeded);
}

/// A deletion that goes first leaves nothing to be sent of a change of settings before it: the change is decided, and only
/// waits for its turn to be served.
#[test]
fn settings_that_are_decided_are_not_canceled() {
    let mut world = World::new(Layout { nodes: 1, groups: 1, factor: 1, shards: 1 });
    world.shows = false;
    world.enqueue("a", EnqueueWork::CreateIndex, Some("id"));
    let index = world.ordered("a").expect("it is ordered");
    let node = node_id(0);
    assert!(
        world.step(index, &node, &mut Dice::from(0)) && world.step(index, &node, &mut Dice::from(0)),
        "created"
    );
    let stop_words = EnqueueWork::Settings { patch: patch(r#"{"stopWords":["x"]}"#) };
    let settings = world.enqueue("a", stop_words, None);
    let fault = Some(Fault { text: "no room".to_owned() });
    world.must(lane::command(&world.state, index, &node, QueueStep::Fault { fault }));
    let deletion = world.enqueue("a", EnqueueWork::DeleteIndex, None);
    let start = QueueStep::Start { action: Action::Count(deletion), node_task: None };
    world.must(lane::command(&world.state, index, &node, start));
    let dispatch = world.state.indexes[&index].queues[&node].dispatch.clone().expect("it is open");
    world.must(lane::command(&world.state, index, &node, lane::finish(&dispatch, lane::done())));
    assert!(world.state.tasks.contains_key(&settings), "it waits to be served");
    let by = world.cancel(settings, settings);
    assert_eq!(world.canceled(by), 0);
    world.drain(&mut Dice::from(1));
    assert_eq!(world.ended(settings).status, TaskStatus::Succeeded);
    world.model.check();
}
