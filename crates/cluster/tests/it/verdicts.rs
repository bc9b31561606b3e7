//! What nodes refuse of a task, and what becomes of the task and of their copies.

use miroir_cluster::{
    Action, Command, CopyChange, CopyStep, DispatchResult, EnqueueWork, Fault, Lost, Outcome, Part, Progress,
    QueueStep, Slice, State, StepRefused, WriteMode,
};
use miroir_model::{NodeId, PhysicalId, TaskUid, UnitSet};
use miroir_tasks::TaskStatus;

use crate::generate::error;
use crate::lane;
use crate::world::{Layout, World, documents, node_id};
use miroir_testkit::Dice;

/// Three shards, each on two of three nodes.
const THREE: Layout = Layout { nodes: 3, groups: 1, factor: 2, shards: 3 };
/// One shard on two nodes.
const PAIR: Layout = Layout { nodes: 2, groups: 1, factor: 2, shards: 1 };

fn refused() -> DispatchResult {
    DispatchResult::Refused { node_task: None, error: error() }
}

/// What a queue does next, done; `refuses` says which requests its node refuses, by the units that they go over. Whether
/// there was anything to do.
fn turn(
    world: &mut World,
    id: PhysicalId,
    node: &NodeId,
    refuses: &dyn Fn(&NodeId, TaskUid, UnitSet) -> bool,
) -> bool {
    let state = world.state.clone();
    let Some((index, queue)) =
        state.indexes.get(&id).and_then(|index| Some((index, index.queues.get(node)?)))
    else {
        return false;
    };
    let Some(open) = &queue.dispatch else { return world.step(id, node, &mut Dice::from(0)) };
    let of_task = |uid: &TaskUid| {
        let part = queue.progress.part;
        state.tasks.get(uid).is_some_and(|task| refuses(node, *uid, index.units_of_part(task, node, part)))
    };
    let result = match &open.action {
        Action::Send(_) | Action::Alone(_) if open.action.tasks().iter().any(of_task) => {
            match open.action.tasks().len() {
                1 => refused(),
                _ => DispatchResult::Apart { node_task: None },
            }
        }
        _ => lane::done(),
    };
    world.must(lane::command(&state, id, node, lane::finish(open, result)));
    true
}

fn drain(world: &mut World, id: PhysicalId, refuses: &dyn Fn(&NodeId, TaskUid, UnitSet) -> bool) {
    let nodes: Vec<NodeId> = world.state.nodes.keys().cloned().collect();
    while nodes.iter().any(|node| turn(world, id, node, refuses)) {}
}

fn lost(world: &World, id: PhysicalId) -> Vec<Option<Lost>> {
    world.state.indexes[&id].queues.values().map(|queue| queue.lost.clone()).collect()
}

fn copy(world: &mut World, id: PhysicalId, node: u32, change: CopyChange) {
    assert_eq!(
        world.apply(Command::Copy(CopyStep { index: id, node: node_id(node), change })),
        Outcome::Done
    );
}

/// Nobody waits for the copy any more.
fn leave(world: &mut World, id: PhysicalId, node: u32) {
    copy(world, id, node, CopyChange::Hide);
    let hidden = world.state.indexes[&id].queues[&node_id(node)].hidden.expect("it was hidden");
    copy(world, id, node, CopyChange::Release { hidden });
}

/// The nodes hold other shards too, and the node without the document took its part: none of the copies is wrong.
#[test]
fn only_the_shard_with_the_bad_document_goes_without_its_documents() {
    let (mut world, id) = World::with_index(THREE);
    let bad = world.state.indexes[&id].shards.shards()[1].clone();
    let task = world.enqueue("a", documents(WriteMode::Replace, UnitSet::ALL, 3), None);
    let good = world.enqueue("a", documents(WriteMode::Replace, UnitSet::ALL, 3), None);
    drain(&mut world, id, &|_, uid, units| uid == task && units.intersects(bad.range.units()));
    assert_eq!(lost(&world, id), [None, None, None], "whoever has the shard refused the same");
    assert_eq!(world.ended(task).status, TaskStatus::Failed);
    assert_eq!(world.ended(good).status, TaskStatus::Succeeded);
    world.model.check();
}

/// Else the next task would reach one shard before the other shards have the refused one.
#[test]
fn what_goes_shard_by_shard_is_joined_with_nothing() {
    let (mut world, id) = World::with_index(THREE);
    let node = node_id(0);
    let [bad, next] =
        [(); 2].map(|()| world.enqueue("a", documents(WriteMode::Replace, UnitSet::ALL, 3), None));
    let send = |state: &State, tasks: &[TaskUid]| {
        let from = |uid: &TaskUid| {
            if *uid == bad { state.indexes[&id].queues[&node].progress } else { Default::default() }
        };
        let slices = tasks.iter().map(|uid| Slice { task: *uid, from: from(uid), to: None }).collect();
        let start = QueueStep::Start { action: Action::Send(slices), node_task: None };
        lane::command(state, id, &node, start)
    };
    world.must(send(&world.state, &[bad]));
    let open = world.state.indexes[&id].queues[&node].dispatch.clone().expect("it was recorded");
    world.must(lane::command(&world.state, id, &node, lane::finish(&open, refused())));
    let part = world.state.indexes[&id].queues[&node].progress.part;
    assert!(matches!(part, Part::Shard { .. }), "it was refused as a whole: {part:?}");
    assert_eq!(world.apply(send(&world.state, &[bad, next])), Outcome::Lanes(vec![Err(StepRefused::Action)]));
    world.must(send(&world.state, &[bad]));
}

