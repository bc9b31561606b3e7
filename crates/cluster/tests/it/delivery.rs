//! Single requests of one queue: joined, refused, counted, and with an outcome that nobody knows.

use miroir_cluster::{
    Action, DispatchResult, EnqueueWork, Fault, Outcome, Queue, QueueStep, Slice, StepRefused, WriteMode,
};
use miroir_model::{Epoch, Generation, PhysicalId, TaskUid, UnitSet};
use miroir_tasks::{TaskDetails, TaskStatus};

use crate::generate::error;
use crate::lane;
use crate::world::{Layout, TWO, World, documents, node_id};
use miroir_testkit::Dice;

/// A step of the queue of the first node.
fn step(world: &mut World, id: PhysicalId, step: QueueStep) -> Result<(), StepRefused> {
    let outcome = world.apply(lane::command(&world.state, id, &node_id(0), step));
    let Outcome::Lanes(steps) = outcome else { unreachable!("{outcome:?} is not of lanes") };
    steps[0]
}

fn send(world: &mut World, id: PhysicalId, tasks: &[TaskUid]) -> Result<(), StepRefused> {
    let slices = tasks.iter().map(|task| Slice { task: *task, from: Default::default(), to: None }).collect();
    step(world, id, QueueStep::Start { action: Action::Send(slices), node_task: None })
}

fn end(world: &mut World, id: PhysicalId, result: DispatchResult) -> Result<(), StepRefused> {
    let number = queue(world, id).next_dispatch - 1;
    step(world, id, QueueStep::Finish { number, result, next: None })
}

fn queue(world: &World, id: PhysicalId) -> &Queue {
    &world.state.indexes[&id].queues[&node_id(0)]
}

fn write(world: &mut World) -> TaskUid {
    world.enqueue("a", documents(WriteMode::Replace, UnitSet::ALL, 2), None)
}

#[test]
fn what_failed_together_is_sent_again_alone() {
    let (mut world, id) = World::with_index(TWO);
    let tasks = [(); 4].map(|()| write(&mut world));
    let apart = || DispatchResult::Apart { node_task: None };
    let verdict = || DispatchResult::Refused { node_task: None, error: error() };
    send(&mut world, id, &tasks[..3]).expect("they may be joined");
    assert_eq!(end(&mut world, id, verdict()), Err(StepRefused::Action), "whose fault would it be?");
    end(&mut world, id, apart()).expect("it held several");
    assert_eq!(send(&mut world, id, &tasks[..2]), Err(StepRefused::Action));
    send(&mut world, id, &tasks[..1]).expect("the first alone");
    assert_eq!(end(&mut world, id, apart()), Err(StepRefused::Action), "it was alone");
    end(&mut world, id, verdict()).expect("a verdict");
    assert_eq!(send(&mut world, id, &tasks[1..3]), Err(StepRefused::Action));
    for task in &tasks[1..3] {
        send(&mut world, id, &[*task]).expect("each alone");
        end(&mut world, id, lane::done()).expect("the open one");
    }
    let behind = write(&mut world);
    send(&mut world, id, &[tasks[3], behind]).expect("joined again");
    world.drain(&mut Dice::from(0));
    let status = tasks.map(|task| world.ended(task).status);
    assert_eq!((status[0], &status[1..]), (TaskStatus::Failed, &[TaskStatus::Succeeded; 3][..]));
    assert_eq!(world.ended(tasks[0]).details, TaskDetails::Addition { received: 2, indexed: Some(0) });
}

/// A node that dies in the middle does a request again as a whole. Replacements may repeat together, in their order. An
/// addition that skips what is not there may not: it would find what another one behind it has brought.
#[test]
fn only_what_may_be_done_again_together_is_joined() {
    let (mut world, id) = World::with_index(TWO);
    let mut skipping = documents(WriteMode::Replace, UnitSet::ALL, 2);
    if let EnqueueWork::Documents { skip_creation, .. } = &mut skipping {
        *skip_creation = true;
    }
    let skipping = [(); 2].map(|()| world.enqueue("a", skipping.clone(), None));
    let plain = [(); 2].map(|()| write(&mut world));
    let update = world.enqueue("a", documents(WriteMode::Update, UnitSet::ALL, 2), None);
    let mut goes = |together: &[TaskUid], alone: &[TaskUid]| {
        assert_eq!(send(&mut world, id, together), Err(StepRefused::Action), "{together:?}");
        send(&mut world, id, alone).unwrap_or_else(|error| panic!("{alone:?}: {error:?}"));
        end(&mut world, id, lane::done()).expect("the open one");
    };
    goes(&skipping, &skipping[..1]);
    goes(&[skipping[1], plain[0]], &skipping[1..]);
    goes(&[plain[0], plain[1], update], &plain);
}

