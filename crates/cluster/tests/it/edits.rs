//! Edits by function: tried on every node before any carries them out.

use miroir_cluster::{Action, DispatchResult, EnqueueWork, Outcome, QueueStep, State, StepRefused, Trial};
use miroir_model::{NodeId, PhysicalId, TaskUid};
use miroir_tasks::{TaskDetails, TaskStatus};
use miroir_testkit::Dice;

use crate::lane;
use crate::world::{Layout, TWO, World, edit, node_id};

fn start(action: Action) -> QueueStep {
    QueueStep::Start { action, node_task: None }
}

/// A step of a lane that may be refused.
fn step(world: &mut World, id: PhysicalId, node: &NodeId, step: QueueStep) -> Result<(), StepRefused> {
    let command = lane::command(&world.state, id, node, step);
    let outcome = world.apply(command);
    let Outcome::Lanes(mut steps) = outcome else { unreachable!("{outcome:?}") };
    steps.remove(0)
}

fn end(world: &mut World, id: PhysicalId, node: &NodeId, result: DispatchResult) {
    let open = world.state.indexes[&id].queues[node].dispatch.clone().expect("a request is open");
    step(world, id, node, lane::finish(&open, result)).expect("it is open");
}

fn refused() -> DispatchResult {
    DispatchResult::Refused { node_task: Some(9), error: crate::generate::error() }
}

/// An index at rest with an edit on its way.
fn edited(layout: Layout) -> (World, PhysicalId, TaskUid) {
    let mut world = World::new(layout);
    world.enqueue("a", EnqueueWork::CreateIndex, Some("id"));
    world.drain(&mut Dice::from(0));
    let id = world.state.ordered(&"a".parse().expect("a name")).expect("the index").id;
    let task = world.enqueue("a", edit(), None);
    (world, id, task)
}

fn next(state: &State, id: PhysicalId, node: &NodeId) -> Option<Action> {
    lane::action(state, &state.indexes[&id], node, &mut Dice::from(0))
}

#[test]
fn no_node_carries_out_what_another_has_not_tried() {
    let (mut world, id, task) = edited(TWO);
    let nodes = [node_id(0), node_id(1)];
    for node in &nodes {
        assert_eq!(step(&mut world, id, node, start(Action::Alone(task))), Err(StepRefused::Action));
        step(&mut world, id, node, start(Action::Try(task))).expect("it is the head");
    }
    end(&mut world, id, &nodes[0], lane::done());
    assert_eq!(next(&world.state, id, &nodes[0]), None, "the other node has not tried it");
    assert_eq!(step(&mut world, id, &nodes[0], start(Action::Alone(task))), Err(StepRefused::Action));
    assert_eq!(step(&mut world, id, &nodes[0], start(Action::Try(task))), Err(StepRefused::Action));
    end(&mut world, id, &nodes[1], lane::done());
    for node in &nodes {
        assert_eq!(next(&world.state, id, node), Some(Action::Alone(task)));
    }
    world.drain(&mut Dice::from(0));
    let record = world.ended(task).clone();
    assert_eq!(record.status, TaskStatus::Succeeded);
    // Two nodes, one document each: trials are not counted.
    assert!(
        matches!(record.details, TaskDetails::Edition { edited: Some(2), deleted: Some(2), .. }),
        "{record:?}"
    );
    world.model.check();
}

#[test]
fn what_fails_its_trial_on_one_node_is_carried_out_on_none() {
    let (mut world, id, task) = edited(TWO);
    let nodes = [node_id(0), node_id(1)];
    for node in &nodes {
        step(&mut world, id, node, start(Action::Try(task))).expect("it is the head");
    }
    end(&mut world, id, &nodes[1], refused());
    assert_eq!(world.state.tasks[&task].trial, Trial::Failed);
    end(&mut world, id, &nodes[0], lane::done());
    let record = world.ended(task).clone();
    assert_eq!(record.status, TaskStatus::Failed);
    assert_eq!(record.error, Some(crate::generate::error()));
    assert!(
        matches!(record.details, TaskDetails::Edition { edited: Some(0), deleted: None, .. }),
        "{record:?}"
    );
    world.drain(&mut Dice::from(0));
    assert_eq!(world.model.carried_out(task), 0);
    world.model.check();
}

/// A node that holds all documents fails as a whole: it needs no trial.
#[test]
fn one_shard_needs_no_trial() {
    let (world, id, task) = edited(Layout { nodes: 2, groups: 1, factor: 2, shards: 1 });
    assert_eq!(world.state.tasks[&task].trial, Trial::None);
    for node in [node_id(0), node_id(1)] {
        assert_eq!(next(&world.state, id, &node), Some(Action::Alone(task)));
    }
}