#[test]
fn a_copy_that_refuses_what_another_of_its_shard_took_is_the_wrong_one() {
    let (mut world, id) = World::with_index(THREE);
    let task = world.enqueue("a", documents(WriteMode::Replace, UnitSet::ALL, 3), None);
    drain(&mut world, id, &|node, uid, _| *node == node_id(1) && uid == task);
    assert_eq!(lost(&world, id), [None, Some(Lost::Disagrees(task)), None]);
    assert_eq!(world.ended(task).status, TaskStatus::Succeeded);
}

/// Of a large task the parts before the refused one stay, and other nodes cut it elsewhere.
#[test]
fn of_copies_that_took_more_or_less_before_they_refused_the_lesser_is_wrong() {
    let (mut world, id) = World::with_index(PAIR);
    let task = world.enqueue("a", documents(WriteMode::Replace, UnitSet::ALL, 4), None);
    for (node, taken) in [(0, 2), (1, 3)] {
        let slice = |from: u32, to| Slice { task, from: Progress { frames: from, ..Default::default() }, to };
        for (slice, result) in [(slice(0, Some(taken)), lane::done()), (slice(taken, None), refused())] {
            let start = QueueStep::Start { action: Action::Send(vec![slice]), node_task: None };
            world.must(lane::command(&world.state, id, &node_id(node), start));
            let open = world.state.indexes[&id].queues[&node_id(node)].dispatch.clone().expect("recorded");
            world.must(lane::command(&world.state, id, &node_id(node), lane::finish(&open, result)));
        }
    }
    assert_eq!(lost(&world, id), [Some(Lost::Disagrees(task)), None]);
    assert_eq!(world.ended(task).status, TaskStatus::Failed);
}

/// What was decided while a copy was away, it is held to when it is back: what was refused it is not asked, since settings
/// may be others by then.
#[test]
fn a_copy_that_comes_back_and_disagrees_with_what_was_decided_is_lost() {
    for (refuses_then, refuses_late) in [(true, false), (false, true), (true, true), (false, false)] {
        let (mut world, id) = World::with_index(PAIR);
        leave(&mut world, id, 1);
        let task = world.enqueue("a", documents(WriteMode::Replace, UnitSet::ALL, 2), None);
        let refuses = |node: &NodeId, uid, _| {
            uid == task && if *node == node_id(0) { refuses_then } else { refuses_late }
        };
        while turn(&mut world, id, &node_id(0), &refuses) {}
        let status = if refuses_then { TaskStatus::Failed } else { TaskStatus::Succeeded };
        assert_eq!(world.ended(task).status, status);
        copy(&mut world, id, 1, CopyChange::Require);
        drain(&mut world, id, &refuses);
        let wrong = (!refuses_then && refuses_late).then_some(Lost::Disagrees(task));
        assert_eq!(lost(&world, id), [None, wrong], "{refuses_then} {refuses_late}");
        assert_eq!(world.model.was_given(id, &node_id(1), task), !refuses_then && !refuses_late);
        world.model.check();
    }
}

/// What all have decided, a copy that comes later has to take. The last copy of a shard stays, and says what is wrong.
#[test]
fn a_copy_that_refuses_decided_settings_is_lost_unless_it_is_the_last() {
    for last in [false, true] {
        let (mut world, id) = World::with_index(PAIR);
        leave(&mut world, id, 1);
        let patch = crate::world::patch(r#"{"stopWords":["x"]}"#);
        let task = world.enqueue("a", EnqueueWork::Settings { patch }, None);
        world.drain_queue(id, &node_id(0));
        assert_eq!(world.ended(task).status, TaskStatus::Succeeded);
        copy(&mut world, id, 1, CopyChange::Require);
        if last {
            let by = miroir_model::PeerLife { peer: miroir_model::PeerId(1), boot: 1 };
            let proof = miroir_cluster::Proof::Older;
            world.must(Command::NodeProved { node: node_id(0), by, proof });
        }
        let version = world.state.indexes[&id].settings.version;
        let start = QueueStep::Start { action: Action::Configure { version }, node_task: None };
        world.must(lane::command(&world.state, id, &node_id(1), start));
        let open = world.state.indexes[&id].queues[&node_id(1)].dispatch.clone().expect("recorded");
        world.must(lane::command(&world.state, id, &node_id(1), lane::finish(&open, refused())));
        let queue = &world.state.indexes[&id].queues[&node_id(1)];
        assert_eq!((queue.lost.clone(), queue.fault.is_some()), ((!last).then_some(Lost::Settings), last));
    }
}

/// Nobody knows what a node would have said of a task that it went past, so it contradicts nobody.
#[test]
fn a_node_that_went_past_a_task_does_not_contradict_one_that_refused_it() {
    let (mut world, id) = World::with_index(PAIR);
    let stuck = world.enqueue("a", documents(WriteMode::Replace, UnitSet::ALL, 1), None);
    let filtered = world.enqueue("a", EnqueueWork::DeleteFilter { filter: "\"x = 1\"".to_owned() }, None);
    let clear = world.enqueue("a", EnqueueWork::DeleteAll, None);
    let fault = Some(Fault { text: "no space".to_owned() });
    world.must(lane::command(&world.state, id, &node_id(1), QueueStep::Fault { fault }));
    drain(&mut world, id, &|_, uid, _| uid == filtered);
    assert_eq!(lost(&world, id), [None, None]);
    let status = [stuck, filtered, clear].map(|task| world.ended(task).status);
    assert_eq!(status, [TaskStatus::Succeeded, TaskStatus::Failed, TaskStatus::Succeeded]);
}