#[test]
fn nothing_is_skipped_repeated_or_sent_for_a_former_owner() {
    let (mut world, id) = World::with_index(TWO);
    let tasks = [(); 3].map(|()| write(&mut world));
    assert_eq!(send(&mut world, id, &tasks[1..]), Err(StepRefused::Action));
    assert_eq!(send(&mut world, id, &[tasks[0], tasks[2]]), Err(StepRefused::Action));
    send(&mut world, id, &tasks[..1]).expect("the head");
    assert_eq!(send(&mut world, id, &tasks[1..2]), Err(StepRefused::Dispatch), "one at a time");
    end(&mut world, id, lane::done()).expect("the open one");
    assert_eq!(end(&mut world, id, lane::done()), Err(StepRefused::Dispatch), "it has ended");
    assert_eq!(send(&mut world, id, &tasks[..1]), Err(StepRefused::Action), "it is done");
    let former = world.state.nodes[&node_id(0)].lane.epoch;
    let epoch = world.take(&node_id(0), 2);
    assert_eq!(epoch, Epoch(former.0 + 1));
    let action = Action::Send(vec![Slice { task: tasks[1], from: Default::default(), to: None }]);
    let mut command =
        lane::command(&world.state, id, &node_id(0), QueueStep::Start { action, node_task: None });
    if let miroir_cluster::Command::Lanes(steps) = &mut command {
        steps[0].epoch = former;
    }
    assert_eq!(world.apply(command), Outcome::Lanes(vec![Err(StepRefused::Epoch)]));
    send(&mut world, id, &tasks[1..2]).expect("the new owner's");
}

/// After a fence the request either has arrived, and stays open, or never will, and is recorded again under the next
/// name of the index.
#[test]
fn a_fence_settles_what_nobody_knows() {
    let (mut world, id) = World::with_index(TWO);
    let task = write(&mut world);
    for (arrived, generation) in [(false, 1), (true, 2)] {
        send(&mut world, id, &[task]).expect("the head");
        let number = queue(&world, id).next_dispatch - 1;
        let fenced = QueueStep::Fenced { number, arrived };
        assert_eq!(
            step(&mut world, id, fenced.clone()),
            Err(StepRefused::Dispatch),
            "recorded before it is asked"
        );
        for _ in 0..2 {
            step(&mut world, id, QueueStep::Fence { number }).expect("recording it again changes nothing");
        }
        assert_eq!(end(&mut world, id, lane::done()), Err(StepRefused::Dispatch), "the name is in between");
        assert_eq!(send(&mut world, id, &[task]), Err(StepRefused::Dispatch));
        step(&mut world, id, fenced).expect("the rename happened");
        assert_eq!(queue(&world, id).generation, Generation(generation));
        assert_eq!(queue(&world, id).dispatch.is_some(), arrived);
    }
    end(&mut world, id, lane::done()).expect("it arrived");
    assert!(queue(&world, id).pending.is_empty());
}

/// A creation cannot be fenced by a rename: its name is given up.
#[test]
fn an_unknown_creation_goes_on_under_the_next_name() {
    let mut world = World::new(TWO);
    world.enqueue("a", EnqueueWork::CreateIndex, None);
    let id = PhysicalId(0);
    let create = || QueueStep::Start { action: Action::Create, node_task: None };
    step(&mut world, id, create()).expect("it is not there");
    assert_eq!(step(&mut world, id, QueueStep::Fence { number: 0 }), Err(StepRefused::Dispatch));
    let fenced = |arrived| QueueStep::Fenced { number: 0, arrived };
    assert_eq!(step(&mut world, id, fenced(true)), Err(StepRefused::Dispatch));
    step(&mut world, id, fenced(false)).expect("the name is given up");
    step(&mut world, id, create()).expect("under the next");
    let open = queue(&world, id).dispatch.clone().expect("it was recorded");
    assert_eq!((open.number, open.generation), (1, Generation(1)));
}

/// Each copy deletes; of each shard only one counts. Here each node that counts anything says 10, each other 1,000.
#[test]
fn deletions_are_counted_once_for_each_shard() {
    let (mut world, id) = World::with_index(Layout { nodes: 3, groups: 1, factor: 2, shards: 6 });
    let works = [
        EnqueueWork::DeleteFilter { filter: "\"x = 1\"".to_owned() },
        crate::world::edit(),
        EnqueueWork::DeleteAll,
        EnqueueWork::DeleteIndex,
    ];
    let tasks = works.map(|work| world.enqueue("a", work, None));
    let counting: Vec<u64> =
        tasks.iter().map(|task| 10 * world.state.tasks[task].counts.len() as u64).collect();
    assert!(counting.iter().all(|sum| *sum == 20), "{counting:?}: the third node holds second copies only");
    loop {
        let state = world.state.clone();
        let queues = lane::queues(&state);
        let open = |(id, node): &&(_, _)| state.indexes[id].queues[node].dispatch.is_some();
        let Some((id, node)) = queues.iter().find(open).cloned() else {
            let mut queues = queues.iter();
            if queues.any(|(id, node)| world.step(*id, node, &mut Dice::from(0)) || world.lead(*id, node)) {
                continue;
            }
            break;
        };
        let (index, queue) = (&state.indexes[&id], &state.indexes[&id].queues[&node]);
        let open = queue.dispatch.as_ref().expect("it was found");
        let counts = |uid: &TaskUid| state.tasks[uid].counts.contains_key(&node);
        let counted =
            queue.progress.part == miroir_cluster::Part::Counted && open.action.tasks().iter().all(counts);
        assert!(!index.units_of(&node).is_empty());
        let deleted = vec![if counted { 10 } else { 1_000 }];
        let result = DispatchResult::Done { node_task: None, deleted };
        world.must(lane::command(&state, id, &node, lane::finish(open, result)));
    }
    assert!(!world.state.indexes.contains_key(&id));
    let deleted = tasks.map(|task| match &world.ended(task).details {
        TaskDetails::Deletion { deleted, .. } | TaskDetails::Clear { deleted } => *deleted,
        TaskDetails::Edition { edited, deleted, .. } => edited.filter(|_| edited == deleted),
        _ => None,
    });
    assert_eq!(deleted.to_vec(), counting.into_iter().map(Some).collect::<Vec<_>>());
    world.model.check();
}

#[test]
fn a_count_that_a_node_cannot_give_is_not_known() {
    let (mut world, id) = World::with_index(TWO);
    let task = world.enqueue("a", EnqueueWork::DeleteAll, None);
    step(&mut world, id, QueueStep::Start { action: Action::Alone(task), node_task: None })
        .expect("the head");
    end(&mut world, id, DispatchResult::Done { node_task: None, deleted: Vec::new() }).expect("it is open");
    world.drain(&mut Dice::from(0));
    assert_eq!(world.ended(task).details, TaskDetails::Clear { deleted: None });
}

/// What is sent past the head of a queue, and refused, leaves the head as far as it got.
#[test]
fn a_refusal_past_the_head_leaves_the_head_where_it_was() {
    let (mut world, id) = World::with_index(TWO);
    let head = write(&mut world);
    let clear = world.enqueue("a", EnqueueWork::DeleteAll, None);
    let half = Slice { task: head, from: Default::default(), to: Some(1) };
    step(&mut world, id, QueueStep::Start { action: Action::Send(vec![half]), node_task: None })
        .expect("a part of the head");
    end(&mut world, id, lane::done()).expect("the open one");
    let reached = queue(&world, id).progress;
    assert_ne!(reached, Default::default());
    let fault = Some(Fault { text: "full".to_owned() });
    step(&mut world, id, QueueStep::Fault { fault }).expect("it stops");
    step(&mut world, id, QueueStep::Start { action: Action::Alone(clear), node_task: None })
        .expect("past what stops the queue");
    end(&mut world, id, DispatchResult::Refused { node_task: None, error: error() }).expect("a verdict");
    assert_eq!(queue(&world, id).progress, reached);
}
